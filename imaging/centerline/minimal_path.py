"""Centerlines by minimal paths through the depth of the lumen: our own, for sizing and when VMTK fails."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.centerline.curves import resampled, smoothed, tangents
from imaging.surface.lumen_field import LumenField
from imaging.types import FloatArray, IntArray

_CENTRALITY = 3.0
_CENTERING_PASSES = 30
_MOST_IN_GRAPH = 1_000_000
"""Samples of lumen up to which the ways are looked for among them alone: a graph takes 0.4 kB for each. Our choice."""


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
    lumen = np.argwhere(depth > 0)
    start, *stops = [_nearest(lumen, field, position) for position in (start_mm, *ends_mm)]
    cost = np.maximum(depth[tuple(lumen.T)], 1e-3).astype(float) ** -_CENTRALITY
    search = _through_graph if len(lumen) <= _MOST_IN_GRAPH else _through_grid
    ridge = ndimage.gaussian_filter(depth, 1.0)
    lines = []
    for number, way in enumerate(search(lumen, cost, depth.shape, field.grid.spacing_mm[::-1], start, stops)):
        if way is None:
            raise Disconnected(number)
        line = field.grid.to_lps(lumen[way][:, ::-1])
        lines.append(_centered(field, ridge, line, step_mm) if len(line) > 2 else line)
    return lines


def _through_graph(
    lumen: IntArray, cost: FloatArray, shape: tuple[int, ...], spacing: tuple[float, ...], start: int, stops: list[int]
) -> list[IntArray | None]:
    """For each stop the samples on the cheapest way there; steps go to the 26 neighbors that are lumen."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    number = np.full(np.asarray(shape) + 2, -1, np.int32)
    at = np.ravel_multi_index(tuple((lumen + 1).T), number.shape)
    flat = number.reshape(-1)
    flat[at] = np.arange(len(lumen), dtype=np.int32)
    rows, columns, weights = [], [], []
    for offset in itertools.product((-1, 0, 1), repeat=3):
        if offset <= (0, 0, 0):
            continue
        step = (offset[0] * number.shape[1] + offset[1]) * number.shape[2] + offset[2]
        there = flat[at + step]
        here = np.flatnonzero(there >= 0).astype(np.int32)
        there = there[here]
        rows.append(here)
        columns.append(there)
        weights.append(0.5 * float(np.linalg.norm(np.multiply(offset, spacing))) * (cost[here] + cost[there]))
    n = len(lumen)
    triples = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    reached, before = dijkstra(coo_matrix(triples, shape=(n, n)).tocsr(), False, start, return_predecessors=True)
    ways: list[IntArray | None] = []
    for stop in stops:
        way = [stop]
        while way[-1] != start and np.isfinite(reached[stop]):
            way.append(int(before[way[-1]]))
        ways.append(np.array(way[::-1]) if np.isfinite(reached[stop]) else None)
    return ways


def _through_grid(
    lumen: IntArray, cost: FloatArray, shape: tuple[int, ...], spacing: tuple[float, ...], start: int, stops: list[int]
) -> list[IntArray | None]:
    """The same over all samples of the grid, which costs less memory where most of them are lumen."""
    from skimage.graph import MCP_Geometric

    whole = np.full(shape, -1.0)
    whole[tuple(lumen.T)] = cost
    search = MCP_Geometric(whole, sampling=spacing)
    ends = [tuple(lumen[stop]) for stop in stops]
    reached, _ = search.find_costs([tuple(lumen[start])], ends)
    number = np.full(shape, -1, np.int64)
    number[tuple(lumen.T)] = np.arange(len(lumen))
    return [number[tuple(np.array(search.traceback(end)).T)] if np.isfinite(reached[end]) else None for end in ends]


def _nearest(lumen: IntArray, field: LumenField, position_mm: FloatArray) -> int:
    index = field.grid.to_index(position_mm)[::-1]
    offset = (lumen - index) * np.asarray(field.grid.spacing_mm[::-1])
    return int((offset**2).sum(axis=1).argmin())


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
