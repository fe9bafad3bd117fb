"""The measure of the program's start ends when the first slice is on the screen, neither sooner nor later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gui_cases import GRID, LEFT_MARK_HU, make_case
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from app.case.bundle import OpenCase
from app.desktop.first_slice import show_first_slice
from app.desktop.shell import MainWindow
from app.desktop.views.window_level import FIRST_WINDOW

pytestmark = pytest.mark.gui
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.desktop.first_slice", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_it_leaves_when_the_display_shows_the_slice(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the display itself shows at that moment, not what the window thinks that it has painted."""
    shown: list[QImage] = []
    close = MainWindow.close

    def close_after_a_look(window: MainWindow) -> bool:
        axial = window.workspace.quad.slices["axial"]
        at = axial.mapTo(window, axial.rect().topLeft())
        shown.append(
            window.screen().grabWindow(window.winId(), at.x(), at.y(), axial.width(), axial.height()).toImage()
        )
        left_mark = axial.to_screen(GRID.to_lps((36, 15, 10))).toPoint()
        assert shown[-1].pixelColor(left_mark) == expected
        return close(window)

    white = round(255 * (LEFT_MARK_HU - FIRST_WINDOW.level + FIRST_WINDOW.width / 2) / FIRST_WINDOW.width)
    expected = QColor(white, white, white)
    monkeypatch.setattr(MainWindow, "close", close_after_a_look)
    show_first_slice(make_case(tmp_path / "a.case"))
    assert len(shown) == 1


def test_it_ends_well_and_gives_the_case_back(tmp_path: Path, display: None, settings_home: Path) -> None:
    folder = make_case(tmp_path / "a.case", upto="model")
    done = run(str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with OpenCase.open(folder) as opened:
        assert opened.is_writable


def test_a_case_that_cannot_be_shown_is_refused_in_one_sentence(
    tmp_path: Path, display: None, settings_home: Path
) -> None:
    folder = make_case(tmp_path / "a.case")
    next((folder / "images").rglob("*.nrrd")).unlink()
    for case, sentence in ((folder, "lost its file"), (tmp_path, "is not a case")):
        done = run(str(case))
        assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1
