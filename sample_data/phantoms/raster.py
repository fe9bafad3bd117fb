"""Partial volume: which fraction of each voxel lies inside a body given by an implicit function."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, Grid, IntArray

Implicit = Callable[[FloatArray], FloatArray]
FloatImage = NDArray[np.float32]

_STEEPEST = 1.3
"""Assumed bound of the gradient's length; it exceeds 1 only where a vessel tapers."""
_BLOCK_SIZES = (16, 4, 1)
_CHUNK_POINTS = 400_000


def volume_fraction(implicit: Implicit, grid: Grid, samples_per_voxel_edge: int = 4) -> FloatImage:
    """Fraction (0 to 1) of each voxel inside the body, ``[k, j, i]``.

    Blocks of voxels that the function's value at their center shows to lie wholly on one side are settled at once;
    voxels at the surface are split into about ``samples_per_voxel_edge`` cubed cells, each of which counts with the
    part of it on the inner side of the plane that the function's value there suggests.

    Parameters
    ----------
    implicit : callable
        Values in mm ``(n,)`` of points ``(n, 3)`` mm LPS, negative inside; the gradient's length is at most 1.3.
    """
    fraction = np.zeros(grid.array_shape, dtype=np.float32)
    size = np.asarray(grid.size)
    spacing = np.asarray(grid.spacing_mm)
    counts = -(-size // _BLOCK_SIZES[0])
    starts = np.stack(np.meshgrid(*[np.arange(c) for c in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    starts = starts * _BLOCK_SIZES[0]
    for level, block in enumerate(_BLOCK_SIZES):
        value = _in_chunks(implicit, grid.to_lps(starts + 0.5 * (block - 1)))
        reach = _STEEPEST * 0.5 * block * float(np.linalg.norm(spacing))
        _fill(fraction, starts[value < -reach], block)
        starts = starts[np.abs(value) <= reach]
        if level + 1 < len(_BLOCK_SIZES):
            starts = _split(starts, block, _BLOCK_SIZES[level + 1], size)
    if len(starts):
        i, j, k = starts.T
        fraction[k, j, i] = _sampled(implicit, grid, starts, samples_per_voxel_edge)
    return fraction


def _split(starts: IntArray, block: int, smaller: int, size: IntArray) -> IntArray:
    steps = np.arange(0, block, smaller)
    offsets = np.array(list(product(steps, steps, steps)))
    children = (starts[:, None, :] + offsets).reshape(-1, 3)
    return np.asarray(children[(children < size).all(axis=1)])


def _fill(fraction: FloatImage, starts: IntArray, block: int) -> None:
    if block == 1:
        i, j, k = starts.T
        fraction[k, j, i] = 1.0
        return
    for i, j, k in starts:
        fraction[k : k + block, j : j + block, i : i + block] = 1.0


def _sampled(implicit: Implicit, grid: Grid, voxels: IntArray, samples_per_voxel_edge: int) -> FloatArray:
    spacing = np.asarray(grid.spacing_mm)
    cell = float(np.cbrt(np.prod(spacing))) / samples_per_voxel_edge
    counts = np.maximum(2, np.rint(spacing / cell)).astype(int)
    ticks = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
    offsets = np.array(list(product(*ticks))) @ grid.index_to_lps_matrix.T
    width = float(np.cbrt(np.prod(spacing / counts)))
    fractions = np.empty(len(voxels))
    per_chunk = max(1, _CHUNK_POINTS // len(offsets))
    centers = grid.to_lps(voxels)
    for start in range(0, len(voxels), per_chunk):
        points = (centers[start : start + per_chunk, None, :] + offsets).reshape(-1, 3)
        inside = np.clip(0.5 - implicit(points) / width, 0.0, 1.0)
        fractions[start : start + per_chunk] = inside.reshape(-1, len(offsets)).mean(axis=1)
    return fractions


def _in_chunks(implicit: Implicit, points: FloatArray) -> FloatArray:
    pieces = [implicit(points[start : start + _CHUNK_POINTS]) for start in range(0, len(points), _CHUNK_POINTS)]
    return np.concatenate(pieces) if pieces else np.empty(0)
