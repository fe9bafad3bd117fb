"""A run that looks for a steady flow: what it finds, that its step does not matter, and what it says when it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tube_runs import solve_by_hand

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.files import INDICES
from solvers.contract.mesh_file import write_mesh
from solvers.contract.scalars import read_scalars
from solvers.contract.spec import (
    Fluid,
    Inlet,
    MeshFile,
    Numerics,
    Output,
    RcrOutlet,
    ResistanceOutlet,
    RunSpec,
    Time,
    Waveform,
    write_spec,
)
from solvers.contract.state import read_state
from solvers.flow.solver import STEADY_EXTRAPOLATION
from solvers.verification.exact import Poiseuille
from solvers.verification.meshes import INLET, OUTLET, WALL, tube

pytestmark = pytest.mark.mpi
FLOW, RADIUS, LENGTH, RESISTANCE = 2e-6, 2e-3, 0.03, 1e9
FILLING = np.pi * RADIUS**2 * LENGTH / FLOW


def prepare(
    folder: Path, steps: int = 20, most: int = 20, tolerance: float = 1e-4, narrowing: float = 0.0, flow: float = FLOW
) -> RunSpec:
    """A tube, narrowed in its middle, behind which a resistance waits."""
    z = np.linspace(0.0, LENGTH, 17)
    radius = RADIUS * (1.0 - narrowing * np.exp(-(((z - 0.5 * LENGTH) / 4e-3) ** 2)))
    spec = RunSpec(
        mesh=MeshFile(write_mesh(folder, tube(np.column_stack([0 * z, 0 * z, z]), radius, 3, 0.6))),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(flow), "parabolic"),),
        outlets=(ResistanceOutlet(OUTLET, "outlet", RESISTANCE),),
        time=Time(FILLING * FLOW / flow, steps, 2, most, None, 0.0, "steady", tolerance),
        wall_patch_ids=(WALL,),
        fluid=Fluid(1060.0, 3.5e-3),
        numerics=Numerics(velocity_tolerance=1e-9),
        output=Output(fields_per_cycle=1, checkpoint_every=1000),
    )
    write_spec(folder, spec)
    return spec


def drop(folder: Path) -> float:
    """Pressure drop [Pa] at the end of a run."""
    scalars = read_scalars(folder)
    return float(scalars["pressure[inlet]"][-1] - scalars["pressure[outlet]"][-1])


def test_a_tube_ends_at_poiseuille_and_its_stress_does_not_swing(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert solve_by_hand(tmp_path, 2) == int(ExitCode.FINISHED)
    exact = Poiseuille(RADIUS, FLOW, 3.5e-3)
    indices = json.loads((tmp_path / INDICES).read_text())
    assert drop(tmp_path) == pytest.approx(exact.pressure_drop(LENGTH), rel=0.04)
    assert read_scalars(tmp_path)["pressure[outlet]"][-1] == pytest.approx(RESISTANCE * FLOW, rel=1e-3)
    assert indices["mode"] == "steady" and indices["is_periodic"] and indices["periodicity_error"] <= 1e-4
    assert indices["wall"]["osi"]["max"] == pytest.approx(0.0, abs=1e-7)
    assert indices["wall"]["tawss_Pa"]["p50"] == pytest.approx(exact.wall_shear, rel=0.06)


def test_the_steady_state_does_not_depend_on_the_step(tmp_path: Path) -> None:
    drops = []
    for steps in (20, 40):
        folder = tmp_path / str(steps)
        folder.mkdir()
        prepare(folder, steps, 40, 1e-6, 0.2)
        assert solve_by_hand(folder, 1) == int(ExitCode.FINISHED)
        drops.append(drop(folder))
    assert drops[0] == pytest.approx(drops[1], rel=1e-5)


def test_a_jet_at_re_960_settles_in_large_steps(tmp_path: Path) -> None:
    """Steps that cross four cells; with BDF2 and an extrapolated convecting velocity it never became steady."""
    prepare(tmp_path, narrowing=0.35, flow=1e-5)
    assert solve_by_hand(tmp_path, 2) == int(ExitCode.FINISHED)
    assert drop(tmp_path) == pytest.approx(1113.02, rel=2e-4)  # with half the step: 1113.03 Pa


def test_an_error_that_a_large_step_turns_and_triples_dies_away() -> None:
    """Where flow is braked fast e(n+1) = -r (w e(n) + (1 - w) e(n-1)); the last velocity alone lasts to r = 1 only."""
    newest, older = STEADY_EXTRAPOLATION
    assert newest + older == pytest.approx(1.0), "the steady state is that of the velocity itself"
    for r in (0.5, 1.0, 2.0, 2.9):
        assert np.abs(np.roots([1.0, r * newest, r * older])).max() < 1.0


def test_a_flow_that_still_changes_is_told(tmp_path: Path) -> None:
    prepare(tmp_path, most=2, tolerance=1e-9)
    assert solve_by_hand(tmp_path, 1) == int(ExitCode.NOT_PERIODIC)
    state = read_state(tmp_path)
    assert state is not None and state.code == "not_steady" and "no steady state" in (state.message or "")


def test_what_cannot_be_steady_is_refused(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    pulse = Waveform((0.0, 0.01, 0.02, 0.03), (1e-6, 2e-6, 3e-6, 2e-6))
    with pytest.raises(RunError, match="changes with time"):
        replace(spec, inlets=(replace(spec.inlets[0], flow=pulse),)).check()
    with pytest.raises(RunError, match="stores blood"):
        replace(spec, outlets=(RcrOutlet(OUTLET, "outlet", 1e8, 1e-9, 1e9, 0.0),)).check()
