"""One registry of actions: menus, keys and the cheat sheet come from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_cases import make_case
from gui_driver import Driver
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLabel

from app.desktop.actions import ACTIONS, MOUSE, Situation
from app.desktop.cheat_sheet import CheatSheet


def test_ids_and_keys_are_unique() -> None:
    ids = [action.id for action in ACTIONS]
    keys = [action.key for action in ACTIONS if action.key]
    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    assert all(not QKeySequence(key).isEmpty() for key in keys)


def test_without_a_case_nothing_that_needs_one_is_enabled() -> None:
    enabled = {action.id for action in ACTIONS if action.enabled_when(Situation())}
    assert enabled == {
        "case.open",
        "case.new_file",
        "case.new_folder",
        "case.new_surface",
        "case.sample_dicom",
        "app.quit",
        "help.keys",
        "help.about",
    }


@pytest.mark.gui
def test_the_menus_hold_every_action(drive: Driver) -> None:
    window = drive.open_window()
    shown = [
        action
        for entry in window.menuBar().actions()
        for action in entry.menu().actions()  # type: ignore[union-attr]
    ]
    assert shown == [
        window.actions_[action.id] for action in sorted(ACTIONS, key=lambda a: _menu_order().index(a.menu))
    ]


@pytest.mark.gui
def test_the_cheat_sheet_lists_every_key_and_gesture(drive: Driver) -> None:
    window = drive.open_window()
    sheet = CheatSheet(window)
    text = " ".join(label.text() for label in sheet.findChildren(QLabel))
    for action in ACTIONS:
        if action.key:
            assert f">{action.key}<" in text.replace("&lt;", "<").replace("<b>", ">").replace("</b>", "<"), action.id
    assert all(gesture in text for gesture, _ in MOUSE)
    sheet.close()


@pytest.mark.gui
def test_actions_follow_the_case(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    assert window.actions_["edit.undo"].isEnabled()
    assert window.actions_["edit.undo"].text() == "Undo: Set 2 points"
    assert not window.actions_["edit.redo"].isEnabled()
    assert not window.actions_["step.cancel"].isEnabled()
    assert window.actions_["view.labels"].isEnabled()
    window.close_case()
    assert not window.actions_["edit.undo"].isEnabled() and not window.actions_["view.labels"].isEnabled()


def _menu_order() -> list[str]:
    return list(dict.fromkeys(action.menu for action in ACTIONS))
