"""Curves and tables of an answer, below the 3D view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QWidget,
)

from app.desktop import theme
from app.desktop.monitor.plots import Plot
from app.workflow.assessments.frame import cell_text

_SHARES = (9, 11)
_TREATED = "Before and after the treatment"


class AnswerView(QWidget):
    """The curves of one title at the left, all tables at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = Plot("", ("", ""), ("", ""))
        self.tables = QTabWidget()
        self.tables.setAccessibleName("Tables of the answer")
        self.treated = QTableWidget(self)
        self.treated.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget, share in zip((self.plot, self.tables), _SHARES, strict=True):
            row.addWidget(widget, share)
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def sizeHint(self) -> QSize:
        return QSize(900, 320)

    def show_tables(self, answer: Mapping[str, Any]) -> None:
        """Show the tables of an answer."""
        for at in reversed(range(self.tables.count())):
            old = self.tables.widget(at)
            if old is not None and old is not self.treated:
                self.tables.removeTab(at)
                old.deleteLater()
        for one in answer["tables"]:
            self.tables.addTab(table_of(one["title"], one["columns"], one["rows"]), one["title"])
        self.tables.setVisible(self.tables.count() > 0)

    def show_treated(self, columns: Sequence[str] = (), rows: Sequence[Sequence[Any]] = ()) -> None:
        """Show what a treatment changes as the first table; without rows it is taken away."""
        at = self.tables.indexOf(self.treated)
        if rows:
            table_of(_TREATED, columns, rows, self.treated)
            if at < 0:
                self.tables.setCurrentIndex(self.tables.insertTab(0, self.treated, _TREATED))
            self.tables.show()
        elif at >= 0:
            self.tables.removeTab(at)

    def show_curves(
        self, answer: Mapping[str, Any], title: str, after: tuple[str, tuple[Any, Any]] | None = None
    ) -> None:
        """Show the curves of one title; without one the tables have the place.

        Parameters
        ----------
        after
            Name and points of one more curve, which stands out.
        """
        curves = [curve for curve in answer["curves"] if curve["title"] == title]
        self.plot.clear_curves()
        self.plot.setVisible(bool(curves))
        for number, curve in enumerate(curves):
            self.plot.set_title(title)
            item = self.plot.chart.getPlotItem()
            item.setLabel("bottom", curve["x_label"])
            item.setLabel("left", curve["y_label"])
            self.plot.show_curve(curve["name"], curve["x"], curve["y"], theme.CATEGORIES[number % 8])
        if after is not None and curves:
            self.plot.show_curve(after[0], *after[1], theme.TEXT, dashed=True)
        for span in answer.get("spans", ()):
            if span["title"] == title:
                self.plot.mark(span["name"], (span["from_x"], span["to_x"]), theme.WARNING)


def table_of(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], table: QTableWidget | None = None
) -> QTableWidget:
    """A table that can be read, not edited; one that is given is filled anew."""
    table = table or QTableWidget()
    table.setRowCount(len(rows))
    table.setColumnCount(len(columns))
    table.setAccessibleName(title)
    table.setHorizontalHeaderLabels([_wrapped(column) for column in columns])
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            item, text = table.item(row, column), cell_text(value)
            if item is None:
                item = QTableWidgetItem()
                table.setItem(row, column, item)
            if item.text() != text:
                item.setText(text)
                item.setToolTip(text)
            side = Qt.AlignmentFlag.AlignLeft if isinstance(value, str) else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return table


def _wrapped(column: str) -> str:
    """A heading in two lines: its unit below it, or broken near its middle."""
    if " [" in column:
        return column.replace(" [", "\n[", 1)
    words = column.split(" ")
    half = (len(words) + 1) // 2
    return "\n".join(filter(None, (" ".join(words[:half]), " ".join(words[half:]))))
