"""What-ifs and treatments that a case keeps under names of their own, to be opened and compared later."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.what_if import Change, Stenosis

STEP = "what_if"
"""Under which a case remembers its what-ifs."""
SCHEMA_VERSION = 1
LONGEST_NAME = 60


@dataclass(frozen=True)
class Plans[T]:
    """Plans of one kind: the step under which a case remembers them, what people call one, how it is read."""

    step: str
    word: str
    read: Callable[[Mapping[str, Any]], T]

    def of(self, case: Case) -> dict[str, T]:
        """All that a case keeps, by name, in the order in which they were kept.

        Raises
        ------
        CaseError
            ``bad_plan`` for plans that a newer program wrote.
        """
        stored = case.parameters.get(self.step, {})
        if stored.get("schema_version", SCHEMA_VERSION) > SCHEMA_VERSION:
            raise CaseError(
                "bad_plan", f"A newer program kept the {self.word}s of this case: update this one to open them."
            )
        return {name: self.read(values) for name, values in stored.get("plans", {}).items()}

    def one(self, case: Case, name: str) -> T:
        """The plan that a case keeps under a name; CaseError ``no_plan``."""
        plans = self.of(case)
        if name not in plans:
            there = f"there are: {', '.join(plans)}" if plans else "the case keeps none"
            raise CaseError("no_plan", f"There is no {self.word} {name!r}; {there}.")
        return plans[name]

    def keeping(self, case: Case, name: str, plan: T) -> SetParameters:
        """The command that keeps a plan under a name, in place of what had it before.

        Raises
        ------
        CaseError
            ``bad_plan`` for a name that is empty or too long.
        """
        called = name.strip()
        if not called or len(called) > LONGEST_NAME:
            raise CaseError("bad_plan", f"A {self.word} needs a name of 1 to {LONGEST_NAME} characters, not {name!r}.")
        plans = self.of(case)
        word = "Change" if called in plans else "Keep"
        return self._command({**plans, called: plan}, f"{word} {self.word} {called}")

    def forgetting(self, case: Case, name: str) -> SetParameters:
        """The command that lets a case forget a plan; CaseError ``no_plan``."""
        self.one(case, name)
        left = {n: plan for n, plan in self.of(case).items() if n != name}
        return self._command(left, f"Forget {self.word} {name}")

    def keep(self, opened: OpenCase, name: str, plan: T) -> None:
        """Keep a plan in the case under a name."""
        opened.do(self.keeping(opened.case, name, plan))

    def _command(self, plans: Mapping[str, T], label: str) -> SetParameters:
        stored = {name: dataclasses.asdict(plan) for name, plan in plans.items()}  # type: ignore[call-overload]
        return SetParameters(self.step, {"schema_version": SCHEMA_VERSION, "plans": stored}, label)


def change_of(values: Mapping[str, Any]) -> Change:
    """A change from plain data, as `dataclasses.asdict` makes it."""
    known = {field.name for field in dataclasses.fields(Change)}
    if set(values) - known:
        raise CaseError("bad_plan", f"A what-if of this case holds {', '.join(set(values) - known)}, unknown here.")
    said = dict(values)
    said["stenoses"] = tuple(Stenosis(**one) for one in said.get("stenoses", ()))
    said["closed"] = tuple(said.get("closed", ()))
    return Change(**said)


WHAT_IFS = Plans(STEP, "what-if", change_of)
plans_of, plan_of, keep_plan = WHAT_IFS.of, WHAT_IFS.one, WHAT_IFS.keep
keeping, forgetting = WHAT_IFS.keeping, WHAT_IFS.forgetting
