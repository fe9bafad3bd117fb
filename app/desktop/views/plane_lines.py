"""The lines in which the other planes cut a slice, and the handles by which those planes are turned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from app.desktop.views import slice_marks
from imaging.types import FloatArray

GRAB_PX = 9.0
_REACH_SHARE = 0.36
_PARALLEL = 1e-6


class PlaneLines:
    """Lines through the crosshair as directions on the screen with colors; none of planes along the scan's axes."""

    def __init__(self) -> None:
        self._lines: tuple[tuple[QPointF, str], ...] = ()
        self._has_handles = False

    def set_others(
        self, axes: Sequence[FloatArray], others: Sequence[tuple[FloatArray, str]], *, has_handles: bool
    ) -> None:
        """The slice's ``axes`` (right, down, through) and the other planes' normals (LPS) with their colors."""
        lines = []
        if others:
            right, down, _ = axes
            normal = np.cross(right, down)
            for other, color in others:
                way = np.cross(normal, other)
                length = float(np.linalg.norm(way))
                if length > _PARALLEL:
                    lines.append((QPointF(float(way @ right), float(way @ down)) / length, color))
        self._lines, self._has_handles = tuple(lines), has_handles

    def __bool__(self) -> bool:
        return bool(self._lines)

    def draw(self, painter: QPainter, area: QRectF, at: QPointF) -> None:
        """Lines through the crosshair's place, and the handles on them."""
        for way, color in self._lines:
            slice_marks.draw_line_through(painter, area, at, way, color)
        for place, color in self.handles(area, at):
            slice_marks.draw_handle(painter, place, color)

    def handles(self, area: QRectF, at: QPointF) -> list[tuple[QPointF, str]]:
        """Places where the lines can be taken to turn the planes."""
        if not self._has_handles:
            return []
        reach = _REACH_SHARE * min(area.width(), area.height())
        inner = area.adjusted(GRAB_PX, GRAB_PX, -GRAB_PX, -GRAB_PX)
        places = []
        for way, color in self._lines:
            for sign in (-1.0, 1.0):
                nearer = (at + way * (sign * share * reach) for share in (1.0, 0.75, 0.5, 0.25))
                places += [(place, color) for place in nearer if inner.contains(place)][:1]
        return places

    def is_handle(self, area: QRectF, at: QPointF, mouse: QPointF) -> bool:
        """Whether the mouse is at a handle."""
        return any((place - mouse).manhattanLength() <= 1.5 * GRAB_PX for place, _ in self.handles(area, at))


def bearing_deg(at: QPointF, mouse: QPointF) -> float:
    """Angle, clockwise, of the mouse around a place."""
    away = mouse - at
    return math.degrees(math.atan2(away.y(), away.x()))
