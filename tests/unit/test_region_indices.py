"""Wall indices and flow over regions, in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.indices.regions import (
    inflow,
    kinetic_energy_density,
    low_area_share,
    over_region,
    stress_concentration,
    vertex_areas,
)


def test_areas_of_vertices_add_up() -> None:
    points = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [3.0, 2.0, 0.0]])
    areas = vertex_areas(points, np.array([[0, 1, 2], [1, 3, 2]]))
    assert areas == pytest.approx([1.0, 2.0, 2.0, 1.0])


def test_figures_of_a_region_are_weighted_by_area() -> None:
    values, area = np.array([1.0, 3.0, 100.0, 0.05]), np.array([3.0, 1.0, 5.0, 4.0])
    region = np.array([True, True, False, True])
    found = over_region(values, area, region)
    assert found.mean == pytest.approx((3.0 + 3.0 + 0.2) / 8.0) and (found.least, found.largest) == (0.05, 3.0)
    assert low_area_share(values, area, region, 1.0) == pytest.approx(0.5)


def test_shear_force_is_concentrated_where_a_jet_strikes() -> None:
    area, region = np.full(1000, 2.0), np.ones(1000, bool)
    assert stress_concentration(np.ones(1000), area, region) == pytest.approx(0.1)
    struck = np.where(np.arange(1000) < 100, 9.0, 1.0)
    assert stress_concentration(struck, area, region) == pytest.approx(0.5)


def test_kinetic_energy_of_a_linear_velocity_is_exact() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    velocity = np.stack([points[:, 0], 0.0 * points[:, 0], 2.0 * points[:, 1]], axis=1)
    found = kinetic_energy_density(velocity, np.array([[0, 1, 2, 3]]), np.array([1.0 / 6.0]), np.array([True]), 1000.0)
    assert found == pytest.approx(0.5 * 1000.0 * (0.1 + 4.0 * 0.1))  # the mean of x^2 over the unit tetrahedron is 1/10


def test_what_enters_a_section() -> None:
    entering, share = inflow(np.array([2.0, -1.0, 0.0, 1.0]), np.array([1.0, 1.0, 2.0, 1.0]))
    assert (entering, share) == (3.0, 0.4)
