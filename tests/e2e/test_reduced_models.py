"""The 0D model of a finished case: the conditions of its run, what a change would do, calibration to the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e_program import Ask

from app.case.bundle import OpenCase
from app.workflow.parameters import build
from app.workflow.prepared import prepared_conditions
from app.workflow.simulate import Parameters, run_folder
from imaging.surface.surface_io import read_model
from solvers.contract.spec import read_spec


def test_the_conditions_of_the_reduced_models_are_those_of_the_run(finished_case: Path) -> None:
    with OpenCase.open(finished_case, writable=False) as opened:
        spec = read_spec(run_folder(opened))
        record = opened.case.current("model")
        assert record is not None
        model = read_model(opened.path_of(record.files["surface"]).parent)
        run = opened.case.current("run")
        assert run is not None
        inlet = next(patch for patch in model.patches if patch.kind == "inlet")
        outlets = tuple(patch for patch in model.patches if patch.kind == "outlet")
        made = prepared_conditions(opened.case, model, inlet, outlets, build(Parameters, run.recipe.parameters))
    assert made.inflow == spec.inlets[0].flow
    assert (made.period, made.fluid) == (spec.time.period, spec.fluid)
    assert spec.tuning is not None and made.pressure_site == spec.tuning.site
    for ours, theirs in zip(made.outlets, spec.outlets, strict=True):
        assert ours.name == theirs.name
        for value in ("r_proximal", "c", "r_distal", "p_initial", "p_distal"):
            assert getattr(ours, value) == pytest.approx(getattr(theirs, value), rel=1e-9)


def test_a_case_says_its_conditions_what_a_change_would_do_and_learns_from_its_run(own_case: Path, ask: Ask) -> None:
    setup = ask("setup", own_case, "--json").value
    assert setup["origin"] == "run"
    vessel = setup["outlets"][0]["vessel"]
    before = ask("whatif", own_case, "--stenosis", f"{vessel}:70:0.6", "--json").value
    narrowed = next(row for row in before["vessels"] if row["name"] == vessel)
    assert narrowed["after"]["flow_ml_s"] < narrowed["before"]["flow_ml_s"]
    kept = ask("calibrate", own_case, "--json").value
    assert kept["miss"] < kept["miss_before"]
    after = ask("whatif", own_case, "--json").value
    assert any(note.startswith("Calibrated to") for note in after["notes"])
    with OpenCase.open(own_case, writable=False) as opened:
        assert json.loads(json.dumps(opened.case.parameters["calibration"])) == kept
    wrong = ask("whatif", own_case, "--stenosis", "LAD:70")
    assert wrong.exit_code == 1 and "write BRANCH:PERCENT:POSITION" in wrong.err
