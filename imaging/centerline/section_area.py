"""Areas of the sections across a closed surface at points of its centerlines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.types import CenterlineTree, FloatArray, IntArray, Surface

LARGEST = 2.0
"""Largest radius of equal area over the inscribed one that is believed: above it the section runs into a neighbor."""
SPAN = 3
"""Points to either side from which the direction of a centerline is taken."""


def section_areas(surface: Surface, points: FloatArray, directions: FloatArray) -> FloatArray:
    """Area of the piece of lumen around each point, in the plane through it across a direction.

    Parameters
    ----------
    points, directions : (n, 3)
        mm, LPS.

    Returns
    -------
    area_mm2 : (n,)
        Not a number where no closed curve runs around the point.
    """
    return np.array([_area(surface, point, way) for point, way in zip(points, directions, strict=True)])


def radius_of_area(surface: Surface, tree: CenterlineTree, step_mm: float = 2.0) -> FloatArray:
    """Radius (n,) in mm of the circle of the section's area at every point of a tree, smooth over neighbors.

    Where a section runs into a neighboring vessel (its radius above ``LARGEST`` times the inscribed one), and where it
    is not closed, the ratio of the two radii is taken from the sections before and behind.
    """
    found = tree.radius_mm.copy()
    for branch in tree.branches:
        indices = np.asarray(branch.indices)
        line, inscribed = tree.points[indices], tree.radius_mm[indices]
        if len(line) < 3:
            continue
        abscissa = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        stride = max(1, round(step_mm * len(line) / max(float(abscissa[-1]), step_mm)))
        chosen = np.unique(np.append(np.arange(0, len(line), stride), len(line) - 1))
        ahead, behind = np.minimum(chosen + SPAN, len(line) - 1), np.maximum(chosen - SPAN, 0)
        way = line[ahead] - line[behind]
        way /= np.maximum(np.linalg.norm(way, axis=1), 1e-12)[:, None]
        inner = chosen.copy()
        inner[0], inner[-1] = min(1, len(line) - 1), max(len(line) - 2, 0)  # the caps themselves are no sections
        radius = np.sqrt(section_areas(surface, line[inner], way) / np.pi)
        ratio = radius / inscribed[chosen]
        is_good = np.isfinite(ratio) & (ratio <= LARGEST)
        if is_good.any():
            own = indices if branch.parent is None else indices[1:]
            smooth = np.interp(abscissa, abscissa[chosen[is_good]], np.maximum(ratio[is_good], 1.0))
            found[own] = (inscribed * smooth)[-len(own) :]
    return found


def _area(surface: Surface, center: FloatArray, normal: FloatArray) -> float:
    height = (surface.points - center) @ normal
    above: NDArray[np.bool_] = height > 0.0
    corners = above[surface.triangles]
    cut = np.flatnonzero(corners.any(axis=1) & ~corners.all(axis=1))
    if len(cut) < 3:
        return float("nan")
    triangles = surface.triangles[cut]
    first, start = _crossing(surface.points, height, triangles, corners[cut], True)
    second, end = _crossing(surface.points, height, triangles, corners[cut], False)
    piece = _pieces(first, second, len(surface.points))
    start, end = start - center, end - center
    cross = np.cross(start, end) @ normal
    turn = np.arctan2(cross, (start * end).sum(axis=1))
    n = int(piece.max()) + 1
    winding = np.bincount(piece, turn, n) / (2.0 * np.pi)
    around = np.flatnonzero(np.abs(winding) > 0.5)
    if len(around) == 0:
        return float("nan")
    areas = np.abs(np.bincount(piece, cross, n)[around]) / 2.0
    return float(areas.min())


def _crossing(
    points: FloatArray, height: FloatArray, triangles: IntArray, above: NDArray[np.bool_], rising: bool
) -> tuple[IntArray, FloatArray]:
    """The edge of each triangle over which its boundary rises through the plane, or falls: a key and the place."""
    following = np.roll(above, -1, axis=1)
    at = (following & ~above if rising else above & ~following).argmax(axis=1)
    rows = np.arange(len(triangles))
    a, b = triangles[rows, at], triangles[rows, (at + 1) % 3]
    part = height[a] / (height[a] - height[b])
    key = np.minimum(a, b).astype(np.int64) * len(points) + np.maximum(a, b)
    return key, points[a] + part[:, None] * (points[b] - points[a])


def _pieces(first: IntArray, second: IntArray, n_points: int) -> IntArray:
    """Number of the closed curve to which each segment belongs; segments meet where their edges are the same."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    n = len(first)
    links = coo_array((np.ones(n), (where[:n], where[n:])), shape=(len(keys), len(keys)))
    _, label = connected_components(links, directed=False)
    return np.asarray(label[where[:n]], dtype=np.int64)
