"""Boundary layers: the wall grown inward as layers of prisms that are cut into tetrahedra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.meshing.inscribed_ball import inscribed_ball_radius_mm
from imaging.meshing.shape import volumes_mm3
from imaging.surface.smoothing import least_cosine
from imaging.surface.topology import (
    area_vectors,
    areas_mm2,
    open_loops,
    self_intersections,
    unique_edges,
    vertex_normals,
)
from imaging.types import FloatArray, IntArray

_ROOM_RADII = 0.4
_SLOPE = 0.3
_DIRECTION_PASSES = 5
_VISIBILITY_PASSES = 40
_VISIBILITY = 0.6
_SHRINK = 0.75
_SHRINK_PASSES = 25
_LEAST_VOLUME = 0.1


class LayerError(Exception):
    """Layers cannot be grown here: ``place_mm`` is where."""

    def __init__(self, place_mm: FloatArray) -> None:
        super().__init__("no room for boundary layers")
        self.place_mm = place_mm


@dataclass(frozen=True, eq=False)
class Layers:
    """Points ((n_layers + 1) * n, 3): the wall's n points, then each level inward; positive tets with their layer 1..

    ``inner`` are the wall's triangles on the innermost level. ``thinned`` counts the wall points whose layers had to be
    made thinner than wished.
    """

    points: FloatArray
    tets: IntArray
    layer: NDArray[np.int8]
    inner: IntArray
    thinned: int


def grow_layers(
    points: FloatArray, triangles: IntArray, thickness_mm: FloatArray, n_layers: int, growth: float
) -> Layers:
    """Grow boundary layers from an open wall.

    The wall moves inward along smoothed normals, border points within the plane of their border. The wished thickness
    is cut to 0.4 of the largest ball that touches the wall at the point, so that opposite layers and sharp folds leave
    room, and changes slowly along the wall. Where a tetrahedron still has less than 0.1 of the volume that it would
    have over a flat wall, or the inner surface crosses itself, the layers are made thinner around it.

    Parameters
    ----------
    points, triangles
        The wall, outward, its borders flat.
    thickness_mm : (n,)
        Wished total thickness at each point.
    n_layers : int
    growth : float
        Thickness of a layer divided by that of its neighbor nearer to the wall.

    Raises
    ------
    LayerError
    """
    normals = vertex_normals(points, triangles)
    room = inscribed_ball_radius_mm(points, normals, 4.0 * float(thickness_mm.max()) / _ROOM_RADII)
    direction = _directions(points, triangles, normals)
    edges, _ = unique_edges(triangles)
    thickness = _slowly_varying(points, edges, np.minimum(thickness_mm, _ROOM_RADII * room))
    wished = thickness.copy()
    levels = np.concatenate([[0.0], np.cumsum(growth ** np.arange(n_layers))])
    levels /= levels[-1]
    columns, turned = _sorted_columns(triangles)
    tets, layer = _prism_tets(columns, turned, n_layers, len(points))
    area = np.tile(areas_mm2(points, triangles), 3 * n_layers)
    for _ in range(_SHRINK_PASSES):
        grown = points - levels[:, None, None] * (thickness[:, None] * direction)
        step = np.diff(levels)[layer - 1] * thickness[tets % len(points)].mean(axis=1)
        flat = volumes_mm3(grown.reshape(-1, 3), tets) < _LEAST_VOLUME * area * step / 3.0
        bad = tets[flat].ravel() % len(points)
        if len(bad) == 0:
            crossing = self_intersections(grown[-1], triangles)
            bad = triangles[crossing].ravel()
        if len(bad) == 0:
            inner = triangles + n_layers * len(points)
            thinned = int((thickness < 0.99 * wished).sum())
            return Layers(grown.reshape(-1, 3), tets, layer, inner, thinned)
        around = np.unique(edges[np.isin(edges, bad).any(axis=1)])
        thickness[around] *= _SHRINK
        thickness = _slowly_varying(points, edges, thickness)
    raise LayerError(points[bad[0]])


def _directions(points: FloatArray, triangles: IntArray, normals: FloatArray) -> FloatArray:
    """Outward directions to grow against: normals averaged with their neighbors, kept visible from every facet."""
    edges, _ = unique_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    faces = area_vectors(points, triangles)
    faces /= np.maximum(np.linalg.norm(faces, axis=1, keepdims=True), 1e-300)
    planes = [(loop, _plane_normal(points[loop])) for loop in open_loops(triangles)]
    direction = _in_planes(normals.copy(), planes)
    for _ in range(_DIRECTION_PASSES):
        total = np.zeros_like(direction)
        np.add.at(total, both[:, 0], direction[both[:, 1]])
        count = np.bincount(both[:, 0], minlength=len(points))
        mean = total / np.maximum(count, 1)[:, None]
        trial = _in_planes(_unit(0.5 * direction + 0.5 * _unit(mean)), planes)
        now, _ = least_cosine(direction, triangles, faces)
        then, _ = least_cosine(trial, triangles, faces)
        worse = then < np.minimum(0.9 * now, 0.7)
        direction = np.where(worse[:, None], direction, trial)
    for _ in range(_VISIBILITY_PASSES):
        least, facet = least_cosine(direction, triangles, faces)
        hidden = least < _VISIBILITY
        if not hidden.any():
            break
        direction[hidden] = _unit(direction[hidden] + 0.1 * faces[facet[hidden]])
        direction = _in_planes(direction, planes)
    return direction


def _in_planes(direction: FloatArray, planes: list[tuple[IntArray, FloatArray]]) -> FloatArray:
    for loop, normal in planes:
        direction[loop] = _unit(direction[loop] - (direction[loop] @ normal)[:, None] * normal)
    return direction


def _unit(vectors: FloatArray) -> FloatArray:
    unit: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    return unit


def _plane_normal(ring: FloatArray) -> FloatArray:
    offset = ring - ring.mean(axis=0)
    normal = np.cross(offset, np.roll(offset, -1, axis=0)).sum(axis=0)
    unit: FloatArray = normal / np.linalg.norm(normal)
    return unit


def _slowly_varying(points: FloatArray, edges: IntArray, thickness: FloatArray) -> FloatArray:
    """The largest thickness below the given one whose slope along any edge is at most 0.3."""
    length = _SLOPE * np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    limited = thickness.copy()
    while True:
        before = limited.copy()
        np.minimum.at(limited, edges[:, 0], limited[edges[:, 1]] + length)
        np.minimum.at(limited, edges[:, 1], limited[edges[:, 0]] + length)
        if np.allclose(before, limited, rtol=1e-6, atol=0.0):
            return limited


def _sorted_columns(triangles: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """The corners of each triangle in rising order, and whether that turned the triangle over."""
    order = np.argsort(triangles, axis=1)
    columns = np.take_along_axis(triangles, order, axis=1)
    turned = (order[:, 0] - order[:, 1]) * (order[:, 1] - order[:, 2]) * (order[:, 2] - order[:, 0]) < 0
    return columns, turned


def _prism_tets(
    columns: IntArray, turned: NDArray[np.bool_], n_layers: int, n_points: int
) -> tuple[IntArray, NDArray[np.int8]]:
    """Three tetrahedra a prism; every side face is cut from the lower level of its lower-numbered column.

    The rule depends only on the two columns of a side face, so that neighbors cut it alike.
    """
    tets = []
    i, j, k = columns.T
    for level in range(n_layers):
        outer, inner = level * n_points, (level + 1) * n_points
        for four in (
            (i + outer, j + outer, k + outer, k + inner),
            (i + outer, j + outer, k + inner, j + inner),
            (i + outer, j + inner, k + inner, i + inner),
        ):
            tet = np.stack(four, axis=1)
            # An outward triangle with a fourth corner on its inner side is positive when read in reverse.
            swap = ~turned
            tet[swap] = tet[swap][:, [1, 0, 2, 3]]
            tets.append(tet)
    layer = np.repeat(np.arange(1, n_layers + 1), 3 * len(columns)).astype(np.int8)
    return np.concatenate(tets), layer
