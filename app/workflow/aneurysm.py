"""The sac of an aneurysm in a vessel model: its neck proposed or set, its shape, and what moves with the neck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.parameters import declared, position
from imaging.errors import ImagingError
from imaging.types import FloatArray, Progress, Surface, VesselModel, silent

NECK_MOVES_MM = 0.5
NECK_TILTS_DEG = 10.0
"""By how much the neck plane is moved and tilted to see what depends on it (assumption: as two readers differ)."""
VESSEL, NECK, SAC = 0.0, 1.0, 2.0
"""Values of the point array ``part`` of the colored wall."""

PROPOSED = (
    "The neck plane is a proposal: on eight surfaces that a neurosurgeon labeled it lies 0.9 mm from the drawn neck in "
    "the mean, and three of the sacs differ by 20 to 30 % in area. Look at it, and move it."
)


@dataclass(frozen=True)
class NeckParameters:
    """The sac that is meant, and its neck plane: proposed, moved from the proposal, or given."""

    sac_near: str = declared("", help="Place on or near the sac, x,y,z in mm LPS (empty: the only one there is)")
    neck_center: str = declared("", help="A place on the neck plane, x,y,z in mm LPS (empty: proposed)")
    neck_normal: str = declared("", help="Direction of the neck plane toward the sac, x,y,z (empty: proposed)")
    neck_shift_mm: float = declared(
        0.0, help="Neck plane moved toward the dome", unit="mm", minimum=-20.0, maximum=20.0, source="proposal"
    )
    neck_tilt_1_deg: float = declared(
        0.0, help="Neck plane tilted, first axis", unit="deg", minimum=-60.0, maximum=60.0, source="proposal"
    )
    neck_tilt_2_deg: float = declared(
        0.0, help="Neck plane tilted, second axis", unit="deg", minimum=-60.0, maximum=60.0, source="proposal"
    )


@dataclass(frozen=True, eq=False)
class FoundSac:
    """What is found of a sac.

    Attributes
    ----------
    shape
        By name, see :class:`imaging.aneurysm.morphology.Morphology`.
    moved
        Least and largest value by name when the neck plane is moved by ``NECK_MOVES_MM`` or tilted by
        ``NECK_TILTS_DEG``.
    n_moved
        How many of the six planes part the sac from the vessel.
    is_sac, is_parent : (n,) bool
        Points of the model's wall in the sac, and on the parent vessel: the anatomy within three of its diameters of
        the neck that is not in the sac.
    """

    center_mm: FloatArray
    normal: FloatArray
    shape: Mapping[str, float]
    moved: Mapping[str, tuple[float, float]]
    n_moved: int
    is_sac: NDArray[np.bool_]
    is_parent: NDArray[np.bool_]
    colored: Surface
    notes: tuple[str, ...]


def find_sac(model: VesselModel, chosen: NeckParameters, progress: Progress = silent) -> FoundSac:
    """Isolate the sac of a model and measure it.

    Raises
    ------
    CaseError
        ``bad_parameter``, ``bad_point``.
    ImagingError
        ``no_sac``, ``several_sacs``, ``no_sac_there``, ``no_neck``, ``neck_misses``, ``neck_leaks``,
        ``neck_in_pieces``.
    """
    from imaging.aneurysm.morphology import morphology_of
    from imaging.aneurysm.neck import proposed_neck
    from imaging.aneurysm.parent import ParentVessel, parent_vessel
    from imaging.aneurysm.sac import NeckPlane, SacCutter, dome_beyond

    surface = model.surface
    on_wall = np.asarray(surface.triangle_data["patch"]) == 1
    is_opening = np.zeros(len(surface.points), bool)
    is_opening[surface.triangles[~on_wall]] = True
    near = position(chosen.sac_near) if chosen.sac_near else None
    notes: tuple[str, ...] = ()
    parent: ParentVessel | None
    progress(0.0, "Parent vessel without the sac")
    if bool(chosen.neck_center) != bool(chosen.neck_normal):
        raise CaseError("bad_parameter", "Give both neck_center and neck_normal, or none of them.")
    if chosen.neck_center:
        normal = np.array(position(chosen.neck_normal))
        if not np.linalg.norm(normal) > 0.0:
            raise CaseError("bad_parameter", "neck_normal must have a length.")
        center = np.array(position(chosen.neck_center))
        plane = NeckPlane(center, normal / np.linalg.norm(normal))
        dome = dome_beyond(surface, plane)
        try:
            parent = parent_vessel(surface, model.centerlines, _triple(surface.points[dome]))
        except ImagingError as error:
            parent, notes = None, (f"The parent vessel could not be reconstructed: {error}",)
        cutter = SacCutter(surface, dome, is_opening)
    else:
        parent = parent_vessel(surface, model.centerlines, near)
        cutter = SacCutter(surface, parent.dome, is_opening)
        progress(0.2, "Neck plane")
        plane = proposed_neck(surface, parent, cutter)
    plane = plane.moved(chosen.neck_shift_mm, (chosen.neck_tilt_1_deg, chosen.neck_tilt_2_deg))
    progress(0.5, "Shape of the sac")
    sac = cutter.cut(plane)
    shape = morphology_of(sac, parent).as_dict()
    variants = []
    for number, (along, tilt) in enumerate(_MOVES):
        progress(0.55 + 0.07 * number, "Shape with the neck moved")
        try:
            variants.append(morphology_of(cutter.cut(plane.moved(along, tilt)), parent).as_dict())
        except ImagingError:
            continue
    moved = {name: _range([value, *(one[name] for one in variants)]) for name, value in shape.items()}
    reach = 3.0 * (shape["parent_mm"] if parent is not None else shape["neck_mm"])
    center = sac.neck_center_mm
    distance = np.linalg.norm(surface.points - center, axis=1)
    is_parent = (distance <= reach + 0.5 * shape["neck_mm"]) & ~sac.inside & ~is_opening
    part = np.where(sac.inside, SAC, VESSEL)
    height = np.abs((surface.points - plane.center_mm) @ plane.normal)
    edge = 0.6 * float(np.sqrt(2.0 * shape["area_mm2"] / max(int(sac.inside.sum()), 1)))
    part[(height < max(edge, 0.15)) & (distance < 0.75 * shape["neck_largest_mm"] + edge)] = NECK
    arrays: dict[str, NDArray[Any]] = {"part": part.astype(np.float32)}
    if parent is not None:
        arrays["distance_from_parent_mm"] = parent.departure_mm.astype(np.float32)
    colored = Surface(surface.points, surface.triangles[on_wall], arrays)
    return FoundSac(center, plane.normal, shape, moved, len(variants), sac.inside, is_parent, colored, notes)


_MOVES = (
    (NECK_MOVES_MM, (0.0, 0.0)),
    (-NECK_MOVES_MM, (0.0, 0.0)),
    *((0.0, tilt) for tilt in ((NECK_TILTS_DEG, 0.0), (-NECK_TILTS_DEG, 0.0), (0.0, NECK_TILTS_DEG))),
    (0.0, (0.0, -NECK_TILTS_DEG)),
)


def _range(values: list[float]) -> tuple[float, float]:
    return float(np.min(values)), float(np.max(values))


def _triple(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
