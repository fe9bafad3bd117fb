"""The viscous term with a viscosity that varies, against a plain DOLFINx form."""

from __future__ import annotations

import basix.ufl
import numpy as np
import pytest
import ufl
from dolfinx import fem
from dolfinx import mesh as dolfinx_mesh
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.spec import CarreauYasuda
from solvers.fem.mesh import distribute
from solvers.fem.pattern import build_pattern
from solvers.fem.viscous import DAMPING, VariableViscosity
from solvers.flow.rheology import carreau_yasuda
from solvers.verification.meshes import WALL, cube

FloatArray = NDArray[np.float64]
LAW = CarreauYasuda(zero_viscosity=2.0, infinite_viscosity=0.1, time_constant=0.7, power_index=0.4, transition=1.5)


@pytest.mark.parametrize("degree", [1, 2])
def test_matrix_and_right_sides_are_those_of_the_form(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, cube(2), degree)
    points, n = mesh.velocity.points, mesh.velocity.n_local
    is_open = mesh.facets.patch == WALL
    pattern = build_pattern(mesh.velocity, np.zeros(n, dtype=bool))
    velocity = np.random.default_rng(1).standard_normal((n, 3))
    values, right_side = np.zeros(pattern.n_entries + 1), np.zeros((n, 3))
    viscous = VariableViscosity(mesh, pattern, lambda rate: carreau_yasuda(LAW, rate), is_open)
    viscous.add(velocity, values, right_side)

    arrays = cube(2)
    coordinates = ufl.Mesh(basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,)))
    plain = dolfinx_mesh.create_mesh(MPI.COMM_SELF, arrays.tets, coordinates, arrays.points)
    scalar, vector = (
        fem.functionspace(plain, ("Lagrange", degree)),
        fem.functionspace(plain, ("Lagrange", degree, (3,))),
    )
    there = scalar.tabulate_dof_coordinates()
    to_mine = np.array([int(np.argmin(np.linalg.norm(points - place, axis=1))) for place in there])
    w = fem.Function(vector)
    w.x.array[:] = velocity[to_mine].ravel()
    strain = ufl.sym(ufl.grad(w))
    rate = ufl.sqrt(2.0 * ufl.inner(strain, strain))
    thinning = (1.0 + (LAW.time_constant * rate) ** LAW.transition) ** ((LAW.power_index - 1.0) / LAW.transition)
    nu = LAW.infinite_viscosity + (LAW.zero_viscosity - LAW.infinite_viscosity) * thinning
    dx = ufl.dx(metadata={"quadrature_degree": 2 * degree - 2})
    ds = ufl.ds(metadata={"quadrature_degree": 4})

    test, trial, v = ufl.TestFunction(scalar), ufl.TrialFunction(scalar), ufl.TestFunction(vector)
    least = _least(plain, nu, degree)
    excess = nu - least
    if degree == 2:
        wanted = fem.assemble_matrix(
            fem.form((nu + DAMPING * excess) * ufl.inner(ufl.grad(trial), ufl.grad(test)) * dx)
        ).to_dense()
        found = np.zeros((n, n))
        found[np.repeat(np.arange(n), np.diff(pattern.starts.astype(int))), pattern.columns] = values[:-1]
        assert np.allclose(found[np.ix_(to_mine, to_mine)], wanted, rtol=0.0, atol=1e-12 * np.abs(wanted).max())
    else:
        assert np.allclose(viscous.implicit, viscous.cell + DAMPING * (viscous.cell - least), rtol=1e-12)
    known = ufl.grad(w).T - DAMPING * ufl.grad(w)
    form = -excess * ufl.inner(known, ufl.grad(v)) * dx
    form += excess * ufl.inner(ufl.grad(w).T * ufl.FacetNormal(plain), v) * ds
    sides = fem.assemble_vector(fem.form(form)).array.reshape(-1, 3)
    assert np.allclose(right_side[to_mine], sides, rtol=0.0, atol=1e-12 * np.abs(sides).max())


def test_a_constant_viscosity_leaves_the_right_sides_alone() -> None:
    mesh = distribute(MPI.COMM_SELF, cube(2))
    n = mesh.velocity.n_local
    pattern = build_pattern(mesh.velocity, np.zeros(n, dtype=bool))
    values, right_side = np.zeros(pattern.n_entries + 1), np.zeros((n, 3))
    viscous = VariableViscosity(mesh, pattern, np.ones_like, mesh.facets.patch == WALL)
    viscous.add(np.random.default_rng(2).standard_normal((n, 3)), values, right_side)
    assert np.all(right_side == 0.0)
    assert np.abs(viscous.residual).max() < 1e-12


def test_the_known_residual_is_exact_for_a_viscosity_that_grows_along_x() -> None:
    """u = (0, 0, x^2) has the shear rate 2x; with nu = the shear rate, (grad u + grad u^T) grad nu = (0, 0, 4x)."""
    mesh = distribute(MPI.COMM_SELF, cube(2, 1.0, 2.0))
    n = mesh.velocity.n_local
    pattern = build_pattern(mesh.velocity, np.zeros(n, dtype=bool))
    velocity = np.zeros((n, 3))
    velocity[:, 2] = mesh.velocity.points[:, 0] ** 2
    viscous = VariableViscosity(mesh, pattern, lambda rate: rate, np.zeros(len(mesh.facets.patch), dtype=bool))
    viscous.add(velocity, np.zeros(pattern.n_entries + 1), np.zeros((n, 3)))
    center = mesh.velocity.points[mesh.velocity.cells[:, :4], 0].mean(axis=1)
    assert np.allclose(viscous.residual[:, 2], 4.0 * center, rtol=1e-12)
    assert np.allclose(viscous.cell, 2.0 * center, rtol=1e-12)


def _least(plain: dolfinx_mesh.Mesh, nu: ufl.core.expr.Expr, degree: int) -> float:
    points = basix.make_quadrature(basix.CellType.tetrahedron, 2 * degree - 2)[0]
    n_cells = plain.topology.index_map(3).size_local
    return float(fem.Expression(nu, points).eval(plain, np.arange(n_cells, dtype=np.int32)).min())
