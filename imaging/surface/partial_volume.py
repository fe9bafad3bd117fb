"""Where the wall runs inside a boundary voxel, read from the scan.

A boundary voxel of an enhanced vessel holds lumen and surroundings in the ratio (HU - outside) / (lumen - outside). The
two levels are taken locally: from label voxels that lie clear of the wall, and from background voxels that lie clear of
it. The estimate counts only where the two levels are well apart; beside equally bright structures the label decides. It
moves the wall by at most half a voxel: what is connected and what is not stays as the label has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatField = NDArray[np.float32]

_REACH_VOXELS = 2.5
_NOISE_CLEARANCE = 4.0
_LABEL_SIDE = 0.05


def partial_volume(mask: NDArray[np.bool_], image: FloatField) -> FloatField:
    """Fraction of lumen in each voxel.

    Parameters
    ----------
    mask : (n_k, n_j, n_i) bool
        The lumen label.
    image : (n_k, n_j, n_i) float32
        The scan on the same grid.

    Returns
    -------
    (n_k, n_j, n_i) float32
        1 inside, 0 outside; between them only in voxels that touch the label's border.
    """
    depth = ndimage.distance_transform_cdt(mask, metric="chessboard")
    away = ndimage.distance_transform_cdt(~mask, metric="chessboard")
    ridge = mask & (depth >= ndimage.maximum_filter(depth, size=3))
    core = (depth >= 2) | ridge
    outside = (away >= 2) & (away <= 4)
    lumen, lumen_weight = _local_mean(image, core)
    background, background_weight = _local_mean(image, outside)
    noise = _noise(image, depth >= 3) if (depth >= 3).any() else 0.0
    contrast = lumen - background
    known = (lumen_weight > 0.01) & (background_weight > 0.01)
    usable = known & (contrast > np.maximum(_NOISE_CLEARANCE * noise, 0.3 * np.abs(lumen)))
    border = (depth == 1) | (away == 1)
    estimate = np.clip((image - background) / np.where(usable, contrast, 1.0), 0.0, 1.0)
    sided = np.where(mask, np.maximum(estimate, 0.5 + _LABEL_SIDE), np.minimum(estimate, 0.5 - _LABEL_SIDE))
    fraction: FloatField = np.where(border & usable, sided, mask).astype(np.float32)
    return fraction


def _local_mean(image: FloatField, where: NDArray[np.bool_]) -> tuple[FloatField, FloatField]:
    weight = ndimage.gaussian_filter(where.astype(np.float32), _REACH_VOXELS)
    total = ndimage.gaussian_filter(np.where(where, image, 0.0).astype(np.float32), _REACH_VOXELS)
    mean: FloatField = (total / np.maximum(weight, 1e-6)).astype(np.float32)
    return mean, weight


def _noise(image: FloatField, inside: NDArray[np.bool_]) -> float:
    residual = image - ndimage.uniform_filter(image, 3)
    values = residual[inside]
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
