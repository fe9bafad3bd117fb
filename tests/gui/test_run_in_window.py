"""The window over a solver's process: watching, reattaching, cancelling, and surviving its death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gui_fake_run
import pytest
from gui_cases import make_case
from gui_driver import Driver

from app.case.bundle import OpenCase
from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.session.run_curves import RunCurves
from app.desktop.shell import MainWindow
from app.workflow.simulate import run_folder

pytestmark = pytest.mark.gui


@pytest.fixture
def case_with_run(tmp_path: Path) -> Path:
    return make_case(tmp_path / "a.case", upto="simulate")


@pytest.fixture
def solver(case_with_run: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def folder_of(case_folder: Path) -> Path:
    with OpenCase.open(case_folder, writable=False) as opened:
        return run_folder(opened)


def play(started: list[subprocess.Popen[bytes]], folder: Path, n_steps: int, pause: float) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, gui_fake_run.__file__, str(folder), str(n_steps), str(pause)],
        env={**os.environ, "PYTHONPATH": root},
    )
    started.append(process)
    return process


def simulate_panel(window: MainWindow) -> SimulatePanel:
    window.workspace.go_to("simulate")
    panel = window.workspace.panels["simulate"]
    assert isinstance(panel, SimulatePanel)
    return panel


def test_a_window_reattaches_to_a_run_and_draws_its_curves(
    drive: Driver, case_with_run: Path, solver: list[subprocess.Popen[bytes]]
) -> None:
    folder = folder_of(case_with_run)
    play(solver, folder, 2000, 0.02)
    first = drive.open_with_scan(case_with_run)
    watch = first.session.run_watch
    drive.until(lambda: len(watch.curves.time_s) >= 5, "steps are watched")
    assert first.session.states["simulate"].state == "running"
    first.close()
    assert solver[0].poll() is None, "the run goes on without a window"

    window = drive.open_with_scan(case_with_run)
    panel, watch = simulate_panel(window), window.session.run_watch
    drive.until(lambda: len(watch.curves.time_s) >= 45, "the run is watched from its beginning")
    assert window.session.states["simulate"].state == "running", "the rail tells it too"
    assert watch.curves.time_s[0] == pytest.approx(gui_fake_run.DT)
    drive.until(lambda: window.workspace.run_display.monitor is not None, "the monitor is there")
    monitor = window.workspace.run_display.monitor
    drive.until(lambda: "ascending" in monitor.flow.curve_names, "the curves are drawn")
    time, flow = monitor.flow.curve_data("ascending")
    expected = [1e6 * gui_fake_run.flow_m3_s(t) for t in time]
    assert list(flow) == pytest.approx(expected)
    time, pressure = monitor.pressure.curve_data("descending")
    assert list(pressure) == pytest.approx([gui_fake_run.pressure_pa(t) / 133.322387415 for t in time])
    drive.until(lambda: "CFL number" in monitor.numerics.curve_names, "the solver's curves are drawn")
    drive.until(lambda: "iterations" in monitor.numerics.curve_names, "the iterations are drawn")
    figures = monitor.figures.text()
    for said in ("CFL number", "iterations", "residual", "mass imbalance", "change from beat to beat"):
        assert said in figures
    assert "left" in monitor.headline.text()
    assert "limit" not in figures, "the spec of this run states none"
    drive.until(lambda: "mass imbalance" in monitor.balance.curve_names, "the balance is drawn")
    assert "Running" in panel.run_text.text() and "left" in panel.run_text.text()
    assert "time step is large" in panel.warnings.text()
    assert not panel.run_button.isEnabled() and panel.stop_button.isVisible()


def test_cancel_asks_the_solver_to_leave(
    drive: Driver, case_with_run: Path, solver: list[subprocess.Popen[bytes]]
) -> None:
    process = play(solver, folder_of(case_with_run), 5000, 0.02)
    window = drive.open_with_scan(case_with_run)
    panel = simulate_panel(window)
    drive.until(panel.stop_button.isVisible, "the run is seen")
    panel.stop_button.click()
    drive.until(lambda: process.poll() is not None, "the solver has left")
    drive.until(lambda: window.session.run_watch.status == "cancelled", "the window knows")
    assert "Cancelled" in panel.run_text.text() and not panel.stop_button.isVisible()
    assert window.session.states["simulate"].state == "ready"


def test_a_run_that_goes_on_already_is_called_running_at_once(
    drive: Driver, case_with_run: Path, solver: list[subprocess.Popen[bytes]]
) -> None:
    """Also when its folder says so before the window looks at it for the first time, as after a quick start."""
    window = drive.open_with_scan(case_with_run)
    folder = folder_of(case_with_run)
    play(solver, folder, 5000, 0.02)
    watch = window.session.run_watch
    drive.until(lambda: watch.status == "running", "the run is seen")
    watch.watch(None)
    drive.settle(0.05)
    assert window.session.states["simulate"].state != "running"
    watch.watch(folder)
    assert window.session.states["simulate"].state == "running"


def test_a_killed_solver_is_told_as_such(
    drive: Driver, case_with_run: Path, solver: list[subprocess.Popen[bytes]]
) -> None:
    process = play(solver, folder_of(case_with_run), 5000, 0.02)
    window = drive.open_with_scan(case_with_run)
    panel = simulate_panel(window)
    drive.until(lambda: window.session.run_watch.status == "running", "the run is seen")
    process.send_signal(signal.SIGKILL)
    process.wait()
    drive.until(lambda: window.session.run_watch.status == "killed", "the window knows")
    drive.settle(0.1)
    assert window.session.states["simulate"].state == "failed"
    assert "killed" in panel.doctor.cause.text() and not panel.doctor.buttons


def test_a_finished_run_makes_the_results_ready_and_a_torn_line_harms_nothing(
    drive: Driver, case_with_run: Path, solver: list[subprocess.Popen[bytes]]
) -> None:
    window = drive.open_with_scan(case_with_run)
    assert window.session.states["results"].state == "todo"
    play(solver, folder_of(case_with_run), 60, 0.0)
    drive.until(lambda: window.session.states["results"].state == "ready", "the results can be computed")
    assert len(window.session.run_watch.curves.time_s) == 60
    assert window.session.run_watch.curves.ending["type"] == "finished"  # type: ignore[index]


def test_a_restarted_run_forgets_what_it_solves_again() -> None:
    curves = RunCurves()
    steps = [{"type": "step", "seq": n, "time": 0.1 * n, "flows": {"a": 1e-6 * n}} for n in range(1, 11)]
    curves.feed([{"type": "started", "seq": 0, "n_ranks": 1, "restart_step": None, "dt": 0.1}, *steps])
    curves.feed([{"type": "started", "seq": 11, "n_ranks": 1, "restart_step": 6, "dt": 0.1}])
    assert curves.time_s == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    curves.feed([{"type": "step", "seq": 12, "time": 0.7, "flows": {"a": 7e-6}}])
    assert curves.flow_ml_s["a"] == pytest.approx([1, 2, 3, 4, 5, 6, 7])
