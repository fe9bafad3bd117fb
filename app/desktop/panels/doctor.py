"""What the Doctor says about a run that failed: the cause, the place, and fixes that can be applied."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.panels.findings import LevelMark
from solvers.doctor.fixes import Fix


class DoctorBox(QFrame):
    """``place_asked`` carries the place (mm, LPS), ``fix_asked`` the fix that is to be applied."""

    place_asked = Signal(object)
    fix_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("doctor")
        self.setStyleSheet(f"QFrame#doctor {{ border: 1px solid {theme.ERROR}; border-radius: 6px; }}")
        self.cause = QLabel()
        self.cause.setWordWrap(True)
        self.cause.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.behind = QLabel()
        self.behind.setObjectName("muted")
        self.behind.setWordWrap(True)
        self.then = QLabel("Each of these starts the run again, or goes on with it:")
        self.then.setObjectName("muted")
        self.by_hand = QLabel()
        self.by_hand.setWordWrap(True)
        self.show_button = QPushButton("Show the place")
        self.show_button.clicked.connect(lambda: self.place_asked.emit(self._place_mm))
        title = QLabel("<b>Doctor</b>")
        head = QHBoxLayout()
        head.addWidget(LevelMark("error"), 0)
        head.addWidget(title, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 8, 10, 8)
        self._column.addLayout(head)
        self._column.addWidget(self.cause)
        self._column.addWidget(self.behind)
        self._column.addWidget(self.show_button)
        self._column.addWidget(self.then)
        self._offers = QVBoxLayout()
        self._column.addLayout(self._offers)
        self._column.addWidget(self.by_hand)
        self.buttons: list[QPushButton] = []
        self._shown: tuple[Fix, ...] = ()
        self._make_buttons()
        self._place_mm: tuple[float, float, float] | None = None
        self.hide()

    def set_diagnosis(
        self,
        sentence: str,
        cause: str,
        place_mm: tuple[float, float, float] | None,
        fixes: Sequence[Fix],
        can_fix: bool,
    ) -> None:
        """Show what happened, what is behind it, and what helps; an empty sentence shows nothing."""
        self.setVisible(bool(sentence))
        self.cause.setText(sentence)
        self.behind.setText(f"Cause: {cause}" if fixes else cause)
        self.behind.setVisible(bool(cause))
        self._place_mm = place_mm
        self.show_button.setVisible(place_mm is not None)
        if tuple(fixes) != self._shown:
            self._shown = tuple(fixes)
            self._make_buttons()
        for button in self.buttons:
            button.setEnabled(can_fix)

    def _make_buttons(self) -> None:
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        for fix in (fix for fix in self._shown if fix.is_automatic):
            button = QPushButton(fix.title)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # a long one widens no panel
            button.setObjectName("" if self.buttons else "primary")
            button.setToolTip(_what_happens(fix))
            button.clicked.connect(lambda checked=False, fix=fix: self.fix_asked.emit(fix))
            self._offers.addWidget(button)
            self.buttons.append(button)
        self.then.setVisible(bool(self.buttons))
        by_hand = [fix.title for fix in self._shown if not fix.is_automatic]
        self.by_hand.setText("By hand: " + "; ".join(by_hand) + "." if by_hand else "")
        self.by_hand.setVisible(bool(by_hand))


def _what_happens(fix: Fix) -> str:
    if fix.step is not None:
        return f"Does {fix.step.step} and the steps after it again, then starts the run."
    if fix.change is not None and not fix.goes_on:
        return "Prepares a new run with this changed and starts it; the old run stays as it is."
    return "Goes on from the last checkpoint."
