"""Step 1: a scan becomes a case's image, its patient frame kept exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.commands import SetPoints
from app.case.errors import CaseError
from app.case.files import sha256_of
from app.case.records import Position, Record
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request, run_step
from imaging.errors import ImagingError
from imaging.types import Grid, Progress, silent
from imaging.vti import FRAMES

if TYPE_CHECKING:
    from imaging.dicom.series import SeriesReading


@dataclass(frozen=True)
class Parameters:
    """What to import. The path is not written down: file names may hold a patient's name."""

    source: str = declared("", help="File, DICOM folder, DICOMDIR or zip archive", private=True)
    series_uid: str = declared("", help="Which series, when a folder holds several", private=True)
    phase: str = declared("", help="Which phase of a series that holds several, for example 70%")
    all_phases: bool = declared(
        False, help="Keep the other phases too, to look at; everything is computed from the one that is chosen"
    )
    frame: str = declared("", help="What the axes of a VTI file mean", choices=("", *FRAMES))
    repair: bool = declared(False, help="Straighten a tilted gantry and interpolate uneven slices, where that is safe")
    deidentify: bool = declared(
        True,
        help="Keep of the DICOM header only what names nobody",
        source="DICOM PS3.15, Basic Application Level Confidentiality Profile",
    )
    spacing_mm: float = declared(
        0.0,
        help="Smallest distance between voxel centers of a file that does not know its own (0: as the file says); the "
        "other distances and the origin follow in proportion",
        unit="mm",
        minimum=0.0,
        maximum=10.0,
    )
    angiogram: bool = declared(
        False,
        help="A file in which the arteries are bright, but whose values are no HU: a rotational or MR angiogram",
    )


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Read the scan, check that it is a CT unless it is said to be another angiogram, and write it as NRRD."""
    from imaging.dicom.series import is_dicom_source, read_series_with_notes
    from imaging.text_headers import check_packed_voxels
    from imaging.volume_io import read_volume, require_ct, write_volume

    source, series_uid = Path(request.parameters.source), request.parameters.series_uid or None

    def reading(fraction: float, text: str) -> None:
        progress(0.6 * fraction, text)

    reading(0.0, "Reading the scan")
    notes: tuple[str, ...] = ()
    chosen = request.parameters
    more: dict[str, Any] = {}
    series: SeriesReading | None = None
    if is_dicom_source(source) and (chosen.spacing_mm or chosen.angiogram):
        raise CaseError(
            "bad_parameter", "A DICOM series says its own spacing and kind: leave spacing_mm and angiogram away."
        )
    files: dict[str, Path] = {}
    if is_dicom_source(source):
        series = read_series_with_notes(
            source,
            series_uid,
            reading,
            phase=chosen.phase,
            repair=chosen.repair,
            keep_identity=not chosen.deidentify,
        )
        volume, notes = series.volume, series.notes
        more = {name: text for name, text in (("phase", series.phase), ("repair", series.repair)) if text}
        notes = (*notes, series.repair) if series.repair else notes
        files["header"] = out / "header.json"
        files["header"].write_text(json.dumps(series.header, indent=1), encoding="utf-8")
    else:
        if source.is_file() and source.suffix.lower() in (".nrrd", ".mha"):
            check_packed_voxels(source)
        volume = read_volume(source, progress=reading, phase=chosen.phase, frame=chosen.frame)
        more = {"phase": f"phase {chosen.phase} of the file"} if chosen.phase else {}
        more |= {"frame": f"{chosen.frame}, as stated by the user"} if chosen.frame else {}
    if chosen.spacing_mm:
        volume = replace(volume, grid=_scaled(volume.grid, chosen.spacing_mm))
        more |= {"spacing": f"{chosen.spacing_mm:g} mm at least, as stated by the user"}
    if chosen.angiogram:
        more |= {"kind": "an angiogram whose values are no HU, as stated by the user"}
    else:
        require_ct(volume, ", or say that it is an angiogram of another kind if it is one")
    progress(0.6, "Writing the scan into the case")
    path = out / "ct.nrrd"
    write_volume(volume, path)
    if chosen.all_phases and series is not None:
        more["phases"], others = _keep_phases(series, chosen, out, lambda part, text: progress(0.7 + 0.3 * part, text))
        files |= others
    facts = {
        "size": list(volume.grid.size),
        "spacing_mm": list(volume.grid.spacing_mm),
        "origin_mm": list(volume.grid.origin_mm),
        "direction": list(volume.grid.direction),
        "modality": volume.modality,
        "unit": volume.unit,
        "minimum": float(volume.array.min()),
        "maximum": float(volume.array.max()),
        "source_sha256": sha256_of(source) if source.is_file() else "",
        "notes": list(notes),
        **more,
    }
    progress(1.0, "Scan imported")
    return Outcome("CT", {"volume": path, **files}, facts)


def _keep_phases(
    series: SeriesReading, chosen: Parameters, out: Path, progress: Progress
) -> tuple[list[dict[str, str]], dict[str, Path]]:
    """Write the phases that were not chosen; returns label and file of every phase, in order, and those files."""
    from imaging.dicom.series import list_phases, read_series_with_notes
    from imaging.volume_io import write_volume

    source, series_uid = Path(chosen.source), chosen.series_uid or None
    phases = list_phases(source, series_uid)
    kept, files = [], {}
    for n, (typed, label) in enumerate(phases):
        name = "volume"
        if label != series.phase:
            name = f"phase_{n + 1:02d}"
            progress(n / len(phases), f"Reading {label}")
            volume = read_series_with_notes(source, series_uid, phase=typed, repair=chosen.repair).volume
            if volume.grid != series.volume.grid:
                raise ImagingError(
                    "phases_differ",
                    f"The slices of {label} do not lie where those of {series.phase} lie, so that they cannot be "
                    "shown in turn: import one phase only.",
                )
            files[name] = out / f"{name}.nrrd"
            write_volume(volume, files[name])
        kept.append({"label": label, "file": name})
    return kept, files


def _scaled(grid: Grid, spacing_mm: float) -> Grid:
    """The grid with this smallest spacing [mm]."""
    factor = spacing_mm / min(grid.spacing_mm)
    (a, b, c), (x, y, z) = grid.spacing_mm, grid.origin_mm
    return replace(
        grid, spacing_mm=(a * factor, b * factor, c * factor), origin_mm=(x * factor, y * factor, z * factor)
    )


def import_study(
    source: Path,
    case_folder: Path,
    title: str,
    *,
    series_uid: str = "",
    phase: str = "",
    all_phases: bool = False,
    frame: str = "",
    repair: bool = False,
    deidentify: bool = True,
    spacing_mm: float = 0.0,
    angiogram: bool = False,
    points: Mapping[str, Position] | None = None,
    progress: Progress = silent,
) -> Record:
    """Make a new case from a scan.

    Parameters
    ----------
    source
        NIfTI, NRRD, MHA, VTI, a DICOM file, a folder of DICOM files, a DICOMDIR or a zip archive.
    title
        How people call the case; not taken from the scan, which may hold a patient's name.
    phase
        Which phase of a series that holds several.
    all_phases
        Keep the other phases too, to look at.
    frame
        What the axes of a VTI file mean: LPS or RAS.
    repair
        Straighten a gantry tilt and interpolate uneven slices where that is safe; it is written into the case.
    deidentify
        Keep only what names nobody of the DICOM header.
    spacing_mm
        Smallest distance between voxel centers of a file that does not know its own; 0: as the file says.
    angiogram
        The file's values are no HU, but its arteries are bright.
    points
        Landmarks that come with the scan (role to LPS position in mm).

    Raises
    ------
    CaseError, ImagingError
        One sentence; no case folder is left behind when the scan cannot be used.
    """
    opened = OpenCase.create(case_folder, title)
    try:
        with opened:
            values = {
                "source": str(source),
                "series_uid": series_uid,
                "phase": phase,
                "all_phases": all_phases,
                "frame": frame,
                "repair": repair,
                "deidentify": deidentify,
                "spacing_mm": spacing_mm,
                "angiogram": angiogram,
            }
            record = run_step(opened, "import", values, progress)
            if points:
                opened.do(SetPoints(dict(points)))
            return record
    except BaseException:
        opened.discard_if_empty()
        raise
