"""A slider through the phases of a series that was imported with all of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

_REST_MS = 60
_PLAY_MS = 250


class PhaseBar(QWidget):
    """``wanted`` carries the number of the phase that is to be shown in the slices."""

    wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: tuple[str, ...] = ()
        self._used = 0
        self._is_waiting = False
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Phase that the slices show")
        self.slider.valueChanged.connect(self._choose)
        self.play_button = QPushButton("Play")
        self.play_button.setCheckable(True)
        self.play_button.toggled.connect(self._play)
        self.text = QLabel()
        self.back_button = QPushButton("Back")
        self.back_button.setToolTip("Show the phase from which everything is computed")
        self.back_button.clicked.connect(lambda: self.slider.setValue(self._used))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 4)
        for widget in (QLabel("Phase"), self.play_button, self.slider, self.text, self.back_button):
            row.addWidget(widget)
        row.setStretch(2, 1)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._ask)
        self._beat = QTimer(self)
        self._beat.timeout.connect(self._next)
        self.hide()

    def set_phases(self, labels: Sequence[str], used: int) -> None:
        """The phases there are, in order, and which of them segmentation and all that follows use."""
        self.play_button.setChecked(False)
        self._labels, self._used, self._is_waiting = tuple(labels), used, False
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(labels) - 1))
        self.slider.setValue(used)
        self.slider.blockSignals(False)
        self.setVisible(len(labels) > 1)
        self._tell()

    def tell_shown(self) -> None:
        """The phase that was wanted is on the screen."""
        self._is_waiting = False

    def _choose(self, number: int) -> None:
        self._tell()
        if not self._rest.isActive():
            self._rest.start(_REST_MS)

    def _ask(self) -> None:
        self._is_waiting = True
        self.wanted.emit(self.slider.value())

    def _next(self) -> None:
        if not self._is_waiting:
            self.slider.setValue((self.slider.value() + 1) % len(self._labels))

    def _play(self, is_playing: bool) -> None:
        self.play_button.setText("Pause" if is_playing else "Play")
        if is_playing:
            self._beat.start(_PLAY_MS)
        else:
            self._beat.stop()

    def _tell(self) -> None:
        if not self._labels:
            return
        shown, used = self._labels[self.slider.value()], self._labels[self._used]
        is_used = self.slider.value() == self._used
        self.back_button.setEnabled(not is_used)
        self.text.setText(
            f"{shown}: from it everything is computed"
            if is_used
            else f"slices show {shown}; 3D, measurements and steps: {used}"
        )
