"""A case beside one or two options that it keeps: what-ifs by the 0D model, treatments by the coronary index."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.plans import WHAT_IFS
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from app.workflow.coronary_model import CoronaryModel, CoronaryState
    from app.workflow.treat import Treatment
    from app.workflow.what_if import Change, VesselState, WhatIf

AS_IT_IS = "as it is"
Kind = Literal["what_if", "treat"]
KINDS: Mapping[Kind, str] = {"treat": "Treatments, by the coronary index", "what_if": "What-ifs, by the 0D model"}


QUANTITIES: Mapping[Kind, dict[str, str]] = {
    "treat": {"FFR-like index": "1"},
    "what_if": {"Mean pressure": "mmHg", "Mean flow": "mL/s"},
}


@dataclass(frozen=True)
class ComparedRow:
    """A number at a place in each option, the case as it is first."""

    place: str
    quantity: str
    unit: str
    values: tuple[float, ...]

    @property
    def changes(self) -> tuple[float, ...]:
        """Of each option, less the case as it is."""
        return tuple(value - self.values[0] for value in self.values[1:])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Options side by side.

    Attributes
    ----------
    names
        `AS_IT_IS`, then one or two options.
    states
        Of each: its vessels (what-ifs), or its tree in hyperemia (treatments).
    milliseconds
        How long all answers took together.
    """

    kind: Kind
    names: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    states: tuple[Any, ...]
    milliseconds: float
    notes: tuple[str, ...] = ()

    @property
    def quantities(self) -> dict[str, str]:
        """What can be compared everywhere, with its unit."""
        return QUANTITIES[self.kind]

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of the difference table."""
        changes = [f"{name} less {self.names[0]}" for name in self.names[1:]]
        between = [f"{self.names[2]} less {self.names[1]}"] if len(self.names) == 3 else []
        return ("place", "quantity", "unit", *self.names, *changes, *between)

    def cells(self, row: ComparedRow) -> tuple[str | float, ...]:
        """A row under `columns`, its numbers to four digits behind the point."""
        between = [row.values[2] - row.values[1]] if len(self.names) == 3 else []
        numbers = (round(value, 4) + 0.0 for value in (*row.values, *row.changes, *between))
        return (row.place, row.quantity, row.unit, *numbers)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [dict(zip(self.columns, self.cells(row), strict=True)) for row in self.rows]
        return {
            "kind": self.kind,
            "options": list(self.names),
            "rows": rows,
            "milliseconds": round(self.milliseconds, 2),
            "notes": list(self.notes),
        }


def compare(opened: OpenCase, names: Sequence[str], progress: Progress = silent) -> Comparison:
    """Options that a case keeps, beside the case as it is.

    Parameters
    ----------
    names
        One or two kept what-ifs, or one or two kept treatments.

    Raises
    ------
    CaseError
        ``no_plan``, ``mixed_plans``, ``stale_plan``, and what the models refuse.
    """
    case = opened.case
    kind = kind_of(case, names)
    if kind == "treat":
        from app.workflow.coronary_model import coronary_model
        from app.workflow.coronary_parameters import remembered
        from app.workflow.treat import planned

        treatments = {name: planned(case, name) for name in names}
        model = coronary_model(opened, remembered(case), progress)
        return compare_treatments(model, treatments)
    from app.workflow.flow_setup import reduced_case
    from app.workflow.what_if import WhatIf

    return compare_changes(WhatIf(reduced_case(opened)), {name: WHAT_IFS.one(case, name) for name in names})


def options_of(case: Case) -> dict[Kind, tuple[str, ...]]:
    """Names of the options of each kind that a case keeps."""
    from app.workflow.treat import TREATMENTS

    return {"treat": tuple(TREATMENTS.of(case)), "what_if": tuple(WHAT_IFS.of(case))}


def kind_of(case: Case, names: Sequence[str]) -> Kind:
    """Which kind of options these names are; CaseError ``no_plan``, ``mixed_plans``."""
    kept = options_of(case)
    if not 1 <= len(names) <= 2 or len(set(names)) < len(names):
        raise CaseError("no_plan", "Name one or two different options to compare with the case as it is.")
    for kind, there in kept.items():
        if set(names) <= set(there):
            return kind
    everything = [name for there in kept.values() for name in there]
    missing = [name for name in names if name not in everything]
    if missing:
        told = f"there are: {', '.join(everything)}" if everything else "the case keeps none"
        raise CaseError("no_plan", f"There is no what-if and no treatment {missing[0]!r}; {told}.")
    raise CaseError("mixed_plans", "A what-if and a treatment are of different models: compare two of one kind.")


def compare_treatments(model: CoronaryModel, options: Mapping[str, Treatment]) -> Comparison:
    """The tree in hyperemia as it is and after each treatment; CaseError of `treat`."""
    from app.workflow.treat import readings, treat

    started = time.perf_counter()
    states: list[CoronaryState] = [model.hyperemia, *(treat(model, option).after for option in options.values())]
    milliseconds = 1e3 * (time.perf_counter() - started)
    found = [readings(model, state) for state in states]
    rows = tuple(
        ComparedRow(same[0].place.replace("_", " "), same[0].quantity, same[0].unit, tuple(one.value for one in same))
        for same in zip(*found, strict=True)
    )
    return Comparison("treat", (AS_IT_IS, *options), rows, tuple(states), milliseconds)


def compare_changes(model: WhatIf, options: Mapping[str, Change]) -> Comparison:
    """Mean flow and pressures of every vessel as it is and after each change; CaseError, RunError of the model."""
    started = time.perf_counter()
    answers = {name: model.answer(option) for name, option in options.items()}
    milliseconds = 1e3 * (time.perf_counter() - started)
    states: list[tuple[VesselState, ...]] = [model.before, *(answer.after for answer in answers.values())]
    read = (
        ("mean flow", "mL/s", "flow_ml_s"),
        ("mean pressure at its start", "mmHg", "pressure_in_mmhg"),
        ("mean pressure at its end", "mmHg", "pressure_out_mmhg"),
    )
    rows = tuple(
        ComparedRow(vessels[0].name.replace("_", " "), quantity, unit, tuple(getattr(one, name) for one in vessels))
        for vessels in zip(*states, strict=True)
        for quantity, unit, name in read
    )
    notes = tuple(dict.fromkeys(f"{name}: {note}" for name, answer in answers.items() for note in answer.notes))
    return Comparison("what_if", (AS_IT_IS, *options), rows, tuple(states), milliseconds, notes)
