"""A real window on the present display, or on a virtual one; settings and logs in a folder of the test run."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gui_driver import Driver
from PySide6.QtWidgets import QApplication

from app.case.errors import CaseError
from app.desktop.main import make_application


@pytest.fixture(scope="session")
def display() -> Iterator[None]:
    """A display: the present one, or Xvfb."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("no display and no Xvfb: the window cannot be tested here")
    receiver, sender = os.pipe()
    command = ["Xvfb", "-displayfd", str(sender), "-screen", "0", "1920x1200x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[sender], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(sender)
    os.environ["DISPLAY"] = ":" + os.read(receiver, 16).decode().strip()
    os.close(receiver)
    yield
    del os.environ["DISPLAY"]
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def settings_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the program keeps recent cases and logs during the tests."""
    home = tmp_path_factory.mktemp("settings")
    before = {name: os.environ.get(name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    os.environ |= {"XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}
    yield home
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def application(display: None, settings_home: Path) -> QApplication:
    try:
        return make_application()
    except CaseError as error:
        pytest.skip(error.message)


@pytest.fixture
def drive(application: QApplication) -> Iterator[Driver]:
    """Drives widgets; what the test opened is closed afterwards, and no slot may have raised."""
    driver = Driver(application)
    unforeseen: list[BaseException] = []
    before, sys.excepthook = sys.excepthook, lambda kind, error, at: unforeseen.append(error)
    yield driver
    driver.close_all()
    gc.collect()
    sys.excepthook = before
    assert unforeseen == [], "an error in a slot that nobody foresaw"


@pytest.fixture
def new_folder(tmp_path: Path) -> Callable[[str], Path]:
    """A new folder with a name."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        return folder

    return make
