"""Flat caps: triangles for the inside of a plane ring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.surface.sections import plane_axes
from imaging.types import FloatArray, IntArray

_RELAXATIONS = 5


class CapError(Exception):
    """The ring is not the outline of a plane region: it crosses itself."""


def cap(ring: FloatArray, normal: FloatArray) -> tuple[FloatArray, IntArray]:
    """Triangles of the ring's own edge length inside it.

    Parameters
    ----------
    ring : (n, 3)
        Corners of the plane outline, in order.
    normal : (3,)
        The side from which the triangles are counter-clockwise.

    Returns
    -------
    (inner, triangles)
        New points (k, 3), and triangles whose ids below n are ring points and from n on inner points. Every ring edge
        is an edge of exactly one triangle.
    """
    center = ring.mean(axis=0)
    u, v = plane_axes(normal)
    outline = np.stack([(ring - center) @ u, (ring - center) @ v], axis=1)
    edge = float(np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1).mean())
    for clearance in (0.6, 0.9, 1.3):
        inner = _lattice(outline, edge, clearance * edge)
        for _ in range(_RELAXATIONS):
            triangles = _delaunay_inside(outline, inner)
            inner = _relaxed(outline, inner, triangles)
        triangles = _delaunay_inside(outline, inner)
        if _fills(outline, len(inner), triangles):
            return center + inner[:, :1] * u + inner[:, 1:] * v, triangles
    raise CapError("the outline of the open end is too irregular for a flat cap")


def _lattice(outline: FloatArray, edge: float, clearance: float) -> FloatArray:
    low, high = outline.min(axis=0), outline.max(axis=0)
    rows = np.arange(low[1], high[1] + edge, edge * np.sqrt(0.75))
    columns = np.arange(low[0] - edge, high[0] + edge, edge)
    x, y = np.meshgrid(columns, rows)
    x = x + np.where(np.arange(len(rows)) % 2 == 0, 0.0, edge / 2.0)[:, None]
    nodes = np.stack([x.ravel(), y.ravel()], axis=1)
    nodes = nodes[_inside(outline, nodes)]
    kept: FloatArray = nodes[_distance_to_outline(outline, nodes) > clearance]
    return kept


def _delaunay_inside(outline: FloatArray, inner: FloatArray) -> IntArray:
    from scipy.spatial import Delaunay

    nodes = np.concatenate([outline, inner])
    triangles = Delaunay(nodes).simplices.astype(np.int64)
    a, b, c = (nodes[triangles[:, corner]] for corner in range(3))
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[twice < 0] = triangles[twice < 0][:, ::-1]
    scale = float(np.ptp(outline, axis=0).max()) ** 2
    keep = (np.abs(twice) > 1e-10 * scale) & _inside(outline, nodes[triangles].mean(axis=1))
    kept: IntArray = triangles[keep]
    return kept


def _relaxed(outline: FloatArray, inner: FloatArray, triangles: IntArray) -> FloatArray:
    nodes = np.concatenate([outline, inner])
    total = np.zeros_like(nodes)
    count = np.zeros(len(nodes))
    for corner in range(3):
        for other in ((corner + 1) % 3, (corner + 2) % 3):
            np.add.at(total, triangles[:, corner], nodes[triangles[:, other]])
            np.add.at(count, triangles[:, corner], 1.0)
    mean: FloatArray = total[len(outline) :] / np.maximum(count[len(outline) :], 1.0)[:, None]
    return np.where(count[len(outline) :, None] > 0, mean, inner)


def _fills(outline: FloatArray, n_inner: int, triangles: IntArray) -> bool:
    n = len(outline)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    directed = {(a, b) for a, b in edges.tolist()}
    border = {(a, b) for a, b in directed if (b, a) not in directed}
    wished = {(i, (i + 1) % n) for i in range(n)}
    reverse = {(b, a) for a, b in wished}
    return (border in (wished, reverse)) and len(np.unique(triangles)) == n + n_inner


def _inside(outline: FloatArray, nodes: FloatArray) -> NDArray[np.bool_]:
    x, y = nodes[:, 0][:, None], nodes[:, 1][:, None]
    a, b = outline, np.roll(outline, -1, axis=0)
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    crossing_x = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    odd: NDArray[np.bool_] = (spans & (x < crossing_x)).sum(axis=1) % 2 == 1
    return odd


def _distance_to_outline(outline: FloatArray, nodes: FloatArray) -> FloatArray:
    a, b = outline, np.roll(outline, -1, axis=0)
    along = b - a
    t = np.einsum("nkd,kd->nk", nodes[:, None, :] - a, along) / np.maximum((along**2).sum(axis=1), 1e-300)
    foot = a + np.clip(t, 0.0, 1.0)[..., None] * along
    distance: FloatArray = np.linalg.norm(nodes[:, None, :] - foot, axis=2).min(axis=1)
    return distance
