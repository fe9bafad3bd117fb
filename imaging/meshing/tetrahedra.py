"""From a vessel model to tetrahedra with boundary layers and tagged patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imaging.centerline.local_size import nearest_on_tree, size_radius_mm
from imaging.errors import ImagingError
from imaging.isolated import IsolatedError
from imaging.meshing.boundary_layers import LayerError, Layers, grow_layers
from imaging.meshing.core import boundary_of, fill_core
from imaging.meshing.inscribed_ball import bending_radius_mm
from imaging.meshing.parameters import MeshParameters
from imaging.meshing.repair import LADDER, Attempt, MeshingFailure
from imaging.meshing.rescue import is_available, rescued
from imaging.meshing.shape import volumes_mm3
from imaging.surface.caps import CapError, cap
from imaging.surface.checks import position_text, triple
from imaging.surface.polydata import SignedDistance
from imaging.surface.remesh import RemeshError, fitted, remeshed
from imaging.surface.smoothing import blunted
from imaging.surface.topology import (
    compact,
    is_watertight,
    open_loops,
    self_intersections,
    triangle_quality,
    vertex_normals,
)
from imaging.types import WALL_PATCH_ID, FloatArray, IntArray, Patch, Progress, TetMesh, VesselModel, silent

_SHARPEST = 0.35
"""Shortest edge at a sharp bend, relative to the edge that the radius asks for."""
_HAUSDORFF_EDGES = 0.5
"""How far new triangles may leave the old wall before they are fitted to it, relative to the median edge."""
_REFINEMENT = 0.5
"""Edge where an attempt failed, relative to the edge tried there."""
_REFINED_EDGES = 3.0
"""How far around the failure, in edges."""


def mesh_model(model: VesselModel, parameters: MeshParameters | None = None, progress: Progress = silent) -> TetMesh:
    """Fill a vessel model with tetrahedra.

    The wall gets new triangles sized by the local radius and grows boundary layers inward; the rest is filled by TetGen
    and improved by MMG. A failed attempt climbs a ladder of repairs, at whose end stands fTetWild where it is there;
    what was needed is in the mesh's notes.

    Parameters
    ----------
    model : VesselModel
    parameters : MeshParameters, optional
        :data:`imaging.meshing.parameters.LEVELS` has named ones.
    progress : callable

    Returns
    -------
    TetMesh
        With the model's patches.

    Raises
    ------
    ImagingError
        ``model_not_closed``, ``needs_inlet_and_outlet``, ``meshing_failed``.
    """
    parameters = parameters or MeshParameters()
    if not is_watertight(model.surface.triangles):
        raise ImagingError(
            "model_not_closed",
            "The vessel surface has holes or loose edges and cannot be meshed: build the model again.",
        )
    kinds = [patch.kind for patch in model.patches]
    if kinds.count("inlet") != 1 or "outlet" not in kinds:
        raise ImagingError(
            "needs_inlet_and_outlet",
            f"Blood must get in and out, but the vessel surface has {kinds.count('inlet')} inlet(s) and "
            f"{kinds.count('outlet')} outlet(s): mark the missing end of the vessel and build the model again.",
        )
    attempt = Attempt(model, parameters)
    failure = MeshingFailure("", (0.0, 0.0, 0.0))
    for number in range(len(LADDER) + 1):
        if number:
            attempt = LADDER[number - 1](attempt, failure)
        try:
            mesh = _meshed(attempt, progress, number / (len(LADDER) + 1))
        except MeshingFailure as now:
            failure = now
            continue
        progress(1.0, "Mesh finished")
        return replace(mesh, notes=(*attempt.notes, *mesh.notes))
    if is_available():
        edge = parameters.resolution.edge_radii * float(np.median(model.centerlines.radius_mm))
        try:
            return rescued(model, edge, progress)
        except IsolatedError as last:
            failure = MeshingFailure(f"{failure.reason}; fTetWild: {last}", failure.place_mm)
    raise ImagingError(
        "meshing_failed",
        f"The vessel could not be filled with a mesh: {failure.reason} near {position_text(failure.place_mm)}. Correct "
        "the segmentation there, so that the wall is smooth and vessels do not touch.",
        failure.place_mm,
    )


def _meshed(attempt: Attempt, progress: Progress, done: float) -> TetMesh:
    left = 1.0 - done
    model, parameters = attempt.model, attempt.parameters
    progress(done + 0.05 * left, "New triangles on the wall")
    points, triangles, n_blunted = _wall(attempt)
    progress(done + 0.3 * left, "Growing boundary layers")
    tree = model.centerlines
    radius = tree.radius_mm[nearest_on_tree(tree.points, tree.radius_mm, points)]
    thickness = parameters.layer_thickness_radii * radius
    try:
        layers = grow_layers(points, triangles, thickness, parameters.n_layers, parameters.layer_growth)
    except LayerError as failure:
        raise MeshingFailure("there is no room for boundary layers", triple(failure.place_mm)) from None
    progress(done + 0.5 * left, "Closing the caps")
    nodes, core_surface, cap_of = _core_surface(layers, triangles, len(points), model.patches)
    core_points, core_triangles, ids = _compacted(nodes, core_surface)
    try:
        filled, core = fill_core(core_points, core_triangles, parameters.core_timeout_s, progress, done + 0.6 * left)
    except IsolatedError as failure:
        place = triple(core_points.mean(axis=0))
        raise MeshingFailure(f"the core could not be filled ({failure})", place) from None
    progress(done + 0.9 * left, "Tagging the patches")
    new_ids = np.concatenate([ids, len(nodes) + np.arange(len(filled) - len(core_points))])
    all_points = np.concatenate([nodes, filled[len(core_points) :]])
    tets = np.concatenate([layers.tets, new_ids[core]])
    layer = np.concatenate([layers.layer, np.zeros(len(core), np.int8)])
    flat = volumes_mm3(all_points, tets) <= 0
    if flat.any():
        raise MeshingFailure("a cell came out inverted", triple(all_points[tets[flat][0]].mean(axis=0)))
    facets = boundary_of(tets)
    patch = _facet_patches(facets, triangles, cap_of, all_points)
    return TetMesh(all_points, tets, facets, patch, layer, model.patches, _notes(layers, len(points), n_blunted))


def _notes(layers: Layers, n_wall: int, n_blunted: int) -> tuple[str, ...]:
    notes = []
    if n_blunted:
        notes.append(f"Sharp ridges of the wall were blunted at {n_blunted} point(s).")
    if layers.thinned:
        part = 100.0 * layers.thinned / n_wall
        notes.append(f"Boundary layers were made thinner at {part:.1f} % of the wall's points.")
    return tuple(notes)


def _wall(attempt: Attempt) -> tuple[FloatArray, IntArray, int]:
    """The open wall with triangles of the wished size on the model's wall; how many points were blunted."""
    surface = attempt.model.surface
    is_wall = np.asarray(surface.triangle_data["patch"]) == WALL_PATCH_ID
    points, triangles = compact(surface.points, surface.triangles[is_wall])
    original = SignedDistance(points, triangles)
    edge = _edge_mm(attempt, points, triangles)
    try:
        points, triangles = remeshed(points, triangles, edge, _HAUSDORFF_EDGES * float(np.median(edge)))
    except RemeshError:
        worst = triangles[triangle_quality(points, triangles).argmin()]
        raise MeshingFailure("the wall got no new triangles", triple(points[worst].mean(axis=0))) from None
    caps = [(np.asarray(p.center_mm), np.asarray(p.normal)) for p in attempt.model.patches if p.kind != "wall"]
    points, n_blunted = blunted(fitted(points, triangles, original, caps), triangles)
    crossing = self_intersections(points, triangles)
    if len(crossing):
        place = triple(points[triangles[crossing[0]]].mean(axis=0))
        raise MeshingFailure("the wall crosses itself", place)
    return points, triangles, n_blunted


def _edge_mm(attempt: Attempt, points: FloatArray, triangles: IntArray) -> FloatArray:
    """Wished edge length at each wall point: by the radius, shorter at sharp bends and where an attempt failed."""
    resolution = attempt.parameters.resolution
    by_radius = resolution.edge_radii * size_radius_mm(attempt.model.centerlines, points, triangles)
    by_radius = np.clip(by_radius, attempt.parameters.edge_min_mm, resolution.edge_max_mm)
    bend = bending_radius_mm(points, triangles, vertex_normals(points, triangles))
    edge = np.clip(resolution.turn_rad * bend, _SHARPEST * by_radius, by_radius)
    for place in attempt.refined:
        near = np.linalg.norm(points - np.asarray(place), axis=1) < _REFINED_EDGES * by_radius
        edge = np.where(near, _REFINEMENT * edge, edge)
    return edge


def _core_surface(
    layers: Layers, triangles: IntArray, n_wall: int, patches: tuple[Patch, ...]
) -> tuple[FloatArray, IntArray, NDArray[np.int32]]:
    """All nodes so far, the closed surface of the core in their ids, and which cap each node lies on (0: none)."""
    n_levels = len(layers.points) // n_wall
    nodes, surface = [layers.points], [layers.inner]
    cap_of = [np.zeros(len(layers.points), np.int32)]
    n = len(layers.points)
    caps = [patch for patch in patches if patch.kind != "wall"]
    for loop in open_loops(triangles):
        center = layers.points[loop].mean(axis=0)
        patch = min(caps, key=lambda p: float(np.linalg.norm(np.asarray(p.center_mm) - center)))
        ring = loop + (n_levels - 1) * n_wall
        try:
            inner, local = cap(layers.points[ring], np.asarray(patch.normal))
        except CapError as failure:
            raise MeshingFailure(str(failure), triple(center)) from None
        ids = np.concatenate([ring, n + np.arange(len(inner))])
        nodes.append(inner)
        surface.append(ids[local])
        for level in range(n_levels):
            cap_of[0][loop + level * n_wall] = patch.id
        cap_of.append(np.full(len(inner), patch.id, np.int32))
        n += len(inner)
    return np.concatenate(nodes), np.concatenate(surface), np.concatenate(cap_of)


def _compacted(nodes: FloatArray, surface: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    ids, inverse = np.unique(surface, return_inverse=True)
    return nodes[ids], inverse.reshape(surface.shape).astype(np.int64), ids


def _facet_patches(
    facets: IntArray, wall: IntArray, cap_of: NDArray[np.int32], points: FloatArray
) -> NDArray[np.int32]:
    """Patch of each boundary facet: wall triangles are the wall, the rest lie on one cap."""
    n = int(facets.max()) + 1
    keys = [((np.sort(t, axis=1) * [n * n, n, 1]).sum(axis=1)) for t in (facets, wall)]
    is_wall = np.isin(keys[0], keys[1])
    on_cap = np.zeros(n, np.int32)
    on_cap[: len(cap_of)] = cap_of[:n]
    corners = on_cap[facets]
    same = (corners[:, 0] == corners[:, 1]) & (corners[:, 1] == corners[:, 2]) & (corners[:, 0] > 0)
    if not (is_wall | same).all():
        lost = facets[~(is_wall | same)][0]
        raise MeshingFailure("a piece of the boundary belongs to no patch", triple(points[lost].mean(axis=0)))
    return np.where(is_wall, WALL_PATCH_ID, corners[:, 0]).astype(np.int32)
