"""Where the wall runs inside a boundary voxel, read from the scan.

A boundary voxel of an enhanced vessel holds lumen and surroundings in the ratio (HU - outside) / (lumen - outside). The
two levels are taken locally: from label voxels that lie clear of the wall, along as much of the vessel as it takes, and
from background voxels that lie clear of it. The estimate counts only where the two levels are well apart; beside
equally bright structures the label decides. What is connected and what is not stays as the label has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatField = NDArray[np.float32]

_OUTSIDE_REACH_VOXELS = 2.5
_LUMEN_REACH_VOXELS = 5.0
_DEPTH_WEIGHTS = {1: 1e-4, 2: 0.03, 3: 1.0}
"""Weight of a label voxel in the lumen's level by its depth: the blur of the scan darkens what is near the wall."""
_NOISE_CLEARANCE = 4.0
_LABEL_SIDE = 0.05
_FOREIGN, _FOREIGN_REACH_VOXELS = 0.5, 2
_AIR_BELOW = 300.0
"""HU below the floor at which it is lung or air, whose blur reaches through the wall.

Half as bright as the lumen and clear of the label is another vessel, bone or calcium. So near to either the
label decides."""

WALL_HU = 30.0
"""Floor in a CT: a wall of about 50 HU, blurred into the fat of -90 HU behind it. Assumption, tested on phantoms."""


@dataclass(frozen=True, eq=False)
class PartialVolume:
    """How much of each voxel is lumen, 0 to 1, float32 ``[k, j, i]``.

    Attributes
    ----------
    share
        What the scan says; between 0 and 1 only in voxels that touch the label's border.
    sided
        The same with every voxel on the label's side of one half, so that the half level has the label's topology.
    """

    share: FloatField
    sided: FloatField


def partial_volume(mask: NDArray[np.bool_], image: FloatField, floor: float = -np.inf) -> PartialVolume:
    """Fraction of lumen in each voxel.

    Parameters
    ----------
    mask : (n_k, n_j, n_i) bool
        The lumen label.
    image : (n_k, n_j, n_i) float32
        The scan on the same grid.
    floor : float
        What is darker counts as this: fat and lung do not touch the lumen, the wall lies between.
    """
    dark = image < floor - _AIR_BELOW
    image = np.maximum(image, np.float32(floor))
    depth = ndimage.distance_transform_cdt(mask, metric="chessboard")
    away = ndimage.distance_transform_cdt(~mask, metric="chessboard")
    ridge = mask & (depth >= ndimage.maximum_filter(depth, size=3))
    weight = np.select([depth >= 3, depth == 2, ridge], [_DEPTH_WEIGHTS[n] for n in (3, 2, 1)], 0.0)
    lumen, lumen_weight = _local_mean(image, weight.astype(np.float32), _LUMEN_REACH_VOXELS)
    foreign = (away >= 2) & ((lumen_weight > 0) & (image > _FOREIGN * lumen) | dark)
    outside = ((away >= 2) & (away <= 4) & ~foreign).astype(np.float32)
    background, background_weight = _local_mean(image, outside, _OUTSIDE_REACH_VOXELS)
    noise = _noise(image, depth >= 3) if (depth >= 3).any() else 0.0
    contrast = lumen - background
    beside_foreign = ndimage.binary_dilation(foreign, iterations=_FOREIGN_REACH_VOXELS)
    known = (lumen_weight > 0) & (background_weight > 0.01) & ~beside_foreign
    usable = known & (contrast > np.maximum(_NOISE_CLEARANCE * noise, 0.3 * np.abs(lumen)))
    border = ((depth == 1) | (away == 1)) & usable
    estimate = np.clip((image - background) / np.where(usable, contrast, 1.0), 0.0, 1.0)
    sided = np.where(mask, np.maximum(estimate, 0.5 + _LABEL_SIDE), np.minimum(estimate, 0.5 - _LABEL_SIDE))
    share, on_label = (np.where(border, values, mask).astype(np.float32) for values in (estimate, sided))
    return PartialVolume(share, on_label)


def _local_mean(image: FloatField, weight: FloatField, reach: float) -> tuple[FloatField, FloatField]:
    found = ndimage.gaussian_filter(weight, reach)
    total = ndimage.gaussian_filter(image * weight, reach)
    mean: FloatField = np.where(found > 1e-7, total / np.maximum(found, 1e-7), 0.0).astype(np.float32)
    return mean, np.where(found > 1e-7, found, 0.0)


def _noise(image: FloatField, inside: NDArray[np.bool_]) -> float:
    residual = image - ndimage.uniform_filter(image, 3)
    values = residual[inside]
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
