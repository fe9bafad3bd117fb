"""Controls of a treatment of coronary lesions: which are taken away, and stents by place, length and diameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.desktop import theme
from app.desktop.panels.progress_part import ProgressPart
from app.desktop.what_if.dials import Dial
from app.workflow.parameters import Parameter
from app.workflow.treat import StentPlan, Treatment
from imaging.anatomy.vessel_names import spelled

_PLACE = Parameter(
    "place",
    float,
    50.0,
    "%",
    0.0,
    100.0,
    (),
    "Where the stent lies: 0 at the vessel's start, 100 at its end",
    "",
    False,
)
_LENGTH = Parameter("length", float, 16.0, "mm", 4.0, 48.0, (), "Length of the stent", "", False)
_DIAMETER = Parameter("diameter", float, 3.0, "mm", 1.5, 6.0, (), "Diameter of the opened stent", "", False)
_BEYOND = 1.1
"""A stent proposed over a lesion, by the lesion's length. An assumption."""


class TreatBox(QWidget):
    """``changed`` tells that another treatment is asked for;
    ``keep_asked``, ``open_asked`` and ``forget_asked`` carry the name of a treatment; ``shown_changed``: other colors.
    """

    changed = Signal()
    shown_changed = Signal()
    keep_asked = Signal(str)
    open_asked = Signal(str)
    forget_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.treatment = Treatment()
        self._model: Any = None
        self._is_writable = True
        self.told, self.latency, self.progress = QLabel(), QLabel(), ProgressPart()
        self.told.setWordWrap(True)
        self.latency.setObjectName("muted")
        self._controls = QWidget()
        self._lesions = QVBoxLayout()
        self.lesions: list[QCheckBox] = []
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.progress)
        box.addWidget(self._controls)
        inside = QVBoxLayout(self._controls)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(self._lesions)
        self._add_stents(inside)
        inside.addWidget(self.told)
        inside.addWidget(self.latency)
        self.colors_after = QCheckBox("Color the vessels as they are after it")
        self.colors_after.setChecked(True)
        self.colors_after.toggled.connect(lambda checked: self.shown_changed.emit())
        inside.addWidget(self.colors_after)
        self._add_plans(inside)
        self.set_model(None)

    def _add_stents(self, box: QVBoxLayout) -> None:
        self.stent = QComboBox()
        self.stent.setAccessibleName("Stent")
        self.stent.currentIndexChanged.connect(lambda index: self._show())
        self.add_button, self.remove_button = QPushButton("Add a stent"), QPushButton("Remove it")
        self.add_button.clicked.connect(self._add)
        self.remove_button.clicked.connect(self._remove)
        row = QHBoxLayout()
        for widget in (self.stent, self.add_button, self.remove_button):
            row.addWidget(widget, 1)
        box.addLayout(row)
        self.branch = QComboBox()
        self.branch.setAccessibleName("Vessel of the stent")
        self.branch.currentIndexChanged.connect(lambda index: self._turn())
        box.addWidget(self.branch)
        self.dials = {one.name: Dial(one.name.capitalize(), one) for one in (_PLACE, _LENGTH, _DIAMETER)}
        for dial in self.dials.values():
            dial.turned.connect(lambda value: self._turn())
            box.addWidget(dial)

    def _add_plans(self, box: QVBoxLayout) -> None:
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of this treatment (no patient name)")
        self.name.setAccessibleName("Name of this treatment")
        self.name.textChanged.connect(lambda text: self._refresh())
        self.keep_button, self.open_button, self.forget_button = (QPushButton(w) for w in ("Keep", "Open", "Forget"))
        self.keep_button.clicked.connect(lambda: self.keep_asked.emit(self.name.text().strip()))
        self.plans = QComboBox()
        self.plans.setAccessibleName("Kept treatments")
        self.open_button.clicked.connect(lambda: self.open_asked.emit(self.plans.currentText()))
        self.forget_button.clicked.connect(lambda: self.forget_asked.emit(self.plans.currentText()))
        for widgets in ((self.name, self.keep_button), (self.plans, self.open_button, self.forget_button)):
            row = QHBoxLayout()
            for number, widget in enumerate(widgets):
                row.addWidget(widget, 0 if number else 1)
            box.addLayout(row)

    @property
    def model(self) -> Any:
        """The coronary model that is asked, or None."""
        return self._model

    # What is shown ----------------------------------------------------------------------------------------------------

    def set_model(self, model: Any) -> None:
        """The coronary model that is asked, or None."""
        self._controls.setVisible(model is not None)
        if model is self._model or model is None:
            self._model = model
            return
        self._model, self.treatment = model, Treatment()
        for old in self.lesions:
            self._lesions.removeWidget(old)
            old.deleteLater()
        self.lesions = []
        for number, lesion in enumerate(model.lesions, 1):
            where = f"{spelled(lesion.branch)}, {lesion.at_mm:.0f} mm"
            check = QCheckBox(f"Without lesion {number} ({lesion.diameter_percent:.0f} %)\n{where}")
            check.setToolTip(lesion.sentence)
            check.toggled.connect(lambda checked: self._take_away())
            self._lesions.addWidget(check)
            self.lesions.append(check)
        with QSignalBlocker(self.branch):
            self.branch.clear()
            for name in model.ends_mm:
                self.branch.addItem(spelled(name), name)
        self._show_all()

    def set_treatment(self, treatment: Treatment) -> None:
        """Show a treatment, without saying that it was made here."""
        self.treatment = treatment
        self._show_all()

    def set_plans(self, names: Sequence[str], is_writable: bool) -> None:
        """The treatments that the case keeps."""
        self._is_writable = is_writable
        if [self.plans.itemText(n) for n in range(self.plans.count())] != list(names):
            self.plans.clear()
            self.plans.addItems(list(names))
        self._refresh()

    def set_answer(self, milliseconds: float | None) -> None:
        """How quickly it was answered."""
        self.latency.setText("" if milliseconds is None else f"Reduced model, answered in {milliseconds:.0f} ms")

    def _show_all(self) -> None:
        for number, check in enumerate(self.lesions, 1):
            with QSignalBlocker(check):
                check.setChecked(number in self.treatment.removed)
        at = max(self.stent.currentIndex(), 0)
        with QSignalBlocker(self.stent):
            self.stent.clear()
            self.stent.addItems([f"Stent {n}" for n in range(1, len(self.treatment.stents) + 1)])
            self.stent.setCurrentIndex(min(at, len(self.treatment.stents) - 1))
        self._show()

    def _show(self) -> None:
        """The controls say what the chosen stent is."""
        at, stents = self.stent.currentIndex(), self.treatment.stents
        has_stent = 0 <= at < len(stents)
        for widget in (self.stent, self.remove_button, self.branch, *self.dials.values()):
            widget.setVisible(has_stent)
        if has_stent:
            one = stents[at]
            with QSignalBlocker(self.branch):
                self.branch.setCurrentIndex(self.branch.findData(one.branch))
            room = self._model.ends_mm[one.branch] - one.length_mm
            place = 100.0 * (one.middle_mm - 0.5 * one.length_mm) / room if room > 0.0 else 0.0
            for name, value in (("place", round(place, 1)), ("length", one.length_mm), ("diameter", one.diameter_mm)):
                self.dials[name].set_value(value)
        lines = [f"Without lesion {number}." for number in self.treatment.removed]
        lines += [
            f"Stent {number}: {spelled(one.branch)} from {one.middle_mm - 0.5 * one.length_mm:.1f} to "
            f"{one.middle_mm + 0.5 * one.length_mm:.1f} mm, {one.diameter_mm:.2g} mm wide."
            for number, one in enumerate(stents, 1)
        ]
        self.told.setText("\n".join(lines) or "Nothing is treated yet.")
        self.told.setStyleSheet(f"color: {theme.POINT if lines else theme.MUTED};")
        self._refresh()

    def _refresh(self) -> None:
        is_treated = bool(self.treatment.removed or self.treatment.stents)
        self.keep_button.setEnabled(self._is_writable and is_treated and bool(self.name.text().strip()))
        self.open_button.setEnabled(self.plans.count() > 0)
        self.forget_button.setEnabled(self.plans.count() > 0 and self._is_writable)

    # What the user does -----------------------------------------------------------------------------------------------

    def _edit(self, treatment: Treatment) -> None:
        self.treatment = treatment
        self._show_all()
        self.changed.emit()

    def _take_away(self) -> None:
        removed = tuple(number for number, check in enumerate(self.lesions, 1) if check.isChecked())
        self._edit(replace(self.treatment, removed=removed))

    def _add(self) -> None:
        """A stent over the next lesion without one, or else in the middle of the first vessel."""
        model, stents = self._model, self.treatment.stents
        free = [one for one in model.lesions if not any(_covers(stent, one) for stent in stents)]
        if free:
            lesion = free[0]
            whole = model.ends_mm[lesion.branch]
            length = min(max(round(_BEYOND * lesion.length_mm), _LENGTH.minimum or 0.0), whole)
            middle = min(max(0.5 * (lesion.from_mm + lesion.to_mm), 0.5 * length), whole - 0.5 * length)
            made = StentPlan(lesion.branch, middle, length, round(2.0 * lesion.reference_mm) / 2.0)
        else:
            branch, whole = next(iter(model.ends_mm.items()))
            made = StentPlan(branch, 0.5 * whole, min(16.0, whole), _DIAMETER.default)
        self.treatment = replace(self.treatment, stents=(*stents, made))
        self._show_all()
        self.stent.setCurrentIndex(len(stents))
        self.changed.emit()

    def _remove(self) -> None:
        at = self.stent.currentIndex()
        self._edit(replace(self.treatment, stents=(*self.treatment.stents[:at], *self.treatment.stents[at + 1 :])))

    def _turn(self) -> None:
        """The chosen stent is what the controls say; it always lies within its vessel."""
        at, branch = self.stent.currentIndex(), self.branch.currentData()
        if not 0 <= at < len(self.treatment.stents) or branch is None:
            return
        whole = self._model.ends_mm[branch]
        length = min(self.dials["length"].value, whole)
        middle = 0.5 * length + 0.01 * self.dials["place"].value * (whole - length)
        made = StentPlan(branch, middle, length, self.dials["diameter"].value)
        self._edit(
            replace(self.treatment, stents=(*self.treatment.stents[:at], made, *self.treatment.stents[at + 1 :]))
        )


def _covers(stent: StentPlan, lesion: Any) -> bool:
    is_near: bool = abs(stent.middle_mm - lesion.at_mm) < 0.5 * stent.length_mm
    return is_near and stent.branch == lesion.branch
