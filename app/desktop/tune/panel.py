"""The panel of tuned outlets: target, reached and band, why a target is not met, and where the outlets are saved."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.panels.forms import NumberField
from app.desktop.panels.model_panel import ModelPanel
from app.desktop.panels.step_panel import section
from app.workflow.tuned_outlets import LEVELS, Parameters, TunedOutlets
from imaging.anatomy.vessel_names import spelled

HOW_TO_USE = "At Simulate choose the file as Outlets, with units SI; the run then has these outlets."


class TunePanel(ModelPanel):
    """``save_asked``: the outlets are to be written to a file."""

    save_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(MODES["tune"], Parameters, "Tune the outlets", parent)
        for name in ("systolic_mmhg", "diastolic_mmhg", "mean_mmhg"):
            field = self.form.fields[name]
            assert isinstance(field, NumberField)
            field.setSpecialValueText("not known" if name == "mean_mmhg" else "the patient's")
        self.found.addWidget(section("Target, reached, band"))
        self.verdict, self.targets, self.reasons = (self.add_text() for _ in range(3))
        self.save_button = QPushButton("Save the outlets …")
        self.save_button.clicked.connect(self.save_asked)
        self.found.addWidget(self.save_button)
        self.saved = self.add_text()

    def set_tuned(self, tuned: TunedOutlets | None) -> None:
        """Show what was found, or nothing."""
        self.result.setVisible(tuned is not None)
        self.saved.setText(HOW_TO_USE)
        if tuned is None:
            return
        rows = tuned.rows()
        missed = [row for row in rows if not row["met"]]
        site = spelled(tuned.site)
        self.verdict.setText(
            f"<b style='color:{theme.ERROR}'>✗ {len(missed)} of {len(rows)} targets are not met.</b>"
            if missed
            else f"<b>✓ All {len(rows)} targets are met.</b>"
        )
        self.targets.setText(_table(tuned) + f"<p>Pressures at {escape(site)}; {escape(_how(tuned))}</p>")
        told = [f"{spelled(row['target']).capitalize()} is not met: {row['why']}." for row in missed]
        self.reasons.setText("".join(f"<p style='margin:4px 0'>{escape(one)}</p>" for one in (*told, *tuned.notes)))
        self.reasons.setVisible(bool(told or tuned.notes))


def _how(tuned: TunedOutlets) -> str:
    times = {0: "not corrected", 1: "corrected once"}.get(tuned.n_corrections, f"corrected {tuned.n_corrections} times")
    return f"{LEVELS[tuned.level]} ({times})."


def _table(tuned: TunedOutlets) -> str:
    heads = "".join(f"<td align='right'><b>{word}</b></td>" for word in ("target", "reached", "band"))
    rows = [f"<tr style='color:{theme.MUTED}'><td></td>{heads}</tr>"]
    for row in tuned.rows():
        factor, unit = (1.0, "mmHg") if row["unit"] == "mmHg" else (100.0, "%")
        mark, color = ("✓", "") if row["met"] else ("✗", f" style='color:{theme.ERROR}'")
        rows.append(
            f"<tr><td>{escape(spelled(row['target']))}</td>"
            f"<td align='right'>{factor * row['wanted']:.1f}&nbsp;{unit}</td>"
            f"<td align='right'{color}>{factor * row['reached']:.1f}&nbsp;{mark}</td>"
            f"<td align='right'>±&nbsp;{factor * row['band']:g}</td></tr>"
        )
    return f"<table cellpadding='2' width='100%'>{''.join(rows)}</table>"
