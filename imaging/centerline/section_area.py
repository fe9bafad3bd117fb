"""Areas of the sections across a closed surface at points of its centerlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.surface.sections import plane_axes
from imaging.types import CenterlineTree, FloatArray, IntArray, Surface

LARGEST = 2.0
"""Largest radius of equal area over the inscribed one that is believed: above it the section runs into a neighbor."""
SPAN = 3
"""Points to either side from which the direction of a centerline is taken."""

_CALIPERS = 90


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed curve in a plane: segments from ``start`` (k, 3) to ``end`` (k, 3), mm LPS, and the area it encloses."""

    start: FloatArray
    end: FloatArray
    normal: FloatArray
    area_mm2: float

    @property
    def perimeter_mm(self) -> float:
        """Length of the curve."""
        return float(np.linalg.norm(self.end - self.start, axis=1).sum())

    @property
    def hydraulic_diameter_mm(self) -> float:
        """Four times the area over the perimeter: the diameter of a round section."""
        return 4.0 * self.area_mm2 / self.perimeter_mm

    def diameters_mm(self) -> tuple[float, float]:
        """Least and largest distance between two parallel lines that hold the curve between them (calipers)."""
        u, v = plane_axes(self.normal)
        flat = np.stack([self.start @ u, self.start @ v])
        angle = np.arange(_CALIPERS) * np.pi / _CALIPERS
        along = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ flat
        width = np.ptp(along, axis=1)
        return float(width.min()), float(width.max())


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
    found = [outline_at(surface, point, way) for point, way in zip(points, directions, strict=True)]
    return np.array([np.nan if outline is None else outline.area_mm2 for outline in found])


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


def outline_at(surface: Surface, center: FloatArray, normal: FloatArray) -> Outline | None:
    """The smallest closed curve around a point in which a plane cuts a surface; None where there is none.

    Parameters
    ----------
    center, normal : (3,)
        mm, LPS; the normal is a unit vector.
    """
    height = (surface.points - center) @ normal
    above: NDArray[np.bool_] = height > 0.0
    a, b, c = (above[corner] for corner in surface.triangles.T)
    cut = np.flatnonzero((a != b) | (a != c))
    if len(cut) < 3:
        return None
    triangles = surface.triangles[cut]
    corners = above[triangles]
    first, start = _crossing(surface.points, height, triangles, corners, True)
    second, end = _crossing(surface.points, height, triangles, corners, False)
    piece = _pieces(first, second)
    start, end = start - center, end - center
    cross = (start[:, [1, 2, 0]] * end[:, [2, 0, 1]] - start[:, [2, 0, 1]] * end[:, [1, 2, 0]]) @ normal
    turn = np.arctan2(cross, (start * end).sum(axis=1))
    n = int(piece.max()) + 1
    winding = np.bincount(piece, turn, n) / (2.0 * np.pi)
    around = np.flatnonzero(np.abs(winding) > 0.5)
    if len(around) == 0:
        return None
    areas = np.abs(np.bincount(piece, cross, n)[around]) / 2.0
    mine = piece == around[int(areas.argmin())]
    return Outline(start[mine] + center, end[mine] + center, normal, float(areas.min()))


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


def _pieces(first: IntArray, second: IntArray) -> IntArray:
    """A number (k,) for each segment, one for all of a closed curve; segments meet where their edges are the same.

    On a surface whose triangles all turn the same way, the edge over which one segment ends is that over which the next
    begins; on any other the segments are joined without regard to their direction.
    """
    order = np.argsort(first)
    at = np.minimum(np.searchsorted(first[order], second), len(first) - 1)
    follows = order[at]
    if len(np.unique(follows)) < len(first) or not np.array_equal(first[follows], second):
        return _joined(first, second)
    label = np.arange(len(first), dtype=np.int64)
    for _ in range(len(first).bit_length()):  # each time twice as far along the curve
        label = np.minimum(label, label[follows])
        follows = follows[follows]
    return label


def _joined(first: IntArray, second: IntArray) -> IntArray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    n = len(first)
    links = coo_array((np.ones(n), (where[:n], where[n:])), shape=(len(keys), len(keys)))
    _, label = connected_components(links, directed=False)
    return np.asarray(label[where[:n]], dtype=np.int64)
