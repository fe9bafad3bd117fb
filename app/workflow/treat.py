"""What a treatment of coronary lesions would change: lesions taken away, stents placed, by the reduced model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.case.errors import CaseError
from app.workflow.coronary_model import CoronaryModel, CoronaryState, branch_curve, state_dict
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
    """Lesions that are taken away, by their numbers from 1 on, and stents."""

    removed: tuple[int, ...] = ()
    stents: tuple[StentPlan, ...] = ()


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
        model, found = self.model, []
        places = {
            f"{lesion.branch}, behind lesion {number}": model.reading_place(lesion)
            for number, lesion in enumerate(model.lesions, 1)
        }
        places |= {f"end of {branch}": place for branch, place in model.far_ends().items()}
        for name, place in places.items():
            before, after = (state.at(place)[0] for state in (self.before, self.after))
            found.append({"place": name, "before": before, "after": after, "change": after - before})
        flows = [ml_s_from_m3_s(state.flow) for state in (self.before, self.after)]
        found.append(
            {"place": "flow into the tree [mL/s]", "before": flows[0], "after": flows[1], "change": flows[1] - flows[0]}
        )
        return found

    def curves(self, branch: str) -> tuple[Any, Any, Any, Any]:
        """Along a branch [mm] and index there, before and after."""
        return (*branch_curve(self.model, self.before, branch), *branch_curve(self.model, self.after, branch))

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
