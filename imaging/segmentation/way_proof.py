"""What the sections across a way tell: whether a lumen is there at all, and how wide it is by its partial volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.segmentation.stations import Stations
from imaging.segmentation.working_grid import Hu, Labels, Mask
from imaging.types import FloatArray, IntArray

N_ANGLES = 12
STEP_VOXELS = 0.5
BLUR_VOXELS = 1.75
"""So far beyond its half maximum the blur of a scan carries a thin lumen's brightness."""
RING_VOXELS = 2.0
DARKER_HALF = 35.0
"""Percentile of the ring that stands for the surroundings: a neighbor as bright as the lumen may lie in it."""
MIDDLE = 60.0
"""Percentile of what lies within half a voxel of the way: the largest value would be noise where there is no lumen."""
TANGENT_STATIONS = 3
AREA_STATIONS = 3


@dataclass(frozen=True, eq=False)
class Crossing:
    """Of each station (n,): how bright its middle is between tissue (0) and lumen (1), by how much of the contrast that
    is more than what lies around it, and the radius [mm] of a circle with the area that its brightness adds up to.
    """

    share: FloatArray
    excess: FloatArray
    radius_mm: FloatArray


def cross_sections(
    hu: Hu,
    smoothed: Hu,
    stations: Stations,
    width_mm: FloatArray,
    lumen_hu: Hu,
    tissue_hu: float,
    spacing_mm: float,
) -> Crossing:
    """Sections across the ways.

    A blur moves brightness and adds none, so that the sum of a section's shares above its surroundings is the lumen's
    area however thin it is.

    Parameters
    ----------
    hu, smoothed : (k, j, i)
    width_mm : (n,)
        Inscribed radius of what is brighter than half the contrast, 0 where nothing is.
    lumen_hu : (n,)
        Brightness of a wide lumen at each station.
    """
    from scipy import ndimage

    u, v = _across(stations)
    angle = 2.0 * np.pi * np.arange(N_ANGLES) / N_ANGLES
    spokes = np.cos(angle)[:, None, None] * u + np.sin(angle)[:, None, None] * v
    step = (np.asarray(lumen_hu, dtype=float) - tissue_hu)[None, :]

    def share_at(image: Hu, radius_voxels: FloatArray) -> FloatArray:
        places = stations.points + spokes * radius_voxels[None, :, None]
        values = ndimage.map_coordinates(image, places.reshape(-1, 3).T, order=1, mode="nearest")
        return np.asarray((values.reshape(N_ANGLES, -1) - tissue_hu) / step, dtype=float)

    edge = width_mm / spacing_mm + BLUR_VOXELS
    ring = np.concatenate([share_at(smoothed, edge + d) for d in np.arange(0.0, RING_VOXELS + 0.1, 0.5)])
    around = np.percentile(ring, DARKER_HALF, axis=0)
    middle = np.concatenate([share_at(smoothed, np.full(len(edge), r)) for r in (0.0, STEP_VOXELS)])
    peak = np.percentile(middle, MIDDLE, axis=0)

    area = np.zeros(len(edge))
    for inner in np.arange(0.0, float(edge.max()), STEP_VOXELS):
        radius = np.full(len(edge), inner + 0.5 * STEP_VOXELS)
        told = np.clip((share_at(hu, radius) - around) / (1.0 - np.minimum(around, 0.7)), -0.5, 1.0)
        area += np.where(radius < edge, 2.0 * np.pi * radius * STEP_VOXELS * told.mean(axis=0), 0.0)
    for vessel in np.unique(stations.vessel):
        mine = stations.of(int(vessel))
        area[mine] = ndimage.uniform_filter1d(area[mine], AREA_STATIONS, mode="nearest")
    return Crossing(peak, peak - around, spacing_mm * np.sqrt(np.maximum(area, 0.0) / np.pi))


def _across(stations: Stations) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors (n, 3) across the way at each station."""
    along = np.zeros_like(stations.points)
    for vessel in np.unique(stations.vessel):
        mine = stations.of(int(vessel))
        at = np.arange(len(mine))
        ahead = stations.points[mine[np.minimum(at + TANGENT_STATIONS, len(mine) - 1)]]
        along[mine] = ahead - stations.points[mine[np.maximum(at - TANGENT_STATIONS, 0)]]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    least = np.eye(3)[np.abs(along).argmin(axis=1)]
    u = np.cross(along, least)
    u /= np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-9)
    return u, np.cross(along, u)


def drawn_way(labels: Labels, stations: Stations, values: IntArray, where: Mask, step: Any, first: Any) -> None:
    """Put the ways into labels (k, j, i), a voxel thin and face-connected, where nothing is labeled yet.

    Parameters
    ----------
    values : (n,)
        Label value at each station.
    where
        Voxels of the stations' own grid in which the ways count.
    step, first : (3,)
        ``index * step + first`` takes an index of the stations' grid to one of the labels'.
    """
    for vessel in np.unique(stations.vessel):
        mine = stations.of(int(vessel))
        line = stations.points[mine]
        if vessel > 0:  # a branch begins outside its parent: go back to the nearest place of what was before it
            before = stations.points[: mine[0]]
            line = np.concatenate([before[[np.linalg.norm(before - line[0], axis=1).argmin()]], line])
            mine = np.concatenate([mine[:1], mine])
        kept = where[tuple(np.clip(np.round(line).astype(int), 0, np.asarray(where.shape) - 1).T)]
        line, mine = line[kept], mine[kept]
        if len(line) < 2:
            continue
        long = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        fine = np.linspace(0.0, long[-1], int(8 * long[-1]) + 2)
        at = np.stack([np.interp(fine, long, line[:, axis]) for axis in range(3)], axis=1)
        value = values[mine[np.clip(np.searchsorted(long, fine), 0, len(mine) - 1)]]
        voxels = np.clip(np.round(at * step + first).astype(np.int64), 0, np.asarray(labels.shape) - 1)
        change = np.concatenate([[True], (np.diff(voxels, axis=0) != 0).any(axis=1)])
        voxels, value = voxels[change], value[change]
        for n, voxel in enumerate(voxels):
            corner = voxels[max(n - 1, 0)].copy()
            for axis in range(3):
                corner[axis] = voxel[axis]
                if labels[tuple(corner)] == 0:
                    labels[tuple(corner)] = value[n]
