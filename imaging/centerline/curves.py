"""Polylines in space: length, direction, resampling, smoothing, and the ways through a tree of them."""

from __future__ import annotations

import numpy as np

from imaging.types import CenterlineTree, FloatArray


def arc_length(line: FloatArray) -> FloatArray:
    """Distance (n,) along a polyline (n, 3) from its first point."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def tangents(line: FloatArray) -> FloatArray:
    """Unit tangents (n, 3) by central differences, one-sided at the ends."""
    difference = np.gradient(line, axis=0)
    unit: FloatArray = difference / np.maximum(np.linalg.norm(difference, axis=1, keepdims=True), 1e-12)
    return unit


def direction_at(line: FloatArray, at: int) -> FloatArray:
    """Unit direction (3,) of a polyline at its point ``at``, from the third point before to the third behind it."""
    way = line[min(at + 3, len(line) - 1)] - line[max(at - 3, 0)]
    unit: FloatArray = way / np.linalg.norm(way)
    return unit


def resampled(line: FloatArray, step_mm: float) -> FloatArray:
    """The polyline at equal steps close to ``step_mm``, first and last point kept."""
    length = arc_length(line)
    keep = np.concatenate([[True], np.diff(length) > 1e-9])
    line, length = line[keep], length[keep]
    n = max(2, round(float(length[-1]) / step_mm) + 1)
    at = np.linspace(0.0, length[-1], n)
    return np.stack([np.interp(at, length, line[:, axis]) for axis in range(3)], axis=1)


def smoothed(line: FloatArray, sigma_mm: float) -> FloatArray:
    """Gaussian smoothing of an evenly spaced polyline, first and last point kept.

    Reflecting the deviation from the chord at the ends ("odd" extension) keeps the ends' direction.
    """
    step = float(np.linalg.norm(np.diff(line, axis=0), axis=1).mean())
    reach = min(len(line) - 1, int(np.ceil(4.0 * sigma_mm / step)))
    if reach < 1:
        return line
    before = 2.0 * line[0] - line[reach:0:-1]
    after = 2.0 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    from scipy import ndimage  # half a second that the window's start need not pay

    result: FloatArray = ndimage.gaussian_filter1d(extended, sigma_mm / step, axis=0, mode="nearest")
    return result[reach : reach + len(line)]


def way_to(tree: CenterlineTree, name: str) -> list[int]:
    """The points of the tree from its root to the end of a branch; KeyError if there is none of that name."""
    branch = tree.branch(name)
    indices = list(branch.indices)
    while branch.parent is not None:
        parent = tree.branch(branch.parent)
        departure = indices[0]
        before = list(parent.indices)
        upstream = before[: before.index(departure)] if departure in before else before
        indices = upstream + indices
        branch = parent
    return indices
