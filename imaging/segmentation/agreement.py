"""How well two masks agree: overlap, distance of their surfaces, volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.types import FloatArray, Grid, LabelMap

Mask = NDArray[np.bool_]

SPUR = 0.7
"""Points of a skeleton that are shallower than this share of the depth around them lie on a spur. Assumption."""


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


@dataclass(frozen=True)
class VesselAgreement:
    """Two masks of one vessel held against each other; NaN where one of them is empty.

    The diameters are medians of twice the inscribed radius along the first one's skeleton; their difference is the mean
    of second minus first there, its spread the standard deviation.
    """

    name: str
    dice: float
    hd95_mm: float
    first_ml: float
    second_ml: float
    first_diameter_mm: float
    second_diameter_mm: float
    diameter_difference_mm: float
    diameter_spread_mm: float


def compare_labels(a: LabelMap, b: LabelMap) -> list[VesselAgreement]:
    """The whole, then every vessel that either names; vessels are matched by name, or by value where names differ.

    Parameters
    ----------
    a, b
        On the same grid (`on_grid_of`).

    Raises
    ------
    ImagingError
        ``shape_mismatch``; ``empty_label`` when one of them is empty; ``no_overlap`` when they share no voxel.
    """
    first, second = _as_masks(a.array, b.array)
    if not first.any() or not second.any():
        raise ImagingError("empty_label", "One of the two segmentations is empty.")
    if not (first & second).any():
        raise ImagingError(
            "no_overlap", "The two segmentations share no voxel: they are of different places or patients."
        )
    rows = [_agreement("whole", first, second, a.grid.spacing_mm)]
    by_name = {name: value for value, name in b.names.items()}
    for value, name in a.names.items():
        other = by_name.get(name, value if value in b.names and b.names[value].startswith("label") else -1)
        mine, theirs = a.array == value, b.array == other
        if mine.any() or theirs.any():
            rows.append(_agreement(name, mine, theirs, a.grid.spacing_mm))
    if len(rows) == 2 and rows[0].first_ml == rows[1].first_ml and rows[0].second_ml == rows[1].second_ml:
        rows.pop()
    return rows


def on_grid_of(labels: LabelMap, grid: Grid) -> tuple[LabelMap, bool]:
    """Labels on another grid, each voxel from the nearest one; and whether that was needed."""
    from scipy import ndimage

    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * np.asarray(grid.size)
    if labels.grid.size == grid.size and np.allclose(labels.grid.to_lps(corners), grid.to_lps(corners), atol=1e-2):
        return labels, False
    origin = labels.grid.to_index(grid.to_lps((0, 0, 0)))[::-1]
    steps = np.stack([labels.grid.to_index(grid.to_lps(np.eye(3)[axis]))[::-1] - origin for axis in (2, 1, 0)], axis=1)
    moved = ndimage.affine_transform(labels.array, steps, origin, grid.array_shape, order=0, mode="constant", cval=0)
    return LabelMap(np.asarray(moved, dtype=np.uint8), grid, labels.names), True


def _agreement(name: str, a: Mask, b: Mask, spacing_mm: tuple[float, float, float]) -> VesselAgreement:
    from scipy import ndimage
    from skimage.morphology import skeletonize

    volumes = volume_ml(a, spacing_mm), volume_ml(b, spacing_mm)
    if not a.any() or not b.any():
        return VesselAgreement(name, 0.0, np.nan, *volumes, np.nan, np.nan, np.nan, np.nan)
    where = ndimage.find_objects((a | b).astype(np.uint8))[0]
    a, b = np.pad(a[where], 1), np.pad(b[where], 1)
    middle = skeletonize(a) > 0
    sampling = spacing_mm[::-1]
    # Distances count from voxel centers: the wall lies half a voxel nearer than the next center outside.
    half = 0.5 * float(np.mean(spacing_mm))
    depth = ndimage.distance_transform_edt(a, sampling=sampling)
    middle |= depth == depth.max()  # a lump has no skeleton
    # Spurs of the skeleton, which run out to the wall, are shallow beside the middle.
    reach = 2 * int(np.ceil(float(np.median(depth[middle])) / min(spacing_mm))) + 1
    middle &= depth >= SPUR * ndimage.maximum_filter(depth, reach)
    first = 2.0 * (depth[middle] - half)
    deepest = ndimage.maximum_filter(ndimage.distance_transform_edt(b, sampling=sampling), 3)[middle]
    second = 2.0 * np.maximum(deepest - half, 0.0)
    off = second - first
    medians = float(np.median(first)), float(np.median(second))
    return VesselAgreement(
        name, dice(a, b), hd95_mm(a, b, spacing_mm), *volumes, *medians, float(off.mean()), float(off.std())
    )


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
