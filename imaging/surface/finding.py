"""One thing that is wrong with a vessel surface, and what a repair of it is: plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imaging.types import IntArray

Level = Literal["error", "warning"]
FixId = Literal["drop_pieces", "meshfix", "smooth_here", "remesh", "tetwild"]


@dataclass(frozen=True, eq=False)
class SurfaceFinding:
    """One thing that is wrong.

    Attributes
    ----------
    code, level
        ``error``: the surface cannot be meshed like this. ``warning``: it may fail or the mesh may be poor.
    sentence
        What is wrong, where, and what it means.
    place_mm
        In the patient (LPS).
    triangles
        Indices to light in 3D.
    fixes
        Ids of repairs, the one that moves the surface least first; empty where only the segmentation can be corrected.
    """

    code: str
    level: Level
    sentence: str
    place_mm: tuple[float, float, float]
    triangles: IntArray
    fixes: tuple[FixId, ...]


@dataclass(frozen=True)
class SurfaceFix:
    """A repair: what it does in words, and how far it may move the wall, in median edge lengths."""

    id: FixId
    title: str
    most_edges: float


FIXES: dict[FixId, SurfaceFix] = {
    fix.id: fix
    for fix in (
        SurfaceFix("drop_pieces", "Leave the loose pieces out", 0.0),
        SurfaceFix("remesh", "Make new triangles on the same wall", 0.5),
        SurfaceFix("smooth_here", "Smooth the wall at this place", 1.0),
        SurfaceFix("meshfix", "Close gaps and undo crossings (MeshFix)", 2.0),
        SurfaceFix("tetwild", "Rebuild the surface within an envelope (fTetWild)", 1.0),
    )
}
