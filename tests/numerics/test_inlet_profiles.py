"""Inlet profiles carry the prescribed flow through caps of any shape, and are the analytic ones on a circle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI
from scipy.special import iv

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Inlet, InletProfile, Waveform
from solvers.fem.mesh import distribute
from solvers.fem.surface import CapMeasure
from solvers.flow.inlet import BLUNT_LAYERS, InletVelocity, cap_shape, steady_profile, womersley_profile
from solvers.verification.exact import Womersley
from solvers.verification.meshes import INLET, straight_tube

RADIUS = 0.005


def _tube() -> MeshArrays:
    return straight_tube(0.01, RADIUS, 8, 4, 0.6)


def _squeezed() -> MeshArrays:
    """A tilted tube with an oval, lopsided section."""
    mesh = _tube()
    x, y, z = mesh.points.T
    return replace(mesh, points=np.column_stack([1.4 * x + 60.0 * y**2 + 0.5 * z, 0.7 * y - 0.3 * z, z]))


@pytest.mark.parametrize("profile", ["parabolic", "blunt", "plug", "womersley"])
@pytest.mark.parametrize("mesh", [_tube(), _squeezed()], ids=["circle", "oval"])
def test_the_flow_through_the_cap_is_the_prescribed_one(profile: InletProfile, mesh: MeshArrays) -> None:
    local = distribute(MPI.COMM_SELF, mesh)
    flow = Waveform((0.0, 0.2, 0.4, 0.6), (1e-6, 2e-5, -3e-6, 2e-6))
    inlet = InletVelocity(MPI.COMM_SELF, mesh, local.velocity, Inlet(INLET, "inlet", flow, profile), 0.8, 3.3e-6, 0.1)
    cap = CapMeasure(local, INLET)
    for time in (0.05, 0.2, 0.4, 1.37):
        velocity = np.zeros((local.velocity.n_local, 3))
        velocity[inlet.nodes] = inlet.values(time)
        assert cap.flow(velocity) == pytest.approx(-inlet.flow(time), rel=1e-12)
    assert inlet.flow(0.2 + 0.8) == pytest.approx(2e-5)
    assert inlet.flow(0.05) < 0.6 * InletVelocity(
        MPI.COMM_SELF, mesh, local.velocity, Inlet(INLET, "inlet", flow, profile), 0.8, 3.3e-6, 0.0
    ).flow(0.05)


def _radii_of(mesh: MeshArrays) -> np.ndarray:
    keys, n_points = cap_shape(mesh, INLET).keys, len(mesh.points)
    ends = mesh.points[np.column_stack([keys // n_points, keys % n_points])]
    return np.linalg.norm(ends.mean(axis=1)[:, :2], axis=1)


def test_profiles_on_a_circle_are_the_analytic_ones() -> None:
    mesh = _tube()
    shape, r = cap_shape(mesh, INLET), _radii_of(mesh)
    area = np.pi * RADIUS**2
    parabola = 2.0 / area * (1.0 - (r / RADIUS) ** 2)
    x = BLUNT_LAYERS * r / RADIUS
    mean = 1.0 - 2.0 * iv(1, BLUNT_LAYERS) / (BLUNT_LAYERS * iv(0, BLUNT_LAYERS))
    blunt = (1.0 - iv(0, x) / iv(0, BLUNT_LAYERS)) / (mean * area)
    inside = r < 0.9 * RADIUS  # the rim is a polygon
    for profile, wanted in (("parabolic", parabola), ("blunt", blunt)):
        found = steady_profile(shape, profile)  # type: ignore[arg-type]
        assert np.abs(found - wanted)[inside].max() < 0.01 * wanted.max()


def test_the_pulsatile_profile_on_a_circle_is_womersley_s() -> None:
    mesh = _tube()
    shape, r = cap_shape(mesh, INLET), _radii_of(mesh)
    exact = Womersley.of_flow(1.0, RADIUS, 1060.0, 3.5e-3, 40.0)
    wanted = exact.velocity(np.minimum(r, RADIUS))
    found = womersley_profile(shape, 40.0, 3.5e-3 / 1060.0)
    inside = r < 0.9 * RADIUS
    assert np.abs(found - wanted)[inside].max() < 0.01 * np.abs(wanted).max()
