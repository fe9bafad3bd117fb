"""The lumen's cross-section at a place, cut through the cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def section_area(mesh: MeshArrays, center: FloatArray, direction: FloatArray) -> float:
    """Area [m2] of the plane section through a place, of the piece of lumen in which the place lies.

    Parameters
    ----------
    center : (3,)
        In the plane and in the lumen [m].
    direction : (3,)
        Normal of the plane, of any length.
    """
    unit = direction / np.linalg.norm(direction)
    piece = section_piece(mesh, center, unit)
    height = heights(mesh.points, center, unit)
    return float(_areas(mesh.points[piece], height[piece], unit).sum()) if len(piece) else 0.0


def heights(points: FloatArray, center: FloatArray, unit: FloatArray) -> FloatArray:
    """Signed distances (n,) of points from a plane [m]; none is zero, so that a vertex is on one side."""
    height = (points - center) @ unit
    small = 1e-9 * np.abs(height).max(initial=1e-300)
    return np.where(np.abs(height) < small, small, height)


def section_piece(mesh: MeshArrays, center: FloatArray, unit: FloatArray) -> IntArray:
    """The cells (k, 4) that a plane cuts, of the piece of lumen in which its ``center`` lies."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    above = heights(mesh.points, center, unit) > 0.0
    n_above = above[mesh.tets].sum(axis=1)
    cut = mesh.tets[(n_above > 0) & (n_above < 4)]
    if not len(cut):
        return cut
    cells = np.repeat(np.arange(len(cut)), 4)
    vertices, at = np.unique(cut, return_inverse=True)
    size = len(cut) + len(vertices)
    joined = coo_matrix((np.ones(len(cells)), (cells, len(cut) + at.ravel())), shape=(size, size))
    _, part = connected_components(joined, directed=False)
    middle = mesh.points[cut].mean(axis=1)
    nearest = int(np.argmin(((middle - center) ** 2).sum(axis=1)))
    return np.asarray(cut[part[: len(cut)] == part[nearest]])


def _areas(corner: FloatArray, height: FloatArray, unit: FloatArray) -> FloatArray:
    """Areas (n,) of the sections of cells (n, 4, 3) whose corners lie at heights (n, 4), none of them zero.

    One corner alone on its side gives a triangle of the cuts on its edges, two and two a quadrangle.
    """
    order = np.argsort(height, axis=1)
    corner = np.take_along_axis(corner, order[:, :, None], axis=1)
    height = np.take_along_axis(height, order, axis=1)
    n_below = (height < 0.0).sum(axis=1)

    def on_edge(a: int, b: int) -> FloatArray:
        apart = height[:, b] - height[:, a]
        share = np.divide(-height[:, a], apart, out=np.zeros(len(apart)), where=apart > 0.0)
        return np.asarray(corner[:, a] + share[:, None] * (corner[:, b] - corner[:, a]))

    loops = {1: ((0, 1), (0, 2), (0, 3)), 2: ((0, 2), (0, 3), (1, 3), (1, 2)), 3: ((0, 3), (1, 3), (2, 3))}
    area = np.zeros(len(corner))
    for count, edges in loops.items():
        loop = np.stack([on_edge(*edge) for edge in edges])
        doubled = np.cross(loop[1] - loop[0], loop[2] - loop[0])
        if len(edges) == 4:
            doubled = np.cross(loop[2] - loop[0], loop[3] - loop[1])
        area = np.where(n_below == count, 0.5 * np.abs(doubled @ unit), area)
    return area
