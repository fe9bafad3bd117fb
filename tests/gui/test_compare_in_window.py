"""Compare: options that the case keeps stand beside it in linked views, in one range of colors, with what differs."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_cases import make_branched_case
from gui_driver import Driver
from test_tuning_and_spread_in_window import _mode

from app.desktop.modes import NOTHING_KEPT
from app.workflow.plans import WHAT_IFS
from app.workflow.what_if import Change

pytestmark = pytest.mark.gui


def test_options_are_compared_in_linked_views_and_one_range(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_branched_case(tmp_path / "branched.case"))
    mode = _mode(drive, window, "compare")
    panel, store = mode.panel, window.workspace.session.store
    drive.until(lambda: panel.progress.state.text() == NOTHING_KEPT, "it says what is missing")
    outlet = next(one.name for one in window.workspace.session.data.model.patches if one.kind == "outlet")
    store.do(WHAT_IFS.keeping(store.case, "wider", Change(outlets={outlet: 0.5})))
    drive.until(lambda: len(WHAT_IFS.of(store.case)) == 1, "one is kept")
    store.do(WHAT_IFS.keeping(store.case, "tighter", Change(outlets={outlet: 2.0})))
    drive.until(lambda: mode.found is not None and len(mode.found.names) == 3, "it is compared", 120.0)
    assert mode.found.names == ("as it is", "wider", "tighter") == ("as it is", *panel.chosen)
    views = mode.views.views
    drive.until(lambda: all(view.isVisible() for view in views), "all are shown")
    views[1].set_camera(views[1].camera.rotated(30, 10))
    assert all(view.camera is views[1].camera for view in views)
    assert mode.table.rowCount() == len(mode.found.rows) and mode.table.columnCount() == 9
    panel.second.setCurrentText("nothing")
    drive.until(lambda: mode.found is not None and mode.found.names == ("as it is", "wider"), "one is left")
    drive.until(lambda: not views[2].isVisible() and mode.views.bar.look is not None, "the third view is gone")
