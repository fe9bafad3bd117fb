"""The mesh: closed or laid open."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QWidget

from app.case.records import Case
from app.desktop.panels.step_panel import StepPanel


class MeshPanel(StepPanel):
    """``cut_changed`` tells whether the mesh is to be laid open at the crosshair."""

    cut_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("mesh", parent)

    def add_sections(self) -> None:
        self.cut = QCheckBox("Lay the mesh open at the crosshair")
        self.cut.setToolTip("Cells in front of the crosshair are left away, seen from the front.")
        self.cut.toggled.connect(self.cut_changed)
        self._colors = QLabel("Red: wall. Gray: flow extensions. Laid open: yellow layers, blue core.")
        self._colors.setObjectName("muted")
        self._colors.setWordWrap(True)
        self.body.addWidget(self.cut)
        self.body.addWidget(self._colors)

    def set_case(self, case: Case, is_writable: bool) -> None:
        super().set_case(case, is_writable)
        for widget in (self.cut, self._colors):
            widget.setVisible(case.current("mesh") is not None)
