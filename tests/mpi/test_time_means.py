"""Means over time taken on two ranks are those of every step on one."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.contract.spec import Inlet, MeshFile, Numerics, PressureOutlet, RunSpec, Time, Waveform
from solvers.flow.build import build_flow
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube
from solvers.verification.time_means import Course, time_means

pytestmark = pytest.mark.mpi
FLOW = Waveform((0.0, 0.01, 0.02, 0.03), (1e-6, 2e-6, 3e-6, 2e-6))
COURSE = Course(settle_steps=2, n_parts=2, part_steps=3)


def _spec() -> RunSpec:
    return RunSpec(
        mesh=MeshFile(""),
        inlets=(Inlet(INLET, "inlet", FLOW, "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(period=0.04, steps_per_cycle=20, ramp=0.0),
        wall_patch_ids=(WALL,),
        numerics=Numerics(velocity_tolerance=1e-10, elements="P1/P1"),
    )


def test_means_are_those_of_the_steps() -> None:
    tube = straight_tube(0.01, 2e-3, 3, 6)
    told: list[int] = []
    means = time_means(_spec(), tube, COURSE, 2, told.append)
    solver = build_flow(MPI.COMM_SELF, _spec(), tube)
    velocities, pressures = [], []
    for _ in range(COURSE.n_steps):
        solver.step()
        velocities.append(solver.mesh.velocity.order.gather(solver.velocity))
        pressures.append(solver.mesh.pressure.order.gather(solver.kinematic_pressure))
    taken = np.array(velocities[2:])
    scale = np.abs(taken).max()
    assert np.allclose(means.nodes, solver.mesh.velocity.order.gather(solver.mesh.velocity.points))
    assert np.abs(means.velocity - taken.mean(axis=0)).max() < 1e-6 * scale
    assert np.abs(means.parts.T - taken.reshape(2, 3, -1, 3)[..., 2].mean(axis=1)).max() < 1e-6 * scale
    assert np.abs(means.fluctuation - taken[..., 2].std(axis=0)).max() < 1e-6 * scale
    assert means.fluctuation.max() > 0.02 * scale  # the flow does change
    pressure = np.mean(pressures[2:], axis=0)
    assert np.abs(means.kinematic_pressure - pressure).max() < 1e-6 * np.abs(pressure).max()
    assert told == [0]


def test_a_cancelled_check_ends_its_processes() -> None:
    class Cancelled(Exception):
        pass

    def cancel(step: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        time_means(_spec(), straight_tube(0.01, 2e-3, 3, 6), Course(100_000, 1, 1), 1, cancel)


def test_a_solver_that_fails_says_why() -> None:
    wrong = straight_tube(0.01, 2e-3, 3, 6)
    wrong.facet_patch[wrong.facet_patch == OUTLET] = 7
    with pytest.raises(ArithmeticError, match="stopped with code"):
        time_means(_spec(), wrong, COURSE, 1, lambda step: None)
