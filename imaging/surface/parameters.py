"""What can be set when a vessel model is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _declared(default: Any, unit: str, low: float, high: float, help_text: str, source: str) -> Any:
    return field(default=default, metadata={"unit": unit, "min": low, "max": high, "help": help_text, "source": source})


_CHOICE = "our choice, see docs/theory-vessel.md"


@dataclass(frozen=True)
class ModelParameters:
    """Settings of :func:`imaging.surface.model.build_model`; the fields' metadata say what they mean."""

    smoothing_voxels: float = _declared(
        0.9, "voxel", 0.4, 1.5, "Width of the filter that takes the voxel steps off the wall", _CHOICE
    )
    use_scan: bool = _declared(
        True, "", 0, 1, "Place the wall within a voxel by the partial volume seen in the scan", _CHOICE
    )
    inlet_extension_radii: float = _declared(
        1.0, "radius", 0.2, 10.0, "Length of the straight tube added at the inlet", _CHOICE
    )
    outlet_extension_radii: float = _declared(
        2.5, "radius", 0.2, 10.0, "Length of the straight tube added at each outlet", _CHOICE
    )
    extension_transition: float = _declared(
        0.7, "1", 0.1, 1.0, "Part of a flow extension over which the section becomes a circle", _CHOICE
    )
    edge_radii: float = _declared(0.3, "radius", 0.1, 0.6, "Edge length of the surface relative to the radius", _CHOICE)
    edge_min_mm: float = _declared(0.2, "mm", 0.05, 2.0, "Shortest edge length of the surface", _CHOICE)
    edge_max_mm: float = _declared(4.0, "mm", 0.2, 10.0, "Longest edge length of the surface", _CHOICE)
    end_snap_mm: float = _declared(
        5.0, "mm", 0.0, 15.0, "How far outside the segmented lumen the position of an end may lie", _CHOICE
    )
    volume_change_limit: float = _declared(
        0.02,
        "1",
        0.001,
        0.1,
        "Change of volume by the smoothing that is noted as a finding",
        "issue: under 2 %",
    )
