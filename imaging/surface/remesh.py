"""New triangles for a wall: sized by the caller (MMG), then fitted so that the facets enclose the same volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.surface.polydata import SignedDistance
from imaging.surface.topology import areas_mm2, open_loops, vertex_normals
from imaging.types import FloatArray, IntArray

_GRADATION = 1.2
_FIT_PASSES = 3


class RemeshError(Exception):
    """The remesher gave up on a surface."""


def remeshed(
    points: FloatArray, triangles: IntArray, edge_mm: FloatArray, hausdorff_mm: float
) -> tuple[FloatArray, IntArray]:
    """Isotropic triangles of the wished edge length on the same surface; open borders stay where they are.

    Parameters
    ----------
    edge_mm : (n,)
        Wished edge length at each point.
    hausdorff_mm : float
        Largest distance between the old and the new surface that the remesher may cause.

    Raises
    ------
    RemeshError
    """
    from mmgpy import MmgMeshS

    mesh = MmgMeshS(np.ascontiguousarray(points), np.ascontiguousarray(triangles, dtype=np.int32))
    mesh.set_field("metric", np.ascontiguousarray(edge_mm, dtype=np.float64)[:, None])
    try:
        mesh.remesh(hausd=hausdorff_mm, hgrad=_GRADATION, angle=0, verbose=-1)
    except RuntimeError as failure:
        raise RemeshError(str(failure)) from None
    return np.array(mesh.get_vertices(), dtype=np.float64), np.array(mesh.get_triangles(), dtype=np.int64)


def fitted(
    points: FloatArray, triangles: IntArray, original: SignedDistance, planes: Sequence[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    """Move the points along their normals until the facets lie on average on the original surface.

    Facets whose corners lie on a convex wall lie inside it: with edges of R/3 a tube loses 2 % of its volume. A point
    moves by the mean distance of the facets around it; the points of an open border stay in its plane.

    Parameters
    ----------
    original : SignedDistance
        Of the surface to follow.
    planes : sequence of (center, normal)
        One for each open border; a border belongs to the plane whose center is nearest to its own.
    """
    points = points.copy()
    borders = []
    for loop in open_loops(triangles):
        middle = points[loop].mean(axis=0)
        center, normal = min(planes, key=lambda plane: float(np.linalg.norm(plane[0] - middle)))
        points[loop] -= ((points[loop] - center) @ normal)[:, None] * normal
        borders.append((loop, normal))
    for _ in range(_FIT_PASSES):
        corners = points[triangles]
        middles = (corners + np.roll(corners, -1, axis=1)) / 2.0
        # The three edge midpoints integrate the distance over a facet exactly to second order.
        facet = original(middles.reshape(-1, 3)).reshape(-1, 3).mean(axis=1)
        weight = areas_mm2(points, triangles)
        total = np.zeros(len(points))
        mass = np.zeros(len(points))
        np.add.at(total, triangles, (facet * weight)[:, None])
        np.add.at(mass, triangles, weight[:, None])
        step = -(total / np.maximum(mass, 1e-300))[:, None] * vertex_normals(points, triangles)
        for loop, normal in borders:
            step[loop] -= (step[loop] @ normal)[:, None] * normal
        points += step
    return points
