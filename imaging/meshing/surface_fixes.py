"""Repairs of a vessel surface, each bounded in how far it may move the wall, which is measured afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from imaging.errors import ImagingError
from imaging.isolated import IsolatedError
from imaging.meshing.repair import repaired_by_meshfix, smoothed_near
from imaging.meshing.rescue import is_available, tetwild_surface
from imaging.surface.caps import CapError, cap
from imaging.surface.finding import FIXES, FixId, SurfaceFinding
from imaging.surface.polydata import SignedDistance
from imaging.surface.remesh import RemeshError, remeshed
from imaging.surface.topology import compact, enclosed_volume_mm3, open_loops, triangle_pieces, unique_edges
from imaging.types import WALL_PATCH_ID, FloatArray, IntArray, Progress, Surface, VesselModel, silent

_HAUSDORFF_EDGES = 0.2


def bound_mm(fix_id: FixId, model: VesselModel) -> float:
    """How far a repair may move the wall of a model."""
    return FIXES[fix_id].most_edges * median_edge_mm(model)


@dataclass(frozen=True, eq=False)
class Repaired:
    """The model after a repair, and how far the wall moved: largest distance between old and new wall in mm."""

    model: VesselModel
    moved_mm: float
    bound_mm: float


def median_edge_mm(model: VesselModel) -> float:
    """Median edge length of a model's surface."""
    edges, _ = unique_edges(model.surface.triangles)
    points = model.surface.points
    return float(np.median(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)))


def usable(fix: FixId) -> bool:
    """Whether the library that a repair needs is there."""
    return fix != "tetwild" or is_available()


def repaired(model: VesselModel, finding: SurfaceFinding, fix_id: FixId, progress: Progress = silent) -> Repaired:
    """A model with one finding repaired.

    Raises
    ------
    ImagingError
        ``fix_failed`` when the repair gave no surface, ``fix_moves_too_far`` when it moved the wall farther than it
        may; the model stays as it was.
    """
    fix = FIXES[fix_id]
    progress(0.1, fix.title)
    try:
        after = _DO[fix_id](model, finding, progress)
    except (IsolatedError, RemeshError, CapError, RuntimeError, ValueError) as failure:
        raise ImagingError(
            "fix_failed", f"{fix.title}: this repair failed here ({failure}); try another one.", finding.place_mm
        ) from None
    progress(0.8, "Measuring how far the wall moved")
    moved, where = _moved_mm(model, after)
    bound = bound_mm(fix_id, model)
    if fix_id != "drop_pieces" and moved > bound:
        x, y, z = (float(c) for c in where)
        raise ImagingError(
            "fix_moves_too_far",
            f"{fix.title}: this would move the wall by {moved:.2f} mm near ({x:.0f}, {y:.0f}, {z:.0f}) mm, and at most "
            f"{bound:.2f} mm is allowed; the model stays as it was. Correct the segmentation there instead.",
            (x, y, z),
        )
    note = f"{fix.title}: done for '{finding.code}', the wall moved by at most {moved:.2f} mm."
    progress(1.0, "Repaired")
    return Repaired(replace(after, notes=(*model.notes, note)), moved, bound)


def _moved_mm(before: VesselModel, after: VesselModel) -> tuple[float, FloatArray]:
    """Largest distance between the old and the new surface, seen from the points of both, and where it is.

    Where the old surface had a gap, what closes it is new and does not count as moved: it is within the gap's size.
    """
    old, new = before.surface, after.surface
    to_old = np.abs(SignedDistance(old.points, old.triangles)(new.points))
    to_new = np.abs(SignedDistance(new.points, new.triangles)(old.points[np.unique(old.triangles)]))
    edges, counts = unique_edges(old.triangles)
    rim = old.points[np.unique(edges[counts == 1])]
    if len(rim):
        width = float(np.linalg.norm(np.ptp(rim, axis=0)))
        to_old[cKDTree(rim).query(new.points)[0] < width] = 0.0
    if to_old.max() >= to_new.max():
        return float(to_old.max()), new.points[int(to_old.argmax())]
    return float(to_new.max()), old.points[np.unique(old.triangles)][int(to_new.argmax())]


def _largest_piece(model: VesselModel, finding: SurfaceFinding, progress: Progress) -> VesselModel:
    surface = model.surface
    piece = triangle_pieces(surface.triangles, len(surface.points))
    kept = piece == np.bincount(piece).argmax()
    points, triangles = compact(surface.points, surface.triangles[kept])
    return _with_surface(model, points, triangles, np.asarray(surface.triangle_data["patch"])[kept])


def _with_surface(model: VesselModel, points: FloatArray, triangles: IntArray, patch: IntArray) -> VesselModel:
    figures = {
        **model.figures,
        "n_triangles": float(len(triangles)),
        "model_volume_ml": enclosed_volume_mm3(points, triangles) / 1000.0,
    }
    return replace(model, surface=Surface(points, triangles, {}, {"patch": patch}), figures=figures)


def _nearest_patch(model: VesselModel, points: FloatArray, triangles: IntArray) -> IntArray:
    surface = model.surface
    centers = cKDTree(surface.points[surface.triangles].mean(axis=1))
    nearest = centers.query(points[triangles].mean(axis=1))[1]
    patch: IntArray = np.asarray(surface.triangle_data["patch"])[nearest]
    return patch


def _remesh(model: VesselModel, finding: SurfaceFinding, progress: Progress) -> VesselModel:
    """New triangles on the wall; the caps' borders stay, so that the caps fit as before."""
    surface = model.surface
    edge = median_edge_mm(model)
    is_wall = np.asarray(surface.triangle_data["patch"]) == WALL_PATCH_ID
    points, triangles = compact(surface.points, surface.triangles[is_wall])
    return _capped(model, *remeshed(points, triangles, np.full(len(points), edge), _HAUSDORFF_EDGES * edge))


def _capped(model: VesselModel, wall_points: FloatArray, wall: IntArray) -> VesselModel:
    """A wall with every border closed by a flat cap like the one that was there."""
    patches = [patch for patch in model.patches if patch.kind != "wall"]
    points, triangles = [wall_points], [wall]
    numbers = [np.ones(len(wall), np.int32)]
    n = len(wall_points)
    for loop in open_loops(wall):
        center = wall_points[loop].mean(axis=0)
        patch = min(patches, key=lambda p: float(np.linalg.norm(np.asarray(p.center_mm) - center)))
        inner, local = cap(wall_points[loop], np.asarray(patch.normal))
        ids = np.concatenate([loop, n + np.arange(len(inner))])
        points.append(inner)
        triangles.append(ids[local])
        numbers.append(np.full(len(local), patch.id, np.int32))
        n += len(inner)
    return _with_surface(model, np.concatenate(points), np.concatenate(triangles), np.concatenate(numbers))


def _tetwild(model: VesselModel, finding: SurfaceFinding, progress: Progress) -> VesselModel:
    surface = model.surface
    edge = median_edge_mm(model)
    points, triangles = tetwild_surface(surface.points, surface.triangles, edge, progress, 0.3)
    return _with_surface(model, points, triangles, _nearest_patch(model, points, triangles))


def _smooth(model: VesselModel, finding: SurfaceFinding, progress: Progress) -> VesselModel:
    return smoothed_near(model, finding.place_mm)


def _meshfix(model: VesselModel, finding: SurfaceFinding, progress: Progress) -> VesselModel:
    return repaired_by_meshfix(model)


_DO: dict[FixId, Callable[[VesselModel, SurfaceFinding, Progress], VesselModel]] = {
    "drop_pieces": _largest_piece,
    "remesh": _remesh,
    "smooth_here": _smooth,
    "meshfix": _meshfix,
    "tetwild": _tetwild,
}
