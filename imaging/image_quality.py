"""How noisy a CT is and how strongly its vessels are enhanced, estimated from some slices without a segmentation.

Both are estimates of our own (assumptions, no published method): good enough to tell an angiogram from a scan without
contrast, not to compare scanners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray

N_SLICES_LOOKED_AT = 16
_SOFT_TISSUE_HU = (0.0, 150.0)
_BODY_HU = -300.0
_LUMEN_HU = (150.0, 900.0)
_BOX_SWITCH_MM = 0.35
_EVEN_NOISES, _EVEN_HU = 2.5, 3.0
"""A lumen is where the deviation in a small box is at most this many times the noise, plus this."""
_RIM_MM = 2.0
_BRIGHT_NOISES, _BRIGHT_SHARE, _DARK_SHARE = 2.0, 0.1, 0.5
"""Around a lumen hardly anything is brighter than it, and half is darker; marrow is ringed by brighter bone."""
_FULLEST_HOLE = 0.3
"""A lumen has no hole of more than this share of it; the cortex of a bone has."""
_SMALLEST_MM2 = 3.0
_SMALLEST_SHARE_OF_BODY = 0.0012
_SMALLEST_PIECE_OF_BODY = 0.0005
"""Of the body's section: what enhanced lumens must take up together, and each of them. Marrow that passes for lumen
comes in small pieces: a chest CT without contrast has 0.0004 in all, a crop of a head angiogram 0.0035."""
_FEWEST_SOFT_PIXELS = 200


@dataclass(frozen=True)
class ImageQuality:
    """Estimates over some slices of a CT; None where nothing could be measured.

    Attributes
    ----------
    noise_hu
        Most frequent standard deviation within small boxes of soft tissue.
    lumen_hu
        Median over the enhanced lumens; None when none was found.
    lumen_share
        Area of enhanced lumens over that of the body.
    lowest_hu
        The first percentile: about -1000 where there is air.
    """

    noise_hu: float | None
    lumen_hu: float | None
    lumen_share: float
    lowest_hu: float


def slices_to_look_at(n_slices: int) -> list[int]:
    """Indices of some slices, evenly spread, the ends left out."""
    even = np.linspace(0.1 * (n_slices - 1), 0.9 * (n_slices - 1), min(N_SLICES_LOOKED_AT, n_slices))
    return sorted({int(n) for n in np.rint(even)})


def image_quality(slices: Sequence[NDArray[Any]], pixel_mm: float) -> ImageQuality:
    """Noise and enhancement of a CT.

    Parameters
    ----------
    slices : sequence of (rows, columns)
        HU.
    pixel_mm : float
        Distance between pixels.
    """
    from scipy import ndimage

    box = 3 if pixel_mm >= _BOX_SWITCH_MM else 5
    spreads, means, soft = [], [], []
    body = 0.0
    for hu in slices:
        values = np.asarray(hu, dtype=np.float32)
        mean = ndimage.uniform_filter(values, box)
        variance = ndimage.uniform_filter(values * values, box) - mean * mean
        spread = np.sqrt(np.maximum(variance, 0.0) * (box**2 / (box**2 - 1.0)))
        means.append(mean)
        spreads.append(spread)
        soft.append(spread[(mean > _SOFT_TISSUE_HU[0]) & (mean < _SOFT_TISSUE_HU[1])])
        body += float((mean > _BODY_HU).sum()) * pixel_mm**2
    lowest = float(np.percentile(np.concatenate([np.asarray(s).ravel()[::7] for s in slices]), 1.0))
    noise = _densest(np.concatenate(soft))
    if noise is None or body == 0.0:
        return ImageQuality(noise, None, 0.0, lowest)
    areas, levels = [], []
    for hu, mean, spread in zip(slices, means, spreads, strict=True):
        even = (spread <= _EVEN_NOISES * noise + _EVEN_HU) & (mean > _LUMEN_HU[0]) & (mean < _LUMEN_HU[1])
        for area, level in _lumens(np.asarray(hu, dtype=np.float32), even, pixel_mm, noise, box):
            if area >= _SMALLEST_PIECE_OF_BODY * body / len(slices):
                areas.append(area)
                levels.append(level)
    share = sum(areas) / body
    if share < _SMALLEST_SHARE_OF_BODY:
        return ImageQuality(noise, None, share, lowest)
    order = np.argsort(levels)
    reached = np.cumsum(np.asarray(areas)[order])
    middle = int(np.searchsorted(reached, 0.5 * reached[-1]))
    return ImageQuality(noise, float(np.asarray(levels)[order][middle]), share, lowest)


def _densest(values: FloatArray) -> float | None:
    """Middle of the narrowest interval that holds a quarter of the values: their mode, without a histogram's bins."""
    if len(values) < _FEWEST_SOFT_PIXELS:
        return None
    ordered = np.sort(values)
    quarter = len(ordered) // 4
    first = int(np.argmin(ordered[quarter:] - ordered[:-quarter]))
    return float(ordered[first] + ordered[first + quarter]) / 2.0


def _lumens(
    hu: NDArray[np.float32], even: NDArray[np.bool_], pixel_mm: float, noise: float, box: int
) -> list[tuple[float, float]]:
    """Area and median of the even regions that nothing brighter surrounds."""
    from scipy import ndimage

    labels, count = ndimage.label(even)
    if count == 0:
        return []
    areas = np.bincount(labels.ravel()) * pixel_mm**2
    rim = max(1, round(_RIM_MM / pixel_mm)) + box // 2 + 1
    found = []
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None or areas[label] < _SMALLEST_MM2:
            continue
        around = tuple(slice(max(0, part.start - rim), part.stop + rim) for part in place)
        own = labels[around] == label
        ring = ndimage.binary_dilation(own, iterations=rim) & ~own
        hole = int(ndimage.binary_fill_holes(own).sum()) - int(own.sum())
        if hole > _FULLEST_HOLE * own.sum():
            continue
        level = float(np.median(hu[around][own]))
        values = hu[around][ring]
        if len(values) == 0:
            continue
        bright = float((values > level + _BRIGHT_NOISES * noise).mean())
        dark = float((values < level - _BRIGHT_NOISES * noise).mean())
        if bright <= _BRIGHT_SHARE and dark > _DARK_SHARE:
            found.append((float(areas[label]), level))
    return found
