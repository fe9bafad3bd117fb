"""A vessel tree as stations along its paths: at which station a voxel lies, how wide the vessel is, where it is cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imaging.segmentation.minimal_path import arc_length_mm
from imaging.segmentation.working_grid import Depth, Mask
from imaging.types import FloatArray, IntArray

MAIN = 1
"""Label value of the main vessel; its branches follow."""


@dataclass(frozen=True, eq=False)
class Stations:
    """Places along the paths of all vessels, about 1 mm apart.

    Attributes
    ----------
    points : (n, 3)
        Fractional (k, j, i).
    vessel : (n,)
        Label value of the vessel; stations of one vessel follow each other downstream, the main vessel's come first.
    """

    points: FloatArray
    vessel: IntArray

    @classmethod
    def along(cls, paths: Mapping[int, FloatArray]) -> Stations:
        """Stations of the paths (n, 3), by label value."""
        vessel = [np.full(len(path), value, dtype=np.int64) for value, path in paths.items()]
        return cls(np.concatenate(list(paths.values())), np.concatenate(vessel))

    def of(self, vessel: int) -> IntArray:
        """Indices of a vessel's stations."""
        return np.flatnonzero(self.vessel == vessel)

    @property
    def branches(self) -> list[int]:
        """Label values of the branches."""
        return [int(value) for value in np.unique(self.vessel) if value != MAIN]

    def voxels(self, shape: tuple[int, ...]) -> IntArray:
        """The voxel (n, 3) of each station."""
        return np.clip(np.round(self.points).astype(np.int64), 0, np.asarray(shape) - 1)

    def nearest(self, shape: tuple[int, ...], spacing_mm: float) -> tuple[FloatArray, IntArray]:
        """Distance in mm of each voxel to the nearest station, and the index of that station."""
        from scipy import ndimage

        station = np.full(shape, -1, dtype=np.int32)
        # The first stations are written last, so that a voxel shared with a branch belongs to the main vessel.
        station[tuple(self.voxels(shape)[::-1].T)] = np.arange(len(self.points))[::-1]
        distance, where = ndimage.distance_transform_edt(station < 0, sampling=spacing_mm, return_indices=True)
        return distance, station[tuple(where)]

    def sampled(self, values: Depth) -> FloatArray:
        """Values (n,) of an array (k, j, i) at the stations, interpolated linearly."""
        return sampled(values, self.points)

    def envelope(self, values: FloatArray, window: int) -> FloatArray:
        """Largest of the values (n,) of a vessel's stations within a window of that many stations."""
        from scipy import ndimage

        largest = np.empty_like(values)
        for vessel in np.unique(self.vessel):
            mine = self.of(int(vessel))
            largest[mine] = ndimage.maximum_filter1d(values[mine], window, mode="nearest")
        return largest


@dataclass(frozen=True, eq=False)
class EndPlane:
    """Where a vessel is cut: a plane, its normal pointing out of the model, felt within ``reach_mm`` of its center."""

    center: FloatArray
    normal: FloatArray
    vessel: int
    reach_mm: float

    def beyond(self, vessel_at: IntArray, spacing_mm: float) -> Mask:
        """Voxels on the far side, near the plane's center, whose nearest station belongs to the vessel."""
        reach = self.reach_mm / spacing_mm
        first = np.maximum(np.floor(self.center - reach).astype(int), 0)
        last = np.minimum(np.ceil(self.center + reach).astype(int) + 1, vessel_at.shape)
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        offset = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), axis=-1) - self.center
        far = np.zeros(vessel_at.shape, dtype=bool)
        far[box] = (offset @ self.normal > 0) & ((offset**2).sum(-1) <= reach**2) & (vessel_at[box] == self.vessel)
        return far


def sampled(values: Depth, points: FloatArray) -> FloatArray:
    """Values (n,) of an array (k, j, i) at fractional indices (n, 3), interpolated linearly."""
    from scipy import ndimage

    return np.asarray(ndimage.map_coordinates(values, points.T, order=1, mode="nearest"), dtype=float)


def outside_parent(branch: FloatArray, parent: FloatArray, depth_mm: Depth, spacing_mm: float) -> FloatArray:
    """The part of a branch's path (n, 3) outside its parent's inscribed spheres; at least the distal half.

    Parameters
    ----------
    branch, parent : (n, 3), (m, 3)
        Paths; the branch's begins on the parent's.
    depth_mm : (k, j, i)
        Distance of each lumen voxel to the wall.
    """
    from scipy.spatial import cKDTree

    away, nearest = cKDTree(parent).query(branch)
    within = np.flatnonzero(away * spacing_mm < sampled(depth_mm, parent[nearest]))
    first = int(within[-1]) + 1 if len(within) else 0
    return branch[min(first, len(branch) // 2) :]


def outward_fit(path: FloatArray, skip_mm: float, length_mm: float, spacing_mm: float) -> FloatArray:
    """Unit vector out of the vessel at the first point of a path (n, 3): along a straight line fitted to the path.

    The fit begins ``skip_mm`` from the point, which need not lie in the middle of the vessel, and is ``length_mm``
    long.
    """
    arc = arc_length_mm(path, spacing_mm)
    used = (arc >= min(skip_mm, 0.5 * arc[-1])) & (arc <= skip_mm + length_mm)
    along = arc[used] - arc[used].mean()
    slope = along @ (path[used] - path[used].mean(axis=0))
    direction: FloatArray = -slope / np.linalg.norm(slope)
    return direction


def outward_chord(path: FloatArray, length_mm: float, spacing_mm: float) -> FloatArray:
    """Unit vector out of the vessel at the first point of a path (n, 3): from the point ``length_mm`` away to it."""
    inner = int(np.searchsorted(arc_length_mm(path, spacing_mm), length_mm))
    chord = path[0] - path[min(inner, len(path) - 1)]
    direction: FloatArray = chord / np.linalg.norm(chord)
    return direction
