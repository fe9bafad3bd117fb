"""What is known of the patient, the run's settings, and how the run goes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget

from app.case.records import Case
from app.desktop.panels.doctor import DoctorBox
from app.desktop.panels.fhir_box import FhirBox
from app.desktop.panels.findings import FindingsList
from app.desktop.panels.forms import PatientForm
from app.desktop.panels.step_panel import StepPanel, section
from app.desktop.session.run_check import Findings, RunCheck
from app.desktop.session.run_doctor import Told
from app.desktop.session.run_watch import RunWatch


class SimulatePanel(StepPanel):
    """``patient_entered`` carries a name and a value or None; ``run_cancel_asked`` stops the solver,
    ``run_continue_asked`` lets it go on from its checkpoint; ``check_asked`` wants the settings judged, ``place_asked``
    carries a place (mm, LPS) to show, ``fix_asked`` a fix of the Doctor to apply."""

    patient_entered = Signal(str, object)
    run_cancel_asked = Signal()
    run_continue_asked = Signal()
    check_asked = Signal()
    place_asked = Signal(object)
    fix_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._is_checking = False
        super().__init__("simulate", parent)

    def add_sections(self) -> None:
        self.body.addWidget(section("Patient"))
        self.patient = PatientForm()
        self.patient.entered.connect(self.patient_entered)
        self.body.addWidget(self.patient)
        self.fhir = FhirBox()
        self.body.addWidget(self.fhir)

    def add_sections_below(self) -> None:
        self.body.addWidget(section("Check before the run"))
        self.findings = FindingsList()
        self.findings.place_asked.connect(self.place_asked)
        self.check_button = QPushButton("Check the conditions")
        self.check_button.setToolTip("Judges what Start would solve: conditions, mesh, expected time and memory.")
        self.check_button.clicked.connect(self.check_asked)
        self.body.addWidget(self.findings)
        self.body.addWidget(self.check_button)
        self.body.addWidget(section("Run"))
        self.run_text = QLabel()
        self.run_text.setWordWrap(True)
        self.run_bar = QProgressBar()
        self.run_bar.setRange(0, 1000)
        self.run_bar.setTextVisible(False)
        self.stop_button = QPushButton("Cancel the run")
        self.stop_button.setToolTip("The solver writes a checkpoint and leaves; the run can be continued from there.")
        self.stop_button.clicked.connect(self.run_cancel_asked)
        self.doctor = DoctorBox()
        self.doctor.place_asked.connect(self.place_asked)
        self.doctor.fix_asked.connect(self.fix_asked)
        self.warnings = QLabel()
        self.warnings.setObjectName("warning")
        self.warnings.setWordWrap(True)
        self.continue_button = QPushButton("Continue the run")
        self.continue_button.setToolTip("From the last checkpoint.")
        self.continue_button.clicked.connect(self.run_continue_asked)
        for widget in (self.run_text, self.doctor, self.run_bar, self.stop_button, self.continue_button, self.warnings):
            self.body.addWidget(widget)

    def set_case(self, case: Case, is_writable: bool) -> None:
        super().set_case(case, is_writable)
        self.patient.set_entered(case.patient)
        self.patient.setEnabled(is_writable)
        self.fhir.setEnabled(is_writable)

    def set_check(self, check: RunCheck, told: Findings) -> None:
        """Show what the check found, or else what the run told of its own check."""
        findings = check.findings if check.findings is not None else told or None
        self.findings.set_findings(findings, is_busy=check.is_busy)
        self._is_checking = check.is_busy
        self._refresh()

    def _refresh(self) -> None:
        super()._refresh()
        self.check_button.setEnabled(self.run_button.isEnabled() and not self._is_checking)

    def set_run(self, watch: RunWatch, sentence: str, told: Told | None) -> None:
        """Show how the run goes, and after a failure what the Doctor says."""
        is_running = watch.status in ("queued", "running")
        has_failed = watch.status in ("failed", "killed")
        says = f"\n{watch.message}" if watch.message and not is_running and not has_failed else ""
        self.run_text.setText(sentence + says)
        sentence = told.sentence if told is not None else watch.message or "The run failed."
        place = told.place_mm if told is not None else watch.failure_place_mm
        self.doctor.set_diagnosis(
            sentence if has_failed else "",
            told.cause if told is not None else "Looking for the cause …",
            place,
            told.fixes if told is not None else (),
            can_fix=self._is_writable and not self._is_busy,
        )
        self.run_bar.setVisible(is_running)
        self.run_bar.setValue(round(1000 * min(1.0, max(0.0, watch.curves.fraction))))
        self.stop_button.setVisible(is_running)
        self.continue_button.setVisible(watch.can_continue and self._is_writable)
        self.warnings.setText("\n".join(f"! {text.replace('_', ' ')}" for text in watch.curves.warnings[-5:]))
        self.warnings.setVisible(bool(watch.curves.warnings))
