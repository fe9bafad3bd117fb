"""Plane flows in a slab of tetrahedra: the third component stays zero and nothing else is changed by that."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.verification.exact import TaylorGreen
from solvers.verification.meshes import WALL
from solvers.verification.order_checks import errors
from solvers.verification.planar_meshes import AHEAD, CYLINDER, HEIGHT, LENGTH, RADIUS, SIDE, channel, square
from solvers.verification.plane_flow import Reaction, nearest_pressure, sample, slab_solver


def test_taylor_green_vortices_in_a_slab_converge_as_in_a_cube() -> None:
    exact = TaylorGreen(0.1)
    found = []
    for n in (8, 16):
        solver = slab_solver(square(n), exact.viscosity, 0.0025, (WALL,), exact.velocity, (), has_outlet=False)
        solver.velocity = solver.end_velocity = exact.velocity(solver.mesh.velocity.points, 0.0)
        solver.kinematic_pressure = exact.pressure(solver.mesh.pressure.points, 0.0)
        for _ in range(20):
            solver.step()
        assert np.all(solver.velocity[:, 2] == 0.0)
        found.append(errors(solver, exact))
    coarse, fine = found
    assert np.log2(coarse.velocity / fine.velocity) > 2.7
    assert np.log2(coarse.gradient / fine.gradient) > 1.8
    assert np.log2(coarse.pressure / fine.pressure) > 1.8


def test_the_channel_has_the_area_of_the_benchmark() -> None:
    mesh = channel(6, 5, 8)
    corner = mesh.points[mesh.tets]
    volume = np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1])).sum() / 6.0
    assert volume / np.ptp(mesh.points[:, 2]) == pytest.approx(LENGTH * HEIGHT - np.pi * RADIUS**2, rel=1e-9)
    edges = mesh.points[mesh.facets[mesh.facet_patch == CYLINDER]]
    assert len(edges) == 2 * 4 * 6
    assert np.hypot(*(edges[..., :2] - 0.2).T).max() < 1.02 * RADIUS
    assert set(mesh.facet_patch.tolist()) == {1, 2, 3, CYLINDER, SIDE}


def test_the_wide_channel_has_side_walls_and_a_vertex_in_its_middle() -> None:
    mesh = channel(4, 3, 4, 6)
    corner = mesh.points[mesh.tets]
    volume = np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1])).sum() / 6.0
    assert volume == pytest.approx(((AHEAD + LENGTH) * HEIGHT - np.pi * RADIUS**2) * HEIGHT, rel=1e-9)
    sides = mesh.points[mesh.facets[mesh.facet_patch == SIDE]][..., 2]
    assert set(np.round(sides.ravel(), 9)) == {0.0, HEIGHT}
    assert np.abs(mesh.points[:, 2] - 0.5 * HEIGHT).min() < 1e-12


def test_the_pressure_in_the_middle_of_a_slab_is_the_mean_of_its_faces() -> None:
    solver = slab_solver(square(2), 0.3, 0.1, (WALL,), lambda points, _: 0.0 * points, (), has_outlet=False)
    x, _, z = solver.mesh.pressure.points.T
    solver.kinematic_pressure = x + np.where(z > 0.0, 0.5, -0.5)
    middle = 0.5 * float(np.ptp(z))
    assert nearest_pressure(solver, np.array([0.9, 0.1, middle])) == pytest.approx(1.0)
    assert nearest_pressure(solver, np.array([0.9, 0.1, 1.2 * middle])) == pytest.approx(1.5)


def test_the_reaction_of_a_known_state_is_its_traction() -> None:
    """Linear shear u = y in a square at pressure x, which slows it down at rate 1."""
    solver = slab_solver(square(3), 0.3, 0.1, (WALL,), lambda points, _: 0.0 * points, (), has_outlet=False)
    solver.velocity[:, 0] = solver.mesh.velocity.points[:, 1]
    solver.kinematic_pressure = solver.mesh.pressure.points[:, 0].copy()
    thickness = float(np.ptp(solver.mesh.pressure.points[:, 2]))
    force = Reaction(solver, WALL).force(rate=np.array([-1.0, 0.0, 0.0]))
    # around the whole square the shear cancels and the pressure pushes with its difference times the area
    assert force[0] == pytest.approx(2.0 * 2.0 * thickness)
    assert force[1] == pytest.approx(0.0, abs=1e-12)
    values = sample(solver, np.array([[0.31, -0.47, 0.2 * thickness]]))
    assert values[0, [0, 3]] == pytest.approx([-0.47, 0.31])
