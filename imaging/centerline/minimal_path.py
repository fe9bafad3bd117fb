"""Centerlines by minimal paths through the depth of the lumen: our own, for sizing and when VMTK fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.centerline.curves import resampled, smoothed, tangents
from imaging.surface.lumen_field import LumenField
from imaging.types import FloatArray, IntArray

_CENTRALITY = 3.0
_CENTERING_PASSES = 30


class Disconnected(Exception):
    """No way through the lumen from the start to this end (index into the list of ends)."""

    def __init__(self, end: int) -> None:
        super().__init__(f"no path to end {end}")
        self.end = end


def depth_mm(field: LumenField) -> NDArray[np.float32]:
    """Distance to the wall inside the lumen, 0 outside, on the field's grid."""
    spacing = np.asarray(field.grid.spacing_mm[::-1])
    inside = field.values > 0.5
    lumen = np.argwhere(inside)
    # The sample outside that is nearest to one inside has a face in common with the lumen.
    beside = np.zeros_like(inside)
    for axis in range(3):
        for step in (-1, 1):
            neighbor = lumen[(lumen[:, axis] + step >= 0) & (lumen[:, axis] + step < inside.shape[axis])]
            beside[tuple(np.where(np.arange(3) == axis, neighbor + step, neighbor).T)] = True
    outside = np.argwhere(beside & ~inside)
    depth = np.zeros(inside.shape, np.float32)
    if len(outside):
        away = np.asarray(cKDTree(outside * spacing).query(lumen * spacing)[0])
        depth[tuple(lumen.T)] = np.maximum(away - 0.5 * spacing.min(), 0.0)
    return depth


def minimal_paths(
    field: LumenField, depth: NDArray[np.float32], start_mm: FloatArray, ends_mm: list[FloatArray], step_mm: float
) -> list[FloatArray]:
    """Central lines from one point of the lumen to others.

    The path minimizes the integral of ``depth ** -3`` and is then moved to the local ridge of the depth.

    Parameters
    ----------
    field, depth
        The lumen and :func:`depth_mm` of it.
    start_mm, ends_mm
        LPS positions near the lumen.
    step_mm : float
        Distance between points of the result.

    Raises
    ------
    Disconnected
        When an end cannot be reached.
    """
    from skimage.graph import MCP_Geometric

    lumen = np.argwhere(depth > 0)
    cost = np.full(depth.shape, -1.0)
    cost[tuple(lumen.T)] = np.maximum(depth[tuple(lumen.T)], 1e-3) ** -_CENTRALITY
    search = MCP_Geometric(cost, sampling=field.grid.spacing_mm[::-1])
    start, *stops = [_nearest(lumen, field, position) for position in (start_mm, *ends_mm)]
    reached, _ = search.find_costs([start], stops)
    ridge = ndimage.gaussian_filter(depth, 1.0)
    lines = []
    for number, stop in enumerate(stops):
        if not np.isfinite(reached[stop]):
            raise Disconnected(number)
        voxels = np.asarray(search.traceback(stop), dtype=float)
        line = field.grid.to_lps(voxels[:, ::-1])
        lines.append(_centered(field, ridge, line, step_mm) if len(line) > 2 else line)
    return lines


def _nearest(lumen: IntArray, field: LumenField, position_mm: FloatArray) -> tuple[int, ...]:
    index = field.grid.to_index(position_mm)[::-1]
    offset = (lumen - index) * np.asarray(field.grid.spacing_mm[::-1])
    return tuple(int(n) for n in lumen[(offset**2).sum(axis=1).argmin()])


def _centered(field: LumenField, ridge: NDArray[np.float32], line: FloatArray, step_mm: float) -> FloatArray:
    """The line moved uphill on the smoothed depth, across itself; the slope is taken by central differences there."""
    spacing = np.asarray(field.grid.spacing_mm)
    to_lps = np.asarray(field.grid.direction).reshape(3, 3)
    line = resampled(line, step_mm)
    for _ in range(_CENTERING_PASSES):
        index = field.grid.to_index(line)
        beside = index[None] + np.concatenate([np.eye(3), -np.eye(3)])[:, None]
        around = ndimage.map_coordinates(ridge, beside[..., ::-1].reshape(-1, 3).T, order=1, mode="nearest")
        ahead, behind = around.reshape(2, 3, -1)
        uphill = ((ahead - behind).T / (2.0 * spacing)) @ to_lps.T
        along = tangents(line)
        uphill -= along * np.einsum("ij,ij->i", uphill, along)[:, None]
        line = smoothed(line + 0.5 * spacing.min() * uphill, 2.0 * step_mm)
    return resampled(line, step_mm)
