"""What the FDA nozzle's study compares, read from a flow field, and the study's measures of disagreement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solvers.contract.mesh_file import MeshArrays
from solvers.verification.nozzle_mesh import TUBE_RADIUS, radius

FloatArray = NDArray[np.float64]

TINY = 1e-8
"""Distance [m] below which places are the same."""


class NozzleReading:
    """A flow in a mesh of :func:`solvers.verification.nozzle_mesh.nozzle`; z [m] is the distance along the flow.

    Places asked for must be among the mesh's stations, but for those of the pressure.

    Parameters
    ----------
    arrays, is_reversed
        The mesh, and whether it is that of the reversed flow.
    nodes, velocity : (n, 3)
        Unknowns' places [m] and velocities [m/s], of quadratic or (nodes only at vertices) linear elements.
    vertices, pressure : (m, 3), (m,)
        Vertices [m] and pressures [Pa].
    """

    def __init__(
        self,
        arrays: MeshArrays,
        is_reversed: bool,
        nodes: FloatArray,
        velocity: FloatArray,
        vertices: FloatArray,
        pressure: FloatArray,
    ) -> None:
        self._arrays, self._is_reversed = arrays, is_reversed
        self._nodes, self._axial, self._tree = nodes, velocity[:, 2], cKDTree(nodes)
        self._vertices, self._pressure = vertices, pressure

    def wall_radius(self, z: float) -> float:
        """Radius [m] of the body; at the sudden change of diameter the smaller one."""
        place = -z if self._is_reversed else z
        return TUBE_RADIUS if place > TINY else float(radius(place))

    def profile(self, z: float) -> tuple[FloatArray, FloatArray]:
        """Radii [m] and axial velocities [m/s] along a ray from the axis to the wall."""
        nodes = self._nodes
        on_ray = np.flatnonzero((np.abs(nodes[:, 2] - z) < TINY) & (np.abs(nodes[:, 1]) < TINY) & (nodes[:, 0] > -TINY))
        order = on_ray[np.argsort(nodes[on_ray, 0])]
        return nodes[order, 0], self._axial[order]

    def axis_speed(self, z: float) -> float:
        """Axial velocity [m/s] on the axis."""
        return float(self.profile(z)[1][0])

    def axis(self) -> FloatArray:
        """Places along the flow [m] and axial velocities [m/s] on the whole axis, (2, n)."""
        on_axis = np.flatnonzero(np.hypot(self._nodes[:, 0], self._nodes[:, 1]) < TINY)
        on_axis = on_axis[np.argsort(self._nodes[on_axis, 2])]
        return np.stack([self._nodes[on_axis, 2], self._axial[on_axis]])

    def jet_width(self, z: float) -> float:
        """Width [m] within which the velocity exceeds half that on the axis."""
        return half_width(*self.profile(z))

    def flow(self, z: float) -> float:
        """Flow [m3/s] through the section: exact for the velocity of the elements."""
        corner = self._arrays.tets[(np.abs(self._arrays.points[self._arrays.tets, 2] - z) < TINY).sum(axis=1) == 3]
        in_plane = np.abs(self._arrays.points[corner, 2] - z) < TINY
        faces = np.unique(np.sort(corner[in_plane].reshape(-1, 3), axis=1), axis=0)
        a, b, c = (self._arrays.points[faces[:, k]] for k in range(3))
        area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        is_linear = len(self._nodes) == len(self._vertices)
        places = (a, b, c) if is_linear else (0.5 * (a + b), 0.5 * (b + c), 0.5 * (c + a))
        return float(area @ sum(self._axial[self._tree.query(place)[1]] for place in places)) / 3.0

    def wall_pressure(self, z: float) -> float:
        """Pressure [Pa] on the wall, linear between sections; at the sudden change that of the inner edge."""
        across = self._vertices[:, 0]
        place = (-1.0 if self._is_reversed else 1.0) * self._vertices[:, 2]
        asked = -z if self._is_reversed else z
        behind = asked > TINY
        wall = np.full(len(place), TUBE_RADIUS) if behind else radius(place)
        part = place > -TINY if behind else place < TINY
        near = np.flatnonzero(
            part & (np.abs(self._vertices[:, 1]) < TINY) & (across > 0.0) & (np.abs(across / wall - 1.0) < 0.02)
        )
        near = near[np.argsort(place[near])]
        return float(np.interp(asked, place[near], self._pressure[near]))


def mean_of_sixths(nodes: FloatArray, axial: FloatArray) -> FloatArray:
    """Axial velocities (n,) [m/s] averaged over turns of 60 degrees about the axis, at nodes that these lead to nodes.

    A mean flow in a round body has no preferred direction, and six rays show it with less scatter than one. All nodes
    of sections are such; of those between sections the middles of diagonals are not, and keep their value.
    """
    tree = cKDTree(nodes)
    total, is_whole = np.zeros_like(axial), np.ones(len(nodes), dtype=bool)
    for angle in np.pi / 3.0 * np.arange(6):
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = nodes @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        distance, image = tree.query(turned)
        is_whole &= distance < TINY
        total += axial[image]
    return np.where(is_whole, total / 6.0, axial)


def half_width(distance: FloatArray, speed: FloatArray) -> float:
    """Width [m] of a profile from the axis outward where it first falls to half of its value on the axis."""
    below = int(np.argmax(speed < 0.5 * speed[0]))
    inner, outer = speed[below - 1], speed[below]
    share = (inner - 0.5 * speed[0]) / (inner - outer)
    return 2.0 * float(distance[below - 1] + share * (distance[below] - distance[below - 1]))


def profile_error(measured: Sequence[float], computed: Sequence[float]) -> float:
    """Mean of ``|(measured - computed) / measured|`` over the points of a profile (Stewart et al. 2012)."""
    expected = np.asarray(measured, dtype=float)
    return float(np.mean(np.abs((expected - np.asarray(computed, dtype=float)) / expected)))
