"""Step 6: what the finished run says, in the units that people see."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.cross_check_result import CrossCheck, write_cross_check
from app.workflow.flow_fields import FlowFields, seed_points
from app.workflow.parameters import declared
from app.workflow.result_files import (
    BranchProfile,
    CapWaveform,
    Quantity,
    ResultData,
    Streamlines,
    WallField,
    write_result,
)
from app.workflow.section_places import along_the_vessels, section_averages
from app.workflow.steps import Outcome, Request
from app.workflow.units import M3_PER_ML, M_PER_MM, PA_PER_MMHG
from imaging.types import FloatArray, Progress, VesselModel
from solvers.contract.errors import RunError
from solvers.contract.files import FIELDS, INDICES, WALL
from solvers.contract.scalars import flow_column, pressure_column, read_scalars
from solvers.contract.spec import RunSpec, read_spec
from solvers.contract.state import read_state

TAWSS = Quantity(
    "tawss_pa", "Time-averaged wall shear stress", "Pa", "mean over the beat of the magnitude of the wall shear stress"
)
STEADY_STRESS = Quantity(
    TAWSS.id, "Wall shear stress", "Pa", "tangential viscous traction of the steady flow on the wall"
)
STEADY_PRESSURE = Quantity("pressure_mean_mmhg", "Pressure", "mmHg", "of the blood at the wall")
OSI = Quantity(
    "osi", "Oscillatory shear index", "1", "(1 - |mean wall shear stress vector| / TAWSS) / 2, from 0 to 0.5"
)
RRT = Quantity("rrt_1_pa", "Relative residence time", "1/Pa", "1 / ((1 - 2 OSI) TAWSS)")
WSS = Quantity("wss_pa", "Wall shear stress", "Pa", "tangential viscous traction of the blood on the wall")
PRESSURE = Quantity("pressure_mmhg", "Pressure", "mmHg", "of the blood at the wall")
PRESSURE_MEAN = Quantity(
    "pressure_mean_mmhg", "Mean pressure", "mmHg", "mean over the beat of the pressure at the wall"
)

PRESSURE_1D = Quantity(
    "pressure_1d_less_3d_mmhg",
    "Mean pressure, 1D less 3D",
    "mmHg",
    "in the middle of each vessel, by the 1D model with stiff walls (0D where there is none) less the 3D run",
)


@dataclass(frozen=True)
class Parameters:
    """What is computed for the screen."""

    n_streamlines: int = declared(120, help="Streamlines in each picture", unit="1", minimum=0, maximum=2000)
    cross_check: bool = declared(True, help="Compare the run with 1D and 0D models of the same conditions")


@dataclass(frozen=True, eq=False)
class _Cycle:
    """Waveforms of the caps over the run's last whole beat; flows are positive into an inlet and out of an outlet."""

    times_s: FloatArray
    flow_ml_s: FloatArray
    pressure_mmhg: FloatArray


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Turn the run's fields into wall quantities, streamlines, curves along the vessels, and numbers."""
    from imaging.surface.surface_io import read_model

    folder = request.path("run", "spec").parent
    spec = read_spec(folder)
    require_finished(folder)
    model = read_model(request.path("model", "surface").parent)
    indices = json.loads((folder / INDICES).read_text(encoding="utf-8"))
    progress(0.0, "Reading the fields")
    fields = FlowFields(folder / FIELDS)
    wall = FlowFields(folder / WALL)
    cycle = _last_cycle(folder, spec, indices["cycle"])
    pressure, stress = _over_frames(wall, fields, lambda fraction: progress(0.3 * fraction, "Reading the wall"))
    streamlines = _streamlines(
        fields, request.parameters.n_streamlines, lambda fraction: progress(0.3 + 0.5 * fraction, "Drawing streamlines")
    )
    progress(0.8, "Following the vessels")
    profiles = _profiles(model, fields, cycle)
    progress(0.85, "Comparing with 1D and 0D models")
    check, points, facts_of_check = _cross_check(request, model)
    data = ResultData(
        times_s=tuple(fields.times_s),
        period_s=spec.time.period,
        wall_points_mm=(wall.points / M_PER_MM).astype(np.float32),
        wall_triangles=wall.cells.astype(np.int32),
        wall_is_anatomy=wall.array("in_extension", 0) < 0.5,
        wall_fields={
            field.quantity.id: field
            for field in (
                *_wall_fields(wall, pressure, stress, spec.time.is_steady),
                *_compared(points, model, wall.points / M_PER_MM),
            )
        },
        streamlines=streamlines,
        waveform_times_s=tuple(cycle.times_s.tolist()),
        waveforms=tuple(
            CapWaveform(
                cap.name,
                "inlet" if number < spec.n_inlets else "outlet",
                tuple(cycle.flow_ml_s[:, number].tolist()),
                tuple(cycle.pressure_mmhg[:, number].tolist()),
            )
            for number, cap in enumerate(spec.caps)
        ),
        profiles=profiles,
        is_steady=spec.time.is_steady,
    )
    files = write_result(data, out)
    if check is not None:
        files["cross_check"] = write_cross_check(check, out)
    progress(1.0, "Results finished")
    return Outcome("Results", files, _facts(folder, spec, indices, profiles, request) | facts_of_check)


def _cross_check(request: Request, model: VesselModel) -> tuple[CrossCheck | None, FloatArray, dict[str, Any]]:
    """The cross-check; how much higher the reduced model's pressure is [mmHg] at each point of the centerlines (n,),
    and what is remembered. A case whose reduced models cannot be made has results without it, and says why.
    """
    from app.workflow.cross_check import cross_check_in, pressure_on_points
    from app.workflow.patient_tree import patient_tree

    nowhere = np.full(len(model.centerlines.points), np.nan)
    if not request.parameters.cross_check:
        return None, nowhere, {}
    try:
        check = cross_check_in(request.bundle, request.case)
    except (CaseError, RunError) as error:
        return None, nowhere, {"cross_check": {"not_made": str(error)}}
    facts = {"n_alarms": len(check.alarms), "causes": list(check.causes), "notes": list(check.notes)}
    indices = patient_tree(model.centerlines).indices
    return check, pressure_on_points(check, indices, len(nowhere)), {"cross_check": facts}


def _compared(points: FloatArray, model: VesselModel, wall_mm: FloatArray) -> tuple[WallField, ...]:
    """The cross-check's difference of pressure on the wall, that of the nearest vessel for which it is known."""
    from scipy.spatial import cKDTree

    known = np.flatnonzero(np.isfinite(points))
    if not len(known):
        return ()
    _, nearest = cKDTree(model.centerlines.points[known]).query(wall_mm)
    return (WallField(PRESSURE_1D, points[known][nearest].astype(np.float32)),)


def _wall_fields(
    wall: FlowFields, pressure: NDArray[np.float32], stress: NDArray[np.float32], is_steady: bool
) -> tuple[WallField, ...]:
    """What is shown on the wall; a steady flow has neither frames nor oscillation."""
    if is_steady:
        return (
            WallField(STEADY_STRESS, wall.array("tawss_Pa", 0)),
            WallField(STEADY_PRESSURE, pressure.mean(axis=0)),
        )
    return (
        WallField(TAWSS, wall.array("tawss_Pa", 0)),
        WallField(OSI, wall.array("osi", 0)),
        WallField(RRT, wall.array("rrt_per_Pa", 0)),
        WallField(PRESSURE_MEAN, pressure.mean(axis=0)),
        WallField(PRESSURE, pressure),
        WallField(WSS, stress),
    )


def require_finished(folder: Path) -> None:
    """Refuse a run whose last beat is not complete or not periodic, in the run's own words.

    Raises
    ------
    CaseError
        ``run_not_finished``.
    """
    state = read_state(folder)
    if state is None or state.status in ("created", "queued"):
        raise CaseError("run_not_finished", "The run was prepared but never started: start it in Simulate.")
    if state.status != "finished":
        why = f": {state.message}" if state.message else "."
        raise CaseError("run_not_finished", f"The run is {state.status}, so there are no results yet{why}")


def _last_cycle(folder: Path, spec: RunSpec, cycle: int) -> _Cycle:
    columns = read_scalars(folder)
    inside = columns["cycle"] == cycle
    flow = np.column_stack([columns[flow_column(cap.name)][inside] for cap in spec.caps]) / M3_PER_ML
    pressure = np.column_stack([columns[pressure_column(cap.name)][inside] for cap in spec.caps]) / PA_PER_MMHG
    return _Cycle(columns["phase"][inside], flow, pressure)


def _over_frames(
    wall: FlowFields, fields: FlowFields, progress: Callable[[float], None]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pressure [mmHg] and magnitude of the shear stress [Pa] on the wall's vertices, (n_frames, n) each."""
    at_wall = fields.vertices_at(wall.points)
    n_frames = len(fields.times_s)
    pressure = np.empty((n_frames, len(wall.points)), dtype=np.float32)
    stress = np.empty_like(pressure)
    for frame in range(n_frames):
        pressure[frame] = fields.array("pressure_Pa", frame)[at_wall] / PA_PER_MMHG
        stress[frame] = np.linalg.norm(wall.array("wss_Pa", frame), axis=1)
        progress((frame + 1) / n_frames)
    return pressure, stress


def _streamlines(fields: FlowFields, n_lines: int, progress: Callable[[float], None]) -> Streamlines:
    lines = []
    seeds = seed_points(fields, n_lines)
    for frame in range(len(fields.times_s)):
        lines += [(frame, *line) for line in fields.streamlines(frame, seeds)] if n_lines else []
        progress((frame + 1) / len(fields.times_s))
    lengths = [len(points) for _, points, _ in lines]
    return Streamlines(
        points_mm=np.concatenate([points for _, points, _ in lines]).astype(np.float32) / np.float32(M_PER_MM)
        if lines
        else np.empty((0, 3), dtype=np.float32),
        speed_m_s=np.concatenate([speed for *_, speed in lines]).astype(np.float32)
        if lines
        else np.empty(0, dtype=np.float32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        frame=np.array([frame for frame, *_ in lines], dtype=np.int32),
    )


def _profiles(model: VesselModel, fields: FlowFields, cycle: _Cycle) -> tuple[BranchProfile, ...]:
    tree = model.centerlines
    at = fields.interpolator(tree.points * M_PER_MM)
    pressure = np.array([at("pressure_Pa", frame) for frame in range(len(fields.times_s))]) / PA_PER_MMHG
    peak_time = cycle.times_s[int(cycle.flow_ml_s[:, 0].argmax())]
    peak_frame = int(np.abs(np.asarray(fields.times_s) - peak_time).argmin())
    profiles = []
    for branch in tree.branches:
        indices = np.array(branch.indices)
        step = np.linalg.norm(np.diff(tree.points[indices], axis=0), axis=1)
        known = np.isfinite(pressure[:, indices]).all(axis=0)
        profiles.append(
            BranchProfile(
                name=branch.name,
                abscissa_mm=tuple(np.concatenate([[0.0], np.cumsum(step)])[known].tolist()),
                points_mm=tuple((float(x), float(y), float(z)) for x, y, z in tree.points[indices[known]]),
                radius_mm=tuple(tree.radius_mm[indices[known]].tolist()),
                pressure_mean_mmhg=tuple(pressure[:, indices[known]].mean(axis=0).tolist()),
                pressure_peak_flow_mmhg=tuple(pressure[peak_frame, indices[known]].tolist()),
            )
        )
    return tuple(profiles)


def _facts(
    folder: Path, spec: RunSpec, indices: dict[str, Any], profiles: tuple[BranchProfile, ...], request: Request
) -> dict[str, Any]:
    caps = indices["caps"]
    outlets = {name: cap for name, cap in caps.items() if cap["kind"] == "outlet"}
    inlet = caps[spec.caps[0].name]
    stress, osi = indices["wall"]["tawss_Pa"], indices["wall"]["osi"]
    state = read_state(folder)
    assert state is not None

    def mmhg(pascal: float) -> float:
        return round(pascal / PA_PER_MMHG, 2)

    is_steady = spec.time.is_steady
    of_pulse = {
        "pressure_drop_peak_flow_mmhg": {name: mmhg(cap["pressure_drop_peak"]) for name, cap in outlets.items()},
        "peak_inflow_ml_s": round(inlet["peak_flow"] / M3_PER_ML, 1),
        "osi_max": round(osi["max"], 4),
        "osi_p99": round(osi["p99"], 4),
    }
    return {
        "flow": "steady" if is_steady else "pulsatile",
        "pressure_drop_mmhg": {name: mmhg(cap["pressure_drop"]) for name, cap in outlets.items()},
        "flow_split": {name: round(cap["flow_fraction"], 4) for name, cap in outlets.items()},
        "mean_flow_ml_s": {name: round(cap["mean_flow"] / M3_PER_ML, 2) for name, cap in caps.items()},
        "pressures_mmhg": {
            name: {
                kind: mmhg(cap[f"{kind}_pressure"])
                for kind in (("mean",) if is_steady else ("systolic", "diastolic", "mean"))
            }
            for name, cap in caps.items()
        },
        "tawss_pa": {name: round(stress[name], 4) for name in ("mean", "p1", "p50", "p99", "max")},
        **({} if is_steady else of_pulse),
        "tuning": _tuning(indices["tuning"]) if indices.get("tuning") else None,
        **along_the_vessels(section_averages(folder)),
        "run": {
            "status": state.status,
            "n_ranks": state.n_ranks,
            "n_cycles": indices["cycle"] + 1,
            "periodicity_error": indices["periodicity_error"],
            "mass_imbalance_rel": indices["mass_imbalance"],
            "splitting_imbalance_rel": indices["splitting_imbalance"],
            "wall_s": _wall_seconds(folder),
            "dt_ms": round(1e3 * spec.time.dt, 4),
        },
    }


def _tuning(tuning: dict[str, Any]) -> dict[str, Any]:
    """What the outlets were tuned to, what the last beat reached, and the Windkessels it was solved with."""

    def pressures(of: dict[str, Any]) -> dict[str, float]:
        return {name: round(of[f"{name}_Pa"] / PA_PER_MMHG, 2) for name in ("systolic", "diastolic")}

    return {
        "site": tuning["site"],
        "rounds": tuning["rounds"],
        "is_met": tuning["is_met"],
        "target_mmhg": pressures(tuning["target"]),
        "reached_mmhg": pressures(tuning["reached"]),
        "windkessels": {
            name: {
                "r_proximal_mmhg_s_ml": outlet["r_proximal"] * M3_PER_ML / PA_PER_MMHG,
                "c_ml_mmhg": outlet["c"] * PA_PER_MMHG / M3_PER_ML,
                "r_distal_mmhg_s_ml": outlet["r_distal"] * M3_PER_ML / PA_PER_MMHG,
            }
            for name, outlet in tuning["outlets"].items()
        },
    }


def _wall_seconds(folder: Path) -> float:
    from solvers.contract.events import read_events

    finished = [event for event in read_events(folder) if event["type"] == "finished"]
    return round(float(finished[-1]["wall_seconds"]), 1) if finished else float("nan")
