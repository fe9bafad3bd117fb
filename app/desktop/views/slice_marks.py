"""What is written over a slice: crosshair, letters, corner texts, scale bar, points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.desktop import theme

_MARGIN = 8.0
_GAP = 10.0


@dataclass(frozen=True)
class PointMark:
    """A landmark near the slice: its role, place on the screen, and distance from the slice."""

    role: str
    at: QPointF
    distance_mm: float
    is_on_slice: bool


def draw_text(painter: QPainter, area: QRectF, flags: Qt.AlignmentFlag, text: str, color: str = theme.TEXT) -> None:
    """Text with a dark shadow, so that it reads on bone and on air."""
    painter.setPen(QColor(0, 0, 0, 220))
    for dx, dy in ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        painter.drawText(area.translated(dx, dy), flags, text)
    painter.setPen(QColor(color))
    painter.drawText(area, flags, text)


def draw_letters(painter: QPainter, area: QRectF, letters: tuple[str, str, str, str]) -> None:
    """Orientation letters at the middle of the left, top, right and bottom edges."""
    font = painter.font()
    bold = painter.font()
    bold.setBold(True)
    bold.setPixelSize(16)
    painter.setFont(bold)
    inner = area.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
    edge = Qt.AlignmentFlag
    places = (
        edge.AlignLeft | edge.AlignVCenter,
        edge.AlignTop | edge.AlignHCenter,
        edge.AlignRight | edge.AlignVCenter,
        edge.AlignBottom | edge.AlignHCenter,
    )
    for letter, flags in zip(letters, places, strict=True):
        draw_text(painter, inner, flags, letter, "#ffffff")
    painter.setFont(font)


def draw_corner(painter: QPainter, area: QRectF, flags: Qt.AlignmentFlag, lines: Sequence[tuple[str, str]]) -> None:
    """Lines of (text, color) in a corner."""
    height = QFontMetricsF(painter.font()).lineSpacing()
    inner = area.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
    at_bottom = bool(flags & Qt.AlignmentFlag.AlignBottom)
    for n, (text, color) in enumerate(reversed(lines) if at_bottom else lines):
        shift = -n * height if at_bottom else n * height
        draw_text(painter, inner.translated(0.0, shift), flags, text, color)


def draw_crosshair(painter: QPainter, area: QRectF, at: QPointF, across: str, down: str) -> None:
    """Lines in the colors of the planes that they stand for, open around the crossing."""
    painter.setPen(QPen(QColor(across), 1.0))
    painter.drawLine(QPointF(area.left(), at.y()), QPointF(at.x() - _GAP, at.y()))
    painter.drawLine(QPointF(at.x() + _GAP, at.y()), QPointF(area.right(), at.y()))
    painter.setPen(QPen(QColor(down), 1.0))
    painter.drawLine(QPointF(at.x(), area.top()), QPointF(at.x(), at.y() - _GAP))
    painter.drawLine(QPointF(at.x(), at.y() + _GAP), QPointF(at.x(), area.bottom()))


def nice_length_mm(px_per_mm: float, longest_px: float = 120.0) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... mm that is not longer than ``longest_px``."""
    length = 0.1
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
        if step * px_per_mm <= longest_px:
            length = step
    return length


def draw_scale_bar(painter: QPainter, area: QRectF, px_per_mm: float) -> None:
    """A bar of a round length above the lower right corner."""
    length = nice_length_mm(px_per_mm)
    line = QFontMetricsF(painter.font()).lineSpacing()
    right, y = area.right() - _MARGIN, area.bottom() - _MARGIN - 1.6 * line
    left = right - length * px_per_mm
    for color, width in ((QColor(0, 0, 0, 220), 4.0), (QColor("#ffffff"), 2.0)):
        painter.setPen(QPen(color, width))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.drawLine(QPointF(left, y - 4), QPointF(left, y + 4))
        painter.drawLine(QPointF(right, y - 4), QPointF(right, y + 4))
    text = f"{length:g} mm"
    draw_text(painter, QRectF(right - 200, y - line - 4, 200, line), Qt.AlignmentFlag.AlignRight, text)


def draw_points(painter: QPainter, marks: Sequence[PointMark], armed: str | None) -> None:
    """Landmarks: filled with their name on their slice, a faint ring near it."""
    for mark in marks:
        color = QColor("#ffffff" if mark.role == armed else theme.POINT)
        color.setAlphaF(1.0 if mark.is_on_slice else 0.45)
        painter.setPen(QPen(QColor(0, 0, 0, 200), 3.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(mark.at, 5.0, 5.0)
        painter.setPen(QPen(color, 1.8))
        if mark.is_on_slice:
            painter.setBrush(color)
        painter.drawEllipse(mark.at, 5.0, 5.0)
        if mark.is_on_slice:
            place = QRectF(mark.at.x() + 9, mark.at.y() - 9, 300, 18)
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            draw_text(painter, place, flags, mark.role.replace("_", " "), theme.POINT)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_frame(painter: QPainter, area: QRectF, *, has_focus: bool) -> None:
    """The border of a view, which shows whether the keyboard is with it."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(theme.ACCENT if has_focus else theme.BORDER), 2.0 if has_focus else 1.0))
    painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
