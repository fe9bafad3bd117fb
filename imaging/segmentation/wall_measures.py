"""What is measured in an aorta whose outer wall was found: diameters across its axis, areas along it, volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.segmentation.outer_wall import FALSE_LUMEN, FLAP, LUMEN, THROMBUS, OuterWall
from imaging.segmentation.wall_rays import SECTION_STEP_MM
from imaging.types import FloatArray

_END_MM = 5.0
"""Sections nearer to an end are not the widest: half of their neighbors are missing."""

_MEAN_MM = 3.0
"""Standard deviation of the mean along the vessel: of two sections one may hold two slices of voxels, one none."""


@dataclass(frozen=True, eq=False)
class WallMeasures:
    """Figures of an outer wall.

    Attributes
    ----------
    along_mm, min_mm, max_mm : (n,)
        Place of each section, and the calipers of the outer wall across the vessel's axis.
    areas_mm2
        By label, (n,): its area across the axis, a Gaussian mean of 3 mm along it.
    volumes_ml
        By label.
    largest_mm, largest_at_mm
        The largest outer diameter, outer wall to outer wall, and the middle of its section (LPS).
    voxel_mm
        The largest side of a voxel: a diameter changes by it when the wall is half a voxel in or out on both sides.
    """

    along_mm: FloatArray
    min_mm: FloatArray
    max_mm: FloatArray
    areas_mm2: dict[int, FloatArray]
    volumes_ml: dict[int, float]
    largest_mm: float
    largest_at_mm: tuple[float, float, float]
    voxel_mm: float

    @property
    def false_share(self) -> float | None:
        """Share of the false lumen, thrombus included, in both lumens; None where no false lumen is filled."""
        false = self.volumes_ml[FALSE_LUMEN]
        return (false + self.volumes_ml[THROMBUS]) / self._all_ml if false > 0.0 else None

    @property
    def thrombosed_share(self) -> float | None:
        """Share of thrombus in the false lumen; None where no false lumen is filled."""
        false = self.volumes_ml[FALSE_LUMEN]
        return self.volumes_ml[THROMBUS] / (false + self.volumes_ml[THROMBUS]) if false > 0.0 else None

    @property
    def thrombus_share(self) -> float:
        """Share of thrombus in all within the wall that is lumen or thrombus."""
        return self.volumes_ml[THROMBUS] / self._all_ml

    @property
    def _all_ml(self) -> float:
        return sum(self.volumes_ml[label] for label in (LUMEN, FALSE_LUMEN, THROMBUS))


def measures_of(found: OuterWall) -> WallMeasures:
    """Measure what was found."""
    from scipy import ndimage
    from scipy.spatial import cKDTree

    line, grid = found.sections.line, found.labels.grid
    least, largest = found.sections.calipers_mm()
    clear = (line.along_mm >= _END_MM) & (line.along_mm <= line.length_mm - _END_MM)
    widest = int(np.where(clear, largest, 0.0).argmax())
    tree = cKDTree(line.points)
    areas: dict[int, FloatArray] = {}
    volumes: dict[int, float] = {}
    for label in (LUMEN, FALSE_LUMEN, THROMBUS, FLAP):
        voxels = np.argwhere(found.labels.array == label)
        places = grid.to_lps(voxels[:, ::-1])
        station = np.asarray(tree.query(places)[1], dtype=int)
        along = ((places - line.points[station]) * line.tangent[station]).sum(axis=1)
        own = station[np.abs(along) <= 0.5 * SECTION_STEP_MM]  # what lies beyond the ends belongs to no section
        counts = np.bincount(own, minlength=len(line.points)).astype(np.float64)
        counts = ndimage.gaussian_filter1d(counts, _MEAN_MM / SECTION_STEP_MM, mode="nearest")
        areas[label] = counts * grid.voxel_volume_ml * 1000.0 / SECTION_STEP_MM
        volumes[label] = len(voxels) * grid.voxel_volume_ml
    x, y, z = (round(float(c), 2) for c in line.points[widest])
    voxel = float(max(grid.spacing_mm))
    return WallMeasures(line.along_mm, least, largest, areas, volumes, float(largest[widest]), (x, y, z), voxel)
