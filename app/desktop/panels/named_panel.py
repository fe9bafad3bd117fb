"""The vessel model: names of its vessels and openings."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QGridLayout, QLabel, QWidget

from app.desktop.panels.step_panel import StepPanel, section
from app.workflow.vessel_names import name_rows
from imaging.types import VesselModel

_MOST_SUGGESTED = 40


class NamedVesselsPanel(StepPanel):
    """``renamed`` carries the name of a vessel or an opening and what was typed instead."""

    renamed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.fields: dict[str, QComboBox] = {}
        self._shown: list[QWidget] = []
        super().__init__("model", parent)

    def add_sections_below(self) -> None:
        self._title = section("Names")
        self._hint = QLabel("Type a name or choose one. Mesh and outlets take it over; Undo takes it back.")
        self._hint.setObjectName("muted")
        self._hint.setWordWrap(True)
        self._box = QWidget()
        self._grid = QGridLayout(self._box)
        self._grid.setContentsMargins(0, 0, 0, 0)
        for widget in (self._title, self._hint, self._box):
            self.body.addWidget(widget)
            widget.hide()

    def set_model(self, model: VesselModel | None) -> None:
        """Show the names of a model."""
        for widget in self._shown:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.fields, self._shown = {}, []
        for n, row in enumerate(name_rows(model) if model is not None else ()):
            self._shown += [QLabel(", ".join(row["names"]).capitalize()), self._field(row)]
            for column, widget in enumerate(self._shown[-2:]):
                self._grid.addWidget(widget, n, column)
        self._grid.setColumnStretch(1, 1)
        for widget in (self._title, self._hint, self._box):
            widget.setVisible(model is not None)
        self._refresh()

    def _field(self, row: dict[str, Any]) -> QComboBox:
        name = str(row["name"])
        field = QComboBox()
        field.setEditable(True)
        field.addItems([_spoken(text) for text in (name, *row["suggestions"][:_MOST_SUGGESTED])])
        field.setAccessibleName(f"Name of {_spoken(name)}")
        completer = field.completer()
        assert completer is not None
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        field.setMinimumContentsLength(12)

        def tell() -> None:
            if field.currentText().strip() not in ("", _spoken(name)):
                self.renamed.emit(name, field.currentText())

        field.activated.connect(lambda index: tell())
        line = field.lineEdit()
        assert line is not None
        line.editingFinished.connect(tell)
        self.fields[name] = field
        return field

    def _refresh(self) -> None:
        super()._refresh()
        for field in self.fields.values():
            field.setEnabled(self._is_writable and not self._is_busy)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
