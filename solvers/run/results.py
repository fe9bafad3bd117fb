"""``indices.json``: what a complete cycle says about the caps and the wall."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.files import INDICES
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import RunSpec
from solvers.indices.caps import cap_indices
from solvers.indices.extensions import in_extension
from solvers.indices.wall import osi, rrt, tawss, weighted_percentiles
from solvers.run.frames import EXTENSION, OSI, RRT, TAWSS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SCHEMA_VERSION = 1
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


def wall_fields(
    spec: RunSpec, mesh: MeshArrays, wall_vertices: IntArray, vector: FloatArray, magnitude: FloatArray, duration: float
) -> dict[str, FloatArray]:
    """Static arrays (w,) of the wall: TAWSS, OSI, RRT, and 1 where the wall belongs to a flow extension."""
    mean = tawss(magnitude, duration)
    oscillation = osi(vector, magnitude)
    points = mesh.points[wall_vertices]
    extension = np.zeros(len(points), dtype=bool)
    for cap in spec.caps:
        if cap.extension_start is not None:
            corner = mesh.points[mesh.facets[mesh.facet_patch == cap.patch_id]]
            area = 0.5 * np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
            center = np.average(corner.mean(axis=1), axis=0, weights=area)
            radius = float(np.sqrt(area.sum() / np.pi))
            extension |= in_extension(points, np.array(cap.extension_start), center, radius)
    residence = rrt(oscillation, mean)
    return {
        TAWSS: mean,
        OSI: oscillation,
        RRT: np.minimum(residence, np.finfo(np.float32).max),
        EXTENSION: extension.astype(float),
    }


def write_indices(
    run_dir: Path,
    spec: RunSpec,
    cycle: int,
    waveforms: FloatArray,
    periodicity_error: float | None,
    mass_imbalance: float,
    splitting_imbalance: float,
    energy: dict[str, float],
    wall: dict[str, FloatArray],
    wall_area: FloatArray,
    tuning: dict[str, Any] | None,
    sections: dict[str, Any] | None = None,
) -> None:
    """Write the indices of a cycle.

    Parameters
    ----------
    waveforms : (steps, 2, n_caps)
        Flow out of the vessel and pressure.
    energy
        Means over the cycle, see :class:`solvers.run.energy_history.EnergyHistory`.
    wall, wall_area : (w,)
        Fields of the wall's vertices and the area [m2] that each stands for; extensions are left out.
    tuning
        What the outlets were tuned to and what the cycle reached, see :class:`solvers.run.outlet_tuning.OutletTuner`.
    sections
        Means over the cycle on sections, see :class:`solvers.run.section_history.SectionHistory`.
    """
    caps = cap_indices(waveforms[:, 0], waveforms[:, 1], spec.n_inlets)
    anatomy = wall[EXTENSION] == 0.0
    if not anatomy.any():
        anatomy[:] = True
    area, percent = wall_area[anatomy], np.array(PERCENTILES, dtype=float)
    statistics: dict[str, Any] = {"area_m2": float(area.sum())}
    for name in (TAWSS, OSI, RRT):
        values = wall[name][anatomy]
        found = weighted_percentiles(values, area, percent)
        statistics[name] = {
            "mean": float(np.average(values, weights=area)),
            "min": float(values.min()),
            "max": float(values.max()),
            **{f"p{p}": float(value) for p, value in zip(PERCENTILES, found, strict=True)},
        }
    limit = spec.time.limit
    content = {
        "schema_version": SCHEMA_VERSION,
        "cycle": cycle,
        "mode": spec.time.mode,
        "periodicity_error": periodicity_error,
        "is_periodic": None if limit is None or periodicity_error is None else periodicity_error <= limit,
        "mass_imbalance": mass_imbalance,
        "splitting_imbalance": splitting_imbalance,
        "energy": energy,
        "units": {"flow": "m3/s", "pressure": "Pa", "stress": "Pa", "rrt": "1/Pa"},
        "caps": {
            cap.name: {"kind": "inlet" if index < spec.n_inlets else "outlet", **_finite(asdict(caps[index]))}
            for index, cap in enumerate(spec.caps)
        },
        "wall": statistics,
        "tuning": tuning,
        "sections": sections,
    }
    write_bytes_atomically(run_dir / INDICES, json.dumps(content, indent=1, allow_nan=False).encode())


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
