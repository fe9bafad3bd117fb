"""What a mesh says about its vessel: openings, local radius, cells across, which outlets a place feeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_PROBES = 400
STEEPEST_CHORD = 0.3
"""Chords that leave the wall at a smaller sine are ignored: on them the flat facets' normals decide the radius."""
EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@dataclass(frozen=True, eq=False)
class Opening:
    """A cap: its area [m2], center [m], and how far from flat it is (1: all its triangles face one way)."""

    area: float
    center: FloatArray
    flatness: float


@dataclass(frozen=True, eq=False)
class Probes:
    """Places at the wall where the lumen was measured.

    Attributes
    ----------
    center : (n, 3)
        Middle of the largest sphere that touches the wall there [m].
    radius : (n,)
        Its radius [m].
    cells : (n,)
        Cells that its diameter crosses.
    size : (n,)
        Mean edge [m] of the cell in its middle.
    layer : (n,)
        Height [m] of the cell at the wall.
    """

    center: FloatArray
    radius: FloatArray
    cells: FloatArray
    size: FloatArray
    layer: FloatArray


def openings(mesh: MeshArrays, patch_ids: tuple[int, ...]) -> dict[int, Opening]:
    """The caps by patch id; patches without a facet are left out."""
    found = {}
    for patch_id in patch_ids:
        corner = mesh.points[mesh.facets[mesh.facet_patch == patch_id]]
        if not len(corner):
            continue
        vectors = 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        area = np.linalg.norm(vectors, axis=1)
        total = float(area.sum())
        center = np.average(corner.mean(axis=1), axis=0, weights=area)
        normal = np.abs(np.linalg.norm(_outward(mesh, patch_id, vectors).sum(axis=0)))
        found[patch_id] = Opening(total, center, float(normal) / total)
    return found


def _outward(mesh: MeshArrays, patch_id: int, vectors: FloatArray) -> FloatArray:
    """The facets' normals, all on the side of their mean direction's majority: their order is not relied on."""
    _, _, axes = np.linalg.svd(vectors, full_matrices=False)
    side = np.sign(vectors @ axes[0])
    return np.asarray(vectors * np.where(side == 0.0, 1.0, side)[:, None])


def shape_quality(mesh: MeshArrays) -> FloatArray:
    """Mean-ratio quality (n_tets,): 1 for a regular tetrahedron, 0 for a flat one, negative for an inverted one.

    ``12 (3 V)**(2/3) / sum of the squared edges`` (Liu & Joe (1994), BIT 34:268).
    """
    corner = mesh.points[mesh.tets]
    volume = np.linalg.det(corner[:, 1:] - corner[:, :1]) / 6.0
    squares = sum(((corner[:, a] - corner[:, b]) ** 2).sum(axis=1) for a, b in EDGES)
    return np.asarray(np.sign(volume) * 12.0 * np.cbrt(9.0 * volume**2) / squares)


def pieces(mesh: MeshArrays) -> tuple[int, IntArray]:
    """Number of parts that are not joined by cells, and the part (n_points,) of each vertex."""
    from scipy.sparse.csgraph import connected_components

    count, label = connected_components(_graph(mesh), directed=False)
    return int(count), np.asarray(label, dtype=np.int64)


def _graph(mesh: MeshArrays) -> Any:
    from scipy.sparse import coo_matrix

    ends = np.concatenate([mesh.tets[:, list(pair)] for pair in EDGES])
    first = np.unique(np.sort(ends, axis=1) @ np.array([len(mesh.points), 1]), return_index=True)[1]
    a, b = ends[first].T
    length = np.linalg.norm(mesh.points[a] - mesh.points[b], axis=1)
    return coo_matrix((length, (a, b)), shape=(len(mesh.points),) * 2).tocsr()


def probe(mesh: MeshArrays, wall_patch_ids: tuple[int, ...], count: int = N_PROBES) -> Probes:
    """Measure the lumen at about ``count`` wall vertices.

    The radius is that of the largest sphere inside that touches the wall at the vertex, ``|q - p|**2 / (2 n.(q - p))``
    least over the other wall points ``q`` (Ma, Bae & Choi (2012), Vis. Comput. 28:7, shrinking ball).
    """
    from scipy.spatial import cKDTree

    on_wall = np.isin(mesh.facet_patch, wall_patch_ids)
    facets = mesh.facets[on_wall]
    inward = _inward_normals(mesh, facets)
    vertices, position = np.unique(facets, return_inverse=True)
    normal = np.zeros((len(vertices), 3))
    for k in range(3):
        np.add.at(normal, position.reshape(facets.shape)[:, k], inward)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    inner = np.flatnonzero(~np.isin(vertices, mesh.facets[~on_wall]))  # a normal at the rim of a cap means little
    if not len(inner):
        inner = np.arange(len(vertices))
    chosen = inner[np.unique(np.linspace(0, len(inner) - 1, min(count, len(inner))).astype(np.int64))]
    wall = mesh.points[vertices]
    radius = np.empty(len(chosen))
    for row, index in enumerate(chosen):
        chord = wall - wall[index]
        length = np.linalg.norm(chord, axis=1)
        along = chord @ normal[index]
        steep = along > STEEPEST_CHORD * length
        radius[row] = (length[steep] ** 2 / (2.0 * along[steep])).min() if steep.any() else np.nan
    seen = np.isfinite(radius)
    chosen, radius = chosen[seen], radius[seen]
    start, direction = wall[chosen], normal[chosen]
    corner = mesh.points[mesh.tets]
    tree = cKDTree(corner.mean(axis=1))
    part = (np.arange(60) + 0.5) / 60
    line = start[:, None] + (2.0 * radius)[:, None, None] * part[None, :, None] * direction[:, None]
    nearest = tree.query(line.reshape(-1, 3))[1]
    width = _size_along(corner[nearest], np.repeat(direction, len(part), axis=0)).reshape(len(chosen), -1)
    cells = (2.0 * radius[:, None] / len(part) / width).sum(axis=1)
    center = start + radius[:, None] * direction
    middle = tree.query(center)[1]
    edges = [np.linalg.norm(corner[middle, a] - corner[middle, b], axis=1) for a, b in EDGES]
    return Probes(center, radius, cells, np.mean(edges, axis=0), width[:, 0])


def _size_along(corner: FloatArray, direction: FloatArray) -> FloatArray:
    """Size (n,) of cells (n, 4, 3) along unit vectors (n, 3): the edge in that direction, for an affine cell.

    In the metric ``M`` in which a cell is regular with unit edges, a unit vector ``e`` is ``sqrt(e.M e)`` edges long;
    ``M`` is the inverse of twice the scatter of the corners.
    """
    offset = corner - corner.mean(axis=1, keepdims=True)
    scatter = 2.0 * np.einsum("nkd,nke->nde", offset, offset)
    solved = np.linalg.solve(scatter, direction[:, :, None])[:, :, 0]
    return np.asarray(1.0 / np.sqrt(np.einsum("nd,nd->n", direction, solved)))


def _inward_normals(mesh: MeshArrays, facets: IntArray) -> FloatArray:
    """Area vectors (f, 3) of wall facets, towards the middle of the vessel's nearest cell."""
    from solvers.contract.mesh_file import facet_keys

    n = len(mesh.points)
    order = [([1, 2, 3], 0), ([0, 2, 3], 1), ([0, 1, 3], 2), ([0, 1, 2], 3)]
    keys = np.concatenate([facet_keys(mesh.tets[:, face], n) for face, _ in order])
    opposite = np.concatenate([mesh.tets[:, corner] for _, corner in order])
    by_key = np.argsort(keys)
    found = by_key[np.minimum(np.searchsorted(keys, facet_keys(facets, n), sorter=by_key), len(keys) - 1)]
    corner = mesh.points[facets]
    vectors = 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    inside = mesh.points[opposite[found]] - corner[:, 0]
    return np.asarray(vectors * np.sign(np.einsum("fd,fd->f", vectors, inside))[:, None])


def flow_shares(
    mesh: MeshArrays, probes: Probes, start: FloatArray, ends: list[FloatArray], shares: list[float]
) -> tuple[FloatArray, FloatArray]:
    """What passes each probe, and which way.

    Returns
    -------
    share : (n,)
        Of the inflow: of all outlets whose shortest way from the inlet goes by the probe.
    direction : (n, 3)
        Chord of such a way around the probe, over three radii to either side.
    """
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    tree = cKDTree(mesh.points)
    _, before = dijkstra(_graph(mesh), directed=False, indices=int(tree.query(start)[1]), return_predecessors=True)
    found, direction = np.zeros(len(probes.radius)), np.zeros((len(probes.radius), 3))
    closest = np.full(len(probes.radius), np.inf)
    for end, share in zip(ends, shares, strict=True):
        path, at = [], int(tree.query(end)[1])
        while at >= 0:
            path.append(at)
            at = int(before[at])
        way = mesh.points[path]
        distance, nearest = cKDTree(way).query(probes.center)
        found += np.where(distance < 1.2 * probes.radius, share, 0.0)
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
        ends_of_chord = [
            np.searchsorted(along, along[nearest] + side * 3.0 * probes.radius).clip(0, len(way) - 1)
            for side in (-1.0, 1.0)
        ]
        is_closer = distance < closest
        direction[is_closer] = (way[ends_of_chord[0]] - way[ends_of_chord[1]])[is_closer]
        closest = np.minimum(closest, distance)
    return np.where(found > 0.0, found, min(shares)), direction
