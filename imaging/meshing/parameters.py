"""What can be set when a model is meshed, and the named levels of resolution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_CHOICE = "our choice, see docs/decisions/surface-and-mesh.md"


@dataclass(frozen=True)
class Resolution:
    """Edge lengths on the wall.

    Attributes
    ----------
    edge_radii
        Edge relative to the local radius.
    edge_max_mm
        Longest edge.
    turn_rad
        Largest turn of the wall over one edge, which makes edges shorter at sharp bends.
    """

    edge_radii: float
    edge_max_mm: float
    turn_rad: float


LEVELS = {
    "coarse": Resolution(0.6, 6.0, 1.2),
    "medium": Resolution(0.45, 4.0, 1.0),
    "fine": Resolution(0.32, 3.0, 0.8),
}
"""Levels of resolution; from one to the next the number of cells grows about 1.7 times."""


def _declared(default: Any, unit: str, low: float, high: float, help_text: str, source: str = _CHOICE) -> Any:
    return field(default=default, metadata={"unit": unit, "min": low, "max": high, "help": help_text, "source": source})


@dataclass(frozen=True)
class MeshParameters:
    """Settings of :func:`imaging.meshing.tetrahedra.mesh_model`; the fields' metadata say what they mean."""

    level: str = field(
        default="medium",
        metadata={"choices": tuple(LEVELS), "help": "Resolution: size against accuracy", "source": _CHOICE},
    )
    edge_scale: float = _declared(1.0, "1", 0.3, 3.0, "All edges of the level, longer or shorter by this factor")
    edge_min_mm: float = _declared(0.1, "mm", 0.02, 2.0, "Shortest edge length on the wall")
    n_layers: int = _declared(3, "", 1, 8, "Boundary layers along the wall", "issue: at least three")
    layer_thickness_radii: float = _declared(
        0.25, "radius", 0.05, 0.35, "Thickness of all layers together relative to the inscribed radius"
    )
    layer_growth: float = _declared(1.3, "1", 1.0, 2.0, "Thickness of a layer relative to its outer neighbor")
    core_timeout_s: float = _declared(180.0, "s", 10.0, 3600.0, "Longest time to fill the core")

    @property
    def resolution(self) -> Resolution:
        """The level's edge lengths times the scale."""
        level = LEVELS[self.level]
        return Resolution(self.edge_scale * level.edge_radii, self.edge_scale * level.edge_max_mm, level.turn_rad)
