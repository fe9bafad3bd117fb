"""What a result holds for the screen and the report, in the units that people see, and how it lies on disk."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Quantity:
    """A quantity on the wall or along lines: its id, its name and unit for people, and where its definition is from."""

    id: str
    label: str
    unit: str
    definition: str


@dataclass(frozen=True, eq=False)
class WallField:
    """A quantity on the wall's vertices: (n_points,) over the cycle, or (n_frames, n_points) at its frames."""

    quantity: Quantity
    values: Float32Array

    @property
    def is_temporal(self) -> bool:
        """Whether the values change over the cycle."""
        return self.values.ndim == 2


@dataclass(frozen=True, eq=False)
class Streamlines:
    """Instantaneous streamlines of each frame.

    ``points_mm`` (n, 3) LPS and ``speed_m_s`` (n,) are those of all lines; line ``i`` is the slice
    ``offsets[i]:offsets[i + 1]`` and belongs to frame ``frame[i]``.
    """

    points_mm: Float32Array
    speed_m_s: Float32Array
    offsets: NDArray[np.int32]
    frame: NDArray[np.int32]


@dataclass(frozen=True)
class CapWaveform:
    """Flow into (inlet) or out of (outlet) a cap and its mean pressure at the result's waveform times."""

    name: str
    kind: str
    flow_ml_s: tuple[float, ...]
    pressure_mmhg: tuple[float, ...]


@dataclass(frozen=True)
class BranchProfile:
    """What is known along a branch's centerline, from its start: position, inscribed radius, pressure as the
    mean over the beat and at the instant of the largest inflow."""

    name: str
    abscissa_mm: tuple[float, ...]
    points_mm: tuple[tuple[float, float, float], ...]
    radius_mm: tuple[float, ...]
    pressure_mean_mmhg: tuple[float, ...]
    pressure_peak_flow_mmhg: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ResultData:
    """The fields and curves of one periodic cycle, or of a steady flow.

    Attributes
    ----------
    times_s : (n_frames,)
        Time of each frame from the start of the cycle.
    period_s
        Length of the cycle; in steady flow the time that fills the vessel once.
    wall_points_mm : (n, 3)
        Vertices of the wall in LPS.
    wall_triangles : (m, 3)
        The wall, outward.
    wall_is_anatomy : (n,) bool
        False on flow extensions, which count in no index.
    wall_fields
        Quantities on the wall by id.
    waveform_times_s
        Times of the waveforms.
    """

    times_s: tuple[float, ...]
    period_s: float
    wall_points_mm: Float32Array
    wall_triangles: NDArray[np.int32]
    wall_is_anatomy: NDArray[np.bool_]
    wall_fields: Mapping[str, WallField]
    streamlines: Streamlines
    waveform_times_s: tuple[float, ...]
    waveforms: tuple[CapWaveform, ...]
    profiles: tuple[BranchProfile, ...]
    is_steady: bool = False


def write_result(data: ResultData, folder: Path) -> dict[str, Path]:
    """Write ``arrays.npz`` and ``curves.json`` into a folder; returns them by name for the record."""
    arrays: dict[str, Any] = {
        "wall_points_mm": data.wall_points_mm,
        "wall_triangles": data.wall_triangles,
        "wall_is_anatomy": data.wall_is_anatomy,
        **{f"line_{field.name}": getattr(data.streamlines, field.name) for field in dataclasses.fields(Streamlines)},
        **{f"field_{field.quantity.id}": field.values for field in data.wall_fields.values()},
    }
    curves = {
        "schema_version": SCHEMA_VERSION,
        "times_s": data.times_s,
        "period_s": data.period_s,
        "is_steady": data.is_steady,
        "quantities": [dataclasses.asdict(field.quantity) for field in data.wall_fields.values()],
        "waveform_times_s": data.waveform_times_s,
        "waveforms": [dataclasses.asdict(waveform) for waveform in data.waveforms],
        "profiles": [dataclasses.asdict(profile) for profile in data.profiles],
    }
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "curves.json").write_text(json.dumps(curves), encoding="utf-8")
    return {"arrays": folder / "arrays.npz", "curves": folder / "curves.json"}


def read_result(arrays_path: Path, curves_path: Path) -> ResultData:
    """Read what `write_result` wrote."""
    curves = json.loads(curves_path.read_text(encoding="utf-8"))
    with np.load(arrays_path, allow_pickle=False) as arrays:
        quantities = [Quantity(**quantity) for quantity in curves["quantities"]]
        lines = {field.name: arrays[f"line_{field.name}"] for field in dataclasses.fields(Streamlines)}
        return ResultData(
            times_s=tuple(curves["times_s"]),
            period_s=curves["period_s"],
            wall_points_mm=arrays["wall_points_mm"],
            wall_triangles=arrays["wall_triangles"],
            wall_is_anatomy=arrays["wall_is_anatomy"],
            wall_fields={q.id: WallField(q, arrays[f"field_{q.id}"]) for q in quantities},
            streamlines=Streamlines(**lines),
            waveform_times_s=tuple(curves["waveform_times_s"]),
            waveforms=tuple(CapWaveform(**_tuples(waveform)) for waveform in curves["waveforms"]),
            profiles=tuple(BranchProfile(**_tuples(profile)) for profile in curves["profiles"]),
            is_steady=curves.get("is_steady", False),
        )


def _tuples(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(tuple(item) if isinstance(item, list) else item for item in value)
        if isinstance(value, list)
        else value
        for name, value in stored.items()
    }
