"""Flow and pressure of every vessel before and after a change."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.desktop import theme
from app.workflow.what_if import VesselState
from imaging.anatomy.vessel_names import spelled

_COLUMNS = (
    "Vessel",
    "Mean flow [mL/s]",
    "Change [%]",
    "Pressure at\nits start [mmHg]",
    "Pressure at\nits end [mmHg]",
    "Drop [mmHg]",
    "Systolic / diastolic\nat its start [mmHg]",
)
_PERCENT_COLUMN, _PULSE_COLUMN = 2, 6
_MARKED_PERCENT, _MARKED_MMHG = 1.0, 1.0
"""From here on a difference is marked."""


class VesselTable(QTableWidget):
    """``chosen`` carries the vessel of the row that the user chose."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setAccessibleName("Flow and pressure of every vessel before and after")
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(True)
        self.setStyleSheet(f"QTableWidget {{ alternate-background-color: {theme.PANEL}; }}")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(58)
        self.verticalHeader().setDefaultSectionSize(26)
        self._names: tuple[str, ...] = ()
        self._cells: list[list[QTableWidgetItem]] = []
        self.itemSelectionChanged.connect(self._tell)

    def show_states(self, before: Sequence[VesselState], after: Sequence[VesselState]) -> None:
        """Show vessels before and after."""
        names = tuple(state.name for state in after)
        if names != self._names:
            self._make_rows(names)
        has_pulse = after[0].systolic_mmhg is not None
        self.setColumnHidden(_PULSE_COLUMN, not has_pulse)
        for row, (old, new) in enumerate(zip(before, after, strict=True)):
            change = 100.0 * (new.flow_ml_s / old.flow_ml_s - 1.0) if abs(old.flow_ml_s) > 1e-9 else float("nan")
            is_marked = abs(change) >= _MARKED_PERCENT
            cells = (
                (f"{old.flow_ml_s:.2f} → {new.flow_ml_s:.2f}", is_marked),
                ("–" if change != change else _signed(change, "+.1f"), is_marked),
                _pair(old.pressure_in_mmhg, new.pressure_in_mmhg),
                _pair(old.pressure_out_mmhg, new.pressure_out_mmhg),
                _pair(*(state.pressure_in_mmhg - state.pressure_out_mmhg for state in (old, new))),
                (f"{_pulse(old)} → {_pulse(new)}", _pulse(old) != _pulse(new)),
            )
            for column, (text, is_marked) in enumerate(cells, 1):
                cell = self._cells[row][column]
                if cell.text() != text:
                    cell.setText(text)
                cell.setForeground(QColor(theme.POINT if is_marked else theme.TEXT))

    def choose(self, vessel: str) -> None:
        """Mark the row of a vessel, without saying that it was chosen."""
        if vessel in self._names and self.currentRow() != self._names.index(vessel):
            self.blockSignals(True)
            self.selectRow(self._names.index(vessel))
            self.blockSignals(False)
            self.viewport().update()

    def text_at(self, vessel: str, column: int) -> str:
        """What stands in a cell."""
        return self._cells[self._names.index(vessel)][column].text()

    def _make_rows(self, names: tuple[str, ...]) -> None:
        self._names = names
        self.blockSignals(True)
        self.setRowCount(len(names))
        self._cells = [[QTableWidgetItem(spelled(name)), *(QTableWidgetItem() for _ in _COLUMNS[1:])] for name in names]
        for row, cells in enumerate(self._cells):
            for column, item in enumerate(cells):
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(row, column, item)
        self.blockSignals(False)

    def _tell(self) -> None:
        rows = self.selectionModel().selectedRows()
        if rows and rows[0].row() < len(self._names):
            self.chosen.emit(self._names[rows[0].row()])


def _pair(before: float, after: float) -> tuple[str, bool]:
    return f"{_signed(before, '.1f')} → {_signed(after, '.1f')}", abs(after - before) >= _MARKED_MMHG


def _signed(value: float, form: str) -> str:
    """A number with a true minus sign, and zero without one."""
    text = f"{value:{form}}"
    return text.lstrip("+-") if float(text) == 0.0 else text.replace("-", "−")


def _pulse(state: VesselState) -> str:
    if state.systolic_mmhg is None or state.diastolic_mmhg is None:
        return ""
    return f"{state.systolic_mmhg:.0f} / {state.diastolic_mmhg:.0f}"
