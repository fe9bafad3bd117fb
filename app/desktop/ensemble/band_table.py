"""Mean and band of every vessel's flow and pressure, and what counts most."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.workflow.ensemble import QUANTITIES, Ensemble
from imaging.anatomy.vessel_names import spelled

_TITLES = {
    "flow_ml_s": "Mean flow [mL/s]",
    "pressure_in_mmhg": "Pressure at\nits start [mmHg]",
    "pressure_out_mmhg": "Pressure at\nits end [mmHg]",
    "systolic_mmhg": "Systolic at\nits start [mmHg]",
    "diastolic_mmhg": "Diastolic at\nits start [mmHg]",
}
_DIGITS = {"flow_ml_s": ".2f"}


class BandTable(QTableWidget):
    """``chosen`` carries the vessel of the row that the user chose."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2 + len(QUANTITIES), parent)
        self.setHorizontalHeaderLabels(
            ["Vessel", *(_TITLES[name] for name in QUANTITIES), "Counts most,\nflow / start"]
        )
        self.setAccessibleName("Mean and band from 5 to 95 % of every vessel's flow and pressure")
        self.verticalHeader().hide()
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._names: tuple[str, ...] = ()
        self.itemSelectionChanged.connect(self._tell)

    def show_ensemble(self, ensemble: Ensemble) -> None:
        """Show what was found."""
        of = {(row["vessel"], row["quantity"]): row for row in ensemble.bands}
        self._names = ensemble.names
        self.blockSignals(True)
        self.setRowCount(len(self._names))
        for number, name in enumerate(self._names):
            cells, most = [spelled(name)], []
            for quantity in QUANTITIES:
                row = of.get((name, quantity))
                form = _DIGITS.get(quantity, ".1f")
                cells.append("" if row is None else f"{row['mean']:{form}}  ({row['p5']:{form}} – {row['p95']:{form}})")
                if row is not None and quantity in QUANTITIES[:2]:
                    most.append(max(row["shares"], key=row["shares"].get))
            cells.append(" / ".join(spelled(one) for one in most))
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(number, column, item)
        for column, quantity in enumerate(QUANTITIES, 1):
            self.setColumnHidden(column, all((name, quantity) not in of for name in self._names))
        self.blockSignals(False)

    def choose(self, vessel: str) -> None:
        """Mark the row of a vessel, without saying that it was chosen."""
        if vessel in self._names and self.currentRow() != self._names.index(vessel):
            self.blockSignals(True)
            self.selectRow(self._names.index(vessel))
            self.blockSignals(False)

    def _tell(self) -> None:
        rows = self.selectionModel().selectedRows()
        if rows and rows[0].row() < len(self._names):
            self.chosen.emit(self._names[rows[0].row()])
