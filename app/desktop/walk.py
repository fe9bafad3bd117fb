"""Walks through the real window from a DICOM folder to a verified mesh, by clicks alone, and photographs each step.

``python -m app.desktop.walk SOURCE POINTS OUT`` does it from a shell, then does the same with the program's
sub-commands and says whether labels, model and mesh are the same files, byte for byte. SOURCE is a DICOM folder;
POINTS a JSON file with ``points`` by role (mm, LPS), where the walk clicks. ``angiotwin sample ID --dicom FOLDER``
writes both. Nothing is typed. Without a display, run it under ``installer/with_display.sh``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.desktop.session.case_data import Item
from app.desktop.session.refusal import refusal_of
from app.desktop.walker import Walker

if TYPE_CHECKING:
    from app.case.records import Case, Kind

STEPS_WALKED: Mapping[str, Item] = {"segment": "segmentation", "model": "model", "mesh": "mesh"}


def walk(walker: Walker, source: Path, points: Mapping[str, Any], case_parent: Path, preset: str = "") -> Path:
    """Go from a DICOM folder to a verified mesh in the window; returns the case's folder.

    Parameters
    ----------
    points
        Role to position (mm, LPS) where the walk clicks; optional ones too when they are there.
    case_parent
        Folder in which the case is made.
    preset
        Id of the anatomy that is chosen; empty: the one that the list begins with.

    Raises
    ------
    CaseError
        ``walk_stopped`` with what the window said.
    """
    _import(walker, source, case_parent)
    session = walker.window.session
    assert session is not None
    _place_points(walker, points, preset)
    for step_id in STEPS_WALKED:
        _run(walker, step_id)
    _verify(walker)
    return session.store.opened.folder


def _import(walker: Walker, source: Path, case_parent: Path) -> None:
    from app.desktop.new_case import NewCaseDialog
    from app.desktop.study_browser import StudyBrowser

    window, work = walker.window, walker.window.workspace
    walker.stage = "import"

    def take_series(dialog: StudyBrowser) -> None:
        walker.photograph("study", dialog)
        dialog.accept()

    def make(dialog: NewCaseDialog) -> None:
        dialog.choose_place(case_parent)
        dialog.accept()

    walker.answer(StudyBrowser, take_series)
    walker.answer(NewCaseDialog, make)
    window.new_from(source)
    walker.until(lambda: work.quad.volume is not None and work.scene is not None, "the scan is shown")
    walker.settle()
    walker.photograph("import")


def _place_points(walker: Walker, points: Mapping[str, Any], preset: str) -> None:
    from app.desktop.panels.segment_panel import SegmentPanel

    work, session = walker.window.workspace, walker.window.session
    assert session is not None
    walker.stage = "points"
    walker.press(work.rail.buttons["segment"])
    panel = work.panels["segment"]
    assert isinstance(panel, SegmentPanel)
    walker.until(lambda: panel.form is not None, "the settings are there")
    chosen = panel.anatomy.findData(preset) if preset else 0
    panel.anatomy.setCurrentIndex(chosen)
    panel.anatomy.activated.emit(chosen)
    preset = preset or panel.anatomy.itemData(0)
    walker.until(lambda: session.store.case.parameters.get("segment", {}).get("preset") == preset, "the anatomy")
    walker.settle()
    for role in [role for role in panel.rows if role in points]:
        if work.placing.armed != role:
            walker.press(panel.rows[role].place)
        walker.until(lambda role=role: work.placing.armed == role, f"{role} can be placed")  # type: ignore[misc]
        walker.click_at(points[role])
        walker.until(lambda role=role: role in session.store.case.points, f"{role} is placed")  # type: ignore[misc]
    walker.settle()
    walker.photograph("points")


def _run(walker: Walker, step_id: str) -> None:
    """Go to a step, run it, and wait until what it made is shown."""
    work, session = walker.window.workspace, walker.window.session
    assert session is not None
    walker.stage = step_id
    walker.press(work.rail.buttons[step_id])
    panel = work.panels[step_id]
    walker.until(lambda: panel.form is not None, f"the settings of {step_id} are there")
    walker.press(panel.run_button)
    walker.until(lambda: session.runner.step_id is not None, f"{step_id} runs")
    walker.until(lambda: session.runner.step_id is None, f"{step_id} is done")
    walker.until(lambda: session.data.content(STEPS_WALKED[step_id]) is not None, f"{step_id} is shown")
    walker.settle()
    walker.photograph(step_id)


def _verify(walker: Walker) -> None:
    """Let the Mesh Doctor look at the surface, and lay the mesh open."""
    from app.desktop.panels.mesh_panel import MeshPanel

    session = walker.window.session
    assert session is not None
    walker.stage = "verify"
    panel = walker.window.workspace.panels["mesh"]
    assert isinstance(panel, MeshPanel)
    walker.press(panel.doctor.button)
    walker.until(lambda: session.surface_doctor.diagnosis is not None, "the surface is examined")
    walker.settle()
    if panel.doctor.show_buttons:
        walker.press(panel.doctor.show_buttons[0])
    panel.cut.click()
    walker.settle()
    walker.photograph("verified")


def commands_of(case: Case, source: Path, folder: Path) -> list[list[str]]:
    """The program's sub-commands that do what was done in the window, with the points that were clicked."""
    points = [f"{role}={','.join(map(str, place))}" for role, place in case.points.items()]
    preset = case.parameters.get("segment", {}).get("preset", "")
    return [
        ["import", str(source), str(folder)],
        ["points", str(folder), "--set", *points],
        ["segment", str(folder), *(["--preset", preset] if preset else [])],
        ["model", str(folder)],
        ["mesh", str(folder)],
    ]


def same_by_commands(source: Path, walked: Path, other: Path) -> dict[str, Any]:
    """Do with the program's sub-commands what the walk did, and compare every file of each step by its SHA-256.

    Raises
    ------
    CaseError
        ``walk_stopped`` with what the program said.
    """
    with OpenCase.open(walked, writable=False) as opened:
        in_window = opened.case
    for command in commands_of(in_window, source, other):
        done = subprocess.run([sys.executable, "-m", "app.cli", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise CaseError("walk_stopped", f"angiotwin {command[0]} ended: {said[-1] if said else 'no word'}")
    with OpenCase.open(other, writable=False) as opened:
        return {kind: compared(in_window, opened.case, kind) for kind in STEPS_WALKED.values()}


def compared(first: Case, second: Case, kind: Kind) -> dict[str, Any]:
    """Whether two cases hold the same files of a kind; the SHA-256 of each file of the first."""
    made = [case.current(kind) for case in (first, second)]
    of_first, of_second = ({name: ref.sha256 for name, ref in r.files.items()} if r else {} for r in made)
    different = sorted(name for name in of_first | of_second if of_first.get(name) != of_second.get(name))
    return {"is_same": bool(of_first) and not different, "different": different, "sha256": of_first}


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
        chosen.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            home = chosen.keep or Path(temporary)
            walker = Walker(chosen.out)
            try:
                case = walk(walker, chosen.source, points, home, chosen.preset)
            finally:
                walker.close()
            pauses = {stage: {"clock": round(p[0]), "own": round(p[1])} for stage, p in walker.pauses_ms.items()}
            print(json.dumps({"longest_pause_ms": pauses}, indent=1), flush=True)
            found = same_by_commands(chosen.source, case, home / "commands.case")
    except Exception as error:
        print(refusal_of(error).message, file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1))
    return 0 if all(step["is_same"] for step in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
