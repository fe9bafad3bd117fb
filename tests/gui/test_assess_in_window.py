"""Assess: what is missing is told, an assessment is made beside the window, its answer kept, shown and marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gui_cases import make_branched_case, make_case
from gui_driver import Driver
from PySide6.QtCore import QTimer
from test_responsiveness import Measure
from test_tuning_and_spread_in_window import _mode

from app.workflow.treat import TREATMENTS

pytestmark = pytest.mark.gui


def test_what_is_missing_is_told_and_nothing_can_be_started(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "tube.case", upto="segment"))
    window.actions_["step.assess"].trigger()
    drive.until(lambda: "assess" in window.workspace.modes, "the mode is there")
    panel = window.workspace.modes["assess"].panel
    drive.until(lambda: panel.choice.count() > 1, "the assessments are listed")
    panel.choice.setCurrentIndex(panel.choice.findData("coronary"))
    drive.settle()
    assert "✗" in panel.needs.text() and "run Model first" in panel.needs.text()
    assert not panel.start_button.isEnabled()


def _is_over(mode: Any) -> bool:
    return mode.task.failure is not None or (not mode.task.is_busy and mode.answer is not None)


def test_an_answer_is_made_kept_shown_and_marked_when_it_is_out_of_date(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_branched_case(tmp_path / "branched.case"))
    mode = _mode(drive, window, "assess")
    panel = mode.panel
    panel.choice.setCurrentIndex(panel.choice.findData("coronary"))
    drive.settle()
    panel.form.set_values({"samples": 0, "rest_flow_ml_s": 2.0})
    measure = Measure(drive)
    for _ in measure.attempts():
        mode._take_answer(None)
        QTimer.singleShot(0, panel, panel.start_button.click)
        drive.until(lambda: mode.task.is_busy, "it has begun")
        assert not panel.start_button.isEnabled() and panel.cancel_button.isVisible()
        measure.take(drive.longest_pause(lambda: _is_over(mode), "it is shown", 120.0))
        assert mode.task.failure is None
    measure.judge()
    assert panel.headline.text().startswith("<b>FFR-like index") and "no band was asked for" in panel.headline.text()
    assert mode.view.tables.count() == 2 and mode.view.plot.curve_names[:2] == ("hyperemia", "rest")
    assert mode.scene.vessel_look.at_points is not None and mode.scene.vessel_look.scale.label == "FFR-like index"
    panel.person.fields["sex"].setCurrentText("female")
    drive.until(lambda: window.workspace.session.store.case.person == {"sex": "female"}, "it is in the case")
    drive.until(lambda: "Out of date: person changed since" in panel.headline.text(), "it is marked")


def test_a_treatment_is_answered_in_plot_table_and_colors_and_kept(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_branched_case(tmp_path / "branched.case"))
    mode = _mode(drive, window, "assess")
    panel, store = mode.panel, window.workspace.session.store
    box = panel.treat
    panel.choice.setCurrentIndex(panel.choice.findData("coronary"))
    drive.settle()
    assert box.isHidden() and not panel.treat_button.isHidden()
    panel.treat_button.setChecked(True)
    drive.until(lambda: box.model is not None or mode.treating.task.failure is not None, "the tree is there", 120.0)
    assert mode.treating.task.failure is None
    box.add_button.click()
    drive.until(lambda: mode.treating.answer is not None, "it is answered")
    (stent,) = box.treatment.stents
    whole = box.model.ends_mm[stent.branch]
    for name, value in (("place", 100.0), ("length", 10.0), ("diameter", 5.0)):
        box.dials[name].number.setValue(value)
    (turned,) = box.treatment.stents
    assert (turned.middle_mm, turned.length_mm, turned.diameter_mm) == (whole - 5.0, 10.0, 5.0)
    drive.until(lambda: mode.treating.task._waiting is None and mode.treating.answer.states[1] is not None, "answered")
    drive.settle()
    assert mode.treating.answer.milliseconds < 1000.0 and "answered in" in box.latency.text()
    assert mode.view.tables.tabText(0) == "Before and after the treatment" and mode.view.treated.rowCount() > 2
    drive.until(lambda: mode.scene.vessel_look is not None, "it is colored")
    assert "after the treatment" in mode.scene.vessel_look.scale.note
    box.name.setText("far stent")
    box.keep_button.click()
    drive.until(lambda: TREATMENTS.of(store.case).get("far stent") is not None, "it is kept")
    assert TREATMENTS.one(store.case, "far stent").stents == box.treatment.stents
    box.remove_button.click()
    drive.until(lambda: mode.treating.answer is None, "nothing is treated any more")
    assert mode.view.tables.indexOf(mode.view.treated) < 0
    drive.until(box.open_button.isEnabled, "it can be opened")
    box.open_button.click()
    drive.until(lambda: mode.treating.answer is not None, "the kept one is shown")
    panel.choice.setCurrentIndex(panel.choice.findData("wall"))
    drive.until(
        lambda: mode.treating.answer is None and panel.treat_button.isHidden(), "it is of the coronary tree only"
    )


def test_an_index_in_3d_without_a_mesh_is_refused_in_a_sentence(drive: Driver, tmp_path: Path) -> None:
    mode = _mode(drive, drive.open_with_scene(make_branched_case(tmp_path / "branched.case")), "assess")
    panel = mode.panel
    panel.choice.setCurrentIndex(panel.choice.findData("aneurysm"))
    drive.settle()
    assert panel.confirm_button.isHidden()
    panel.choice.setCurrentIndex(panel.choice.findData("coronary"))
    drive.settle()
    assert not panel.confirm_button.isHidden()
    panel.confirm_button.click()
    drive.until(lambda: mode.task.failure is not None, "it is refused")
    assert "run Mesh first" in mode.task.failure.message


def test_an_answers_labels_lie_in_the_slices_while_it_is_shown(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_branched_case(tmp_path / "branched.case"))
    work = window.workspace
    mode = _mode(drive, window, "assess")
    panel = mode.panel
    panel.choice.setCurrentIndex(panel.choice.findData("aorta"))
    drive.settle()
    assert panel.place_button.isVisible() and panel.place_button.text() == "Place: false lumen"
    panel.place_button.click()
    assert work.placing.armed == "false_lumen"
    work.disarm()
    panel.start_button.click()
    drive.until(lambda: _is_over(mode), "it is shown", 120.0)
    assert mode.task.failure is None and "thrombus" in panel.parts.text()
    assert work.quad._labels is mode.answer.labels and mode.scene.vessel_look.shell is not None
    window.actions_["step.model"].trigger()
    drive.until(lambda: work.quad._labels is work.session.data.labels, "the segmentation is shown again")
