"""How bright the lumen is at the points, whether it is enhanced at all, and points moved into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.segmentation.declaration import Place
from imaging.segmentation.working_grid import Hu, Mask, WorkingImage
from imaging.types import FloatArray, IntArray, Volume

BALL_RADIUS_MM = 2.6
"""Of the ball measured at a point: fits into a vessel of 6 mm and holds enough voxels for a median."""

THIN_BALL_MM = 1.5
"""Of the ball measured where a tree of thin arteries begins."""
THIN_DENSE_EXCESS = 0.35
"""As ``DENSE_EXCESS`` for thin arteries, whose lumen is evenly bright and which touch bone at the base of the skull."""
SURROUNDING_VOXELS = 20
LEAST_CONTRAST_TO_NOISE = 5.0
"""Assumption: the Rose criterion."""

LEAST_SHARE = 0.6
"""Lumen, also in the middle of a thin vessel, has at least this share of the contrast measured at the points."""

DENSE_EXCESS = 0.5
"""Above the lumen by this share of its contrast, a voxel is metal, calcium or undiluted contrast medium, not lumen."""

SMOOTHING_VOXELS = (0.5, 0.8, 1.1)
QUIET_SHARE = 0.06
"""Noise that is quiet: four to five standard deviations below the lumen a voxel still counts as lumen."""


@dataclass(frozen=True)
class Contrast:
    """HU of the lumen and of the soft tissue around it; thresholds are shares of the step between them."""

    lumen_hu: float
    tissue_hu: float
    dense_excess: float = DENSE_EXCESS

    def at(self, share: float) -> float:
        """HU at a share of the step from tissue (0) to lumen (1)."""
        return self.tissue_hu + share * (self.lumen_hu - self.tissue_hu)

    @property
    def dense_share(self) -> float:
        """Share of the step above which a voxel is too dense to be lumen."""
        return 1.0 + self.dense_excess

    @property
    def dense_hu(self) -> float:
        """HU above which a voxel is too dense to be lumen."""
        return self.at(self.dense_share)


def measure_contrast(
    scan: Volume, places: Mapping[str, Place], main: Sequence[str], tissue_hu: float, minimum_hu: float
) -> Contrast:
    """The lumen's HU: median over the points of the main vessel, each the upper quartile of a small ball.

    The quartile keeps a point near the wall from pulling the value down.

    Raises
    ------
    ImagingError
        ``not_enhanced`` when the lumen is below ``minimum_hu``.
    """
    values = [float(np.percentile(_ball(scan, places[role]), 75)) for role in main]
    lumen_hu = float(np.median(values))
    if lumen_hu < minimum_hu:
        raise not_enhanced(lumen_hu, minimum_hu, places[main[int(np.argmin(np.abs(np.asarray(values) - lumen_hu)))]])
    return Contrast(lumen_hu, tissue_hu)


def measure_levels(
    scan: Volume, places: Mapping[str, Place], root: str, tissue_hu: float, minimum_hu: float
) -> Contrast:
    """Lumen and surroundings of thin arteries: the upper quartile of a small ball at the root, and the tissue's HU.

    In a scan that is not in HU the surroundings are measured as the median of what is darker than half the lumen in
    the box around the points.

    Raises
    ------
    ImagingError
        ``not_enhanced``.
    """
    lumen = float(np.percentile(_ball(scan, places[root], THIN_BALL_MM), 75))
    if scan.modality == "CT":
        if lumen < minimum_hu:
            raise not_enhanced(lumen, minimum_hu, places[root])
        return Contrast(lumen, tissue_hu, THIN_DENSE_EXCESS)
    index = scan.grid.to_index(np.array(list(places.values())))
    low = np.maximum(np.floor(index.min(axis=0)).astype(int) - SURROUNDING_VOXELS, 0)
    high = np.ceil(index.max(axis=0)).astype(int) + SURROUNDING_VOXELS + 1
    box = scan.array[tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))]
    dark = box[box < 0.5 * (lumen + float(box.min()))]
    tissue = float(np.median(dark)) if len(dark) else float(box.min())
    spread = 1.4826 * float(np.median(np.abs(dark - tissue))) if len(dark) else 0.0
    if lumen - tissue <= LEAST_CONTRAST_TO_NOISE * spread or lumen <= tissue:
        raise ImagingError(
            "not_enhanced",
            f"The vessel does not stand out: {lumen:.0f} at the point where it begins, {tissue:.0f} around it; use an "
            "angiogram in which the arteries are bright, or check the points.",
            places[root],
        )
    return Contrast(lumen, tissue)


def not_enhanced(lumen_hu: float, minimum_hu: float, place: Place) -> ImagingError:
    """The refusal of a scan without contrast medium in the arteries."""
    return ImagingError(
        "not_enhanced",
        f"The vessel is not enhanced: about {lumen_hu:.0f} HU at the points where at least {minimum_hu:.0f} HU are "
        "needed; use a CT with contrast medium in the arteries, or check the points.",
        place,
    )


def denoised(
    image: WorkingImage,
    places: Sequence[Place],
    contrast: Contrast,
    smoothing_voxels: Sequence[float] = SMOOTHING_VOXELS,
) -> Hu:
    """The image smoothed just enough that noise in the lumen at the places does not reach the thresholds.

    The least of the smoothings that leaves a standard deviation (from the median absolute deviation in
    small balls) of at most ``QUIET_SHARE`` of the contrast, or the strongest.
    """
    from scipy import ndimage

    reach = round(BALL_RADIUS_MM / image.spacing_mm)
    centers = [np.round(image.to_index(place)).astype(int) for place in places]
    cubes = [tuple(slice(max(c - reach, 0), c + reach + 1) for c in center) for center in centers]
    for sigma in smoothing_voxels:
        smooth: Hu = ndimage.gaussian_filter(image.hu, sigma)
        spread = [np.median(np.abs(smooth[cube] - np.median(smooth[cube]))) for cube in cubes]
        if 1.4826 * float(np.median(spread)) <= QUIET_SHARE * (contrast.lumen_hu - contrast.tissue_hu):
            break
    return smooth


def snap_into_lumen(
    image: WorkingImage,
    smoothed: Hu,
    places: Mapping[str, Place],
    titles: Mapping[str, str],
    contrast: Contrast,
    radius_mm: float,
) -> dict[str, IntArray]:
    """The voxel (k, j, i) of lumen nearest to each point, at most ``radius_mm`` away.

    A voxel counts when it and its six neighbors are as bright as the lumen: the blurred rim of something brighter,
    which passes through the lumen's HU, does not.

    Raises
    ------
    ImagingError
        ``point_outside_lumen``, naming the point, its HU and the HU expected.
    """
    from scipy import ndimage

    low_hu, high_hu = contrast.at(LEAST_SHARE), contrast.dense_hu
    reach = int(np.ceil(radius_mm / image.spacing_mm)) + 1
    found: dict[str, IntArray] = {}
    for role, place in places.items():
        index = image.to_index(place)
        center = np.clip(np.round(index).astype(int), 0, np.asarray(smoothed.shape) - 1)
        first = np.maximum(center - reach, 0)
        box = smoothed[tuple(slice(a, c + reach + 1) for a, c in zip(first, center, strict=True))]
        lumen = np.argwhere(ndimage.binary_erosion((box > low_hu) & (box < high_hu), border_value=1)) + first
        away_mm = np.linalg.norm(lumen - index, axis=1) * image.spacing_mm
        if not len(lumen) or away_mm.min() > max(radius_mm, image.spacing_mm):
            hu = float(np.median(_ball(image.scan, place)))
            raise ImagingError(
                "point_outside_lumen",
                f"The point '{titles[role]}' is not in the lumen: about {hu:.0f} HU there where {low_hu:.0f} to "
                f"{high_hu:.0f} HU are expected, and no such lumen within {radius_mm:g} mm; move it into the vessel.",
                place,
            )
        found[role] = lumen[np.argmin(away_mm)]
    return found


def bright_as_lumen(smoothed: Hu, contrast: Contrast, share: float) -> Mask:
    """Voxels surely as bright as the lumen: above ``share`` of the contrast and not too dense."""
    return (smoothed > contrast.at(share)) & (smoothed < contrast.dense_hu)


def lumen_hu_along(smoothed: Hu, points: FloatArray, vessel: IntArray, contrast: Contrast, window: int) -> Hu:
    """HU of the lumen at each station (n, 3): running median of the path's HU over ``window`` stations of a vessel.

    It stays within the range expected at the points, so that a long occlusion is not taken for a dim lumen.
    """
    from scipy import ndimage

    values = ndimage.map_coordinates(smoothed, points.T, order=1, mode="nearest").astype(np.float32)
    for value in np.unique(vessel):
        mine = vessel == value
        values[mine] = ndimage.median_filter(values[mine], size=min(window, int(mine.sum())), mode="nearest")
    return np.clip(values, contrast.at(LEAST_SHARE), contrast.dense_hu)


def _ball(scan: Volume, place: Place, radius_mm: float = BALL_RADIUS_MM) -> NDArray[np.float64]:
    """HU of the scan's voxels within a radius of a place inside the scan; at least the nearest one."""
    spacing = np.asarray(scan.grid.spacing_mm)
    index = scan.grid.to_index(place)
    reach = np.floor(radius_mm / spacing).astype(int)
    axes = [np.arange(-n, n + 1) for n in reach]
    offset = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    offset = offset[((offset * spacing) ** 2).sum(axis=1) <= radius_mm**2]
    i, j, k = np.clip(np.round(index).astype(int) + offset, 0, np.asarray(scan.grid.size) - 1).T
    return np.asarray(scan.array[k, j, i], dtype=np.float64)
