"""Colors for numbers: perceptually uniform, safe for color-blind readers, one fixed range over the cycle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from app.desktop import theme
from app.desktop.session.words import unit_text, with_unit
from app.desktop.views.slice_marks import draw_text

_UPPER_PERCENTILE = 99.0
_SAMPLES = 2_000_000
_NOTE_SCALE = 0.8
_STEPS_OF_RANGE = 8
_MAP, _CHANGE_MAP = "viridis", "CET-D1"
"""From blue over white to red."""


@dataclass(frozen=True)
class ColorScale:
    """Values from ``low`` to ``high`` become the colors of ``map_name``; what lies outside takes the end's color."""

    label: str
    unit: str
    low: float
    high: float
    note: str
    map_name: str = _MAP

    @classmethod
    def of(cls, label: str, unit: str, values: NDArray[Any], map_name: str = _MAP) -> ColorScale:
        """The range of a field over the whole cycle, from its least value (or zero) to its 99th percentile.

        A few cells beside a corner can be far above all others, hence the percentile; the note states it and the
        maximum.
        """
        finite = np.asarray(values, dtype=np.float64).ravel()
        finite = finite[np.isfinite(finite)]
        if not finite.size:
            return cls(label, unit, 0.0, 1.0, "no values", map_name)
        sample = finite[:: max(1, finite.size // _SAMPLES)]
        low, high = np.percentile(sample, (100.0 - _UPPER_PERCENTILE, _UPPER_PERCENTILE))
        least, most = float(finite.min()), float(finite.max())
        if least >= 0.0 and low < 0.25 * high:
            low = 0.0
        if not high > low:
            low, high = least, max(most, least + 1e-9 + abs(least) * 1e-6)
        top = f"top: {_UPPER_PERCENTILE:.0f}th percentile"
        note = f"fixed over the cycle\n{top}\nmaximum {most:.3g} {unit_text(unit)}".rstrip()
        return cls(label, unit, float(low), float(high), note, map_name)

    @classmethod
    def round(
        cls, label: str, unit: str, values: NDArray[Any], note: str, *, least: float, is_change: bool = False
    ) -> ColorScale:
        """A range from round number to round number, so that colors stay while values move a little.

        Parameters
        ----------
        least
            Smallest width of the range.
        is_change
            Whether zero is in the middle, between two colors.
        """
        low, high = float(np.min(values)), float(np.max(values))
        if is_change:
            high = max(abs(low), abs(high), 0.5 * least)
            low = -high
        elif high - low < least:
            low, high = 0.5 * (low + high - least), 0.5 * (low + high + least)
        step = round_step((high - low) / _STEPS_OF_RANGE)
        low, high = np.floor(low / step + 1e-9) * step, np.ceil(high / step - 1e-9) * step
        return cls(label, unit, float(low), float(high), note, _CHANGE_MAP if is_change else _MAP)

    def rgb(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """RGB (n, 3) of values (n,)."""
        table = color_table(self.map_name)
        share = (np.asarray(values, dtype=np.float32) - self.low) / (self.high - self.low)
        index = np.nan_to_num(np.clip(share, 0.0, 1.0) * (len(table) - 1)).astype(np.intp)
        return table[index]


def read_color_tables() -> None:
    """Read the tables from their files, in whatever thread, so that the window finds them there."""
    for map_name in (_MAP, _CHANGE_MAP):
        color_table(map_name)


@cache
def color_table(map_name: str) -> NDArray[np.uint8]:
    """256 colors (256, 3) of a color map."""
    import pyqtgraph

    table: NDArray[np.uint8] = pyqtgraph.colormap.get(map_name).getLookupTable(nPts=256, alpha=False)
    return np.ascontiguousarray(table[:, :3].astype(np.uint8))


def round_step(least: float) -> float:
    """The smallest round number that is not smaller."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if power * factor >= least * 0.999))


def ticks_of(low: float, high: float, n_wanted: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``."""
    span = high - low
    step = round_step(span / n_wanted)
    first = np.ceil(low / step - 1e-9) * step
    return [float(value) + 0.0 for value in np.arange(first, high + 1e-9 * span, step)]


def draw_scale(painter: QPainter, area: QRectF, scale: ColorScale, top: float, height: float) -> None:
    """A vertical bar at the right edge with name, unit, ticks and note."""
    flag = Qt.AlignmentFlag
    title = with_unit(scale.label, scale.unit)
    font, small = painter.font(), painter.font()
    small.setPointSizeF(_NOTE_SCALE * font.pointSizeF())
    line, small_line = QFontMetricsF(font).lineSpacing(), QFontMetricsF(small).lineSpacing()
    note_height = small_line * (1 + scale.note.count("\n"))
    bar = QRectF(area.right() - 84, top + line + 6, 18, height - line - note_height - 16)
    colors = np.ascontiguousarray(np.repeat(color_table(scale.map_name)[::-1][:, None, :], 2, axis=1))
    painter.drawImage(bar, QImage(colors.data, 2, len(colors), 6, QImage.Format.Format_RGB888).copy())
    painter.setPen(Qt.GlobalColor.white)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar)
    draw_text(painter, QRectF(area.left() + 8, top, area.width() - 16, line), flag.AlignRight, title)
    for value in ticks_of(scale.low, scale.high):
        y = bar.bottom() - (value - scale.low) / (scale.high - scale.low) * bar.height()
        painter.setPen(Qt.GlobalColor.white)
        painter.drawLine(int(bar.right()), int(y), int(bar.right()) + 4, int(y))
        at = QRectF(bar.right() + 7, y - line / 2, 60, line)
        draw_text(painter, at, flag.AlignLeft | flag.AlignVCenter, f"{value:.4g}")
    painter.setFont(small)
    for n, words in enumerate(scale.note.split("\n")):
        at = QRectF(area.left() + 8, bar.bottom() + 8 + n * small_line, area.width() - 16, small_line)
        draw_text(painter, at, flag.AlignRight | flag.AlignTop, words, theme.MUTED)
    painter.setFont(font)
