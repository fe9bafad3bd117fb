"""What if: a dial is answered in table, colors and words; steps are undone, plans are kept, a click chooses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_cases import make_branched_case
from gui_driver import Driver
from test_responsiveness import Measure

from app.case.bundle import OpenCase
from app.cli import main
from app.desktop.what_if.edits import BranchDials, branch_dials, sentences_of, with_branch, with_closed
from app.desktop.what_if.mode import WhatIfMode
from app.workflow.flow_setup import reduced_case
from app.workflow.plans import plans_of
from app.workflow.what_if import Change, Stenosis, WhatIf

SIDE = "left_subclavian"


@pytest.fixture(scope="module")
def branched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_branched_case(tmp_path_factory.mktemp("branched") / "branched.case")


@pytest.fixture
def mode(drive: Driver, branched: Path) -> Iterator[WhatIfMode]:
    window = drive.open_with_scene(branched)
    window.actions_["step.what_if"].trigger()
    drive.until(lambda: "what_if" in window.workspace.modes, "the mode is there")
    found = window.workspace.modes["what_if"]
    drive.until(lambda: found.answer is not None, "the model answers", 120.0)
    drive.until(lambda: found.scene.wall is not None, "the vessels are known")
    drive.until(lambda: found.scene.view.is_settled, "the vessels are colored")
    yield found


def turn(drive: Driver, mode: WhatIfMode, dial: str, value: float) -> None:
    """Turn a dial of the chosen branch, and wait for the answer and for the step of Undo."""
    mode.panel.branch_dials[dial].number.setValue(value)
    drive.until(lambda: not mode._rest.isActive() and not mode.model._is_asking, "it is answered")


@pytest.mark.gui
def test_a_dial_is_answered_in_the_table_in_3d_and_in_words_and_undone(
    drive: Driver, mode: WhatIfMode, branched: Path
) -> None:
    mode.choose(SIDE)
    plain = mode.scene.vessel_look
    turn(drive, mode, "percent", 85.0)
    with OpenCase.open(branched, writable=False) as opened:
        model = WhatIf(reduced_case(opened))
    expected = {state.name: state for state in model.answer(Change((Stenosis(SIDE, 85.0, 0.5),))).after}
    now = {state.name: state for state in model.before}
    assert mode.table.text_at(SIDE, 1) == f"{now[SIDE].flow_ml_s:.2f} → {expected[SIDE].flow_ml_s:.2f}"
    assert expected[SIDE].flow_ml_s < 0.9 * now[SIDE].flow_ml_s
    look = mode.scene.vessel_look
    names = mode.scene.wall.names
    assert look.at_end[names.index(SIDE)] == pytest.approx(expected[SIDE].pressure_out_mmhg)
    low, high = look.scale.low, look.scale.high
    shown = np.concatenate([look.at_start, look.at_end, plain.at_start, plain.at_end])
    assert low <= shown.min() and shown.max() <= high, "one range for before and after"
    assert "85 %" in mode.panel.told.text() and "ms" in mode.panel.latency.text()
    assert look.scale.unit == "mmHg" and any("85 %" in caption.text for caption in look.captions)
    mode.panel.undo_button.click()
    assert mode.panel.change == Change() and mode.panel.branch_dials["percent"].value == 0.0
    drive.until(lambda: mode.table.text_at(SIDE, 2) == "0.0", "the table is as it was")
    mode.panel.redo_button.click()
    assert branch_dials(mode.panel.change, SIDE).percent == 85.0


@pytest.mark.gui
def test_a_kept_what_if_is_compared_opened_and_undone_over_the_cases_history(drive: Driver, mode: WhatIfMode) -> None:
    panel, store = mode.panel, mode._session.store
    mode.choose(SIDE)
    turn(drive, mode, "percent", 60.0)
    panel.name.setText("tight")
    panel.keep_button.click()
    drive.until(lambda: "tight" in plans_of(store.case), "it is in the case")
    turn(drive, mode, "percent", 75.0)
    drive.until(lambda: plans_of(store.case)["tight"].stenoses[0].percent == 75.0, "the open plan follows")
    panel.undo_button.click()
    drive.until(lambda: panel.change.stenoses[0].percent == 60.0, "the case's history leads back")
    panel.reset_button.click()
    panel.beside.setCurrentText("tight")
    drive.until(lambda: mode.table.text_at(SIDE, 2).startswith("+"), "before is the plan now")
    panel.forget_button.click()
    drive.until(lambda: not plans_of(store.case), "it is forgotten")
    drive.until(lambda: panel.beside.currentText() == "as it is", "the comparison with it is gone, too")


@pytest.mark.gui
def test_a_click_on_a_vessel_in_3d_chooses_it_and_a_refusal_is_told(drive: Driver, mode: WhatIfMode) -> None:
    refused: list[Any] = []
    mode.refused.connect(refused.append)
    assert mode.panel.branch.currentData() == "aorta"
    view = mode.scene.view
    drive.click(view, view.to_screen((50.0, 20.0, 30.0)))
    drive.until(lambda: mode.panel.branch.currentData() == SIDE, "the vessel is chosen")
    assert "mL/s" in view.readout and mode.vessel == SIDE
    for outlet in ("descending", SIDE):
        mode.panel.change = with_closed(mode.panel.change, outlet, True)
    mode._ask()
    drive.until(lambda: bool(refused), "closing everything is refused")
    assert "leave one open" in refused[0].message


@pytest.mark.gui
def test_no_pause_is_longer_than_100_ms_while_a_dial_is_turned(drive: Driver, mode: WhatIfMode) -> None:
    measure, slider = Measure(drive), mode.panel.branch_dials["percent"].slider
    mode.choose(SIDE)
    for n in measure.attempts():
        longest = 0.0
        for tick in range(0, 180, 6):
            slider.setValue(tick + n)
            end = time.monotonic() + 0.02
            longest = max(longest, drive.longest_pause(lambda end=end: time.monotonic() > end, "it is turned"))  # type: ignore[misc]
        measure.take(longest)
    measure.judge()


def test_an_edit_that_is_neutral_leaves_nothing_behind() -> None:
    narrowed = with_branch(Change(), "LAD", BranchDials(50.0, 30.0, 12.0, 0.9))
    assert narrowed.stenoses == (Stenosis("LAD", 50.0, 0.3, 12.0),) and narrowed.radii == {"LAD": 0.9}
    assert branch_dials(narrowed, "LAD") == BranchDials(50.0, 30.0, 12.0, 0.9)
    assert sentences_of(narrowed) == ["LAD: narrowed by 50 % at 30 %, 12 mm long", "LAD: radius × 0.9"]
    assert with_branch(narrowed, "LAD", BranchDials()) == Change()
    assert with_closed(with_closed(Change(), "LAD", True), "LAD", False) == Change()


def test_the_program_keeps_opens_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> dict[str, object]:
        assert main([*words, "--json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    case = str(make_branched_case(tmp_path / "a.case"))
    kept = told("whatif", case, "--stenosis", "left_subclavian:80:0.5", "--keep", "tight")
    assert told("whatif", case, "--open", "tight")["vessels"] == kept["vessels"]
    beside = told("whatif", case, "--beside", "tight")
    for row, other in zip(beside["vessels"], kept["vessels"], strict=True):  # type: ignore[call-overload]
        assert row["before"] == other["after"] and row["after"] == other["before"]
    assert main(["whatif", case, "--open", "tight", "--close", "descending"]) != 0
    targets = told("setup", case)["targets"]
    assert [target["wanted"] for target in targets][:2] == [120.0, 80.0]  # type: ignore[union-attr, index]
    assert sum(target["wanted"] for target in targets if target["unit"] == "%") == pytest.approx(100.0)  # type: ignore[union-attr, index, misc]
    assert all(set(target["reached"]) == {"0D"} for target in targets)  # type: ignore[union-attr, index]
