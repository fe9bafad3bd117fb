"""Partial volume: which fraction of each voxel lies inside a body given by an implicit function."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, Grid, IntArray
from sample_data.phantoms.vessel import STEEPEST

Implicit = Callable[[FloatArray], FloatArray]
FloatImage = NDArray[np.float32]

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
        Values in mm ``(n,)`` of points ``(n, 3)`` mm LPS, negative inside; the gradient is at most
        `STEEPEST` long.
    """
    fraction = np.zeros(grid.array_shape, dtype=np.float32)

    def settle(starts: IntArray, block: int, value: FloatArray) -> None:
        _fill(fraction, starts[value < 0.0], block, 1.0)

    near, _ = _descend(implicit, grid, 0, settle)
    if len(near):
        i, j, k = near.T
        fraction[k, j, i] = _sampled(implicit, grid, near, samples_per_voxel_edge)
    return fraction


def signed_values(implicit: Implicit, grid: Grid) -> FloatImage:
    """The function at the voxel centers ``[k, j, i]``, exact next to the surface and of the right sign elsewhere."""
    values = np.empty(grid.array_shape, dtype=np.float32)

    def settle(starts: IntArray, block: int, value: FloatArray) -> None:
        for sign in (-1.0, 1.0):
            _fill(values, starts[value * sign > 0.0], block, sign * max(grid.spacing_mm))

    near, value = _descend(implicit, grid, 2, settle)
    i, j, k = near.T
    values[k, j, i] = value
    return values


def _descend(
    implicit: Implicit, grid: Grid, padding: int, settle: Callable[[IntArray, int, FloatArray], None]
) -> tuple[IntArray, FloatArray]:
    """Hands blocks on one side of the surface to ``settle``; returns the voxels (i, j, k) at the surface and values.

    A block is settled when the function at its center shows that it, grown by ``padding`` voxels, is on one side.
    """
    size = np.asarray(grid.size)
    counts = -(-size // _BLOCK_SIZES[0])
    starts = np.stack(np.meshgrid(*[np.arange(c) for c in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    starts = starts * _BLOCK_SIZES[0]
    value = np.empty(0)
    for level, block in enumerate(_BLOCK_SIZES):
        value = _in_chunks(implicit, grid.to_lps(starts + 0.5 * (block - 1)))
        reach = STEEPEST * 0.5 * (block + padding) * float(np.linalg.norm(grid.spacing_mm))
        far = np.abs(value) > reach
        settle(starts[far], block, value[far])
        starts, value = starts[~far], value[~far]
        if level + 1 < len(_BLOCK_SIZES):
            starts = _split(starts, block, _BLOCK_SIZES[level + 1], size)
    return starts, value


def _split(starts: IntArray, block: int, smaller: int, size: IntArray) -> IntArray:
    steps = np.arange(0, block, smaller)
    offsets = np.array(list(product(steps, steps, steps)))
    children = (starts[:, None, :] + offsets).reshape(-1, 3)
    return np.asarray(children[(children < size).all(axis=1)])


def _fill(image: FloatImage, starts: IntArray, block: int, value: float) -> None:
    if block == 1:
        i, j, k = starts.T
        image[k, j, i] = value
        return
    for i, j, k in starts:
        image[k : k + block, j : j + block, i : i + block] = value


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
