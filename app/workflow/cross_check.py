"""A finished 3D run against 1D and 0D models of the same vessels and conditions: where they differ, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.cross_check_causes import Causes
from app.workflow.cross_check_result import CrossCheck, Curve, Difference, Model, ModelId, QuantityId, VesselCheck
from app.workflow.flow_setup import ReducedCase, reduced_case_in
from app.workflow.measured_places import Measured, measured_places
from app.workflow.parameters import build, declared
from app.workflow.stenosis_law import law_notes
from app.workflow.units import M_PER_MM, ml_s_from_m3_s, mmhg_from_pa
from imaging.types import FloatArray, IntArray, Progress, silent

if TYPE_CHECKING:
    from solvers.network.along import Track
    from solvers.network.stiffness import Stiffness

STIFF_M_S, STIFFEST_M_S = 30.0, 200.0
"""Pulse wave speed of the 1D model that is compared with rigid walls in 3D, at least and at most. Faster is slower to
solve."""
STIFF_SHARE = 0.02
"""The walls of that model may take up this part of a beat: where they would take more at the least speed (little flow
through wide vessels), it is faster. An assumption."""
MAX_CYCLES = 20
STEPS = 512
SCATTER = (
    "Pfaller et al. 2022, Int. J. Numer. Meth. Biomed. Eng. 38:e3639: 0D and 1D models of 72 patients' vessels differ "
    "from rigid 3D by 1 to 10 % at their outlets"
)
CUFF = "largest mean error that ISO 81060-2 allows of a cuff"


@dataclass(frozen=True)
class Parameters:
    """What is compared, and how much may differ."""

    flow_limit_percent: float = declared(
        10.0,
        help="Largest difference of a flow's mean, peak or curve (of the vessel's own; at least 1 % of the inflow)",
        unit="%",
        minimum=0.1,
        maximum=100.0,
        source=SCATTER,
    )
    pressure_limit_mmhg: float = declared(
        5.0,
        help="Largest difference of a mean or pulse pressure",
        unit="mmHg",
        minimum=0.1,
        maximum=100.0,
        source=CUFF,
    )
    drop_limit_percent: float = declared(
        25.0,
        help="Largest difference of the pressure drop along a vessel (at least 1 mmHg)",
        unit="%",
        minimum=1.0,
        maximum=500.0,
        source="assumption",
    )
    spacing_mm: float = declared(
        2.0, help="Length of a cell of the 1D models", unit="mm", minimum=0.1, maximum=20.0, source="assumption"
    )


LEAST_FLOW = 0.01
LEAST_DROP_MMHG = 1.0


def cross_check(
    opened: OpenCase,
    run_id: str = "",
    given: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> CrossCheck:
    """Compare a case's finished run with its 1D and 0D models; see :func:`cross_check_in`."""
    return cross_check_in(opened.folder, opened.case, run_id, given, limits, progress, is_cancelled)


def cross_check_in(
    bundle: Path,
    case: Case,
    run_id: str = "",
    given: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> CrossCheck:
    """Compare a finished run with 1D and 0D models of the same vessels and conditions.

    Walls in 3D are rigid, so limits hold for 0D with rigid and 1D with stiff walls. A 1D model with the walls that the
    case's reduced models have is shown beside them: how it differs is what rigid walls leave out.

    Parameters
    ----------
    run_id
        Of the run; the current one if not given.
    given, limits
        Values of `app.workflow.flow_setup.ReducedParameters` and of `Parameters`.

    Raises
    ------
    CaseError, RunError
        ``step_missing``, ``run_missing``, ``bad_run``, ``run_not_finished``, ``one_inlet``, and what a 0D model
        refuses. What only the 1D models refuse is said in the notes.
    """
    record = case.current("run")
    if record is None:
        raise CaseError("step_missing", "There is no 3D run to compare with yet: run Simulate first.")
    run = run_id or record.id
    reduced = reduced_case_in(bundle, case, given, run)
    folder = next((bundle / one.files["spec"].path).parent for one in case.records if one.id == run)
    return compare(reduced, measured_places(folder, reduced), build(Parameters, limits or {}), progress, is_cancelled)


def compare(
    reduced: ReducedCase,
    measured: Measured,
    chosen: Parameters,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> CrossCheck:
    """What was measured in 3D beside the reduced models of a case."""
    models: list[Model] = [Model("3d", "3D, rigid walls", True)]
    tracks: dict[ModelId, dict[str, Track]] = {}
    notes = [*measured.notes, *law_notes(reduced.laws, reduced.patient.tree)]
    progress(0.05, "Solving in 0D")
    started = time.perf_counter()
    tracks["0d"], settled = _lumped(reduced, measured.is_steady)
    models.append(Model("0d", "0D, rigid walls", True, time.perf_counter() - started))
    walls, stiff = reduced.setup.stiffness, stiff_walls(reduced, measured)
    kinds: list[tuple[ModelId, str, bool, Any, float]] = [
        (
            "1d",
            f"1D, stiff walls ({stiff.wave_speed:.0f} m/s)",
            True,
            stiff,
            0.1,
        )
    ]
    if walls.kind != "rigid" and not measured.is_steady:
        kinds.append(("1d_elastic", "1D, elastic walls", False, walls, 0.7))
    for model, label, is_alike, stiffness, at in kinds:
        from solvers.contract.errors import RunError

        started = time.perf_counter()
        progress(at, f"Solving in {label}")
        try:
            tracks[model] = _in_one_d(settled, stiffness, chosen, measured.is_steady, is_cancelled, notes, label)
        except RunError as error:
            if error.code == "cancelled":
                raise
            notes.append(f"{label} is not compared: {error}")
            continue
        models.append(Model(model, label, is_alike, time.perf_counter() - started))
    progress(0.95, "Comparing")
    causes = Causes(reduced, measured, tracks)
    vessels = tuple(
        _checked(reduced, measured, name, models, tracks, chosen, causes) for name in reduced.patient.tree.names
    )
    lost = [vessel.name for vessel in vessels if not vessel.curves]
    if lost:
        notes.append(f"Not compared, because the run wrote nothing there: {', '.join(lost)}.")
    best = "1d" if "1d" in tracks else "0d"
    alarms = [d for vessel in vessels for d in vessel.differences if d.is_alarm and d.model == best]
    named = [cause for difference in alarms for cause in difference.causes[:1]]
    told = sorted(dict.fromkeys(named), key=named.count, reverse=True)
    progress(1.0, "Compared")
    return CrossCheck(
        measured.run,
        measured.is_steady,
        reduced.setup.period,
        tuple(measured.times.tolist()),
        tuple(models),
        vessels,
        _limits(chosen),
        tuple(dict.fromkeys([*causes.of_the_list, *told])),
        tuple(notes),
    )


def stiff_walls(reduced: ReducedCase, measured: Measured) -> Stiffness:
    """Walls of the 1D model that stand for rigid ones: they take up at most ``STIFF_SHARE`` of the run's beat."""
    from solvers.network.stiffness import Stiffness

    least = Stiffness("wave_speed", STIFF_M_S)
    if measured.is_steady:
        return least
    taken = sum(
        least.compliance(shape.arc_length, shape.radius, reduced.setup.fluid.density)
        * max((float(np.ptp(place.pressure)) for place in measured.places[shape.name]), default=0.0)
        for shape in reduced.patient.tree.vessels
    )
    beat = max(abs(measured.mean_inflow) * reduced.setup.period, 1e-300)
    speed = STIFF_M_S * float(np.sqrt(taken / (STIFF_SHARE * beat)))  # compliance falls with the square of the speed
    return replace(least, wave_speed=float(np.clip(speed, STIFF_M_S, STIFFEST_M_S)))


def _lumped(reduced: ReducedCase, is_steady: bool) -> tuple[dict[str, Track], ReducedCase]:
    """The 0D model's beat, and the case with what its Windkessels hold at the start of it."""
    from solvers.contract.openings import RcrOutlet
    from solvers.network.along import lumped_tracks
    from solvers.network.zero_d.build import RIGID, Options
    from solvers.network.zero_d.build import build as built
    from solvers.network.zero_d.solve import Beat, periodic, samples_of, steady

    setup, chosen, tree = reduced.setup, reduced.chosen, reduced.patient.tree
    junctions: Any = chosen.junctions
    options = Options(junctions, chosen.junction_loss, chosen.law)
    network = built(tree, setup.closing(), setup.fluid, RIGID, options)
    if is_steady:
        one = steady(samples_of(network, setup.entering()))
        beat = Beat(one.names, setup.period, one.flow, one.flow, one.pressure_in, one.pressure_out, 1)
    else:
        beat = periodic(network, setup.entering(), STEPS)
    outlets = []
    for outlet in setup.outlets:
        k, condition = beat.names.index(outlet.vessel), outlet.condition
        if isinstance(condition, RcrOutlet):
            held = float(beat.pressure_out[-1, k] - condition.r_proximal * beat.flow_out[-1, k])
            condition = replace(condition, p_initial=held)
        outlets.append(replace(outlet, condition=condition))
    settled = replace(reduced, setup=replace(setup, outlets=tuple(outlets)))
    return lumped_tracks(network, tree, beat, setup.fluid), settled


def _in_one_d(
    reduced: ReducedCase,
    stiffness: Any,
    chosen: Parameters,
    is_steady: bool,
    is_cancelled: Callable[[], bool],
    notes: list[str],
    label: str,
) -> dict[str, Track]:
    from app.workflow.network import network_of_case
    from solvers.contract.openings import RcrOutlet
    from solvers.network.along import one_d_tracks
    from solvers.network.one_d.solver import Scheme, solve_network

    case = replace(reduced, setup=replace(reduced.setup, stiffness=stiffness))
    held = [c.p_initial for c in case.setup.closing().values() if isinstance(c, RcrOutlet)]
    start = float(np.mean(held)) if len(held) == len(case.setup.outlets) else None
    scheme = Scheme(spacing=chosen.spacing_mm * M_PER_MM, max_cycles=MAX_CYCLES, start_pressure=start)
    found = solve_network(network_of_case(case), scheme, is_cancelled=is_cancelled)
    if not found.is_periodic:
        notes.append(f"{label}: not yet periodic after {found.cycles} beats.")
    tracks = one_d_tracks(reduced.patient.tree, found, reduced.setup.fluid.density)
    if not is_steady:
        return tracks
    return {
        name: replace(track, times=track.times[-1:], flow=track.flow[-1:], pressure=track.pressure[-1:])
        for name, track in tracks.items()
    }


def _checked(
    reduced: ReducedCase,
    measured: Measured,
    name: str,
    models: list[Model],
    tracks: dict[ModelId, dict[str, Track]],
    chosen: Parameters,
    causes: Causes,
) -> VesselCheck:
    vessel = reduced.patient.tree.vessel(name)
    outlet = next((outlet.name for outlet in reduced.setup.outlets if outlet.vessel == name), "")
    places = measured.places.get(name, ())
    if not places:
        points = reduced.patient.points_m[name] / M_PER_MM
        x, y, z = points[len(points) // 2].tolist()
        return VesselCheck(name, vessel.branch, outlet, (x, y, z), (), (), None)
    middle = min(places, key=lambda place: (place.is_cap, abs(place.along - 0.5 * vessel.length)))
    times, period = measured.times, reduced.setup.period
    seen: dict[ModelId, tuple[FloatArray, FloatArray]] = {"3d": (middle.flow, middle.pressure)}
    drops: dict[ModelId, float] = {"3d": float(np.mean(places[0].pressure - places[-1].pressure))}
    for model, of in tracks.items():
        seen[model] = of[name].at(middle.along, times, period, middle.radius)
        ends = [of[name].at(place.along, times, period, place.radius)[1] for place in (places[0], places[-1])]
        drops[model] = float(np.mean(ends[0] - ends[1]))
    curves = tuple(
        Curve(
            model,
            tuple(ml_s_from_m3_s(float(value)) for value in flow),
            tuple(mmhg_from_pa(float(value)) for value in pressure),
        )
        for model, (flow, pressure) in seen.items()
    )
    found: list[Difference] = []
    for one in models[1:]:
        numbers = _numbers(*seen[one.id], *seen["3d"])
        if len(places) > 1:
            numbers["drop"] = (mmhg_from_pa(drops[one.id]), mmhg_from_pa(drops["3d"]))
        if measured.is_steady:
            numbers = {q: pair for q, pair in numbers.items() if q in ("mean_flow", "mean_pressure", "drop")}
        for quantity, (mine, theirs) in numbers.items():
            limit = _limit(quantity, theirs, measured, seen["3d"][0], chosen)
            made = Difference(quantity, one.id, theirs, mine, mine - theirs, limit if one.is_alike else None)
            if made.is_alarm or (not one.is_alike and abs(made.difference) > limit):
                made = replace(made, causes=causes.of(name, made))
            found.append(made)
    shown: ModelId = "1d" if "1d" in tracks else "0d"
    return VesselCheck(
        name,
        vessel.branch,
        outlet,
        middle.position_mm,
        curves,
        tuple(found),
        mmhg_from_pa(float(np.mean(seen[shown][1] - middle.pressure))),
    )


def _numbers(
    flow: FloatArray, pressure: FloatArray, flow_3d: FloatArray, pressure_3d: FloatArray
) -> dict[QuantityId, tuple[float, float]]:
    """(model's, 3D's) in the quantities' units."""
    largest = max(float(np.abs(flow_3d).max()), 1e-300)
    rms = 100.0 * float(np.sqrt(np.mean((flow - flow_3d) ** 2))) / largest
    return {
        "mean_flow": (ml_s_from_m3_s(float(flow.mean())), ml_s_from_m3_s(float(flow_3d.mean()))),
        "peak_flow": (ml_s_from_m3_s(float(flow.max())), ml_s_from_m3_s(float(flow_3d.max()))),
        "flow_curve": (rms, 0.0),
        "mean_pressure": (mmhg_from_pa(float(pressure.mean())), mmhg_from_pa(float(pressure_3d.mean()))),
        "pulse": (mmhg_from_pa(float(np.ptp(pressure))), mmhg_from_pa(float(np.ptp(pressure_3d)))),
    }


def _limit(quantity: QuantityId, in_3d: float, measured: Measured, flow: FloatArray, chosen: Parameters) -> float:
    if quantity in ("mean_flow", "peak_flow"):
        least = LEAST_FLOW * ml_s_from_m3_s(abs(measured.mean_inflow))
        return max(0.01 * chosen.flow_limit_percent * abs(in_3d), least)
    if quantity == "flow_curve":
        largest = float(np.abs(flow).max())
        return max(chosen.flow_limit_percent, 100.0 * LEAST_FLOW * abs(measured.mean_inflow) / max(largest, 1e-300))
    if quantity == "drop":
        return max(0.01 * chosen.drop_limit_percent * abs(in_3d), LEAST_DROP_MMHG)
    return chosen.pressure_limit_mmhg


def _limits(chosen: Parameters) -> tuple[tuple[str, str, str], ...]:
    of_flow = f"{chosen.flow_limit_percent:g} % of the vessel's, at least {100 * LEAST_FLOW:g} % of the inflow"
    return (
        ("mean flow, peak flow, flow curve", of_flow, SCATTER),
        ("mean pressure, pulse", f"{chosen.pressure_limit_mmhg:g} mmHg", CUFF),
        (
            "pressure drop",
            f"{chosen.drop_limit_percent:g} % of the 3D run's, at least {LEAST_DROP_MMHG:g} mmHg",
            "assumption",
        ),
    )


def pressure_on_points(check: CrossCheck, indices: Mapping[str, IntArray], n_points: int) -> FloatArray:
    """(n_points,) of a centerline tree: how much higher [mmHg] the reduced model's mean pressure is than the 3D run's
    in the vessel of each point; NaN where that is not known.

    Parameters
    ----------
    indices
        Points of each vessel, as :class:`app.workflow.patient_tree.PatientTree` has them.
    """
    values = np.full(n_points, np.nan)
    for vessel in check.vessels:
        if vessel.pressure_difference_mmhg is not None:
            values[indices[vessel.name]] = vessel.pressure_difference_mmhg
    return values
