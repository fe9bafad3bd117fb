"""The frame of assessments: what a case allows, what is refused, what is kept and when it is stale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import report_cases

from app.case.bundle import OpenCase
from app.case.commands import RemoveRecord, SetPatientValues
from app.case.errors import CaseError
from app.cli import main
from app.workflow.assessments import registry
from app.workflow.assessments.frame import (
    Assessed,
    Assessment,
    Figure,
    Rule,
    patient_known,
    scan_fit,
    step_done,
)
from app.workflow.assessments.registry import assess, assessments_by_id, kept_answers, standing
from app.workflow.parameters import declared
from app.workflow.steps import Request
from imaging.types import Progress


@dataclass(frozen=True)
class Parameters:
    factor: float = declared(2.0, help="Factor", unit="1", minimum=0.0, maximum=9.0)


def _twice_the_age(request: Request, progress: Progress) -> Assessed:
    age = float(request.case.person.get("age_years", 60.0))
    value = request.parameters.factor * age
    return Assessed(
        f"{value:g} years", (Figure("age", "Age, multiplied", "years", "the test's own", value, 1.0, 200.0),)
    )


TOY = Assessment(
    "toy",
    "Toy",
    "How old times two?",
    (step_done("model"), scan_fit("coronary"), patient_known("age_years", "sex"), patient_known("heart_rate_bpm")),
    (Rule("Arithmetic", "Euclid", "numbers"),),
    ("model", "person"),
    __name__,
    _twice_the_age,
)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenCase]:
    monkeypatch.setattr(registry, "assessments_by_id", lambda: {"toy": TOY})
    with report_cases.make_case(tmp_path / "tree.case") as opened:
        yield opened


def test_every_module_that_declares_an_assessment_is_one() -> None:
    found = assessments_by_id()
    assert "wall" in found
    for one in found.values():
        assert one.needs and one.rules and one.question.endswith("?")
        assert hasattr(one.step.module, "Parameters")


def test_a_case_without_a_model_is_told_what_is_missing(case: OpenCase) -> None:
    model = case.case.current("model")
    assert model is not None
    case.do(RemoveRecord(model.id))
    (row,) = standing(case.case)
    assert not row["can_be_made"] and row["needs"][0]["state"] == "missing"
    with pytest.raises(CaseError, match="Toy cannot be assessed yet: run Model first"):
        assess(case, "toy")
    with pytest.raises(CaseError, match="no assessment 'tooy'; there are: toy"):
        assess(case, "tooy")


def test_an_answer_is_kept_with_its_reasons_and_is_stale_when_its_inputs_change(case: OpenCase) -> None:
    found, record = assess(case, "toy", {"factor": 3.0})
    assert record is not None and record.recipe.parameters == {"factor": 3.0}
    (kept,) = kept_answers(case.folder, case.case)
    assert kept["headline"] == found.headline == "180 years" and kept["stale_inputs"] == []
    assert any("voxels of 3.00 mm go 1.1 times into" in reason for reason in kept["reasons"])
    assert Figure(**kept["figures"][0]).text == "180 years, 90 % band 1 to 200 years"
    case.do(SetPatientValues({}, {"age_years": 71.0}))
    assert standing(case.case)[0]["stale_inputs"] == ["person"]
    assert assess(case, "toy")[0].figures[0].value == 142.0


def test_what_drives_no_flow_makes_no_run_stale(case: OpenCase) -> None:
    run = case.case.current("run")
    assert run is not None and case.case.stale_inputs(run) == ()
    case.do(SetPatientValues({}, {"age_years": 71.0, "smoking": "yes"}))
    assert case.case.stale_inputs(run) == ()
    case.do(SetPatientValues({"heart_rate_bpm": 61.0}))
    assert case.case.stale_inputs(run) == ("patient",)


def test_the_program_lists_and_makes_assessments(case: OpenCase, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(case.folder)
    case.close()
    assert main(["patient", folder, "--set", "sex=female", "age_years=71", "heart_rate_bpm=61", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entered"] == {"heart_rate_bpm": 61.0, "sex": "female", "age_years": 71}
    assert main(["patient", folder, "--set", "sex=other"]) == 1
    assert "sex must be one of" in capsys.readouterr().err
    assert main(["assess", folder, "--list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert [need["state"] for need in row["needs"]] == ["met", "limited", "met", "met"]
    assert main(["assess", folder, "toy", "--set", "factor=0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["record"].startswith("assessment-") and answer["headline"] == "35.5 years"
    assert main(["assess", folder, "toy", "--set", "factor=12"]) == 1
    assert "factor must be from 0 to 9" in capsys.readouterr().err
