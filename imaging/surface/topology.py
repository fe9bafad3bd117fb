"""What a triangle surface is: areas, volume, edges, open borders, pieces, self-intersections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.surface.polydata import to_polydata
from imaging.types import FloatArray, IntArray


def area_vectors(points: FloatArray, triangles: IntArray) -> FloatArray:
    """Normal times area (m, 3) of each triangle, in mm2."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    vectors: FloatArray = np.cross(b - a, c - a) / 2.0
    return vectors


def areas_mm2(points: FloatArray, triangles: IntArray) -> FloatArray:
    """Area (m,) of each triangle."""
    areas: FloatArray = np.linalg.norm(area_vectors(points, triangles), axis=1)
    return areas


def vertex_normals(points: FloatArray, triangles: IntArray) -> FloatArray:
    """Unit normals (n, 3), each the mean of its triangles' normals weighted by their angle at the vertex.

    Angle weights make the normal independent of how a face is cut into triangles (Thürmer and Wüthrich 1998).
    """
    normal = area_vectors(points, triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    total = np.zeros_like(points)
    for corner in range(3):
        here = points[triangles[:, corner]]
        u = points[triangles[:, (corner + 1) % 3]] - here
        v = points[triangles[:, (corner + 2) % 3]] - here
        angle = np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), np.einsum("ij,ij->i", u, v))
        np.add.at(total, triangles[:, corner], normal * angle[:, None])
    normals: FloatArray = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-300)
    return normals


def enclosed_volume_mm3(points: FloatArray, triangles: IntArray) -> float:
    """Volume inside a closed surface; positive when the normals point outward."""
    center = points.mean(axis=0)
    a, b, c = (points[triangles[:, corner]] - center for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def triangle_quality(points: FloatArray, triangles: IntArray) -> FloatArray:
    """4 sqrt(3) area / (sum of squared edges): 1 for an equilateral triangle, 0 for a flat one."""
    corners = points[triangles]
    squared = sum(((corners[:, i] - corners[:, (i + 1) % 3]) ** 2).sum(axis=1) for i in range(3))
    quality: FloatArray = 4.0 * np.sqrt(3.0) * areas_mm2(points, triangles) / np.maximum(squared, 1e-300)
    return quality


def directed_edges(triangles: IntArray) -> IntArray:
    """The (3 m, 2) edges of the triangles in their own direction; rows t, m + t and 2 m + t belong to triangle t."""
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def unique_edges(triangles: IntArray) -> tuple[IntArray, IntArray]:
    """Undirected edges (e, 2) and how many triangles share each."""
    edges, counts = np.unique(np.sort(directed_edges(triangles), axis=1), axis=0, return_counts=True)
    return edges, counts


def is_watertight(triangles: IntArray) -> bool:
    """Whether every edge lies in exactly two triangles that run through it in opposite directions."""
    directed = directed_edges(triangles)
    _, counts = unique_edges(triangles)
    return bool((counts == 2).all()) and len(np.unique(directed, axis=0)) == len(directed)


def has_manifold_vertices(triangles: IntArray) -> bool:
    """Whether the triangles around each vertex form one fan (closed surfaces)."""
    # Each triangle corner is a node; corners at the same vertex are joined when their triangles share an edge there.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    m = len(triangles)
    corner = np.arange(3 * m).reshape(m, 3)
    rows: dict[tuple[int, int], int] = {}
    start: list[int] = []
    end: list[int] = []
    directed = directed_edges(triangles)
    corner_from = np.concatenate([corner[:, 0], corner[:, 1], corner[:, 2]])
    corner_to = np.concatenate([corner[:, 1], corner[:, 2], corner[:, 0]])
    for edge, (a, b) in enumerate(directed.tolist()):
        other = rows.pop((b, a), None)
        if other is None:
            rows[(a, b)] = edge
            continue
        start += [int(corner_from[edge]), int(corner_to[edge])]
        end += [int(corner_to[other]), int(corner_from[other])]
    graph = coo_matrix((np.ones(len(start)), (np.asarray(start), np.asarray(end))), shape=(3 * m, 3 * m))
    n_fans, _ = connected_components(graph, directed=False)
    return int(n_fans) == len(np.unique(triangles))


def open_loops(triangles: IntArray) -> list[IntArray]:
    """The borders of an open surface, each a closed ring of vertex ids in the direction of its triangles' edges.

    Raises
    ------
    ValueError
        When a border is not a simple closed ring.
    """
    directed = directed_edges(triangles)
    n = int(triangles.max()) + 1
    key = directed[:, 0] * n + directed[:, 1]
    border = directed[~np.isin(key, directed[:, 1] * n + directed[:, 0])]
    following = dict(border.tolist())
    if len(following) != len(border):
        raise ValueError("a border of the surface touches itself")
    loops = []
    while following:
        first, here = following.popitem()
        ring = [first]
        while here != first:
            ring.append(here)
            here = following.pop(here)
        loops.append(np.asarray(ring, dtype=np.int64))
    return sorted(loops, key=lambda ring: int(ring.min()))


def triangle_pieces(triangles: IntArray, n_points: int) -> NDArray[np.int32]:
    """Number (m,) of the connected piece that each triangle belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = directed_edges(triangles)
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(n_points, n_points))
    _, label = connected_components(graph, directed=False)
    pieces: NDArray[np.int32] = label[triangles[:, 0]]
    return pieces


def compact(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    """The same triangles without the points that none of them uses."""
    used, inverse = np.unique(triangles, return_inverse=True)
    return points[used], inverse.reshape(triangles.shape).astype(np.int64)


def self_intersections(points: FloatArray, triangles: IntArray) -> IntArray:
    """Triangles (k,) that an edge pierces although it shares no vertex with them.

    Two triangles that do not lie in one plane cross exactly when an edge of one pierces the other.
    """
    from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkGenericCell, vtkStaticCellLocator

    locator = vtkStaticCellLocator()
    locator.SetDataSet(to_polydata(points, triangles))
    locator.BuildLocator()
    crossings, cells, cell = vtkPoints(), vtkIdList(), vtkGenericCell()
    edges, _ = unique_edges(triangles)
    corners = triangles.tolist()
    pierced: set[int] = set()
    starts, ends = points[edges[:, 0]].tolist(), points[edges[:, 1]].tolist()
    for (i, j), start, end in zip(edges.tolist(), starts, ends, strict=True):
        locator.IntersectWithLine(start, end, 0.0, crossings, cells, cell)
        for k in range(cells.GetNumberOfIds()):
            triangle = cells.GetId(k)
            if i not in corners[triangle] and j not in corners[triangle]:
                pierced.add(triangle)
    return np.asarray(sorted(pierced), dtype=np.int64)
