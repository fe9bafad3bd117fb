"""Step 5: blood flow. A run folder is prepared here and solved by a process of its own, which may outlive this one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.blood import RHEOLOGIES, RHEOLOGY_SOURCE, blood_of
from app.workflow.boundary_files import INFLOW_SIGNS, OutletBlock, as_facts, mean_pressure_pa, pressure_note
from app.workflow.conditions import (
    ASSUMED,
    assumptions_of,
    inflow_of_file,
    outlet_of,
    outlets_of_files,
    profile_of_file,
)
from app.workflow.coronary import CoronaryDrive, coronary_drive
from app.workflow.further_inlets import area_of_fastest, driven_inlets, sorted_openings, whole_inflow
from app.workflow.inflow import aortic_inflow
from app.workflow.parameters import declared
from app.workflow.patient import PatientValues, patient_values
from app.workflow.section_places import sections_of
from app.workflow.steady import is_steady, require_no_pulse, steady_time
from app.workflow.steps import Outcome, Request
from app.workflow.units import M3_S_PER_FLOW_UNIT, M_PER_MM, OUTLET_UNITS, m3_s_from_l_min, pa_from_mmhg
from app.workflow.vessel_paths import VesselPath, paths_to
from imaging.types import FloatArray, Patch, Progress, TetMesh, VesselModel, silent
from solvers.contract.errors import RunError
from solvers.contract.state import RunState, read_state

if TYPE_CHECKING:
    from solvers.contract.spec import Time, Waveform
    from solvers.launch.slurm import SlurmOptions
    from solvers.network.tree import Segment
    from solvers.network.tuning import TunedNetwork

CUFF_SITES = ("subclavian", "brachiocephalic", "brachial")
"""A cuff measures the pressure behind the first outlet that has one of these in its name, else that at the inlet."""
PRESSURE_TOLERANCE_MMHG = 2.0
SHARE_TOLERANCE = 0.02
"""How near a beat must come to the patient's pressures and to the wished shares, or the outlets are tuned anew."""
FIRST_GUESS_TOLERANCE = 0.2
"""Pressures and shares that the vessel as its radii let expect it misses by more than this are refused."""


@dataclass(frozen=True)
class Parameters:
    """How the flow is solved."""

    flow: str = declared(
        "pulsatile",
        help="Flow over heart beats, or steady flow: the mean inflow, for mean pressure drops in a shorter time",
        choices=("pulsatile", "steady"),
    )
    main_share: float = declared(
        0.70,
        help="Share of the flow that leaves through the main vessel's end (0: shared by radius, as the others)",
        unit="1",
        minimum=0.0,
        maximum=0.95,
        source=ASSUMED,
    )
    split_exponent: float = declared(
        2.0,
        help="The other outlets share the rest with this power of their radius (2: by area, 3: Murray)",
        unit="1",
        minimum=1.0,
        maximum=4.0,
        source="assumption",
    )
    inlet_profile: str = declared(
        "blunt",
        help="Velocity profile at the inlet",
        choices=("blunt", "parabolic", "plug", "womersley"),
        source="assumption: measured aortic profiles are flat in early systole",
    )
    rheology: str = declared(
        "newtonian",
        help="How viscous the blood is (carreau-yasuda: thinning with shear; casson: with a yield stress)",
        choices=RHEOLOGIES,
        source=RHEOLOGY_SOURCE,
    )
    steps_per_cycle: int = declared(
        0,
        help="Time steps per heart beat, or in the time that fills the vessel once in steady flow (0: from mesh and "
        "flow)",
        unit="1",
        minimum=0,
        maximum=100_000,
    )
    max_cycles: int = declared(6, help="Heart beats to solve at most", unit="1", minimum=3, maximum=100)
    periodicity_limit: float = declared(
        0.01,
        help="Largest change of a pressure or flow curve from beat to beat",
        unit="1",
        minimum=1e-5,
        maximum=0.2,
    )
    max_fillings: int = declared(
        25, help="How often the vessel may be filled until a steady flow is found", unit="1", minimum=2, maximum=1000
    )
    steady_limit: float = declared(
        0.001,
        help="Largest change of a steady flow in the time that fills the vessel once",
        unit="1",
        minimum=1e-6,
        maximum=0.1,
    )
    inflow_shape: str = declared(
        "aortic",
        help="Assumed shape of the inflow over a beat",
        choices=("aortic", "coronary"),
        source="assumption, see the run's list of assumptions",
    )
    outlet_model: str = declared(
        "windkessel",
        help="What the outlets feed (coronary: a microcirculation that the heart muscle squeezes; split: all but the "
        "largest take their share of the flow)",
        choices=("windkessel", "resistance", "coronary", "split"),
        source="coronary: Kim et al. 2010",
    )
    inlet_share: float = declared(
        1.0,
        help="Part of the cardiac output that enters the model (about 0.03 for a left coronary artery)",
        unit="1",
        minimum=1e-4,
        maximum=1.0,
        source="assumption",
    )
    inflow: str = declared("", help="File of the inflow: time [s] and flow, two columns", file=True)
    inflow_unit: str = declared("", help="Unit of the flow in that file", choices=("", *M3_S_PER_FLOW_UNIT))
    inflow_sign: str = declared(
        "by mean",
        help="Which sign in that file is flow into the vessel (by mean: that of the mean)",
        choices=INFLOW_SIGNS,
    )
    measured_profile: str = declared(
        "",
        help="File of velocities measured across the inlet (.npz, .csv, .vtp; m and m/s), brought to the inflow; it "
        "takes the place of the inlet's profile",
        file=True,
    )
    outlets: str = declared("", help="Files of the outlets (rcrt.dat, resistance.dat; several with commas)", file=True)
    units: str = declared("", help="Units of those files", choices=("", *OUTLET_UNITS))
    pairs: str = declared("", help="Which outlet an entry of those files belongs to, as ENTRY=OUTLET, with commas")
    further_inlets: str = declared(
        "",
        help="Further openings through which blood enters, as NAME=SHARE of the inflow, with commas; the model's own "
        "inlet takes the rest",
        source=ASSUMED,
    )
    further_inflows: str = declared(
        "",
        help="Further openings through which blood enters with a curve of its own, as NAME=FILE, with commas; unit and "
        "sign as for the file of the inflow",
        file=True,
    )
    sections: int = declared(
        40,
        help="Sections along the vessels whose flow and pressure are written while the run goes, at most",
        unit="1",
        minimum=0,
        maximum=200,
    )
    fields_per_cycle: int = declared(20, help="Pictures of the flow per heart beat", unit="1", minimum=4, maximum=200)


_FILES = ("inflow", "outlets", "measured_profile", "further_inflows")


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Write the run folder: mesh in meters, tuned outlets, inflow, everything in SI."""
    from imaging.meshing.mesh_io import read_mesh
    from imaging.surface.surface_io import read_model
    from solvers.contract import mesh_file, spec
    from solvers.flow.measured import read_measured
    from solvers.network.tree import Terminal
    from solvers.network.waveform import PeriodicCurve

    chosen, values = request.parameters, patient_values(request.case.patient)
    progress(0.0, "Reading the mesh")
    mesh = read_mesh(request.path("mesh", "volume").parent)
    model = read_model(request.path("model", "surface").parent)
    openings = sorted_openings(mesh.patches, chosen)
    inlets, outlets = openings.inlets, openings.outlets
    require_no_pulse(chosen)
    progress(0.4, "Tuning the outlets")
    output_m3_s = m3_s_from_l_min(values.cardiac_output_l_min) * chosen.inlet_share
    drive = coronary_inflow(chosen, values, output_m3_s)
    measured = inflow_of_file(chosen, inlets[0])
    if measured is None:
        times, flow = aortic_inflow(values.heart_rate_bpm, output_m3_s)
        if drive is not None:
            times, flow = drive.times_s, drive.flow_m3_s
        inflow, period = spec.Waveform(tuple(times.tolist()), tuple(flow.tolist())), 60.0 / values.heart_rate_bpm
    else:
        inflow, period = spec.Waveform(measured.times_s, measured.flow_m3_s), measured.period_s
    driven = driven_inlets(openings, chosen, inflow, period)
    inflow = whole_inflow(driven, period)
    notes = list(measured.notes) if measured is not None else []
    blocks = outlets_of_files(chosen, outlets)
    paths = paths_to(model.centerlines, outlets)
    shares = flow_shares(outlets, paths, chosen.main_share, chosen.split_exponent)
    given = [None if number == int(np.argmax(shares)) else float(share) for number, share in enumerate(shares)]
    site = cuff_site(outlets)
    if blocks:
        mean = PeriodicCurve(inflow, period).mean
        terminals: Sequence[Any] = blocks
        notes.append(pressure_note(mean_pressure_pa(blocks, mean)))
        initial = _settled_pressures(model, paths, blocks, inflow, period, values)
    elif drive is not None and chosen.outlet_model == "coronary":
        terminals = [Terminal(0.0, drive.compliance * share, drive.resistance / share) for share in shares]
        initial = [float(drive.pressure_pa[0])] * len(terminals)
    else:
        tuned = tuned_outlets(model, paths, shares, inflow, period, request.case, site)
        terminals, initial = tuned.terminals, [float(pressure) for pressure in tuned.p_initial]
    arrays = _mesh_in_meters(mesh)
    if is_steady(chosen):
        driven = tuple(
            replace(inlet, flow=spec.Waveform.constant(PeriodicCurve(inlet.flow, period).mean)) for inlet in driven
        )
        inflow = whole_inflow(driven, period)
        time = steady_time(arrays, area_of_fastest(driven, period), inflow.values[0], chosen)
    else:
        time = _beats(arrays, area_of_fastest(driven, period), inflow, period, chosen)
    steps, period = time.steps_per_cycle, time.period
    progress(0.7, "Writing the run folder")
    profile = profile_of_file(chosen, out)
    run_spec = spec.RunSpec(
        mesh=spec.MeshFile(mesh_file.write_mesh(out, arrays)),
        inlets=tuple(
            spec.Inlet(
                *(inlet.patch.id, inlet.patch.name, inlet.flow, "mapped" if own else chosen.inlet_profile),
                *(_in_meters(model, inlet.patch.id), own, inlet.share),
            )
            for inlet, own in zip(driven, (profile, *[None] * len(inlets)), strict=False)
        ),
        outlets=tuple(
            outlet_of(outlet, terminal, start, share, _in_meters(model, outlet.id), chosen, values)
            for outlet, terminal, start, share in zip(outlets, terminals, initial, given, strict=True)
        ),
        fluid=blood_of(request.case.patient, chosen.rheology),
        time=time,
        output=spec.Output(
            fields_per_cycle=1 if time.is_steady else chosen.fields_per_cycle, checkpoint_every=max(50, steps // 8)
        ),
        tuning=None
        if blocks or chosen.outlet_model != "windkessel" or time.is_steady
        else spec.Tuning(
            inlets[0].name if site is None else outlets[site].name,
            tuple(shares.tolist()),
            pa_from_mmhg(values.systolic_mmhg),
            pa_from_mmhg(values.diastolic_mmhg),
            pa_from_mmhg(PRESSURE_TOLERANCE_MMHG),
            SHARE_TOLERANCE,
        ),
        sections=sections_of(model, chosen.sections),
    )
    spec.write_spec(out, run_spec)
    assumptions = assumptions_of(request.case, chosen)
    facts = {
        "flow": chosen.flow,
        "period_s": period,
        "steps_per_cycle": steps,
        "dt_ms": 1e3 * period / steps,
        "peak_inflow_ml_s": 1e6 * max(inflow.values),
        "mean_inflow_ml_s": {i.patch.name: 1e6 * PeriodicCurve(i.flow, period).mean for i in driven},
        **(
            {"outlet_pairs": as_facts(blocks, outlets)}
            if blocks
            else {"flow_shares": {o.name: round(float(share), 4) for o, share in zip(outlets, shares, strict=True)}}
        ),
        "pressure_site": run_spec.tuning.site if run_spec.tuning else None,
        "assumptions": [vars(assumption) for assumption in assumptions],
        "notes": [note for note in notes if note],
        "from_files": [name for name in _FILES if getattr(chosen, name)],
    }
    files = {"spec": out / "spec.json", "mesh": out / "mesh.npz"}
    if profile is not None:
        files["measured"] = out / profile.path
        read_measured(out, run_spec.inlets[0], arrays, period)
    return Outcome("Blood flow", files, facts)


def flow_shares(
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


def cuff_site(outlets: tuple[Patch, ...]) -> int | None:
    """The outlet whose pressure a cuff measures; None stands for the inlet."""
    return next((k for part in CUFF_SITES for k, outlet in enumerate(outlets) if part in outlet.name.lower()), None)


def tuned_outlets(
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


def coronary_inflow(chosen: Parameters, values: PatientValues, output_m3_s: float) -> CoronaryDrive | None:
    """What drives and takes a coronary flow, if the inflow is one."""
    if chosen.inflow_shape != "coronary" or chosen.inflow:
        return None
    pressures = pa_from_mmhg(values.systolic_mmhg), pa_from_mmhg(values.diastolic_mmhg)
    return coronary_drive(values.heart_rate_bpm, output_m3_s, *pressures)


def _mesh_in_meters(mesh: TetMesh) -> Any:
    from solvers.contract.mesh_file import MeshArrays

    return MeshArrays(mesh.points * M_PER_MM, mesh.tets, mesh.facets, mesh.facet_patch.astype(np.int64))


def _beats(arrays: Any, inlet_area_m2: float, inflow: Waveform, period: float, chosen: Parameters) -> Time:
    from solvers.contract.spec import Time
    from solvers.flow.time_step import recommend_steps

    advice = recommend_steps(arrays.points, arrays.tets, [inlet_area_m2], inflow, period)
    return Time(
        period=period,
        steps_per_cycle=chosen.steps_per_cycle or advice.steps_per_cycle,
        min_cycles=3,  # the first shows the vessel, the next two are compared
        max_cycles=chosen.max_cycles,
        periodicity_limit=chosen.periodicity_limit,
        ramp=0.1 * period if abs(inflow.values[0]) > 0.0 else 0.0,  # so that the blood may start from rest
    )


def _in_meters(model: VesselModel, patch_id: int) -> tuple[float, float, float] | None:
    start = model.extension_start_mm.get(patch_id)
    return None if start is None else (start[0] * M_PER_MM, start[1] * M_PER_MM, start[2] * M_PER_MM)


def default_n_ranks() -> int:
    """Processes for a run on this machine: two where there are two cores."""
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def run_folder(opened: OpenCase) -> Path:
    """The folder of the case's current run.

    Raises
    ------
    CaseError
        ``step_missing`` when none was prepared.
    """
    record = opened.case.current("run")
    if record is None:
        raise CaseError("step_missing", "No run was prepared yet: run Simulate first.")
    return opened.path_of(record.files["spec"]).parent


def start_run(
    opened: OpenCase, n_ranks: int | None = None, *, go_on: bool = False, queue: SlurmOptions | None = None
) -> Path:
    """Start the current run, from its beginning or from its newest checkpoint; it goes on when this program ends.

    With ``queue`` it is submitted to a Slurm queue instead of being solved on this machine.
    """
    from solvers.launch import local, slurm

    folder = run_folder(opened)
    ranks = n_ranks or default_n_ranks()
    if queue is not None:
        (slurm.restart if go_on else slurm.start)(folder, ranks, queue)
    else:
        (local.restart if go_on else local.start)(folder, ranks)
    return folder


def cancel_run(folder: Path) -> RunState:
    """Stop a run with a checkpoint; a run that has ended already keeps its state."""
    from solvers.launch import runs

    handle = runs.reattach(folder)
    return runs.settle(folder) if handle is None else runs.cancel(handle)


def run_state(folder: Path) -> RunState:
    """What a run is doing, or how it ended; one whose process is gone without a word is marked ``killed``."""
    from solvers.launch import runs

    if (folder / "state.json").is_file():
        runs.reattach(folder)
    return read_state(folder) or RunState()


def turn_word(folder: Path) -> str:
    """What a run counts: beats, or in steady flow how often the vessel is filled."""
    from solvers.contract.spec import read_spec

    return "filling" if read_spec(folder).time.is_steady else "beat"


def follow_run(folder: Path, progress: Progress = silent) -> RunState:
    """Wait for a run and show how it goes.

    Raises
    ------
    RunError
        When it failed, was killed or cancelled, with the run's own sentence.
    """
    from solvers.launch import runs

    word = turn_word(folder)
    for event in runs.watch(folder):
        if event["type"] == "step":
            eta = event.get("eta_seconds")
            left = f", about {eta:.0f} s left" if eta is not None else ""
            cfl = event.get("cfl") or float("nan")
            progress(min(event["fraction"], 0.999), f"{word} {event['cycle'] + 1}, CFL {cfl:.1f}{left}")
        elif event["type"] == "stage":
            progress(0.0, event["text"])
    state = runs.settle(folder)
    if state.status != "finished":
        raise RunError(state.code or state.status, state.message or f"The run was {state.status}.")
    progress(1.0, "Run finished")
    return state
