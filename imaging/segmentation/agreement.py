"""How well two masks agree: overlap, distance of their surfaces, volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.types import FloatArray

Mask = NDArray[np.bool_]


def dice(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Twice the common volume over the sum of both volumes (Dice 1945, Ecology 26:297-302): 0 to 1.

    Parameters
    ----------
    a, b : (k, j, i) masks of the same shape on the same grid; anything that is not 0 counts.

    Raises
    ------
    ImagingError
        ``shape_mismatch``; ``empty_label`` when both masks are empty and the overlap has no meaning.
    """
    a, b = _as_masks(a, b)
    total = int(a.sum()) + int(b.sum())
    if total == 0:
        raise ImagingError("empty_label", "Both masks are empty, so their overlap cannot be measured.")
    return 2.0 * int((a & b).sum()) / total


def hd95_mm(a: NDArray[Any], b: NDArray[Any], spacing_mm: tuple[float, float, float]) -> float:
    """The 95th percentile of the distances between two surfaces, in mm: the larger of both directions.

    A surface is made of the voxels of a mask that touch the background by a face; a voxel at the border of the image
    touches background. Each surface voxel's distance to the nearest surface voxel of the other mask is measured between
    voxel centers.

    Parameters
    ----------
    a, b : (k, j, i) masks of the same shape on the same grid; anything that is not 0 counts.
    spacing_mm
        Voxel size along (i, j, k), as in ``imaging.types.Grid``.

    Raises
    ------
    ImagingError
        ``shape_mismatch``; ``empty_label`` when a mask is empty.
    """
    a, b = _as_masks(a, b)
    if not a.any() or not b.any():
        raise ImagingError("empty_label", "A mask is empty, so the distance between the surfaces cannot be measured.")
    surface_a, surface_b = _surface_points(a, spacing_mm), _surface_points(b, spacing_mm)
    return float(max(np.percentile(_nearest(x, y), 95) for x, y in ((surface_a, surface_b), (surface_b, surface_a))))


def volume_ml(mask: NDArray[Any], spacing_mm: tuple[float, float, float]) -> float:
    """Volume in mL of the voxels of a mask that are not 0."""
    return float(np.count_nonzero(mask) * np.prod(spacing_mm) / 1000.0)


def _as_masks(a: NDArray[Any], b: NDArray[Any]) -> tuple[Mask, Mask]:
    if a.shape != b.shape:
        raise ImagingError(
            "shape_mismatch",
            f"The two masks are on different grids ({a.shape} and {b.shape} voxels): bring them onto one grid first.",
        )
    return np.asarray(a) != 0, np.asarray(b) != 0


def _surface_points(mask: Mask, spacing_mm: tuple[float, float, float]) -> FloatArray:
    from scipy import ndimage

    surface = mask & ~ndimage.binary_erosion(mask)
    return np.asarray(np.argwhere(surface) * np.asarray(spacing_mm[::-1]), dtype=float)


def _nearest(points: FloatArray, targets: FloatArray) -> FloatArray:
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(targets).query(points)
    return np.asarray(distance, dtype=float)
