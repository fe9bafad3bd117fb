"""Samples that the program makes itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.inflow import coronary_inflow
from app.workflow.parameters import build
from app.workflow.samples import import_sample, list_samples
from app.workflow.steps import step_of
from sample_data.phantoms.coronary import CoronaryParameters, left_coronary_tree


def test_the_coronary_phantom_becomes_a_case_whose_steps_are_set(tmp_path: Path) -> None:
    assert "coronary_phantom" in [sample["id"] for sample in list_samples()]
    record = import_sample("coronary_phantom", tmp_path / "c.case")
    exact = left_coronary_tree(CoronaryParameters(stenosis_percent=50.0, stenosis_at_mm=22.0))
    radii = [opening["radius_mm"] for opening in record.facts["openings"]]
    assert radii == pytest.approx([end.radius_mm for end in exact.ends], rel=0.02)
    with OpenCase.open(tmp_path / "c.case", writable=False) as opened:
        case = opened.case
        assert case.parameters["model"]["inlet"] == "ostium"
        for step_id, values in case.parameters.items():
            build(step_of(case, step_id).module.Parameters, values)
    with pytest.raises(CaseError, match="exists already"):
        import_sample("coronary_phantom", tmp_path / "c.case")


def test_the_coronary_inflow_has_its_mean_and_peaks_in_diastole() -> None:
    times, flow = coronary_inflow(60.0, 2.5e-6)
    assert flow.mean() == pytest.approx(2.5e-6)
    assert flow.min() > 0.0
    assert 0.4 < times[flow.argmax()] < 0.7
