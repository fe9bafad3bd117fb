"""Editing a case's labels: every edit is on disk with its parameters, and is one thing to undo.

The record of an edited segmentation holds the labels, the barriers if there are some, and ``edits.json``: all edits
since the segmentation they began with, as a script that can be replayed on another scan.
"""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.case.bundle import OpenCase, utc_now
from app.case.commands import EditLabels
from app.case.errors import CaseError
from app.case.records import Recipe, Record
from app.workflow.parameters import build, describe
from app.workflow.segment import chosen_preset
from app.workflow.steps import software_versions
from imaging.segmentation.editing.operation import BARRIER, Operation
from imaging.segmentation.editing.registry import OPERATIONS, Applied, Edit, apply_edit, barrier_of, operation_of
from imaging.types import LabelMap, Progress, Volume, silent

SCRIPT_SCHEMA = 1
MOST_BARRIERS = 8


@dataclass(frozen=True, eq=False)
class Working:
    """The labels under edit (barriers included, ``BARRIER``), the scan, and the edits made so far."""

    labels: LabelMap
    volume: Volume
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class EditReport:
    """What one edit did, as the command line and the window tell it."""

    title: str
    n_voxels: int
    seconds: float
    notes: tuple[str, ...]
    figures: dict[str, float]
    leaks: tuple[dict[str, Any], ...]


def read_working(opened: OpenCase) -> Working:
    """What the case's labels are now; a case without a segmentation has empty ones, with one vessel named.

    Raises
    ------
    CaseError
        ``step_missing`` when there is no scan.
    """
    from imaging.volume_io import read_volume

    image = opened.case.current("image")
    if image is None:
        raise CaseError("step_missing", "Editing needs a scan: import one first.")
    volume = read_volume(opened.path_of(image.files["volume"]))
    record = opened.case.current("segmentation")
    if record is None:
        return Working(LabelMap(np.zeros(volume.array.shape, np.uint8), volume.grid, {1: "vessel"}), volume, ())
    labels = read_with_barriers({name: opened.path_of(ref) for name, ref in record.files.items()})
    if labels.array.shape != volume.array.shape:
        raise CaseError("labels_and_scan_differ", "The labels are not on the scan's grid: segment again.")
    return Working(labels, volume, edits_of(opened, record))


def read_with_barriers(paths: Mapping[str, Path]) -> LabelMap:
    """The labels of a record's files, with the barriers among them, if there are some."""
    from imaging.volume_io import read_labels

    labels = read_labels(paths["labels"])
    if "barriers" in paths:
        barriers = read_labels(paths["barriers"]).array > 0
        labels.array[barriers & (labels.array == 0)] = BARRIER
        return LabelMap(labels.array, labels.grid, {**labels.names, BARRIER: "barrier"})
    return labels


def edits_of(opened: OpenCase, record: Record | None) -> tuple[Edit, ...]:
    """The edits that a record holds."""
    if record is None or "edits" not in record.files:
        return ()
    return read_script(opened.path_of(record.files["edits"]))


def read_script(path: Path) -> tuple[Edit, ...]:
    """A script of edits.

    Raises
    ------
    CaseError
        ``bad_script`` for a file that is no script; ``bad_parameter`` for a setting that is not known or not allowed.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["schema_version"] != SCRIPT_SCHEMA:
            raise ValueError(stored["schema_version"])
        return tuple(_edit(**entry) for entry in stored["edits"])
    except OSError as error:
        raise CaseError("bad_script", f"The script {path.name} cannot be read: check its place.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(
            "bad_script",
            f"{path.name} is no script of edits: it needs schema_version {SCRIPT_SCHEMA} and a list of edits, "
            "each with operation, parameters, label, places_mm and direction.",
        ) from error


def _edit(
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    label: int = 1,
    places_mm: Sequence[Any] = (),
    direction: Sequence[float] | None = None,
) -> Edit:
    places = tuple(p if isinstance(p, str) else (float(p[0]), float(p[1]), float(p[2])) for p in places_mm)
    towards = None if direction is None else (float(direction[0]), float(direction[1]), float(direction[2]))
    return Edit(str(operation), checked_parameters(operation, parameters or {}), int(label), places, towards)


def checked_parameters(operation_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Chosen settings of an operation, words turned into numbers, checked against what it declares."""
    made = build(operation_of(operation_id).parameters_type, values)
    return {name: getattr(made, name) for name in values}


def script_json(edits: Sequence[Edit]) -> dict[str, Any]:
    """Edits as they are stored."""
    return {"schema_version": SCRIPT_SCHEMA, "edits": [dataclasses.asdict(edit) for edit in edits]}


def edit_case(
    opened: OpenCase, edits: Sequence[Edit], progress: Progress = silent, *, accept_barriers: bool = False
) -> tuple[Record, list[EditReport]]:
    """Make edits one after the other and take the result into the case, as one thing to undo.

    Parameters
    ----------
    accept_barriers
        Put the barriers that the leak guard proposes, and grow again behind them.
    """
    working = read_working(opened)
    labels = working.labels.array
    made: list[Edit] = []
    reports = []
    for n, edit in enumerate(edits):

        def part(fraction: float, text: str, n: int = n) -> None:
            progress(0.95 * (n + fraction) / len(edits), text)

        for again in range(MOST_BARRIERS + 1):
            started = time.perf_counter()
            applied = apply_edit(labels, working.labels.grid, working.volume, edit, part, opened.case.points)
            if not (accept_barriers and applied.leaks and again < MOST_BARRIERS):
                break
            reports.append(report_of(edit, applied, time.perf_counter() - started))
            barrier = barrier_of(applied.leaks[0], edit.label)
            closed = apply_edit(labels, working.labels.grid, working.volume, barrier, silent)
            if closed.delta is None:
                break
            closed.delta.put(labels)
            made.append(barrier)
        if applied.delta is not None:
            applied.delta.put(labels)
        made.append(edit)
        reports.append(report_of(edit, applied, time.perf_counter() - started))
    title = operation_of(edits[0].operation).title if len(edits) == 1 else f"{len(edits)} edits"
    record = commit_labels(opened, working.labels, (*working.edits, *made), title, reports[-1].seconds)
    progress(1.0, "Edited")
    return record, reports


def report_of(edit: Edit, applied: Applied, seconds: float) -> EditReport:
    """What an edit did."""
    return EditReport(
        operation_of(edit.operation).title,
        applied.delta.n_voxels if applied.delta is not None else 0,
        round(seconds, 3),
        applied.notes,
        {name: round(value, 4) for name, value in applied.figures.items()},
        tuple(dataclasses.asdict(leak) for leak in applied.leaks),
    )


def commit_labels(
    opened: OpenCase, labels: LabelMap, edits: Sequence[Edit], title: str, seconds: float, record_id: str = ""
) -> Record:
    """Take edited labels into the case: written whole, then one command, which ``undo`` names by ``title``.

    Parameters
    ----------
    record_id
        Id of the new record; a new one when left out.
    """
    from imaging.volume_io import write_labels

    case = opened.case
    before = case.current("segmentation")
    array = np.where(labels.array == BARRIER, 0, labels.array).astype(np.uint8)
    # Slice by slice, because it widens what it counts.
    counts = np.sum([np.bincount(one.ravel(), minlength=256) for one in array], axis=0)
    named = {value: name for value, name in labels.names.items() if value != BARRIER}
    names = named | {int(v): f"label {v}" for v in np.flatnonzero(counts) if v and v not in named}
    volumes = {name: round(float(counts[v]) * labels.grid.voxel_volume_ml, 2) for v, name in names.items()}
    # Labels drawn without an anatomy have none, until one is chosen or its points are placed.
    known = chosen_preset(case)
    preset = (before.facts.get("preset") if before is not None else None) or (known.id if known is not None else None)
    facts: dict[str, Any] = {"preset": preset} if preset else {}
    facts |= {"volume_ml": volumes, "n_edits": len(edits), "last_edit": title}
    record_id = record_id or f"segmentation-{uuid.uuid4().hex[:8]}"
    destination = f"segmentations/{record_id}"
    with opened.staging() as out:
        files = {"labels": out / "labels.nrrd", "edits": out / "edits.json"}
        write_labels(LabelMap(array, labels.grid, names), files["labels"])
        files["edits"].write_text(json.dumps(script_json(edits)) + "\n", encoding="utf-8")
        if (labels.array == BARRIER).any():
            files["barriers"] = out / "barriers.nrrd"
            barriers = (labels.array == BARRIER).astype(np.uint8)
            write_labels(LabelMap(barriers, labels.grid, {1: "barrier"}), files["barriers"])
        try:
            record = Record(
                id=record_id,
                kind="segmentation",
                title="Edited segmentation",
                files=opened.take_in(files, destination),
                facts=facts,
                recipe=_recipe(opened, seconds),
            )
            opened.do(EditLabels(record, title))
        except BaseException:
            opened.give_back(destination)
            raise
    return record


def _recipe(opened: OpenCase, seconds: float) -> Recipe:
    """Edited labels depend on the scan; the points only placed what was edited."""
    return Recipe(
        step="edit",
        parameters={},
        inputs={"image": opened.case.input_digest("image") or ""},
        software=software_versions(),
        created_utc=utc_now(),
        seconds=round(seconds, 3),
    )


def operations_json() -> list[dict[str, Any]]:
    """All operations with their settings, for programs."""
    return [_operation_json(operation) for operation in OPERATIONS.values()]


def _operation_json(operation: Operation) -> dict[str, Any]:
    settings = [
        {
            "name": p.name,
            "unit": p.unit,
            "default": p.default,
            "min": p.minimum,
            "max": p.maximum,
            "choices": list(p.choices),
            "help": p.help,
            "source": p.source,
        }
        for p in describe(operation.parameters_type)
    ]
    return {
        "id": operation.id,
        "title": operation.title,
        "about": operation.about,
        "places": operation.places,
        "n_places": operation.n_places,
        "settings": settings,
    }
