"""The check before a run in the window: what it found, where it is, and that a run with an error is not started."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_cases import make_case
from gui_driver import Driver
from PySide6.QtCore import QPointF

from app.desktop.panels.findings import FindingsList
from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.shell import MainWindow
from app.workflow.simulate import run_folder
from solvers.preflight.finding import Finding

pytestmark = pytest.mark.gui

FOUND = (
    Finding("sign", "error", "The flow at the inlet leaves it: turn its sign.", patch="inlet"),
    Finding("coarse", "warning", "Too few cells: refine.", "cells across", 4.8, "", 6.0, place=(0.01, 0.02, 0.03)),
    Finding("reynolds", "info", "The Reynolds number is 4130.", "Reynolds number", 4130.0, high=4000.0),
)


def simulate_panel(window: MainWindow) -> SimulatePanel:
    window.workspace.go_to("simulate")
    panel = window.workspace.panels["simulate"]
    assert isinstance(panel, SimulatePanel)
    return panel


def test_findings_say_what_how_much_and_where(drive: Driver) -> None:
    shown = FindingsList()
    drive.show(shown, 400, 500)
    assert "Not checked" in shown.summary.text()
    shown.set_findings(None, is_busy=True)
    assert "Checking" in shown.summary.text()
    places: list[object] = []
    shown.place_asked.connect(places.append)
    shown.set_findings(FOUND, is_busy=False)
    drive.settle()
    assert "1 error" in shown.summary.text() and "cannot start" in shown.summary.text()
    error, warning, figure = shown.rows
    assert error.isVisible() and warning.isVisible() and not figure.isVisible()
    text = warning._text.text()
    assert "refine" in text and "4.8" in text and "at least 6" in text
    for row in (error, warning):
        drive.click(row, QPointF(30, 10))
    assert places == [(10.0, 20.0, 30.0)], "only what has a place leads to one, in mm"
    shown.more.click()
    assert figure.isVisible() and "<b>4130</b>" in figure._text.text() and "at most 4000" in figure._text.text()
    shown.set_findings(FOUND[1:], is_busy=False)
    assert "1 warning" in shown.summary.text()
    shown.set_findings(FOUND[2:], is_busy=False)
    assert "Nothing speaks against" in shown.summary.text()


def test_a_run_with_an_error_is_told_and_not_started(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case", upto="simulate"))
    panel = simulate_panel(window)
    window.session.start_if_sound()
    assert window.session.check.is_busy and "Checking" in panel.findings.summary.text()
    drive.until(lambda: window.session.check.findings is not None, "the check is done")
    assert "1 error" in panel.findings.summary.text()
    assert window.messages.refusal is not None and window.messages.refusal.code == "bad_spec"
    assert not (run_folder(window.session.store.opened) / "state.json").exists()


def test_a_place_is_lit_in_3d_and_the_curves_come_back(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="simulate"))
    work = window.workspace
    panel = simulate_panel(window)
    work.run_display.make_monitor()
    drive.until(lambda: work.run_display.monitor is not None, "the curves are made")
    work.run_display.toggle()
    assert work._center.currentWidget() is work.run_display.monitor
    panel.findings.set_findings(FOUND, is_busy=False)
    panel.findings.rows[1].chosen.emit(panel.findings.rows[1].place_mm)
    assert work._center.currentWidget() is work.quad
    assert list(work.quad.position_mm) == [10.0, 20.0, 30.0]
    drive.until(lambda: work.scene.view.is_settled, "the place is lit")
    assert [caption.text for caption in work.scene.view._captions["mark"]] == ["here (10, 20, 30 mm)"]
    window.actions_["view.monitor"].trigger()
    assert work._center.currentWidget() is work.run_display.monitor
    work.go_to("mesh")
    assert work.scene.view._captions["mark"] == ()
