"""Velocity profiles of an inlet cap of any shape, with exactly the prescribed flow through the cap's triangles.

The profile is found on the cap itself with triangles of the velocity's degree, zero on the rim. With ``w`` the speed
into the vessel:

* parabolic: ``-lap w = 1``, the developed steady profile (Poiseuille);
* blunt: ``-lap w + k^2 w = k^2`` with ``k = 6 / R``, flat with a boundary layer of thickness R/6 (an assumption for the
  ascending aorta, where profiles are nearly flat: Nichols et al. (2011), McDonald's Blood Flow in Arteries, 6th ed.);
* plug: 1 inside, 0 on the rim;
* womersley: ``-lap w + (i omega / nu) w = 1`` for every harmonic of the flow (Womersley (1955), J. Physiol. 127:553,
  for a section of any shape);
* mapped: measured velocities (solvers/flow/measured.py), all of them scaled by the one number that brings their flow
  nearest to the prescribed one; what is still missing at a time is added with the blunt profile.
"""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Inlet, InletProfile
from solvers.fem.mesh import Space
from solvers.fem.reference import TRIANGLE_EDGES, face_basis
from solvers.flow.measured import MeasuredVelocity, PeriodicField
from solvers.network.waveform import PeriodicCurve, harmonics

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]

BLUNT_LAYERS = 6.0
N_HARMONICS = 40
N_SAMPLES = 512


@dataclass(frozen=True, eq=False)
class CapShape:
    """Finite elements on a cap, of the velocity's degree.

    Attributes
    ----------
    keys : (k,)
        Keys of the nodes, as in the velocity space.
    stiffness, mass
        Sparse (k, k) matrices.
    load : (k,)
        Integrals of the basis functions [m2].
    flux : (k,)
        Weights whose sum with nodal speeds is the flow along ``-normal`` through the triangles [m2].
    inflow : (k, 3)
        Weights whose sum with nodal velocities is the flow into the vessel [m2].
    inside : (k,)
        Nodes that are not on the rim.
    normal : (3,)
        Mean outward unit normal.
    radius
        Of the circle of the same area [m].
    """

    keys: IntArray
    stiffness: scipy.sparse.csc_matrix
    mass: scipy.sparse.csc_matrix
    load: FloatArray
    flux: FloatArray
    inflow: FloatArray
    inside: NDArray[np.bool_]
    normal: FloatArray
    radius: float


def cap_shape(mesh: MeshArrays, patch_id: int, degree: int = 2) -> CapShape:
    """The finite elements of degree 1 or 2 of a cap of a mesh."""
    facets = mesh.facets[mesh.facet_patch == patch_id]
    n_points = len(mesh.points)
    ends = np.sort(facets[:, TRIANGLE_EDGES], axis=2)
    edges = ends[:, :, 0] * n_points + ends[:, :, 1]
    raw = np.column_stack([facets * (n_points + 1), edges]) if degree == 2 else facets
    keys, flat = np.unique(raw, return_inverse=True)
    nodes = flat.reshape(raw.shape)
    inside = np.ones(len(keys), dtype=bool)
    _, edge_number, edge_uses = np.unique(edges, return_inverse=True, return_counts=True)
    on_rim = edge_uses[edge_number.reshape(edges.shape)] == 1
    for k, (a, b) in enumerate(TRIANGLE_EDGES):
        of_edge = [3 + k, a, b] if degree == 2 else [a, b]
        inside[nodes[on_rim[:, k]][:, of_edge]] = False
    corner = mesh.points[facets]
    sides = corner[:, 1:] - corner[:, :1]
    vectors = 0.5 * np.cross(sides[:, 0], sides[:, 1])
    area = np.linalg.norm(vectors, axis=1)
    metric = np.linalg.inv(np.einsum("tad,tbd->tab", sides, sides))
    points, weights = basix.make_quadrature(basix.CellType.triangle, 4)
    values, slopes = face_basis(degree, points)
    reference = np.einsum("q,qia,qjb->abij", 2.0 * weights, slopes, slopes)
    local_stiffness = np.einsum("t,tab,abij->tij", area, metric, reference)
    local_mass = np.einsum("t,q,qi,qj->tij", area, 2.0 * weights, values, values)
    size = (len(keys), len(keys))
    n_nodes = nodes.shape[1]
    rows, columns = np.repeat(nodes, n_nodes, axis=1).ravel(), np.tile(nodes, (1, n_nodes)).ravel()
    normal = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    opposite = _inner_side(mesh, facets)
    outward = 1.0 if opposite @ normal < 0 else -1.0
    load, flux, inflow = np.zeros(len(keys)), np.zeros(len(keys)), np.zeros((len(keys), 3))
    for k in (3, 4, 5) if degree == 2 else (0, 1, 2):
        np.add.at(load, nodes[:, k], area / 3.0)
        np.add.at(flux, nodes[:, k], vectors @ normal / 3.0)
        np.add.at(inflow, nodes[:, k], -outward * vectors / 3.0)
    return CapShape(
        keys=keys,
        stiffness=scipy.sparse.csc_matrix((local_stiffness.ravel(), (rows, columns)), size),
        mass=scipy.sparse.csc_matrix((local_mass.ravel(), (rows, columns)), size),
        load=load,
        flux=flux,
        inflow=inflow,
        inside=inside,
        normal=outward * normal,
        radius=float(np.sqrt(area.sum() / np.pi)),
    )


def _inner_side(mesh: MeshArrays, facets: IntArray) -> FloatArray:
    """A vector from a triangle of the cap into the vessel."""
    first = facets[0]
    owner = np.flatnonzero(np.isin(mesh.tets, first).sum(axis=1) == 3)[0]
    direction: FloatArray = mesh.points[mesh.tets[owner]].mean(axis=0) - mesh.points[first].mean(axis=0)
    return direction


def steady_profile(shape: CapShape, profile: InletProfile) -> FloatArray:
    """Speeds (k,) [1/m2] at the cap's nodes for a unit flow [m3/s]; of ``womersley`` the steady part, the parabola."""
    speed: FloatArray
    if profile == "plug":
        speed = shape.inside.astype(np.float64)
    elif profile in ("blunt", "mapped"):
        speed = np.real(_solve(shape, (BLUNT_LAYERS / shape.radius) ** 2))
    else:
        speed = np.real(_solve(shape, 0.0))
    return np.asarray(speed / (shape.flux @ speed))


def womersley_profile(shape: CapShape, angular_frequency: float, viscosity: float) -> ComplexArray:
    """Complex speeds (k,) [1/m2] for a unit flow exp(i omega t); ``viscosity`` is the kinematic one [m2/s]."""
    speed = _solve(shape, 1j * angular_frequency / viscosity)
    unit: ComplexArray = speed / (shape.flux @ speed)
    return unit


def _solve(shape: CapShape, reaction: complex) -> ComplexArray:
    inside = np.flatnonzero(shape.inside)
    matrix = (shape.stiffness + reaction * shape.mass)[inside][:, inside]
    speed = np.zeros(len(shape.keys), dtype=complex)
    speed[inside] = scipy.sparse.linalg.spsolve(matrix.astype(complex).tocsc(), shape.load[inside].astype(complex))
    return speed


class InletVelocity:
    """Velocity of an inlet's nodes at any time.

    Parameters
    ----------
    mesh
        The whole mesh on rank 0, None on the others.
    viscosity
        Kinematic [m2/s].
    ramp
        Time [s] over which the flow rises from rest.
    measured
        The measured velocities of a mapped profile, on rank 0.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        mesh: MeshArrays | None,
        space: Space,
        inlet: Inlet,
        period: float,
        viscosity: float,
        ramp: float,
        measured: MeasuredVelocity | None = None,
    ) -> None:
        self._curve = PeriodicCurve(inlet.flow, period)
        self._ramp = ramp
        self._frequencies: FloatArray = np.zeros(0)
        self._amplitudes: ComplexArray = np.zeros(0, dtype=complex)
        if inlet.profile == "womersley":
            self._amplitudes = harmonics(self._curve.sample(N_SAMPLES))[1 : N_HARMONICS + 1]
            self._frequencies = np.linspace(1.0, N_HARMONICS, N_HARMONICS) * (2.0 * np.pi / period)
        found = None
        if mesh is not None:
            shape = cap_shape(mesh, inlet.patch_id, space.degree)
            modes = [womersley_profile(shape, omega, viscosity) for omega in self._frequencies]
            steady = steady_profile(shape, inlet.profile)
            mapped = None
            if measured is not None:
                ends = np.column_stack(np.divmod(shape.keys, len(mesh.points)))
                places = mesh.points[ends].mean(axis=1) if space.degree == 2 else mesh.points[shape.keys]
                velocity = measured.at(places, shape.normal)
                velocity[:, ~shape.inside] = 0.0
                mapped = measured.times, velocity, np.einsum("tkd,kd->t", velocity, shape.inflow)
            area = float(shape.load.sum())
            found = (area, shape.keys, shape.normal, steady, np.array(modes).reshape(-1, len(shape.keys)), mapped)
        area, keys, normal, steady, modes_everywhere, mapped = comm.bcast(found)
        self.peak_speed = float(np.abs(self._curve.sample(N_SAMPLES)).max()) / area
        """Largest mean speed over the cap in a cycle [m/s]."""
        at = np.minimum(np.searchsorted(keys, space.keys), len(keys) - 1)
        self.nodes: IntArray = np.flatnonzero(keys[at] == space.keys)
        mine = at[self.nodes]
        self._inward = -normal
        self._steady = steady[mine]
        self._modes = modes_everywhere[:, mine]
        self._mapped: tuple[PeriodicField, PeriodicField] | None = None
        if mapped is not None:
            times, velocity, flows = mapped
            brought = PeriodicField(times, flows, period)
            at = period * np.arange(N_SAMPLES) / N_SAMPLES
            wanted, have = self._curve.sample(N_SAMPLES), np.array([float(brought(time)) for time in at.tolist()])
            scale = float(wanted @ have / (have @ have)) if have.any() else 0.0
            if scale <= 0.0 and wanted.any():
                raise RunError(
                    "bad_profile",
                    f"The measured velocities of inlet {inlet.name!r} leave the vessel while the given flow enters it: "
                    "turn the sign of one of them.",
                    exit_code=ExitCode.BAD_SPEC,
                )
            self._mapped = (
                PeriodicField(times, scale * velocity[:, mine], period),
                PeriodicField(times, scale * flows, period),
            )

    def _rise(self, time: float) -> float:
        return 0.5 * (1.0 - np.cos(np.pi * time / self._ramp)) if time < self._ramp else 1.0

    def flow(self, time: float) -> float:
        """The flow into the vessel [m3/s]."""
        return self._rise(time) * float(self._curve(time))

    def values(self, time: float) -> FloatArray:
        """Velocities (k, 3) [m/s] at ``nodes``."""
        turning = self._rise(time) * self._amplitudes * np.exp(1j * self._frequencies * time)
        rest = self.flow(time) - float(np.real(turning).sum())
        if self._mapped is not None:
            velocity, flow = (field(time) for field in self._mapped)
            rest -= self._rise(time) * float(flow)
            return np.asarray(self._rise(time) * velocity + rest * self._steady[:, None] * self._inward)
        speed = np.real(turning @ self._modes) + rest * self._steady
        return np.asarray(speed[:, None] * self._inward)
