"""Plots in the window's theme: title and legend above the curves, never over them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.session.words import with_unit

pyqtgraph.setConfigOptions(background=theme.BACKGROUND, foreground=theme.MUTED, antialias=True)

_HEADROOM = 0.06
_LEAST_DECADES = 2.0
_MOST_TICKS = 7
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class DecadeAxis(pyqtgraph.AxisItem):  # type: ignore[misc]
    """A logarithmic axis with a number at each decade, or at every second, third ... when there are many."""

    def logTickValues(self, minVal: float, maxVal: float, size: float, stdTicks: Any) -> Any:
        """Ticks from ``minVal`` to ``maxVal`` (powers of ten) of an axis of ``size`` px."""
        low, high = int(-(-minVal // 1)), int(maxVal // 1)
        step = max(1, -(-(high - low + 1) // max(2, min(_MOST_TICKS, int(size / 28)))))
        shown = [float(n) for n in range(low, high + 1) if n % step == 0]
        return [(float(step), shown)]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The numbers at ticks (powers of ten)."""
        return [decade_text(round(value)) for value in values]


def decade_text(power: int) -> str:
    """A power of ten as people write it."""
    return f"{10.0**power:g}" if -2 <= power <= 3 else f"10{str(power).translate(_RAISED)}"


class Plot(QWidget):
    """A titled plot with units on its axes, curves that are named above it, and no hidden mouse modes."""

    def __init__(self, title: str, bottom: tuple[str, str], left: tuple[str, str], *, is_log: bool = False) -> None:
        super().__init__()
        self.setObjectName("plot")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(title)
        self._title = QLabel(f"<b>{escape(title)}</b>")
        self._legend = QLabel()
        for label in (self._title, self._legend):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
        self._legend.hide()
        axes = {"left": DecadeAxis("left")} if is_log else {}
        self.chart = pyqtgraph.PlotWidget(enableMenu=False, axisItems=axes)
        item = self.chart.getPlotItem()
        item.ctrlMenu.setParent(self.chart)  # gone with the chart
        item.ctrlMenu.hide()  # and never shown
        item.setLabel("bottom", with_unit(*bottom))
        item.setLabel("left", with_unit(*left))
        for axis in ("bottom", "left"):
            item.getAxis(axis).enableAutoSIPrefix(False)
        item.setLogMode(y=is_log)
        if is_log:
            item.setLimits(minYRange=_LEAST_DECADES)
        item.getViewBox().setDefaultPadding(_HEADROOM)
        item.showGrid(x=True, y=True, alpha=0.2)
        item.hideButtons()
        self.chart.setMouseEnabled(x=False, y=False)
        self.chart.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 8, 2)
        layout.setSpacing(1)
        layout.addWidget(self._title)
        layout.addWidget(self._legend)
        layout.addWidget(self.chart, 1)
        self._curves: dict[str, Any] = {}
        self._entries: dict[str, str] = {}
        self._marks: list[Any] = []

    def show_curve(
        self, name: str, x: Any, y: Any, color: str, *, dots: bool = False, dashed: bool = False, in_legend: bool = True
    ) -> None:
        """Draw a named curve, or draw it anew."""
        curve = self._curves.get(name)
        if curve is None:
            style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
            pen = pyqtgraph.mkPen(color, width=2, style=style)
            marks = {"symbol": "o", "symbolBrush": color, "symbolPen": None, "symbolSize": 7} if dots else {}
            curve = self._curves[name] = self.chart.plot(pen=pen, connect="finite", **marks)
            if in_legend:
                self._add_entry(name, color, "●" if dots else "╍╍" if dashed else "━━")
        curve.setData(x, y)

    def show_limit(self, name: str, value: float, color: str) -> None:
        """Draw a limit as a dashed line across the whole plot; the plot always shows it."""
        line = self._curves.get(name)
        if line is None:
            pen = pyqtgraph.mkPen(color, width=1.5, style=Qt.PenStyle.DashLine)
            line = self._curves[name] = self.chart.plot(pen=pen)
            self._add_entry(name, color, "╍╍")
        x = [value for curve in self._curves.values() if curve is not line for value in _ends(curve)] or [0.0, 1.0]
        line.setData([min(x), max(x)], [value, value])

    def set_title(self, title: str) -> None:
        """Another title."""
        self._title.setText(f"<b>{escape(title)}</b>")

    def add_line(self, line: Any) -> None:
        """Put a line of pyqtgraph over the curves."""
        self.chart.addItem(line)

    def mark(self, name: str, ends: tuple[float, float], color: str) -> None:
        """Shade a stretch of the horizontal axis, with its name."""
        stretch = pyqtgraph.LinearRegionItem(ends, movable=False, brush=color + "28", pen=pyqtgraph.mkPen(None))
        stretch.setZValue(-10)
        pyqtgraph.InfLineLabel(stretch.lines[0], name, position=0.08, anchors=[(0, 0), (0, 0)], color=color)
        self.chart.addItem(stretch)
        self._marks.append(stretch)

    def curve_data(self, name: str) -> tuple[Any, Any]:
        """What a curve shows."""
        x, y = self._curves[name].getOriginalDataset()
        return x, y

    def clear_curves(self) -> None:
        """Draw nothing."""
        for item in (*self._curves.values(), *self._marks):
            self.chart.removeItem(item)
        self._curves.clear()
        self._marks.clear()
        self._entries.clear()
        self._legend.clear()
        self._legend.hide()

    @property
    def curve_names(self) -> tuple[str, ...]:
        """The curves that are drawn."""
        return tuple(self._curves)

    @property
    def legend_names(self) -> tuple[str, ...]:
        """The curves that are named above the plot."""
        return tuple(self._entries)

    def _add_entry(self, name: str, color: str, mark: str) -> None:
        words = escape(name).replace(" ", "&nbsp;")
        self._entries[name] = f"<span style='color:{color}'>{mark}</span>&nbsp;{words}"
        self._legend.setText(" &nbsp; ".join(self._entries.values()))
        self._legend.show()


def _ends(curve: Any) -> list[float]:
    """Where a curve begins and ends along x."""
    x, _ = curve.getOriginalDataset()
    return [float(x[0]), float(x[-1])] if x is not None and len(x) else []
