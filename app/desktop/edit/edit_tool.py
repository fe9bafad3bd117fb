"""The chosen edit in the hands of the user: strokes, points and outlines drawn in the slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF

from app.desktop import theme
from app.desktop.edit.edit_session import EditSession
from app.desktop.views.quad_view import QuadView
from app.desktop.views.slice_view import SliceView
from imaging.segmentation.editing.delta import Delta
from imaging.segmentation.editing.operation import Operation
from imaging.segmentation.editing.registry import Edit, operation_of
from imaging.types import FloatArray

_LEAST_STEP_PX = 2.0
_MARK_PX = 5.0

Triple = tuple[float, float, float]


class EditTool(QObject):
    """A `SliceTool`: while an edit is chosen, the left button draws for it.

    A stroke is painted at once and made when the button is let go; points are collected until the edit is applied; an
    outline is closed and made when the button is let go. ``places_changed`` tells how many points are set.
    """

    places_changed = Signal(int)

    def __init__(self, quad: QuadView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._quad = quad
        self._session: EditSession | None = None
        self.operation: Operation | None = None
        self.parameters: Mapping[str, Any] = {}
        self.label = 1
        self.places: list[Triple] = []
        self._stroke: list[Triple] = []
        self._deltas: list[Delta] = []
        self._view: SliceView | None = None
        self._cursor: tuple[SliceView, QPointF] | None = None
        for view in quad.slices.values():
            view.add_tool(self)

    def set_session(self, session: EditSession | None) -> None:
        """Edit the labels of a case, or none."""
        self._session = session
        self.choose("")

    def choose(self, operation_id: str) -> None:
        """Take an edit into the hand, or none."""
        self.operation = operation_of(operation_id) if operation_id else None
        if self.operation is not None and self._session is not None and not self._session.begin():
            self.operation = None
        self.clear_places()

    def clear_places(self) -> None:
        """Forget the points that were set."""
        self.places, self._stroke, self._deltas, self._view = [], [], [], None
        self.places_changed.emit(0)
        self._update()

    def edit(self) -> Edit | None:
        """The edit as it stands, with the points that are set."""
        if self.operation is None:
            return None
        return Edit(self.operation.id, dict(self.parameters), self.label, tuple(self.places), self._direction())

    def apply(self) -> None:
        """Make the edit with the points that are set."""
        edit = self.edit()
        if edit is not None and self._session is not None:
            self._session.make(edit)

    # A tool of the slices ---------------------------------------------------------------------------------------------

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        operation = self.operation
        if event.button() != Qt.MouseButton.LeftButton or operation is None or self._session is None:
            return False
        if operation.places == "none" or self._session.is_busy:
            return False
        place = self._place(view, event.position())
        self._view = view
        if operation.places == "points":
            self.places.append(place)
            self.places_changed.emit(len(self.places))
            self._update()
            return True
        self._stroke = [place]
        if operation.places == "stroke":
            self._paint_piece(view, [place])
        self._update()
        return True

    def move(self, view: SliceView, event: QMouseEvent) -> bool:
        if self.operation is None:
            return False
        self._cursor = (view, event.position())
        if self._stroke and view is self._view:
            place = self._place(view, event.position())
            away = view.to_screen(place) - view.to_screen(self._stroke[-1])
            if away.manhattanLength() >= _LEAST_STEP_PX:
                self._stroke.append(place)
                if self.operation.places == "stroke":
                    self._paint_piece(view, self._stroke[-2:])
        self._update()
        return bool(self._stroke)

    def release(self, view: SliceView, event: QMouseEvent) -> bool:
        if not self._stroke or self.operation is None or self._session is None:
            return False
        stroke, self._stroke = self._stroke, []
        deltas, self._deltas = self._deltas, []
        self._session.take_back(deltas)
        edit = Edit(self.operation.id, dict(self.parameters), self.label, tuple(stroke), self._direction())
        if len(stroke) >= self.operation.n_places:
            self._session.make(edit)
        self._update()
        return True

    def double_click(self, view: SliceView, event: QMouseEvent) -> bool:
        return self.operation is not None and self.operation.places != "none"

    def paint(self, view: SliceView, painter: QPainter) -> None:
        if self.operation is None:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.POINT), 1.5))
        radius = self.parameters.get("radius_mm")
        if self._cursor is not None and self._cursor[0] is view and self.operation.places == "stroke" and radius:
            size = float(radius) * view.px_per_mm
            painter.drawEllipse(self._cursor[1], size, size)
        if self.operation.places == "polygon" and view is self._view and len(self._stroke) > 1:
            painter.drawPolyline(QPolygonF([view.to_screen(place) for place in self._stroke]))
        for place in self.places:
            if abs(float(view.depth_mm(place))) <= view.half_thickness_mm + 1e-6:
                at = view.to_screen(place)
                painter.drawLine(at - QPointF(_MARK_PX, 0.0), at + QPointF(_MARK_PX, 0.0))
                painter.drawLine(at - QPointF(0.0, _MARK_PX), at + QPointF(0.0, _MARK_PX))

    # Inside -----------------------------------------------------------------------------------------------------------

    def _paint_piece(self, view: SliceView, piece: list[Triple]) -> None:
        """Show a piece of a stroke at once; the whole stroke replaces the pieces when it is done."""
        assert self.operation is not None and self._session is not None
        edit = Edit(self.operation.id, dict(self.parameters), self.label, tuple(piece), self._direction())
        delta = self._session.show_quick(edit)
        if delta is not None:
            self._deltas.append(delta)

    def _direction(self) -> Triple | None:
        return _triple(self._view.axes[2]) if self._view is not None else None

    @staticmethod
    def _place(view: SliceView, at: QPointF) -> Triple:
        return _triple(np.round(view.to_lps(at), 3))

    def _update(self) -> None:
        for view in self._quad.slices.values():
            view.update()


def _triple(vector: FloatArray) -> Triple:
    return float(vector[0]), float(vector[1]), float(vector[2])
