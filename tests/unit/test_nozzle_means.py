"""Means over time in the FDA nozzle: sixths of the section, the place of breakdown, the band of a mean, the rows."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.fem.mesh import distribute
from solvers.verification.nozzle_data import EXPANSION_3500, FLOW_3500
from solvers.verification.nozzle_mesh import NozzleGrid, nozzle
from solvers.verification.nozzle_reading import NozzleReading, mean_of_sixths
from solvers.verification.nozzle_unsteady import PARTS, MeanFlow, compare_means
from solvers.verification.row import Row

GRID = NozzleGrid(3, 3, 3.0)
STATIONS = [z for z, _, _ in EXPANSION_3500.axis]


def _flow(axis: np.ndarray, parts: np.ndarray) -> MeanFlow:
    arrays = nozzle(-0.10, 0.12, STATIONS, GRID, False)
    mesh = distribute(MPI.COMM_SELF, arrays, 1)
    nodes = mesh.velocity.points
    velocity = np.zeros_like(nodes)
    velocity[:, 2] = np.interp(nodes[:, 2], *np.transpose([(z, u) for z, u, _ in EXPANSION_3500.axis]))
    reading = NozzleReading(arrays, False, nodes, velocity, mesh.pressure.points, np.zeros(len(mesh.pressure.points)))
    return MeanFlow(reading, axis, parts, np.zeros(len(axis)))


@pytest.mark.parametrize("degree", [1, 2])
def test_sixths_are_averaged(degree: int) -> None:
    arrays = nozzle(-0.10, 0.05, (-0.088, 0.008), GRID, False)
    nodes = distribute(MPI.COMM_SELF, arrays, degree).velocity.points
    x, y, z = nodes.T
    even = 1.0 + 1e4 * (x**2 + y**2) + z
    mean = mean_of_sixths(nodes, even + 100.0 * x - 50.0 * y)
    levels = np.unique(np.round(arrays.points[:, 2], 9))
    in_section = np.abs(z[:, None] - levels).min(axis=1) < 1e-8
    assert np.allclose(mean[in_section], even[in_section], atol=1e-9)  # what has no sixfold symmetry is gone
    assert np.abs(mean - even).max() <= 100.0 * np.hypot(1.0, 0.5) * 6e-3  # and nothing is taken from elsewhere
    if degree == 1:
        assert in_section.all()


def test_flow_of_linear_elements_is_exact() -> None:
    arrays = nozzle(-0.10, 0.05, (-0.088, 0.008), GRID, False)
    mesh = distribute(MPI.COMM_SELF, arrays, 1)
    nodes = mesh.velocity.points
    velocity = np.column_stack([0 * nodes[:, :2], 2.0 + 100.0 * nodes[:, 0]])
    reading = NozzleReading(arrays, False, nodes, velocity, mesh.pressure.points, np.zeros(len(nodes)))
    assert reading.flow(-0.088) == pytest.approx(2.0 * np.pi * 36e-6, rel=1e-9)


def test_breakdown_and_band_by_hand() -> None:
    axis = np.array([-0.01, 0.0, 0.01, 0.02, 0.03])
    speeds = np.array([[4.0, 4.0, 3.0, 1.0, 0.5], [4.0, 4.0, 4.0, 3.0, 1.0]])
    flow = _flow(axis, speeds)
    assert flow.breakdown(speeds[0]) == pytest.approx(0.015)
    assert flow.breakdown(speeds[1]) == pytest.approx(0.025)
    assert flow.breakdown(flow.speed) == pytest.approx(0.02)
    assert flow.breakdown(np.full(5, 4.0)) == pytest.approx(0.03)  # never: the end
    values = np.arange(10.0)
    assert flow.band(values) == pytest.approx(2.26 * np.sqrt(55.0 / 6.0) / np.sqrt(10.0))


def test_measured_speeds_pass_and_a_jet_that_breaks_early_is_named() -> None:
    z, measured, _ = (np.array(column) for column in zip(*EXPANSION_3500.axis, strict=True))
    passed = {}
    for shift in (0.0, 0.008):
        speed = np.interp(np.where(z > 0.0, z + shift, z), z, measured)
        rows = [row for row in compare_means(_flow(z, np.tile(speed, (PARTS, 1)))) if isinstance(row, Row)]
        passed[shift] = {row.quantity: row.error <= row.gate for row in rows}
    place = "place where the mean speed on the axis is half that at the throat's end"
    assert passed[0.0][place]
    assert not passed[0.008][place]
    assert all(is_good for quantity, is_good in passed[0.0].items() if quantity.startswith("mean speed on the axis"))


def test_measured_profile_carries_the_stated_flow() -> None:
    assert 4.0 * 1056.0 * FLOW_3500 / (np.pi * 4e-3 * 3.5e-3) == pytest.approx(3500.0, rel=1e-5)
    speed = np.append(EXPANSION_3500.profiles[0][1], 0.0)
    places = 6e-3 * np.arange(11) / 10
    assert np.trapezoid(2.0 * np.pi * places * speed, places) == pytest.approx(FLOW_3500, rel=0.07)
