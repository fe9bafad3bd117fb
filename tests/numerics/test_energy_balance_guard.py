"""A flow that feeds itself little by little, and spends it at once, is seen by the balance of its energy."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solvers.contract.spec import Inlet, MeshFile, PressureOutlet, RunSpec, Time, Waveform
from solvers.flow.build import build_flow
from solvers.flow.solver import FlowSolver
from solvers.run.growth import SAMPLE_EVERY, WINDOW, EnergyWatch
from solvers.run.guard import ENERGY_GROWS, Trouble
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube

DT, DENSITY = 2e-3, 1060.0


def _tube() -> FlowSolver:
    spec = RunSpec(
        mesh=MeshFile(""),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(1e-6), "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(period=1.0, steps_per_cycle=round(1.0 / DT), ramp=0.05),
        wall_patch_ids=(WALL,),
    )
    return build_flow(MPI.COMM_SELF, spec, straight_tube(0.01, 2e-3, 3, 5))


def _march(solver: FlowSolver, watch: EnergyWatch, n_steps: int, feed: np.ndarray | float) -> list[Trouble | None]:
    mark, velocity, found = watch.mark(), solver.velocity, []
    for step in range(1, n_steps + 1):
        report = solver.step()
        for field in (solver.velocity, solver.old_velocity, solver.end_velocity):
            field += feed
        found.append(watch.judge(report, DT, mark, velocity))
        if step % SAMPLE_EVERY == 0:
            mark, velocity = watch.mark(), solver.velocity
    return found


def test_what_the_scheme_makes_of_itself_is_seen_though_the_energy_never_doubles() -> None:
    solver = _tube()
    watch = EnergyWatch(solver, DENSITY, 1)
    window = WINDOW * SAMPLE_EVERY
    assert _march(solver, watch, 2 * window, 0.0) == [None] * 2 * window, "from rest to steady flow all is well"
    x = solver.mesh.velocity.points
    swirl = np.cross((0.0, 0.0, 1.0), x) * ((1.0 - (x[:, :2] ** 2).sum(axis=1) / 2e-3**2) / 2e-3)[:, None]
    swirl *= 4.0 * (x[:, 2] / 0.01 * (1.0 - x[:, 2] / 0.01))[:, None]
    swirl[solver._prescribed_nodes] = 0.0
    before = watch.largest
    found = [trouble for trouble in _march(solver, watch, 2 * window, 0.02 * swirl) if trouble is not None]
    assert found and found[0].code == ENERGY_GROWS and "of its own" in found[0].sentence
    assert watch.largest < 2.0 * before, "doubling alone would not have told"
