"""Plots in the window's theme."""

from __future__ import annotations

from typing import Any

import pyqtgraph
from PySide6.QtGui import QColor

from app.desktop import theme
from app.desktop.session.words import with_unit

pyqtgraph.setConfigOptions(background=theme.BACKGROUND, foreground=theme.MUTED, antialias=True)


class Plot(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """A titled plot with units on its axes, named curves, and no hidden mouse modes."""

    def __init__(self, title: str, bottom: tuple[str, str], left: tuple[str, str], *, is_log: bool = False) -> None:
        super().__init__()
        item = self.getPlotItem()
        item.setTitle(title, color=theme.TEXT, size="10pt")
        item.setLabel("bottom", with_unit(*bottom))
        item.setLabel("left", with_unit(*left))
        for axis in ("bottom", "left"):
            item.getAxis(axis).enableAutoSIPrefix(False)
        item.setLogMode(y=is_log)
        item.showGrid(x=True, y=True, alpha=0.2)
        item.hideButtons()
        item.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self._legend = item.addLegend(
            offset=(-4, 4),
            labelTextColor=theme.TEXT,
            labelTextSize="8pt",
            verSpacing=-6,
            brush=QColor(20, 23, 27, 170),
        )
        self._curves: dict[str, Any] = {}
        self.setAccessibleName(title)

    def show_curve(
        self, name: str, x: Any, y: Any, color: str, *, dots: bool = False, dashed: bool = False, in_legend: bool = True
    ) -> None:
        """Draw a named curve, or draw it anew."""
        curve = self._curves.get(name)
        if curve is None:
            style = pyqtgraph.QtCore.Qt.PenStyle.DashLine if dashed else pyqtgraph.QtCore.Qt.PenStyle.SolidLine
            pen = pyqtgraph.mkPen(color, width=2, style=style)
            marks = {"symbol": "o", "symbolBrush": color, "symbolPen": None, "symbolSize": 7} if dots else {}
            curve = self._curves[name] = self.plot(pen=pen, name=name if in_legend else None, connect="finite", **marks)
        curve.setData(x, y)

    def curve_data(self, name: str) -> tuple[Any, Any]:
        """What a curve shows."""
        x, y = self._curves[name].getOriginalDataset()
        return x, y

    def clear_curves(self) -> None:
        """Draw nothing."""
        for curve in self._curves.values():
            self.removeItem(curve)
        self._curves.clear()
        self._legend.clear()

    @property
    def curve_names(self) -> tuple[str, ...]:
        """The curves that are drawn."""
        return tuple(self._curves)
