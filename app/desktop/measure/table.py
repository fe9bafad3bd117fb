"""The table of measurements with what makes, removes and exports them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.case.errors import CaseError
from app.desktop.measure.measuring import Measuring
from app.desktop.session.refusal import refusal_of
from app.workflow.measurements import words_of, write_table
from imaging.measurement import TYPES

_COLUMNS = ("Name", "Kind", "Value")


class MeasurementTable(QWidget):
    """One row for each measurement; ``refused`` carries what went wrong when a file was written."""

    refused = Signal(object)

    def __init__(self, measuring: Measuring, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._measuring = measuring
        self._rows: list[dict[str, Any]] = []
        self._labels: list[str] = []
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        for kind, declared in TYPES.items():
            button = QPushButton(declared.title)
            button.setToolTip(declared.hint)
            if kind == "volume":
                button.clicked.connect(self._ask_label)
            else:
                button.setCheckable(True)
                button.clicked.connect(partial(self._arm, kind))
            self.buttons[kind] = button
            row.addWidget(button)
        row.addStretch(1)
        self.remove_button = QPushButton("Remove")
        self.remove_button.clicked.connect(lambda: measuring.remove(self.selected_ids))
        self.export_button = QPushButton("Export …")
        self.export_button.clicked.connect(self._ask_file)
        row.addWidget(self.remove_button)
        row.addWidget(self.export_button)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setAccessibleName("Measurements")
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(0, 220)
        self.table.setColumnWidth(1, 130)
        self.table.itemSelectionChanged.connect(lambda: measuring.select(frozenset(self.selected_ids)))
        self.table.cellClicked.connect(lambda n, column: measuring.show(self._rows[n]["id"]))
        self.table.itemChanged.connect(self._rename)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 6)
        layout.addLayout(row)
        layout.addWidget(self.table)
        measuring.rows_changed.connect(self.set_rows)
        measuring.armed_changed.connect(self._show_armed)
        self.set_rows([])

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """The measurements whose rows are chosen."""
        chosen = sorted({index.row() for index in self.table.selectedIndexes()})
        return tuple(self._rows[n]["id"] for n in chosen if n < len(self._rows))

    def set_rows(self, rows: list[dict[str, Any]]) -> None:
        """Show rows."""
        self._rows = rows
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for n, row in enumerate(rows):
            for column, text in enumerate((row["name"], TYPES[row["kind"]].title, words_of(row))):
                item = QTableWidgetItem(text)
                if column > 0:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                item.setToolTip(text)
                self.table.setItem(n, column, item)
        self.table.blockSignals(False)
        self.remove_button.setEnabled(bool(rows))
        self.export_button.setEnabled(bool(rows))

    def set_labels(self, names: list[str]) -> None:
        """The labels whose volume can be measured."""
        self._labels = names
        self.buttons["volume"].setEnabled(bool(names))

    def export(self, path: Path) -> None:
        """Write the rows to a file."""
        try:
            write_table(self._rows, path)
        except CaseError as error:
            self.refused.emit(refusal_of(error))

    def _arm(self, kind: str, is_on: bool) -> None:
        if is_on:
            self._measuring.arm(kind)
        else:
            self._measuring.stop()

    def _show_armed(self, kind: str) -> None:
        for name, button in self.buttons.items():
            button.setChecked(name == kind)

    def _ask_label(self) -> None:
        menu = QMenu(self)
        for name in self._labels:
            menu.addAction(name.replace("_", " "), partial(self._measuring.add_volume, name))
        button = self.buttons["volume"]
        menu.exec(button.mapToGlobal(button.rect().bottomLeft()))

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Export the measurements", "measurements.csv", "Table (*.csv);;JSON (*.json)"
        )
        if name:
            self.export(Path(name))

    def _rename(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self._measuring.rename(self._rows[item.row()]["id"], item.text().strip())
