"""Measurements as lines in space, and what of them a slice shows."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.case.records import Measurement
from app.desktop import theme
from app.desktop.views import slice_marks
from app.desktop.views.slice_view import SliceView
from imaging.errors import ImagingError
from imaging.measurement import ellipse_axes
from imaging.types import FloatArray

COLOR = "#7ff0c8"
_SELECTED = "#ffffff"
_HANDLE_PX, _CROSS_PX = 3.5, 4.0
_N_SIDES = 64


def line_of(measurement: Measurement, view: SliceView) -> FloatArray:
    """The measurement as a line (n, 3) in mm LPS; of a sphere, the circle in the slice of a view, or none."""
    points = np.asarray(measurement.points_mm, dtype=float).reshape(-1, 3)
    turn = np.linspace(0.0, 2.0 * np.pi, _N_SIDES + 1)[:, None]
    if measurement.kind == "ellipse" and len(points) == 3:
        try:
            center, a, b = ellipse_axes(points)
        except ImagingError:
            return points
        outline: FloatArray = center + np.cos(turn) * a + np.sin(turn) * b
        return outline
    if measurement.kind == "sphere" and len(points) == 2:
        radius = float(np.linalg.norm(points[1] - points[0]))
        depth = float(view.depth_mm(points[0]))
        if abs(depth) >= radius:
            return np.zeros((0, 3))
        right, down, through = view.axes
        center = points[0] - depth * through
        circle: FloatArray = center + np.sqrt(radius**2 - depth**2) * (np.cos(turn) * right + np.sin(turn) * down)
        return circle
    return points


def draw(painter: QPainter, view: SliceView, measurement: Measurement, text: str, *, is_selected: bool) -> None:
    """Draw what lies in the view's slice as lines, and a small cross where a line goes through it; its text goes where
    nothing is written yet."""
    line = line_of(measurement, view)
    if not len(line):
        return
    depth = view.depth_mm(line)
    near = np.abs(depth) <= view.half_thickness_mm + 1e-6
    color = QColor(_SELECTED if is_selected else COLOR)
    places = [view.to_screen(position) for position in line]
    crosses: list[QPointF] = []
    for dark in (True, False):
        painter.setPen(QPen(QColor(0, 0, 0, 200) if dark else color, 3.4 if dark else 1.6))
        for n in range(len(line) - 1):
            if near[n] and near[n + 1]:
                painter.drawLine(places[n], places[n + 1])
            elif depth[n] * depth[n + 1] < 0.0:
                part = depth[n] / (depth[n] - depth[n + 1])
                at = places[n] + (places[n + 1] - places[n]) * float(part)
                crosses.append(at)
                painter.drawLine(at + QPointF(-_CROSS_PX, -_CROSS_PX), at + QPointF(_CROSS_PX, _CROSS_PX))
                painter.drawLine(at + QPointF(-_CROSS_PX, _CROSS_PX), at + QPointF(_CROSS_PX, -_CROSS_PX))
    handles = [
        view.to_screen(p) for p in measurement.points_mm if abs(float(view.depth_mm(p))) <= view.half_thickness_mm
    ]
    painter.setBrush(color)
    for at in handles:
        painter.drawEllipse(at, _HANDLE_PX, _HANDLE_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    anchors = handles or crosses or [place for place, is_near in zip(places, near, strict=True) if is_near]
    if anchors and text:
        metrics = QFontMetricsF(painter.font())
        size = QSizeF(metrics.horizontalAdvance(text) + 4.0, metrics.height())
        place = slice_marks.name_place(anchors[-1], size, QRectF(view.rect()), view.taken)
        view.taken.append(place)
        slice_marks.draw_text(painter, place, Qt.AlignmentFlag.AlignCenter, text, color.name())


def hint(painter: QPainter, view: SliceView, text: str) -> None:
    """What the next click does."""
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
    slice_marks.draw_text(painter, QRectF(view.rect()).adjusted(0, 30, 0, 0), flags, text, theme.POINT)
