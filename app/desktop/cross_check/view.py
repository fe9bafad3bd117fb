"""Curves of one vessel by all models, and how far they are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.desktop import theme
from app.desktop.monitor.plots import Plot
from app.desktop.session.words import with_unit
from app.workflow.cross_check_result import QUANTITIES, CrossCheck, Difference, ModelId, QuantityId, VesselCheck
from imaging.anatomy.vessel_names import spelled

COLORS: Mapping[ModelId, str] = {
    "3d": "#ffffff",
    "1d": theme.CATEGORIES[0],
    "0d": theme.CATEGORIES[1],
    "1d_elastic": theme.CATEGORIES[2],
}
_SHORT: Mapping[ModelId, str] = {"3d": "3D", "1d": "1D", "0d": "0D", "1d_elastic": "1D elastic"}
_SHARES = (6, 6, 10)
_WORDS: Mapping[QuantityId, str] = {
    "mean_flow": "Mean flow",
    "peak_flow": "Peak flow",
    "flow_curve": "Flow curve",
    "mean_pressure": "Mean pressure",
    "pulse": "Pulse pressure",
    "drop": "Mean drop",
}
"""Where the whole name is too long; that is told when one points at it."""


class VesselCurves(QWidget):
    """Flow, pressure, and the table of differences of the chosen vessel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flow = Plot("Flow", ("Time", "s"), ("Flow", "mL/s"))
        self.pressure = Plot("Pressure", ("Time", "s"), ("Pressure", "mmHg"))
        self.table = DifferenceTable()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget, share in zip((self.flow, self.pressure, self.table), _SHARES, strict=True):
            row.addWidget(widget, share)

    def show_vessel(self, check: CrossCheck, vessel: VesselCheck) -> None:
        """Show a vessel of a cross-check."""
        name, labels = spelled(vessel.name), {model.id: model.label for model in check.models}
        times: Any = np.asarray(check.times_s, dtype=float)
        if check.is_steady:
            times = np.array([0.0, check.period_s])
        for plot, words, of in ((self.flow, "Flow", "flow_ml_s"), (self.pressure, "Pressure", "pressure_mmhg")):
            plot.clear_curves()
            plot.set_title(f"{words} in the middle of {name}" if vessel.curves else f"{words}: not written in {name}")
            for curve in vessel.curves:
                values = np.asarray(getattr(curve, of), dtype=float)
                shown = np.repeat(values[:1], 2) if check.is_steady else values
                label, is_dashed = labels.get(curve.model, _SHORT[curve.model]), curve.model == "1d_elastic"
                plot.show_curve(label, times, shown, COLORS[curve.model], dashed=is_dashed)
        self.table.show_vessel(check, vessel)


class DifferenceTable(QTableWidget):
    """A row for each quantity; what exceeds its limit is marked and says its cause when pointed at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Differences of the models in the chosen vessel")
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWordWrap(True)

    def show_vessel(self, check: CrossCheck, vessel: VesselCheck) -> None:
        """Show a vessel of a cross-check."""
        models: list[ModelId] = [model.id for model in check.models if model.id != "3d"]
        found = {(one.quantity, one.model): one for one in vessel.differences}
        quantities = [quantity for quantity in QUANTITIES if any((quantity, model) in found for model in models)]
        self.clear()
        self.setColumnCount(3 + len(models))
        self.setHorizontalHeaderLabels(["Quantity", "3D", *(_SHORT[model] for model in models), "Limit"])
        self.setRowCount(len(quantities))
        for row, quantity in enumerate(quantities):
            self._show_row(row, quantity, models, found)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.resizeRowsToContents()

    def _show_row(
        self,
        row: int,
        quantity: QuantityId,
        models: list[ModelId],
        found: Mapping[tuple[QuantityId, ModelId], Difference],
    ) -> None:
        name, unit = QUANTITIES[quantity]
        self._put(row, 0, with_unit(_WORDS[quantity], unit), is_left=True, told=with_unit(name, unit))
        known = [found[quantity, model] for model in models if (quantity, model) in found]
        is_own = quantity == "flow_curve"  # a difference by itself, which 3D has none of
        self._put(row, 1, "–" if is_own else _number(known[0].in_3d))
        for column, model in enumerate(models, 2):
            one = found.get((quantity, model))
            if one is None:
                self._put(row, column, "–")
            else:
                mark = " ✗" if one.is_alarm else "" if one.limit is None else " ✓"
                self._put(row, column, f"{_number(one.in_model)}{mark}", one)
        limits = [one.limit for one in known if one.limit is not None]
        self._put(row, 2 + len(models), f"± {limits[0]:.2g}" if limits else "–")

    def _put(
        self, row: int, column: int, text: str, one: Difference | None = None, *, is_left: bool = False, told: str = ""
    ) -> None:
        item = QTableWidgetItem(text.replace("-", "−"))
        item.setToolTip(told)
        side = Qt.AlignmentFlag.AlignLeft if is_left else Qt.AlignmentFlag.AlignRight
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        if one is not None:
            told = f"{one.difference:+.3g} against 3D"
            item.setToolTip("\n".join([told, *(f"Likely cause: {cause}" for cause in one.causes)]))
            if one.is_alarm:
                item.setForeground(QColor(theme.ERROR))
        self.setItem(row, column, item)


def _number(value: float) -> str:
    """Three digits, at most two of them behind the point."""
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.1f}" if abs(value) >= 10.0 else f"{value:.2f}"
