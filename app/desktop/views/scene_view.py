"""The 3D view. A thread of its own renders off screen, so that not even a slow renderer holds up the window; Qt shows
the picture and draws texts and legends over it.

There is no native window of VTK, so nothing depends on the window system, and the view can be grabbed and closed like
any widget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.desktop import theme
from app.desktop.session.background import Background
from app.desktop.views import slice_marks
from app.desktop.views.camera import Camera
from app.desktop.views.renderer import Pick, SceneRenderer
from imaging.types import FloatArray

_SIDES = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letters of the sides to which the three axes of the patient point, and of those they come from."""

_READABLE = 0.25
_CLICK_PX = 4


@dataclass(frozen=True)
class Caption:
    """A text at a place (LPS mm) of the scene."""

    text: str
    position_mm: tuple[float, float, float]
    color: str = theme.TEXT


Build = Callable[[], Sequence[Any]]
"""Makes the actors of a layer, in the rendering thread."""
LegendPainter = Callable[[QPainter, QRectF], None]


class SceneView(QWidget):
    """Shows layers of actors; left drag rotates, middle pans, right drag or wheel zooms, a click picks.

    ``picked`` carries a `Pick`; ``failed`` a `Refusal` when rendering went wrong; ``settled`` tells that the picture
    shows the present scene; ``camera_changed`` carries the camera that one looks through now.
    """

    picked = Signal(object)
    failed = Signal(object)
    settled = Signal()
    camera_changed = Signal(object)
    maximize_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = Camera()
        self.readout = ""
        self.seconds_to_render = 0.0
        self._thread = Background("renderer", self)
        self._renderer: SceneRenderer | None = None
        self._layers: dict[str, int] = {}
        self._filled: dict[str, int] = {}
        self._wishes: dict[str, str | None] = {}
        self._captions: dict[str, tuple[Caption, ...]] = {}
        self._legend: LegendPainter | None = None
        self._image: QImage | None = None
        self._is_stale = False
        self._is_rendering = False
        self._drag: tuple[Qt.MouseButton, QPointF, QPointF] | None = None
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("3D view")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # Scene ------------------------------------------------------------------------------------------------------------

    def set_layer(self, name: str, build: Build | None, captions: Sequence[Caption] = ()) -> None:
        """Replace a layer by the actors that ``build`` makes, or by nothing."""
        generation = self._layers[name] = self._layers.get(name, 0) + 1
        self._captions[name] = tuple(captions)
        self.change(
            lambda renderer: self._fill_layer(renderer, name, generation, build),
            lambda box: self._take_layer(name, generation, box),
        )

    def change(self, work: Callable[[SceneRenderer], Any], then: Callable[[Any], None] | None = None) -> None:
        """Do something with the scene in the rendering thread, and render anew; ``then`` gets its answer here."""
        self._thread.submit(lambda: work(self._made()), then or (lambda answer: None), self.failed.emit)
        self.redraw()

    def set_legend(self, legend: LegendPainter | None) -> None:
        """What paints the legend over the scene."""
        self._legend = legend
        self.update()

    def set_readout(self, text: str) -> None:
        """A text at the top of the view."""
        self.readout = text
        self.update()

    def redraw(self) -> None:
        """Render anew; while one picture is being made, only the newest wish is remembered."""
        self._is_stale = True
        if not self._is_rendering and self.isVisible():
            self._is_stale = False
            self._is_rendering = True
            ratio = self.devicePixelRatioF()
            size = max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))
            self._thread.submit(partial(self._picture, self.camera, *size), self._take_picture, self._refuse)

    def set_camera(self, camera: Camera) -> None:
        """Look in another way."""
        self.camera = camera
        self.redraw()
        self.update()
        self.camera_changed.emit(camera)

    def look_from(self, letter: str) -> None:
        """Look from a standard direction: A, P, L, R, S (head) or I (feet)."""
        self.set_camera(self.camera.looking_from(letter))

    def fit(self, name: str, letter: str | None = None) -> None:
        """Show all of a layer, from a standard direction or from where one looks now; a layer that is still being made
        is fitted when it is there."""
        self._wishes[name] = letter
        if self._filled.get(name) == self._layers.get(name):
            self.change(lambda renderer: renderer.box_of(name), partial(self._aim, name))

    def _take_layer(self, name: str, generation: int, box: FloatArray | None) -> None:
        self._filled[name] = generation
        if generation == self._layers[name]:
            self._aim(name, box)

    def _aim(self, name: str, box: FloatArray | None) -> None:
        if box is not None and name in self._wishes:
            letter = self._wishes.pop(name)
            camera = self.camera if letter is None else self.camera.looking_from(letter)
            self.set_camera(camera.fitted(box, self.width() / max(1, self.height())))

    @property
    def is_settled(self) -> bool:
        """Whether the picture shows the present scene."""
        return not self._is_rendering and not self._is_stale

    def close_renderer(self) -> None:
        """Free what the renderer holds, in its thread, and end that."""
        self._thread.submit(self._close, lambda done: None, lambda refusal: None)
        self._thread.close(finish=True)

    def to_screen(self, position_mm: Any) -> QPointF:
        """Where a position (LPS) is in this widget."""
        return QPointF(*self.camera.to_screen(position_mm, self.width(), self.height()))

    # In the rendering thread ------------------------------------------------------------------------------------------

    def _made(self) -> SceneRenderer:
        if self._renderer is None:
            self._renderer = SceneRenderer()
        return self._renderer

    def _fill_layer(
        self, renderer: SceneRenderer, name: str, generation: int, build: Build | None
    ) -> FloatArray | None:
        if generation != self._layers[name]:  # a newer content is on its way
            return None
        renderer.set_layer(name, build() if build is not None else ())
        return renderer.box_of(name)

    def _picture(self, camera: Camera, width_px: int, height_px: int) -> tuple[NDArray[np.uint8], float]:
        began = time.perf_counter()
        picture = self._made().picture(camera, width_px, height_px)
        return picture, time.perf_counter() - began

    def _close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # Painting ---------------------------------------------------------------------------------------------------------

    def _take_picture(self, made: tuple[NDArray[np.uint8], float]) -> None:
        picture, self.seconds_to_render = made
        height, width = picture.shape[:2]
        self._image = QImage(picture.data, width, height, 4 * width, QImage.Format.Format_RGBX8888).copy()
        self._is_rendering = False
        self.update()
        if self._is_stale:
            self.redraw()
        else:
            self.settled.emit()

    def _refuse(self, refusal: Any) -> None:
        self._is_rendering = False
        self.failed.emit(refusal)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, QColor("#0e1114"))
        if self._image is not None:
            painter.drawImage(area, self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_captions(painter, area)
        self._draw_cube(painter, area)
        flag = Qt.AlignmentFlag
        corner = [("3D", theme.TEXT), (self.camera.angles_text, theme.MUTED)]
        slice_marks.draw_corner(painter, area, flag.AlignLeft | flag.AlignTop, corner)
        slice_marks.draw_scale_bar(painter, area, self.camera.px_per_mm(self.height()))
        if self.readout:
            slice_marks.draw_text(painter, area.adjusted(0, 8, 0, 0), flag.AlignHCenter | flag.AlignTop, self.readout)
        if self._legend is not None:
            self._legend(painter, area)
        slice_marks.draw_frame(painter, area, has_focus=self.hasFocus())

    def _draw_captions(self, painter: QPainter, area: QRectF) -> None:
        """Texts beside their places; one that would lie on another is moved below it."""
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        metrics = QFontMetricsF(painter.font())
        shown = [(self.to_screen(c.position_mm), c) for captions in self._captions.values() for c in captions]
        taken: list[QRectF] = []
        for at, caption in sorted(shown, key=lambda pair: pair[0].y()):
            width = metrics.horizontalAdvance(caption.text) + 4
            place = QRectF(min(at.x() + 8, area.right() - width - 4), at.y() - 9, width, 18)
            while any(place.intersects(other) for other in taken):
                place.translate(0, 4)
            taken.append(place)
            slice_marks.draw_text(painter, place, flags, caption.text, caption.color)

    def _draw_cube(self, painter: QPainter, area: QRectF) -> None:
        """A cube in the lower left corner whose faces tell the patient's sides; those that are seen are drawn."""
        center, half = QPointF(area.left() + 48, area.bottom() - 48), 19.0
        font = painter.font()
        bold = QFont(font)
        bold.setBold(True)
        painter.setFont(bold)
        for axis, letters in enumerate(_SIDES):
            for sign, letter in zip((1.0, -1.0), letters, strict=True):
                normal = sign * np.eye(3)[axis]
                facing = float(normal @ self.camera.toward)
                if facing <= 0.02:
                    continue
                u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
                corners = [normal + a * u + b * v for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
                face = QPolygonF([center + self._on_screen(corner) * half for corner in corners])
                shade = round(40 + 70 * facing)
                painter.setBrush(QColor(shade, shade + 6, shade + 14, 230))
                painter.setPen(QPen(QColor(theme.MUTED), 1.0))
                painter.drawPolygon(face)
                if facing > _READABLE:
                    place = QRectF(0, 0, 20, 18)
                    place.moveCenter(center + self._on_screen(normal) * half)
                    slice_marks.draw_text(painter, place, Qt.AlignmentFlag.AlignCenter, letter)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(font)

    def _on_screen(self, direction: FloatArray) -> QPointF:
        return QPointF(float(direction @ self.camera.right), -float(direction @ self.camera.up))

    # Mouse ------------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.redraw()

    def showEvent(self, event: Any) -> None:
        self.redraw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag = (event.button(), event.position(), event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        button, start, last = self._drag
        at = event.position()
        self._drag = (button, start, at)
        moved = at - last
        if button == Qt.MouseButton.LeftButton:
            self.set_camera(self.camera.rotated(moved.x(), moved.y()))
        elif button == Qt.MouseButton.MiddleButton:
            self.set_camera(self.camera.panned(moved.x(), moved.y(), self.height()))
        elif button == Qt.MouseButton.RightButton:
            self.set_camera(self.camera.zoomed(1.01 ** -moved.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is None or drag[0] != Qt.MouseButton.LeftButton:
            return
        if (event.position() - drag[1]).manhattanLength() < _CLICK_PX:
            self._pick(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.set_camera(self.camera.zoomed(1.15 ** (event.angleDelta().y() / 120.0)))

    def _pick(self, at: QPointF) -> None:
        ratio = self.devicePixelRatioF()
        x_px, y_px = at.x() * ratio, (self.height() - at.y()) * ratio - 1

        def tell(pick: Pick | None) -> None:
            if pick is not None:
                self.picked.emit(pick)

        self._thread.submit(partial(self._pick_there, self.camera, x_px, y_px), tell, self.failed.emit)

    def _pick_there(self, camera: Camera, x_px: float, y_px: float) -> Pick | None:
        return self._made().pick(camera, x_px, y_px)
