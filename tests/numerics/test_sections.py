"""Flow, pressure and speed on sections are those of the whole velocity, cut exactly."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.contract.sections import Section
from solvers.contract.spec import Elements, Waveform
from solvers.fem.mesh import distribute
from solvers.fem.sections import SectionMeasure
from solvers.verification.meshes import straight_tube
from solvers.verification.tube_flow import VISCOSITY, tube_solver

LENGTH, RADIUS, FLOW = 0.04, 2e-3, 1e-6
TUBE = straight_tube(LENGTH, RADIUS, 4, 12)
TILTED = (0.2, -0.1, 1.0)


def sections(*z: float, normal: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> tuple[Section, ...]:
    return tuple(Section(f"z{index}", (0.0, 0.0, height), normal) for index, height in enumerate(z))


@pytest.mark.parametrize("degree", [1, 2])
def test_a_field_that_the_elements_hold_is_integrated_to_rounding_on_any_plane(degree: int) -> None:
    mesh = distribute(MPI.COMM_SELF, TUBE, degree)
    # between the mesh's own planes, in one of them, and across them
    planes = (*sections(0.0171, 0.02), *sections(0.0213, normal=TILTED))
    measure = SectionMeasure(mesh, TUBE, planes)
    polygon = np.pi * RADIUS**2  # the mesh's sections have the circle's area
    unit = np.array(TILTED) / np.linalg.norm(TILTED)
    area = polygon / np.array([1.0, 1.0, unit[2]])
    assert measure.area == pytest.approx(area, rel=1e-9)
    x, p = mesh.velocity.points, mesh.pressure.points
    velocity = np.column_stack([0.0 * x[:, 0], 0.0 * x[:, 0], 0.5 + 30.0 * x[:, 2]])
    flow, pressure, speed = measure.measure(velocity, 100.0 - 4e3 * p[:, 2])
    heights = np.array([0.0171, 0.02, 0.0213])
    assert flow == pytest.approx(polygon * (0.5 + 30.0 * heights), rel=1e-9)
    assert pressure == pytest.approx(100.0 - 4e3 * heights, rel=1e-9)
    assert speed == pytest.approx(0.5 + 30.0 * heights, rel=1e-9)
    if degree == 2:  # what vertex values alone would miss
        round_profile = np.column_stack([0.0 * x[:, 0], 0.0 * x[:, 0], 1.0 - (x[:, 0] ** 2 + x[:, 1] ** 2) / RADIUS**2])
        linear = distribute(MPI.COMM_SELF, TUBE, 1)
        at = linear.velocity.points
        cut_off = np.column_stack([0.0 * at[:, 0], 0.0 * at[:, 0], 1.0 - (at[:, 0] ** 2 + at[:, 1] ** 2) / RADIUS**2])
        whole = measure.measure(round_profile, np.zeros(len(p)))[0]
        missed = SectionMeasure(linear, TUBE, planes).measure(cut_off, np.zeros(len(at)))[0]
        assert whole[0] == pytest.approx(polygon / 2.0, rel=0.002)
        assert missed[0] < 0.975 * whole[0]


@pytest.mark.parametrize("elements", ["P2/P1", "P1/P1"])
def test_sections_of_a_tube_carry_the_inflow_and_the_pressure_falls_linearly(elements: Elements) -> None:
    solver = tube_solver(TUBE, Waveform.constant(FLOW), "parabolic", 0.5, 20, elements=elements)
    for _ in range(40):
        report = solver.step()
    z = np.array([0.0081, 0.0139, 0.0203, 0.0266, 0.0311])
    measure = SectionMeasure(solver.mesh, TUBE, (*sections(*z), *sections(0.0203, normal=TILTED)))
    flow, pressure, _ = measure.measure(solver.velocity, 1060.0 * solver.kinematic_pressure)
    inflow = -float(report.flows[0])
    assert inflow == pytest.approx(FLOW, rel=1e-9)
    assert np.abs(flow / inflow - 1.0).max() < 1e-3
    slope, _ = np.polyfit(z, pressure[:5], 1)
    apart = np.abs(pressure[:5] - np.polyval(np.polyfit(z, pressure[:5], 1), z)).max()
    drop = float(report.pressures[0] - report.pressures[1])
    assert apart < 2e-3 * drop
    assert -slope == pytest.approx(drop / LENGTH, rel=0.01)
    assert -slope == pytest.approx(8.0 * VISCOSITY * FLOW / (np.pi * RADIUS**4), rel=0.03)


def test_only_the_piece_of_lumen_around_the_center_is_cut_and_a_plane_outside_says_so() -> None:
    other = straight_tube(LENGTH, RADIUS, 2, 6)
    shifted = other.points + np.array([3.0 * RADIUS, 0.0, 0.0])
    n = len(other.points)
    both = type(other)(
        np.concatenate([other.points, shifted]),
        np.concatenate([other.tets, other.tets + n]),
        np.concatenate([other.facets, other.facets + n]),
        np.concatenate([other.facet_patch, other.facet_patch]),
    )
    mesh = distribute(MPI.COMM_SELF, both, 1)
    measure = SectionMeasure(mesh, both, (*sections(0.021), Section("out", (0.0, 0.0, 1.0), (0.0, 0.0, 1.0))))
    assert measure.area[0] == pytest.approx(np.pi * RADIUS**2, rel=1e-9)
    assert measure.area[1] == 0.0
    found = measure.measure(np.ones((mesh.velocity.n_local, 3)), np.ones(mesh.pressure.n_local))
    assert np.isfinite(found[:, 0]).all() and np.isnan(found[:, 1]).all()
