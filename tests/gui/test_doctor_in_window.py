"""After a failed run the window says the cause, lights the place, and applies what helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gui_cases import make_case
from gui_driver import Driver

from app.desktop.panels.doctor import DoctorBox
from app.desktop.panels.simulate_panel import SimulatePanel
from app.workflow.simulate import run_folder
from solvers.contract.events import EventWriter
from solvers.contract.state import RunState, write_state
from solvers.doctor.fixes import FIXES

pytestmark = pytest.mark.gui

SENTENCE = "The velocity became infinite at 10.0, 20.0, 30.0 mm: take a smaller time step."


def let_fail(folder: Path) -> None:
    """What a run that has diverged leaves behind."""
    with EventWriter(folder, None) as events:
        events.emit("started", n_ranks=1, dt=0.01, steps_per_cycle=100, max_cycles=3, restart_step=None)
        for step in range(1, 6):
            events.emit("step", step=step, time=0.01 * step, cycle=0, cfl=50.0, fraction=0.1, flows={}, pressures={})
        events.emit("failed", code="diverged", text=SENTENCE, place=[0.01, 0.02, 0.03], exit_code=4)
    write_state(folder, RunState(status="failed", code="diverged", message=SENTENCE))


def test_the_box_offers_what_can_be_done_and_tells_the_rest(drive: Driver) -> None:
    box = DoctorBox()
    drive.show(box, 400, 400)
    box.set_diagnosis("", "", None, (), can_fix=True)
    assert not box.isVisible()
    fixes = (FIXES["more_memory"], FIXES["coarser_mesh"])
    box.set_diagnosis("It needs more memory.", "Too little memory.", None, fixes, can_fix=True)
    drive.settle()
    assert box.isVisible() and not box.show_button.isVisible()
    assert [button.text() for button in box.buttons] == [fixes[1].title]
    assert fixes[0].title in box.by_hand.text()
    asked: list[Any] = []
    box.fix_asked.connect(asked.append)
    box.buttons[0].click()
    assert asked == [fixes[1]]
    box.set_diagnosis("It needs more memory.", "Too little memory.", (1.0, 2.0, 3.0), fixes, can_fix=False)
    assert box.show_button.isVisible() and not box.buttons[0].isEnabled()


def test_a_failed_run_is_examined_its_place_lit_and_its_fix_applied(
    drive: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="simulate"))
    work, session = window.workspace, window.session
    work.go_to("simulate")
    panel = work.panels["simulate"]
    assert isinstance(panel, SimulatePanel) and not panel.doctor.isVisible()
    let_fail(run_folder(session.store.opened))
    drive.until(lambda: session.run_watch.status == "failed", "the failure is seen")
    drive.until(lambda: session.doctor.told is not None, "the Doctor has looked")
    assert SENTENCE in panel.doctor.cause.text() and "time step" in panel.doctor.behind.text()
    panel.doctor.show_button.click()
    assert work._center.currentWidget() is work.quad
    assert list(work.quad.position_mm) == pytest.approx([10.0, 20.0, 30.0])
    drive.until(lambda: bool(work.scene.view._captions["mark"]), "the place is lit")
    applied: list[str] = []
    started: list[bool] = []
    monkeypatch.setattr("app.desktop.session.session.apply_fix", lambda opened, fix: applied.append(fix.id))
    monkeypatch.setattr(session, "start_if_sound", lambda: started.append(True))
    panel.doctor.buttons[0].click()
    drive.until(lambda: bool(started), "the run is started anew")
    assert applied == ["smaller_step"]


def test_a_fix_of_an_earlier_step_does_the_steps_from_there_again(
    drive: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case", upto="simulate"))
    session = window.session
    ran: list[tuple[str, dict[str, Any]]] = []

    def run(step_id: str, values: dict[str, Any]) -> None:
        ran.append((step_id, values))
        session.runner.finished.emit(step_id)

    monkeypatch.setattr(session.runner, "run", run)
    monkeypatch.setattr(session, "start_if_sound", lambda: ran.append(("start", {})))
    session.apply(FIXES["finer_mesh"])
    assert [step_id for step_id, _ in ran] == ["mesh", "simulate", "start"]
    assert ran[0][1]["edge_scale"] < 1.0
