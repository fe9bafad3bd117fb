"""Actors of labels, points, the vessel model by patch with its centerlines, and the mesh with its edges.

The functions that make actors are called in the rendering thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkActor

from app.case.records import Record
from app.desktop import theme
from app.desktop.scene.actors import RGB, actor_of, label_surface, lines_data, rgb_of, sphere_actor, triangles_data
from app.desktop.scene.mesh_cut import cut_mesh
from app.desktop.views.scene_view import Caption
from imaging.types import WALL_PATCH_ID, FloatArray, LabelMap, Patch, Surface, TetMesh, VesselModel

Points = Mapping[str, tuple[float, float, float]]

_EDGE_COLOR = "#2b2f36"
_LAYER_COLOR, _CORE_COLOR = "#f0e442", "#8fb7d6"
_WALL_OPACITY = 0.42
_REACH_RADII = 3.0
_CROSSHAIR_MM = 12.0
_TO_THE_FRONT = (0.0, -1.0, 0.0)


def patch_color(patch: Patch) -> str:
    """The color of a patch: the wall like an artery, each opening its own."""
    return theme.VESSEL_WALL if patch.kind == "wall" else theme.CATEGORIES[(patch.id - 2) % len(theme.CATEGORIES)]


def captions_of(patches: tuple[Patch, ...]) -> list[Caption]:
    """Names of the openings at their centers."""
    words = {"inlet": "inlet", "outlet": "outlet"}
    return [
        Caption(f"{patch.name.replace('_', ' ')} ({words[patch.kind]})", patch.center_mm, patch_color(patch))
        for patch in patches
        if patch.kind != "wall"
    ]


def is_extension(
    places_mm: FloatArray, patches: tuple[Patch, ...], extension_start_mm: Mapping[int, tuple[float, float, float]]
) -> NDArray[np.bool_]:
    """Which places (n, 3) of the wall lie on a flow extension: between its start and its cap, near its axis."""
    found = np.zeros(len(places_mm), dtype=bool)
    for patch in patches:
        if patch.id not in extension_start_mm:
            continue
        start, normal = np.asarray(extension_start_mm[patch.id]), np.asarray(patch.normal)
        along = (places_mm - start) @ normal
        length = float((np.asarray(patch.center_mm) - start) @ normal)
        aside = np.linalg.norm(places_mm - start - along[:, None] * normal, axis=1)
        found |= (along > 0.0) & (along <= length + patch.radius_mm) & (aside < _REACH_RADII * patch.radius_mm)
    return found


def patch_colors(
    points: FloatArray,
    triangles: NDArray[Any],
    patch_ids: NDArray[Any],
    patches: tuple[Patch, ...],
    extension_start_mm: Mapping[int, tuple[float, float, float]],
) -> NDArray[np.uint8]:
    """RGB (m, 3) of triangles: by patch, the wall of flow extensions gray."""
    colors = np.zeros((len(triangles), 3), dtype=np.uint8)
    for patch in patches:
        colors[patch_ids == patch.id] = rgb_of(patch_color(patch))
    centers = np.asarray(points)[triangles].mean(axis=1)
    grayed = is_extension(centers, patches, extension_start_mm) & (patch_ids == WALL_PATCH_ID)
    colors[grayed] = rgb_of(theme.EXTENSION)
    return colors


def model_actors(model: VesselModel, *, is_glassy: bool) -> list[vtkActor]:
    """The model; a glassy wall lets the centerlines through."""
    surface = model.surface
    data = triangles_data(surface.points, surface.triangles)
    patch_ids = np.asarray(surface.triangle_data["patch"])
    data.cell_data[RGB] = patch_colors(
        surface.points, surface.triangles, patch_ids, model.patches, model.extension_start_mm
    )
    actor = actor_of(data, opacity=_WALL_OPACITY if is_glassy else 1.0)
    return [actor, *_centerline_actors(model)] if is_glassy else [actor]


def _centerline_actors(model: VesselModel) -> list[vtkActor]:
    tree = model.centerlines
    indices = np.concatenate([np.asarray(branch.indices) for branch in tree.branches])
    offsets = np.concatenate([[0], np.cumsum([len(branch.indices) for branch in tree.branches])])
    actor = actor_of(lines_data(tree.points[indices], offsets), "#ffffff")
    actor.GetProperty().SetLineWidth(3.0)
    actor.GetProperty().LightingOff()
    actor.PickableOff()
    return [actor]


def mesh_actors(mesh: TetMesh, model: VesselModel | None, cut_at_mm: FloatArray | None) -> list[vtkActor]:
    """The mesh's boundary with its edges, or what a cut at a position, seen from the front, leaves of it."""
    starts = model.extension_start_mm if model is not None else {}
    cut = cut_mesh(mesh, cut_at_mm, _TO_THE_FRONT) if cut_at_mm is not None else None
    shown = cut.facet_is_kept if cut is not None else np.ones(len(mesh.facets), dtype=bool)
    facets, patch_ids = mesh.facets[shown], mesh.facet_patch[shown]
    boundary = triangles_data(mesh.points, facets, is_smooth=False)
    boundary.cell_data[RGB] = patch_colors(mesh.points, facets, patch_ids, mesh.patches, starts)
    actors = [actor_of(boundary, edge_color=_EDGE_COLOR)]
    if cut is not None and len(cut.triangles):
        faces = triangles_data(mesh.points, cut.triangles, is_smooth=False)
        colors = np.array([rgb_of(_CORE_COLOR), rgb_of(_LAYER_COLOR)], dtype=np.uint8)
        faces.cell_data[RGB] = colors[(cut.layer > 0).astype(int)]
        actors.append(actor_of(faces, edge_color=_EDGE_COLOR))
    return actors


def point_actors(points: Points) -> list[vtkActor]:
    """Landmarks as balls."""
    return [sphere_actor(position, 2.5, theme.POINT) for position in points.values()]


def point_captions(points: Points) -> list[Caption]:
    """Their names."""
    return [Caption(role.replace("_", " "), position, theme.POINT) for role, position in points.items()]


def surface_actors(surface: Surface) -> list[vtkActor]:
    """An imported surface, its openings colored."""
    data = triangles_data(surface.points, surface.triangles)
    opening = np.asarray(surface.triangle_data["opening"])
    colors = np.tile(rgb_of(theme.VESSEL_WALL), (len(opening), 1)).astype(np.uint8)
    for rank, number in enumerate(np.unique(opening[opening > 0])):
        colors[opening == number] = rgb_of(theme.CATEGORIES[rank % len(theme.CATEGORIES)])
    data.cell_data[RGB] = colors
    return [actor_of(data)]


def opening_captions(record: Record | None) -> list[Caption]:
    """Numbers and widths of an imported surface's openings."""
    openings = record.facts["openings"] if record is not None else ()
    ranked = sorted(openings, key=lambda opening: int(opening["id"]))
    return [
        Caption(
            f"opening {opening['id']} (radius {opening['radius_mm']:.1f} mm)",
            tuple(opening["center_mm"]),
            theme.CATEGORIES[rank % len(theme.CATEGORIES)],
        )
        for rank, opening in enumerate(ranked)
    ]


def label_actors(labels: LabelMap) -> list[vtkActor]:
    """A quick smooth surface of the labels in their colors."""
    surface = label_surface(labels)
    if surface is None:
        return []
    points, triangles, values = surface
    data = triangles_data(points, triangles)
    colors = np.array([rgb_of(color) for color in theme.CATEGORIES], dtype=np.uint8)
    data.cell_data[RGB] = colors[(values - 1) % len(colors)]
    return [actor_of(data)]


def mark_actors(place_mm: tuple[float, float, float], radius_mm: float) -> list[vtkActor]:
    """A bright ball in a veil of light, for the place that a sentence is about."""
    ball = sphere_actor(place_mm, radius_mm, theme.POINT)
    ball.GetProperty().LightingOff()
    veil = sphere_actor(place_mm, 2.2 * radius_mm, theme.POINT)
    veil.GetProperty().LightingOff()
    veil.GetProperty().SetOpacity(0.25)
    for actor in (ball, veil):
        actor.PickableOff()
    return [ball, veil]


def crosshair_actors() -> list[vtkActor]:
    """Three short lines through the origin; the actor is moved to the crosshair."""
    ends = np.array([sign * axis * _CROSSHAIR_MM for axis in np.eye(3) for sign in (-1.0, 1.0)])
    data = lines_data(ends, np.array([0, 2, 4, 6]))
    data.cell_data[RGB] = np.array(
        [rgb_of(theme.PLANE_COLORS[name]) for name in ("sagittal", "coronal", "axial")], dtype=np.uint8
    )
    actor = actor_of(data)
    actor.GetProperty().SetLineWidth(2.0)
    actor.GetProperty().LightingOff()
    actor.PickableOff()
    return [actor]
