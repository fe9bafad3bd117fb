"""Inlet profiles carry the prescribed flow through caps of any shape, and are the analytic ones on a circle."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from mpi4py import MPI
from scipy.special import iv

from solvers.contract.errors import RunError
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Inlet, InletProfile, MeasuredProfile, Waveform
from solvers.fem.mesh import distribute
from solvers.fem.surface import CapMeasure
from solvers.flow.inlet import BLUNT_LAYERS, InletVelocity, cap_shape, steady_profile, womersley_profile
from solvers.flow.measured import read_measured
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


def _measured(folder: Path, mesh: MeshArrays, suffix: str, is_registered: bool, shift: float = 0.0) -> Inlet:
    """A swirling paraboloid measured on a grid of the cap, written beside a spec."""
    line = np.linspace(-RADIUS, RADIUS, 21)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    inside = np.hypot(x, y) <= 1.001 * RADIUS
    points = np.column_stack([x, y, 0.0 * x])[inside]
    speed = 1.0 - (points**2).sum(axis=1) / RADIUS**2
    shape = np.column_stack([-points[:, 1] / RADIUS * speed, points[:, 0] / RADIUS * speed, speed])
    times, strength = np.array([0.0, 0.2, 0.4, 0.6]), np.array([0.05, 1.0, -0.15, 0.1])
    velocity = strength[:, None, None] * shape
    if is_registered:  # elsewhere, turned about x, and in other units of length
        turn = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
        points, velocity = 1000.0 * points @ turn.T + 7.0, velocity @ turn.T
    path = folder / f"profile{suffix}"
    if suffix == ".npz":
        np.savez(path, points=points + shift, velocity=velocity, times=times)
    elif suffix == ".vtp":
        surface = pv.PolyData(points)
        for time, field in zip(times.tolist(), velocity, strict=True):
            surface.point_data[f"velocity_{time}"] = field
        surface.save(path)
    else:
        rows = [
            (t, *p, *v) for t, field in zip(times, velocity, strict=True) for p, v in zip(points, field, strict=True)
        ]
        np.savetxt(path, rows, delimiter=",", header="t,x,y,z,u,v,w", comments="", fmt="%.17g")
    found = MeasuredProfile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), is_registered)
    flow = Waveform((0.0, 0.2, 0.4, 0.6), (1e-6, 2e-5, -3e-6, 2e-6))
    return Inlet(INLET, "inlet", flow, "mapped", measured=found)


@pytest.mark.parametrize(
    ("suffix", "is_registered"), [(".npz", False), (".npz", True), (".csv", False), (".vtp", True)]
)
def test_a_measured_profile_is_laid_on_the_cap_with_the_flow_prescribed(
    tmp_path: Path, suffix: str, is_registered: bool
) -> None:
    mesh = _tube()
    local, given = distribute(MPI.COMM_SELF, mesh), _measured(tmp_path, mesh, suffix, is_registered)
    measured = read_measured(tmp_path, given, mesh, 0.8)
    inlet = InletVelocity(MPI.COMM_SELF, mesh, local.velocity, given, 0.8, 3.3e-6, 0.1, measured)
    cap, velocity = CapMeasure(local, INLET), np.zeros((local.velocity.n_local, 3))
    for time in (0.05, 0.2, 0.31, 0.4, 1.37):
        velocity[inlet.nodes] = inlet.values(time)
        assert cap.flow(velocity) == pytest.approx(-inlet.flow(time), rel=1e-12)
    velocity[inlet.nodes] = inlet.values(0.2)
    points = local.velocity.points[inlet.nodes]
    r = np.linalg.norm(points[:, :2], axis=1)
    inside, mean = r < 0.8 * RADIUS, 2e-5 / (np.pi * RADIUS**2)
    wanted = 2.0 * mean * (1.0 - (r / RADIUS) ** 2)
    found = velocity[inlet.nodes]
    assert np.abs(found[:, 2] - wanted)[inside].max() < 0.05 * 2.0 * mean
    around = (points[:, 0] * found[:, 1] - points[:, 1] * found[:, 0]) / np.maximum(r, 1e-12)
    assert np.abs(around - r / RADIUS * wanted)[inside].max() < 0.05 * 2.0 * mean


def test_a_measured_profile_of_another_place_is_refused(tmp_path: Path) -> None:
    mesh = _tube()
    for shift, must_say in ((np.array([0.006, 0.0, 0.0]), "% of the inlet without"), (0.01, "not lie in the plane")):
        given = _measured(tmp_path, mesh, ".npz", False, shift)  # type: ignore[arg-type]
        with pytest.raises(RunError, match=must_say):
            read_measured(tmp_path, given, mesh, 0.8)
    assert given.measured is not None
    with pytest.raises(RunError, match="is missing"):
        read_measured(tmp_path / "elsewhere", given, mesh, 0.8)
    (tmp_path / given.measured.path).write_bytes(b"no archive")
    with pytest.raises(RunError, match="not the file"):
        read_measured(tmp_path, given, mesh, 0.8)


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
