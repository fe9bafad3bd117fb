"""Walks through the real window from a DICOM folder to a verified mesh, by clicks alone, and photographs each step.

``python -m app.desktop.walk SOURCE POINTS OUT`` does it from a shell, then does the same with the program's
sub-commands and says whether labels, model and mesh are the same files, byte for byte. SOURCE is a DICOM folder, or a
scan file that is written as one first; POINTS a JSON file with ``points`` by role (mm, LPS), where the walk clicks.
Only the case's title is typed. Without a display, run it under ``installer/with_display.sh``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.errors import CaseError
from app.desktop.main import make_application
from app.desktop.session.case_data import Item
from app.desktop.session.refusal import refusal_of

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog, QWidget

    from app.desktop.shell import MainWindow

_SIZE = (1600, 1000)
_WAIT_S = 1800.0
_SETTLE_S = 0.6
_PICTURE_WIDTH_PX = 1200
_COMPARED = {"segmentation": "labels", "model": "surface", "mesh": "volume"}
_ITEMS: Mapping[str, Item] = {"segment": "segmentation", "model": "model", "mesh": "mesh"}
TITLE = "walk"


class Walker:
    """Plays a user who has a mouse and no keyboard; ``pictures`` are what it saw."""

    def __init__(self, out: Path) -> None:
        self.application = make_application()
        from app.desktop.main import make_window

        self.out = out
        self.pictures: list[Path] = []
        self.window: MainWindow = make_window()
        self.window.resize(*_SIZE)
        self.window.show()
        self.settle()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until something holds.

        Raises
        ------
        CaseError
            ``walk_stopped`` with what the window says, when it refuses or nothing happens.
        """
        end = time.monotonic() + _WAIT_S
        while not condition():
            refusal = self.window.messages.refusal
            if refusal is not None or time.monotonic() > end:
                said = refusal.message if refusal is not None else "Nothing happened for half an hour."
                raise CaseError("walk_stopped", f"The walk stopped before {what}. {said}")
            self.application.processEvents()
            time.sleep(0.005)

    def settle(self) -> None:
        """Let timers and paints come to rest."""
        end = time.monotonic() + _SETTLE_S
        while time.monotonic() < end:
            self.application.processEvents()
            time.sleep(0.005)
        scene = self.window.workspace.scene
        if scene is not None and scene.view.isVisible():
            self.until(lambda: scene.view.is_settled, "the 3D view is at rest")

    def photograph(self, name: str, widget: QWidget | None = None) -> None:
        """Save what a widget, or the whole window, shows."""
        from PySide6.QtCore import Qt

        image = (widget or self.window).grab().toImage()
        if image.width() > _PICTURE_WIDTH_PX:
            image = image.scaledToWidth(_PICTURE_WIDTH_PX, Qt.TransformationMode.SmoothTransformation)
        path = self.out / f"{len(self.pictures) + 1}-{name}.png"
        if not image.save(str(path)):
            raise CaseError("disk_full", f"The picture {path.name} could not be written: free some space.")
        self.pictures.append(path)

    def answer(self, kind: type[QDialog], act: Callable[[Any], None]) -> None:
        """When a dialog of that kind comes up, do something with it."""
        from PySide6.QtCore import QTimer

        timer = QTimer(self.window)

        def look() -> None:
            dialog = self.application.activeModalWidget()
            if isinstance(dialog, kind):
                timer.stop()
                act(dialog)

        timer.timeout.connect(look)
        timer.start(100)

    def click_at(self, position_mm: Any) -> None:
        """Go to a slice, as the wheel does, and click at a place in it."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        quad = self.window.workspace.quad
        view = quad.slices["axial"]
        quad.choose_position((*quad.position_mm[:2], float(position_mm[2])))
        self.application.processEvents()
        none = Qt.KeyboardModifier.NoModifier
        at = view.to_screen(np.asarray(position_mm, dtype=float)).toPoint()
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, none, at)


def walk(source: Path, points: Mapping[str, Any], case_parent: Path, out: Path, preset: str = "") -> Path:
    """Go from a DICOM folder to a verified mesh in the window; returns the case's folder.

    Parameters
    ----------
    points
        Role to position (mm, LPS) where the walk clicks.
    case_parent
        Folder in which the case is made.
    out
        Folder for the pictures, made when missing.
    preset
        Id of the anatomy that is chosen; empty: the window's own choice.

    Raises
    ------
    CaseError
        ``no_display``; ``walk_stopped`` with what the window said.
    """
    out.mkdir(parents=True, exist_ok=True)
    walker = Walker(out)
    try:
        return _walk(walker, source, points, case_parent, preset)
    finally:
        walker.window.close()
        walker.application.processEvents()


def _walk(walker: Walker, source: Path, points: Mapping[str, Any], case_parent: Path, preset: str) -> Path:

    from app.desktop.new_case import NewCaseDialog
    from app.desktop.panels.mesh_panel import MeshPanel
    from app.desktop.panels.segment_panel import SegmentPanel
    from app.desktop.study_browser import StudyBrowser

    window, work = walker.window, walker.window.workspace

    def take_series(dialog: StudyBrowser) -> None:
        walker.photograph("study", dialog)
        dialog.accept()

    def name_case(dialog: NewCaseDialog) -> None:
        dialog.title.setText(TITLE)
        dialog.choose_place(case_parent)
        dialog.accept()

    walker.answer(StudyBrowser, take_series)
    walker.answer(NewCaseDialog, name_case)
    window.new_from(source)
    walker.until(lambda: work.quad.volume is not None and work.scene is not None, "the scan is shown")
    session = window.session
    assert session is not None
    walker.settle()
    walker.photograph("import")
    work.go_to("segment")
    panel = work.panels["segment"]
    assert isinstance(panel, SegmentPanel)
    walker.until(lambda: panel.form is not None, "the settings are there")
    assert panel.form is not None
    if preset:
        chosen = panel.anatomy.findData(preset)
        panel.anatomy.setCurrentIndex(chosen)
        panel.anatomy.activated.emit(chosen)
        walker.until(lambda: session.store.case.parameters.get("segment", {}).get("preset") == preset, "the anatomy")
        walker.settle()
    panel.rows[next(iter(panel.rows))].place.click()
    for role in [role for role, row in panel.rows.items() if not row.role.is_optional]:
        walker.until(lambda role=role: work.placing.armed == role, f"{role} can be placed")  # type: ignore[misc]
        walker.click_at(points[role])
        walker.until(lambda role=role: role in session.store.case.points, f"{role} is placed")  # type: ignore[misc]
    walker.settle()
    walker.photograph("points")
    for step_id, item in _ITEMS.items():
        work.go_to(step_id)
        step_panel = work.panels[step_id]
        walker.until(step_panel.can_run, f"{step_id} can be run")
        step_panel.run_button.click()
        walker.until(lambda: session.runner.step_id is not None, f"{step_id} runs")
        walker.until(lambda: session.runner.step_id is None, f"{step_id} is done")
        walker.until(lambda item=item: session.data.content(item) is not None, f"{step_id} is shown")  # type: ignore[misc]
        walker.settle()
        walker.photograph(step_id)
    mesh = work.panels["mesh"]
    assert isinstance(mesh, MeshPanel)
    mesh.doctor.button.click()
    walker.until(lambda: session.surface_doctor.diagnosis is not None, "the surface is examined")
    mesh.cut.setChecked(True)
    walker.settle()
    walker.photograph("verified")
    return session.store.opened.folder


def same_by_commands(source: Path, case: Path, other: Path, preset: str = "") -> dict[str, Any]:
    """Do with the program's sub-commands what the walk did, and compare the files of each step by their SHA-256.

    Raises
    ------
    CaseError
        ``walk_stopped`` with what the program said.
    """
    from app.case.bundle import OpenCase

    with OpenCase.open(case, writable=False) as opened:
        walked = opened.case
    points = [f"{role}={','.join(map(str, place))}" for role, place in walked.points.items()]
    commands = [
        ["import", str(source), str(other), "--title", TITLE],
        ["points", str(other), "--set", *points],
        ["segment", str(other), *(["--preset", preset] if preset else [])],
        ["model", str(other)],
        ["mesh", str(other)],
    ]
    for command in commands:
        done = subprocess.run([sys.executable, "-m", "app.cli", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise CaseError("walk_stopped", f"angiotwin {command[0]} ended: {said[-1] if said else 'no word'}")
    with OpenCase.open(other, writable=False) as opened:
        typed = opened.case
    found: dict[str, Any] = {}
    for kind, name in _COMPARED.items():
        records = [case.current(kind) for case in (walked, typed)]  # type: ignore[arg-type]
        hashes = [record.files[name].sha256 if record is not None else "" for record in records]
        found[kind] = {
            "window": hashes[0],
            "commands": hashes[1],
            "is_same": bool(hashes[0]) and hashes[0] == hashes[1],
        }
    return found


def main(arguments: list[str]) -> int:
    """Returns 0 when window and program made the same files, 1 with a sentence when something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m app.desktop.walk", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("points", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", default="", help="anatomy, when it is not the first one")
    parser.add_argument("--keep", type=Path, help="folder for the two cases, which are thrown away otherwise")
    chosen = parser.parse_args(arguments)
    try:
        points = json.loads(chosen.points.read_text(encoding="utf-8"))["points"]
        with tempfile.TemporaryDirectory() as temporary:
            home = chosen.keep or Path(temporary)
            source = chosen.source
            if source.is_file():
                from imaging.volume_io import read_volume
                from sample_data.dicom_folder import write_dicom_folder

                source = write_dicom_folder(read_volume(source), home / "dicom")
            case = walk(source, points, home, chosen.out, chosen.preset)
            found = same_by_commands(source, case, home / "commands.case", chosen.preset)
    except Exception as error:
        print(refusal_of(error).message, file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1))
    return 0 if all(step["is_same"] for step in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
