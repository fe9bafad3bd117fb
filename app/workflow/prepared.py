"""The conditions of a case's flow, for its 0D, 1D and 3D models alike: what enters, what closes each outlet, blood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.blood import blood_of
from app.workflow.boundary_files import OutletBlock, mean_pressure_pa, pressure_note
from app.workflow.conditions import inflow_of_file, outlet_of, outlets_of_files
from app.workflow.coronary import CoronaryDrive, coronary_drive
from app.workflow.further_inlets import DrivenInlet, Openings, driven_inlets, whole_inflow
from app.workflow.inflow_library import curve_of_mean, mean_inflow_of
from app.workflow.patient import PatientValues, patient_values
from app.workflow.steady import is_steady
from app.workflow.units import M_PER_MM, pa_from_mmhg
from app.workflow.vessel_paths import VesselPath, paths_to
from imaging.types import FloatArray, Patch, VesselModel
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Outlet, Waveform

if TYPE_CHECKING:
    from app.workflow.simulate import Parameters
    from solvers.contract.spec import Tuning
    from solvers.network.tree import Segment
    from solvers.network.tuning import TunedNetwork

CUFF_SITES = ("subclavian", "brachiocephalic", "brachial")
"""A cuff measures the pressure behind the first outlet that has one of these in its name, else that at the inlet."""
PRESSURE_TOLERANCE_MMHG = 2.0
SHARE_TOLERANCE = 0.02
"""How near a beat must come to the patient's pressures and to the wished shares, or the outlets are tuned anew."""
FIRST_GUESS_TOLERANCE = 0.2
"""Pressures and shares that the vessel as its radii let expect it misses by more than this are refused."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What drives the flow and what stands in for the rest of the body.

    Attributes
    ----------
    inlets, inflow, period
        The flow into each inlet, and into all together [m3/s], over a beat [s].
    outlets, shares
        What closes each outlet, in the order given, and the share of the flow wished there (n,).
    pressure_site
        Opening at which the patient's pressures shall hold.
    tuning
        What the 3D run tunes its outlets to, if it does.
    blocks
        What files said of the outlets, if they did.
    """

    inlets: tuple[DrivenInlet, ...]
    inflow: Waveform
    period: float
    outlets: tuple[Outlet, ...]
    shares: FloatArray
    fluid: Fluid
    pressure_site: str
    tuning: Tuning | None
    blocks: tuple[OutletBlock, ...]
    notes: tuple[str, ...]


def prepared_conditions(case: Case, model: VesselModel, openings: Openings, chosen: Parameters) -> Prepared:
    """The conditions of a case's flow.

    Raises
    ------
    CaseError, RunError
        For files that cannot be read and pressures that cannot be reached.
    """
    from solvers.contract.spec import Tuning
    from solvers.network.tree import Terminal
    from solvers.network.waveform import PeriodicCurve

    values, outlets, first = patient_values(case.patient), openings.outlets, openings.inlets[0]
    mean_m3_s = mean_inflow_of(chosen.inflow_shape, values, chosen.inlet_share)
    drive = _coronary_inflow(chosen, values, mean_m3_s)
    measured = inflow_of_file(chosen, first)
    if measured is None:
        times, flow = curve_of_mean(chosen.inflow_shape, values, mean_m3_s)
        inflow, period = Waveform(tuple(times.tolist()), tuple(flow.tolist())), 60.0 / values.heart_rate_bpm
    else:
        inflow, period = Waveform(measured.times_s, measured.flow_m3_s), measured.period_s
    driven = driven_inlets(openings, chosen, inflow, period)
    inflow = whole_inflow(driven, period)
    notes = list(measured.notes) if measured is not None else []
    blocks = outlets_of_files(chosen, outlets)
    paths = paths_to(model.centerlines, outlets)
    shares = _flow_shares(outlets, paths, chosen.main_share, chosen.split_exponent)
    given = [None if number == int(np.argmax(shares)) else float(share) for number, share in enumerate(shares)]
    site = cuff_site(first.name, outlets)
    cuff = next((number for number, outlet in enumerate(outlets) if outlet.name == site), None)
    if blocks:
        terminals: Sequence[Any] = blocks
        notes.append(pressure_note(mean_pressure_pa(blocks, PeriodicCurve(inflow, period).mean)))
        initial = _settled_pressures(model, paths, blocks, inflow, period, values)
    elif drive is not None and chosen.outlet_model == "coronary":
        terminals = [Terminal(0.0, drive.compliance * share, drive.resistance / share) for share in shares]
        initial = [float(drive.pressure_pa[0])] * len(terminals)
    else:
        tuned = _tuned_outlets(model, paths, shares, inflow, period, case, cuff)
        terminals, initial = tuned.terminals, [float(pressure) for pressure in tuned.p_initial]
    if is_steady(chosen):
        driven = tuple(
            replace(inlet, flow=Waveform.constant(PeriodicCurve(inlet.flow, period).mean)) for inlet in driven
        )
        inflow = whole_inflow(driven, period)
    is_tuned = not blocks and chosen.outlet_model == "windkessel" and not is_steady(chosen)
    return Prepared(
        driven,
        inflow,
        period,
        tuple(
            outlet_of(outlet, terminal, start, share, in_meters(model, outlet.id), chosen, values)
            for outlet, terminal, start, share in zip(outlets, terminals, initial, given, strict=True)
        ),
        shares,
        blood_of(case.patient, chosen.rheology),
        site,
        Tuning(
            site,
            tuple(shares.tolist()),
            pa_from_mmhg(values.systolic_mmhg),
            pa_from_mmhg(values.diastolic_mmhg),
            pa_from_mmhg(PRESSURE_TOLERANCE_MMHG),
            SHARE_TOLERANCE,
        )
        if is_tuned
        else None,
        blocks,
        tuple(note for note in notes if note),
    )


def _flow_shares(
    outlets: tuple[Patch, ...], paths: tuple[VesselPath, ...], main_share: float, exponent: float
) -> FloatArray:
    """Share of the inflow for each outlet (n,), summing to 1.

    Parameters
    ----------
    main_share
        Of the outlet at the end of the vessel that begins at the inlet, 0 to treat it like the others.
    exponent
        Of the radius, by which the others share the rest.
    """
    weight: FloatArray = np.array([outlet.radius_mm**exponent for outlet in outlets])
    main = [number for number, path in enumerate(paths) if path.is_main]
    if main_share > 0.0 and len(main) == 1 and len(outlets) > 1:
        weight[main[0]] = 0.0
        weight *= (1.0 - main_share) / weight.sum()
        weight[main[0]] = main_share
    return np.asarray(weight / weight.sum())


def cuff_site(inlet: str, outlets: tuple[Patch, ...]) -> str:
    """The opening whose pressure a cuff measures."""
    return next(
        (outlet.name for part in CUFF_SITES for outlet in outlets if part in outlet.name.lower()),
        inlet,
    )


def _tuned_outlets(
    model: VesselModel,
    paths: tuple[VesselPath, ...],
    shares: FloatArray,
    inflow: Waveform,
    period: float,
    case: Case,
    site: int | None,
) -> TunedNetwork:
    """Windkessels that meet the patient's pressures behind a vessel as its radii let expect it.

    The run tunes them anew when it has seen the vessel itself.
    """
    from solvers.network.tuning import PressureTarget, require_met, tune
    from solvers.network.waveform import PeriodicCurve

    values = patient_values(case.patient)
    if values.systolic_mmhg <= values.diastolic_mmhg:
        raise CaseError(
            "bad_pressures", "The systolic pressure must be above the diastolic: correct the patient's values."
        )
    target = PressureTarget(pa_from_mmhg(values.systolic_mmhg), pa_from_mmhg(values.diastolic_mmhg), site)

    trunk, branches = _lumped_vessel(model, paths, values)
    network = tune(PeriodicCurve(inflow, period), period, shares, target, branches, trunk)
    return require_met(network, target, FIRST_GUESS_TOLERANCE)


def _lumped_vessel(
    model: VesselModel, paths: tuple[VesselPath, ...], values: PatientValues
) -> tuple[Segment, tuple[Segment, ...]]:
    """The vessel as its radii let expect it: a trunk that all ways share, and the rest of the way to each outlet."""
    from solvers.network.tree import Segment

    def segment(path: VesselPath, start: int, stop: int) -> Segment:
        part = slice(start, max(stop, start + 2))
        radius = model.centerlines.radius_mm[path.indices[part]] * M_PER_MM
        length = path.abscissa_mm[part] * M_PER_MM
        return Segment.of_vessel(length, radius, values.blood_density_kg_m3, values.blood_viscosity_mpa_s * 1e-3)

    shared = min(path.own_start for path in paths) if len(paths) > 1 else 0
    trunk = segment(paths[0], 0, shared) if shared else Segment()
    return trunk, tuple(segment(path, shared, len(path.indices)) for path in paths)


def _settled_pressures(
    model: VesselModel,
    paths: tuple[VesselPath, ...],
    blocks: Sequence[OutletBlock],
    inflow: Waveform,
    period: float,
    values: PatientValues,
) -> list[float]:
    """Pressure [Pa] over each outlet's compliance at the start of a beat when the lumped vessel has settled.

    From there a run needs the fewest beats (``angiotwin verify start``).
    """
    from solvers.network.tree import Terminal, periodic_state
    from solvers.network.waveform import PeriodicCurve

    trunk, branches = _lumped_vessel(model, paths, values)
    terminals = [
        Terminal(block.r_proximal, block.c, block.r_distal, block.p_distal, branch)
        for block, branch in zip(blocks, branches, strict=True)
    ]
    state = periodic_state(PeriodicCurve(inflow, period), period, terminals, trunk)
    return [float(pressure) for pressure in state.compliance_pressures[0]]


def _coronary_inflow(chosen: Parameters, values: PatientValues, mean_m3_s: float) -> CoronaryDrive | None:
    """What drives and takes a coronary flow, if the inflow is one."""
    if chosen.inflow_shape != "coronary" or chosen.inflow:
        return None
    pressures = pa_from_mmhg(values.systolic_mmhg), pa_from_mmhg(values.diastolic_mmhg)
    return coronary_drive(values.heart_rate_bpm, mean_m3_s, *pressures)


def in_meters(model: VesselModel, patch_id: int) -> tuple[float, float, float] | None:
    """Where the flow extension of a patch begins [m], if it has one."""
    start = model.extension_start_mm.get(patch_id)
    return None if start is None else (start[0] * M_PER_MM, start[1] * M_PER_MM, start[2] * M_PER_MM)
