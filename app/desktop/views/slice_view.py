"""One slice of the scan with its labels, crosshair and points, and the mouse conventions of radiology viewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.desktop import theme
from app.desktop.views import slice_marks
from app.desktop.views.mouse_profile import RADIOLOGY, MouseProfile
from app.desktop.views.oblique_plane import ObliquePlane
from app.desktop.views.plane_lines import GRAB_PX, PlaneLines, bearing_deg
from app.desktop.views.slice_picture import SlicePicture
from app.desktop.views.slice_plane import PlaneName, SlicePlane
from app.desktop.views.window_level import FIRST_WINDOW, Window
from imaging.reformat.slab import THIN, Slab
from imaging.types import FloatArray, LabelMap, Volume

Drag = tuple[str, QPointF, Any]
"""What is dragged, where it began, and what it began with."""


class SliceTool(Protocol):
    """What works in the slices before the view's own mouse does; each answers whether it took the event."""

    def press(self, view: SliceView, event: QMouseEvent) -> bool: ...

    def move(self, view: SliceView, event: QMouseEvent) -> bool: ...

    def release(self, view: SliceView, event: QMouseEvent) -> bool: ...

    def double_click(self, view: SliceView, event: QMouseEvent) -> bool: ...

    def paint(self, view: SliceView, painter: QPainter) -> None: ...


_NO_DRAG: Drag = ("", QPointF(), None)
_NEAR_SLICES = 4.0
_NARROW_EM = 58.0
_CLICK_PX = 2
_SAME_SLICE = 1e-6
_SHARPEST_ZOOM, _WIDEST_ZOOM = 40.0, 0.2
_CROSSHAIR_COLORS: dict[PlaneName, tuple[str, str]] = {
    # the horizontal line stands for the plane seen from the side below, the vertical one for the other
    "axial": (theme.PLANE_COLORS["coronal"], theme.PLANE_COLORS["sagittal"]),
    "sagittal": (theme.PLANE_COLORS["axial"], theme.PLANE_COLORS["coronal"]),
    "coronal": (theme.PLANE_COLORS["axial"], theme.PLANE_COLORS["sagittal"]),
}


class SliceView(QWidget):
    """A plane of the scan.

    Left click or drag moves the crosshair (or places the armed point, or drags a point), the wheel changes the slice,
    right drag changes the window, middle drag pans, Ctrl and wheel zooms, double click asks to be maximized, Shift and
    move lets the crosshair follow.
    """

    position_picked = Signal(object)
    point_placed = Signal(str, object)
    window_dragged = Signal(object)
    turned = Signal(float)
    maximize_asked = Signal()
    first_painted = Signal()

    def __init__(self, name: PlaneName, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.plane: SlicePlane | ObliquePlane | None = None
        self._volume: Volume | None = None
        self._labels: LabelMap | None = None
        self._picture = SlicePicture()
        self._window = FIRST_WINDOW
        self._position = np.zeros(3)
        self._points: Mapping[str, tuple[float, float, float]] = {}
        self._armed: str | None = None
        self._can_edit = True
        self._shows_crosshair = True
        self._shows_labels = True
        self._zoom = 1.0
        self._center_mm = QPointF()
        self._cursor_mm: FloatArray | None = None
        self._drag: Drag | None = None
        self._wheel_rest = 0.0
        self._was_painted = False
        self._tools: list[SliceTool] = []
        self._slab = THIN
        self._profile: MouseProfile = RADIOLOGY
        self._lines = PlaneLines()
        self.taken: list[QRectF] = []  # what texts cover while a picture is painted; tools add theirs
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{name.capitalize()} slices")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # What is shown ----------------------------------------------------------------------------------------------------

    def set_volume(self, volume: Volume | None) -> None:
        """Show a scan (or none), whole and centered."""
        self._volume = volume
        self.plane = SlicePlane.of(self.name, volume.grid) if volume else None
        self._picture.forget()
        self._was_painted = False
        self.fit()

    def show_phase(self, volume: Volume) -> None:
        """Show another scan on the same grid, where the view is."""
        self._volume = volume
        self._picture.forget_values()
        self.update()

    def set_plane(self, plane: SlicePlane | ObliquePlane) -> None:
        """Show the volume in another plane, whole if it is another kind of plane."""
        is_other = self.plane is None or self.plane.is_oblique != plane.is_oblique
        before, self.plane = self.plane, plane
        if is_other:
            self.fit()
        elif before is not None:  # what is in the middle of the view stays there
            (old_w, old_h), (new_w, new_h) = before.extent_mm, plane.extent_mm
            self._center_mm += QPointF((new_w - old_w) / 2.0, (new_h - old_h) / 2.0)
        self._picture.forget()
        self.update()

    def set_others(self, others: tuple[tuple[FloatArray, str], ...], *, shows_handles: bool) -> None:
        """The other planes' normals (LPS) and colors, whose lines are the crosshair, and whether they can be turned."""
        if self.plane is not None:
            self._lines.set_others(self.axes, others, has_handles=shows_handles)
        self.update()

    def set_slab(self, slab: Slab) -> None:
        """Show thin or thick slices."""
        self._slab = slab
        self._picture.forget_values()
        self.update()

    def set_profile(self, profile: MouseProfile) -> None:
        """What the mouse's buttons do."""
        self._profile = profile

    def set_labels(self, labels: LabelMap | None) -> None:
        """Show labels on the scan's grid over it."""
        self._labels = labels
        self._picture.forget_labels()
        self.update()

    def refresh_labels(self, box: tuple[slice, slice, slice]) -> None:
        """The labels within a box of voxels (k, j, i) changed in place: show that part of the slice anew."""
        if self.plane is None or self._labels is None:
            return
        if self._picture.refresh_labels(self._labels, self.plane, self.slice_index, box):
            self.update()

    def set_label_table(self, table: NDArray[np.uint8]) -> None:
        """RGBA (256, 4) of the label values."""
        self._picture.set_table(table)
        self.update()

    def set_window(self, window: Window) -> None:
        """Show HU through another window."""
        self._window = window
        self._picture.forget_gray()
        self.update()

    def set_position(self, position_mm: FloatArray) -> None:
        """Move the crosshair (LPS); the slice follows."""
        before = self.slice_index
        self._position = np.asarray(position_mm, dtype=float)
        if abs(self.slice_index - before) > _SAME_SLICE:  # an oblique one moves by rounding when another is scrolled
            self._picture.forget()
        self.update()

    def set_points(self, points: Mapping[str, tuple[float, float, float]]) -> None:
        """Landmarks to show, by role (LPS)."""
        self._points = points
        self.update()

    def set_armed(self, role: str | None) -> None:
        """The point that the next click places."""
        self._armed = role
        self.setCursor(Qt.CursorShape.CrossCursor if role else Qt.CursorShape.ArrowCursor)
        self.update()

    def set_can_edit(self, can_edit: bool) -> None:
        """Whether points can be dragged."""
        self._can_edit = can_edit

    def set_shows(self, *, crosshair: bool | None = None, labels: bool | None = None) -> None:
        """Turn the crosshair or the labels on or off."""
        self._shows_crosshair = self._shows_crosshair if crosshair is None else crosshair
        self._shows_labels = self._shows_labels if labels is None else labels
        self.update()

    def add_tool(self, tool: SliceTool) -> None:
        """Let a tool see the mouse first, and paint over the slice."""
        self._tools.append(tool)

    def fit(self) -> None:
        """Show the whole slice."""
        self._zoom = 1.0
        if self.plane is not None:
            width, height = self.plane.extent_mm
            self._center_mm = QPointF(width / 2.0, height / 2.0)
        self.update()

    @property
    def slice_index(self) -> Any:
        """The slice that is shown: a whole number, or of an oblique plane a fraction."""
        return self.plane.slice_index(self._position) if self.plane else 0

    @property
    def px_per_mm(self) -> float:
        """Scale of the screen."""
        if self.plane is None:
            return 1.0
        width, height = self.plane.extent_mm
        return self._zoom * min(self.width() / width, self.height() / height)

    def to_screen(self, position_mm: Any) -> QPointF:
        """Where a position (LPS) is in this widget."""
        assert self.plane is not None
        x_mm, y_mm = self.plane.to_screen_mm(np.asarray(position_mm, dtype=float))
        scale = self.px_per_mm
        return QPointF(
            self.width() / 2.0 + (x_mm - self._center_mm.x()) * scale,
            self.height() / 2.0 + (y_mm - self._center_mm.y()) * scale,
        )

    def to_lps(self, at: QPointF) -> FloatArray:
        """The position (LPS) in the shown slice under a place of this widget."""
        assert self.plane is not None
        scale = self.px_per_mm
        x_mm = self._center_mm.x() + (at.x() - self.width() / 2.0) / scale
        y_mm = self._center_mm.y() + (at.y() - self.height() / 2.0) / scale
        return self.plane.to_lps(x_mm, y_mm, self.slice_index)

    @property
    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Unit vectors (LPS) that point right, down and through the slice."""
        assert self.plane is not None
        return self.plane.axes

    @property
    def half_thickness_mm(self) -> float:
        """How far what the slice shows reaches to either side."""
        assert self.plane is not None
        return self._slab.n_slices(self.plane.step_mm) * self.plane.step_mm / 2.0

    def depth_mm(self, positions_mm: Any) -> FloatArray:
        """How far positions (..., 3) lie from the shown slice, mm, signed."""
        assert self.plane is not None
        return self.plane.depth_mm(positions_mm, self.slice_index)

    @property
    def readout(self) -> str:
        """Value, label and position under the mouse cursor, or an empty text."""
        if self._volume is None or self._cursor_mm is None or not self._volume.grid.contains(self._cursor_mm):
            return ""
        grid = self._volume.grid
        i, j, k = np.clip(np.rint(grid.to_index(self._cursor_mm)).astype(int), 0, np.asarray(grid.size) - 1)
        text = f"{self._volume.array[k, j, i]:.0f} {self._volume.unit}"
        if self._labels is not None and (value := int(self._labels.array[k, j, i])):
            text += f"  {self._labels.names.get(value, f'label {value}')}"
        x, y, z = self._cursor_mm
        return f"{text}\nL {x:.1f}  P {y:.1f}  H {z:.1f} mm"

    # Painting ---------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, QColor("#000000"))
        if self._volume is None or self.plane is None:
            slice_marks.draw_text(painter, area, Qt.AlignmentFlag.AlignCenter, "No scan", theme.MUTED)
            slice_marks.draw_frame(painter, area, has_focus=self.hasFocus())
            return
        self._draw_image(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._shows_crosshair:
            self._draw_crosshair(painter, area)
        slice_marks.draw_letters(painter, area, self.plane.letters)
        taken = self._draw_corners(painter, area)
        self.taken = slice_marks.draw_points(painter, area, self._marks(), self._armed, taken)
        for tool in self._tools:
            tool.paint(self, painter)
        slice_marks.draw_frame(painter, area, has_focus=self.hasFocus())
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self.first_painted.emit)  # once the picture is with the display

    def _draw_image(self, painter: QPainter) -> None:
        assert self._volume is not None and self.plane is not None
        index = self.slice_index
        width, height = self.plane.extent_mm
        scale = self.px_per_mm
        target = QRectF(
            self.width() / 2.0 - self._center_mm.x() * scale,
            self.height() / 2.0 - self._center_mm.y() * scale,
            width * scale,
            height * scale,
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._picture.gray(self._volume, self.plane, index, self._slab, self._window))
        if self._labels is not None and self._shows_labels:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(target, self._picture.labels(self._labels, self.plane, index))

    def _draw_crosshair(self, painter: QPainter, area: QRectF) -> None:
        at = self.to_screen(self._position)
        if self._lines:
            self._lines.draw(painter, area, at)
        else:
            slice_marks.draw_crosshair(painter, area, at, *_CROSSHAIR_COLORS[self.name])

    @property
    def handles(self) -> list[tuple[QPointF, str]]:
        """Places, with colors, where the other planes can be taken to be turned."""
        return self._lines.handles(QRectF(self.rect()), self.to_screen(self._position))

    def _handle_at(self, at: QPointF) -> bool:
        return self._lines.is_handle(QRectF(self.rect()), self.to_screen(self._position), at)

    def _bearing(self, at: QPointF) -> float:
        return bearing_deg(self.to_screen(self._position), at)

    def _draw_corners(self, painter: QPainter, area: QRectF) -> list[QRectF]:
        """Write what belongs to the view as a whole; returns what that, letters and scale bar cover."""
        assert self.plane is not None
        flag = Qt.AlignmentFlag
        is_narrow = area.width() < _NARROW_EM * QFontMetricsF(painter.font()).averageCharWidth()
        title = [(self.name.capitalize(), theme.PLANE_COLORS[self.name])]
        index = self.slice_index
        where = "oblique" if self.plane.is_oblique else f"Slice {index + 1} / {self.plane.n_slices}"
        title.append((where, theme.TEXT))
        if self._slab.mode != "thin":
            title.append((f"{self._slab.mode} {2.0 * self.half_thickness_mm:.1f} mm", theme.POINT))
        elif not is_narrow:
            title.append((f"spacing {self.plane.step_mm:.2f} mm", theme.MUTED))
        unit = self._volume.unit if self._volume else ""
        width, level = f"W {self._window.width:.0f}", f"L {self._window.level:.0f} {unit}"
        window = [(width, theme.TEXT), (level, theme.TEXT)] if is_narrow else [(f"{width}  {level}", theme.TEXT)]
        advance = QFontMetricsF(painter.font()).horizontalAdvance
        if advance(title[1][0] + level) + 4.0 * slice_marks.MARGIN > area.width():
            window = []  # the larger views tell it
        lines = [(line, theme.TEXT) for line in self._readout_lines(area.width() - 2.0 * slice_marks.MARGIN, advance)]
        scale_bar = slice_marks.scale_bar_place(painter, area, self.px_per_mm)
        above_bar = area.adjusted(0.0, 0.0, 0.0, -scale_bar.height() if is_narrow else 0.0)
        taken = [
            slice_marks.draw_corner(painter, area, flag.AlignLeft | flag.AlignTop, title),
            slice_marks.draw_corner(painter, area, flag.AlignRight | flag.AlignTop, window),
            slice_marks.draw_corner(painter, above_bar, flag.AlignLeft | flag.AlignBottom, lines),
            scale_bar,
            *slice_marks.letter_places(painter, area, self.plane.letters),
        ]
        slice_marks.draw_scale_bar(painter, area, self.px_per_mm)
        if self._armed:
            text = f"Click to place: {self._armed.replace('_', ' ')}"
            slice_marks.draw_text(
                painter, area.adjusted(0, 30, 0, 0), flag.AlignHCenter | flag.AlignTop, text, theme.POINT
            )
        return taken

    def _readout_lines(self, width_px: float, advance: Callable[[str], float]) -> list[str]:
        """The readout in lines that fit."""
        lines = []
        for line in self.readout.splitlines():
            fits = advance(line) <= width_px
            lines += [line] if fits else line.replace("  H", "\nH").splitlines()
        return lines

    def _marks(self) -> list[slice_marks.PointMark]:
        assert self.plane is not None
        step, half = self.plane.step_mm, self.half_thickness_mm
        marks = []
        for role, position in self._points.items():
            away = abs(float(self.depth_mm(position)))
            if away <= max(_NEAR_SLICES * step, half):
                marks.append(slice_marks.PointMark(role, self.to_screen(position), away, away <= half + 1e-6))
        return marks

    # Mouse and keys ---------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.plane is None:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(event.position(), 1.2 ** (turned / 120.0))
            return
        self._wheel_rest += turned / 120.0
        notches = int(self._wheel_rest)
        self._wheel_rest -= notches
        self.scroll_slices(notches)

    def scroll_slices(self, notches: int) -> None:
        """Go some slices up: to the head, to the patient's left, or to the front."""
        if self.plane is None or notches == 0:
            return
        self.position_picked.emit(self.plane.stepped(self._position, notches))

    def _zoom_at(self, at: QPointF, factor: float) -> None:
        before = self.px_per_mm
        self._zoom = float(np.clip(self._zoom * factor, _WIDEST_ZOOM, _SHARPEST_ZOOM))
        shift = (at - QPointF(self.width() / 2.0, self.height() / 2.0)) * (1.0 / before - 1.0 / self.px_per_mm)
        self._center_mm += shift
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.plane is None:
            return
        if self._armed is None and any(tool.press(self, event) for tool in self._tools):
            return
        at, button = event.position(), event.button()
        if button == Qt.MouseButton.LeftButton:
            role = self._point_at(at)
            if self._armed is not None:
                self._place(self._armed, at)
                return
            if role is not None and self._can_edit:
                self._drag = ("point", at, role)
                return
            if self._handle_at(at):
                self._drag = ("turn", at, self._bearing(at))
                return
        gesture = self._profile.gesture(button, event.modifiers())
        if gesture is None:
            return
        held = {"window": self._window, "pan": QPointF(self._center_mm), "zoom": at}.get(gesture)
        self._drag = (gesture, at, held)
        if gesture == "crosshair":
            self.position_picked.emit(self.to_lps(at))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.plane is None:
            return
        at = event.position()
        self._cursor_mm = self.to_lps(at)
        if self._drag is None and any(tool.move(self, event) for tool in self._tools):
            return
        kind, start, held = self._drag if self._drag is not None else _NO_DRAG
        if kind == "window":
            self.window_dragged.emit(held.dragged(at.x() - start.x(), start.y() - at.y()))
        elif kind == "pan":
            self._center_mm = held - (at - start) / self.px_per_mm
        elif kind == "zoom":
            self._zoom_at(start, 1.01 ** (at.y() - held.y()))
            self._drag = (kind, start, at)
        elif kind == "turn":
            self.turned.emit(self._bearing(at) - held)
            self._drag = (kind, start, self._bearing(at))
        elif kind == "point":
            self._points = {**self._points, held: _triple(self.to_lps(at))}
        elif kind == "crosshair" or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.position_picked.emit(self.to_lps(at))
        elif self._armed is None:
            is_held = self._point_at(at) is not None or self._handle_at(at)
            self.setCursor(Qt.CursorShape.SizeAllCursor if is_held else Qt.CursorShape.ArrowCursor)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is None and any(tool.release(self, event) for tool in self._tools):
            return
        drag, self._drag = self._drag, None
        if drag is not None and drag[0] == "point" and (event.position() - drag[1]).manhattanLength() > 2:
            self._place(drag[2], event.position())
        elif (
            drag is not None
            and drag[0] == "window"
            and event.button() == Qt.MouseButton.LeftButton
            and (event.position() - drag[1]).manhattanLength() <= _CLICK_PX
        ):
            self.position_picked.emit(self.to_lps(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.plane is not None and any(tool.double_click(self, event) for tool in self._tools):
            return
        if event.button() == Qt.MouseButton.LeftButton and self._armed is None:
            self.maximize_asked.emit()

    def leaveEvent(self, event: Any) -> None:
        self._cursor_mm = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }
        if event.key() in steps:
            self.scroll_slices(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _place(self, role: str, at: QPointF) -> None:
        assert self.plane is not None
        position = self.to_lps(at)
        if self.plane.grid.contains(position):
            self.point_placed.emit(role, position)

    def _point_at(self, at: QPointF) -> str | None:
        on_slice = [mark for mark in self._marks() if mark.is_on_slice]
        near = [mark for mark in on_slice if (mark.at - at).manhattanLength() <= 1.5 * GRAB_PX]
        return near[0].role if near else None


def _triple(position: FloatArray) -> tuple[float, float, float]:
    return float(position[0]), float(position[1]), float(position[2])
