"""The panel of a mode that has a model worked out: its parameters, start, progress, Cancel, and what was found."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.desktop.modes import Mode
from app.desktop.panels.forms import ParameterForm
from app.desktop.panels.step_panel import scroll_in


class ModelPanel(QWidget):
    """``start_asked`` carries the values of the form."""

    start_asked = Signal(object)
    cancel_asked = Signal()

    def __init__(self, mode: Mode, declaration: type[Any], start: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        inner = QWidget()
        inner.setObjectName("panel")
        self.body = body = QVBoxLayout(inner)
        body.setContentsMargins(12, 10, 12, 10)
        title, about = QLabel(mode.title), QLabel(mode.about)
        title.setObjectName("title")
        about.setObjectName("muted")
        self.form = ParameterForm(declaration)
        self.state = QLabel()
        for label in (about, self.state):
            label.setWordWrap(True)
        self.start_button = QPushButton(start)
        self.start_button.setObjectName("primary")
        self.start_button.clicked.connect(lambda: self.start_asked.emit(self.form.values))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        self.result = QWidget()
        self.found = QVBoxLayout(self.result)
        self.found.setContentsMargins(0, 0, 0, 0)
        for part in (title, about, self.form, self.start_button, self.state, self.bar, self.cancel_button, self.result):
            body.addWidget(part)
        body.addStretch(1)
        scroll_in(self, inner)
        self.set_progress(None)
        self.result.hide()

    def set_declaration(self, declaration: type[Any]) -> None:
        """Ask for other parameters than before."""
        old, self.form = self.form, ParameterForm(declaration)
        self.body.replaceWidget(old, self.form)
        old.hide()
        old.deleteLater()

    def add_text(self) -> QLabel:
        """A rich text below what was found before."""
        label = QLabel()
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.found.addWidget(label)
        return label

    def set_state(self, text: str, *, can_start: bool) -> None:
        """What stands in the way, or how it stands."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.start_button.setEnabled(can_start)

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """How far it is; None hides the bar."""
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(fraction is not None)
        self.form.setEnabled(fraction is None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            self.set_state(f"{text} …", can_start=False)
