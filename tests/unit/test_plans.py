"""What-ifs that a case keeps, and what counts as a target that is met."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.workflow.plans import STEP, forgetting, keep_plan, plan_of, plans_of
from app.workflow.targets import Target
from app.workflow.what_if import Change, Stenosis

CHANGE = Change(
    (Stenosis("LAD", 60.0, 0.3, 8.0),), {"LAD": 0.9}, {"end": 2.0}, None, ("side",), 95.0, heart_rate_bpm=90
)


def test_a_kept_change_comes_back_as_it_was_and_the_history_forgets_it(tmp_path: Path) -> None:
    folder = tmp_path / "a.case"
    with OpenCase.create(folder, "A") as opened:
        keep_plan(opened, " stent ", CHANGE)
    with OpenCase.open(folder) as opened:
        assert plan_of(opened.case, "stent") == CHANGE
        assert opened.history.undo_label == "Keep what-if stent"
        keep_plan(opened, "stent", Change())
        assert opened.history.undo_label == "Change what-if stent"
        keep_plan(opened, "bypass", CHANGE)
        opened.do(forgetting(opened.case, "stent"))
        assert plans_of(opened.case) == {"bypass": CHANGE}
        opened.undo()
        assert list(plans_of(opened.case)) == ["stent", "bypass"]


def test_what_cannot_be_kept_or_found_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with OpenCase.create(tmp_path / "a.case", "A") as opened:
        for name in ("", "x" * 61):
            with pytest.raises(CaseError, match="needs a name of 1 to 60 characters"):
                keep_plan(opened, name, CHANGE)
        with pytest.raises(CaseError, match="the case keeps none"):
            plan_of(opened.case, "stent")
        opened.do(SetParameters(STEP, {"schema_version": 99, "plans": {}}))
        with pytest.raises(CaseError, match="newer program"):
            plans_of(opened.case)


def test_a_target_is_met_within_its_band_and_no_farther() -> None:
    target = Target("Systolic pressure", "mmHg", 120.0, 2.0, "assumed", {"0D": 121.9, "3D": 117.9})
    assert target.is_met_by("0D") and not target.is_met_by("3D")
    assert target.as_dict()["is_met"] == {"0D": True, "3D": False}
