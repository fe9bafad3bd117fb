"""What the Mesh Doctor found on the model's surface: findings with their places, and the repairs to apply."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.desktop.panels.findings import LevelMark
from app.workflow.meshdoctor import SurfaceDiagnosis

MOST_SHOWN = 8


class SurfaceDoctorBox(QWidget):
    """``examine_asked`` wants the surface looked at; ``place_asked`` carries a place (mm, LPS), ``fix_asked`` the
    number of a repair."""

    examine_asked = Signal()
    place_asked = Signal(object)
    fix_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.button = QPushButton("Examine the surface")
        self.button.setToolTip(
            "Looks for gaps, crossings, needles, loose pieces, narrow necks and vessels that almost touch."
        )
        self.button.clicked.connect(self.examine_asked)
        self.show_buttons: list[QPushButton] = []
        self.fix_buttons: list[QPushButton] = []
        self._rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.summary)
        self._column.addWidget(self.button)
        self._shown: SurfaceDiagnosis | None = None
        self.set_diagnosis(None, is_busy=False, can_fix=False)

    def set_diagnosis(self, diagnosis: SurfaceDiagnosis | None, *, is_busy: bool, can_fix: bool) -> None:
        """Show findings; None when the surface was not looked at."""
        self.button.setEnabled(not is_busy)
        self.summary.setText(_summary(diagnosis, is_busy))
        if diagnosis is not self._shown:
            self._shown = diagnosis
            self._make_rows(diagnosis)
        for button in self.fix_buttons:
            button.setEnabled(can_fix and not is_busy)

    def _make_rows(self, diagnosis: SurfaceDiagnosis | None) -> None:
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows, self.show_buttons, self.fix_buttons = [], [], []
        for finding in diagnosis.findings[:MOST_SHOWN] if diagnosis else ():
            text = QLabel(finding.sentence)
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            show = QPushButton("Show")
            show.setToolTip("Brings the crosshair to the place and marks it in 3D.")
            show.clicked.connect(lambda checked=False, place=finding.place_mm: self.place_asked.emit(place))
            head = QHBoxLayout()
            head.addWidget(LevelMark(finding.level), 0, Qt.AlignmentFlag.AlignTop)
            head.addWidget(text, 1)
            head.addWidget(show, 0, Qt.AlignmentFlag.AlignTop)
            row = QWidget()
            column = QVBoxLayout(row)
            column.setContentsMargins(0, 4, 0, 4)
            column.addLayout(head)
            for offer in diagnosis.offers_for(finding) if diagnosis else ():
                button = QPushButton(offer.fix.title)
                button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                button.setToolTip(
                    f"Moves the wall by at most {offer.bound_mm:.2f} mm, measured afterwards; Undo takes it back."
                )
                button.clicked.connect(lambda checked=False, number=offer.number: self.fix_asked.emit(number))
                column.addWidget(button)
                self.fix_buttons.append(button)
            self.show_buttons.append(show)
            self._rows.append(row)
            self._column.addWidget(row)


def _summary(diagnosis: SurfaceDiagnosis | None, is_busy: bool) -> str:
    if is_busy:
        return "Looking at the surface …"
    if diagnosis is None:
        return "The model's surface has not been looked at."
    if not diagnosis.findings:
        return "<b>Nothing is wrong with the surface.</b>"
    n, errors = len(diagnosis.findings), sum(finding.level == "error" for finding in diagnosis.findings)
    more = f" The first {MOST_SHOWN} are shown." if n > MOST_SHOWN else ""
    some = "which keeps" if n == 1 else f"{errors} of which {'keeps' if errors == 1 else 'keep'}"
    hard = f", {some} the model from being meshed" if errors else ""
    return f"<b>{n} finding{'s' if n > 1 else ''}</b>{hard}.{more}"
