"""Which records a result was made from, and what changed in the case since."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from app.case.errors import CaseError
from app.case.records import Case, Kind, Record

_WORDS = {
    "image": "scan",
    "surface": "imported surface",
    "segmentation": "segmentation",
    "model": "vessel model",
    "mesh": "mesh",
    "run": "flow run",
    "result": "results",
}


@dataclass(frozen=True)
class Lineage:
    """A result and the records upstream of it, which need not be the case's current ones.

    A case begins with an image and its segmentation, or with a surface.
    """

    image: Record | None
    surface: Record | None
    segmentation: Record | None
    model: Record
    mesh: Record
    run: Record
    result: Record

    @property
    def records(self) -> tuple[Record, ...]:
        """From the scan, or the imported surface, to the results."""
        return tuple(record for field in fields(self) if (record := getattr(self, field.name)) is not None)


def lineage_of(case: Case, result: Record) -> Lineage:
    """Follow a result's recipe back to the scan.

    Raises
    ------
    CaseError
        ``source_missing`` when a record upstream is no longer in the case.
    """
    run = _source(case, result, "run")
    model = _source(case, result, "model")
    mesh = _source(case, run, "mesh")
    if "surface" in model.recipe.inputs:
        return Lineage(None, _source(case, model, "surface"), None, model, mesh, run, result)
    segmentation = _source(case, model, "segmentation")
    return Lineage(_source(case, segmentation, "image"), None, segmentation, model, mesh, run, result)


def _source(case: Case, record: Record, kind: Kind) -> Record:
    """The newest record of a kind, among those before ``record``, that has the digest of the recipe."""
    digest = record.recipe.inputs.get(kind)
    earlier = case.records[: case.records.index(record)]
    found = next((r for r in reversed(earlier) if r.kind == kind and r.digest == digest), None)
    if found is None:
        raise CaseError(
            "source_missing",
            f"The {_WORDS[kind]} that the {_WORDS[record.kind]} were made from is no longer in the case: "
            "undo its removal, or run the steps again.",
        )
    return found


def out_of_date(case: Case, lineage: Lineage) -> tuple[str, ...]:
    """What changed since the records were made, one sentence for each thing that changed."""
    used_by: dict[str, list[str]] = {}
    for record in lineage.records:
        for name, digest in record.recipe.inputs.items():
            if case.input_digest(name) != digest:
                used_by.setdefault(name, []).append(_WORDS[record.kind])
    return tuple(_sentence(name, users) for name, users in used_by.items())


def _sentence(name: str, users: list[str]) -> str:
    behind = " and ".join([", ".join(users[:-1]), users[-1]] if len(users) > 1 else users)
    if name == "patient":
        return f"The patient's values were changed after the {behind} was made: it still uses the old ones."
    if name == "points":
        return f"The points were changed after the {behind} was made."
    return f"The case holds a newer {_WORDS[name]} than the one behind the {behind} shown here."


def file_of(bundle: Path, record: Record, name: str) -> Path:
    """Where a file of a record lies.

    Raises
    ------
    CaseError
        ``file_missing``.
    """
    path = bundle / record.files[name].path
    if not path.is_file():
        raise CaseError(
            "file_missing",
            f"The case has lost its file {record.files[name].path}: restore it from a copy, or run the step again.",
        )
    return path
