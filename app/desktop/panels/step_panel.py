"""The panel of a step: what it does, how it stands, its settings, Run and Cancel, what it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.case.records import Case
from app.desktop.panels.facts import table_of
from app.desktop.panels.forms import ParameterForm
from app.desktop.rail import draw_state
from app.desktop.session.step_states import STATE_WORDS, StepState
from app.desktop.session.words import seconds_text
from app.workflow.steps import STEPS, remembered_values, step_of

_ABOUT = {
    "import": "Take a CT angiogram into the case. Its patient frame is kept exactly.",
    "segment": "Find the lumen from a few points: choose a point below, then click in a slice.",
    "model": "Make the smooth vessel wall with its centerlines, open ends cut flat and extended.",
    "mesh": "Fill the model with tetrahedra, with boundary layers along the wall.",
    "simulate": "Solve the blood flow over several heart beats, or a steady flow. The run goes on when the window is "
    "closed.",
    "results": "Compute wall shear stress and the other indices from the finished run.",
    "report": "Write the report: key images, numbers with units, every assumption.",
}
_RUN_WORDS = {
    "import": "Import",
    "segment": "Segment",
    "model": "Build the model",
    "mesh": "Mesh",
    "simulate": "Start the run",
    "results": "Compute the results",
    "report": "Write the report",
}


def section(title: str) -> QLabel:
    """A heading within a panel."""
    label = QLabel(title)
    label.setObjectName("section")
    return label


def scroll_in(panel: QWidget, inner: QWidget) -> None:
    """Fill a panel with what may be higher than it is."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inner)
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(scroll)


class StateMark(QWidget):
    """The mark of a state, as in the rail."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = StepState("todo", "")
        self.setFixedSize(QSize(18, 18))

    def set_state(self, state: StepState) -> None:
        """Show a state."""
        self._state = state
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_state(painter, QRectF(self.rect()), self._state.state)


class StepPanel(QWidget):
    """The parts that all steps share; subclasses add their own sections to ``body``."""

    run_asked = Signal(str)
    cancel_asked = Signal()
    parameters_edited = Signal(str, object)

    def __init__(self, step_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.step_id = step_id
        self.form: ParameterForm | None = None
        self._is_writable = True
        self._is_busy = False
        self._state = StepState("todo", "")
        self._remembered: Mapping[str, Any] = {}
        title = QLabel(STEPS[step_id].title)
        title.setObjectName("title")
        self.about = QLabel(_ABOUT[step_id])
        self.about.setObjectName("muted")
        self.about.setWordWrap(True)
        self._mark = StateMark()
        self._state_text = QLabel()
        self._state_text.setWordWrap(True)
        state_row = QHBoxLayout()
        state_row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        state_row.addWidget(self._state_text, 1)
        self.run_button = QPushButton(_RUN_WORDS[step_id])
        self.run_button.setObjectName("primary")
        self.run_button.clicked.connect(self.ask_to_run)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.progress_text = QLabel()
        self.progress_text.setWordWrap(True)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        self.settings_button = QToolButton()
        self.settings_button.setText("Settings")
        self.settings_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.settings_button.setCheckable(True)
        self.settings_button.toggled.connect(self._open_settings)
        self._settings = QVBoxLayout()
        self._settings.setContentsMargins(0, 0, 0, 0)
        self._facts_title = section("Made")
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        inner = QWidget()
        inner.setObjectName("panel")
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(12, 10, 12, 10)
        self.body.addWidget(title)
        self.body.addWidget(self.about)
        self.body.addLayout(state_row)
        self.add_sections()
        self.body.addWidget(self.settings_button)
        self.body.addLayout(self._settings)
        self.body.addWidget(self.run_button)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.progress_text)
        self.body.addWidget(self.cancel_button)
        self.add_sections_below()
        self.body.addWidget(self._facts_title)
        self.body.addWidget(self.facts)
        self.body.addStretch(1)
        scroll_in(self, inner)
        for widget in (self.bar, self.progress_text, self.cancel_button, self.settings_button):
            widget.hide()

    def add_sections(self) -> None:
        """Sections of a particular step, above the settings."""

    def add_sections_below(self) -> None:
        """Sections of a particular step, below Run."""

    @property
    def state_text(self) -> str:
        """What the panel says about the step's state."""
        return self._state_text.text()

    @property
    def run_values(self) -> dict[str, Any] | None:
        """What to run the step with; None: what the case remembers."""
        files = self.form.files if self.form is not None else {}
        return {**self._remembered, **files} if files else None

    def ask_to_run(self) -> None:
        """Ask for the step to be run, if it can be."""
        if self.run_button.isEnabled():
            self.run_asked.emit(self.step_id)

    def set_declaration(self, declaration: type[Any]) -> None:
        """Make the form, once the step's module is there."""
        if self.form is not None:
            return
        self.form = ParameterForm(declaration)
        self.form.set_values(self._remembered)
        self.form.edited.connect(lambda values: self.parameters_edited.emit(self.step_id, values))
        self._settings.addWidget(self.form)
        self.settings_button.setVisible(bool(self.form.fields))
        self._open_settings(self.settings_button.isChecked())
        self._refresh()

    def set_case(self, case: Case, is_writable: bool) -> None:
        """Show what the case says about the step."""
        self._is_writable = is_writable
        self._remembered = remembered_values(case, self.step_id)
        if self.form is not None:
            self.form.set_values(self._remembered)
        record = case.current(step_of(case, self.step_id).makes)
        self.facts.setText(table_of(record.facts) if record is not None else "")
        self._facts_title.setVisible(record is not None)
        if record is not None:
            self._facts_title.setText(record.title)
        self._refresh()

    def set_state(self, state: StepState, is_busy: bool) -> None:
        """Show the step's state; ``is_busy`` when any step is being computed."""
        self._state, self._is_busy = state, is_busy
        self._mark.set_state(state)
        self._state_text.setText(f"<b>{STATE_WORDS[state.state]}.</b> {state.reason}")
        self._refresh()

    def set_progress(self, fraction: float | None, text: str = "", seconds_left: float | None = None) -> None:
        """Show how far the step is; None hides the bar."""
        for widget in (self.bar, self.progress_text, self.cancel_button):
            widget.setVisible(fraction is not None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            left = f", about {seconds_text(seconds_left)} left" if seconds_left is not None and fraction < 1.0 else ""
            self.progress_text.setText(f"{text} ({100 * fraction:.0f} %{left})")

    def _open_settings(self, is_open: bool) -> None:
        self.settings_button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        if self.form is not None:
            self.form.setVisible(is_open)

    def can_run(self) -> bool:
        """Whether Run can be pressed."""
        is_possible = self._state.state not in ("todo", "running") or self.step_id == "import"
        return self._is_writable and not self._is_busy and is_possible and self.form is not None

    def _refresh(self) -> None:
        self.run_button.setEnabled(self.can_run())
        if self.form is not None:
            self.form.setEnabled(self._is_writable)
        why = "" if self._is_writable else "The case is open read-only."
        self.run_button.setToolTip(why or (self._state.reason if self._state.state == "todo" else ""))
