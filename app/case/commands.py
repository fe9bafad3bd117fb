"""The only ways in which a case changes. Each takes a case to the next one and says in a few words what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.case.errors import CaseError
from app.case.records import Case, Landmark, Measurement, Position, Record


class Command(Protocol):
    """A named step from one state of the case to the next."""

    @property
    def label(self) -> str: ...

    def apply(self, case: Case) -> Case: ...


def _check_position(role: str, position_mm: Sequence[float]) -> None:
    if len(position_mm) != 3 or not all(math.isfinite(x) for x in position_mm):
        raise CaseError("bad_point", f"The point {role} needs three finite numbers (x, y, z in mm, LPS): set it again.")


@dataclass(frozen=True)
class SetPoint:
    """Place or move a landmark (LPS, mm)."""

    role: str
    position_mm: Position

    @property
    def label(self) -> str:
        return f"Place point {self.role}"

    def apply(self, case: Case) -> Case:
        _check_position(self.role, self.position_mm)
        return case.model_copy(update={"points": {**case.points, self.role: self.position_mm}})


@dataclass(frozen=True)
class SetPoints:
    """Replace all landmarks at once."""

    points: dict[str, Position]

    @property
    def label(self) -> str:
        return f"Set {len(self.points)} points"

    def apply(self, case: Case) -> Case:
        for role, position_mm in self.points.items():
            _check_position(role, position_mm)
        return case.model_copy(update={"points": dict(self.points)})


@dataclass(frozen=True)
class RemovePoint:
    """Take a landmark away."""

    role: str

    @property
    def label(self) -> str:
        return f"Remove point {self.role}"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"points": {r: p for r, p in case.points.items() if r != self.role}})


@dataclass(frozen=True)
class SetPatientValues:
    """Enter what is known of the patient: values that drive the flow, and what else is known of the person. None makes
    a value unknown again.
    """

    values: Mapping[str, float | None]
    person: Mapping[str, float | str | None] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return "Set " + ", ".join([*self.values, *self.person])

    def apply(self, case: Case) -> Case:
        values, person = {**case.patient, **self.values}, {**case.person, **self.person}
        return case.model_copy(
            update={
                "patient": {n: v for n, v in values.items() if v is not None},
                "person": {n: v for n, v in person.items() if v is not None},
            }
        )


@dataclass(frozen=True)
class SetParameters:
    """Choose the parameters of a step; ``told`` says in a few words what that does."""

    step: str
    parameters: dict[str, Any]
    told: str = ""

    @property
    def label(self) -> str:
        return self.told or f"Set parameters of {self.step}"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"parameters": {**case.parameters, self.step: self.parameters}})


@dataclass(frozen=True)
class SetMeasurement:
    """Add a measurement, or put it in the place of that of its id."""

    measurement: Measurement
    is_new: bool = True

    @property
    def label(self) -> str:
        return f"{'Measure' if self.is_new else 'Change'} {self.measurement.name}"

    def apply(self, case: Case) -> Case:
        for position_mm in self.measurement.points_mm:
            _check_position(self.measurement.name, position_mm)
        kept = case.measurements
        if any(old.id == self.measurement.id for old in kept):
            after = tuple(self.measurement if old.id == self.measurement.id else old for old in kept)
        else:
            after = (*kept, self.measurement)
        return case.model_copy(update={"measurements": after})


@dataclass(frozen=True)
class RemoveMeasurements:
    """Take measurements away."""

    ids: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"Remove {len(self.ids)} measurement{'s' if len(self.ids) != 1 else ''}"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"measurements": tuple(m for m in case.measurements if m.id not in self.ids)})


@dataclass(frozen=True)
class SetLandmarks:
    """Place, move or (None) remove landmarks; ``told`` says in a few words what that does."""

    changes: Mapping[str, Landmark | None]
    told: str

    @property
    def label(self) -> str:
        return self.told

    def apply(self, case: Case) -> Case:
        for landmark_id, landmark in self.changes.items():
            if landmark is not None:
                _check_position(landmark_id, landmark.position_mm)
        merged = {**case.landmarks, **self.changes}
        return case.model_copy(update={"landmarks": {name: mark for name, mark in merged.items() if mark is not None}})


@dataclass(frozen=True)
class RenameVessels:
    """Take typed names of vessels into the case, with the records that carry them from now on."""

    names: Mapping[str, str]
    records: tuple[Record, ...]
    told: str

    @property
    def label(self) -> str:
        return self.told

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"vessel_names": dict(self.names), "records": (*case.records, *self.records)})


@dataclass(frozen=True)
class AddRecord:
    """Take the result of a step into the case; it becomes the current one of its kind."""

    record: Record

    @property
    def label(self) -> str:
        return f"Add {self.record.kind} {self.record.id}"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"records": (*case.records, self.record)})


@dataclass(frozen=True)
class EditLabels:
    """Take edited labels into the case. A record that was itself made by editing is replaced, so that a state holds the
    last of many edits only; undo goes back to the state that holds the one before.
    """

    record: Record
    title: str

    @property
    def label(self) -> str:
        return self.title

    def apply(self, case: Case) -> Case:
        before = case.current("segmentation")
        replaced = before.id if before is not None and before.recipe.step == "edit" else ""
        kept = tuple(record for record in case.records if record.id != replaced)
        return case.model_copy(update={"records": (*kept, self.record)})


@dataclass(frozen=True)
class RemoveRecord:
    """Take a result out of the case; its files stay in the bundle, so that undo brings it back."""

    record_id: str

    @property
    def label(self) -> str:
        return f"Remove {self.record_id}"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"records": tuple(r for r in case.records if r.id != self.record_id)})


@dataclass(frozen=True)
class RenameCase:
    """Give the case another title."""

    title: str

    @property
    def label(self) -> str:
        return "Rename the case"

    def apply(self, case: Case) -> Case:
        return case.model_copy(update={"title": self.title})
