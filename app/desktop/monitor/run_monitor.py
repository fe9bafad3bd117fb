"""The run monitor: live curves of the run that the case watches."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.monitor.plots import Plot
from app.desktop.session.run_watch import RunWatch
from app.desktop.session.words import progress_sentence

_SMALLEST = 1e-12
_MOST_POINTS = 4000


class RunMonitor(QWidget):
    """Pressures and flows at the openings, and what tells whether the solution can be trusted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = QLabel()
        self.headline.setObjectName("case")
        time = ("Time in the run", "s")
        self.pressure = Plot("Pressure at the openings", time, ("Pressure", "mmHg"))
        self.flow = Plot("Flow through the openings", time, ("Flow", "mL/s"))
        self.numerics = Plot("Solver: residual and CFL number", time, ("Value (log)", ""), is_log=True)
        self.balance = Plot("Mass imbalance and change from beat to beat", time, ("Share (log)", "%"), is_log=True)
        grid = QGridLayout()
        grid.setSpacing(4)
        for n, plot in enumerate((self.pressure, self.flow, self.numerics, self.balance)):
            grid.addWidget(plot, n // 2, n % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.headline)
        layout.addLayout(grid, 1)
        self._watch: RunWatch | None = None

    def set_watch(self, watch: RunWatch | None) -> None:
        """Show the run that is watched."""
        if self._watch is not None:
            self._watch.changed.disconnect(self.refresh)
        self._watch = watch
        if watch is not None:
            watch.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Draw what is known now."""
        plots = (self.pressure, self.flow, self.numerics, self.balance)
        if self._watch is None or not self._watch.curves.time_s:
            for plot in plots:
                plot.clear_curves()
        self.headline.setText(progress_sentence(self._watch) if self._watch is not None else "")
        if self._watch is None or not self._watch.curves.time_s or not self.isVisible():
            return
        curves = self._watch.curves
        time = np.asarray(curves.time_s)
        step = max(1, len(time) // _MOST_POINTS)
        for plot, by_cap in ((self.pressure, curves.pressure_mmhg), (self.flow, curves.flow_ml_s)):
            for n, (cap, values) in enumerate(by_cap.items()):
                color = theme.CATEGORIES[n % len(theme.CATEGORIES)]
                y = np.asarray(values)
                plot.show_curve(cap.replace("_", " "), time[: len(y) : step], y[::step], color)
        for plot, name, values, color, dashed in (
            (self.numerics, "residual", curves.residual, theme.CATEGORIES[1], False),
            (self.numerics, "CFL number", curves.cfl, theme.CATEGORIES[0], True),
            (self.balance, "mass imbalance", curves.mass_imbalance, theme.CATEGORIES[2], False),
        ):
            y = np.abs(np.asarray(values, dtype=float))
            y[y < _SMALLEST] = np.nan  # zero has no logarithm
            plot.show_curve(name, time[::step], y[::step], color, dashed=dashed)
        if curves.periodicity and curves.period_s:
            cycles, errors = np.asarray(curves.periodicity, dtype=float).T
            at = (cycles + 1) * curves.period_s
            color = theme.CATEGORIES[4]
            self.balance.show_curve("change from beat to beat", at, np.maximum(errors, _SMALLEST), color, dots=True)
