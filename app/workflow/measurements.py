"""Measurements of a case: made, worked out, and written as a table."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case, Measurement, Position
from imaging.types import LabelMap, Volume

KINDS: tuple[str, ...] = get_args(Measurement.model_fields["kind"].annotation)
SCHEMA_VERSION = 1
_FORMATS = (".csv", ".json")
COLUMNS = (
    *("length_mm", "angle_deg", "area_mm2", "volume_ml", "major_mm", "minor_mm", "diameter_mm"),
    *("mean_hu", "sd_hu", "min_hu", "max_hu", "mean_value", "sd_value", "min_value", "max_value", "n_voxels"),
)
"""What measurements can say, in the order of a table."""


def new_measurement(
    case: Case, kind: str, points_mm: Sequence[Position], *, name: str = "", label: str = ""
) -> Measurement:
    """A measurement with the next free id, named by its kind and number unless a name is given.

    Raises
    ------
    CaseError
        ``bad_measurement`` for an unknown kind or a wrong number of points.
    """
    from imaging.measurement import TYPES

    if kind not in KINDS:
        raise CaseError("bad_measurement", f"There is no measurement {kind}; there are: {', '.join(KINDS)}.")
    declared = {str(known): type_ for known, type_ in TYPES.items()}[kind]
    wanted = declared.n_points
    if len(points_mm) != wanted and (wanted is not None or len(points_mm) < 2):
        asked = "two or more points" if wanted is None else f"{wanted} points"
        raise CaseError("bad_measurement", f"A measurement {kind} has {asked}, not {len(points_mm)}: {declared.hint}")
    if kind == "volume" and not label:
        raise CaseError("bad_measurement", "A volume is that of a label: name it.")
    if not all(math.isfinite(x) for position in points_mm for x in position):
        raise CaseError("bad_measurement", f"A point of the {kind} is not finite: give x, y, z in mm (LPS).")
    taken = {measurement.id for measurement in case.measurements}
    number = next(n for n in range(1, len(taken) + 2) if f"m{n}" not in taken)
    said = name or (f"Volume of {label}" if kind == "volume" else f"{declared.title} {number}")
    return Measurement(id=f"m{number}", kind=kind, name=said, points_mm=tuple(points_mm), label=label)  # type: ignore[arg-type]


def values_of(measurement: Measurement, volume: Volume | None, labels: LabelMap | None) -> dict[str, float]:
    """What a measurement says; names carry the unit.

    Raises
    ------
    ImagingError
        ``bad_measurement``, ``no_such_label``.
    """
    from imaging.measurement import measured

    return measured(measurement.kind, measurement.points_mm, measurement.label, volume, labels)


def rows_of(case: Case, volume: Volume | None, labels: LabelMap | None) -> list[dict[str, Any]]:
    """One row for each measurement; one that cannot be worked out any more says why."""
    from imaging.errors import ImagingError

    rows: list[dict[str, Any]] = []
    for measurement in case.measurements:
        row: dict[str, Any] = measurement.model_dump(mode="json")
        try:
            row |= {name: round(value, 3) for name, value in values_of(measurement, volume, labels).items()}
        except ImagingError as error:
            row["problem"] = error.message
        rows.append(row)
    return rows


def rows_in(opened: OpenCase) -> list[dict[str, Any]]:
    """The rows of a case on disk; its scan and labels are read only when a measurement needs them."""
    from imaging.volume_io import read_labels, read_volume

    kinds = {measurement.kind for measurement in opened.case.measurements}
    image, segmentation = opened.case.current("image"), opened.case.current("segmentation")
    volume = labels = None
    if image is not None and kinds & {"ellipse", "sphere", "volume"}:
        volume = read_volume(opened.path_of(image.files["volume"]))
    if segmentation is not None and "volume" in kinds:
        labels = read_labels(opened.path_of(segmentation.files["labels"]))
    return rows_of(opened.case, volume, labels)


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """The rows as CSV (points as ``x y z; x y z`` in mm, LPS) or JSON.

    Raises
    ------
    CaseError
        ``bad_format``, ``cannot_write``.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise CaseError("bad_format", f"{path.name} is neither .csv nor .json: name a file of one of these kinds.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".json":
            stored = {"schema_version": SCHEMA_VERSION, "frame": "LPS", "unit": "mm", "measurements": rows}
            path.write_text(json.dumps(stored, indent=1), encoding="utf-8")
            return
        used = [column for column in COLUMNS if any(column in row for row in rows)]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "kind", "name", *used, "label", "points_mm_lps", "problem"])
            for row in rows:
                points = "; ".join(" ".join(f"{x:.3f}" for x in point) for point in row["points_mm"])
                values = [row.get(column, "") for column in used]
                writer.writerow(
                    [row["id"], row["kind"], row["name"], *values, row["label"], points, row.get("problem", "")]
                )
    except OSError as error:
        raise CaseError("cannot_write", f"{path.name} cannot be written there: choose another folder.") from error


_WORDS = {"mm2": "mm²", "ml": "mL", "deg": "°", "hu": "HU", "mm": "mm", "voxels": "voxels", "value": ""}


def short_words_of(row: dict[str, Any]) -> str:
    """What a row says first, and the mean of its values."""
    first, *rest = words_of(row).split(", ")
    means = [part.removeprefix("mean ").split(" ±")[0] for part in rest if part.startswith("mean")]
    return ", ".join([first, *means])


def words_of(row: dict[str, Any]) -> str:
    """What a row says in a few words."""
    if "problem" in row:
        return str(row["problem"])
    said: list[str] = []
    for column in COLUMNS:
        if column in row and not column.startswith(("min_", "max_", "n_")):
            name, _, unit = column.rpartition("_")
            digits = 0 if unit in ("hu", "value") else 2 if unit == "ml" else 1
            number = f"{row[column]:.{digits}f}{'' if unit == 'deg' else ' '}{_WORDS[unit]}".strip()
            said.append(f"± {number}" if name == "sd" else number if len(said) == 0 else f"{name} {number}")
    return ", ".join(said).replace(", ±", " ±")
