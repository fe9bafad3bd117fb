"""Step 3 of a case that begins with a surface: openings named, ends cut flat and extended, centerlines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.case.errors import CaseError
from app.workflow.model import facts_of
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
from app.workflow.vessel_names import with_typed_names
from imaging.surface.parameters import ModelParameters
from imaging.types import Progress, VesselEnd

_OF_LABELS_ONLY = ("smoothing_voxels", "use_scan", "end_snap_mm", "volume_change_limit")

Parameters = dataclasses.make_dataclass(
    "Parameters",
    [
        (
            "inlet",
            str,
            declared("", help="Opening through which blood enters, by number or name (empty: the largest)"),
        ),
        ("names", str, declared("", help="Names of openings by number, for example 3=aorta, 4=right_iliac")),
        *(
            (f.name, f.type, dataclasses.field(default=f.default, metadata=f.metadata))
            for f in dataclasses.fields(ModelParameters)
            if f.name not in _OF_LABELS_ONLY
        ),
    ],
    frozen=True,
    module=__name__,
)


@dataclasses.dataclass(frozen=True)
class NamedOpenings:
    """Ends to cut the model at, and what was assumed about them."""

    ends: tuple[VesselEnd, ...]
    notes: tuple[str, ...]


def named_openings(openings: Sequence[dict[str, Any]], inlet: str, names: str) -> NamedOpenings:
    """What the openings of an imported surface are called, and which is the inlet.

    Parameters
    ----------
    openings
        As the record of the surface holds them: ``id``, ``name``, ``center_mm``, ``radius_mm``.
    inlet
        Number or name of one of them; empty takes the largest, and a note says so.
    names
        ``3=aorta, 4=right_iliac``.

    Raises
    ------
    CaseError
        ``no_such_opening``, ``bad_name``.
    """
    called = {opening["id"]: str(opening["name"]) for opening in openings}
    for word in filter(None, (part.strip() for part in names.split(","))):
        which, equals, name = (part.strip() for part in word.partition("="))
        if not equals or not name.replace("_", "").replace("-", "").isalnum():
            raise CaseError(
                "bad_name", f"{word!r} does not name an opening: write number=name, for example 3=aorta (no blanks)."
            )
        called[_opening_id(openings, called, which)] = name
    if len(set(called.values())) != len(called):
        raise CaseError(
            "bad_name", f"Each opening needs a name of its own, but they are: {', '.join(called.values())}."
        )
    largest = max(openings, key=lambda opening: float(opening["radius_mm"]))
    inlet_id = _opening_id(openings, called, inlet) if inlet else largest["id"]
    notes = () if inlet else (f"Blood is taken to enter at {called[inlet_id]}, the largest opening.",)
    return NamedOpenings(
        tuple(
            VesselEnd(
                called[opening["id"]],
                "inlet" if opening["id"] == inlet_id else "outlet",
                tuple(float(c) for c in opening["center_mm"]),  # type: ignore[arg-type]
            )
            for opening in openings
        ),
        notes,
    )


def opening_text(opening: dict[str, Any]) -> str:
    """An opening for a sentence or a list: number, width, place."""
    x, y, z = opening["center_mm"]
    return f"{opening['id']} (radius {opening['radius_mm']:.1f} mm at {x:.0f}, {y:.0f}, {z:.0f} mm)"


def _opening_id(openings: Sequence[dict[str, Any]], called: dict[int, str], which: str) -> int:
    for number, name in called.items():
        if which in (str(number), name, f"face_{number}"):
            return number
    there = "; ".join(map(opening_text, openings))
    raise CaseError("no_such_opening", f"The surface has no opening {which!r}; there are: {there}.")


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Build the model from the case's surface."""
    from imaging.surface.model import build_model_of_surface
    from imaging.surface.surface_io import read_surface, write_model

    values = dataclasses.asdict(request.parameters)
    openings = request.record("surface").facts["openings"]
    named = named_openings(openings, values.pop("inlet"), values.pop("names"))
    surface = read_surface(request.path("surface", "surface"))
    narrowest = min(float(opening["radius_mm"]) for opening in openings)
    model = build_model_of_surface(surface, named.ends, narrowest, ModelParameters(**values), progress)
    model = dataclasses.replace(model, notes=(*named.notes, *model.notes))
    model = with_typed_names(model, request.case.vessel_names)
    write_model(model, out)
    return Outcome("Vessel model", {path.stem: path for path in sorted(out.iterdir())}, facts_of(model))
