"""A 3D view: VTK renders off screen, Qt shows the picture and draws texts and legends over it.

There is no native VTK window in the Qt window, so nothing depends on the window system, the view can be grabbed and
closed like any widget, and letters and legends have the same font as the rest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtkmodules.vtkInteractionStyle
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  registers the renderer
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera
from vtkmodules.vtkRenderingCore import (
    vtkCellPicker,
    vtkProp3D,
    vtkRenderer,
    vtkRenderWindow,
)
from vtkmodules.vtkRenderingUI import vtkGenericRenderWindowInteractor

from app.desktop import theme
from app.desktop.views import slice_marks
from imaging.types import FloatArray

# View direction (from where one looks, LPS) and what is up on the screen.
STANDARD_VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "A": ((0, -1, 0), (0, 0, 1)),
    "P": ((0, 1, 0), (0, 0, 1)),
    "L": ((1, 0, 0), (0, 0, 1)),
    "R": ((-1, 0, 0), (0, 0, 1)),
    "S": ((0, 0, 1), (0, -1, 0)),
    "I": ((0, 0, -1), (0, -1, 0)),
    "O": ((0.5, -0.75, 0.43), (0, 0, 1)),
}
_AXES = ((1.0, 0.0, 0.0, "L", "R"), (0.0, 1.0, 0.0, "P", "A"), (0.0, 0.0, 1.0, "H", "F"))
_SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swr")


@dataclass(frozen=True)
class Caption:
    """A text at a place (LPS mm) of the scene."""

    text: str
    position_mm: tuple[float, float, float]
    color: str = theme.TEXT


Painter = Callable[[QPainter, QRectF], None]


class VtkView(QWidget):
    """Shows layers of VTK actors; left drag rotates, middle pans, right drag or wheel zooms, a click picks.

    ``picked`` carries the layer's name, the picked actor, its point id and the position (LPS, mm).
    """

    picked = Signal(str, object, int, object)
    maximize_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(0.055, 0.065, 0.08)
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._window.AddRenderer(self._renderer)
        self._interactor = vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetInteractorStyle(vtkInteractorStyleTrackballCamera())
        self._interactor.EnableRenderOff()
        self._interactor.AddObserver("RenderEvent", lambda *_: self.redraw())
        self._interactor.Enable()
        self._layers: dict[str, tuple[vtkProp3D, ...]] = {}
        self._captions: dict[str, tuple[Caption, ...]] = {}
        self._legend: Painter | None = None
        self._image: QImage | None = None
        self._is_stale = True
        self._knows_renderer = False
        self._press: QPointF | None = None
        self._was_framed = False
        self.readout = ""
        self.seconds_to_render = 0.0
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("3D view")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # Scene ------------------------------------------------------------------------------------------------------------

    def set_layer(self, name: str, actors: Sequence[vtkProp3D], captions: Sequence[Caption] = ()) -> None:
        """Replace the actors and captions of a layer; an empty layer shows nothing."""
        for actor in self._layers.pop(name, ()):
            self._renderer.RemoveViewProp(actor)
        self._captions.pop(name, None)
        if actors:
            self._layers[name] = tuple(actors)
            for actor in actors:
                self._renderer.AddViewProp(actor)
        if captions:
            self._captions[name] = tuple(captions)
        self.redraw()

    def has_layer(self, name: str) -> bool:
        """Whether a layer shows something."""
        return name in self._layers

    def set_legend(self, legend: Painter | None) -> None:
        """What paints the legend over the scene."""
        self._legend = legend
        self.update()

    def redraw(self) -> None:
        """Render anew at the next paint: for actors whose data changed."""
        self._is_stale = True
        self.update()

    def look_from(self, letter: str) -> None:
        """Look from a standard direction: A, P, L, R, S (head) or I (feet)."""
        direction, up = STANDARD_VIEWS[letter]
        camera = self._renderer.GetActiveCamera()
        focus = np.asarray(camera.GetFocalPoint())
        camera.SetPosition(*(focus + np.asarray(direction, dtype=float) * camera.GetDistance()))
        camera.SetViewUp(*up)
        self._renderer.ResetCameraClippingRange()
        self.redraw()

    def fit(self) -> None:
        """Show all of the scene."""
        self._renderer.ResetCamera()
        self._renderer.GetActiveCamera().Zoom(1.25)
        self._was_framed = True
        self.redraw()

    def fit_layers(self, names: Sequence[str], letter: str = "A") -> None:
        """Show all of some layers, seen from a standard direction (or ``O``: obliquely from the front and above)."""
        bounds = np.array([actor.GetBounds() for name in names for actor in self._layers.get(name, ())])
        if not len(bounds):
            return
        box = np.empty(6)
        box[::2], box[1::2] = bounds[:, ::2].min(axis=0), bounds[:, 1::2].max(axis=0)
        self._renderer.ResetCamera(box.tolist())
        self.look_from(letter)
        camera = self._renderer.GetActiveCamera()
        height, width = box[5] - box[4], max(box[1] - box[0], box[3] - box[2])
        aspect = max(0.2, self.width() / max(1, self.height()))
        camera.SetParallelScale(0.58 * max(height, width / aspect))
        self._renderer.ResetCameraClippingRange()
        self._was_framed = True
        self.redraw()

    @property
    def was_framed(self) -> bool:
        """Whether the camera was ever set to the scene."""
        return self._was_framed

    def close_renderer(self) -> None:
        """Free what VTK holds; the view shows nothing afterwards."""
        for name in tuple(self._layers):
            self.set_layer(name, ())
        self._legend = None
        self._interactor.RemoveAllObservers()
        self._interactor.Disable()
        self._window.Finalize()

    @property
    def angles_text(self) -> str:
        """From where one looks, as a C-arm would say it: LAO or RAO, CRA or CAU."""
        camera = self._renderer.GetActiveCamera()
        x, y, z = np.asarray(camera.GetPosition()) - np.asarray(camera.GetFocalPoint())
        lao = math.degrees(math.atan2(x, -y))
        cra = math.degrees(math.atan2(z, math.hypot(x, y)))
        side = f"{'LAO' if lao >= 0 else 'RAO'} {abs(lao):.0f}°"
        return f"{side}  {'CRA' if cra >= 0 else 'CAU'} {abs(cra):.0f}°"

    @property
    def px_per_mm(self) -> float:
        """Scale of the screen (the projection is parallel)."""
        return float(self.height() / (2.0 * self._renderer.GetActiveCamera().GetParallelScale()))

    def to_screen(self, position_mm: Any) -> QPointF:
        """Where a position (LPS) is in this widget."""
        camera = self._renderer.GetActiveCamera()
        offset = np.asarray(position_mm, dtype=float) - np.asarray(camera.GetFocalPoint())
        right, up = self._screen_axes()
        scale = self.px_per_mm
        return QPointF(self.width() / 2.0 + offset @ right * scale, self.height() / 2.0 - offset @ up * scale)

    def _screen_axes(self) -> tuple[FloatArray, FloatArray]:
        matrix = self._renderer.GetActiveCamera().GetViewTransformMatrix()
        rows = [np.array([matrix.GetElement(row, column) for column in range(3)]) for row in range(2)]
        return rows[0], rows[1]

    # Painting ---------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_stale:
            self._render()
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._image is not None:
            painter.drawImage(area, self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_captions(painter, area)
        self._draw_axes(painter, area)
        flag = Qt.AlignmentFlag
        slice_marks.draw_corner(
            painter, area, flag.AlignLeft | flag.AlignTop, [("3D", theme.TEXT), (self.angles_text, theme.MUTED)]
        )
        slice_marks.draw_scale_bar(painter, area, self.px_per_mm)
        if self.readout:
            slice_marks.draw_text(painter, area.adjusted(0, 8, 0, 0), flag.AlignHCenter | flag.AlignTop, self.readout)
        if self._legend is not None:
            self._legend(painter, area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.ACCENT if self.hasFocus() else theme.BORDER), 2.0 if self.hasFocus() else 1.0))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))

    def _render(self) -> None:
        began = time.perf_counter()
        ratio = self.devicePixelRatioF()
        width, height = max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))
        if tuple(self._window.GetSize()) != (width, height):
            self._window.SetSize(width, height)
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        if not self._knows_renderer:
            self._knows_renderer = True
            is_software = any(name in self._window.ReportCapabilities().lower() for name in _SOFTWARE_RENDERERS)
            if is_software:  # four samples a pixel would take five times as long there
                self._renderer.UseFXAAOn()
            else:
                self._window.SetMultiSamples(4)
            self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels)  # type: ignore[call-overload]
        rows = np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 4)[::-1])
        self._image = QImage(rows.data, width, height, 4 * width, QImage.Format.Format_RGBX8888).copy()
        self._is_stale = False
        self.seconds_to_render = time.perf_counter() - began

    def _draw_captions(self, painter: QPainter, area: QRectF) -> None:
        """Texts beside their places; one that would lie on another is moved below it."""
        flag = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        metrics = QFontMetricsF(painter.font())
        shown = [(self.to_screen(c.position_mm), c) for captions in self._captions.values() for c in captions]
        taken: list[QRectF] = []
        for at, caption in sorted(shown, key=lambda pair: pair[0].y()):
            width = metrics.horizontalAdvance(caption.text) + 4
            place = QRectF(min(at.x() + 8, area.right() - width - 4), at.y() - 9, width, 18)
            while any(place.intersects(other) for other in taken):
                place.translate(0, 4)
            taken.append(place)
            slice_marks.draw_text(painter, place, flag, caption.text, caption.color)

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        """The patient's axes in the lower left corner; those that point away are drawn first and dim."""
        right, up = self._screen_axes()
        toward = np.cross(right, up)
        center, length = QPointF(area.left() + 52, area.bottom() - 52), 30.0
        ends = []
        for x, y, z, positive, negative in _AXES:
            axis = np.array((x, y, z))
            for sign, letter in ((1.0, positive), (-1.0, negative)):
                direction = sign * axis
                offset = QPointF(float(direction @ right) * length, -float(direction @ up) * length)
                ends.append((float(direction @ toward), offset, letter))
        for depth, offset, letter in sorted(ends, key=lambda end: end[0]):
            color = QColor(theme.TEXT)
            color.setAlphaF(0.45 + 0.55 * (depth + 1.0) / 2.0)
            painter.setPen(QPen(color, 2.0))
            painter.drawLine(center, center + offset)
            place = QRectF(0, 0, 20, 18)
            place.moveCenter(center + offset * 1.38)
            if math.hypot(offset.x(), offset.y()) > 8.0 or depth > 0.0:
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, letter)

    # Mouse ------------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._is_stale = True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = event.position()
        self._tell(event.position(), event.modifiers())
        {
            Qt.MouseButton.LeftButton: self._interactor.LeftButtonPressEvent,
            Qt.MouseButton.MiddleButton: self._interactor.MiddleButtonPressEvent,
            Qt.MouseButton.RightButton: self._interactor.RightButtonPressEvent,
        }.get(event.button(), lambda: None)()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._tell(event.position(), event.modifiers())
        self._interactor.MouseMoveEvent()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._tell(event.position(), event.modifiers())
        {
            Qt.MouseButton.LeftButton: self._interactor.LeftButtonReleaseEvent,
            Qt.MouseButton.MiddleButton: self._interactor.MiddleButtonReleaseEvent,
            Qt.MouseButton.RightButton: self._interactor.RightButtonReleaseEvent,
        }.get(event.button(), lambda: None)()
        press, self._press = self._press, None
        is_click = press is not None and (event.position() - press).manhattanLength() < 4
        if is_click and event.button() == Qt.MouseButton.LeftButton:
            self._pick(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 1.15 ** (event.angleDelta().y() / 120.0)
        self._renderer.GetActiveCamera().Zoom(factor)
        self.redraw()

    def _tell(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        ratio = self.devicePixelRatioF()
        held = Qt.KeyboardModifier
        self._interactor.SetEventInformationFlipY(
            round(at.x() * ratio),
            round(at.y() * ratio),
            int(bool(modifiers & held.ControlModifier)),
            int(bool(modifiers & held.ShiftModifier)),
        )

    def _pick(self, at: QPointF) -> None:
        ratio = self.devicePixelRatioF()
        picker = vtkCellPicker()
        picker.SetTolerance(0.002)
        picker.Pick(at.x() * ratio, (self.height() - at.y()) * ratio - 1, 0, self._renderer)
        actor = picker.GetViewProp()
        for name, actors in self._layers.items():
            if actor in actors:
                self.picked.emit(name, actor, int(picker.GetPointId()), np.asarray(picker.GetPickPosition()))
                return
