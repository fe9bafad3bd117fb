"""Step 1 of a case that begins with a surface: made elsewhere, it becomes the case's geometry in mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.files import sha256_of
from app.case.records import Record
from app.workflow.parameters import declared
from app.workflow.steps import SURFACE_IMPORT, Outcome, Request, run_step
from imaging.surface.foreign import MM_PER_UNIT, SUFFIXES
from imaging.types import Progress, silent


def is_surface(source: Path) -> bool:
    """Whether a file's name is that of a surface."""
    return source.suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class SurfaceSummary:
    """What a surface file holds, in its own unit, before its unit is known.

    ``openings`` are (number, radius, center); ``sizes`` says for each unit how large the model would be;
    ``likely_units`` are those that give a vessel's size.
    """

    openings: tuple[tuple[int, float, tuple[float, float, float]], ...]
    sizes: Mapping[str, str]
    likely_units: tuple[str, ...]


def summary_of(source: Path) -> SurfaceSummary:
    """Read a surface file and find its openings.

    Raises
    ------
    ImagingError
        When it cannot bound a lumen.
    """
    from imaging.surface.foreign import plausible_units, read_foreign_surface, size_text
    from imaging.surface.openings import closed_with_openings

    found = read_foreign_surface(source)
    _, openings, _ = closed_with_openings(found)
    widest = max(opening.radius for opening in openings)
    return SurfaceSummary(
        tuple((opening.id, opening.radius, opening.center) for opening in openings),
        {unit: size_text(found.length, widest, unit) for unit in MM_PER_UNIT},
        plausible_units(found.length, widest),
    )


@dataclass(frozen=True)
class Parameters:
    """What to import. The path is not written down: file names may hold a patient's name."""

    source: str = declared("", help="Surface file (VTP, STL, OBJ, PLY)", private=True)
    unit: str = declared(
        "",
        help="Unit of length of the file (empty: mm, if its size speaks for mm alone)",
        choices=("", *MM_PER_UNIT),
    )


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Read the surface, settle its unit, find its openings, and write it closed and in mm."""
    import numpy as np

    from imaging.surface.foreign import read_foreign_surface, unit_for
    from imaging.surface.openings import closed_with_openings
    from imaging.surface.surface_io import write_surface
    from imaging.surface.topology import areas_mm2, enclosed_volume_mm3
    from imaging.types import Surface

    source = Path(request.parameters.source)
    progress(0.0, "Reading the surface")
    found = read_foreign_surface(source)
    progress(0.5, "Finding its openings")
    closed, openings, how = closed_with_openings(found)
    unit = unit_for(found.length, max(opening.radius for opening in openings), request.parameters.unit)
    scale = MM_PER_UNIT[unit]
    surface = Surface(closed.points * scale, closed.triangles, {}, closed.triangle_data)
    progress(0.9, "Writing the surface into the case")
    path = out / "surface.vtp"
    write_surface(surface, path)
    facts = {
        "unit": unit,
        "unit_is_stated": bool(request.parameters.unit),
        "length_mm": round(found.length * scale, 3),
        "size_mm": [round(float(extent), 3) for extent in np.ptp(surface.points, axis=0)],
        "volume_ml": round(enclosed_volume_mm3(surface.points, surface.triangles) / 1000.0, 3),
        "area_mm2": round(float(areas_mm2(surface.points, surface.triangles).sum()), 1),
        "n_triangles": len(surface.triangles),
        "openings": [
            {
                "id": opening.id,
                "name": f"face_{opening.id}",
                "center_mm": [round(c * scale, 3) for c in opening.center],
                "normal": [round(c, 6) for c in opening.normal],
                "radius_mm": round(opening.radius * scale, 4),
            }
            for opening in openings
        ],
        "source_sha256": sha256_of(source),
        "notes": [
            *found.notes,
            *how,
            f"The file's unit of length is {unit}: "
            + ("as stated." if request.parameters.unit else "of mm, cm and m, it alone gives a vessel's size."),
        ],
    }
    progress(1.0, "Surface imported")
    return Outcome("Surface", {"surface": path}, facts)


def import_surface(
    source: Path,
    case_folder: Path,
    title: str,
    *,
    unit: str = "",
    inlet: str = "",
    names: str = "",
    progress: Progress = silent,
) -> Record:
    """Make a new case from a surface.

    Parameters
    ----------
    source
        VTP, STL, OBJ or PLY.
    unit
        ``mm``, ``cm`` or ``m``; empty where the size settles it.
    inlet, names
        See `app.workflow.model_of_surface.Parameters`; they are checked now and remembered for the step Model.

    Raises
    ------
    CaseError, ImagingError
        One sentence; no case folder is left behind when the surface cannot be used.
    """
    from app.workflow.model_of_surface import named_openings

    opened = OpenCase.create(case_folder, title)
    try:
        with opened:
            record = run_step(opened, SURFACE_IMPORT, {"source": str(source), "unit": unit}, progress)
            chosen: Mapping[str, Any] = {"inlet": inlet, "names": names}
            named_openings(record.facts["openings"], inlet, names)
            if inlet or names:
                opened.do(SetParameters("model", {name: value for name, value in chosen.items() if value}))
            return record
    except BaseException:
        opened.discard()
        raise
