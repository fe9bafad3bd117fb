"""The case as frozen records. Nothing here opens a file; nothing here can be changed in place."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 4

Kind = Literal["image", "surface", "segmentation", "model", "mesh", "run", "result", "report", "assessment"]
Position = tuple[float, float, float]


class Frozen(BaseModel):
    """A record that is replaced, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRef(Frozen):
    """A file of the bundle: path relative to the bundle with forward slashes, and what it must hash to."""

    path: str
    sha256: str
    n_bytes: int


class Recipe(Frozen):
    """How a record was made, so that it can be made again.

    ``inputs`` maps the name of an input ("image", "points", "patient", ...) to the digest it had.
    """

    step: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    software: dict[str, str]
    created_utc: str
    seconds: float


class Record(Frozen):
    """One result of one step: its files, its facts (numbers with the unit in the name) and its recipe."""

    id: str
    kind: Kind
    title: str
    files: dict[str, FileRef]
    facts: dict[str, Any]
    recipe: Recipe

    @property
    def digest(self) -> str:
        """Changes when any file of the record changes."""
        return digest_of({name: ref.sha256 for name, ref in self.files.items()})


class Measurement(Frozen):
    """What was measured in the scan: its kind, its points (LPS, mm) and, for a label's volume, the label.

    What it says is worked out from the scan when it is asked for, never stored.
    """

    id: str
    kind: Literal["distance", "polyline", "angle", "ellipse", "sphere", "volume"]
    name: str
    points_mm: tuple[Position, ...] = ()
    label: str = ""


class Landmark(Frozen):
    """A place in the anatomy (LPS, mm), and whether a person set it or the program proposed it."""

    position_mm: Position
    origin: Literal["placed", "proposed"] = "placed"


class Case(Frozen):
    """Everything that is known of one patient's twin. Lengths in mm, frame LPS.

    ``points`` maps the role of a point for segmenting to its position; ``patient`` maps a declared value to what was
    entered (a value that is absent is unknown, and a population value stands in for it), ``person`` what no flow
    follows from (age, history, drugs) in the same way; ``parameters`` holds what was chosen per step; ``landmarks`` are
    places that are measured at, by id; ``vessel_names`` maps a name that the program gave to a vessel or an opening to
    the one that was typed. Of several records of one kind, the last is the current one.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    title: str
    created_utc: str
    frame: Literal["LPS"] = "LPS"
    points: dict[str, Position] = {}
    patient: dict[str, float] = {}
    person: dict[str, float | str] = {}
    parameters: dict[str, dict[str, Any]] = {}
    measurements: tuple[Measurement, ...] = ()
    landmarks: dict[str, Landmark] = {}
    vessel_names: dict[str, str] = {}
    records: tuple[Record, ...] = ()

    def current(self, kind: Kind) -> Record | None:
        """The newest record of a kind, or None."""
        return next((record for record in reversed(self.records) if record.kind == kind), None)

    def record(self, record_id: str) -> Record:
        """The record of that id; KeyError if there is none."""
        for record in self.records:
            if record.id == record_id:
                return record
        raise KeyError(record_id)

    def input_digest(self, name: str) -> str | None:
        """Digest that an input has now; None if there is none.

        An input is ``"points"``, ``"hinges"`` (the landmarks of the valve's plane), ``"landmark.<id>"`` (one that is
        not placed has a digest as well), ``"patient"``, ``"person"`` or a kind of record.
        """
        if name == "points":
            return digest_of(self.points)
        if name == "hinges":
            return digest_of({name: m.position_mm for name, m in self.landmarks.items() if name.startswith("hinge_")})
        if name == "patient":
            return digest_of(self.patient)
        if name == "person":
            return digest_of(self.person)
        if name.startswith("landmark."):
            landmark = self.landmarks.get(name.removeprefix("landmark."))
            return digest_of(landmark.position_mm if landmark is not None else None)
        record = next((record for record in reversed(self.records) if record.kind == name), None)
        return record.digest if record else None

    def stale_inputs(self, record: Record) -> tuple[str, ...]:
        """Names of the inputs that changed since the record was made, itself or further upstream."""
        changed = []
        for name, digest in record.recipe.inputs.items():
            upstream = next((r for r in reversed(self.records) if r.kind == name), None)
            if (self.input_digest(name) or "") != digest or (upstream is not None and self.stale_inputs(upstream)):
                changed.append(name)
        return tuple(changed)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
