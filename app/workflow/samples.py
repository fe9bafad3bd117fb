"""Sample cases: public ones are fetched, checked and imported with their points; phantoms are made on the spot."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Record
from app.workflow.import_study import import_study
from app.workflow.import_surface import import_surface
from imaging.types import Progress, silent


def list_samples() -> list[dict[str, str]]:
    """Id, title, description, source, licence and citation of each sample."""
    from sample_data.catalogue import read_catalogue
    from sample_data.made import MADE_SAMPLES

    public = [
        {
            "id": entry.id,
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
            "title": sample.title,
            "description": sample.description,
            "source": f"made by this program. {sample.assumptions}",
            "licence": "as AngioTwin",
            "citation": "",
        }
        for sample in MADE_SAMPLES.values()
    ]
    return [*public, *made]


def import_sample(sample_id: str, case_folder: Path, progress: Progress = silent) -> Record:
    """Make a case of a sample: fetched (or taken from the cache), or made."""
    from sample_data.loader import fetch_case
    from sample_data.made import MADE_SAMPLES

    if sample_id in MADE_SAMPLES:
        return _make(sample_id, case_folder, progress)
    sample = fetch_case(sample_id, progress=lambda fraction, text: progress(0.8 * fraction, text))
    return import_study(
        sample.ct,
        case_folder,
        sample.title,
        points=sample.points,
        progress=lambda fraction, text: progress(0.8 + 0.2 * fraction, text),
    )


def _make(sample_id: str, case_folder: Path, progress: Progress) -> Record:
    from sample_data.made import MADE_SAMPLES, write_sample

    sample = MADE_SAMPLES[sample_id]
    if case_folder.exists() and any(case_folder.iterdir()):  # before the work, not after it
        raise CaseError("case_exists", f"{case_folder.name} exists already: choose another name, or open it.")
    with tempfile.TemporaryDirectory() as folder:
        path, names = write_sample(sample, Path(folder), lambda fraction, text: progress(0.7 * fraction, text))
        record = import_surface(
            path,
            case_folder,
            sample.title,
            unit="mm",
            inlet=sample.inlet,
            names=",".join(f"{number}={name}" for number, name in names.items()),
            progress=lambda fraction, text: progress(0.7 + 0.3 * fraction, text),
        )
    with OpenCase.open(case_folder) as opened:
        for step_id, values in sample.settings.items():
            opened.do(SetParameters(step_id, dict(values)))
    return record
