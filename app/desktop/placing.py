"""What the next click in a slice does: it places a point or a landmark, measures, or edits the labels."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.edit.edit_section import EditSection
from app.desktop.edit.edit_tool import EditTool
from app.desktop.measure.measuring import Measuring
from app.desktop.panels.segment_panel import SegmentPanel
from app.desktop.session.session import Session
from app.desktop.views.quad_view import QuadView
from app.workflow.segment import placing_point


class Placing(QObject):
    """One thing at a time: each puts the others away. ``changed`` tells that, ``armed_changed`` what is placed next."""

    changed = Signal()
    armed_changed = Signal(str)

    def __init__(
        self, quad: QuadView, measuring: Measuring, edit_tool: EditTool, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.armed = ""
        self._goes_on = False
        self.panel: SegmentPanel | None = None
        self.tools: EditSection | None = None
        self._quad = quad
        self._measuring = measuring
        self._edit_tool = edit_tool
        self._session: Session | None = None
        quad.point_placed.connect(self._place)
        measuring.armed_changed.connect(self._begin_measuring)

    def set_session(self, session: Session | None) -> None:
        """Place in a case, or in none."""
        self.disarm()
        self._session = session
        self.panel = self.tools = None
        if session is None:
            self._quad.set_points({})
            return
        session.store.points_changed.connect(self.show_points)
        session.store.landmarks_changed.connect(self.show_points)
        self.show_points()

    def arm(self, role: str, goes_on: bool = False) -> None:
        """The next click in a slice places this point or landmark; an empty text stops that.

        Parameters
        ----------
        goes_on
            The point after it in the panel is wanted next.
        """
        if role:
            self._put_others_away()
        self.armed = role
        self._goes_on = goes_on
        self._quad.set_armed(role or None)
        if self.panel is not None:
            self.panel.set_armed(role)
        self.armed_changed.emit(role)
        self.changed.emit()

    def disarm(self) -> None:
        """Stop placing, measuring and editing."""
        if self.armed:
            self.arm("")
        self._put_others_away()

    @property
    def is_armed(self) -> bool:
        """Whether the next click in a slice places, measures or edits something."""
        return bool(self.armed) or self._measuring.kind is not None or self._edit_tool.operation is not None

    def begin_editing(self) -> None:
        """A tool for the labels was chosen."""
        if self._edit_tool.operation is not None:
            if self._measuring.kind is not None:
                self._measuring.stop()
            if self.armed:
                self.arm("")
        self.changed.emit()

    def show_points(self) -> None:
        """Show points and landmarks; when the one that was wanted is there, the next one is."""
        if self._session is None:
            return
        case = self._session.store.case
        landmarks = {name: landmark.position_mm for name, landmark in case.landmarks.items()}
        self._quad.set_points({**landmarks, **case.points})
        if self.panel is not None:
            self.panel.set_case(case, self._session.store.is_writable)
            if self.armed and self._goes_on and self.panel.is_placed(self.armed):
                self.arm(self.panel.next_missing(), goes_on=True)

    def show(self, role: str) -> None:
        """Bring the crosshair to a point or a landmark."""
        if self._session is None:
            return
        case = self._session.store.case
        if role in case.points:
            self._quad.choose_position(case.points[role])
        elif role in case.landmarks:
            self._quad.choose_position(case.landmarks[role].position_mm)

    def _place(self, role: str, position: Any) -> None:
        if self._session is None:
            return
        x, y, z = (round(float(value), 3) for value in position)
        self._session.store.do(placing_point(role, (x, y, z)))
        if role == self.armed and not self._goes_on:
            self.arm("")
        self._quad.choose_position(position)

    def _put_others_away(self) -> None:
        if self._measuring.kind is not None:
            self._measuring.stop()
        self._put_tool_away()

    def _put_tool_away(self) -> None:
        if self.tools is not None and self._edit_tool.operation is not None:
            self.tools.choose("")

    def _begin_measuring(self, kind: str) -> None:
        if kind:
            if self.armed:
                self.arm("")
            self._put_tool_away()
        self.changed.emit()
