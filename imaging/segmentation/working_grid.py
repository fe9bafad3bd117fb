"""The part of a scan around the points, resampled to cubic voxels, and the way back to the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.declaration import Place
from imaging.types import FloatArray, Volume

Hu = NDArray[np.float32]
Mask = NDArray[np.bool_]
Depth = NDArray[np.float64]
Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """Cubic voxels around the points: ``hu[k, j, i]``; positions in it are fractional indices ordered (k, j, i).

    Attributes
    ----------
    first_voxel, step : (3,)
        In the scan's own indices, ordered (k, j, i): where voxel (0, 0, 0) lies and how far apart voxels are.
    """

    hu: Hu
    spacing_mm: float
    scan: Volume
    first_voxel: FloatArray
    step: FloatArray

    def to_index(self, position_mm: Any) -> FloatArray:
        """Fractional (k, j, i) of positions ``(..., 3)`` in mm LPS."""
        index: FloatArray = (self.scan.grid.to_index(position_mm)[..., ::-1] - self.first_voxel) / self.step
        return index

    def to_place(self, index: Any) -> Place:
        """LPS position in mm of one fractional (k, j, i)."""
        x, y, z = self.scan.grid.to_lps((np.asarray(index, dtype=float) * self.step + self.first_voxel)[::-1])
        return float(x), float(y), float(z)


def work_around(
    volume: Volume, points_mm: FloatArray, margin_mm: float, voxel_mm: float, floor_hu: float
) -> WorkingImage:
    """The box around the points (n, 3; mm, LPS) plus a margin, in cubes of ``voxel_mm``.

    Everything darker than ``floor_hu`` is raised to it: interpolated down to the HU of lung, the half maximum of a wall
    would lie too far inside.
    """
    from scipy import ndimage

    spacing = np.asarray(volume.grid.spacing_mm[::-1])
    index = volume.grid.to_index(points_mm)[:, ::-1]
    first = np.maximum(np.floor(index.min(axis=0) - margin_mm / spacing), 0).astype(int)
    last = np.minimum(np.ceil(index.max(axis=0) + margin_mm / spacing), np.asarray(volume.array.shape) - 1).astype(int)
    box = volume.array[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))].astype(np.float32)
    np.maximum(box, floor_hu, out=box)
    step = voxel_mm / spacing
    if (step > 1).any():
        # A larger voxel holds the mean of the smaller ones: the same variance as a box of that size.
        box = ndimage.gaussian_filter(box, np.sqrt(np.maximum(step**2 - 1, 0) / 12))
    shape = tuple(int(n) for n in np.floor((np.asarray(box.shape) - 1) / step) + 1)
    hu = ndimage.affine_transform(box, step, output_shape=shape, order=1, mode="nearest")
    return WorkingImage(hu, voxel_mm, volume, first.astype(float), step)


def labels_on_scan(image: WorkingImage, occupancy: Hu, labels: Labels) -> Labels:
    """Labels on the grid of the scan: a voxel is filled when the occupancy, interpolated linearly, exceeds one half.

    Parameters
    ----------
    occupancy : (k, j, i)
        Share of each working voxel that is lumen, 0 outside.
    labels : (k, j, i)
        Value of each working voxel that is lumen, 0 elsewhere; not all 0.
    """
    from scipy import ndimage

    filled = np.argwhere(labels > 0)
    low, high = np.maximum(filled.min(axis=0) - 2, 0), np.minimum(filled.max(axis=0) + 3, labels.shape)
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    first = np.ceil(image.first_voxel + low * image.step).astype(int)
    last = np.floor(image.first_voxel + (high - 1) * image.step).astype(int)

    def on_scan(array: NDArray[Any], order: Literal[0, 1]) -> NDArray[Any]:
        resampled: NDArray[Any] = ndimage.affine_transform(
            array.astype(np.float32),
            1 / image.step,
            offset=(first - image.first_voxel) / image.step - low,
            output_shape=tuple(int(n) for n in last - first + 1),
            order=order,
            mode="nearest",
        )
        return resampled

    # A voxel just outside the working lumen takes the label of the lumen beside it.
    near = ndimage.distance_transform_edt(labels[part] == 0, return_distances=False, return_indices=True)
    result = np.zeros(image.scan.grid.array_shape, dtype=np.uint8)
    box = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    result[box] = on_scan(labels[part][tuple(near)], 0) * (on_scan(occupancy[part], 1) > 0.5)
    return result
