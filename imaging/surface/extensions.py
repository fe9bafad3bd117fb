"""Flow extensions: straight tubes that turn a cut section into a circle of the same area."""

from __future__ import annotations

import itertools

import numpy as np

from imaging.surface.sections import plane_axes
from imaging.surface.topology import open_loops
from imaging.types import FloatArray, IntArray

_RING_STEP_RADII = 0.2


def add_extension(
    points: FloatArray,
    triangles: IntArray,
    center_mm: FloatArray,
    normal: FloatArray,
    length_mm: float,
    transition: float,
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Lengthen the open end whose border lies nearest to ``center_mm``.

    The section is blended into the circle of equal area around its centroid with a smooth step of zero slope at both
    ends; every section on the way is scaled to the same area, so that the mean velocity stays the same.

    Parameters
    ----------
    center_mm, normal
        Center of the cut and unit normal out of the model.
    length_mm : float
        Length of the extension.
    transition : float
        Part of the length, 0 to 1, over which the section becomes a circle.

    Returns
    -------
    (points, triangles, cap_center)
        The lengthened surface and the center of its new border.
    """
    loop = min(open_loops(triangles), key=lambda ring: float(np.linalg.norm(points[ring].mean(axis=0) - center_mm)))
    u, v = plane_axes(normal)
    border = points[loop]
    flat = np.stack([(border - center_mm) @ u, (border - center_mm) @ v], axis=1)
    area, centroid = _polygon(flat)
    middle = center_mm + centroid[0] * u + centroid[1] * v
    flat = flat - centroid
    radius = float(np.sqrt(abs(area) / np.pi))
    at = _arc_fraction(flat)
    n_ring = max(24, round(_perimeter(flat) / (_RING_STEP_RADII * radius)))
    even = np.arange(n_ring) / n_ring
    shape = _resample_closed(flat, at, even)
    circle = _matching_circle(shape, even, radius, np.sign(area))
    n_rings = max(2, int(np.ceil(length_mm / (_RING_STEP_RADII * radius))))
    rings = []
    for k in range(1, n_rings + 1):
        distance = length_mm * k / n_rings
        ring = _blend(shape, circle, distance / (transition * length_mm), abs(area))
        rings.append(middle + distance * normal + ring[:, :1] * u + ring[:, 1:] * v)
    first_new = len(points)
    new_points = np.concatenate([points, *rings])
    grid = first_new + np.arange(n_rings * n_ring).reshape(n_rings, n_ring)
    new_triangles = [triangles, _zipper(loop, at, grid[0], even)]
    for below, above in itertools.pairwise(grid):
        a, b = below, np.roll(below, -1)
        c, d = above, np.roll(above, -1)
        new_triangles += [np.stack([b, a, c], axis=1), np.stack([b, c, d], axis=1)]
    return new_points, np.concatenate(new_triangles).astype(np.int64), middle + length_mm * normal


def _blend(shape: FloatArray, circle: FloatArray, progress: float, area: float) -> FloatArray:
    t = min(progress, 1.0)
    weight = t * t * (3.0 - 2.0 * t)
    ring = (1.0 - weight) * shape + weight * circle
    scaled: FloatArray = ring * np.sqrt(area / abs(_polygon(ring)[0]))
    return scaled


def _matching_circle(shape: FloatArray, at: FloatArray, radius: float, direction: float) -> FloatArray:
    """Equally spaced points on the circle, turned to lie nearest to the section's points."""
    turn = np.exp(1j * direction * 2.0 * np.pi * at)
    phase = np.angle(np.sum((shape[:, 0] + 1j * shape[:, 1]) * np.conj(turn)))
    circle = radius * turn * np.exp(1j * phase)
    return np.stack([circle.real, circle.imag], axis=1)


def _polygon(flat: FloatArray) -> tuple[float, FloatArray]:
    """Signed area and centroid of a plane polygon (n, 2)."""
    following = np.roll(flat, -1, axis=0)
    cross = flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]
    area = float(cross.sum() / 2.0)
    centroid = ((flat + following) * cross[:, None]).sum(axis=0) / (6.0 * area)
    return area, centroid


def _perimeter(flat: FloatArray) -> float:
    return float(np.linalg.norm(np.roll(flat, -1, axis=0) - flat, axis=1).sum())


def _arc_fraction(flat: FloatArray) -> FloatArray:
    steps = np.linalg.norm(np.roll(flat, -1, axis=0) - flat, axis=1)
    fraction: FloatArray = np.concatenate([[0.0], np.cumsum(steps)[:-1]]) / steps.sum()
    return fraction


def _resample_closed(flat: FloatArray, at: FloatArray, even: FloatArray) -> FloatArray:
    closed_at = np.concatenate([at, [1.0]])
    closed = np.concatenate([flat, flat[:1]])
    return np.stack([np.interp(even, closed_at, closed[:, axis]) for axis in range(2)], axis=1)


def _zipper(loop: IntArray, at: FloatArray, ring: IntArray, even: FloatArray) -> IntArray:
    """Triangles between a border and a ring that run in the same direction and start at the same place."""
    n, m = len(loop), len(ring)
    i = j = 0
    strip = []
    while i < n or j < m:
        next_i = at[i + 1] if i + 1 < n else 1.0 + 1e-12 * (i + 1 - n)
        next_j = even[j + 1] if j + 1 < m else 1.0 + 1e-12 * (j + 1 - m)
        if i < n and (j >= m or next_i <= next_j):
            strip.append((loop[(i + 1) % n], loop[i], ring[j % m]))
            i += 1
        else:
            strip.append((loop[i % n], ring[j], ring[(j + 1) % m]))
            j += 1
    return np.asarray(strip, dtype=np.int64)
