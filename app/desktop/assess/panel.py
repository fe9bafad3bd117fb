"""The panel of the assessments: which one, what it needs, its parameters, its answer, and who the patient is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton, QWidget

from app.desktop import theme
from app.desktop.assess.treat_box import TreatBox
from app.desktop.modes import MODES
from app.desktop.panels.fhir_box import FhirBox
from app.desktop.panels.forms import ParameterForm
from app.desktop.panels.model_panel import ModelPanel
from app.desktop.panels.step_panel import section
from app.workflow.assessments.frame import STATES, Figure, NeedState
from app.workflow.assessments.registry import assessment_of
from app.workflow.parameters import describe
from app.workflow.person import UNKNOWN, Person
from imaging.anatomy.landmarks import LANDMARKS

MARKS: Mapping[NeedState, tuple[str, str]] = {
    "met": ("✓", theme.STATE_COLORS["done"]),
    "limited": ("!", theme.WARNING),
    "assumed": ("~", theme.WARNING),
    "missing": ("✗", theme.ERROR),
}


class AssessPanel(ModelPanel):
    """``assessment_chosen`` carries an id, ``person_entered`` a name and a value or None; ``shown_changed``: other
    colors or another plot are wanted; ``pdf_asked``: the answer is wanted as pages of a report; ``confirm_asked``
    carries the settings with which the coronary index is wanted in 3D, ``place_asked`` a landmark to be placed."""

    assessment_chosen = Signal(str)
    pdf_asked = Signal()
    confirm_asked = Signal(dict)
    place_asked = Signal(str)
    person_entered = Signal(str, object)
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(MODES["assess"], Person, "Assess", parent)  # the form is that of the chosen assessment later
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which assessment")
        self.choice.currentIndexChanged.connect(lambda index: self.assessment_chosen.emit(self.chosen))
        self.question, self.needs = QLabel(), QLabel()
        for label in (self.question, self.needs):
            label.setWordWrap(True)
        self.needs.setToolTip("\n".join(f"{MARKS[state][0]} {words}" for state, words in STATES.items()))
        self.settings_button = QToolButton()
        self.settings_button.setText("Settings ▸")
        self.settings_button.setCheckable(True)
        self.settings_button.toggled.connect(self._show_settings)
        self.place_button = QPushButton()
        self.place_button.clicked.connect(lambda: self.place_asked.emit(assessment_of(self.chosen).landmarks[0]))
        at = self.body.indexOf(self.form)
        needs = (section("What it needs"), self.needs, self.place_button)
        for widget in (self.choice, self.question, *needs, self.settings_button):
            self.body.insertWidget(at, widget)
            at += 1
        self.found.addWidget(section("Answer"))
        self.headline = self.add_text()
        self.parts = self.add_text()
        self.colored = QComboBox()
        self.colored.setAccessibleName("Quantity shown in 3D")
        self.plotted = QComboBox()
        self.plotted.setAccessibleName("Curves shown below")
        for box in (self.colored, self.plotted):
            box.currentIndexChanged.connect(lambda index: self.shown_changed.emit())
            self.found.addWidget(box)
        self.figures = self.add_text()
        self.found.addWidget(section("Why it might be wrong"))
        self.reasons = self.add_text()
        self.found.addWidget(section("Assumed, and the rule"))
        self.assumed = self.add_text()
        self.pdf_button = QPushButton("Save as PDF …")
        self.pdf_button.setToolTip("The answer with its numbers, plots, rule and limits, as pages of a report.")
        self.pdf_button.clicked.connect(self.pdf_asked)
        self.found.addWidget(self.pdf_button)
        self.confirm_button = QPushButton("Confirm in 3D")
        self.confirm_button.setToolTip(
            "Solve the steady hyperemic flow on the case's mesh, which takes minutes, and tell its index beside the "
            "reduced model's."
        )
        self.confirm_button.clicked.connect(lambda: self.confirm_asked.emit(dict(self.form.values)))
        self.found.addWidget(self.confirm_button)
        self.treat_button = QToolButton()
        self.treat_button.setText("What would a treatment change? ▸")
        self.treat_button.setCheckable(True)
        self.treat = TreatBox()
        self.treat.hide()
        self.person = ParameterForm(Person)
        self.person.edited.connect(self._tell_person)
        self._person = dict(self.person.values)
        self.body.insertWidget(self.body.indexOf(self.result), self.treat_button)
        self.body.insertWidget(self.body.indexOf(self.result), self.treat)
        end = self.body.count() - 1  # before the stretch
        self.body.insertWidget(end, section("The person"))
        self.body.insertWidget(end + 1, self.person)
        self.fhir = FhirBox()
        self.body.insertWidget(end + 2, self.fhir)
        self._show_settings(False)

    @property
    def chosen(self) -> str:
        """Id of the chosen assessment."""
        return str(self.choice.currentData() or "")

    def set_standing(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show all assessments there are, and what the chosen one needs."""
        if [self.choice.itemData(n) for n in range(self.choice.count())] != [row["id"] for row in rows]:
            self.choice.blockSignals(True)
            for row in rows:
                self.choice.addItem(row["title"], row["id"])
            self.choice.blockSignals(False)
            self.take_choice()
        row = next(row for row in rows if row["id"] == self.chosen)
        self.question.setText(row["question"])
        lines = []
        for need in row["needs"]:
            mark, color = MARKS[need["state"]]
            words = f"{escape(need['need'])}: <span style='color:{theme.MUTED}'>{escape(need['sentence'])}</span>"
            lines.append(f"<p style='margin:3px 0'><span style='color:{color}'><b>{mark}</b></span> {words}</p>")
        self.needs.setText("".join(lines))

    def take_choice(self) -> None:
        """Ask for the parameters of the chosen assessment."""
        assessment = assessment_of(self.chosen)
        self.set_declaration(assessment.step.module.Parameters)
        self.place_button.setVisible(bool(assessment.landmarks))
        if assessment.landmarks:
            title = LANDMARKS[assessment.landmarks[0]].title
            self.place_button.setText(f"Place: {title.lower()}")
            self.place_button.setToolTip(LANDMARKS[assessment.landmarks[0]].hint)
        self.form.setVisible(self.settings_button.isChecked())

    def set_treating(self, is_possible: bool) -> bool:
        """Whether a treatment, or 3D, can be asked for here; returns whether a treatment is."""
        self.treat_button.setVisible(is_possible)
        self.confirm_button.setVisible(is_possible)
        is_open = is_possible and self.treat_button.isChecked()
        self.treat_button.setText(f"What would a treatment change? {'▾' if is_open else '▸'}")
        self.treat.setVisible(is_open)
        return is_open

    def set_person(self, entered: Mapping[str, Any], is_writable: bool) -> None:
        """Show what is known of the person."""
        self.person.set_values(entered)
        self.person.setEnabled(is_writable)
        self.fhir.setEnabled(is_writable)
        self._person = dict(self.person.values)

    def set_answer(self, answer: Mapping[str, Any] | None, colored: Sequence[str]) -> None:
        """Show an answer, or nothing; ``colored`` are the quantities that there are in 3D."""
        self.result.setVisible(answer is not None)
        if answer is None:
            return
        stale = ", ".join(answer.get("stale_inputs", ()))
        told = f"<b>{escape(answer['headline'])}</b>"
        if stale:
            told += f"<br><span style='color:{theme.WARNING}'>Out of date: {escape(stale)} changed since.</span>"
        self.headline.setText(told)
        labels: Mapping[str, str] = answer["details"].get("labels", {})
        self.parts.setText(f"In the slices: {' &nbsp;'.join(_square(int(v), name) for v, name in labels.items())}")
        self.parts.setVisible(bool(labels))
        titles = list(dict.fromkeys(curve["title"] for curve in answer["curves"]))
        for box, names in ((self.colored, list(colored)), (self.plotted, titles)):
            if [box.itemText(n) for n in range(box.count())] != names:
                box.blockSignals(True)
                box.clear()
                box.addItems(names)
                box.blockSignals(False)
            box.setVisible(bool(names))
        self.figures.setText(_paragraphs(f"{one['label']}: {Figure(**one).text}" for one in answer["figures"]))
        self.reasons.setText(_paragraphs(answer["reasons"]))
        rules = (f"{one['name']} ({one['source']}; found in {one['population']})" for one in answer["rules"])
        assumed = (f"{a['name']}: {a['value']} {a['unit']} ({a['source']})" for a in answer["assumptions"])
        self.assumed.setText(_paragraphs([*assumed, *rules]))

    def _show_settings(self, is_shown: bool) -> None:
        self.settings_button.setText("Settings ▾" if is_shown else "Settings ▸")
        self.form.setVisible(is_shown)

    def _tell_person(self, values: Mapping[str, Any]) -> None:
        before, self._person = self._person, dict(values)
        defaults = {parameter.name: parameter.default for parameter in describe(Person)}
        for name, value in values.items():
            if value != before[name]:
                is_unknown = value == UNKNOWN and defaults[name] == UNKNOWN
                self.person_entered.emit(name, None if is_unknown else value)


def _square(value: int, name: str) -> str:
    color = theme.CATEGORIES[(value - 1) % len(theme.CATEGORIES)]
    return f"<span style='color:{color}'>■</span> {escape(name.replace('_', ' '))}"


def _paragraphs(lines: Any) -> str:
    return "".join(f"<p style='margin:3px 0'>{escape(str(line))}</p>" for line in lines)
