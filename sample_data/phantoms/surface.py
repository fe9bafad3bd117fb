"""The exact wall of a phantom as a closed triangle surface: every vertex on the implicit function, ends cut flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skimage.measure import marching_cubes

from imaging.types import WALL_PATCH_ID, FloatArray, Grid, IntArray, Surface
from sample_data.phantoms.phantom import End, Phantom
from sample_data.phantoms.raster import signed_values

_EVENING_ROUNDS = 4
_SNAP_EDGES = 0.3
_OVERHANG_EDGES = 4.0
_TRIM_EDGES = 2.0


def exact_surface(phantom: Phantom, edge_mm: float | None = None) -> Surface:
    """The lumen's boundary: wall and flat caps, watertight, oriented outward.

    A contour of the implicit function on a grid of ``edge_mm`` is evened out along the wall and every vertex moved onto
    the wall by Newton's method (off by less than 1e-6 mm); then each open end is cut by its plane, the rim moved onto
    the wall within that plane, and the opening closed by a fan.

    Parameters
    ----------
    edge_mm : float, optional
        About the length of the triangles' edges; a fifth of the smallest vessel radius when left out.

    Returns
    -------
    Surface
        ``triangle_data["patch"]``: 1 for the wall, 2, 3 ... for the caps in the order of ``phantom.ends``.
    """
    edge = edge_mm or 0.2 * min(vessel.min_radius_mm for vessel in phantom.vessels)
    points, triangles = _contour(phantom, edge)
    for end in phantom.ends:
        beyond = _beyond(end, points, edge) > _TRIM_EDGES * edge
        triangles = triangles[~beyond[triangles].any(axis=1)]
    points = _evened(phantom, points, triangles)
    patch = np.full(len(triangles), WALL_PATCH_ID, dtype=np.int32)
    for patch_id, end in enumerate(phantom.ends, start=WALL_PATCH_ID + 1):
        points, triangles, kept, n_cap = _cut(phantom, end, edge, points, triangles)
        wall = np.full(len(triangles) - n_cap - kept.sum(), WALL_PATCH_ID, dtype=np.int32)
        patch = np.concatenate([patch[kept], wall, np.full(n_cap, patch_id, dtype=np.int32)])
    used, triangles = np.unique(triangles, return_inverse=True)
    return Surface(points[used], triangles.reshape(-1, 3).astype(np.int64), triangle_data={"patch": patch})


def _contour(phantom: Phantom, edge: float) -> tuple[FloatArray, IntArray]:
    """The contour of the lumen with an overhang beyond its open ends."""
    low, high = phantom.bounds_mm
    margin = _OVERHANG_EDGES + 3.0
    size = np.ceil((high - low) / edge + 2.0 * margin).astype(int)
    # Off the round numbers: where the function is zero at a grid point the contour would degenerate.
    origin = low - (margin - np.array([0.137, 0.271, 0.411])) * edge
    grid = Grid(
        (int(size[0]), int(size[1]), int(size[2])),
        (edge, edge, edge),
        (float(origin[0]), float(origin[1]), float(origin[2])),
    )

    def overhanging(points: FloatArray) -> FloatArray:
        return phantom.implicit(points, _OVERHANG_EDGES * edge)

    corners, faces, _, _ = marching_cubes(signed_values(overhanging, grid), 0.0, gradient_direction="ascent")
    return grid.to_lps(corners[:, ::-1].astype(float)), np.asarray(faces, dtype=np.int64)


def _beyond(end: End, points: FloatArray, edge: float) -> FloatArray:
    """How far points ``(n, 3)`` near an end lie beyond its plane, mm; minus infinity for points elsewhere."""
    offset = points - np.asarray(end.center_mm)
    along = offset @ np.asarray(end.normal)
    across = np.sqrt(np.maximum(np.einsum("ij,ij->i", offset, offset) - along**2, 0.0))
    near = (across < 1.5 * end.radius_mm) & (along < (_OVERHANG_EDGES + 2.0) * edge)
    return np.where(near, along, -np.inf)


def _evened(phantom: Phantom, points: FloatArray, triangles: IntArray) -> FloatArray:
    """Points moved along the wall toward the mean of their neighbors, and onto the wall; open borders stay."""
    starts, stops = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    n = len(points)
    links = sparse.coo_matrix((np.ones(len(starts)), (starts, stops)), shape=(n, n)).tocsr()
    border = np.unique(np.concatenate([(links - links.T).tocoo().row, (links - links.T).tocoo().col]))
    both = links + links.T
    degree = np.maximum(np.asarray(both.sum(axis=1)).ravel(), 1.0)
    moves = np.asarray(both.sum(axis=1)).ravel() > 0.0
    moves[border] = False
    points = points.copy()
    points[moves] = phantom.to_wall(points[moves])
    for _ in range(_EVENING_ROUNDS):
        shift = (both @ points) / degree[:, None] - points
        points[moves] = phantom.to_wall(points[moves] + 0.5 * shift[moves])
    return points


def _cut(
    phantom: Phantom, end: End, edge: float, points: FloatArray, triangles: IntArray
) -> tuple[FloatArray, IntArray, NDArray[np.bool_], int]:
    """The surface cut by an end's plane and closed by a cap.

    Returns points, triangles (those kept whole, then pieces of cut ones, then the cap), which of the given triangles
    were kept, and the number of cap triangles.
    """
    normal = np.asarray(end.normal)
    beyond = _beyond(end, points, edge)
    snapped = np.abs(beyond) < _SNAP_EDGES * edge
    points = points.copy()
    points[snapped] -= beyond[snapped, None] * normal
    beyond[snapped] = 0.0
    value = beyond[triangles]
    kept = (value.max(axis=1) <= 0.0) & (value.min(axis=1) < 0.0)
    split = np.flatnonzero((value.max(axis=1) > 0.0) & (value.min(axis=1) < 0.0))
    new_points: list[FloatArray] = []
    new_index: dict[tuple[int, int], int] = {}
    pieces: list[tuple[int, int, int]] = []
    for triangle in triangles[split]:
        polygon: list[int] = []
        for a, b in zip(triangle.tolist(), np.roll(triangle, -1).tolist(), strict=True):
            if beyond[a] <= 0.0:
                polygon.append(a)
            if beyond[a] * beyond[b] < 0.0:
                key = (min(a, b), max(a, b))
                if key not in new_index:
                    new_index[key] = len(points) + len(new_points)
                    part = beyond[a] / (beyond[a] - beyond[b])
                    new_points.append(points[a] + part * (points[b] - points[a]))
                polygon.append(new_index[key])
        pieces += [(polygon[0], polygon[m], polygon[m + 1]) for m in range(1, len(polygon) - 1)]
    on_plane = np.concatenate([np.flatnonzero(snapped), len(points) + np.arange(len(new_points))])
    points = np.vstack([points, *[p[None] for p in new_points], [end.center_mm]])
    points[on_plane] = phantom.to_wall(points[on_plane], np.tile(normal, (len(on_plane), 1)))
    cut = np.vstack([triangles[kept], np.array(pieces, dtype=np.int64).reshape(-1, 3)])
    cap = _fan(cut, on_plane, len(points) - 1)
    return points, np.vstack([cut, cap]), kept, len(cap)


def _fan(triangles: IntArray, rim: IntArray, center: int) -> IntArray:
    """Triangles that join the open edges among ``rim`` points to the point ``center``."""
    edges = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[np.isin(edges, rim).all(axis=1)]
    there = set(map(tuple, edges.tolist()))
    open_edges = np.array([(a, b) for a, b in edges.tolist() if (b, a) not in there])
    return np.column_stack([open_edges[:, 1], open_edges[:, 0], np.full(len(open_edges), center)])
