"""Nothing survives a closed window; the window can be photographed; without a display there is one sentence."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from gui_cases import make_case
from gui_driver import Driver
from gui_fake_run import play
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage

from app.case.bundle import OpenCase
from app.desktop.main import display_required
from app.workflow.simulate import run_folder

pytestmark = pytest.mark.gui
ROOT = Path(__file__).parents[2]


def other_processes() -> list[psutil.Process]:
    """Children of this process."""
    alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "Xvfb" not in child.name()]


def active_timers() -> list[QTimer]:
    gc.collect()
    found = []
    for thing in gc.get_objects():
        if isinstance(thing, QTimer):
            try:
                found += [thing] if thing.isActive() else []
            except RuntimeError:
                continue  # deleted with its window
    return found


def test_no_widget_thread_timer_or_process_survives_a_closed_window(drive: Driver, tmp_path: Path) -> None:
    threads = {thread.name for thread in threading.enumerate()}
    processes, timers = other_processes(), len(active_timers())
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="results"))
    for step_id in ("import", "segment", "model", "mesh", "simulate", "results"):
        window.workspace.go_to(step_id)
        drive.settle(0.1)
    scene = window.workspace.scene
    drive.until(lambda: scene.colors is not None, "the result is there")
    window.workspace.panels["results"].play_button.setChecked(True)  # type: ignore[attr-defined]
    window.session.runner.run("import", {"source": str(tmp_path / "none.nrrd")})
    drive.settle(0.5)
    assert {thread.name for thread in threading.enumerate()} > threads
    window.session.runner.cancel()
    drive.close_all()
    assert [w for w in drive.application.allWidgets() if w.isVisible()] == []
    assert drive.application.topLevelWidgets() == []
    assert {thread.name for thread in threading.enumerate()} == threads
    assert other_processes() == processes
    assert len(active_timers()) == timers


def test_many_windows_can_be_opened_and_closed(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case", upto="model")
    for _ in range(4):
        drive.open_with_scene(folder)
        drive.close_all()


def test_the_program_ends_by_itself_when_its_window_is_closed(tmp_path: Path, display: None) -> None:
    folder = make_case(tmp_path / "a.case", upto="model")
    code = (
        "import sys, pathlib\n"
        "from app.desktop import main\n"
        "from PySide6.QtCore import QTimer\n"
        "app = main.make_application()\n"
        "def close():\n"
        "    for window in app.topLevelWidgets(): window.close()\n"
        "QTimer.singleShot(3000, close)\n"
        "sys.exit(main.open_window(pathlib.Path(sys.argv[1])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_polite_kill_closes_the_window_and_gives_the_case_back(tmp_path: Path, display: None) -> None:
    folder = make_case(tmp_path / "a.case")
    code = "import sys, pathlib; from app.desktop import main; sys.exit(main.open_window(pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(folder)]
    window = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30.0
    while not (folder / ".holder.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    window.terminate()
    _, complaint = window.communicate(timeout=30)
    assert (window.returncode, complaint) == (0, "")
    assert not (folder / ".holder.json").exists()


def test_five_steps_of_a_finished_case_are_photographed(tmp_path: Path, display: None, settings_home: Path) -> None:
    folder = make_case(tmp_path / "a.case", upto="results")
    with OpenCase.open(folder, writable=False) as opened:
        run = run_folder(opened)
    play(run, 50, 0.0)
    command = [sys.executable, "-m", "app.desktop.capture", str(folder), str(tmp_path / "shots")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    names = ["1-import.png", "2-segment.png", "3-mesh.png", "4-simulate.png", "5-results.png"]
    assert sorted(path.name for path in (tmp_path / "shots").iterdir()) == names
    for name in names:
        image = QImage(str(tmp_path / "shots" / name)).convertToFormat(QImage.Format.Format_RGB32)
        assert image.width() >= 1600 and image.height() >= 1000
        pixels = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), -1, 4)
        center = pixels[200:900, 200:1150]
        assert len(np.unique(center.reshape(-1, 4), axis=0)) > 200, f"{name} shows next to nothing"


def test_a_case_without_results_is_not_photographed_as_if_it_had_some(tmp_path: Path, display: None) -> None:
    folder = make_case(tmp_path / "a.case", upto="segment")
    command = [sys.executable, "-m", "app.desktop.capture", str(folder), str(tmp_path / "shots")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "The window could not be photographed: Mesh has nothing to show; run it first."


@pytest.mark.parametrize("display_name", ["", ":4711", "localhost:4711"])
def test_without_a_display_there_is_one_sentence_and_no_crash(tmp_path: Path, display_name: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    command = [sys.executable, "-m", "app.desktop.capture", str(tmp_path), str(tmp_path / "shots")]
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, "DISPLAY": display_name}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stdout == ""
    assert (
        done.stderr.startswith("No window can be shown, because there is no display") and done.stderr.count("\n") == 1
    )


def test_the_present_display_is_accepted(display: None) -> None:
    with display_required():
        pass
