"""The panel of an ensemble: what is uncertain by how much, how many samples, what is colored, what was left out."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.panels.model_panel import ModelPanel
from app.desktop.panels.step_panel import section
from app.workflow.ensemble import Ensemble
from app.workflow.ensemble_plan import KINDS, Parameters
from imaging.anatomy.vessel_names import spelled

COLORINGS = {"pressure": "Pressure: width of the band", "flow": "Flow: width of the band"}


class EnsemblePanel(ModelPanel):
    """``shown_changed``: other colors are wanted."""

    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(MODES["ensemble"], Parameters, "Solve the samples", parent)
        self.found.addWidget(section("Found"))
        self.verdict = self.add_text()
        self.found.addWidget(section("Shown in 3D"))
        self.coloring = QComboBox()
        self.coloring.setAccessibleName("Color of the vessels")
        for key, words in COLORINGS.items():
            self.coloring.addItem(words, key)
        self.coloring.currentIndexChanged.connect(lambda index: self.shown_changed.emit())
        self.found.addWidget(self.coloring)
        self.found.addWidget(section("What was varied"))
        self.varied = self.add_text()

    @property
    def chosen_coloring(self) -> str:
        """A key of ``COLORINGS``."""
        return str(self.coloring.currentData())

    def set_ensemble(self, ensemble: Ensemble | None) -> None:
        """Show what was found, or nothing."""
        self.result.setVisible(ensemble is not None)
        if ensemble is None:
            return
        plan, n_failed = ensemble.plan, len(ensemble.failed)
        done = f"<b>✓ {plan.n_samples - n_failed} of {plan.n_samples} samples</b> ({escape(KINDS[plan.kind])})."
        told = "Below: mean and, in brackets, the band from 5 to 95 %."
        notes = "".join(f"<p style='margin:3px 0'>{escape(note)}</p>" for note in ensemble.notes())
        self.verdict.setText(f"{done}<br>{told}{notes}")
        self.varied.setText(
            "".join(
                f"<p style='margin:3px 0'>{escape(spelled(one.name))}: {one.shape}, {one.first:g}, {one.second:g} "
                f"<span style='color:{theme.WARNING}'><i>{escape(one.source)}</i></span></p>"
                for one in plan.spreads
            )
        )
