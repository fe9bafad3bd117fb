"""What-ifs that a case keeps under names of their own, to be opened and compared later."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.what_if import Change, Stenosis

STEP = "what_if"
"""Under which a case remembers its plans."""
SCHEMA_VERSION = 1
LONGEST_NAME = 60


def plans_of(case: Case) -> dict[str, Change]:
    """The changes that a case keeps, by name, in the order in which they were kept.

    Raises
    ------
    CaseError
        ``bad_plan`` for plans that a newer program wrote.
    """
    stored = case.parameters.get(STEP, {})
    if stored.get("schema_version", SCHEMA_VERSION) > SCHEMA_VERSION:
        raise CaseError("bad_plan", "A newer program kept the what-ifs of this case: update this one to open them.")
    return {name: change_of(values) for name, values in stored.get("plans", {}).items()}


def plan_of(case: Case, name: str) -> Change:
    """The change that a case keeps under a name; CaseError ``no_plan``."""
    plans = plans_of(case)
    if name not in plans:
        there = f"there are: {', '.join(plans)}" if plans else "the case keeps none"
        raise CaseError("no_plan", f"There is no what-if {name!r}; {there}.")
    return plans[name]


def keeping(case: Case, name: str, change: Change) -> SetParameters:
    """The command that keeps a change under a name, in place of what had it before.

    Raises
    ------
    CaseError
        ``bad_plan`` for a name that is empty or too long.
    """
    called = name.strip()
    if not called or len(called) > LONGEST_NAME:
        raise CaseError("bad_plan", f"A what-if needs a name of 1 to {LONGEST_NAME} characters, not {name!r}.")
    plans = plans_of(case)
    word = "Change" if called in plans else "Keep"
    return _command({**plans, called: change}, f"{word} what-if {called}")


def forgetting(case: Case, name: str) -> SetParameters:
    """The command that lets a case forget a what-if; CaseError ``no_plan``."""
    plan_of(case, name)
    return _command({n: change for n, change in plans_of(case).items() if n != name}, f"Forget what-if {name}")


def keep_plan(opened: OpenCase, name: str, change: Change) -> None:
    """Keep a change in the case under a name."""
    opened.do(keeping(opened.case, name, change))


def change_of(values: Mapping[str, Any]) -> Change:
    """A change from plain data, as `dataclasses.asdict` makes it."""
    known = {field.name for field in dataclasses.fields(Change)}
    if set(values) - known:
        raise CaseError("bad_plan", f"A what-if of this case holds {', '.join(set(values) - known)}, unknown here.")
    said = dict(values)
    said["stenoses"] = tuple(Stenosis(**one) for one in said.get("stenoses", ()))
    said["closed"] = tuple(said.get("closed", ()))
    return Change(**said)


def _command(plans: Mapping[str, Change], label: str) -> SetParameters:
    stored = {name: dataclasses.asdict(change) for name, change in plans.items()}
    return SetParameters(STEP, {"schema_version": SCHEMA_VERSION, "plans": stored}, label)
