"""The mode Tuning: targets in the panel, the outlets that were found in a table below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QHeaderView, QTableWidget, QTableWidgetItem

from app.desktop import theme
from app.desktop.model_mode import ModelMode
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.desktop.tune.panel import HOW_TO_USE, TunePanel
from app.desktop.views.scene_view import Caption
from app.workflow.parameters import build
from app.workflow.tuned_outlets import Parameters, TunedOutlets, write_outlets
from app.workflow.units import M3_PER_ML, PA_PER_MMHG
from imaging.anatomy.vessel_names import spelled
from imaging.types import Progress

_COLUMNS = (
    "Outlet",
    "Proximal resistance\n[mmHg s/mL]",
    "Compliance\n[mL/mmHg]",
    "Distal resistance\n[mmHg s/mL]",
    "Distal pressure\n[mmHg]",
)


def make_tuned(folder: Path, values: dict[str, Any], progress: Progress) -> TunedOutlets:
    """What the child process does."""
    from app.case.bundle import OpenCase
    from app.workflow.tuned_outlets import tune_case

    chosen = build(Parameters, values)
    level: Any = chosen.level  # one of the declared choices
    with OpenCase.open(folder, writable=False) as opened:
        return tune_case(opened, chosen.wish, level, progress=progress)


class TuneMode(ModelMode):
    """``refused`` carries each `Refusal` that a user must see."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        self.table = OutletTable()
        super().__init__(session, TunePanel(), self.table, parent)
        self.panel.start_asked.connect(lambda values: self.task.begin(make_tuned, values))
        self.panel.save_asked.connect(self._ask_where)

    def show_found(self, found: TunedOutlets | None) -> None:
        """Show the outlets that were found."""
        self.panel.set_tuned(found)
        if found is not None:
            self.table.show_outlets(found)

    def choose(self, vessel: str) -> None:
        """Mark the outlet of a vessel."""
        self.table.choose(vessel)

    def save(self, path: Path) -> None:
        """Write the outlets that were found to a file."""
        try:
            write_outlets(path, self.task.found.outlets)
        except Exception as error:
            self.refused.emit(refusal_of(error))
            return
        self.panel.saved.setText(f"Saved. {HOW_TO_USE}")

    def _ask_where(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.panel, "Save the outlets", "rcrt.dat", "Outlets (*.dat)")
        if name:
            self.save(Path(name))

    def _color(self) -> None:
        """Color the vessels that end by their share of the flow."""
        if self.scene is not None and self._is_shown:
            wall: VesselWall | None = self.scene.wall
            self.scene.show_vessels(None if wall is None else _look_of(wall, self.task.found))


def _look_of(wall: VesselWall, tuned: TunedOutlets | None) -> VesselLook:
    reached: dict[str, float] = {}
    if tuned is not None:
        of = {goal.what: 100.0 * goal.reached for goal in tuned.goals if goal.kind == "share"}
        outlets = zip(tuned.vessels, tuned.outlets, strict=True)
        reached = {vessel: of[outlet.name] for vessel, outlet in outlets if outlet.name in of}
    values = np.array([reached.get(name, np.nan) for name in wall.names])
    scale = ColorScale.round("Share of the flow", "%", np.array([0.0, *reached.values()]), "gray: goes on", least=10.0)
    told = {name: f"{spelled(name)}: {share:.1f} %" for name, share in reached.items()}
    captions = []
    for name in told:
        if name in wall.names:
            x, y, z = (float(c) for c in wall.middles[name])
            captions.append(Caption(told[name], (x, y, z), theme.POINT))
    return VesselLook(values, values, scale, "", tuple(captions), told)


class OutletTable(QTableWidget):
    """The Windkessel of every outlet."""

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setAccessibleName("Windkessel of every outlet")
        self.verticalHeader().hide()
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._names: list[str] = []

    def show_outlets(self, tuned: TunedOutlets) -> None:
        """Show what was found."""
        per_ml = PA_PER_MMHG / M3_PER_ML
        self._names = [outlet.name for outlet in tuned.outlets]
        self.setRowCount(len(tuned.outlets))
        for row, one in enumerate(tuned.outlets):
            numbers = (one.r_proximal / per_ml, one.c * per_ml, one.r_distal / per_ml, one.p_distal / PA_PER_MMHG)
            for column, text in enumerate((spelled(one.name), *(f"{number:.4g}" for number in numbers))):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(row, column, item)

    def choose(self, outlet: str) -> None:
        """Mark a row."""
        if outlet in self._names:
            self.selectRow(self._names.index(outlet))
