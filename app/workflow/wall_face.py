"""The inner face of a case's vessel wall: the lumen's surface without caps and flow extensions, in even triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.case.errors import CaseError
from imaging.types import WALL_PATCH_ID, FloatArray, IntArray, VesselModel

HAUSDORFF_EDGES = 0.1
"""Distance that the new triangles may keep from the model's surface, by their edge."""


@dataclass(frozen=True, eq=False)
class WallFace:
    """The inner face: ``points`` (n, 3) in mm, ``triangles`` (m, 3) outward, unit ``normals`` (n, 3)."""

    points: FloatArray
    triangles: IntArray
    normals: FloatArray

    def point_areas(self) -> FloatArray:
        """A third of the area [mm2] of the triangles around each point."""
        from imaging.surface.topology import areas_mm2

        areas = np.repeat(areas_mm2(self.points, self.triangles) / 3.0, 3)
        total: FloatArray = np.bincount(self.triangles.ravel(), areas, minlength=len(self.points))
        return total

    def border_points(self) -> IntArray:
        """The points on the open borders, where the wall is held."""
        from imaging.surface.topology import open_loops

        return np.concatenate(open_loops(self.triangles))


def wall_face(model: VesselModel, edge_mm: float) -> WallFace:
    """Cut off the model's extensions and caps and lay triangles of an edge length on what is left.

    Raises
    ------
    CaseError
        ``wall_face``.
    """
    from imaging.surface.clip import CutError, clip_end
    from imaging.surface.remesh import RemeshError, remeshed
    from imaging.surface.topology import compact, triangle_pieces, vertex_normals

    surface = model.surface
    points, triangles = compact(surface.points, surface.triangles[surface.triangle_data["patch"] == WALL_PATCH_ID])
    for patch in model.patches:
        start = model.extension_start_mm.get(patch.id)
        if start is not None:
            try:
                points, triangles = clip_end(points, triangles, np.array(start), np.array(patch.normal))
            except CutError as error:
                raise CaseError(
                    "wall_face",
                    f"The wall cannot be cut where the flow extension at {patch.name.replace('_', ' ')} begins "
                    f"({error}); build the model with shorter extensions.",
                ) from error
    piece = triangle_pieces(triangles, len(points))
    points, triangles = compact(points, triangles[piece == np.bincount(piece).argmax()])
    try:
        points, triangles = remeshed(points, triangles, np.full(len(points), edge_mm), HAUSDORFF_EDGES * edge_mm)
    except RemeshError as error:
        raise CaseError(
            "wall_face", f"No even triangles could be laid on the wall ({error}); choose another edge_mm."
        ) from error
    points, triangles = compact(points, triangles)
    return WallFace(points, triangles, vertex_normals(points, triangles))
