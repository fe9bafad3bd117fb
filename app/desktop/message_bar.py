"""A bar for one sentence: it never blocks, and can lead to the place that the sentence is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.desktop.session.refusal import Refusal


class MessageBar(QFrame):
    """Shows a refusal or a note until it is closed or replaced. ``place_asked`` carries the place (LPS, mm)."""

    place_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self.refusal: Refusal | None = None
        self._mark = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._offers: list[QPushButton] = []
        self._close = QPushButton("Close")
        self._close.clicked.connect(self.clear)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 5, 10, 5)
        self._row.addWidget(self._mark)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._close)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown, or an empty text."""
        return "" if self.isHidden() else self._text.text()

    @property
    def offers(self) -> dict[str, QPushButton]:
        """What can be done about it, by title."""
        return {button.text(): button for button in self._offers}

    def show_refusal(self, refusal: Refusal, offers: Sequence[tuple[str, Callable[[], None]]] = ()) -> None:
        """Say what is wrong, with ``Show`` when it has a place, and what else can be done about it."""
        self.refusal = refusal
        place = refusal.place_mm
        shown = [("Show", lambda: self.place_asked.emit(place))] if place is not None else []
        self._say("!", refusal.message, "error", [*shown, *offers])

    def show_note(self, text: str, offers: Sequence[tuple[str, Callable[[], None]]] = ()) -> None:
        """Say something that is no error."""
        self.refusal = None
        self._say("i", text, "info", offers)

    def clear(self) -> None:
        """Say nothing."""
        self.refusal = None
        self.hide()

    def _say(self, mark: str, text: str, severity: str, offers: Sequence[tuple[str, Callable[[], None]]]) -> None:
        for button in self._offers:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._offers = []
        for title, action in offers:
            button = QPushButton(title)
            button.clicked.connect(lambda checked=False, action=action: self._take(action))
            self._row.insertWidget(self._row.count() - 1, button)
            self._offers.append(button)
        self._mark.setText(f"<b>{mark}</b>")
        self._text.setText(text)
        self.setProperty("severity", severity)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def _take(self, action: Callable[[], None]) -> None:
        if self.refusal is None or self.refusal.place_mm is None:
            self.clear()
        action()
