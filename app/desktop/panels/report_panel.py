"""The report: write it, open it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from app.case.records import Case
from app.desktop.panels.step_panel import StepPanel


class ReportPanel(StepPanel):
    """``open_asked`` asks to show the report in the system's viewer."""

    open_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("report", parent)

    def add_sections_below(self) -> None:
        self.open_button = QPushButton("Open the report")
        self.open_button.clicked.connect(self.open_asked)
        self.body.addWidget(self.open_button)
        self.open_button.hide()

    def set_case(self, case: Case, is_writable: bool) -> None:
        super().set_case(case, is_writable)
        self.open_button.setVisible(case.current("report") is not None)
