"""Step 1: a scan becomes a case's image, its patient frame kept exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.commands import SetPoints
from app.case.files import sha256_of
from app.case.records import Position, Record
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request, run_step
from imaging.types import Progress, silent


@dataclass(frozen=True)
class Parameters:
    """What to import. The path is not written down: file names may hold a patient's name."""

    source: str = declared("", help="File or DICOM folder", private=True)
    series_uid: str = declared("", help="Which series, when a folder holds several", private=True)


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Read the scan, check that it is a CT, and write it as NRRD."""
    from imaging.dicom.series import is_dicom, read_series_with_notes
    from imaging.volume_io import read_volume, require_ct, write_volume

    source, series_uid = Path(request.parameters.source), request.parameters.series_uid or None

    def reading(fraction: float, text: str) -> None:
        progress(0.6 * fraction, text)

    reading(0.0, "Reading the scan")
    notes: tuple[str, ...] = ()
    if source.is_dir() or (source.is_file() and is_dicom(source)):
        series = read_series_with_notes(source, series_uid, reading)
        volume, notes = series.volume, series.notes
    else:
        volume = read_volume(source, progress=reading)
    require_ct(volume)
    progress(0.6, "Writing the scan into the case")
    path = out / "ct.nrrd"
    write_volume(volume, path)
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
    }
    progress(1.0, "Scan imported")
    return Outcome("CT", {"volume": path}, facts)


def import_study(
    source: Path,
    case_folder: Path,
    title: str,
    *,
    series_uid: str = "",
    points: Mapping[str, Position] | None = None,
    progress: Progress = silent,
) -> Record:
    """Make a new case from a scan.

    Parameters
    ----------
    source
        NIfTI, NRRD, MHA, a DICOM file or a folder of DICOM files.
    title
        How people call the case; not taken from the scan, which may hold a patient's name.
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
            record = run_step(opened, "import", {"source": str(source), "series_uid": series_uid}, progress)
            if points:
                opened.do(SetPoints(dict(points)))
            return record
    except BaseException:
        opened.discard_if_empty()
        raise
