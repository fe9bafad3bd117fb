"""A slider with a number beside it, for a declared parameter."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from app.desktop.panels.forms import NumberField, tooltip_of
from app.workflow.parameters import Parameter

_TICKS = 200
_DIGITS = 3


class Dial(QWidget):
    """``turned`` carries the value after each movement; factors turn evenly on a logarithmic scale."""

    turned = Signal(float)

    def __init__(self, title: str, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert parameter.minimum is not None and parameter.maximum is not None
        self._low, self._high = parameter.minimum, parameter.maximum
        self._is_factor = parameter.unit == "1"
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _TICKS)
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.number = NumberField(parameter)
        if self._is_factor:
            self.number.setPrefix("× ")
        self.number.setFixedWidth(92)
        label = QLabel(title)
        label.setBuddy(self.number)
        for widget in (label, self.slider, self.number):
            widget.setToolTip(tooltip_of(parameter))
        for widget in (self.slider, self.number):
            widget.setAccessibleName(parameter.help)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnMinimumWidth(0, 88)
        grid.addWidget(label, 0, 0)
        grid.addWidget(self.slider, 0, 1)
        grid.addWidget(self.number, 0, 2)
        self.set_value(float(parameter.default))
        self.slider.valueChanged.connect(self._slide)
        self.number.valueChanged.connect(self._enter)

    @property
    def value(self) -> float:
        """What it says."""
        return float(self.number.value())

    def set_value(self, value: float) -> None:
        """Show a value, without saying that it was turned."""
        for widget, shown in ((self.slider, self._tick(value)), (self.number, value)):
            widget.blockSignals(True)
            widget.setValue(shown)  # type: ignore[arg-type]
            widget.blockSignals(False)

    def _slide(self, tick: int) -> None:
        share = tick / _TICKS
        if self._is_factor:
            value = self._low * (self._high / self._low) ** share
            value = 1.0 if self._tick(value) == self._tick(1.0) else value
        else:
            value = self._low + share * (self._high - self._low)
        value = float(f"{value:.{_DIGITS}g}")
        self.number.blockSignals(True)
        self.number.setValue(value)
        self.number.blockSignals(False)
        self.turned.emit(self.value)

    def _enter(self, value: float) -> None:
        self.set_value(value)
        self.turned.emit(self.value)

    def _tick(self, value: float) -> int:
        if self._is_factor:
            share = math.log(max(value, self._low) / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return round(_TICKS * min(1.0, max(0.0, share)))
