"""The steps of the path on the left, and the modes below them, each with a dot whose shape tells its state."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.session.step_states import STATE_WORDS, State, StepState
from app.workflow.steps import STEPS


def draw_state(painter: QPainter, area: QRectF, state: State) -> None:
    """A mark for a state: hollow ring, ring with a wedge, three dots, check, exclamation mark, cross."""
    color = QColor(theme.STATE_COLORS[state])
    center, radius = area.center(), area.width() / 2.0
    painter.setPen(QPen(color, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state in ("todo", "ready"):
        painter.drawEllipse(center, radius - 1, radius - 1)
        if state == "ready":
            painter.setBrush(color)
            wedge = [QPointF(-0.25, -0.45), QPointF(0.5, 0.0), QPointF(-0.25, 0.45)]
            painter.drawPolygon(QPolygonF([center + point * radius for point in wedge]))
        return
    painter.setBrush(color)
    painter.drawEllipse(center, radius - 1, radius - 1)
    painter.setPen(QPen(QColor("#10141a"), 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    lines = {
        "done": [((-0.45, 0.0), (-0.1, 0.38)), ((-0.1, 0.38), (0.45, -0.35))],
        "stale": [((0.0, -0.5), (0.0, 0.12)), ((0.0, 0.48), (0.0, 0.5))],
        "failed": [((-0.35, -0.35), (0.35, 0.35)), ((-0.35, 0.35), (0.35, -0.35))],
        "running": [((-0.45, 0.0), (-0.44, 0.0)), ((0.0, 0.0), (0.01, 0.0)), ((0.44, 0.0), (0.45, 0.0))],
    }[state]
    for start, end in lines:
        painter.drawLine(center + QPointF(*start) * radius, center + QPointF(*end) * radius)


class StepButton(QAbstractButton):
    """One step of the rail."""

    def __init__(self, number: int, title: str, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._number, self._key = number, key
        self.state = StepState("todo", "")
        self.set_state(self.state)

    def set_state(self, state: StepState) -> None:
        """Show a state."""
        self.state = state
        words = STATE_WORDS[state.state]
        self.setToolTip(f"{self.text()}: {words.lower()}. {state.reason} ({self._key})")
        self.setAccessibleName(f"Step {self._number} {self.text()}: {words.lower()}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(148, 52)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(4, 2, -4, -2)
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor("#24506f" if self.isChecked() else theme.RAISED))
            painter.drawRoundedRect(area, 6, 6)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.ACCENT), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 6, 6)
        mark = QRectF(area.left() + 10, 0, 20, 20)
        mark.moveCenter(QPointF(mark.center().x(), area.center().y()))
        draw_state(painter, mark, self.state.state)
        painter.setPen(QColor(theme.TEXT if self.isEnabled() else theme.MUTED))
        text = area.adjusted(40, 5, -4, -area.height() / 2 + 2)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, f"{self._number}  {self.text()}")
        small = painter.font()
        small.setPixelSize(11)
        painter.setFont(small)
        painter.setPen(QColor(theme.MUTED))
        below = area.adjusted(40, area.height() / 2 - 1, -2, -4)
        short = {"todo": "waiting", "ready": "ready"}.get(self.state.state, STATE_WORDS[self.state.state].lower())
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, short)


class StepRail(QFrame):
    """All steps, and below them the modes; any may be chosen at any time."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(160)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 8, 4, 8)
        layout.setSpacing(2)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, StepButton] = {}
        places = {step.id: (step.title, f"Ctrl+{number}") for number, step in enumerate(STEPS.values(), 1)}
        places |= {mode.id: (mode.title, mode.key) for mode in MODES.values()}
        for number, (place_id, (title, key)) in enumerate(places.items(), 1):
            if number == len(STEPS) + 1:
                heading = QLabel("Models in seconds")
                heading.setObjectName("section")
                heading.setContentsMargins(10, 6, 0, 2)
                layout.addWidget(heading)
            button = StepButton(number, title, key, self)
            button.clicked.connect(lambda checked=False, place_id=place_id: self.chosen.emit(place_id))
            self._group.addButton(button)
            layout.addWidget(button)
            self.buttons[place_id] = button
        layout.addStretch(1)

    def set_states(self, states: Mapping[str, StepState]) -> None:
        """Show the state of each step of the case's path and of each mode; others are left out."""
        for step_id, button in self.buttons.items():
            button.setVisible(step_id in states)
            if step_id in states:
                button.set_state(states[step_id])

    def set_current(self, step_id: str) -> None:
        """Mark the step whose panel is shown."""
        self.buttons[step_id].setChecked(True)
