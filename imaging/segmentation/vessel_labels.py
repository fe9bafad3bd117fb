"""Which part of a lumen is the main vessel and which is a branch, told from the paths that run in it."""

from __future__ import annotations

import numpy as np

from imaging.segmentation.stations import MAIN, Stations
from imaging.segmentation.working_grid import Depth, Labels, Mask
from imaging.types import FloatArray, IntArray

WIDENS = 1.4
"""A branch's path is still in another vessel where the lumen is this much deeper than in the branch's distal half."""
FREE_STATIONS = 5
"""A branch is a tube of its own from where this many of its stations in a row lie in no other vessel."""
BRANCH_REACH = 1.6
"""A branch's lumen lies within this many of its inscribed radii of its path."""
RADIUS_STATIONS = 7
"""The main vessel's radius is a median over this many stations to either side, so that an ostium does not widen it."""


def label_vessels(lumen: Mask, depth_mm: Depth, stations: Stations, spacing_mm: float) -> Labels:
    """Label value of each lumen voxel, 0 outside.

    A branch's lumen is what lies farther from the main vessel's path than that vessel's radius there, and nearest to
    the branch where it has become a tube of its own.

    Parameters
    ----------
    lumen : (k, j, i)
        One connected piece.
    depth_mm : (k, j, i)
        Distance of each lumen voxel to the wall.
    """
    from scipy.spatial import cKDTree

    labels = lumen.astype(np.uint8) * np.uint8(MAIN)
    depth = stations.sampled(depth_mm)
    kept, reach_mm = [], np.zeros(len(depth))
    for vessel in stations.branches:
        mine = stations.of(vessel)
        own_mm = float(np.median(depth[mine][len(mine) // 2 :]))
        shared = depth[mine] > WIDENS * own_mm + 0.5 * spacing_mm
        free = [n for n in range(len(mine)) if not shared[n : n + FREE_STATIONS].any()]
        kept.append(mine[free[0] if free else 0 :])
        reach_mm[mine] = BRANCH_REACH * own_mm + spacing_mm
    if not kept:
        return labels
    branch = np.concatenate(kept)
    main = cKDTree(stations.points[stations.of(MAIN)])
    voxels = np.argwhere(lumen)
    to_main, parent = main.query(voxels)
    to_branch, nearest = cKDTree(stations.points[branch]).query(voxels)
    nearest = branch[nearest]
    near_branch = to_branch * spacing_mm <= reach_mm[nearest]
    main_wall = ~near_branch & (depth_mm[tuple(voxels.T)] <= spacing_mm)
    radius_mm = _radius_mm(to_main[main_wall] * spacing_mm, parent[main_wall], main.n)
    in_branch = near_branch & (to_main * spacing_mm > radius_mm[parent])
    labels[tuple(voxels[in_branch].T)] = stations.vessel[nearest[in_branch]]
    return labels


def _radius_mm(wall_away_mm: FloatArray, wall_station: IntArray, n_stations: int) -> FloatArray:
    """Radius (n_stations,) of the main vessel: the median distance of the wall voxels around each station."""
    order = np.argsort(wall_station, kind="stable")
    away, station = wall_away_mm[order], wall_station[order]
    at = np.arange(n_stations)
    first = np.searchsorted(station, at - RADIUS_STATIONS, side="left")
    last = np.searchsorted(station, at + RADIUS_STATIONS, side="right")
    known = np.flatnonzero(last > first)
    medians = [float(np.median(away[first[n] : last[n]])) for n in known]
    return np.asarray(np.interp(at, known, medians), dtype=float)


def label_nearest(
    lumen: Mask, points: FloatArray, radius_mm: FloatArray, values: IntArray, spacing_mm: float
) -> Labels:
    """Label value of each lumen voxel, 0 outside: that of the vessel from whose wall it is farthest inward.

    Parameters
    ----------
    points, radius_mm, values : (n, 3), (n,), (n,)
        Places along the vessels, the vessel's radius and label value there.
    """
    from scipy.spatial import cKDTree

    voxels = np.argwhere(lumen)
    best = np.full(len(voxels), np.inf)
    chosen = np.zeros(len(voxels), dtype=np.uint8)
    for value in np.unique(values):
        mine = np.flatnonzero(values == value)
        away, nearest = cKDTree(points[mine]).query(voxels)
        beyond = away * spacing_mm - radius_mm[mine][nearest]
        closer = beyond < best
        best[closer], chosen[closer] = beyond[closer], value
    labels = np.zeros(lumen.shape, dtype=np.uint8)
    labels[tuple(voxels.T)] = chosen
    return labels


def one_piece(labels: Labels) -> Labels:
    """Labels (k, j, i) that together are one face-connected piece; loose bits of a label go to what they touch."""
    from scipy import ndimage

    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        return labels
    part = labels[found[0]] * largest_piece(labels[found[0]] > 0)
    kept = np.zeros_like(part)
    for value in np.unique(part[part > 0]):
        kept[largest_piece(part == value)] = value
    near = ndimage.distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
    whole = np.zeros_like(labels)
    whole[found[0]] = np.where(part > 0, kept[tuple(near)], 0)
    return whole


def in_one_piece_each(labels: Labels) -> Labels:
    """Labels (k, j, i) of which each is one face-connected piece, and all together are one.

    Bits loose from the whole are dropped; loose bits of a branch go to the main vessel, of that to a branch they touch.
    """
    from scipy import ndimage

    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    part = labels[box] * largest_piece(labels[box] > 0)
    for value in np.unique(part[part > MAIN]):
        mine = part == value
        part[mine & ~largest_piece(mine)] = MAIN
    main = part == MAIN
    pieces, n = ndimage.label(main & ~largest_piece(main))
    for piece in range(1, n + 1):
        bit = pieces == piece
        part[bit] = np.bincount(part[ndimage.binary_dilation(bit) & (part > MAIN)]).argmax()
    whole = np.zeros_like(labels)
    whole[box] = part
    return whole


def largest_piece(mask: Mask) -> Mask:
    """The largest face-connected piece of a mask."""
    from scipy import ndimage

    pieces, n = ndimage.label(mask)
    if n < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest: Mask = pieces == sizes.argmax()
    return largest


def section_radius_mm(labels: Labels, station_at: IntArray, stations: Stations, spacing_mm: float) -> FloatArray:
    """Radius (n,) of a circle with the area of the vessel's section at each station.

    The area is the vessel's volume nearest to a station over the path it stands for, averaged over five stations.
    """
    from scipy import ndimage

    own = (labels > 0) & (labels == stations.vessel[station_at])
    volume_mm3 = np.bincount(station_at[own], minlength=len(stations.points)) * spacing_mm**3
    radius = np.empty(len(volume_mm3))
    for vessel in np.unique(stations.vessel):
        mine = stations.of(int(vessel))
        step_mm = np.linalg.norm(np.diff(stations.points[mine], axis=0), axis=1).mean() * spacing_mm
        area = ndimage.uniform_filter1d(volume_mm3[mine].astype(float), 5, mode="nearest") / step_mm
        radius[mine] = np.sqrt(area / np.pi)
    return radius
