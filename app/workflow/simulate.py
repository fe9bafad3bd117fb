"""Step 5: blood flow. A run folder is prepared here and solved by a process of its own, which may outlive this one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.blood import RHEOLOGIES, RHEOLOGY_SOURCE
from app.workflow.boundary_files import INFLOW_SIGNS, as_facts
from app.workflow.conditions import (
    ASSUMED,
    assumptions_of,
    profile_of_file,
)
from app.workflow.further_inlets import area_of_fastest, sorted_openings
from app.workflow.inflow_library import SHAPES
from app.workflow.parameters import declared
from app.workflow.prepared import in_meters, prepared_conditions
from app.workflow.section_places import sections_of
from app.workflow.steady import is_steady, require_no_pulse, steady_time
from app.workflow.steps import Outcome, Request
from app.workflow.units import M3_S_PER_FLOW_UNIT, M_PER_MM, OUTLET_UNITS
from imaging.types import Progress, TetMesh, silent
from solvers.contract.errors import RunError
from solvers.contract.state import RunState, read_state

if TYPE_CHECKING:
    from solvers.contract.spec import Time, Waveform
    from solvers.launch.slurm import SlurmOptions


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
        help="Shape of the inflow over a beat, scaled to the patient (see the inflow library)",
        choices=tuple(SHAPES),
        source="published or assumed, see the run's list of assumptions",
    )
    outlet_model: str = declared(
        "windkessel",
        help="What the outlets feed (coronary: a microcirculation that the heart muscle squeezes; split: all but the "
        "largest take their share of the flow)",
        choices=("windkessel", "resistance", "coronary", "split"),
        source="coronary: Kim et al. 2010",
    )
    inlet_share: float = declared(
        0.0,
        help="Part of the cardiac output that enters the model (0: what usually enters where the inflow's shape "
        "belongs, all of it at the aortic valve)",
        unit="1",
        minimum=0.0,
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
    from solvers.network.waveform import PeriodicCurve

    chosen = request.parameters
    progress(0.0, "Reading the mesh")
    mesh = read_mesh(request.path("mesh", "volume").parent)
    model = read_model(request.path("model", "surface").parent)
    openings = sorted_openings(mesh.patches, chosen)
    require_no_pulse(chosen)
    progress(0.4, "Tuning the outlets")
    made = prepared_conditions(request.case, model, openings, chosen)
    driven, inflow, period = made.inlets, made.inflow, made.period
    arrays = mesh_in_meters(mesh)
    area = area_of_fastest(driven, period)
    if is_steady(chosen):
        time = steady_time(arrays, area, inflow.values[0], chosen)
    else:
        time = _beats(arrays, area, inflow, period, chosen)
    steps, period = time.steps_per_cycle, time.period
    progress(0.7, "Writing the run folder")
    profile = profile_of_file(chosen, out)
    run_spec = spec.RunSpec(
        mesh=spec.MeshFile(mesh_file.write_mesh(out, arrays)),
        inlets=tuple(
            spec.Inlet(
                *(inlet.patch.id, inlet.patch.name, inlet.flow, "mapped" if own else chosen.inlet_profile),
                *(in_meters(model, inlet.patch.id), own, inlet.share),
            )
            for inlet, own in zip(driven, (profile, *[None] * len(driven)), strict=False)
        ),
        outlets=made.outlets,
        fluid=made.fluid,
        time=time,
        output=spec.Output(
            fields_per_cycle=1 if time.is_steady else chosen.fields_per_cycle, checkpoint_every=max(50, steps // 8)
        ),
        tuning=made.tuning,
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
            {"outlet_pairs": as_facts(made.blocks, openings.outlets)}
            if made.blocks
            else {
                "flow_shares": {
                    outlet.name: round(float(share), 4)
                    for outlet, share in zip(openings.outlets, made.shares, strict=True)
                }
            }
        ),
        "pressure_site": run_spec.tuning.site if run_spec.tuning else None,
        "assumptions": [vars(assumption) for assumption in assumptions],
        "notes": list(made.notes),
        "from_files": [name for name in _FILES if getattr(chosen, name)],
    }
    files = {"spec": out / "spec.json", "mesh": out / "mesh.npz"}
    if profile is not None:
        files["measured"] = out / profile.path
        read_measured(out, run_spec.inlets[0], arrays, period)
    return Outcome("Blood flow", files, facts)


def mesh_in_meters(mesh: TetMesh) -> Any:
    """A mesh as the solvers take it [m], a ``solvers.contract.mesh_file.MeshArrays``."""
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
