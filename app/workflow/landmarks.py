"""Landmarks of a case: placed, proposed, measured at, and written as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import SetLandmarks
from app.case.errors import CaseError
from app.case.records import Case, Landmark, Position
from imaging.anatomy.landmarks import HINGES, LANDMARKS, LandmarkKind, kind_of
from imaging.types import Progress, VesselModel, Volume, silent

SCHEMA_VERSION = 1
_FORMATS = (".csv", ".json")
_UNITS = {"mm2": "mm²", "mm": "mm", "deg": "°"}
_WORDS = {
    "area low": "area, hinges half a voxel off: least",
    "area high": "area, hinges half a voxel off: largest",
    "min diameter": "least diameter",
    "max diameter": "largest diameter",
}


def required_kind(landmark_id: str) -> LandmarkKind:
    """What a landmark is.

    Raises
    ------
    CaseError
        ``no_such_landmark``.
    """
    kind = kind_of(landmark_id)
    if kind is None:
        raise CaseError(
            "no_such_landmark",
            f"There is no landmark {landmark_id}; there are: {', '.join(LANDMARKS)}, and <vessel>_ostium and "
            "<vessel>_bifurcation for any other vessel.",
        )
    return kind


def placing(landmark_id: str, position_mm: Position) -> SetLandmarks:
    """The command that places or moves a landmark (LPS, mm)."""
    title = required_kind(landmark_id).title
    return SetLandmarks({landmark_id: Landmark(position_mm=position_mm)}, f"Place landmark {title}")


def removing(case: Case, landmark_ids: tuple[str, ...]) -> SetLandmarks:
    """The command that takes landmarks away.

    Raises
    ------
    CaseError
        ``no_such_landmark`` for one that the case has not.
    """
    for landmark_id in landmark_ids:
        if landmark_id not in case.landmarks:
            there = ", ".join(case.landmarks) or "none yet"
            raise CaseError("no_such_landmark", f"The case has no landmark {landmark_id}; its landmarks: {there}.")
    n = len(landmark_ids)
    return SetLandmarks(dict.fromkeys(landmark_ids), f"Remove {n} landmark{'s' if n != 1 else ''}")


def proposing(case: Case, model: VesselModel, volume: Volume | None) -> tuple[SetLandmarks, tuple[str, ...]]:
    """The command that takes what the model shows, and what it does not show; landmarks placed by hand stay.

    Raises
    ------
    CaseError
        ``nothing_proposed``.
    """
    from imaging.anatomy.proposal import proposed_landmarks

    found, notes = proposed_landmarks(model, volume)
    placed = {name for name, landmark in case.landmarks.items() if landmark.origin == "placed"}
    changes = {
        name: Landmark(position_mm=_rounded(place), origin="proposed")
        for name, place in found.items()
        if name not in placed and kind_of(name) is not None
    }
    if not changes:
        raise CaseError(
            "nothing_proposed", " ".join(("The model shows no landmark that is not placed already.", *notes))
        )
    return SetLandmarks(changes, f"Propose {len(changes)} landmarks"), notes


def propose(opened: OpenCase) -> tuple[str, ...]:
    """Propose landmarks from the case's model and scan; returns what could not be proposed.

    Raises
    ------
    CaseError
        ``step_missing``, ``nothing_proposed``.
    """
    from imaging.surface.surface_io import read_model

    record = opened.case.current("model")
    if record is None:
        raise CaseError("step_missing", "Landmarks are proposed from the vessel model: run Model first.")
    model = read_model(opened.path_of(record.files["surface"]).parent)
    command, notes = proposing(opened.case, model, _scan(opened))
    opened.do(command)
    return notes


def rows_of(case: Case) -> list[dict[str, Any]]:
    """One row for each landmark: id, title, group, position, origin."""
    order = list(LANDMARKS)
    placed = sorted(case.landmarks, key=lambda name: (order.index(name) if name in order else len(order), name))
    rows = []
    for name in placed:
        kind, landmark = required_kind(name), case.landmarks[name]
        rows.append(
            {
                "id": name,
                "title": kind.title,
                "group": kind.group,
                "position_mm": list(landmark.position_mm),
                "origin": landmark.origin,
            }
        )
    return rows


def can_measure(case: Case) -> bool:
    """Whether the three hinge points are there that the root is measured from."""
    return all(name in case.landmarks for name in HINGES)


def measures_of(case: Case, volume: Volume, progress: Progress = silent) -> dict[str, Any]:
    """What is measured at the root: ``figures`` (names carry the unit), ``levels_mm`` and ``notes``.

    Where no level of the ascending aorta was set, the segmentation's point in the ascending aorta or at the root's end
    tells it.

    Raises
    ------
    ImagingError
        ``missing_landmark``, ``bad_hinges``, ``no_lumen_edge``.
    """
    from imaging.anatomy.aortic_root import root_measures

    places = {name: landmark.position_mm for name, landmark in case.landmarks.items()}
    for role in ("ascending", "root_end"):
        if role in case.points:
            places.setdefault("ascending_level", case.points[role])
    found = root_measures(volume, places, progress)
    proposed = [LANDMARKS[name].title for name in HINGES if case.landmarks[name].origin == "proposed"]
    notes = list(found.notes)
    if proposed:
        notes.append(f"Proposed and not yet confirmed: {', '.join(proposed)}.")
    return {
        "figures": {name: round(value, 2) for name, value in found.figures.items()},
        "levels_mm": {name: _rounded(place) for name, place in found.levels_mm.items()},
        "notes": notes,
    }


def landmark_report(opened: OpenCase, progress: Progress = silent) -> dict[str, Any]:
    """Landmarks of a case and, with three hinge points and a scan, what is measured there."""
    from imaging.errors import ImagingError

    report: dict[str, Any] = {"landmarks": rows_of(opened.case), "figures": {}, "levels_mm": {}, "notes": []}
    volume = _scan(opened) if can_measure(opened.case) else None
    if volume is not None:
        try:
            report |= measures_of(opened.case, volume, progress)
        except ImagingError as error:
            report["notes"] = [error.message]
    return report


def write_table(report: Mapping[str, Any], path: Path) -> None:
    """Write landmarks and figures as CSV or JSON, by the file's ending; positions in mm, LPS.

    Raises
    ------
    CaseError
        ``bad_file_name``, ``cannot_write``.
    """
    if path.suffix.lower() not in _FORMATS:
        raise CaseError("bad_file_name", f"{path.name} must end in {' or '.join(_FORMATS)}.")
    try:
        if path.suffix.lower() == ".json":
            stored = {"schema_version": SCHEMA_VERSION, "frame": "LPS", **report}
            path.write_text(json.dumps(stored, indent=1), encoding="utf-8")
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["name", "x_mm_lps", "y_mm_lps", "z_mm_lps", "origin", "value"])
            for row in report["landmarks"]:
                writer.writerow([row["id"], *row["position_mm"], row["origin"], ""])
            for name, value in report["figures"].items():
                writer.writerow([name, "", "", "", "", value])
    except OSError as error:
        raise CaseError("cannot_write", f"{path.name} cannot be written there: choose another folder.") from error


def figure_words(name: str, value: float) -> tuple[str, str]:
    """A figure's name and value for people."""
    stem, _, unit = name.rpartition("_")
    words = stem.replace("_", " ")
    for short, long in _WORDS.items():
        words = words.replace(short, long)
    words = words.replace("junction", "sinotubular junction").replace("sinus", "sinuses of Valsalva")
    words = words.replace("ascending", "ascending aorta")
    return words[0].upper() + words[1:], f"{value:.{0 if unit in ('mm2', 'deg') else 1}f} {_UNITS[unit]}"


def _scan(opened: OpenCase) -> Volume | None:
    from imaging.volume_io import read_volume

    image = opened.case.current("image")
    return read_volume(opened.path_of(image.files["volume"])) if image is not None else None


def _rounded(place: Position) -> Position:
    x, y, z = (round(float(value), 3) for value in place)
    return x, y, z
