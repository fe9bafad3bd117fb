"""Smoothing of a part of a surface."""

from __future__ import annotations

import numpy as np

from imaging.surface.topology import unique_edges
from imaging.types import FloatArray, IntArray

_SHRINK, _SWELL = 0.5, -0.52


def taubin_smoothed(points: FloatArray, triangles: IntArray, weight: FloatArray, passes: int) -> FloatArray:
    """Points (n, 3) after alternate shrinking and swelling passes, which keep the volume nearly (Taubin 1995).

    Parameters
    ----------
    weight : (n,)
        How much each point takes part: 0 stays, 1 moves fully.
    passes : int
        Pairs of passes.
    """
    points = points.copy()
    edges, _ = unique_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    count = np.maximum(np.bincount(both[:, 0], minlength=len(points)), 1)[:, None]
    for _ in range(passes):
        for factor in (_SHRINK, _SWELL):
            total = np.zeros_like(points)
            np.add.at(total, both[:, 0], points[both[:, 1]])
            points += factor * weight[:, None] * (total / count - points)
    return points
