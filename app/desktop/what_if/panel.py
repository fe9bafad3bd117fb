"""The controls of a what-if: what is changed, what it is compared with, what is colored, what is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.desktop.modes import MODES
from app.desktop.panels.forms import NumberField
from app.desktop.panels.step_panel import scroll_in, section
from app.desktop.what_if import edits
from app.desktop.what_if.conditions_box import ConditionsBox
from app.desktop.what_if.dials import Dial
from app.workflow.parameters import Parameter, describe
from app.workflow.what_if import HEART_RATES_BPM, PLAUSIBLE_MMHG, Answer, Change
from imaging.anatomy.vessel_names import spelled

AS_IT_IS = "as it is"
COLORINGS = {
    "pressure": "Pressure",
    "flow": "Flow",
    "pressure_change": "Change of pressure",
    "flow_change": "Change of flow",
}
_TITLES = {
    "percent": "Narrowing",
    "position": "Place",
    "length_mm": "Length",
    "radius": "Radius",
    "resistance": "Resistance",
    "compliance": "Compliance",
}
_STROKE = Parameter(
    "stroke", float, 1.0, "1", 0.2, 5.0, (), "Factor on the volume that enters in a beat", "as it is", False
)


class WhatIfPanel(QWidget):
    """``changed`` tells that the user changed something, ``shown_changed`` that other colors are wanted;
    ``branch_chosen`` carries a branch, ``keep_asked``, ``open_asked`` and ``forget_asked`` the name of a plan.
    """

    changed = Signal()
    shown_changed = Signal()
    branch_chosen = Signal(str)
    undo_asked = Signal()
    redo_asked = Signal()
    reset_asked = Signal()
    cancel_asked = Signal()
    keep_asked = Signal(str)
    open_asked = Signal(str)
    forget_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.change = Change()
        self._now_bpm = 70.0
        self._has_model = False
        inner = QWidget()
        inner.setObjectName("panel")
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(12, 10, 12, 10)
        self._add_head()
        self._parts: list[QWidget] = []
        for add in (self._add_vessel, self._add_outlet, self._add_heart, self._add_told):
            add(self._new_part())
        self._add_shown(self._new_part())
        self._add_plans(self._new_part())
        self.body.addStretch(1)
        scroll_in(self, inner)
        self.set_progress(None)
        self.set_model(None)

    # Making -----------------------------------------------------------------------------------------------------------

    def _new_part(self) -> QVBoxLayout:
        part = QWidget()
        box = QVBoxLayout(part)
        box.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(part)
        self._parts.append(part)
        return box

    def _show_parts(self, n: int) -> None:
        """One after the other, so that the window answers in between."""
        if n < len(self._parts) and self._has_model:
            self._parts[n].show()
            QTimer.singleShot(0, self._parts[n], lambda: self._show_parts(n + 1))

    def _add_head(self) -> None:
        title = QLabel(MODES["what_if"].title)
        title.setObjectName("title")
        about = QLabel(MODES["what_if"].about)
        about.setObjectName("muted")
        about.setWordWrap(True)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        for widget in (title, about, self.state, self.bar, self.cancel_button):
            self.body.addWidget(widget)

    def _add_vessel(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Vessel"))
        self.branch = QComboBox()
        self.branch.setAccessibleName("Vessel")
        self.branch.setToolTip("A click on a vessel in 3D, or on its row, chooses it too.")
        self.branch.currentIndexChanged.connect(self._choose_branch)
        box.addWidget(self.branch)
        self.branch_dials = _dials(edits.BranchDials)
        for dial in self.branch_dials.values():
            dial.turned.connect(self._turn_branch)
            box.addWidget(dial)

    def _add_outlet(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Outlet"))
        row = QHBoxLayout()
        self.outlet = QComboBox()
        self.outlet.setAccessibleName("Outlet")
        self.outlet.currentIndexChanged.connect(self._show_change)
        self.closed = QCheckBox("closed")
        self.closed.toggled.connect(self._close)
        row.addWidget(self.outlet, 1)
        row.addWidget(self.closed)
        box.addLayout(row)
        self.outlet_dials = _dials(edits.OutletDials)
        for dial in self.outlet_dials.values():
            dial.turned.connect(self._turn_outlet)
            box.addWidget(dial)

    def _add_heart(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Heart and pressure"))
        self.stroke = Dial("Beat volume", _STROKE)
        self.stroke.turned.connect(lambda value: self._edit(dataclasses.replace(self.change, stroke=value)))
        low, high = HEART_RATES_BPM
        said = "Beats in a minute, each of the same volume; the curve of a beat keeps its shape (an assumption)"
        self.rate = Dial(
            "Heart rate", Parameter("heart_rate_bpm", float, 70.0, "1/min", low, high, (), said, "as it is", False)
        )
        self.rate.turned.connect(self._turn_rate)
        self.hold = QComboBox()
        self.hold.setAccessibleName("What is held at the inlet")
        self.hold.addItems([f"Hold {words}" for words in edits.HOLDS])
        self.hold.currentIndexChanged.connect(self._choose_hold)
        low, high = PLAUSIBLE_MMHG
        held = Parameter("pressure_mmhg", float, 90.0, "mmHg", low, high, (), "Mean pressure at the inlet", "", False)
        self.pressure = NumberField(held)
        self.pressure.setAccessibleName(held.help)
        self.pressure.valueChanged.connect(
            lambda value: self._edit(dataclasses.replace(self.change, pressure_mmhg=float(value)))
        )
        row = QHBoxLayout()
        row.addWidget(self.hold, 1)
        row.addWidget(self.pressure)
        box.addWidget(self.stroke)
        box.addWidget(self.rate)
        box.addLayout(row)

    def _add_told(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Changed"))
        self.told = QLabel()
        self.told.setWordWrap(True)
        row = QHBoxLayout()
        self.undo_button, self.redo_button, self.reset_button = (
            QPushButton(text) for text in ("Undo", "Redo", "Reset")
        )
        for button, signal in (
            (self.undo_button, self.undo_asked),
            (self.redo_button, self.redo_asked),
            (self.reset_button, self.reset_asked),
        ):
            button.clicked.connect(signal)
            row.addWidget(button)
        self.latency = QLabel()
        self.latency.setObjectName("muted")
        self.notes = QLabel()
        self.notes.setObjectName("warning")
        self.notes.setWordWrap(True)
        box.addWidget(self.told)
        box.addLayout(row)
        box.addWidget(self.latency)
        box.addWidget(self.notes)

    def _add_shown(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Shown in 3D"))
        self.coloring = QComboBox()
        self.coloring.setAccessibleName("Color of the vessels")
        for key, words in COLORINGS.items():
            self.coloring.addItem(words, key)
        self.coloring.currentIndexChanged.connect(lambda index: self.shown_changed.emit())
        self.shows_before = QCheckBox("before")
        self.shows_before.setToolTip("Color the vessels as they are before the change, in the same range.")
        self.shows_before.toggled.connect(lambda checked: self.shown_changed.emit())
        row = QHBoxLayout()
        row.addWidget(self.coloring, 1)
        row.addWidget(self.shows_before)
        self.has_pulse = QCheckBox("Whole heart beats: systole and diastole, too")
        self.has_pulse.toggled.connect(lambda checked: self.changed.emit())
        box.addLayout(row)
        box.addWidget(self.has_pulse)

    def _add_plans(self, box: QVBoxLayout) -> None:
        box.addWidget(section("Kept in the case"))
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of this what-if (no patient name)")
        self.name.setAccessibleName("Name of this what-if")
        self.name.returnPressed.connect(self._keep)
        self.name.textChanged.connect(lambda text: self._refresh_buttons())
        self.keep_button = QPushButton("Keep")
        self.keep_button.clicked.connect(self._keep)
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self.keep_button)
        box.addLayout(row)
        self.plans = QComboBox()
        self.plans.setAccessibleName("Kept what-ifs")
        self.plans.currentIndexChanged.connect(lambda index: self._refresh_buttons())
        self.open_button, self.forget_button = QPushButton("Open"), QPushButton("Forget")
        self.open_button.clicked.connect(lambda: self.open_asked.emit(self.plans.currentText()))
        self.forget_button.clicked.connect(lambda: self.forget_asked.emit(self.plans.currentText()))
        row = QHBoxLayout()
        row.addWidget(self.plans, 1)
        row.addWidget(self.open_button)
        row.addWidget(self.forget_button)
        box.addLayout(row)
        self.beside = QComboBox()
        self.beside.setAccessibleName("Compared with")
        self.beside.setToolTip("What stands under before.")
        self.beside.addItem(AS_IT_IS)
        self.beside.currentIndexChanged.connect(lambda index: self.changed.emit())
        row = QHBoxLayout()
        row.addWidget(QLabel("Compare with"))
        row.addWidget(self.beside, 1)
        box.addLayout(row)
        box.addWidget(section("Conditions: target, reached, band"))
        self.conditions = ConditionsBox()
        box.addWidget(self.conditions)

    # What is shown ----------------------------------------------------------------------------------------------------

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """How far the making of the model is; None hides the bar."""
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(fraction is not None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            self.state.setText(f"{text} …")

    def set_state(self, text: str) -> None:
        """What stands in the way, or nothing."""
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def set_model(self, made: Any) -> None:
        """The model that is asked, or None."""
        self._has_model = made is not None
        if made is None:
            for part in self._parts:
                part.hide()
            return
        self._show_parts(0)
        self._now_bpm = made.steady.heart_rate_bpm
        setup = made.steady.case.setup
        _fill(self.branch, made.steady.branches)
        _fill(self.outlet, tuple(outlet.name for outlet in setup.outlets))
        self.conditions.set_conditions(setup, made.targets)
        self._show_change()

    def set_plans(self, names: Sequence[str]) -> None:
        """The what-ifs that the case keeps."""
        _fill(self.plans, names, spells=False)
        _fill(self.beside, (AS_IT_IS, *names), spells=False)
        self._refresh_buttons()

    def set_change(self, change: Change) -> None:
        """Show a change, without saying that it was made here."""
        self.change = change
        self._show_change()

    def set_undo(self, undo: str | None, redo: str | None, is_writable: bool) -> None:
        """What Undo and Redo would do; None: nothing."""
        for button, label in ((self.undo_button, undo), (self.redo_button, redo)):
            button.setEnabled(label is not None)
            button.setToolTip(label or "")
        self._is_writable = is_writable
        self._refresh_buttons()

    def set_answer(self, answer: Answer) -> None:
        """How quickly it was answered, and what is to be known about it."""
        self.latency.setText(f"0D, answered in {answer.milliseconds:.0f} ms")
        self.notes.setText("\n".join(f"! {note.replace('_', ' ')}" for note in answer.notes))
        self.notes.setVisible(bool(answer.notes))

    def choose_branch(self, branch: str) -> None:
        """Show a branch, without saying that it was chosen here."""
        at = self.branch.findData(branch)
        if at >= 0 and at != self.branch.currentIndex():
            self.branch.blockSignals(True)
            self.branch.setCurrentIndex(at)
            self.branch.blockSignals(False)
            self._show_change()

    @property
    def chosen_coloring(self) -> str:
        """A key of ``COLORINGS``."""
        return str(self.coloring.currentData())

    _is_writable = True

    def _show_change(self, *_: object) -> None:
        """All controls say what the change says."""
        branch, outlet = self.branch.currentData(), self.outlet.currentData()
        for dials, values in (
            (self.branch_dials, edits.branch_dials(self.change, branch)),
            (self.outlet_dials, edits.outlet_dials(self.change, outlet)),
        ):
            for name, dial in dials.items():
                dial.set_value(getattr(values, name))
        for name in ("position", "length_mm"):
            self.branch_dials[name].setEnabled(self.branch_dials["percent"].value > 0.0)
        self.stroke.set_value(self.change.stroke)
        self.rate.set_value(self.change.heart_rate_bpm or self._now_bpm)
        held = edits.held_by(self.change)
        quiet = [QSignalBlocker(widget) for widget in (self.closed, self.hold, self.pressure)]
        self.closed.setChecked(outlet in self.change.closed)
        self.hold.setCurrentIndex(held)
        self.pressure.setValue(self.change.pressure_mmhg or self.pressure.value())
        del quiet
        for dial in self.outlet_dials.values():
            dial.setEnabled(outlet not in self.change.closed)
        self.pressure.setVisible(held == len(edits.HOLDS) - 1)
        for heart in (self.stroke, self.rate):
            heart.setEnabled(held == 0)
        lines = edits.sentences_of(self.change)
        self.told.setText("\n".join(lines) or "Nothing yet: turn a dial above.")
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        self.reset_button.setEnabled(self.change != Change())
        self.keep_button.setEnabled(self._is_writable and bool(self.name.text().strip()) and self.change != Change())
        has_plan = self.plans.count() > 0
        self.open_button.setEnabled(has_plan)
        self.forget_button.setEnabled(has_plan and self._is_writable)

    # What the user does -----------------------------------------------------------------------------------------------

    def _edit(self, change: Change) -> None:
        self.change = change
        self._show_change()
        self.changed.emit()

    def _choose_branch(self, *_: object) -> None:
        self._show_change()
        self.branch_chosen.emit(self.branch.currentData() or "")

    def _turn_branch(self, *_: object) -> None:
        values = {name: dial.value for name, dial in self.branch_dials.items()}
        self._edit(edits.with_branch(self.change, self.branch.currentData(), edits.BranchDials(**values)))

    def _turn_outlet(self, *_: object) -> None:
        values = {name: dial.value for name, dial in self.outlet_dials.items()}
        self._edit(edits.with_outlet(self.change, self.outlet.currentData(), edits.OutletDials(**values)))

    def _turn_rate(self, value: float) -> None:
        same = abs(value - self._now_bpm) < 0.5
        self._edit(dataclasses.replace(self.change, heart_rate_bpm=None if same else value))

    def _close(self, is_closed: bool) -> None:
        self._edit(edits.with_closed(self.change, self.outlet.currentData(), is_closed))

    def _choose_hold(self, index: int) -> None:
        pressure = float(self.pressure.value()) if index == len(edits.HOLDS) - 1 else None
        self._edit(dataclasses.replace(self.change, holds_pressure=index == 1, pressure_mmhg=pressure))

    def _keep(self) -> None:
        if self.keep_button.isEnabled():
            self.keep_asked.emit(self.name.text().strip())


def _dials(declaration: type[Any]) -> Mapping[str, Dial]:
    return {parameter.name: Dial(_TITLES[parameter.name], parameter) for parameter in describe(declaration)}


def _fill(combo: QComboBox, names: Sequence[str], *, spells: bool = True) -> None:
    """Offer names; the one that was chosen stays chosen if it is still there."""
    chosen = combo.currentData() if spells else combo.currentText()
    combo.blockSignals(True)
    combo.clear()
    for name in names:
        combo.addItem(spelled(name) if spells else name, name)
    combo.setCurrentIndex(max(0, list(names).index(chosen) if chosen in names else 0) if names else -1)
    combo.blockSignals(False)
