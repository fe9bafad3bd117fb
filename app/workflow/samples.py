"""Sample cases: public ones are fetched, checked and imported with their points; phantoms are made on the spot."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Position, Record
from app.workflow.import_study import import_study
from app.workflow.import_surface import import_surface
from imaging.types import Progress, part_of, silent

if TYPE_CHECKING:
    from imaging.types import Volume

DICOM_FOLDER, POINTS_FILE = "dicom", "points.json"


def list_samples() -> list[dict[str, str]]:
    """Id, title, description, source, licence and citation of each sample, and whether it is a scan or a surface."""
    from sample_data.catalogue import read_catalogue
    from sample_data.made import MADE_SAMPLES, MADE_SCANS, MadeSample, MadeScan

    made_here: tuple[MadeSample | MadeScan, ...] = (*MADE_SAMPLES.values(), *MADE_SCANS.values())
    public = [
        {
            "id": entry.id,
            "kind": "scan",
            "title": entry.title,
            "description": entry.description,
            "source": f"{entry.package} {entry.version}, source distribution, SHA-256 {entry.archive_sha256}",
            "licence": entry.licence,
            "citation": entry.citation,
        }
        for entry in read_catalogue()
    ]
    made = [
        {
            "id": sample.id,
            "kind": "scan" if isinstance(sample, MadeScan) else "surface",
            "title": sample.title,
            "description": sample.description,
            "source": f"made by this program. {sample.assumptions}",
            "licence": "as AngioTwin",
            "citation": "",
        }
        for sample in made_here
    ]
    return [*public, *made]


def import_sample(sample_id: str, case_folder: Path, progress: Progress = silent) -> Record:
    """Make a case of a sample: fetched (or taken from the cache), or made."""
    from sample_data.loader import fetch_case
    from sample_data.made import MADE_SAMPLES, MADE_SCANS

    if sample_id in MADE_SCANS:
        return _import_made_scan(sample_id, case_folder, progress)
    if sample_id in MADE_SAMPLES:
        return _make(sample_id, case_folder, progress)
    sample = fetch_case(sample_id, progress=part_of(progress, 0.0, 0.8))
    return import_study(
        sample.ct, case_folder, sample.title, points=sample.points, progress=part_of(progress, 0.8, 1.0)
    )


def write_sample_dicom(sample_id: str, folder: Path, progress: Progress = silent) -> Path:
    """Write a sample's scan as a scanner delivers it, for trying the way from a DICOM folder.

    Parameters
    ----------
    folder : Path
        Gets ``dicom/`` with a slice a file, and ``points.json`` with the points of its anatomy (mm, LPS) that one would
        click at; is made when missing.

    Returns
    -------
    Path
        The folder of the slices.

    Raises
    ------
    CaseError
        ``no_scan`` for a sample that is a surface, ``out_not_empty``.
    SampleError
        When a public sample cannot be had.
    """
    from sample_data.dicom_folder import write_dicom_folder

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CaseError("out_not_empty", f"{folder.name} is not an empty folder: name one that is empty or new.")
    volume, points, title = _scan_of(sample_id, part_of(progress, 0.0, 0.8))
    slices = write_dicom_folder(volume, folder / DICOM_FOLDER, title, part_of(progress, 0.8, 1.0))
    content = {
        "schema_version": 1,
        "frame": "LPS",
        "unit": "mm",
        "points": {role: [round(c, 3) for c in point] for role, point in points.items()},
    }
    (folder / POINTS_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return slices


def _scan_of(sample_id: str, progress: Progress) -> tuple[Volume, Mapping[str, Position], str]:
    """Volume, points by role and title of a sample."""
    from imaging.volume_io import read_volume
    from sample_data.loader import fetch_case
    from sample_data.made import MADE_SAMPLES, MADE_SCANS

    if sample_id in MADE_SCANS:
        made = MADE_SCANS[sample_id]
        return (*made.scan(progress), made.title)
    if sample_id in MADE_SAMPLES:
        raise CaseError(
            "no_scan",
            f"The sample {sample_id} is a surface and has no scan; with one there are thoracic_ct, "
            f"{', '.join(MADE_SCANS)}.",
        )
    sample = fetch_case(sample_id, progress=progress)
    return read_volume(sample.ct), sample.points, sample.title


def _import_made_scan(sample_id: str, case_folder: Path, progress: Progress) -> Record:
    from sample_data.dicom_folder import write_dicom_folder
    from sample_data.made import MADE_SCANS

    _refuse_existing(case_folder)
    volume, points, title = _scan_of(sample_id, part_of(progress, 0.0, 0.6))
    with tempfile.TemporaryDirectory() as folder:
        slices = write_dicom_folder(volume, Path(folder) / DICOM_FOLDER, title, part_of(progress, 0.6, 0.8))
        record = import_study(slices, case_folder, title, points=points, progress=part_of(progress, 0.8, 1.0))
    _remember(case_folder, MADE_SCANS[sample_id].settings)
    return record


def _make(sample_id: str, case_folder: Path, progress: Progress) -> Record:
    from sample_data.made import MADE_SAMPLES, write_sample

    sample = MADE_SAMPLES[sample_id]
    _refuse_existing(case_folder)
    with tempfile.TemporaryDirectory() as folder:
        path, names = write_sample(sample, Path(folder), part_of(progress, 0.0, 0.7))
        record = import_surface(
            path,
            case_folder,
            sample.title,
            unit="mm",
            inlet=sample.inlet,
            names=",".join(f"{number}={name}" for number, name in names.items()),
            progress=part_of(progress, 0.7, 1.0),
        )
    _remember(case_folder, sample.settings)
    return record


def _refuse_existing(case_folder: Path) -> None:
    """Before the work, not after it."""
    if case_folder.exists() and any(case_folder.iterdir()):
        raise CaseError("case_exists", f"{case_folder.name} exists already: choose another name, or open it.")


def _remember(case_folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    with OpenCase.open(case_folder) as opened:
        for step_id, values in settings.items():
            opened.do(SetParameters(step_id, dict(values)))
