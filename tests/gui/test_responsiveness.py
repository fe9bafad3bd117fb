"""The window answers while a step computes and while a scan is opened; the first slice is there in two seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gui_cases import add_record, make_case
from gui_driver import Driver
from test_steps_in_window import fake_step, start  # noqa: F401

from app.case.bundle import OpenCase
from imaging.types import Grid, Volume
from imaging.volume_io import write_volume

pytestmark = pytest.mark.gui
LONGEST_PAUSE_S = 0.1
ATTEMPTS = 3
FIRST_SLICE_S = 2.0
CHEST = Grid((233, 167, 191), (1.5, 1.5, 1.5), (-179.0, -275.0, 540.0))


@pytest.fixture(scope="module")
def chest_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case as large as the sample, with noise that does not compress."""
    folder = tmp_path_factory.mktemp("chest") / "chest.case"
    rng = np.random.default_rng(0)
    values = rng.normal(100.0, 300.0, CHEST.array_shape).astype(np.int16)
    with OpenCase.create(folder, "Chest") as opened, opened.staging() as out:
        write_volume(Volume(values, CHEST), out / "ct.nrrd")
        facts = {"size": list(CHEST.size), "spacing_mm": list(CHEST.spacing_mm)}
        add_record(opened, "import", {"volume": out / "ct.nrrd"}, facts)
    return folder


def noise_floor(drive: Driver) -> float:
    """How long this machine lets an idle event loop wait: what other programs take is not the window's fault."""
    end = time.monotonic() + 1.0
    return drive.longest_pause(lambda: time.monotonic() > end, "a second has passed")


def best_of(measure: list[float], limit: float) -> None:
    assert min(measure) <= limit, f"longest pauses {[f'{1000 * pause:.0f} ms' for pause in measure]}"


def test_no_pause_is_longer_than_100_ms_while_a_scan_opens(drive: Driver, chest_case: Path) -> None:
    """From the click to slices and 3D on the screen. The best of three, because the machine has other work."""
    pauses = []
    for _ in range(ATTEMPTS):
        window = drive.open_window()
        floor = noise_floor(drive)
        window.open_case(chest_case)
        pause = drive.longest_pause(
            lambda: window.workspace.scene is not None and window.workspace.scene.view.is_settled,  # noqa: B023
            "scan and 3D view are shown",
        )
        pauses.append(pause - floor)
        drive.close_all()
        if pauses[-1] <= LONGEST_PAUSE_S:
            break
    best_of(pauses, LONGEST_PAUSE_S)


@pytest.mark.usefixtures("fake_step")
def test_no_pause_is_longer_than_100_ms_while_a_step_computes(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case"))
    quad, pauses = window.workspace.quad, []
    window.workspace.go_to("segment")
    for _ in range(ATTEMPTS):
        floor = noise_floor(drive)
        start(drive, window, 1.5)

        def is_done() -> bool:
            quad.slices["axial"].scroll_slices(1)  # the user reads on
            return window.session.runner.step_id is None

        pauses.append(drive.longest_pause(is_done, "the step is done") - floor)
        if pauses[-1] <= LONGEST_PAUSE_S:
            break
    best_of(pauses, LONGEST_PAUSE_S)


def test_the_first_slice_is_on_the_screen_two_seconds_after_the_program_starts(chest_case: Path, display: None) -> None:
    """Processor time counts, not the clock: nothing is waited for, so with no other work on the machine they agree."""
    code = (
        "import sys, time, pathlib, psutil\n"
        "from app.desktop.main import make_application\n"
        "app = make_application()\n"
        "from app.desktop.shell import MainWindow\n"
        "window = MainWindow(); window.show()\n"
        "def tell():\n"
        "    me = psutil.Process(); spent = me.cpu_times()\n"
        "    print(spent.user + spent.system, time.time() - me.create_time(), flush=True); app.quit()\n"
        "window.workspace.first_slice_shown.connect(tell)\n"
        "window.open_case(pathlib.Path(sys.argv[1]), writable=False); app.exec()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    measured = []
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            [sys.executable, "-c", code, str(chest_case)], env=environment, capture_output=True, text=True, check=True
        )
        processor_s, clock_s = (float(word) for word in done.stdout.split())
        measured.append((processor_s, clock_s))
        if processor_s <= FIRST_SLICE_S:
            break
    assert min(measured)[0] <= FIRST_SLICE_S, measured
