"""The stabilization of the pressure of linear velocities, and what it is for."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solvers.fem.mesh import distribute
from solvers.fem.pressure_matrix import PressureStabilization
from solvers.verification.exact import EthierSteinman
from solvers.verification.meshes import cube
from solvers.verification.order_checks import errors, solve_cube


def test_linear_pressures_are_left_alone_and_others_are_damped() -> None:
    mesh = distribute(MPI.COMM_SELF, cube(4), 1)
    stabilization = PressureStabilization(mesh, 0.05, 1.0)
    linear = mesh.pressure.points @ np.array([1.0, -2.0, 0.5]) + 3.0
    rough = np.random.default_rng(1).standard_normal((2, mesh.pressure.n_local))
    first, second = (stabilization.apply(field) for field in rough)
    assert np.abs(stabilization.apply(linear)).max() < 1e-12 * np.abs(first).max()
    assert rough[0] @ first > 0.0
    assert abs(rough[1] @ first - rough[0] @ second) < 1e-12 * (rough[0] @ first)
    assert abs(first.sum()) < 1e-12 * np.abs(first).sum()  # mass is kept


def test_a_small_time_step_makes_no_spurious_pressure() -> None:
    large, small = (
        errors(*solve_cube(EthierSteinman(0.05), 5, dt, round(0.4 / dt), True, velocity_degree=1)).pressure
        for dt in (0.02, 0.001)
    )
    assert small < 1.1 * large  # without stabilization it grows like 1 / dt, to several hundred times the pressure
