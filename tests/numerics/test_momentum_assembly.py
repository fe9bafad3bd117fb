"""The compiled cell kernels against the same integrals written down plainly."""

from __future__ import annotations

import basix
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem import linear_kernels
from solvers.fem.divergence import weak_divergence
from solvers.fem.krylov import VelocitySolver
from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.momentum import MomentumAssembler
from solvers.fem.momentum_kernels import ADVECTIVE_DAMPING, VISCOUS_DAMPING
from solvers.fem.pattern import Pattern, build_pattern
from solvers.fem.reference import tables
from solvers.verification.meshes import OUTLET, WALL, cube, straight_tube

FloatArray = NDArray[np.float64]

VISCOSITY, ALPHA, DT = 0.03, 7.0, 0.2


def _dense(pattern: Pattern, values: FloatArray) -> FloatArray:
    matrix = np.zeros((len(pattern.diagonal), len(pattern.diagonal)))
    rows = np.repeat(np.arange(len(pattern.diagonal)), np.diff(pattern.starts.astype(int)))
    matrix[rows, pattern.columns] = values[:-1]
    return matrix


def _plain(mesh: FlowMesh, nodal: FloatArray, pressure: FloatArray, supg: bool) -> tuple[FloatArray, FloatArray]:
    """Matrix and right sides, cell by cell and point by point."""
    t, space = tables(), mesh.velocity
    matrix, right_side = np.zeros((space.n_local, space.n_local)), np.zeros((space.n_local, 3))
    for cell in range(mesh.n_cells):
        inverse, nodes = mesh.inverse_jacobian[cell], space.cells[cell]
        metric = inverse @ inverse.T
        laplacian = np.einsum("de,ide->i", metric, t.second)
        pressure_gradient = mesh.corner_gradients()[cell].T @ pressure[mesh.pressure.cells[cell]]
        for weight, basis, slopes in zip(t.weights, t.values, t.gradients, strict=True):
            gradients = slopes.T @ inverse
            velocity, source = basis @ nodal[nodes, :3], basis @ nodal[nodes, 3:]
            along = gradients @ velocity
            reference_speed = inverse @ velocity
            damping = (2.0 / DT) ** 2 + ADVECTIVE_DAMPING * reference_speed @ reference_speed
            damping += VISCOUS_DAMPING * VISCOSITY**2 * (metric * metric).sum()
            tau = damping**-0.5 if supg else 0.0
            test = basis + tau * along
            local = np.outer(test, ALPHA * basis + along) - VISCOSITY * np.outer(tau * along, laplacian)
            local += VISCOSITY * gradients @ gradients.T
            factor = weight * mesh.determinant[cell]
            matrix[np.ix_(nodes, nodes)] += factor * local
            right_side[nodes] += factor * np.outer(test, source - pressure_gradient)
    return matrix, right_side


@pytest.mark.parametrize("supg", [False, True])
def test_cell_kernels_integrate_the_momentum_equation(supg: bool) -> None:
    mesh = distribute(MPI.COMM_SELF, cube(2))
    free = np.zeros(mesh.velocity.n_local, dtype=bool)
    pattern = build_pattern(mesh.velocity, free)
    assembler = MomentumAssembler(mesh, pattern, VISCOSITY, free, (), 0.0, supg, DT)
    rng = np.random.default_rng(3)
    nodal, pressure = rng.standard_normal((mesh.velocity.n_local, 6)), rng.standard_normal(mesh.pressure.n_local)
    right_side = assembler.assemble(nodal, nodal[:, :3], pressure, np.zeros(0), ALPHA, DT)
    matrix, wanted = _plain(mesh, nodal, pressure, supg)
    assert np.allclose(_dense(pattern, assembler.values), matrix, rtol=0.0, atol=1e-12 * np.abs(matrix).max())
    assert np.allclose(right_side, wanted, rtol=0.0, atol=1e-12 * np.abs(wanted).max())


def _plain_linear(mesh: FlowMesh, nodal: FloatArray, pressure: FloatArray, supg: bool) -> tuple[FloatArray, FloatArray]:
    """The same of the linear velocity, whose streamline terms take the mean of the convecting velocity."""
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 3)
    space = mesh.velocity
    matrix, right_side = np.zeros((space.n_local, space.n_local)), np.zeros((space.n_local, 3))
    for cell in range(mesh.n_cells):
        inverse, nodes = mesh.inverse_jacobian[cell], space.cells[cell]
        metric = inverse @ inverse.T
        gradients = mesh.corner_gradients()[cell]
        pressure_gradient = gradients.T @ pressure[nodes]
        mean = nodal[nodes, :3].mean(axis=0)
        reference_speed = inverse @ mean
        damping = (2.0 / DT) ** 2 + linear_kernels.ADVECTIVE_DAMPING * reference_speed @ reference_speed
        damping += linear_kernels.VISCOUS_DAMPING * VISCOSITY**2 * (metric * metric).sum()
        tau = damping**-0.5 if supg else 0.0
        for weight, place in zip(weights, points, strict=True):
            basis = np.array([1.0 - place.sum(), *place])
            velocity, source = basis @ nodal[nodes, :3], basis @ nodal[nodes, 3:]
            test = basis + tau * gradients @ mean
            local = np.outer(test, ALPHA * basis + gradients @ velocity) + VISCOSITY * gradients @ gradients.T
            factor = weight * mesh.determinant[cell]
            matrix[np.ix_(nodes, nodes)] += factor * local
            right_side[nodes] += factor * np.outer(test, source - pressure_gradient)
    return matrix, right_side


@pytest.mark.parametrize("supg", [False, True])
def test_linear_kernels_integrate_the_momentum_equation(supg: bool) -> None:
    mesh = distribute(MPI.COMM_SELF, cube(2), 1)
    free = np.zeros(mesh.velocity.n_local, dtype=bool)
    pattern = build_pattern(mesh.velocity, free)
    assembler = MomentumAssembler(mesh, pattern, VISCOSITY, free, (), 0.0, supg, DT)
    rng = np.random.default_rng(3)
    nodal, pressure = rng.standard_normal((mesh.velocity.n_local, 6)), rng.standard_normal(mesh.pressure.n_local)
    right_side = assembler.assemble(nodal, nodal[:, :3], pressure, np.zeros(0), ALPHA, DT)
    matrix, wanted = _plain_linear(mesh, nodal, pressure, supg)
    assert np.allclose(_dense(pattern, assembler.values), matrix, rtol=0.0, atol=1e-12 * np.abs(matrix).max())
    assert np.allclose(right_side, wanted, rtol=0.0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("degree", [1, 2])
def test_backflow_is_damped_only_where_fluid_enters(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, straight_tube(0.02, 0.005, 2, 4), degree)
    free = np.zeros(mesh.velocity.n_local, dtype=bool)
    pattern = build_pattern(mesh.velocity, free)
    nodal, pressure = np.zeros((mesh.velocity.n_local, 6)), np.zeros(mesh.pressure.n_local)
    found = []
    for beta in (0.0, 1.0):
        assembler = MomentumAssembler(mesh, pattern, VISCOSITY, free, (OUTLET,), beta, False, DT)
        for speed in (0.5, -0.5):
            velocity = np.tile([0.0, 0.0, speed], (mesh.velocity.n_local, 1))
            assembler.assemble(nodal, velocity, pressure, np.zeros(1), ALPHA, DT)
            found.append(_dense(pattern, assembler.values))
    without, _, outward, inward = found
    assert np.array_equal(outward, without)
    ones = np.ones(len(without))
    area = np.pi * 0.005**2
    assert ones @ (inward - without) @ ones == pytest.approx(0.5 * 0.5 * area, rel=1e-10)  # beta / 2 |w.n| A


@pytest.mark.parametrize("degree", [1, 2])
def test_divergence_of_a_linear_field_is_exact(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, cube(3), degree)
    velocity = mesh.velocity.points @ np.array([[1.0, 0.3, 0.0], [0.2, 2.0, 0.1], [0.5, 0.0, -4.5]])
    lumped = np.zeros(mesh.pressure.n_local)
    np.add.at(lumped, mesh.pressure.cells, np.broadcast_to(mesh.determinant[:, None] / 24.0, mesh.pressure.cells.shape))
    assert np.allclose(weak_divergence(mesh, velocity), -1.5 * lumped, atol=1e-14)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_velocity_solver_solves_its_system_and_keeps_prescribed_values(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, straight_tube(0.02, 0.005, 3, 6), degree)
    space = mesh.velocity
    prescribed = np.zeros(space.n_local, dtype=bool)
    prescribed[mesh.facets.velocity[mesh.facets.of(WALL)]] = True
    pattern = build_pattern(space, prescribed)
    assembler = MomentumAssembler(mesh, pattern, 3.3e-6, prescribed, (), 0.0, True, 1e-3)
    rng = np.random.default_rng(5)
    nodal = rng.standard_normal((space.n_local, 6))
    right_side = assembler.assemble(nodal, nodal[:, :3], np.zeros(mesh.pressure.n_local), np.zeros(0), 1500.0, 1e-3)
    nodes = np.flatnonzero(prescribed)
    boundary = rng.standard_normal((len(nodes), 3))
    assembler.prescribe(right_side, nodes, boundary)
    velocity = np.zeros((space.n_local, 3))
    velocity[nodes] = boundary
    report = VelocitySolver(MPI.COMM_SELF, pattern, space.halo, 1e-10).solve(assembler.values, right_side, velocity)
    wanted = np.linalg.solve(_dense(pattern, assembler.values), right_side)
    assert report.converged
    assert np.allclose(velocity, wanted, rtol=0.0, atol=1e-6 * np.abs(wanted).max())  # condition times tolerance
    assert np.allclose(velocity[nodes], boundary, rtol=1e-12)


def test_a_system_with_a_number_that_is_none_is_not_called_solved() -> None:
    mesh = distribute(MPI.COMM_SELF, cube(1))
    free = np.zeros(mesh.velocity.n_local, dtype=bool)
    pattern = build_pattern(mesh.velocity, free)
    assembler = MomentumAssembler(mesh, pattern, 1.0, free, (), 0.0, False, 1.0)
    nodal = np.ones((mesh.velocity.n_local, 6))
    right_side = assembler.assemble(nodal, nodal[:, :3], np.zeros(mesh.pressure.n_local), np.zeros(0), 1.0, 1.0)
    right_side[3, 1] = np.nan
    solver = VelocitySolver(MPI.COMM_SELF, pattern, mesh.velocity.halo, 1e-6)
    assert not solver.solve(assembler.values, right_side, np.zeros((mesh.velocity.n_local, 3))).converged
