"""Cut one end off a closed or partly open surface: flat, and only the piece at hand."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from imaging.surface.topology import compact, directed_edges, triangle_pieces
from imaging.types import FloatArray, IntArray


class CutError(Exception):
    """The plane does not cut a piece off: its curve is not closed there, or leads around a loop."""


def clip_end(
    points: FloatArray, triangles: IntArray, center_mm: FloatArray, normal: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Remove what lies beyond the plane behind the one closed curve around ``center_mm``.

    Parameters
    ----------
    points, triangles
        The surface, outward.
    center_mm, normal
        A point within the curve to cut along, and the unit normal toward the piece to remove.

    Returns
    -------
    (points, triangles)
        With a flat border where the piece was; every other part of the surface that the plane meets is untouched.

    Raises
    ------
    CutError
    """
    height = (points - center_mm) @ normal
    scale = float(np.abs(height).max())
    height = np.where(np.abs(height) < 1e-9 * scale, 1e-9 * scale, height)
    beyond = height > 0
    crossing = np.flatnonzero(beyond[triangles].any(axis=1) & ~beyond[triangles].all(axis=1))
    curve = crossing[_curve_around(points, triangles[crossing], height, center_mm)]
    kept_mask = np.ones(len(triangles), bool)
    kept_mask[curve] = False
    new_points, new_triangles = near_parts(points, triangles[curve], height, beyond)
    kept_mask[_behind(triangles, curve, beyond)] = False
    return compact(new_points, np.concatenate([triangles[kept_mask], new_triangles]))


def _curve_around(points: FloatArray, crossing: IntArray, height: FloatArray, center: FloatArray) -> IntArray:
    """Which of the crossed triangles form the closed curve that winds around the center."""
    if len(crossing) == 0:
        raise CutError("the plane misses the surface")
    ring_of = _pieces_across_cut_edges(crossing, height > 0)
    best, best_distance = -1, np.inf
    for ring in range(int(ring_of.max()) + 1):
        corners = crossing[ring_of == ring]
        middle = points[corners].mean(axis=1)
        distance = float(np.linalg.norm(middle.mean(axis=0) - center))
        reach = float(np.linalg.norm(middle - middle.mean(axis=0), axis=1).max())
        if distance < best_distance and distance < reach:
            best, best_distance = ring, distance
    if best < 0:
        raise CutError("no closed curve around the center")
    return np.flatnonzero(ring_of == best)


def _pieces_across_cut_edges(crossing: IntArray, beyond: NDArray[np.bool_]) -> IntArray:
    """Number of the curve each crossed triangle belongs to: neighbors share an edge that the plane cuts."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    m = len(crossing)
    edges = np.sort(directed_edges(crossing), axis=1)
    owner = np.tile(np.arange(m), 3)
    cut = beyond[edges[:, 0]] != beyond[edges[:, 1]]
    edges, owner = edges[cut], owner[cut]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    graph = coo_matrix((np.ones(same.sum()), (owner[:-1][same], owner[1:][same])), shape=(m, m))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def near_parts(
    points: FloatArray, corners: IntArray, height: FloatArray, beyond: NDArray[np.bool_]
) -> tuple[FloatArray, IntArray]:
    """The near parts of the cut triangles, with one new point for each edge that the plane cuts."""
    made: dict[tuple[int, int], int] = {}
    added: list[FloatArray] = []
    parts: list[tuple[int, int, int]] = []

    def cut_point(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in made:
            low, high = key
            t = height[low] / (height[low] - height[high])
            made[key] = len(points) + len(added)
            added.append(points[low] + t * (points[high] - points[low]))
        return made[key]

    for triangle in corners.tolist():
        far = [bool(beyond[v]) for v in triangle]
        lone = far.index(sum(far) == 1)
        a, b, c = triangle[lone], triangle[(lone + 1) % 3], triangle[(lone + 2) % 3]
        ab, ca = cut_point(a, b), cut_point(c, a)
        if far[lone]:
            parts += [(ab, b, c), (ab, c, ca)]
        else:
            parts.append((a, ab, ca))
    return np.concatenate([points, np.asarray(added)]), np.asarray(parts, dtype=np.int64)


def _behind(triangles: IntArray, curve: IntArray, beyond: NDArray[np.bool_]) -> IntArray:
    """Triangles of the piece to remove: connected to the far side of the curve without passing through the curve."""
    n = int(triangles.max()) + 1
    others = np.ones(len(triangles), bool)
    others[curve] = False
    rest = np.flatnonzero(others)
    # Separate the two sides: a vertex of the curve keeps its id only on its own side.
    piece = triangle_pieces(triangles[rest], n)
    sides: dict[int, set[bool]] = defaultdict(set)
    piece_of_vertex = np.full(n, -1)
    piece_of_vertex[triangles[rest].ravel()] = np.repeat(piece, 3)
    for v in np.unique(triangles[curve]).tolist():
        if piece_of_vertex[v] >= 0:
            sides[int(piece_of_vertex[v])].add(bool(beyond[v]))
    if any(len(found) == 2 for found in sides.values()):
        raise CutError("the vessel comes back to the near side of the cut")
    far = [number for number, found in sides.items() if True in found]
    return rest[np.isin(piece, far)]
