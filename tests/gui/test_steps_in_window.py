"""Steps run in a process of their own: done, refused, cancelled, killed; the window stays alive meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from gui_cases import POINTS, make_case, marked_volume
from gui_driver import Driver

from app.case.bundle import OpenCase
from app.case.commands import SetParameters, SetPoints
from app.desktop.shell import MainWindow
from app.workflow import steps
from imaging.segmentation.thoracic_aorta import THORACIC_AORTA
from imaging.types import Grid
from imaging.volume_io import write_volume

pytestmark = pytest.mark.gui


@pytest.fixture
def fake_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The segmentation is played by `gui_fake_step`."""
    fake = replace(steps.STEPS["segment"], module_name="gui_fake_step")
    monkeypatch.setattr(steps, "STEPS", {**steps.STEPS, "segment": fake})


def start(drive: Driver, window: MainWindow, seconds: float, how: str = "well") -> None:
    window.workspace.go_to("segment")
    window.session.store.do(SetPoints({role.id: POINTS["arch"] for role in THORACIC_AORTA.roles}))
    window.session.store.do(SetParameters("segment", {"seconds": seconds, "how": how}))
    drive.until(lambda: "segment" in window.session.store.case.parameters, "the parameters are chosen")
    panel = window.workspace.panels["segment"]
    drive.until(panel.run_button.isEnabled, "the step can be run")
    panel.run_button.click()
    assert window.session.runner.step_id == "segment"


def until_ended(drive: Driver, window: MainWindow) -> None:
    drive.until(lambda: window.session.runner.step_id is None, "the step has ended")


def working_child(drive: Driver, window: MainWindow) -> psutil.Process:
    """The child, once it reports progress."""
    drive.until(lambda: window.workspace.panels["segment"].bar.value() > 0, "the step reports progress")
    return psutil.Process(window.session.runner._task.pid)  # type: ignore[union-attr]


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def staged(folder: Path) -> list[Path]:
    return [path for path in (folder / ".staging").rglob("*") if path.is_file()]


def test_a_step_goes_into_the_case_and_can_be_undone(drive: Driver, tmp_path: Path, fake_step: None) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    start(drive, window, 0.3)
    assert window.session.states["segment"].state == "running"
    assert window.workspace.panels["segment"].cancel_button.isVisible()
    until_ended(drive, window)
    record = window.session.store.case.current("segmentation")
    assert record is not None and record.facts == {"volume_ml": 1.5}
    assert record.recipe.parameters == {"seconds": 0.3, "how": "well"}
    assert (folder / record.files["labels"].path).read_text() == "made"
    drive.until(lambda: "Segment is done" in window.messages.text or window.messages.refusal is not None, "it is told")
    drive.until(lambda: not staged(folder), "staging is empty")
    assert window.session.states["segment"].state == "done" and window.session.states["model"].state == "ready"
    window.session.store.undo()
    drive.until(lambda: window.session.states["segment"].state == "ready", "the step is undone")


def test_a_refused_step_says_its_sentence_and_its_place(drive: Driver, tmp_path: Path, fake_step: None) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    start(drive, window, 0.0, "refused")
    until_ended(drive, window)
    drive.until(lambda: window.messages.refusal is not None, "it is told")
    assert window.messages.text == "The lumen leaks into a vein; move the point."
    state = window.session.states["segment"]
    assert (state.state, state.reason) == ("failed", window.messages.text)
    window.messages.offers["Show"].click()
    np.testing.assert_allclose(window.workspace.quad.position_mm, (4.0, 18.0, 22.5))


def test_an_unforeseen_error_of_a_step_is_kept_in_a_log(drive: Driver, tmp_path: Path, fake_step: None) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    start(drive, window, 0.0, "raises")
    until_ended(drive, window)
    drive.until(lambda: window.messages.refusal is not None, "it is told")
    assert "did not expect" in window.messages.text and "ZeroDivision" not in window.messages.text
    log = Path(window.messages.text.rsplit(" ", 1)[1].rstrip("."))
    assert "inner detail" in log.read_text()


def test_cancel_ends_the_child_with_its_own_children_and_leaves_no_half_result(
    drive: Driver, tmp_path: Path, fake_step: None
) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    before = (folder / "case.json").read_bytes()
    start(drive, window, 60.0)
    child = working_child(drive, window)
    family = [child, *child.children(recursive=True)]
    assert len(family) == 2 and staged(folder)
    window.workspace.panels["segment"].cancel_button.click()
    until_ended(drive, window)
    drive.until(lambda: all(is_gone(process) for process in family), "the processes are gone")
    drive.until(lambda: not staged(folder), "staging is empty")
    assert window.session.states["segment"].state == "ready" and window.messages.text == ""
    after = (folder / "case.json").read_bytes()
    assert before != after  # the chosen parameters
    assert window.session.store.case.current("segmentation") is None


def test_a_late_answer_of_a_cancelled_step_is_dropped(drive: Driver, tmp_path: Path, fake_step: None) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    start(drive, window, 0.0)
    window.session.runner.cancel()  # while it is being prepared
    start_count = len(window.session.store.case.records)
    drive.settle(1.5)
    assert len(window.session.store.case.records) == start_count and window.session.runner.step_id is None


def test_a_killed_child_is_told_in_one_sentence(drive: Driver, tmp_path: Path, fake_step: None) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    start(drive, window, 60.0)
    child = working_child(drive, window)
    children = child.children(recursive=True)
    child.send_signal(signal.SIGKILL)
    until_ended(drive, window)
    for orphan in children:
        orphan.kill()
    drive.until(lambda: window.messages.refusal is not None, "it is told")
    assert "ended from outside (by signal 9)" in window.messages.text
    drive.until(lambda: not staged(folder), "staging is empty")


def test_the_child_leaves_when_the_window_is_killed(tmp_path: Path, display: None) -> None:
    """A killed window cannot say goodbye; its child must not compute on for nobody."""
    folder = make_case(tmp_path / "a.case")
    code = (
        "import sys, time, pathlib; sys.path.insert(0, sys.argv[2])\n"
        "from dataclasses import replace\n"
        "from app.desktop.main import make_application\n"
        "from app.workflow import steps\n"
        "steps.STEPS['segment'] = replace(steps.STEPS['segment'], module_name='gui_fake_step')\n"
        "app = make_application()\n"
        "from app.desktop.shell import MainWindow\n"
        "window = MainWindow(); window.open_case(pathlib.Path(sys.argv[1]))\n"
        "window.session.runner.run('segment', {'seconds': 9.0})\n"
        "window.session.runner.progressed.connect(lambda *a: print(window.session.runner._task.pid, flush=True))\n"
        "app.exec()\n"
    )
    root = Path(__file__).parents[2]
    window = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(Path(__file__).parent)],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert window.stdout is not None
    child = psutil.Process(int(window.stdout.readline()))
    window.kill()
    window.wait()
    window.stdout.close()
    psutil.wait_procs([child], timeout=5.0)
    assert is_gone(child)
    with OpenCase.open(folder) as opened:  # whole, not locked, nothing half made
        assert opened.case.current("segmentation") is None and not staged(folder)


def test_closing_asks_while_a_step_runs(
    drive: Driver, tmp_path: Path, fake_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    start(drive, window, 60.0)
    child = working_child(drive, window)
    asked: list[str] = []
    monkeypatch.setattr(MainWindow, "_may_stop", lambda self, step_id: bool(asked.append(step_id)))
    assert not window.close() and asked == ["segment"] and child.is_running()
    monkeypatch.setattr(MainWindow, "_may_stop", lambda self, step_id: True)
    assert window.close()
    drive.until(lambda: is_gone(child), "the child is gone")


def test_a_new_case_is_made_from_a_scan_and_opened(drive: Driver, tmp_path: Path) -> None:
    write_volume(marked_volume(), tmp_path / "scan.nrrd")
    (tmp_path / "text.nii").write_text("no scan")
    window = drive.open_window()
    window.import_new(tmp_path / "text.nii", tmp_path / "bad.case", "Bad")
    drive.until(lambda: window.messages.refusal is not None, "the refusal is told")
    assert not (tmp_path / "bad.case").exists() and window.session is None
    window.import_new(tmp_path / "scan.nrrd", tmp_path / "good.case", "Good")
    assert window.job.isVisible()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.desktop.new_case.import_study", None)  # the work is not done in this process
        drive.until(lambda: window.session is not None, "the case is open")
    drive.until(lambda: window.workspace.quad.volume is not None, "the scan is shown")
    assert window.session.store.case.title == "Good" and window.session.states["import"].state == "done"


def test_a_cancelled_import_leaves_nothing_behind(drive: Driver, tmp_path: Path) -> None:
    grid = Grid((160, 160, 160), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    write_volume(marked_volume(grid), tmp_path / "scan.nrrd")
    window = drive.open_window()
    window.import_new(tmp_path / "scan.nrrd", tmp_path / "new.case", "New")
    drive.until(lambda: (tmp_path / "new.case").exists(), "the import has begun")
    window.job.cancel()
    assert not (tmp_path / "new.case").exists() and window.session is None and not window.job.isVisible()
