"""A lumen freed of what the threshold alone cannot tell: thin stalks on it, leaflets and holes in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.working_grid import Mask
from imaging.types import FloatArray

STALK_MM = 4.0
"""What sticks out no farther than this is no stalk but a corner, such as the tip of a crescent beside a flap."""


def without_stalks(lumen: Mask, keep: Mask, stalk_radius_mm: float, spacing_mm: float) -> Mask:
    """The lumen without long parts into which no ball of the given radius fits: coronaries, rims of bone.

    Parameters
    ----------
    lumen, keep : (k, j, i)
        Voxels of the lumen in ``keep`` stay, however thin.
    """
    from scipy import ndimage

    centers = ndimage.distance_transform_edt(lumen, sampling=spacing_mm) > stalk_radius_mm
    if not centers.any():
        return lumen & keep
    beyond_mm = ndimage.distance_transform_edt(~centers, sampling=spacing_mm) - stalk_radius_mm
    thin, n = ndimage.label(lumen & ~keep & (beyond_mm > spacing_mm))
    length_mm = ndimage.maximum(beyond_mm, thin, index=np.arange(n + 1))
    is_stalk = np.asarray(length_mm) > STALK_MM
    is_stalk[0] = False
    kept: Mask = lumen & ~is_stalk[thin]
    return kept


def opened_to_share(lumen: Mask, radius_mm: FloatArray, spacing_mm: float) -> Mask:
    """The lumen without what sticks out of it and holds no ball of the radius (k, j, i) that is asked for there.

    A radius of less than a voxel asks for nothing.
    """
    from scipy import ndimage

    centers = lumen & (ndimage.distance_transform_edt(lumen, sampling=spacing_mm) >= radius_mm)
    if not centers.any():
        return lumen
    away = ndimage.distance_transform_edt(~centers, sampling=spacing_mm)
    kept: Mask = lumen & ((away <= radius_mm + 0.5 * spacing_mm) | (radius_mm < spacing_mm))
    return kept


def closed_within(lumen: Mask, where: Mask, radius_mm: float, spacing_mm: float) -> Mask:
    """The lumen with gaps narrower than twice the radius closed in the voxels ``where``."""
    from scipy import ndimage

    if not where.any():
        return lumen
    pad = int(np.ceil(radius_mm / spacing_mm)) + 1
    voxels = np.argwhere(where)
    low, high = np.maximum(voxels.min(axis=0) - pad, 0), voxels.max(axis=0) + pad + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grown = ndimage.distance_transform_edt(~lumen[box], sampling=spacing_mm) <= radius_mm
    shut = (
        ndimage.distance_transform_edt(np.pad(grown, 1, mode="edge"), sampling=spacing_mm)[1:-1, 1:-1, 1:-1] > radius_mm
    )
    closed = lumen.copy()
    closed[box] |= shut & where[box]
    return closed


def filled(lumen: Mask) -> Mask:
    """The lumen without enclosed holes."""
    from scipy import ndimage

    whole: Mask = ndimage.binary_fill_holes(lumen)
    return whole


def reaching_piece(lumen: Mask, path: NDArray[np.int64]) -> Mask:
    """The face-connected piece of the lumen that holds most of the path's voxels (n, 3)."""
    from scipy import ndimage

    pieces, n = ndimage.label(lumen)
    on_path = pieces[tuple(path.T)]
    votes = np.bincount(on_path[on_path > 0], minlength=n + 1)
    piece: Mask = (pieces == votes.argmax()) & (pieces > 0)
    return piece
