"""0D, 1D, 3D: curves and differences of a vessel, alarms with their causes, colors in 3D, work that is ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_cases import make_branched_case
from gui_driver import Driver

from app.desktop.cross_check.mode import CrossCheckMode
from app.desktop.session import cross_checker, task_owner
from app.desktop.session.refusal import Refusal
from app.workflow.cross_check_result import CrossCheck, Curve, Difference, Model, VesselCheck

pytestmark = pytest.mark.gui
TIMES = tuple(np.linspace(0.0, 0.8, 9).tolist())
CAUSE = "aorta: 3D loses 2 mmHg more; curvature (estimated 1 mmHg: Dean number 400 (bend of 20 mm))"
BRIEFLY = "aorta: 3D loses 2 mmHg more; curvature"


def _curve(model: Any, factor: float) -> Curve:
    return Curve(model, tuple(factor * (1.0 + t) for t in TIMES), tuple(80.0 + factor * t for t in TIMES))


MADE = CrossCheck(
    "run-1",
    False,
    0.8,
    TIMES,
    (Model("3d", "3D run", True), Model("1d", "1D, stiff walls", True, 2.0), Model("0d", "0D, rigid walls", True, 0.1)),
    (
        VesselCheck("aorta", "aorta", "", (10.0, 20.0, 15.0), (), (), None),
        VesselCheck(
            *("left_subclavian", "left_subclavian", "left_subclavian", (40.0, 20.0, 30.0)),
            (_curve("3d", 10.0), _curve("1d", 13.0), _curve("0d", 10.5)),
            (
                Difference("mean_flow", "1d", 14.0, 18.2, 4.2, 1.4, (CAUSE,)),
                Difference("mean_flow", "0d", 14.0, 14.7, 0.7, 1.4),
            ),
            3.0,
        ),
    ),
    (("flow", "10 %", "assumption"),),
    (CAUSE,),
    ("aorta was not compared: the run wrote nothing there",),
)


@pytest.fixture
def mode(drive: Driver, tmp_path: Path) -> CrossCheckMode:
    window = drive.open_with_scene(make_branched_case(tmp_path / "a.case"))
    window.actions_["step.cross_check"].trigger()
    drive.until(lambda: "cross_check" in window.workspace.modes, "the mode is there")
    found: CrossCheckMode = window.workspace.modes["cross_check"]
    drive.until(lambda: found.scene is not None and found.scene.wall is not None, "the vessels are known")
    return found


def test_curves_table_alarm_cause_and_colors_tell_where_the_models_part(drive: Driver, mode: CrossCheckMode) -> None:
    panel, curves = mode.panel, mode.curves
    assert not panel.start_button.isEnabled() and "finished run" in panel.state.text()
    mode.checker.found = MADE
    mode.checker.changed.emit()
    assert mode.vessel == "left_subclavian", "the first vessel with an alarm is chosen"
    assert (
        "1 difference exceeds" in panel.verdict.text()
        and BRIEFLY in panel.alarms.text()
        and CAUSE in panel.causes.text()
    )
    assert "Dean" not in panel.alarms.text(), "the evidence is told once"
    assert "not compared" in panel.behind.text() and "assumption" in panel.behind.text()
    assert set(curves.flow.legend_names) == {"3D run", "1D, stiff walls", "0D, rigid walls"}
    time, flow = curves.flow.curve_data("1D, stiff walls")
    assert list(time) == pytest.approx(TIMES) and list(flow) == pytest.approx([13.0 * (1.0 + t) for t in TIMES])
    cells = [curves.table.item(0, column).text() for column in range(curves.table.columnCount())]  # type: ignore[union-attr]
    assert cells == ["Mean flow [mL/s]", "14.0", "18.2 ✗", "14.7 ✓", "± 1.4"]
    assert CAUSE in curves.table.item(0, 2).toolTip()  # type: ignore[union-attr]
    look, wall = mode.scene.vessel_look, mode.scene.wall
    side = wall.names.index("left_subclavian")
    assert look.at_end[side] == 3.0 and np.isnan(look.at_end[wall.names.index("aorta")])
    assert "gray: not compared" in look.scale.note and look.scale.low == -look.scale.high
    panel.coloring.setCurrentIndex(2)
    assert mode.scene.vessel_look.at_end[side] == pytest.approx(4.2 / 1.4)
    mode.choose("aorta")
    assert curves.flow.curve_names == () and curves.table.rowCount() == 0


def test_a_comparison_is_made_aside_can_be_ended_and_says_why_it_cannot(
    drive: Driver, mode: CrossCheckMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    class Task(task_owner.ChildTask):
        def __init__(self, work: Any, arguments: Any, parent: Any) -> None:
            super().__init__(int, (), parent)  # a child that does nothing of use
            started.append((work, arguments))

    monkeypatch.setattr(task_owner, "ChildTask", Task)
    mode.checker.start()
    assert started[0][0] is cross_checker.make_check and mode.checker.is_busy
    assert mode.panel.cancel_button.isVisible() and not mode.panel.start_button.isEnabled()
    mode.panel.cancel_button.click()
    assert not mode.checker.is_busy and not mode.panel.bar.isVisible()
    mode.checker._refuse(Refusal("bad_run", "The run has no sections: run it again."))
    assert "no sections" in mode.panel.state.text()
