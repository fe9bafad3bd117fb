"""Rays across a vessel from its middle outward: what lies on them, what a wall there would cost, and the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.reformat.vessel_line import VesselLine
from imaging.segmentation.semi_global import smooth_surface
from imaging.types import FloatArray, Grid, IntArray

N_RAYS = 72
RAY_STEP_MM, SECTION_STEP_MM = 0.5, 1.5
_EDGE_STEPS = 2
"""Half the length of the stretch over which an edge is measured: 1 mm, less than the wall is thick."""
_OPAQUE_MM = 1.0
"""So much fat on a ray ends the vessel: what is brighter behind it belongs to a neighbor."""
_LEAST_MM = 3.0
"""Least radius of an outer wall."""

Kinds = NDArray[np.uint8]
INSIDE, BRIGHT = 1, 2
"""Blood of the vessel, its lumen or its false lumen; other bright things, its branches among them."""


@dataclass(frozen=True)
class WallCosts:
    """What speaks for and against a wall, in mm: blood outside, or fat, bone and neighbors inside, cost 1 per mm.

    Attributes
    ----------
    tissue_hu, fat_hu
        Levels of wall and thrombus, and of fat.
    tissue
        What 1 mm of tissue inside costs that is not blood: it may be thrombus, or a neighbor.
    fat_edge_mm
        Reward where tissue borders on fat.
    stiffness
        Cost of a difference of 1 mm between neighboring rays.
    """

    tissue_hu: float
    fat_hu: float
    tissue: float
    fat_edge_mm: float
    stiffness: float


@dataclass(frozen=True, eq=False)
class Sections:
    """Sections along a line, each with rays evenly around, and the outer wall's distance on each ray.

    Attributes
    ----------
    line
        n points with their frames, the middles of the sections.
    radius_mm : (n, m)
    """

    line: VesselLine
    radius_mm: FloatArray

    @property
    def outline_mm(self) -> FloatArray:
        """The wall on each ray (n, m, 3): LPS, mm."""
        found: FloatArray = self.line.points[:, None] + self.radius_mm[..., None] * directions(self.line)
        return found

    @property
    def area_mm2(self) -> FloatArray:
        """Area (n,) within each outline, by triangles between the rays."""
        found: FloatArray = self._triangles().sum(axis=1)
        return found

    def _triangles(self) -> FloatArray:
        beside = np.roll(self.radius_mm, -1, axis=1)
        found: FloatArray = 0.5 * self.radius_mm * beside * np.sin(2.0 * np.pi / self.radius_mm.shape[1])
        return found

    @property
    def middle_mm(self) -> FloatArray:
        """Centroid (n, 3) of each outline: LPS, mm."""
        offset = self.radius_mm[..., None] * directions(self.line)
        centroid = (offset + np.roll(offset, -1, axis=1)) / 3.0
        weight = self._triangles()[..., None]
        found: FloatArray = self.line.points + (weight * centroid).sum(axis=1) / weight.sum(axis=1)
        return found

    def calipers_mm(self) -> tuple[FloatArray, FloatArray]:
        """Least and largest distance (n,) between two parallel lines that hold the outline between them."""
        angle = 2.0 * np.pi * np.arange(N_RAYS) / N_RAYS
        across = np.cos(angle[: N_RAYS // 2, None] - angle)  # half a turn is enough
        width = np.ptp(self.radius_mm[:, None, :] * across, axis=2)
        return width.min(axis=1), width.max(axis=1)

    def beneath_mm(self, places_mm: FloatArray) -> FloatArray:
        """How far (n,) places (n, 3) lie beneath the outer wall, on the ray of the nearest section; below 0 outside.

        Not a number beyond the first and the last section.
        """
        from scipy.spatial import cKDTree

        line, n = self.line, len(self.line.points)
        where = np.asarray(cKDTree(line.points).query(places_mm)[1])
        away = places_mm - line.points[where]
        along, x, y = ((away * axis[where]).sum(axis=1) for axis in (line.tangent, line.side, line.other))
        turn = np.mod(np.arctan2(y, x) / (2.0 * np.pi), 1.0) * N_RAYS
        ray = np.floor(turn).astype(int) % N_RAYS
        share = turn - np.floor(turn)
        wall = (1.0 - share) * self.radius_mm[where, ray] + share * self.radius_mm[where, (ray + 1) % N_RAYS]
        half = 0.5 * SECTION_STEP_MM
        is_beyond = ((where == 0) & (along < -half)) | ((where == n - 1) & (along > half))
        found: FloatArray = np.where(is_beyond, np.nan, wall - np.hypot(x, y))
        return found


def directions(line: VesselLine) -> FloatArray:
    """Unit vectors (n, m, 3) of the rays of each section."""
    angle = 2.0 * np.pi * np.arange(N_RAYS) / N_RAYS
    found: FloatArray = np.cos(angle)[:, None] * line.side[:, None] + np.sin(angle)[:, None] * line.other[:, None]
    return found


def walled(
    line: VesselLine,
    hu: NDArray[np.float32],
    kinds: Kinds,
    station_mm: NDArray[np.float32],
    grid: Grid,
    reach_mm: float,
    costs: WallCosts,
) -> Sections:
    """Sections along a line with their outer wall.

    Parameters
    ----------
    hu, kinds : (k, j, i)
        Scan, quiet, and what is known of its voxels (`INSIDE`, `BRIGHT`, 0).
    station_mm : (k, j, i)
        Where along the line each voxel of kind `INSIDE` lies.
    reach_mm
        Length of the rays.
    """
    from scipy import ndimage

    steps = np.arange(0.0, reach_mm + 0.5 * RAY_STEP_MM, RAY_STEP_MM)
    places = line.points[:, None, None] + steps[:, None] * directions(line)[:, :, None]
    index = np.moveaxis(grid.to_index(places)[..., ::-1], -1, 0)
    on_ray = ndimage.map_coordinates(hu, index, np.float32, order=1, mode="nearest")
    k, j, i = (np.clip(np.rint(index[axis]), 0, hu.shape[axis] - 1).astype(np.intp) for axis in range(3))
    kind = kinds[k, j, i]
    # Where a vessel bends back on itself a section meets it twice: the blood of its other part is a neighbor's.
    is_other = (kind == INSIDE) & (np.abs(station_mm[k, j, i] - line.along_mm[:, None, None]) > reach_mm)
    kind[is_other] = BRIGHT
    cost = _costs(on_ray, kind, costs)
    cost[:, :, steps < _LEAST_MM] = 1e3
    cost = ndimage.gaussian_filter1d(cost, 1.0, axis=0, mode="nearest")
    at: IntArray = smooth_surface(cost, costs.stiffness * RAY_STEP_MM)
    around = np.pad(np.pad(steps[at], ((0, 0), (3, 3)), mode="wrap"), ((3, 3), (0, 0)), mode="edge")
    quiet = ndimage.gaussian_filter(ndimage.median_filter(around, (5, 3)), (1.0, 1.0))
    return Sections(line, quiet[3:-3, 3:-3])


def _costs(hu: NDArray[np.float32], kind: Kinds, costs: WallCosts) -> NDArray[np.float32]:
    """What a wall at each step (n, m, k) costs: all up to there is inside, all behind it outside."""
    border = 0.5 * (costs.tissue_hu + costs.fat_hu)
    is_fat = hu < border
    is_behind = is_fat | (np.cumsum(is_fat, axis=2) * RAY_STEP_MM > _OPAQUE_MM)
    per_mm = np.where(is_behind | (kind == BRIGHT), np.float32(1.0), np.float32(costs.tissue))
    per_mm[(kind == INSIDE) & ~is_behind] = -1.0
    found = np.cumsum(per_mm, axis=2, dtype=np.float32) * np.float32(RAY_STEP_MM)
    level = np.clip((hu - costs.fat_hu) / (costs.tissue_hu - costs.fat_hu), 0.0, 1.0)
    fall = level[:, :, : -2 * _EDGE_STEPS] - level[:, :, 2 * _EDGE_STEPS :]
    found[:, :, _EDGE_STEPS:-_EDGE_STEPS] -= costs.fat_edge_mm * np.maximum(fall, 0.0)
    return found
