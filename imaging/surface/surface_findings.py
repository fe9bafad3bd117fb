"""What may keep a vessel surface from being meshed: a code, plain words and the triangles that are meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.centerline.local_size import nearest_on_tree
from imaging.surface.checks import position_text, triple
from imaging.surface.finding import FixId, Level, SurfaceFinding
from imaging.surface.topology import (
    directed_edges,
    self_intersections,
    triangle_pieces,
    triangle_quality,
    unique_edges,
    vertex_normals,
)
from imaging.types import Branch, FloatArray, IntArray, VesselModel

SLIVER = 0.05
"""Quality (1: equilateral) below which a triangle is a sliver. Assumption."""
NECK = 0.3
"""A lumen narrower than this part of its own vessel's median radius on a short way is called a neck. Assumption."""
NEIGHBOR_EDGES = 0.5
"""Walls of two vessels nearer than this part of the local edge length cannot be told apart by a mesh. Assumption."""
_FACING = -0.5


def surface_findings(model: VesselModel) -> tuple[SurfaceFinding, ...]:
    """What is wrong with a model's surface, errors first."""
    points, triangles = model.surface.points, model.surface.triangles
    found = [*_of_edges(points, triangles), *_pieces(points, triangles)]
    crossing = self_intersections(points, triangles)
    for group in _places(points, triangles, crossing):
        found.append(
            _finding("self_crossing", "error", "The wall crosses itself", points, triangles, group,
                     ("smooth_here", "meshfix", "tetwild"))
        )  # fmt: skip
    slivers = np.flatnonzero(triangle_quality(points, triangles) < SLIVER)
    for group in _places(points, triangles, slivers):
        words = f"{len(group)} needle-shaped triangle(s)"
        found.append(_finding("sliver", "warning", words, points, triangles, group, ("remesh", "meshfix")))
    found += _necks(model)
    found += _neighbors(model)
    order = {"error": 0, "warning": 1}
    return tuple(sorted(found, key=lambda finding: order[finding.level]))


def _finding(
    code: str,
    level: Level,
    words: str,
    points: FloatArray,
    triangles: IntArray,
    group: IntArray,
    fixes: tuple[FixId, ...],
    advice: str = "",
) -> SurfaceFinding:
    place = triple(points[triangles[group]].mean(axis=(0, 1)))
    return SurfaceFinding(code, level, f"{words} near {position_text(place)}.{advice}", place, group, fixes)


def _places(points: FloatArray, triangles: IntArray, which: IntArray) -> list[IntArray]:
    """The triangles of each place: those that hang together, or lie within three edges of one another."""
    if len(which) == 0:
        return []
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    centers = points[triangles[which]].mean(axis=1)
    a, b, _ = (points[triangles[which][:, corner]] for corner in range(3))
    reach = 3.0 * float(np.linalg.norm(b - a, axis=1).max())
    pairs = cKDTree(centers).query_pairs(reach, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(which), len(which)))
    n, label = connected_components(graph, directed=False)
    return [which[label == number] for number in range(n)]


def _of_edges(points: FloatArray, triangles: IntArray) -> list[SurfaceFinding]:
    """Holes, edges of more than two triangles, and triangles that are turned inside out."""
    edges, counts = unique_edges(triangles)
    n = len(points)
    owner = np.tile(np.arange(len(triangles)), 3)
    directed = directed_edges(triangles)
    keys = np.sort(directed, axis=1) @ np.array([n, 1])
    found: list[SurfaceFinding] = []
    for bad, code, words in (
        (counts == 1, "hole", "The surface has a gap"),
        (counts > 2, "not_manifold", "More than two triangles meet at an edge"),
    ):
        at = owner[np.isin(keys, edges[bad] @ np.array([n, 1]))]
        for group in _places(points, triangles, np.unique(at)):
            found.append(_finding(code, "error", words, points, triangles, group, ("meshfix", "tetwild")))
    if not found:
        same_way = directed @ np.array([n, 1])
        _, first, repeats = np.unique(same_way, return_index=True, return_counts=True)
        turned = np.unique(owner[np.isin(same_way, same_way[first[repeats > 1]])])
        for group in _places(points, triangles, turned):
            words = "Neighboring triangles face opposite ways"
            found.append(_finding("turned_triangles", "error", words, points, triangles, group, ("meshfix", "tetwild")))
    return found


def _pieces(points: FloatArray, triangles: IntArray) -> list[SurfaceFinding]:
    piece = triangle_pieces(triangles, len(points))
    numbers, sizes = np.unique(piece, return_counts=True)
    found = []
    for number in numbers[np.argsort(-sizes)][1:]:
        group = np.flatnonzero(piece == number)
        words = f"A loose piece of {len(group)} triangles lies apart from the vessels"
        found.append(_finding("loose_piece", "error", words, points, triangles, group, ("drop_pieces", "meshfix")))
    return found


def _necks(model: VesselModel) -> list[SurfaceFinding]:
    """Places where a vessel is far narrower than most of it."""
    tree, surface = model.centerlines, model.surface
    found = []
    for branch in tree.branches:
        own = np.array(branch.indices)
        radius = tree.radius_mm[own]
        if len(own) < 5:
            continue
        at = own[2 + int(radius[2:-2].argmin())]
        least, typical = float(tree.radius_mm[at]), float(np.median(radius))
        if least >= NECK * typical:
            continue
        near = np.linalg.norm(surface.points - tree.points[at], axis=1) < 2.0 * typical
        group = np.flatnonzero(near[surface.triangles].all(axis=1))
        words = (
            f"The lumen of '{branch.name}' is only {2 * least:.2f} mm wide where {2 * typical:.2f} mm is usual for it"
        )
        advice = " If that is no stenosis, correct the segmentation there; a mesh needs fine cells to pass it."
        place = triple(tree.points[at])
        sentence = f"{words} near {position_text(place)}.{advice}"
        found.append(SurfaceFinding("thin_neck", "warning", sentence, place, group, ()))
    return found


def _neighbors(model: VesselModel) -> list[SurfaceFinding]:
    """Walls that face each other from outside with hardly any room between: vessels that are about to merge."""
    surface, tree = model.surface, model.centerlines
    points, triangles = surface.points, surface.triangles
    loops = model.figures.get("n_loops", 0.0)
    edges, _ = unique_edges(triangles)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    edge = np.zeros(len(points))
    np.maximum.at(edge, edges.ravel(), np.repeat(length, 2))
    normals = vertex_normals(points, triangles)
    reach = NEIGHBOR_EDGES * float(edge.max())
    pairs = cKDTree(points).query_pairs(reach, output_type="ndarray")
    a, b = pairs[:, 0], pairs[:, 1]
    apart = points[b] - points[a]
    distance = np.linalg.norm(apart, axis=1)
    facing = np.einsum("ij,ij->i", normals[a], normals[b]) < _FACING
    outside = np.einsum("ij,ij->i", normals[a], apart) > 0.5 * distance
    close = facing & outside & (distance < NEIGHBOR_EDGES * np.minimum(edge[a], edge[b]))
    touched = np.zeros(len(points), bool)
    touched[np.concatenate([a[close], b[close]])] = True
    group_of = _places(points, triangles, np.flatnonzero(touched[triangles].any(axis=1)))
    owner = _branch_of(tree.branches, nearest_on_tree(tree.points, tree.radius_mm, points), len(tree.points))
    found = []
    for group in group_of:
        corners = np.unique(triangles[group])
        names = sorted({tree.branches[n].name for n in owner[corners[touched[corners]]]})
        who = " and ".join(f"'{name}'" for name in names[:2])
        words = f"The walls of {who} almost touch" if len(names) > 1 else f"The wall of {who} almost touches itself"
        advice = " If they are two vessels, put a barrier between them in the segmentation."
        found.append(_finding("near_walls", "warning", words, points, triangles, group, ("smooth_here",), advice))
    if loops:
        at = triple(points.mean(axis=0)) if not found else found[0].place_mm
        words = f"Two vessels have merged: the lumen has {loops:.0f} loop(s)"
        where = f", probably near {position_text(at)}" if found else ""
        sentence = f"{words}{where}. Put a barrier between them in the segmentation and build the model again."
        found.append(SurfaceFinding("merged_neighbors", "warning", sentence, at, np.empty(0, np.int64), ()))
    return found


def _branch_of(branches: tuple[Branch, ...], nearest: IntArray, n: int) -> NDArray[np.int64]:
    number = np.zeros(n, np.int64)
    for k, branch in enumerate(branches):
        number[np.array(branch.indices[1:] if branch.parent else branch.indices)] = k
    return number[nearest]
