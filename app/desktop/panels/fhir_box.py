"""A button that reads the patient's data from a FHIR file, and what was taken of it and what was not."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from app.desktop import theme

if TYPE_CHECKING:
    from app.desktop.session.case_store import CaseStore


class FhirBox(QWidget):
    """``file_chosen`` carries the path of a file."""

    file_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton("Read from FHIR …")
        self.button.setToolTip("Patient and Observations of FHIR R4 or R5 as JSON. Names are never kept.")
        self.button.clicked.connect(self._choose)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setTextFormat(Qt.TextFormat.RichText)
        self.told.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 2, 0, 2)
        box.addWidget(self.button)
        box.addWidget(self.told)

    def serve(self, store: CaseStore) -> None:
        """Take what is chosen into a case, off the window's thread; a refusal is the store's."""
        self.file_chosen.connect(lambda name: store.call(lambda: _take(store, name), self.tell))

    def tell(self, read: Any) -> None:
        """Say what was taken and what was not."""
        lines = [f"<span style='color:{theme.STATE_COLORS['done']}'>✓</span> {escape(line)}" for line in read.taken]
        lines += [f"<span style='color:{theme.WARNING}'>not taken:</span> {escape(line)}" for line in read.not_taken]
        self.told.setText("<br>".join(lines))
        self.told.show()

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Read the patient's data", "", "FHIR (*.json)")
        if name:
            self.told.hide()
            self.file_chosen.emit(name)


def _take(store: CaseStore, name: str) -> Any:
    from app.workflow.fhir import take_fhir

    return take_fhir(store.opened, Path(name))
