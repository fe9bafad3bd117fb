"""How far the making of a model is, with Cancel, or what stands in the way of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget


class ProgressPart(QWidget):
    """``cancel_asked`` tells that the model is not wanted."""

    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget in (self.state, self.bar, self.cancel_button):
            box.addWidget(widget)
        self.set_progress(None)
        self.set_state("")

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """How far it is; None hides the bar."""
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(fraction is not None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            self.set_state(f"{text} …")

    def set_state(self, text: str) -> None:
        """What stands in the way, or nothing."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
