"""Newton's part of convection, lumped to the nodes, and the solver that takes it."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.fem.convecting_gradient import ConvectingGradient
from solvers.fem.krylov import VelocitySolver
from solvers.fem.mesh import distribute
from solvers.fem.pattern import build_pattern
from solvers.verification.meshes import cube, straight_tube


@pytest.mark.parametrize("degree", [1, 2])
def test_blocks_hold_the_gradient_of_a_linear_velocity(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, cube(2), degree)
    space = mesh.velocity
    gradient = np.array([(0.3, 2.0, -1.0), (0.1, -0.5, 0.4), (0.0, 1.5, 0.2)])
    nodal = np.zeros((space.n_local, 6))
    nodal[:, :3] = space.points @ gradient.T
    prescribed = np.zeros(space.n_local, dtype=bool)
    prescribed[3] = True
    term = ConvectingGradient(mesh, prescribed)
    right_side = np.ones((space.n_local, 3))
    term.linearize(nodal, 1e3, right_side)
    mass = term.blocks[:, 0] / gradient[0, 0]
    assert mass[3] == 0.0
    free = np.arange(space.n_owned) != 3
    assert (mass[free] > 0).all()
    np.testing.assert_allclose(term.blocks, mass[:, None] * gradient.ravel(), atol=1e-6)
    expected = 1.0 + mass[:, None] * (nodal[: space.n_owned, :3] @ gradient.T)
    np.testing.assert_allclose(right_side[: space.n_owned], expected, rtol=1e-5, atol=1e-6)


def test_growth_is_bounded_where_the_step_is_too_long_for_the_straining() -> None:
    mesh = distribute(MPI.COMM_SELF, cube(1))
    nodal = np.zeros((mesh.velocity.n_local, 6))
    nodal[:, 0], nodal[:, 1] = -4.0 * mesh.velocity.points[:, 0], 4.0 * mesh.velocity.points[:, 1]
    term = ConvectingGradient(mesh, np.zeros(mesh.velocity.n_local, dtype=bool))
    term.linearize(nodal, 2.0, np.zeros((mesh.velocity.n_local, 3)))
    blocks = term.blocks.reshape(-1, 3, 3)
    mass = (blocks[:, 1, 1] - blocks[:, 0, 0]) / 8.0
    least = np.linalg.eigvals(blocks).real.min(axis=1)
    np.testing.assert_allclose(least, -0.5 * 2.0 * mass, rtol=1e-4)


def test_solver_takes_the_blocks() -> None:
    mesh = distribute(MPI.COMM_SELF, straight_tube(4.0, 1.0, 2, 4))
    space, random = mesh.velocity, np.random.default_rng(4)
    pattern = build_pattern(space, np.zeros(space.n_local, dtype=bool))
    values = random.uniform(-1.0, 0.0, pattern.n_entries + 1)
    values[pattern.diagonal] = 45.0
    blocks = random.uniform(-20.0, 20.0, (space.n_owned, 9)).astype(np.float32)
    b, x = random.normal(size=(space.n_local, 3)), np.zeros((space.n_local, 3))
    report = VelocitySolver(MPI.COMM_SELF, pattern, space.halo, 1e-10).solve(values, b, x, blocks)
    assert report.converged
    matrix = np.zeros((space.n_owned, space.n_owned))
    matrix[np.repeat(np.arange(space.n_owned), np.diff(pattern.starts.astype(int))), pattern.columns] = values[:-1]
    residual = b - matrix @ x - np.einsum("nab,nb->na", blocks.reshape(-1, 3, 3).astype(float), x)
    assert np.linalg.norm(residual) < 1e-8 * np.linalg.norm(b)
