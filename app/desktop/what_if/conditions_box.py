"""The conditions that all models share: what the outlets are tuned to, what is reached, and what is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.panels.facts import value_text
from app.desktop.session.words import unit_text
from app.workflow.flow_setup import FlowSetup
from app.workflow.targets import Target

_ORIGINS = {
    "run": "Conditions of the current run, its outlets as it tuned them last.",
    "patient": "There is no current run: conditions that one would be prepared with now.",
}


class ConditionsBox(QWidget):
    """Targets always in sight, assumptions folded away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.origin, self.targets, self.assumed = QLabel(), QLabel(), QLabel()
        self.origin.setObjectName("muted")
        for label in (self.origin, self.targets, self.assumed):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.toggled.connect(self._open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.origin, self.targets, self.more, self.assumed):
            layout.addWidget(widget)
        self._open(False)

    def set_conditions(self, setup: FlowSetup, targets: Sequence[Target]) -> None:
        """Show the conditions of a case."""
        self.origin.setText(_ORIGINS[setup.origin])
        self.targets.setText(targets_table(targets) if targets else "Nothing is tuned: the outlets are given.")
        self.more.setText(f"{len(setup.assumptions)} assumptions with their sources")
        self.assumed.setText(
            "".join(
                f"<p style='margin:3px 0'>{escape(one.name)}: <b>{escape(value_text(one.value, unit_text(one.unit)))}"
                f"</b> <span style='color:{theme.WARNING}'><i>{escape(one.source)}</i></span></p>"
                for one in setup.assumptions
            )
        )

    def _open(self, is_open: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.assumed.setVisible(is_open)


def targets_table(targets: Sequence[Target]) -> str:
    """Target, band and what each model reached, as rich text; a miss has a mark and a color."""
    models = list(targets[0].reached)
    heads = "".join(f"<td align='right'><b>{model}</b></td>" for model in models)
    rows = [
        f"<tr style='color:{theme.MUTED}'><td></td><td align='right'><b>target</b></td>"
        f"<td align='right'><b>band</b></td>{heads}</tr>"
    ]
    for target in targets:
        source = f" <span style='color:{theme.WARNING}'><i>assumed</i></span>" if target.source == "assumed" else ""
        cells = "".join(
            f"<td align='right'>{target.reached[model]:.1f}&nbsp;✓</td>"
            if target.is_met_by(model)
            else f"<td align='right' style='color:{theme.ERROR}'>{target.reached[model]:.1f}&nbsp;✗</td>"
            for model in models
        )
        rows.append(
            f"<tr><td>{escape(target.name)}{source}</td>"
            f"<td align='right'>{target.wanted:.1f}&nbsp;{target.unit}</td>"
            f"<td align='right'>±&nbsp;{target.band:g}</td>{cells}</tr>"
        )
    return f"<table cellpadding='2' width='100%'>{''.join(rows)}</table>"
