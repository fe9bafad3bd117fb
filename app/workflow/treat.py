"""What a treatment of coronary lesions would change: lesions taken away, stents placed, by the reduced model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.coronary_model import CoronaryModel, CoronaryState, state_dict
from app.workflow.plans import Plans
from app.workflow.units import ml_s_from_m3_s


@dataclass(frozen=True)
class StentPlan:
    """A stent: its branch, where its middle lies along it, its length and diameter [mm]."""

    branch: str
    middle_mm: float
    length_mm: float
    diameter_mm: float


@dataclass(frozen=True)
class Treatment:
    """Lesions that are taken away, by their numbers from 1 on, and stents.

    ``model`` is the digest of the vessel model whose lesions the numbers count; empty for the present one.
    """

    removed: tuple[int, ...] = ()
    stents: tuple[StentPlan, ...] = ()
    model: str = ""


@dataclass(frozen=True)
class Reading:
    """A number of a state: where, what and its unit."""

    place: str
    quantity: str
    unit: str
    value: float


@dataclass(frozen=True, eq=False)
class TreatmentAnswer:
    """The tree in hyperemia before and after a treatment, and how long the answer took [ms]."""

    model: CoronaryModel
    before: CoronaryState
    after: CoronaryState
    milliseconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The index behind each lesion and at each far end, and the flow into the tree, before and after."""
        pairs = zip(readings(self.model, self.before), readings(self.model, self.after), strict=True)
        return [
            {
                "place": old.place if old.unit == "1" else f"{old.quantity} {old.place} [{old.unit}]",
                "before": old.value,
                "after": new.value,
                "change": new.value - old.value,
            }
            for old, new in pairs
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        states = {name: state_dict(self.model, getattr(self, name)) for name in ("before", "after")}
        return {"rows": self.rows, **states, "milliseconds": round(self.milliseconds, 2)}


def treat(model: CoronaryModel, treatment: Treatment) -> TreatmentAnswer:
    """What a treatment would change; CaseError ``no_lesion``, ``bad_stent``."""
    stents = [model.stent(one.branch, one.middle_mm, one.length_mm, one.diameter_mm) for one in treatment.stents]
    before = model.hyperemia
    after, milliseconds = model.after([*model.without(treatment.removed), *stents])
    return TreatmentAnswer(model, before, after, milliseconds)


def readings(model: CoronaryModel, state: CoronaryState) -> list[Reading]:
    """The index behind each lesion and at each far end, and the flows [mL/s]."""
    places = {
        f"{lesion.branch}, behind lesion {number}": model.reading_place(lesion)
        for number, lesion in enumerate(model.lesions, 1)
    }
    places |= {f"end of {branch}": place for branch, place in model.far_ends().items()}
    found = [Reading(name, "FFR-like index", "1", state.at(place)[0]) for name, place in places.items()]
    found.append(Reading("into the tree", "flow", "mL/s", ml_s_from_m3_s(state.flow)))
    branches = {vessel.name: vessel.branch for vessel in model.tree.vessels}
    for name in model.tree.ends:
        flow = ml_s_from_m3_s(state.pullbacks[name].flow)
        found.append(Reading(f"to the end of {branches[name]}", "flow", "mL/s", flow))
    return found


def treatment_of(values: Mapping[str, Any]) -> Treatment:
    """A treatment from plain data; CaseError ``bad_plan``."""
    try:
        stents = tuple(StentPlan(**one) for one in values["stents"])
        return Treatment(tuple(int(n) for n in values["removed"]), stents, str(values["model"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CaseError("bad_plan", "A treatment that this case keeps cannot be read here: plan it again.") from error


TREATMENTS = Plans("treat", "treatment", treatment_of)


def planned_on(case: Case, treatment: Treatment) -> Treatment:
    """The treatment as it is kept: with the digest of the model that its lesions are counted on."""
    return replace(treatment, model=case.input_digest("model") or "")


def planned(case: Case, name: str) -> Treatment:
    """A treatment that the case keeps; CaseError ``no_plan``, ``stale_plan`` when it counts another model's lesions."""
    treatment = TREATMENTS.one(case, name)
    if treatment.model and treatment.model != case.input_digest("model"):
        raise CaseError(
            "stale_plan",
            f"The treatment {name!r} was planned on another vessel model, whose lesions may differ: plan it again.",
        )
    return treatment


def parse_stents(words: Sequence[str]) -> tuple[StentPlan, ...]:
    """``BRANCH:MIDDLE:LENGTH:DIAMETER`` words as stents; CaseError ``bad_stent``."""
    found = []
    for word in words:
        try:
            branch, middle, length, diameter = word.split(":")
            found.append(StentPlan(branch, float(middle), float(length), float(diameter)))
        except ValueError:
            raise CaseError(
                "bad_stent",
                f"{word!r} is no stent: write BRANCH:MIDDLE:LENGTH:DIAMETER in mm, for example "
                "left_anterior_descending:22:18:3.",
            ) from None
    return tuple(found)
