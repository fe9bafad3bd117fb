"""Puts a tilted or uneven stack of slices onto a straight, even grid by linear interpolation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.geometry import StackGeometry
from imaging.memory import require_memory
from imaging.types import FloatArray, Grid, Progress, silent


def repaired(
    array: NDArray[Any], geometry: StackGeometry, progress: Progress = silent
) -> tuple[NDArray[Any], Grid, str]:
    """A stack on a straight, even grid of the same directions.

    Every new value is interpolated linearly in the plane of the slices (tilt) and between neighboring slices (uneven
    steps). The new grid holds all the old voxels; what no slice covers gets the smallest value of the scan.

    Parameters
    ----------
    array : (n_slices, rows, columns)
        In the order of the geometry.
    geometry : StackGeometry
        As measured; `imaging.dicom.geometry.defects` says what is wrong with it.

    Returns
    -------
    (array, grid, sentence)
        Of the dtype of ``array``, and what was done, with its numbers in mm.

    Raises
    ------
    ImagingError
        ``too_large``.
    """
    sentences = []
    first = geometry.positions[0]
    if not geometry.is_straight:
        array, first = _straightened(array, geometry, progress)
        sentences.append(
            f"a gantry tilt of {geometry.tilt_deg:.1f} degrees (slices shifted by up to {geometry.shift_mm:.1f} mm) "
            "was straightened by interpolation in the plane of the slices"
        )
    along = geometry.along - geometry.along[0]
    if not geometry.is_even:
        steps = geometry.steps
        n = round(geometry.length_mm / float(np.median(steps))) + 1
        even = np.linspace(0.0, along[-1], n)
        farthest = float(np.abs(even[:, None] - along).min(axis=1).max())
        array = _evened(array, along, even, progress)
        sentences.append(
            f"slices {steps.min():.2f} to {steps.max():.2f} mm apart were interpolated to even steps of "
            f"{along[-1] / (n - 1):.2f} mm (a new slice lies up to {farthest:.2f} mm from a measured one)"
        )
    grid = Grid(
        size=(array.shape[2], array.shape[1], array.shape[0]),
        spacing_mm=(*geometry.spacing_mm, geometry.length_mm / (array.shape[0] - 1)),
        origin_mm=(float(first[0]), float(first[1]), float(first[2])),
        direction=geometry.grid.direction,
    )
    return array, grid, f"Repaired on import: {'; '.join(sentences)}."


def _straightened(array: NDArray[Any], geometry: StackGeometry, progress: Progress) -> tuple[NDArray[Any], FloatArray]:
    """Slices moved in their own plane to where they were measured; the grid grows to hold them all."""
    # Shift of each slice in pixels: along a row (column index) and along a column (row index).
    shift = np.stack(
        [
            geometry.sideways @ geometry.row / geometry.spacing_mm[0],
            geometry.sideways @ geometry.column / geometry.spacing_mm[1],
        ],
        axis=1,
    )
    low = np.floor(shift.min(axis=0) + 1e-6).astype(int)
    grown = np.ceil(shift.max(axis=0) - 1e-6).astype(int) - low
    n, rows, columns = array.shape
    shape = (n, rows + int(grown[1]), columns + int(grown[0]))
    require_memory(shape, array.dtype.itemsize)
    air = float(array.min())
    moved = np.full(shape, air, dtype=array.dtype)
    for k in range(n):
        if k % 16 == 0:
            progress(k / n, "Straightening the stack")
        x, y = shift[k] - low
        moved[k] = _shifted(_shifted(array[k], float(y), 0, shape[1], air), float(x), 1, shape[2], air)
    offset = low[0] * geometry.spacing_mm[0] * geometry.row + low[1] * geometry.spacing_mm[1] * geometry.column
    return moved, geometry.positions[0] + offset


def _shifted(picture: NDArray[Any], by: float, axis: int, length: int, air: float) -> NDArray[Any]:
    """A picture moved up an axis by a number of pixels (0 or more) into one of ``length``; ``air`` fills the rest."""
    whole = math.floor(by + 1e-9)
    part = max(0.0, by - whole)
    shape = list(picture.shape)
    shape[axis] = length
    result = np.full(shape, air, dtype=np.float64)
    first = np.moveaxis(result, axis, 0)
    given = np.moveaxis(picture.astype(np.float64), axis, 0)
    first[whole : whole + len(given)] = given
    if part > 1e-6:
        first[whole + 1 : whole + len(given)] = (1.0 - part) * given[1:] + part * given[:-1]
        if whole + len(given) < length:
            first[whole + len(given)] = given[-1]
    return np.rint(result).astype(picture.dtype) if picture.dtype.kind == "i" else result.astype(picture.dtype)


def _evened(array: NDArray[Any], along: FloatArray, even: FloatArray, progress: Progress) -> NDArray[Any]:
    require_memory((len(even), *array.shape[1:]), array.dtype.itemsize)
    result = np.empty((len(even), *array.shape[1:]), dtype=array.dtype)
    for k, height in enumerate(even):
        if k % 16 == 0:
            progress(k / len(even), "Interpolating between slices")
        above = int(np.clip(np.searchsorted(along, height), 1, len(along) - 1))
        part = float((height - along[above - 1]) / (along[above] - along[above - 1]))
        values = (1.0 - part) * array[above - 1].astype(np.float64) + part * array[above]
        result[k] = np.rint(values) if array.dtype.kind == "i" else values
    return result
