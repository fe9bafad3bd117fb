"""The wall's solver: its quick checks hold their gates, and its derivatives are those of its residuals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from solvers.contract.errors import RunError
from solvers.verification.registry import CHECKS
from solvers.verification.row import Row
from solvers.verification.wall_shapes import eighth_sphere
from solvers.wall.layers import Coat, layered, upright, volumes
from solvers.wall.materials import Material
from solvers.wall.solver import WallSolver


@pytest.mark.parametrize("name", ["wall_lame", "wall_order", "wall_laws", "wall_strength"])
def test_a_check_holds_its_gates(name: str) -> None:
    rows = [row for row in CHECKS[name].run(lambda fraction, text: None, False) if isinstance(row, Row)]
    assert rows
    assert [row.quantity for row in rows if not row.as_dict()["passed"]] == []


def test_blown_spheres_hold_the_gates_of_pressure_and_of_the_unloaded_radius() -> None:
    rows = [row for row in CHECKS["wall_sphere"].run(lambda fraction, text: None, False) if isinstance(row, Row)]
    assert [row.quantity for row in rows[:4] if not row.as_dict()["passed"]] == []


def test_the_imaged_shape_comes_back_when_its_unloaded_shape_is_loaded() -> None:
    rows = CHECKS["wall_prestress"].run(lambda fraction, text: None, False)
    missed, moved = (row for row in rows[:2] if isinstance(row, Row))
    assert missed.value < 0.01 and moved.value > 1e-3


@pytest.mark.parametrize("is_inverse", [False, True])
def test_the_matrix_is_the_derivative_of_the_residual(is_inverse: bool) -> None:
    mesh = eighth_sphere(0.015, 0.018, 1, 1)
    material = Material("all constants", 1e5, 2e5, 3e4, 5e4, 1e7, "")
    solver = WallSolver(mesh, [material], np.zeros(mesh.points.shape, dtype=bool))
    random = np.random.default_rng(0)
    at = np.concatenate([random.normal(0.0, 2e-4, mesh.points.size), random.normal(0.0, 1e4, mesh.n_corners)])
    n = mesh.points.size

    def residual(x: np.ndarray, with_matrix: bool = False) -> np.ndarray:
        force, constraint, _ = solver._residual(x[:n].reshape(-1, 3), x[n:], 2e4, is_inverse, with_matrix)
        return np.concatenate([force.ravel(), constraint])

    residual(at, with_matrix=True)
    pattern = solver._pattern
    matrix = sparse.csr_array((solver._values, pattern.columns, pattern.starts)).toarray()
    for column in (*range(0, n, 7), *range(n, len(at), 2)):
        step = np.zeros(len(at))
        step[column] = 1e-7 if column < n else 10.0
        difference = (residual(at + step) - residual(at - step)) / (2.0 * step[column])
        assert np.abs(matrix[:, column] - difference).max() < 1e-5 * np.abs(matrix).max()
        assert np.abs(matrix[n:, column] - difference[n:]).max() < 1e-5 * np.abs(matrix[n:]).max()


def test_a_pressure_that_the_wall_cannot_bear_ends_in_a_sentence() -> None:
    mesh = eighth_sphere(0.015, 0.0152, 2, 1)
    soft = Material("soft", 1e3, 0.0, 0.0, 0.0, 1e6, "")
    held = np.isclose(mesh.points, 0.0)
    with pytest.raises(RunError, match="No balance of the wall was found"):
        WallSolver(mesh, [soft], held).forward(16e3)


def test_a_crotch_sharper_than_the_wall_is_thick_makes_it_thinner_there_and_folds_nothing() -> None:
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(-10.0, 10.0, 41), np.linspace(0.0, 5.0, 11)))
    points = 1e-3 * np.column_stack([x, y, np.abs(x)])
    index = np.arange(len(points)).reshape(11, 41)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    triangles = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    normals = np.column_stack([-np.sign(x), np.zeros(len(x)), np.ones(len(x))])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    across, left = upright(points, triangles, normals, np.full(len(points), 2e-3))
    assert volumes(layered(points, triangles, [Coat(across, 2)])).min() > 0.0
    assert left[np.abs(x) < 1.0].max() < 1.0
    assert left[np.abs(x) > 8.0].min() == 1.0
