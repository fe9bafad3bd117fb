"""What a segmentation preset says about itself; forms, the command line and reports are made from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from imaging.anatomy.hinges import hinge_circle
from imaging.errors import ImagingError
from imaging.types import Grid, LabelMap, Progress, VesselEnd, Volume

Place = tuple[float, float, float]
PointsMm = Mapping[str, Any]
"""Role of a point to its position (x, y, z) in the patient: mm, LPS."""


@dataclass(frozen=True)
class PointRole:
    """A point the user sets: its id in files, its title, and a hint where to click."""

    id: str
    title: str
    hint: str
    is_optional: bool = False


@dataclass(frozen=True)
class Diameter:
    """What a vessel of the anatomy usually measures, and where that is from."""

    vessel: str
    mm: float
    source: str


@dataclass(frozen=True)
class AnatomyFacts:
    """What is taken to be known of an anatomy until a case says otherwise.

    Attributes
    ----------
    inflow
        Name of the curve that enters at its inlet, in the library of inflows; empty when nothing is known.
    diameters
        Usual diameters, for orientation; nothing is computed from them.
    other_inlets
        Openings besides the inlet through which blood enters.
    """

    inflow: str
    diameters: tuple[Diameter, ...] = ()
    other_inlets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opening:
    """Where the vessels open: the role of the point at which the model is cut, the opening's name, and its kind.

    Where ``plane`` names the roles of three points, the cut is the plane through these.
    """

    role: str
    name: str
    kind: Literal["inlet", "outlet"]
    plane: tuple[str, ...] = ()


class SegmentFunction(Protocol):
    """Makes the labels. Raises ``ImagingError`` for input that cannot be used; ``progress`` may raise to cancel."""

    def __call__(self, volume: Volume, points: PointsMm, parameters: Any, progress: Progress) -> LabelMap: ...


@dataclass(frozen=True)
class Preset:
    """A way to segment one anatomy.

    Attributes
    ----------
    id, title, anatomy
        Stable id, title on the screen, and which vessels it finds in which scan.
    roles
        The points it needs, in the order in which to ask for them; without an optional one its vessel is left out.
    openings
        Where its vessels open, the inlet first.
    facts
        What is taken to be known of the anatomy.
    parameters_type
        Frozen dataclass with a default for every field, each field declared with ``number``.
    names
        What the label values mean.
    segment
        ``segment(volume, points, parameters, progress) -> LabelMap`` on the grid of the volume.
    """

    id: str
    title: str
    anatomy: str
    roles: tuple[PointRole, ...]
    openings: tuple[Opening, ...]
    parameters_type: type[Any]
    names: Mapping[int, str]
    segment: SegmentFunction
    facts: AnatomyFacts

    def open_at(self, points: PointsMm) -> tuple[Opening, ...]:
        """The openings in a case with these points: those of vessels that were left out are not there."""
        optional = {role.id for role in self.roles if role.is_optional}
        return tuple(opening for opening in self.openings if opening.role in points or opening.role not in optional)

    def ends_at(self, points: PointsMm) -> tuple[VesselEnd, ...]:
        """Where the model is to be cut in a case with these points, the inlet first.

        Raises
        ------
        ImagingError
            ``missing_point``; ``bad_hinges`` for three points that span no plane.
        """
        open_at = self.open_at(points)
        titles = {role.id: role.title for role in self.roles}
        needed = [role for opening in open_at for role in (opening.plane or (opening.role,))]
        missing = [f"{titles[role]} ({role})" for role in needed if role not in points]
        if missing:
            raise ImagingError("missing_point", f"The model's openings need these points: {', '.join(missing)}.")
        ends = []
        for opening in open_at:
            if not opening.plane:
                ends.append(VesselEnd(opening.name, opening.kind, points[opening.role]))
                continue
            inside = np.mean([points[other.role] for other in open_at if other is not opening], axis=0)
            center, _, normal = hinge_circle([points[role] for role in opening.plane], inside)
            (x, y, z), (nx, ny, nz) = center.tolist(), (-normal).tolist()
            ends.append(VesselEnd(opening.name, opening.kind, (x, y, z), (nx, ny, nz)))
        return tuple(ends)


def number(default: float, unit: str, minimum: float, maximum: float, meaning: str, source: str) -> Any:
    """A dataclass field for a number with unit, closed bounds, meaning and the source of its default."""
    metadata = {"unit": unit, "min": minimum, "max": maximum, "help": meaning, "source": source}
    return dataclasses.field(default=default, metadata=metadata)


def check_bounds(parameters: Any) -> None:
    """Raise ``ImagingError("parameter_out_of_range")`` when a field is outside its declared bounds."""
    for field in dataclasses.fields(parameters):
        value, low, high = getattr(parameters, field.name), field.metadata["min"], field.metadata["max"]
        if not low <= value <= high:
            unit = f" {field.metadata['unit']}".rstrip()
            raise ImagingError(
                "parameter_out_of_range",
                f"The setting {field.name} is {value:g}{unit}, but must lie between {low:g} and {high:g}{unit}.",
            )


def check_points(points: PointsMm, titles: Mapping[str, str], grid: Grid) -> dict[str, Place]:
    """The points as tuples, in the order of ``titles`` (role to title), or an ``ImagingError``.

    Raises
    ------
    ImagingError
        ``missing_point`` or ``unknown_point`` unless the roles are exactly those of ``titles``; ``bad_point`` for one
        that is not three finite numbers; ``point_outside_volume``.
    """
    missing = [title for role, title in titles.items() if role not in points]
    if missing:
        raise ImagingError("missing_point", f"Set these points first: {', '.join(missing)}.")
    unknown = sorted(set(points) - set(titles))
    if unknown:
        raise ImagingError(
            "unknown_point", f"The points named {', '.join(unknown)} are not known; known are {', '.join(titles)}."
        )
    places = {}
    for role, title in titles.items():
        try:
            x, y, z = (float(value) for value in points[role])
        except (TypeError, ValueError):
            x = y = z = math.nan
        if not all(math.isfinite(value) for value in (x, y, z)):
            raise ImagingError("bad_point", f"The point '{title}' is not three numbers (x, y, z in mm); set it again.")
        if not bool(grid.contains((x, y, z))):
            raise ImagingError(
                "point_outside_volume", f"The point '{title}' lies outside the scan; set it again.", (x, y, z)
            )
        places[role] = (x, y, z)
    return places


@dataclass(frozen=True)
class EnhancedLumenParameters:
    """Settings of every method that looks for a lumen brighter than what surrounds it."""

    tissue_hu: float = number(
        20.0,
        "HU",
        -50.0,
        100.0,
        "What surrounds the lumen: the wall and the fat or muscle behind it, blurred together.",
        "assumption: wall 50 HU before fat of -90 HU; the wall is then met within 0.1 mm on phantoms",
    )
    minimum_lumen_hu: float = number(
        150.0,
        "HU",
        100.0,
        400.0,
        "Below this the vessel counts as not enhanced.",
        "assumption: unenhanced blood is 30 to 60 HU",
    )
