"""Measuring in the slices: points are clicked, ends are dragged; every change is a command on the case."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter

from app.case.commands import RemoveMeasurements, SetMeasurement
from app.case.errors import CaseError
from app.case.records import Measurement, Position
from app.desktop.measure import drawing
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.desktop.views.quad_view import QuadView
from app.desktop.views.slice_view import SliceView
from app.workflow.measurements import new_measurement, rows_of, short_words_of, values_of
from imaging.errors import ImagingError
from imaging.measurement import TYPES, MeasurementKind

_GRAB_PX = 9.0
_PENDING = "pending"


class Measuring(QObject):
    """The measurements of the open case over its slices; a tool of every `SliceView`.

    ``rows_changed`` carries the table's rows, ``armed_changed`` the kind that is being measured, or an empty text.
    """

    rows_changed = Signal(object)
    armed_changed = Signal(str)

    def __init__(self, quad: QuadView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.kind: MeasurementKind | None = None
        self.rows: list[dict[str, Any]] = []
        self.selected: frozenset[str] = frozenset()
        self._quad = quad
        self._session: Session | None = None
        self._clicked: list[Position] = []
        self._hover: Position | None = None
        self._dragged: tuple[Measurement, int] | None = None
        for view in quad.slices.values():
            view.add_tool(self)

    def set_session(self, session: Session | None) -> None:
        """Show the measurements of a case, or none."""
        self.stop()
        self._session = session
        if session is not None:
            session.store.measurements_changed.connect(self._refresh)
            session.data.loaded.connect(lambda item, content: self._take(item))
        self._refresh()

    def arm(self, kind: str) -> None:
        """The next clicks measure this."""
        if self._session is None or not self._session.store.is_writable:
            return
        self.kind, self._clicked, self._hover = cast(MeasurementKind, kind), [], None
        self._update()
        self.armed_changed.emit(kind)

    def stop(self) -> None:
        """Measure nothing more; points that were clicked are forgotten."""
        self.kind, self._clicked, self._hover, self._dragged = None, [], None, None
        self._update()
        self.armed_changed.emit("")

    def add_volume(self, label: str) -> None:
        """Measure the volume of a label."""
        self._make("volume", [], label)

    def remove(self, ids: tuple[str, ...]) -> None:
        """Take measurements away."""
        if self._session is not None and ids:
            self._session.store.do(RemoveMeasurements(ids))

    def rename(self, measurement_id: str, name: str) -> None:
        """Give a measurement another name."""
        for measurement in self._measurements:
            if measurement.id == measurement_id and name and name != measurement.name:
                self._change(measurement.model_copy(update={"name": name}))

    def select(self, ids: frozenset[str]) -> None:
        """Draw measurements in white."""
        self.selected = ids
        self._update()

    def show(self, measurement_id: str) -> None:
        """Bring the crosshair to a measurement."""
        for measurement in self._measurements:
            if measurement.id == measurement_id and measurement.points_mm:
                self._quad.choose_position(np.mean(measurement.points_mm, axis=0))

    @property
    def _measurements(self) -> tuple[Measurement, ...]:
        return self._session.store.case.measurements if self._session is not None else ()

    # A tool of the slices ---------------------------------------------------------------------------------------------

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        """Take the next point, or hold one that is there."""
        if event.button() != Qt.MouseButton.LeftButton or self._session is None:
            return False
        if self.kind is None:
            self._dragged = self._held(view, event.position()) if self._session.store.is_writable else None
            return self._dragged is not None
        position = _triple(view.to_lps(event.position()))
        if self._clicked and position == self._clicked[-1]:
            return True
        self._clicked.append(position)
        if len(self._clicked) == TYPES[self.kind].n_points:
            self._finish()
        self._update()
        return True

    def move(self, view: SliceView, event: QMouseEvent) -> bool:
        """Show what a click would measure, or move the held point."""
        position = _triple(view.to_lps(event.position()))
        if self._dragged is not None:
            measurement, n = self._dragged
            points = [*measurement.points_mm]
            points[n] = position
            self._dragged = measurement.model_copy(update={"points_mm": tuple(points)}), n
            self._update()
            return True
        if self.kind is not None:
            self._hover = position
            self._update()
            return True
        return False

    def release(self, view: SliceView, event: QMouseEvent) -> bool:
        """Leave the held point where it is."""
        if self._dragged is None:
            return False
        (measurement, _), self._dragged = self._dragged, None
        if measurement not in self._measurements:
            self._change(measurement)
        return True

    def double_click(self, view: SliceView, event: QMouseEvent) -> bool:
        """End a polyline."""
        if self.kind is None:
            return False
        if self.kind == "polyline" and len(self._clicked) >= 2:
            self._finish()
        return True

    def paint(self, view: SliceView, painter: QPainter) -> None:
        """Draw what the view's slice shows of the measurements."""
        said = {row["id"]: short_words_of(row) for row in self.rows}
        held = self._dragged[0] if self._dragged is not None else None
        for measurement in self._measurements:
            shown, text = measurement, said.get(measurement.id, "")
            if held is not None and held.id == measurement.id:
                shown, text = held, self._quick_text(held)
            drawing.draw(painter, view, shown, text, is_selected=measurement.id in self.selected)
        if self.kind is not None:
            points = [*self._clicked, *([self._hover] if self._hover is not None and self._clicked else [])]
            wanted = TYPES[self.kind].n_points
            if points:
                is_whole = len(points) >= 2 if wanted is None else len(points) == wanted
                kind: MeasurementKind = self.kind if is_whole else "polyline"
                pending = Measurement(id=_PENDING, kind=kind, name="", points_mm=tuple(points))
                text = self._quick_text(pending) if is_whole else ""
                drawing.draw(painter, view, pending, text, is_selected=True)
            drawing.hint(painter, view, f"{TYPES[self.kind].title}: {TYPES[self.kind].hint} Esc stops.")

    def _quick_text(self, measurement: Measurement) -> str:
        """What needs no scan, while the mouse moves."""
        try:
            return short_words_of({**values_of(measurement, None, None)})
        except ImagingError:
            return ""

    def _held(self, view: SliceView, at: QPointF) -> tuple[Measurement, int] | None:
        for measurement in self._measurements:
            for n, position in enumerate(measurement.points_mm):
                is_here = abs(float(view.depth_mm(position))) <= view.half_thickness_mm + 1e-6
                if is_here and (view.to_screen(position) - at).manhattanLength() <= _GRAB_PX:
                    return measurement, n
        return None

    def _finish(self) -> None:
        assert self.kind is not None
        kind, points = self.kind, self._clicked
        self._clicked, self._hover = [], None
        self._make(kind, points, "")

    def _make(self, kind: str, points: list[Position], label: str) -> None:
        if self._session is None:
            return
        try:
            made = new_measurement(self._session.store.case, kind, points, label=label)
            self._session.store.do(SetMeasurement(made))
        except CaseError as error:
            self._session.refused.emit(refusal_of(error))
        self.kind = None
        self.armed_changed.emit("")

    def _change(self, measurement: Measurement) -> None:
        if self._session is not None:
            self._session.store.do(SetMeasurement(measurement, is_new=False))

    def _take(self, item: str) -> None:
        if item in ("image", "segmentation"):
            self._refresh()

    def _refresh(self) -> None:
        """Work out the rows off the window's thread."""
        if self._session is None:
            self._take_rows([])
            return
        data = self._session.data
        case, volume, labels = self._session.store.case, data.volume, data.labels
        data.compute("measurements", partial(rows_of, case, volume, labels), self._take_rows)

    def _take_rows(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.rows_changed.emit(rows)
        self._update()

    def _update(self) -> None:
        for view in self._quad.slices.values():
            view.update()


def _triple(position: Any) -> Position:
    return float(position[0]), float(position[1]), float(position[2])
