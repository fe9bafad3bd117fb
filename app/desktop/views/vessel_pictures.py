"""The picture along a vessel and the one across it, with their marks."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.desktop import theme
from app.desktop.views import slice_marks
from app.desktop.views.picture_view import PictureView
from imaging.reformat.curved_planar import CrossSection, CurvedPicture
from imaging.types import FloatArray

_EDGE_PX = 26.0
_CROSS_PX = 7.0


class CurvedView(PictureView):
    """A curved planar picture with the place that is looked at."""

    def __init__(self) -> None:
        super().__init__("Along the vessel", "A vessel is shown here once the case has a model")
        self._picture: CurvedPicture | None = None
        self._along_mm = 0.0
        self._marks: tuple[tuple[float, str], ...] = ()

    def set_picture(self, picture: CurvedPicture | None, marks: tuple[tuple[float, str], ...] = ()) -> None:
        """Show a picture; marks are arc lengths with a name."""
        self._picture, self._marks = picture, marks
        self.set_values(picture.values if picture is not None else None, picture.pixel_mm if picture else 1.0)

    def set_along(self, along_mm: float) -> None:
        """The place that is looked at."""
        self._along_mm = along_mm
        self.update()

    def draw_marks(self, painter: QPainter, area: QRectF) -> None:
        picture = self._picture
        if picture is None:
            return
        flag = Qt.AlignmentFlag
        for along, name in self._marks:
            place = self.to_screen(*picture.place_of(along))
            painter.setPen(QPen(QColor(theme.MUTED), 1.0, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left() + _EDGE_PX, place.y()), QPointF(area.right(), place.y()))
            below = QRectF(area.left() + slice_marks.MARGIN, place.y() + 1.0, area.width(), 18.0)
            slice_marks.draw_text(painter, below, flag.AlignLeft | flag.AlignTop, name, theme.MUTED)
        at = self.to_screen(*picture.place_of(self._along_mm))
        painter.setPen(QPen(QColor(theme.POINT), 1.2))
        painter.drawLine(QPointF(area.left() + _EDGE_PX, at.y()), QPointF(at.x() - _CROSS_PX, at.y()))
        painter.drawLine(QPointF(at.x() + _CROSS_PX, at.y()), QPointF(area.right() - _EDGE_PX, at.y()))
        left, right = picture.letters_at(self._along_mm)
        beside = QRectF(area.left() + slice_marks.MARGIN, at.y() - 10.0, area.width() - 2 * slice_marks.MARGIN, 20.0)
        slice_marks.draw_text(painter, beside, flag.AlignLeft | flag.AlignVCenter, left, "#ffffff")
        slice_marks.draw_text(painter, beside, flag.AlignRight | flag.AlignVCenter, right, "#ffffff")
        lines = [(picture.kind, theme.TEXT), (f"{self._along_mm:.1f} mm", theme.POINT)]
        slice_marks.draw_corner(painter, area, flag.AlignRight | flag.AlignTop, lines)


class CrossView(PictureView):
    """The section across a vessel with the outline of its wall."""

    def __init__(self) -> None:
        super().__init__("Across the vessel", "Sections across a vessel are shown here")
        self.section: CrossSection | None = None
        self._outline: FloatArray = np.zeros((0, 2, 3))
        self._lines: list[tuple[str, str]] = []

    def set_section(self, section: CrossSection | None, outline: FloatArray, lines: list[tuple[str, str]]) -> None:
        """Show a section, segments (n, 2, 3) of the wall (LPS mm), and lines of (text, color)."""
        self.section, self._outline, self._lines = section, outline, lines
        self.set_values(section.values if section is not None else None, section.pixel_mm if section else 1.0)

    def draw_marks(self, painter: QPainter, area: QRectF) -> None:
        section = self.section
        if section is None:
            return
        ends = section.to_picture(self._outline)
        painter.setPen(QPen(QColor(theme.VESSEL_WALL), 1.6))
        painter.drawLines([QLineF(self.to_screen(*a), self.to_screen(*b)) for a, b in ends.tolist()])
        width, height = section.extent_mm
        middle = self.to_screen(width / 2.0, height / 2.0)
        painter.setPen(QPen(QColor(theme.POINT), 1.2))
        painter.drawLine(middle - QPointF(_CROSS_PX, 0.0), middle + QPointF(_CROSS_PX, 0.0))
        painter.drawLine(middle - QPointF(0.0, _CROSS_PX), middle + QPointF(0.0, _CROSS_PX))
        slice_marks.draw_letters(painter, area, section.letters)
        flag = Qt.AlignmentFlag
        slice_marks.draw_corner(painter, area, flag.AlignRight | flag.AlignTop, self._lines)
