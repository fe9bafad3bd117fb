"""A wall of given thickness as layers of tetrahedra on the triangles of its inner face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.fem.reference import EDGES
from solvers.wall.mesh import WallMesh, quadratic

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NORMAL_PASSES, MOST_CUTS, LEAST_LEFT = 8, 25, 0.2
LEAST_VOLUME = 0.15
"""Of each tetrahedron in a wall without folds, by a third of that of the prism on the inner triangle."""


@dataclass(frozen=True, eq=False)
class Coat:
    """Layers of one material: ``across`` (n, 3) leads from each point of the coat's inner face to its outer one [m]."""

    across: FloatArray
    n_layers: int
    material: int = 0


def layered(points: FloatArray, triangles: IntArray, coats: Sequence[Coat]) -> WallMesh:
    """Prisms on the triangles, coat upon coat, each cut into three tetrahedra with ten nodes.

    Parameters
    ----------
    points : (n, 3), triangles : (m, 3)
        The inner face [m], counter-clockwise seen from the wall.
    coats
        From inside to outside.

    Returns
    -------
    mesh
        Point ``i`` of level ``k`` (0 is the inner face) is the corner ``k n + i``.
    """
    n, levels, material = len(points), [points], []
    for coat in coats:
        base = levels[-1]
        levels += [base + k / coat.n_layers * coat.across for k in range(1, coat.n_layers + 1)]
        material += [coat.material] * coat.n_layers
    corners = np.concatenate(levels)
    one = _upright_prisms(triangles, n)
    tets = np.concatenate([one + k * n for k in range(len(material))])
    return quadratic(
        corners, tets, np.ascontiguousarray(triangles[:, ::-1]), np.repeat(np.array(material), 3 * len(triangles))
    )


def _upright_prisms(triangles: IntArray, n: int) -> IntArray:
    """The tetrahedra (3 m, 4) of one layer: point ``i`` stands below point ``i + n``."""
    a, b, c = np.sort(triangles, axis=1).T
    # each side's diagonal runs from the point with the lower number up to that with the higher: neighbors agree
    one = np.stack([np.stack(four, 1) for four in ((a, b, c, c + n), (a, b, b + n, c + n), (a, a + n, b + n, c + n))])
    # signs are those of an upright prism, so that a folded one shows by negative volumes
    order = np.argsort(triangles, axis=1)
    is_even = (order[:, 1] - order[:, 0]) % 3 == 1
    is_reversed = np.stack([~is_even, is_even, ~is_even])
    one[is_reversed] = one[is_reversed][:, [0, 2, 1, 3]]
    return one.reshape(-1, 4)


def bent(mesh: WallMesh, place: Callable[[FloatArray, FloatArray], FloatArray]) -> WallMesh:
    """The mesh with the midpoints of its edges on a curve: ``place`` gives them (k, 3) for both ends (k, 3)."""
    points = mesh.points.copy()
    ends = mesh.cells[:, EDGES]
    points[mesh.cells[:, 4:].ravel()] = place(*points[ends.reshape(-1, 2).T])
    return mesh.moved(points)


def volumes(mesh: WallMesh) -> FloatArray:
    """Volume (m,) of each tetrahedron between its corners [m3]; negative if it is inside out."""
    corner = mesh.points[mesh.cells[:, :4]]
    result: FloatArray = np.linalg.det(corner[:, 1:] - corner[:, :1]) / 6.0
    return result


def border_nodes(mesh: WallMesh, triangles: IntArray, n_layers: int) -> NDArray[np.bool_]:
    """Which nodes (n,) of a layered mesh stand on the open borders of its inner face's ``triangles``."""
    n = mesh.n_corners // (n_layers + 1)
    sides = np.sort(triangles[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1)
    keys, counts = np.unique(sides[:, 0] * n + sides[:, 1], return_counts=True)
    open_keys = keys[counts == 1]
    is_border = np.zeros(n, dtype=bool)
    is_border[open_keys // n] = is_border[open_keys % n] = True
    ends = mesh.cells[:, EDGES]
    low, high = np.sort(ends % n, axis=2).transpose(2, 0, 1)
    result = np.zeros(len(mesh.points), dtype=bool)
    result[: mesh.n_corners] = np.tile(is_border, n_layers + 1)
    # an edge between two points of a border lies on it if it is a side of the border, or stands across the wall
    on_border = np.where(low == high, is_border[low], np.isin(low * n + high, open_keys))
    result[mesh.cells[:, 4:][on_border]] = True
    return result


def upright(
    points: FloatArray, triangles: IntArray, normals: FloatArray, thickness: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """From an inner face to an outer one that has no folds.

    The normals are evened out over the neighbors. Where a tetrahedron would still be smaller than ``LEAST_VOLUME``
    tells, as in the crotch of a branch that is sharper than the wall is thick, the thickness is lessened until it is
    not, or to ``LEAST_LEFT`` of what was wished: what is still folded then shows by its ``volumes``.

    Returns
    -------
    (across, left)
        From each point to the outer face (n, 3) [m], and the part (n,) of the wished thickness that was left.
    """
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    normals = _evened(normals, sides, NORMAL_PASSES)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    tets = _upright_prisms(triangles, len(points))
    a, b, c = (points[triangles[:, k]] for k in range(3))
    least = LEAST_VOLUME / 6.0 * np.tile(np.linalg.norm(np.cross(b - a, c - a), axis=1), 3)
    left = np.ones(len(points))
    for _ in range(MOST_CUTS):
        across = (thickness * left)[:, None] * normals
        corner = np.concatenate([points, points + across])[tets]
        height = np.tile((thickness * left)[triangles].mean(axis=1), 3)
        is_bad = np.linalg.det(corner[:, 1:] - corner[:, :1]) / 6.0 < least * height
        if not is_bad.any():
            break
        lessened = left.copy()
        lessened[triangles[is_bad.reshape(3, -1).any(axis=0)]] *= 0.8
        # the step in thickness is spread, so that it adds no edge of its own
        left = np.maximum(np.minimum(lessened, 1.25 * _evened(lessened, sides, 1)), LEAST_LEFT)
    return across, left


def _evened(values: FloatArray, sides: IntArray, passes: int) -> FloatArray:
    """Values (n, ...) after passes of half their own and half the mean of their neighbors."""
    shape = (-1, *[1] * (values.ndim - 1))
    count = np.bincount(sides.ravel(), minlength=len(values)).reshape(shape)
    for _ in range(passes):
        total = np.zeros_like(values)
        np.add.at(total, sides[:, 0], values[sides[:, 1]])
        np.add.at(total, sides[:, 1], values[sides[:, 0]])
        values = 0.5 * values + 0.5 * total / count
    return values
