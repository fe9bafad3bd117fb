"""Definitions of the wall indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solvers.indices.caps import cap_indices
from solvers.indices.extensions import in_extension
from solvers.indices.wall import cycle_integrals, osi, rrt, tawss, weighted_percentiles


@given(arrays(np.float64, (7, 5, 3), elements=st.floats(-100.0, 100.0)))
def test_osi_lies_between_zero_and_a_half_for_any_stress(stress: np.ndarray) -> None:
    vector, magnitude = cycle_integrals(stress, np.linspace(0.0, 0.6, 7), 0.7)
    oscillation = osi(vector, magnitude)
    assert np.all((oscillation >= 0.0) & (oscillation <= 0.5))


def test_a_wall_without_stress_has_no_oscillation_and_infinite_residence() -> None:
    oscillation = osi(np.zeros((1, 3)), np.zeros(1))
    assert oscillation[0] == 0.0
    assert np.isinf(rrt(oscillation, tawss(np.zeros(1), 1.0))[0])


def test_percentiles_weigh_by_area() -> None:
    values, area = np.array([1.0, 2.0, 3.0]), np.array([1.0, 98.0, 1.0])
    assert weighted_percentiles(values, area, np.array([50.0]))[0] == pytest.approx(2.0)
    assert weighted_percentiles(values, np.array([1.0, 1.0, 98.0]), np.array([50.0]))[0] == pytest.approx(3.0, abs=0.05)


def test_the_flow_split_and_the_pressure_drop_have_the_right_signs() -> None:
    flow = np.tile([-3.0, 1.0, 2.0], (10, 1))
    pressure = np.tile([100.0, 90.0, 70.0], (10, 1))
    inlet, first, second = cap_indices(flow, pressure, 1)
    assert inlet.mean_flow == 3.0
    assert (first.flow_fraction, second.flow_fraction) == pytest.approx((1 / 3, 2 / 3))
    assert second.pressure_drop == 30.0


def test_only_points_on_the_straight_extension_belong_to_it() -> None:
    points = np.array([(0.0, 0.0, 5.0), (0.0, 1.0, 5.0), (0.0, 9.0, 5.0), (0.0, 0.0, -1.0), (0.0, 0.0, 30.0)])
    inside = in_extension(points, np.zeros(3), np.array([0.0, 0.0, 10.0]), 1.0)
    assert inside.tolist() == [True, True, False, False, False]
