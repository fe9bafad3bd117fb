"""Tuning and Spread: started, watched, ended, shown with bands; the window answers all the while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gui_cases import make_branched_case
from gui_driver import Driver
from PySide6.QtCore import QTimer
from test_responsiveness import Measure

from app.desktop.shell import MainWindow
from app.workflow.boundary_files import read_outlets

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def branched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_branched_case(tmp_path_factory.mktemp("branched") / "branched.case")


def _mode(drive: Driver, window: MainWindow, name: str) -> Any:
    window.actions_[f"step.{name}"].trigger()
    drive.until(lambda: name in window.workspace.modes, "the mode is there")
    mode = window.workspace.modes[name]
    drive.until(lambda: mode.scene is not None and mode.scene.wall is not None, "the vessels are known")
    drive.settle(0.2)
    return mode


def test_outlets_are_tuned_shown_with_their_bands_and_saved(drive: Driver, branched: Path, tmp_path: Path) -> None:
    mode = _mode(drive, drive.open_with_scene(branched), "tune")
    mode.panel.form.set_values({"level": "0d", "systolic_mmhg": 118.0, "diastolic_mmhg": 78.0})
    measure = Measure(drive)
    for _ in measure.attempts():
        QTimer.singleShot(0, mode.panel, mode.panel.start_button.click)
        drive.until(lambda: mode.task.is_busy, "it has begun")
        assert mode.panel.bar.isVisible() and not mode.panel.start_button.isEnabled()
        measure.take(drive.longest_pause(lambda: not mode.task.is_busy, "they are tuned", 120.0))
        assert mode.task.failure is None
    measure.judge()
    rows = {row["target"]: row for row in mode.task.found.rows()}
    assert rows["systolic pressure"]["wanted"] == pytest.approx(118.0)
    shown = mode.panel.targets.text()
    assert "118.0&nbsp;mmHg" in shown and "±&nbsp;2" in shown and ("✓" in shown or "✗" in shown)
    assert mode.table.rowCount() == len(mode.task.found.outlets)
    mode.save(tmp_path / "rcrt.dat")
    assert len(read_outlets([tmp_path / "rcrt.dat"], "SI")) == len(mode.task.found.outlets)
    mode.panel.form.set_values({"systolic_mmhg": 60.0})
    mode.panel.start_button.click()
    drive.until(lambda: not mode.task.is_busy, "it is refused", 60.0)
    assert "must be above the diastolic" in mode.panel.state.text()


def test_samples_are_solved_ended_and_gone_on_with(
    drive: Driver, branched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    mode = _mode(drive, drive.open_with_scene(branched), "ensemble")
    mode.panel.form.set_values({"n_samples": 64})
    mode.panel.start_button.click()
    drive.settle(0.1)
    mode.panel.cancel_button.click()
    assert not mode.task.is_busy and mode.panel.start_button.isEnabled()
    measure, n_samples = Measure(drive), 48
    for _ in measure.attempts():
        n_samples += 16  # what is solved is kept, and is not solved again
        mode.panel.form.set_values({"n_samples": n_samples})
        QTimer.singleShot(0, mode.panel, mode.panel.start_button.click)
        drive.until(lambda: mode.task.is_busy, "it has begun")
        measure.take(drive.longest_pause(lambda: not mode.task.is_busy, "the samples are solved", 180.0))
        assert mode.task.failure is None
    measure.judge()
    assert f"{n_samples} of {n_samples} samples" in mode.panel.verdict.text()
    row = next(row for row in mode.task.found.bands if row["quantity"] == "flow_ml_s")
    cell = mode.table.item(list(mode.task.found.names).index(row["vessel"]), 1).text()
    assert cell == f"{row['mean']:.2f}  ({row['p5']:.2f} – {row['p95']:.2f})"
    assert mode.scene.vessel_look.scale.unit == "mmHg"
    mode.panel.form.set_values({"n_samples": n_samples + 32})
    mode.panel.start_button.click()
    drive.until(lambda: not mode.task.is_busy, "more are solved", 180.0)
    assert mode.task.found.n_found == n_samples
