"""What can be set when a model is meshed, and the named levels of resolution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _declared(default: Any, unit: str, low: float, high: float, help_text: str, source: str) -> Any:
    return field(default=default, metadata={"unit": unit, "min": low, "max": high, "help": help_text, "source": source})


_CHOICE = "our choice, see docs/decisions/surface-and-mesh.md"


@dataclass(frozen=True)
class MeshParameters:
    """Settings of :func:`imaging.meshing.tetrahedra.mesh_model`; the fields' metadata say what they mean."""

    edge_radii: float = _declared(0.42, "radius", 0.1, 0.8, "Edge length on the wall relative to the radius", _CHOICE)
    edge_rooms: float = _declared(
        1.0,
        "radius",
        0.3,
        5.0,
        "Longest edge relative to the radius of the ball that fits into the wall there",
        _CHOICE,
    )
    edge_min_mm: float = _declared(0.1, "mm", 0.02, 2.0, "Shortest edge length on the wall", _CHOICE)
    edge_max_mm: float = _declared(4.0, "mm", 0.1, 10.0, "Longest edge length on the wall", _CHOICE)
    chord_error_edges: float = _declared(
        0.3, "edge", 0.05, 1.0, "How far facets may leave a bent wall, relative to the median edge", _CHOICE
    )
    n_layers: int = _declared(3, "", 1, 8, "Boundary layers along the wall", "issue: at least three")
    layer_thickness_radii: float = _declared(
        0.25, "radius", 0.05, 0.35, "Thickness of all layers together relative to the inscribed radius", _CHOICE
    )
    layer_growth: float = _declared(1.3, "1", 1.0, 2.0, "Thickness of a layer relative to its outer neighbor", _CHOICE)
    core_timeout_s: float = _declared(180.0, "s", 10.0, 3600.0, "Longest time to fill the core", _CHOICE)


LEVELS = {
    "coarse": MeshParameters(edge_radii=0.55, edge_max_mm=6.0),
    "medium": MeshParameters(),
    "fine": MeshParameters(edge_radii=0.3, edge_max_mm=3.0),
}
"""Levels of resolution; from one to the next the number of cells about doubles to triples."""
