"""The run monitor: live curves of the run that the case watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.monitor.plots import Plot
from app.desktop.session.run_curves import RunCurves
from app.desktop.session.run_watch import RunWatch
from app.desktop.session.words import figures_of, progress_sentence

_RESIDUAL_FLOOR, _SHARE_FLOOR = 1e-16, 1e-14
"""What is smaller, also zero, which has no logarithm, is drawn at this height."""
_MOST_POINTS = 1000
_TIME = ("Time in the run", "s")
PLOTS: tuple[Callable[[], Plot], ...] = (
    partial(Plot, "Pressure at the openings", _TIME, ("Pressure", "mmHg")),
    partial(Plot, "Flow through the openings", _TIME, ("Flow", "mL/s")),
    partial(
        Plot, "Solver: residual, iterations and CFL number", _TIME, ("Residual, iterations, CFL", "1"), is_log=True
    ),
    partial(Plot, "Imbalances and change from one beat or filling to the next", _TIME, ("Share", "%"), is_log=True),
)
"""What makes each plot: some tens of ms, so that a window makes one after the other."""


class RunMonitor(QWidget):
    """Pressures and flows at the openings, and what tells whether the solution can be trusted.

    ``plots`` are those that `PLOTS` make, if they are made already.
    """

    def __init__(self, plots: Sequence[Plot] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = QLabel()
        self.headline.setObjectName("case")
        self.figures = QLabel()
        self.figures.setTextFormat(Qt.TextFormat.RichText)
        self.figures.setWordWrap(True)
        self.figures.setAccessibleName("Figures of the run now")
        self.pressure, self.flow, self.numerics, self.balance = plots or [make() for make in PLOTS]
        grid = QGridLayout()
        grid.setSpacing(4)
        for n, plot in enumerate((self.pressure, self.flow, self.numerics, self.balance)):
            grid.addWidget(plot, n // 2, n % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.headline)
        layout.addWidget(self.figures)
        layout.addLayout(grid, 1)
        self._watch: RunWatch | None = None
        self._is_drawing = False

    def set_watch(self, watch: RunWatch | None) -> None:
        """Show the run that is watched."""
        if self._watch is not None:
            self._watch.changed.disconnect(self.refresh)
        self._watch = watch
        if watch is not None:
            watch.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Draw what is known now: one plot after the other, so that the window answers in between."""
        watch = self._watch
        self.headline.setText(progress_sentence(watch) if watch is not None else "")
        self.figures.setText(_figures_text(watch.curves) if watch is not None else "")
        if watch is None or not watch.curves.time_s:
            for plot in (self.pressure, self.flow, self.numerics, self.balance):
                plot.clear_curves()
        elif self.isVisible() and not self._is_drawing:
            self._is_drawing = True
            QTimer.singleShot(0, self, lambda: self._draw(0))

    def _draw(self, n: int) -> None:
        draws = (self._draw_pressure, self._draw_flow, self._draw_numerics, self._draw_balance)
        watch = self._watch
        self._is_drawing = watch is not None and bool(watch.curves.time_s) and n < len(draws)
        if watch is not None and self._is_drawing:
            draws[n](watch.curves)
            QTimer.singleShot(0, self, lambda: self._draw(n + 1))

    def _draw_pressure(self, curves: RunCurves) -> None:
        _draw_openings(self.pressure, curves.time_s, curves.pressure_mmhg)

    def _draw_flow(self, curves: RunCurves) -> None:
        _draw_openings(self.flow, curves.time_s, curves.flow_ml_s)

    def _draw_numerics(self, curves: RunCurves) -> None:
        for name, values, color in (
            ("residual", curves.residual, theme.CATEGORIES[1]),
            ("iterations", curves.iterations, theme.CATEGORIES[7]),
            ("CFL number", curves.cfl, theme.CATEGORIES[0]),
        ):
            self.numerics.show_curve(name, *_thinned(curves.time_s, values, _RESIDUAL_FLOOR), color)

    def _draw_balance(self, curves: RunCurves) -> None:
        x, y = _thinned(curves.time_s, curves.mass_imbalance, _SHARE_FLOOR)
        self.balance.show_curve("mass imbalance", x, y, theme.CATEGORIES[2])
        color = theme.CATEGORIES[4]
        for name, by_beat, dot_color in (
            (f"energy imbalance of a {curves.turn}", curves.energy_imbalance, theme.CATEGORIES[0]),
            (f"change from {curves.turn} to {curves.turn}", curves.periodicity, color),
        ):
            if by_beat and curves.period_s:
                cycles, shares = np.asarray(by_beat, dtype=float).T
                at = (cycles + 1) * curves.period_s
                self.balance.show_curve(name, at, np.maximum(np.abs(shares), _SHARE_FLOOR), dot_color, dots=True)
        if curves.periodicity_limit is not None:
            limit = curves.periodicity_limit
            self.balance.show_limit(f"its limit: {limit:g} %", limit, color)


def _figures_text(curves: RunCurves) -> str:
    return " &nbsp;&nbsp; ".join(
        f"<span style='color:{theme.MUTED}'>{escape(name)}</span> {escape(value)}".replace(" %", "&nbsp;%")
        for name, value in figures_of(curves)
    )


def _draw_openings(plot: Plot, time_s: Sequence[float], by_cap: Mapping[str, Sequence[float]]) -> None:
    for n, (cap, values) in enumerate(by_cap.items()):
        plot.show_curve(cap.replace("_", " "), *_thinned(time_s, values), theme.CATEGORIES[n % len(theme.CATEGORIES)])


def _thinned(time_s: Sequence[float], values: Sequence[float], floor: float | None = None) -> tuple[Any, Any]:
    """A curve of not too many points; for a logarithmic axis its absolute value, and at least ``floor``.

    A curve begins with its first value that is not zero: before that there is nothing to solve.
    """
    step = max(1, -(-len(time_s) // _MOST_POINTS))
    y = np.asarray(values, dtype=float)
    if floor is not None:
        y = np.maximum(np.abs(y), floor)
        y[: int((y > floor).argmax())] = np.nan
    return np.asarray(time_s, dtype=float)[: len(y) : step], y[::step]
