"""Halving and doubling the time step on the way keeps the order of the scheme."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from mpi4py import MPI

from solvers.fem.mesh import distribute
from solvers.flow.solver import FlowParameters, FlowSolver
from solvers.verification.exact import EthierSteinman
from solvers.verification.meshes import cube
from solvers.verification.order_checks import ExactBoundary
from solvers.verification.row import Progress, Row

SOURCE = "derived in docs/theory-flow.md, section 3: an Euler step a change costs an error of second order"
VISCOSITY, DURATION = 0.1, 0.5


def solve_with_changes(n: int, n_steps: int) -> FlowSolver:
    """Ethier-Steinman flow, a quarter of the time each with steps of dt, dt/2, dt/4 and dt."""
    exact, dt = EthierSteinman(VISCOSITY), DURATION / n_steps
    mesh = distribute(MPI.COMM_SELF, cube(n))
    parameters = FlowParameters(1.0, VISCOSITY, velocity_tolerance=1e-11, supg=False)
    solver = FlowSolver(mesh, parameters, [ExactBoundary(mesh, exact)], (), {}, dt)
    solver.velocity = solver.end_velocity = exact.velocity(mesh.velocity.points, 0.0)
    solver.kinematic_pressure = exact.pressure(mesh.pressure.points, 0.0)
    for level in (0, 1, 2, 0):
        if solver.step_number:
            solver.change_step(dt / 2**level)
        for _ in range(n_steps // 4 * 2**level):
            solver.step()
    return solver


def check_step_changes(progress: Progress, long: bool) -> list[Row]:
    """Halve all time steps on one mesh, whose error cancels from the differences."""
    steps = (40, 80, 160, 320) if long else (20, 40, 80)
    states = []
    for index, n_steps in enumerate(steps):
        progress(index / len(steps), f"Ethier-Steinman with changing steps: {n_steps}")
        states.append(solve_with_changes(5, n_steps))
    velocity = [float(np.linalg.norm(b.velocity - a.velocity)) for a, b in pairwise(states)]
    mean_free = [state.kinematic_pressure - state.kinematic_pressure.mean() for state in states]
    pressure = [float(np.linalg.norm(b - a)) for a, b in pairwise(mean_free)]
    rows = []
    for quantity, change in (("velocity", velocity), ("pressure", pressure)):
        observed = float(np.log2(change[-2] / change[-1]))
        rows.append(
            Row("step_changes", f"order in time, {quantity}", "", observed, 2.0, 0.25, SOURCE, is_absolute=True)
        )
    return rows
