"""A picture that is true to scale: pan, zoom, window and marks for pictures that are no plane of the scan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.desktop import theme
from app.desktop.views import slice_marks
from app.desktop.views.window_level import FIRST_WINDOW, Window, to_gray

_SHARPEST_ZOOM, _WIDEST_ZOOM = 40.0, 0.5
_NO_VALUE = -30000.0


class PictureView(QWidget):
    """Values with square pixels. ``picked`` carries mm right and down from the picture's upper left corner.

    Left click or drag picks, the wheel steps, right drag changes the window, middle drag pans, Ctrl and wheel zooms,
    double click asks to be maximized.
    """

    picked = Signal(float, float)
    stepped = Signal(int)
    window_dragged = Signal(object)
    maximize_asked = Signal()

    def __init__(self, title: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._empty = title, empty
        self._values: NDArray[np.float32] | None = None
        self._pixel_mm = 1.0
        self._window = FIRST_WINDOW
        self._base: QImage | None = None
        self._zoom = 1.0
        self._center_mm = QPointF()
        self._drag: tuple[Qt.MouseButton, QPointF, Any] | None = None
        self._wheel_rest = 0.0
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_values(self, values: NDArray[np.float32] | None, pixel_mm: float) -> None:
        """Show values (rows, columns); a picture of another size is shown whole."""
        before, self._values = self._values, values
        is_other = values is None or before is None or before.shape != values.shape or pixel_mm != self._pixel_mm
        self._pixel_mm = pixel_mm
        self._base = None
        if is_other:
            self.fit()
        self.update()

    def set_window(self, window: Window) -> None:
        """Show values through another window."""
        self._window = window
        self._base = None
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom = 1.0
        width, height = self.extent_mm
        self._center_mm = QPointF(width / 2.0, height / 2.0)
        self.update()

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height of the picture."""
        if self._values is None:
            return 1.0, 1.0
        rows, columns = self._values.shape
        return columns * self._pixel_mm, rows * self._pixel_mm

    @property
    def px_per_mm(self) -> float:
        """Scale of the screen."""
        width, height = self.extent_mm
        return self._zoom * min(self.width() / width, self.height() / height)

    def to_screen(self, right_mm: float, down_mm: float) -> QPointF:
        """Where a place of the picture is in this widget."""
        place = QPointF(right_mm, down_mm) - self._center_mm
        return QPointF(self.width() / 2.0, self.height() / 2.0) + place * self.px_per_mm

    def to_picture(self, at: QPointF) -> QPointF:
        """The place of the picture under a place of this widget, mm from its upper left corner."""
        return self._center_mm + (at - QPointF(self.width() / 2.0, self.height() / 2.0)) / self.px_per_mm

    # Painting ---------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, QColor("#000000"))
        flag = Qt.AlignmentFlag
        if self._values is None:
            slice_marks.draw_text(painter, area.adjusted(12, 0, -12, 0), flag.AlignCenter, self._empty, theme.MUTED)
        else:
            if self._base is None:
                gray = to_gray(np.nan_to_num(self._values, nan=_NO_VALUE), self._window)
                rows, columns = gray.shape
                gray_image = QImage(gray.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
                self._base = gray_image.convertToFormat(QImage.Format.Format_RGB32)
            width, height = self.extent_mm
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(self.to_screen(0.0, 0.0), self.to_screen(width, height)), self._base)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.draw_marks(painter, area)
            slice_marks.draw_corner(painter, area, flag.AlignLeft | flag.AlignTop, [(self._title, theme.ACCENT)])
            slice_marks.draw_scale_bar(painter, area, self.px_per_mm)
        slice_marks.draw_frame(painter, area, has_focus=self.hasFocus())

    def draw_marks(self, painter: QPainter, area: QRectF) -> None:
        """What a particular picture shows over its values."""

    # Mouse ------------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._values is None:
            return
        at, button = event.position(), event.button()
        held = {
            Qt.MouseButton.RightButton: self._window,
            Qt.MouseButton.MiddleButton: QPointF(self._center_mm),
        }.get(button)
        self._drag = (button, at, held)
        if button == Qt.MouseButton.LeftButton:
            self._pick(at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        button, start, held = self._drag
        at = event.position()
        if button == Qt.MouseButton.RightButton:
            self.window_dragged.emit(held.dragged(at.x() - start.x(), start.y() - at.y()))
        elif button == Qt.MouseButton.MiddleButton:
            self._center_mm = held - (at - start) / self.px_per_mm
            self.update()
        elif button == Qt.MouseButton.LeftButton:
            self._pick(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._values is None:
            return
        turned = (event.angleDelta().y() or event.angleDelta().x()) / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            before = self.px_per_mm
            self._zoom = float(np.clip(self._zoom * 1.2**turned, _WIDEST_ZOOM, _SHARPEST_ZOOM))
            away = event.position() - QPointF(self.width() / 2.0, self.height() / 2.0)
            self._center_mm += away * (1.0 / before - 1.0 / self.px_per_mm)
            self.update()
            return
        self._wheel_rest += turned
        notches = int(self._wheel_rest)
        self._wheel_rest -= notches
        if notches:
            self.stepped.emit(notches)

    def _pick(self, at: QPointF) -> None:
        place = self.to_picture(at)
        self.picked.emit(place.x(), place.y())
