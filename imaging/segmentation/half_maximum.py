"""The wall at the half maximum: each voxel's share of lumen, between the lumen's HU and what lies outside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.working_grid import Depth, Hu, Mask

Values = NDArray[np.float32]

OUTSIDE_AT_MM = (1.5, 2.25, 3.0)
"""How far outside a voxel its surroundings are read: beyond the blur of a CT, not beyond a wall or flap."""

LEAST_STEP = 0.3
"""Share of the contrast that always remains between lumen and surroundings, so that noise decides nothing."""

RIM_VOXELS = 1
"""Blurred rim of metal and calcium that tells no more of the lumen than they do."""

FILL_MM = 1.0
"""Standard deviation of the window from which what metal and calcium hide is filled."""


def lumen_shares(
    hu: Hu,
    core: Mask,
    allowed: Mask,
    dense: Mask,
    lumen_hu: Values,
    tissue_hu: float,
    spacing_mm: float,
    smoothing_mm: float,
    outside_at_mm: tuple[float, ...] = OUTSIDE_AT_MM,
) -> Values:
    """Share of each voxel that is lumen, 0 to 1; the wall lies at one half.

    Near the core, a voxel's share is where its HU lies between the lumen (1) and the darkest of three samples just
    outside along the normal of the core (0): beside a false lumen that is the flap, elsewhere wall or fat. Fat and lung
    count as tissue, since the wall lies between. Dense voxels and their rim tell nothing and are filled from their
    neighbors, which puts the wall into the middle of a stent's strut or of a plaque.

    Parameters
    ----------
    core, allowed, dense : (k, j, i)
        Surely lumen; where lumen may be at all (holds the core); too dense to be lumen.
    lumen_hu : (k, j, i)
        The lumen's HU at each voxel.
    """
    from scipy import ndimage

    reach_mm = 1.2 + 1.3 * spacing_mm
    outward_mm = spacing_mm * (ndimage.distance_transform_edt(~core) - ndimage.distance_transform_edt(core))
    near = np.abs(outward_mm) <= reach_mm + spacing_mm
    gradient: list[Depth] = list(np.gradient(ndimage.gaussian_filter(outward_mm, 0.7)))
    slope = np.stack([along[near] for along in gradient], axis=1)
    normal = slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6)
    voxels = np.argwhere(near)
    outside = np.min(
        [
            ndimage.map_coordinates(hu, (voxels + normal * (d / spacing_mm)).T, order=1, mode="nearest")
            for d in outside_at_mm
        ],
        axis=0,
    )
    lumen = lumen_hu[near]
    outside = np.clip(outside, tissue_hu, lumen - LEAST_STEP * (lumen - tissue_hu))
    share = core.astype(np.float32)
    share[near] = np.clip((hu[near] - outside) / (lumen - outside), 0.0, 1.0)
    share[~allowed | (outward_mm > reach_mm)] = 0.0
    known = ~ndimage.binary_dilation(dense, iterations=RIM_VOXELS)
    share[~known] = _filled(share, known, FILL_MM / spacing_mm)[~known]
    return _smoothed(share, smoothing_mm / spacing_mm)


def _filled(share: Values, known: Mask, sigma_voxels: float) -> Values:
    """Gaussian mean of the known shares around each voxel, 0 where none is near."""
    from scipy import ndimage

    weight = ndimage.gaussian_filter(known.astype(np.float32), sigma_voxels)
    total = ndimage.gaussian_filter(share * known, sigma_voxels)
    return np.asarray(np.where(weight > 0.01, total / np.maximum(weight, 0.01), 0.0), dtype=np.float32)


def _smoothed(share: Values, sigma_voxels: float) -> Values:
    """Gaussian mean of the shares, sharpened once so that thin vessels keep their width."""
    from scipy import ndimage

    mean = ndimage.gaussian_filter(share, sigma_voxels)
    return np.asarray(2.0 * mean - ndimage.gaussian_filter(mean, sigma_voxels), dtype=np.float32)
