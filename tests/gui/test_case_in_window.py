"""What a user does to a case goes through its commands, and what the case says is what the window shows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gui_cases import POINTS, make_case
from gui_driver import Driver
from PySide6.QtCore import Qt

from app.case.bundle import OpenCase
from app.case.commands import SetPatientValues, SetPoint
from app.desktop.panels.segment_panel import SegmentPanel
from app.desktop.session.refusal import Refusal
from app.desktop.shell import MainWindow

pytestmark = pytest.mark.gui


def points_on_disk(folder: Path) -> dict[str, list[float]]:
    points: dict[str, list[float]] = json.loads((folder / "case.json").read_text())["points"]
    return points


def segment_panel(window: MainWindow) -> SegmentPanel:
    panel = window.workspace.panels["segment"]
    assert isinstance(panel, SegmentPanel)
    return panel


def test_a_click_places_the_armed_point_undo_takes_it_back_redo_brings_it_again(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    window.workspace.go_to("segment")
    panel = segment_panel(window)
    assert next(iter(panel.rows)) == "aortic_valve" and "ascending" in panel.rows
    panel.rows["ascending"].place.click()
    assert window.workspace.placing.armed == "ascending"
    axial = window.workspace.quad.slices["axial"]
    wanted = np.array([0.0, 16.0, 30.0])
    drive.click(axial, axial.to_screen(wanted))
    drive.until(lambda: "ascending" in points_on_disk(folder), "the point is on disk")
    placed = window.session.store.case.points["ascending"]
    np.testing.assert_allclose(placed[:2], wanted[:2], atol=1.0 / axial.px_per_mm)
    assert placed[2] == pytest.approx(axial.plane.grid.to_lps((0, 0, axial.slice_index))[2])
    assert points_on_disk(folder)["ascending"] == list(placed)
    drive.until(lambda: window.workspace.placing.armed == "descending", "the next missing point is armed")
    drive.key(window, Qt.Key.Key_Escape)
    assert window.workspace.placing.armed == ""

    drive.key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    drive.until(lambda: "ascending" not in points_on_disk(folder), "undo is on disk")
    drive.until(lambda: not panel.rows["ascending"].show_it.isEnabled(), "the row tells that there is no point")
    assert window.actions_["edit.redo"].text() == "Redo: Place point ascending"
    drive.key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    drive.until(lambda: "ascending" in points_on_disk(folder), "redo is on disk")


def test_a_point_can_be_dragged_jumped_to_and_removed(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    window.workspace.go_to("segment")
    rows, quad = segment_panel(window).rows, window.workspace.quad
    rows["aortic_valve"].show_it.click()
    np.testing.assert_allclose(quad.position_mm, POINTS["aortic_valve"])
    axial = quad.slices["axial"]
    start = axial.to_screen(POINTS["aortic_valve"])
    end = axial.to_screen((2.0, 26.0, POINTS["aortic_valve"][2]))
    drive.drag(axial, start, end, Qt.MouseButton.LeftButton)
    drive.until(lambda: points_on_disk(folder)["aortic_valve"][0] < 5.0, "the point has moved")
    np.testing.assert_allclose(points_on_disk(folder)["aortic_valve"][:2], (2.0, 26.0), atol=1.0 / axial.px_per_mm)
    rows["aortic_valve"].remove.click()
    drive.until(lambda: "aortic_valve" not in points_on_disk(folder), "the point is gone")


def test_moving_a_point_makes_what_was_made_from_it_stale_and_says_why(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case", upto="mesh"))
    rail = window.workspace.rail.buttons
    assert [rail[step].state.state for step in ("import", "segment", "model", "mesh")] == ["done"] * 4
    assert rail["simulate"].state.state == "ready" and rail["report"].state.state == "todo"
    window.session.store.do(SetPoint("arch", (1.0, 2.0, 3.0)))
    drive.until(lambda: rail["segment"].state.state == "stale", "the segmentation is stale")
    assert rail["import"].state.state == "done"
    assert [rail[step].state.state for step in ("model", "mesh")] == ["stale", "stale"]
    assert "points changed" in rail["segment"].state.reason
    assert "out of date" in rail["segment"].accessibleName() and "out of date" in rail["segment"].toolTip()
    window.workspace.go_to("segment")
    assert "points changed" in window.workspace.panels["segment"].state_text
    window.session.store.undo()
    drive.until(lambda: rail["mesh"].state.state == "done", "nothing is stale any more")


def test_a_patient_value_is_a_command_and_only_concerns_the_run(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case", upto="mesh"))
    changes: list[str] = []
    store = window.session.store
    for name in ("image", "segmentation", "model", "mesh", "run", "points", "patient", "parameters", "title"):
        getattr(store, f"{name}_changed").connect(lambda name=name: changes.append(name))
    store.do(SetPatientValues({"heart_rate_bpm": 61.0}))
    drive.until(lambda: bool(changes), "the change is told")
    assert changes == ["patient"]


def test_the_message_bar_says_a_sentence_and_shows_the_place(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    window.session.refused.emit(Refusal("end_outside_label", "The end lies outside.", (4.0, 18.0, 22.5)))
    assert window.messages.text == "The end lies outside."
    assert list(window.messages.offers) == ["Show"]
    window.messages.offers["Show"].click()
    np.testing.assert_allclose(window.workspace.quad.position_mm, (4.0, 18.0, 22.5))
    window.messages.clear()
    assert window.messages.text == ""


def test_an_unforeseen_error_goes_to_a_log_file_and_never_to_the_user(
    drive: Driver, tmp_path: Path, settings_home: Path
) -> None:
    window = drive.open_window()
    try:
        raise ZeroDivisionError("secret inner detail")
    except ZeroDivisionError as error:
        window.show_unexpected(error)
    assert "did not expect" in window.messages.text and "Traceback" not in window.messages.text
    log = Path(window.messages.text.rsplit(" ", 1)[1].rstrip("."))
    assert settings_home in log.parents and "ZeroDivisionError" in log.read_text()


def test_a_file_that_is_no_case_is_refused_in_one_sentence(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_window(tmp_path)
    assert window.session is None and "is not a case" in window.messages.text
    assert window.welcome.isVisible()


def test_a_lost_file_is_told_and_nothing_old_is_shown(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case")
    next((folder / "images").rglob("*.nrrd")).unlink()
    window = drive.open_window(folder)
    drive.until(lambda: bool(window.messages.text), "the loss is told")
    assert "lost its file" in window.messages.text and window.workspace.quad.volume is None


def test_a_case_held_by_another_process_is_offered_read_only(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case", upto="segment")
    code = (
        "import sys, pathlib; from app.case.bundle import OpenCase\n"
        "opened = OpenCase.open(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline().strip() == "held"
        window = drive.open_window(folder)
        assert window.session is None
        assert f"process {holder.pid}" in window.messages.text
        before = (folder / "case.json").read_bytes()
        window.messages.offers["Open read-only"].click()
        drive.until(lambda: window.workspace.quad.volume is not None, "the scan is shown")
        badge = window.findChildren(type(window._read_only), "badge")[0]
        assert badge.isVisible() and badge.text() == "READ-ONLY"
        window.workspace.go_to("segment")
        assert not segment_panel(window).run_button.isEnabled()
        assert not any(row.place.isEnabled() for row in segment_panel(window).rows.values())
        assert not window.actions_["edit.undo"].isEnabled()
        window.session.store.do(SetPoint("arch", (0.0, 0.0, 0.0)))
        drive.until(lambda: "read-only" in window.messages.text, "the refusal is told")
        assert (folder / "case.json").read_bytes() == before
    finally:
        holder.communicate("")


def test_a_closed_window_gives_the_case_back_with_all_that_was_done(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "a.case")
    window = drive.open_with_scan(folder)
    for n in range(20):
        window.session.store.do(SetPoint("arch", (float(n), 0.0, 0.0)))
    window.close()
    with OpenCase.open(folder) as opened:
        assert opened.case.points["arch"] == (19.0, 0.0, 0.0)
        assert len(opened.history.entries) == 23


def test_the_welcome_page_lists_the_cases_that_were_open(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "recent.case", title="Arch 7")
    window = drive.open_with_scan(folder)
    window.close_case()
    listed = window.welcome.recent
    deadline = time.monotonic() + 5.0
    while "Arch 7" not in listed.item(0).text() and time.monotonic() < deadline:
        drive.settle(0.05)
        window.welcome.refresh()
    assert listed.item(0).text() == "Arch 7\nrecent.case"
    window.welcome.case_chosen.emit(folder)
    assert window.session is not None and window.session.store.case.title == "Arch 7"


def test_the_banner_and_the_title_are_always_there_but_no_name_of_a_file(drive: Driver, tmp_path: Path) -> None:
    folder = make_case(tmp_path / "Doe_John.case", title="Arch 7")
    window = drive.open_with_scan(folder)
    shown = [label.text() for label in window.findChildren(type(window._case_title)) if label.isVisible()]
    assert "Research software - not for diagnostic use" in shown and "Arch 7" in shown
    assert not any("Doe" in text for text in [*shown, window.windowTitle()])


def test_a_case_that_is_closed_at_once_does_not_keep_the_3d_view_from_the_next(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    window.close_case()  # before the libraries of the 3D view are there
    drive.settle(0.5)
    window.open_case(make_case(tmp_path / "b.case"))
    drive.until(lambda: window.workspace.scene is not None, "the 3D view is there")
