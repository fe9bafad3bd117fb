"""The edit tools in the panel of the segment step: which edit, its settings, what it did, what the leak guard says."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.desktop.edit.edit_session import EditSession
from app.desktop.edit.edit_tool import EditTool
from app.desktop.panels.forms import ParameterForm
from app.workflow.edit import EditReport
from imaging.segmentation.editing.operation import LARGEST_LABEL
from imaging.segmentation.editing.registry import OPERATIONS

_HINTS = {
    "none": "Press Apply.",
    "points": "Click points in the slices, then press Apply.",
    "stroke": "Draw in a slice with the left button; all planes show it at once.",
    "polygon": "Draw around with the left button; the outline closes when you let go.",
}


class EditSection(QWidget):
    """Chooses an edit and its settings for an `EditTool`. ``place_asked`` carries a place (mm, LPS) to be shown."""

    place_asked = Signal(object)
    chosen = Signal()
    compare_asked = Signal()

    def __init__(self, tool: EditTool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tool = tool
        self._session: EditSession | None = None
        self._form: ParameterForm | None = None
        self.tools = QComboBox()
        self.tools.setAccessibleName("Edit tool")
        self.tools.addItem("No tool", "")
        for operation in OPERATIONS.values():
            self.tools.addItem(operation.title, operation.id)
            self.tools.setItemData(self.tools.count() - 1, operation.about, 3)  # its tool tip
        self.tools.setMaxVisibleItems(self.tools.count())
        self.tools.currentIndexChanged.connect(self._choose)
        self.label = QSpinBox()
        self.label.setRange(1, LARGEST_LABEL)
        self.label.setAccessibleName("Label that is written")
        self.label.setToolTip("The label that the edit writes; other labels stay as they are.")
        self.label.valueChanged.connect(self._take_settings)
        self._about = QLabel()
        self._about.setWordWrap(True)
        self._about.setObjectName("muted")
        self._settings = QVBoxLayout()
        self.apply = QPushButton("Apply")
        self.apply.clicked.connect(tool.apply)
        self.clear = QPushButton("Clear points")
        self.clear.clicked.connect(tool.clear_places)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel = QPushButton("Cancel")
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.barrier = QPushButton("Put the barrier and grow again")
        self.show_leak = QPushButton("Show the leak")
        top = QFormLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.addRow("Tool", self.tools)
        top.addRow("Label", self.label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self._about)
        layout.addLayout(self._settings)
        for widgets in ((self.apply, self.clear), (self.bar, self.cancel)):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            layout.addLayout(row)
        layout.addWidget(self.said)
        row = QHBoxLayout()
        row.addWidget(self.show_leak)
        row.addWidget(self.barrier)
        layout.addLayout(row)
        self.compare = QPushButton("Compare with another segmentation …")
        self.compare.setToolTip("Dice, surface distance, volumes and diameters, with a picture of where they differ.")
        self.compare.clicked.connect(self.compare_asked)
        layout.addWidget(self.compare)
        tool.places_changed.connect(self.refresh)
        self.show_leak.clicked.connect(self._ask_place)
        self._choose(0)

    def set_session(self, session: EditSession) -> None:
        """Tell what the edits of a case do."""
        self._session = session
        self.cancel.clicked.connect(session.cancel)
        self.barrier.clicked.connect(session.accept_barrier)
        session.done.connect(self._tell)
        session.busy_changed.connect(self.refresh)
        session.progressed.connect(self._tell_progress)
        self.refresh()

    def choose(self, operation_id: str) -> None:
        """Take an edit into the hand; an empty text puts it away."""
        self.tools.setCurrentIndex(self.tools.findData(operation_id))

    def set_value(self, name: str, value: Any) -> None:
        """Change a setting of the chosen edit."""
        if self._form is not None:
            self._form.set_values({**self._form.values, name: value})
            self._take_settings()

    def _choose(self, index: int) -> None:
        operation_id = self.tools.itemData(index)
        self._tool.choose(operation_id)
        if self._form is not None:
            self._settings.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
            self._form = None
        operation = self._tool.operation
        if operation is not None:
            self._form = ParameterForm(operation.parameters_type)
            self._form.edited.connect(self._take_settings)
            self._settings.addWidget(self._form)
        self.said.setText("")
        self._take_settings()
        self.chosen.emit()

    def _take_settings(self, *_: object) -> None:
        self._tool.parameters = self._form.values if self._form is not None else {}
        self._tool.label = self.label.value()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what can be done now."""
        operation = self._tool.operation
        is_busy = self._session is not None and self._session.is_busy
        n = len(self._tool.places)
        points = (
            f" {n} point{'s' if n != 1 else ''} set." if operation is not None and operation.places == "points" else ""
        )
        self._about.setText(f"{operation.about} {_HINTS[operation.places]}{points}" if operation is not None else "")
        self._about.setVisible(operation is not None)
        draws = operation is not None and operation.places in ("stroke", "polygon")
        self.apply.setVisible(operation is not None and not draws)
        self.apply.setEnabled(not is_busy and operation is not None and n >= operation.n_places)
        self.clear.setVisible(operation is not None and operation.places == "points")
        self.clear.setEnabled(n > 0 and not is_busy)
        self.tools.setEnabled(not is_busy)
        if self._form is not None:
            self._form.setEnabled(not is_busy)
        self.compare.setVisible(self._session is not None and self._session.labels is not None)
        self.bar.setVisible(is_busy)
        self.cancel.setVisible(is_busy)
        has_leak = self._session is not None and bool(self._session.last_leaks) and not is_busy
        self.barrier.setVisible(has_leak)
        self.show_leak.setVisible(has_leak)

    def _tell(self, report: EditReport) -> None:
        first = f"{report.title}: {report.n_voxels} voxels changed."
        notes = report.notes[:2]
        if "volume_ml" in report.figures:
            first += f" {report.figures['volume_ml']:.2f} mL grown."
        self.said.setText(" ".join([first, *notes]))
        if report.leaks:
            self._ask_place()
        self.refresh()

    def _tell_progress(self, fraction: float, text: str) -> None:
        self.bar.setValue(round(1000 * fraction))
        self.said.setText(text)

    def _ask_place(self) -> None:
        if self._session is not None and self._session.last_leaks:
            self.place_asked.emit(self._session.last_leaks[0].place_mm)
