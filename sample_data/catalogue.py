"""What public cases there are: source, licence, checksums and citation of each, from ``catalogue.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

SCHEMA_VERSION = 1
CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")
Role = Literal["ct", "label", "measurements", "licence"]


class SampleError(Exception):
    """A sample case that cannot be had, in one plain sentence.

    Parameters
    ----------
    code : str
        ``case_unknown``, ``offline``, ``client_missing``, ``hash_mismatch``, ``archive_damaged``, ``disk_full``,
        ``cache_not_writable``, ``download_failed``, ``catalogue_invalid``, ``points_invalid``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class CatalogueFile:
    """A file kept of a case: where it is in the archive, how it is named in the cache, and what it must contain."""

    role: Role
    name: str
    member: str
    size_bytes: int
    sha256: str
    label: str | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One public case."""

    id: str
    title: str
    description: str
    modality: str
    licence: str
    citation: str
    package: str
    version: str
    archive: str
    archive_bytes: int
    archive_sha256: str
    files: tuple[CatalogueFile, ...]
    points_path: Path


def read_catalogue(path: Path = CATALOGUE_PATH) -> tuple[CatalogueEntry, ...]:
    """All public cases.

    Raises
    ------
    SampleError
        ``catalogue_invalid`` when the schema version is another or a file would lie outside the case's folder.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("schema_version") != SCHEMA_VERSION:
        raise SampleError("catalogue_invalid", "The catalogue of samples is of another version; reinstall AngioTwin.")
    return tuple(_entry(case, path.parent) for case in content["cases"])


def find_entry(case_id: str) -> CatalogueEntry:
    """The case of that id.

    Raises
    ------
    SampleError
        ``case_unknown``.
    """
    entries = {entry.id: entry for entry in read_catalogue()}
    if case_id not in entries:
        known = ", ".join(entries)
        raise SampleError("case_unknown", f"There is no sample case '{case_id}'; the catalogue holds: {known}.")
    return entries[case_id]


def _entry(case: dict[str, Any], folder: Path) -> CatalogueEntry:
    source = case["source"]
    files = tuple(CatalogueFile(**file) for file in case["files"])
    for file in files:
        parts = PurePosixPath(file.name).parts
        if not parts or file.name.startswith("/") or ".." in parts or "\\" in file.name:
            raise SampleError("catalogue_invalid", f"The sample catalogue names a file outside its case: {file.name}.")
    return CatalogueEntry(
        id=case["id"],
        title=case["title"],
        description=case["description"],
        modality=case["modality"],
        licence=case["licence"],
        citation=case["citation"],
        package=source["package"],
        version=source["version"],
        archive=source["archive"],
        archive_bytes=source["size_bytes"],
        archive_sha256=source["sha256"],
        files=files,
        points_path=folder / case["points"],
    )
