"""The path that runs inside a vessel between two points: the cheapest one where dark and narrow is dear."""

from __future__ import annotations

import numpy as np

from imaging.segmentation.lumen_statistics import Contrast
from imaging.segmentation.working_grid import Depth, Hu
from imaging.types import FloatArray, IntArray

CLOSED = -1.0
OPEN_SHARE = 0.35
"""A path may cross voxels above this share of the contrast (a flap's or a stent's partial volume), at a price."""

HU_TOLERANCE = 0.15
"""Share of the contrast by which the lumen's HU may differ before a step costs twice as much."""


def path_cost(smoothed: Hu, depth_mm: Depth, contrast: Contrast, wide_mm: float, spacing_mm: float) -> Depth:
    """Cost of each voxel to a path: 1 in the middle of a vessel as bright as the lumen, negative where none may go.

    Parameters
    ----------
    depth_mm : (k, j, i)
        Distance to the nearest voxel that is not as bright as the lumen.
    wide_mm
        Depth beyond which more room is no cheaper, so that a path does not detour through a heart chamber.
    """
    off = (smoothed - contrast.lumen_hu) / (HU_TOLERANCE * (contrast.lumen_hu - contrast.tissue_hu))
    narrow = wide_mm / np.clip(depth_mm, 0.5 * spacing_mm, wide_mm)
    cost = (1.0 + np.minimum(off**2, 36.0)) * narrow**1.5
    return np.where(smoothed > contrast.at(OPEN_SHARE), cost, CLOSED)


def minimal_paths(cost: Depth, starts: IntArray, ends: IntArray, margin: int) -> list[IntArray | None]:
    """For each end (m, 3) the voxels (n, 3) of the cheapest path to it from any of the starts; None when there is none.

    Dijkstra's shortest path over 26 neighbors, each step weighted by its length and the mean cost of its ends, within
    the box around starts and ends plus ``margin`` voxels.
    """
    from skimage.graph import MCP_Geometric

    reached = np.concatenate([starts, ends])
    first = np.maximum(reached.min(axis=0) - margin, 0)
    box = cost[tuple(slice(a, b + margin + 1) for a, b in zip(first, reached.max(axis=0), strict=True))]
    sources = [tuple(start) for start in np.unique(starts - first, axis=0) if box[tuple(start)] > 0]
    targets = [tuple(end) for end in ends - first]
    if not sources:
        return [None] * len(targets)
    search = MCP_Geometric(box, fully_connected=True)
    total, _ = search.find_costs(sources, [target for target in targets if box[target] > 0])
    return [
        np.asarray(search.traceback(target), dtype=np.int64) + first if np.isfinite(total[target]) else None
        for target in targets
    ]


def smooth_path(path: FloatArray, spacing_mm: float, step_mm: float = 1.0, sigma_mm: float = 4.0) -> FloatArray:
    """Stations (n, 3), ``step_mm`` apart, of a path freed from the staircase of the voxels; its ends stay."""
    from scipy import ndimage

    arc = arc_length_mm(path, spacing_mm)
    at = np.linspace(0.0, arc[-1], max(int(arc[-1] / step_mm) + 1, 2))
    even = np.stack([np.interp(at, arc, path[:, axis]) for axis in range(3)], axis=1)
    soft = ndimage.gaussian_filter1d(even, sigma_mm / step_mm, axis=0, mode="nearest")
    inner = np.clip(np.minimum(at, at[-1] - at) / (2 * sigma_mm), 0.0, 1.0)[:, None]
    stations: FloatArray = inner * soft + (1.0 - inner) * even
    return stations


def arc_length_mm(path: FloatArray, spacing_mm: float) -> FloatArray:
    """Length along a path (n, 3) of voxel indices up to each of its points."""
    steps = np.linalg.norm(np.diff(np.asarray(path, dtype=float), axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)]) * spacing_mm
