"""What is written over a slice: crosshair, letters, corner texts, scale bar, points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from app.desktop import theme

MARGIN = 8.0
_LONGEST_BAR_PX, _LONGEST_BAR_SHARE = 120.0, 0.36
_GAP = 10.0
_LETTER_SCALE = 1.2
_SHADOW = 2.0
_TICK_PX = 4.0
_POINT_PX = 5.0


@dataclass(frozen=True)
class PointMark:
    """A landmark near the slice: its role, place on the screen, and distance from the slice."""

    role: str
    at: QPointF
    distance_mm: float
    is_on_slice: bool


def draw_text(painter: QPainter, area: QRectF, flags: Qt.AlignmentFlag, text: str, color: str = theme.TEXT) -> None:
    """One line of text with a dark shadow, so that it reads on bone and on air; it is laid out once and kept."""
    ratio = painter.device().devicePixelRatio()
    picture = _text_picture(text, color, painter.font().toString(), ratio)
    width, height = picture.width() / ratio, picture.height() / ratio
    x, y = area.left() - _SHADOW, area.top() - _SHADOW
    if flags & Qt.AlignmentFlag.AlignRight:
        x = area.right() - width + _SHADOW
    elif flags & Qt.AlignmentFlag.AlignHCenter:
        x = area.center().x() - width / 2.0
    if flags & Qt.AlignmentFlag.AlignBottom:
        y = area.bottom() - height + _SHADOW
    elif flags & Qt.AlignmentFlag.AlignVCenter:
        y = area.center().y() - height / 2.0
    painter.drawImage(QPointF(round(x), round(y)), picture)


@lru_cache(maxsize=512)
def _text_picture(text: str, color: str, font_key: str, ratio: float) -> QImage:
    font = QFont()
    font.fromString(font_key)
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text) + 2 * _SHADOW, metrics.height() + 2 * _SHADOW
    picture = QImage(math.ceil(width * ratio), math.ceil(height * ratio), QImage.Format.Format_ARGB32_Premultiplied)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setFont(font)
    base = QPointF(_SHADOW, _SHADOW + metrics.ascent())
    painter.setPen(QColor(0, 0, 0, 220))
    for dx, dy in ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        painter.drawText(base + QPointF(dx, dy), text)
    painter.setPen(QColor(color))
    painter.drawText(base, text)
    painter.end()
    return picture


def letter_places(painter: QPainter, area: QRectF, letters: tuple[str, str, str, str]) -> list[QRectF]:
    """Where the orientation letters are: in the middle of the left, top, right and bottom edges."""
    inner, middle = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN), area.center()
    metrics = QFontMetricsF(_letter_font(painter))
    places = [QRectF(0, 0, metrics.horizontalAdvance(letter) + 2.0, metrics.height()) for letter in letters]
    for place in places:
        place.moveCenter(middle)
    places[0].moveLeft(inner.left())
    places[1].moveTop(inner.top())
    places[2].moveRight(inner.right())
    places[3].moveBottom(inner.bottom())
    return places


def draw_letters(painter: QPainter, area: QRectF, letters: tuple[str, str, str, str]) -> None:
    """Orientation letters at the middle of the left, top, right and bottom edges."""
    places, font = letter_places(painter, area, letters), painter.font()
    painter.setFont(_letter_font(painter))
    for letter, place in zip(letters, places, strict=True):
        draw_text(painter, place, Qt.AlignmentFlag.AlignCenter, letter, "#ffffff")
    painter.setFont(font)


def _letter_font(painter: QPainter) -> QFont:
    font = QFont(painter.font())
    font.setBold(True)
    font.setPointSizeF(_LETTER_SCALE * font.pointSizeF())
    return font


def draw_corner(painter: QPainter, area: QRectF, flags: Qt.AlignmentFlag, lines: Sequence[tuple[str, str]]) -> QRectF:
    """Lines of (text, color) in a corner; returns what they cover."""
    metrics = QFontMetricsF(painter.font())
    height = metrics.lineSpacing()
    inner = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
    at_bottom = bool(flags & Qt.AlignmentFlag.AlignBottom)
    for n, (text, color) in enumerate(reversed(lines) if at_bottom else lines):
        shift = -n * height if at_bottom else n * height
        draw_text(painter, inner.translated(0.0, shift), flags, text, color)
    covered = QRectF(
        0, 0, max((metrics.horizontalAdvance(text) for text, _ in lines), default=0.0), height * len(lines)
    )
    covered.moveTopLeft(inner.topLeft())
    if at_bottom:
        covered.moveBottom(inner.bottom())
    if flags & Qt.AlignmentFlag.AlignRight:
        covered.moveRight(inner.right())
    return covered


def draw_crosshair(painter: QPainter, area: QRectF, at: QPointF, across: str, down: str) -> None:
    """Lines in the colors of the planes that they stand for, open around the crossing."""
    painter.setPen(QPen(QColor(across), 1.0))
    painter.drawLine(QPointF(area.left(), at.y()), QPointF(at.x() - _GAP, at.y()))
    painter.drawLine(QPointF(at.x() + _GAP, at.y()), QPointF(area.right(), at.y()))
    painter.setPen(QPen(QColor(down), 1.0))
    painter.drawLine(QPointF(at.x(), area.top()), QPointF(at.x(), at.y() - _GAP))
    painter.drawLine(QPointF(at.x(), at.y() + _GAP), QPointF(at.x(), area.bottom()))


def draw_line_through(painter: QPainter, area: QRectF, at: QPointF, way: QPointF, color: str) -> None:
    """A line through a place in a direction (of length 1), open around it."""
    reach = area.width() + area.height()
    painter.setPen(QPen(QColor(color), 1.0))
    for sign in (-1.0, 1.0):
        painter.drawLine(at + way * (sign * _GAP), at + way * (sign * reach))


def draw_handle(painter: QPainter, at: QPointF, color: str) -> None:
    """A ring that can be taken."""
    painter.setBrush(QColor(0, 0, 0, 160))
    painter.setPen(QPen(QColor(color), 2.0))
    painter.drawEllipse(at, _POINT_PX, _POINT_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def nice_length_mm(px_per_mm: float, longest_px: float = 120.0) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... mm that is not longer than ``longest_px``."""
    length = 0.1
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
        if step * px_per_mm <= longest_px:
            length = step
    return length


def _bar_mm(area: QRectF, px_per_mm: float) -> float:
    return nice_length_mm(px_per_mm, min(_LONGEST_BAR_PX, _LONGEST_BAR_SHARE * area.width()))


def scale_bar_place(painter: QPainter, area: QRectF, px_per_mm: float) -> QRectF:
    """Where the scale bar and its number are: in the lower right corner."""
    length, metrics = _bar_mm(area, px_per_mm), QFontMetricsF(painter.font())
    line, width = metrics.lineSpacing(), max(length * px_per_mm, metrics.horizontalAdvance(f"{length:g} mm"))
    return QRectF(area.right() - MARGIN - width, area.bottom() - MARGIN - line - _TICK_PX, width, line + 2 * _TICK_PX)


def draw_scale_bar(painter: QPainter, area: QRectF, px_per_mm: float) -> None:
    """A bar of a round length in the lower right corner."""
    length, place = _bar_mm(area, px_per_mm), scale_bar_place(painter, area, px_per_mm)
    right, y = place.right(), place.bottom() - _TICK_PX
    left = right - length * px_per_mm
    for color, width in ((QColor(0, 0, 0, 220), 4.0), (QColor("#ffffff"), 2.0)):
        painter.setPen(QPen(color, width))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.drawLine(QPointF(left, y - _TICK_PX), QPointF(left, y + _TICK_PX))
        painter.drawLine(QPointF(right, y - _TICK_PX), QPointF(right, y + _TICK_PX))
    draw_text(painter, place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, f"{length:g} mm")


def draw_points(
    painter: QPainter, area: QRectF, marks: Sequence[PointMark], armed: str | None, taken: Sequence[QRectF] = ()
) -> list[QRectF]:
    """Landmarks: filled with their name on their slice, a faint ring near it; names keep off what is ``taken``.

    Returns what is taken with them.
    """
    names: list[QRectF] = []
    reach = QPointF(_POINT_PX + 1.0, _POINT_PX + 1.0)
    taken = [*taken, *(QRectF(mark.at - reach, mark.at + reach) for mark in marks)]
    for mark in marks:
        color = QColor("#ffffff" if mark.role == armed else theme.POINT)
        color.setAlphaF(1.0 if mark.is_on_slice else 0.45)
        painter.setPen(QPen(QColor(0, 0, 0, 200), 3.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(mark.at, _POINT_PX, _POINT_PX)
        painter.setPen(QPen(color, 1.8))
        if mark.is_on_slice:
            painter.setBrush(color)
        painter.drawEllipse(mark.at, _POINT_PX, _POINT_PX)
        if mark.is_on_slice:
            text = mark.role.replace("_", " ")
            metrics = QFontMetricsF(painter.font())
            size = QSizeF(metrics.horizontalAdvance(text) + 2.0, metrics.height())
            place = name_place(mark.at, size, area, [*taken, *names])
            names.append(place)
            draw_text(painter, place, Qt.AlignmentFlag.AlignCenter, text, theme.POINT)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    return [*taken, *names]


def name_place(at: QPointF, size: QSizeF, area: QRectF, taken: Sequence[QRectF]) -> QRectF:
    """Where a name of a size is written beside its place: right of it, left, above or below, or as near as can be,
    inside the area and off what is taken; right of it when all is full."""
    away = _POINT_PX + 4.0
    width, height = size.width(), size.height()
    inner = area.adjusted(2.0, 2.0, -2.0, -2.0)
    tries = [
        QRectF(QPointF(at.x() + away, at.y() - height / 2.0), size),
        QRectF(QPointF(at.x() - away - width, at.y() - height / 2.0), size),
        QRectF(QPointF(at.x() + away, at.y() - away - height), size),
        QRectF(QPointF(at.x() + away, at.y() + away), size),
        QRectF(QPointF(at.x() - away - width, at.y() - away - height), size),
        QRectF(QPointF(at.x() - away - width, at.y() + away), size),
        QRectF(QPointF(at.x() - width / 2.0, at.y() - away - height), size),
        QRectF(QPointF(at.x() - width / 2.0, at.y() + away), size),
    ]
    right = tries[0].translated(min(0.0, inner.right() - 0.5 - tries[0].right()), 0.0)  # half a pixel for rounding
    tries += [right.translated(0.0, sign * n * height) for n in range(1, 9) for sign in (-1.0, 1.0)]
    return next(
        (place for place in tries if inner.contains(place) and not any(place.intersects(other) for other in taken)),
        tries[0],
    )


def draw_frame(painter: QPainter, area: QRectF, *, has_focus: bool) -> None:
    """The border of a view, which shows whether the keyboard is with it."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(theme.ACCENT if has_focus else theme.BORDER), 2.0 if has_focus else 1.0))
    painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
