"""The mesh of the FDA nozzle is the body, and what is read from a flow in it is what the flow holds."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.fem.mesh import distribute
from solvers.verification.meshes import INLET, OUTLET, WALL
from solvers.verification.nozzle_data import DIFFUSER, EXPANSION, FLOW, VISCOSITY
from solvers.verification.nozzle_mesh import NozzleGrid, exact_volume, levels, nozzle
from solvers.verification.nozzle_reading import NozzleReading, half_width, profile_error

GRID = NozzleGrid(3, 3, 3.0)
STATIONS = (-0.088, -0.02, 0.008)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_mesh_is_closed_and_fills_the_body(is_reversed: bool) -> None:
    mesh = nozzle(-0.10, 0.05, STATIONS, GRID, is_reversed)
    corner = mesh.points[mesh.tets]
    volume = np.linalg.det(corner[:, 1:] - corner[:, :1]) / 6.0
    assert volume.min() > 0.0
    assert volume.sum() == pytest.approx(exact_volume(-0.10, 0.05), rel=1e-9)
    a, b, c = (mesh.points[mesh.facets[:, k]] for k in range(3))
    vector = 0.5 * np.cross(b - a, c - a)
    outward = np.einsum("fd,fd->f", vector, (a + b + c) / 3.0).sum() / 3.0
    assert outward == pytest.approx(volume.sum(), rel=1e-9)  # closed, and all facets look outward
    area = np.linalg.norm(vector, axis=1)
    for patch, sign in ((INLET, -1.0), (OUTLET, 1.0)):
        mine = mesh.facet_patch == patch
        assert area[mine].sum() == pytest.approx(np.pi * 36e-6, rel=1e-9)
        assert vector[mine, 2].sum() == pytest.approx(sign * area[mine].sum(), rel=1e-9)
    step = (mesh.facet_patch == WALL) & (np.abs(np.array([a, b, c])[:, :, 2]).max(axis=0) < 1e-9)
    assert area[step].sum() == pytest.approx(np.pi * (36e-6 - 4e-6), rel=1e-9)  # the wall around the jet
    edges = np.sort(np.concatenate([mesh.facets[:, [0, 1]], mesh.facets[:, [1, 2]], mesh.facets[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_exact_volume_by_hand() -> None:
    # 37.315 mm of tube, a frustum of 22.685 mm, 40 mm of throat, 50 mm of tube
    by_hand = np.pi * (37.315 * 36.0 + 22.685 * (36.0 + 12.0 + 4.0) / 3.0 + 40.0 * 4.0 + 50.0 * 36.0)
    assert exact_volume(-0.10, 0.05) == pytest.approx(1e-9 * by_hand, rel=1e-12)


def test_levels_hold_breaks_and_follow_the_size() -> None:
    places = levels([0.0, 1.0, 3.0], lambda x: np.where(x < 1.0, 0.1, 0.5))
    assert np.allclose(places, [*np.arange(11) / 10, 1.5, 2.0, 2.5, 3.0])


@pytest.mark.parametrize("is_reversed", [False, True])
def test_readings_of_a_parabolic_flow(is_reversed: bool) -> None:
    """A developed flow in the tube: its width at half the speed is sqrt(2) radii."""
    sign = -1.0 if is_reversed else 1.0
    arrays = nozzle(-0.10, 0.05, STATIONS, GRID, is_reversed)
    mesh = distribute(MPI.COMM_SELF, arrays, 2)
    nodes, vertices = mesh.velocity.points, mesh.pressure.points
    peak = 2.0 * FLOW / (np.pi * 36e-6)
    velocity = np.zeros_like(nodes)
    velocity[:, 2] = peak * (1.0 - (nodes[:, 0] ** 2 + nodes[:, 1] ** 2) / 36e-6)
    reading = NozzleReading(arrays, is_reversed, nodes, velocity, vertices, 1e3 * vertices[:, 2])
    z = -0.088 * sign
    assert reading.axis_speed(z) == pytest.approx(peak)
    assert reading.jet_width(z) == pytest.approx(np.sqrt(2.0) * 6e-3, rel=0.02)
    corner = 2.0 * np.pi / (18.0 * np.sin(np.pi / 9.0))  # squared radius of a regular 18-gon of area pi
    moment = corner * np.pi / 6.0 * (2.0 + np.cos(np.pi / 9.0))  # integral of r**2 over it
    assert reading.flow(z) == pytest.approx(peak * 36e-6 * (np.pi - moment), rel=1e-9)
    assert reading.wall_pressure(-0.01 * sign) == pytest.approx(-10.0 * sign)
    assert reading.wall_pressure(0.0123 * sign) == pytest.approx(12.3 * sign)
    assert reading.wall_radius(-0.051342 * sign) == pytest.approx(4e-3, rel=1e-3)
    assert (reading.wall_radius(-0.001 * sign), reading.wall_radius(0.001 * sign)) == (2e-3, 6e-3)


def test_metrics_by_hand() -> None:
    assert half_width(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.9, 0.3, 0.0])) == pytest.approx(
        2.0 * (1.0 + 2.0 / 3.0)
    )
    assert profile_error([1.0, -0.5, 2.0], [0.9, -0.6, 2.0]) == pytest.approx((0.1 + 0.2 + 0.0) / 3.0)


def test_measurements_are_of_this_flow() -> None:
    """The measured profile upstream carries the stated flow, to the 7 % by which such velocimetry may err."""
    assert 4.0 * 1056.0 * FLOW / (np.pi * 4e-3 * VISCOSITY) == pytest.approx(500.0, rel=1e-5)
    for data, first in ((EXPANSION, -0.088), (DIFFUSER, -0.048)):
        z, speed = data.profiles[0]
        assert z == first
        places = 6e-3 * np.arange(11) / 10
        flow = np.trapezoid(2.0 * np.pi * places * np.append(speed, 0.0), places)
        assert flow == pytest.approx(FLOW, rel=0.07)
