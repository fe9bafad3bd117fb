"""The panel of the cross-check: make it, alarms with their causes, what is colored, limits with their sources."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.panels.step_panel import scroll_in, section
from app.desktop.session.words import seconds_text
from app.workflow.cross_check_result import QUANTITIES, CrossCheck, Difference, VesselCheck, briefly
from imaging.anatomy.vessel_names import spelled

COLORINGS = {
    "pressure": "Mean pressure, 1D (or 0D) less 3D",
    "flow": "Mean flow, 1D (or 0D) less 3D",
    "worst": "Largest difference over its limit",
}


class CrossCheckPanel(QWidget):
    """``start_asked``, ``cancel_asked``; ``vessel_chosen`` carries a vessel, ``shown_changed``: other colors."""

    start_asked = Signal()
    cancel_asked = Signal()
    vessel_chosen = Signal(str)
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        inner = QWidget()
        inner.setObjectName("panel")
        body = QVBoxLayout(inner)
        body.setContentsMargins(12, 10, 12, 10)
        title, about = QLabel(MODES["cross_check"].title), QLabel(MODES["cross_check"].about)
        title.setObjectName("title")
        about.setObjectName("muted")
        self.state, self.verdict, self.alarms, self.causes, self.behind = (QLabel() for _ in range(5))
        self.start_button = QPushButton("Compare the models")
        self.start_button.setObjectName("primary")
        self.start_button.clicked.connect(self.start_asked)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        self.vessel, self.coloring = QComboBox(), QComboBox()
        self.vessel.setAccessibleName("Vessel")
        self.vessel.setToolTip("A click on a vessel in 3D chooses it too.")
        self.vessel.currentIndexChanged.connect(lambda index: self.vessel_chosen.emit(self.vessel.currentData() or ""))
        self.coloring.setAccessibleName("Color of the vessels")
        for key, words in COLORINGS.items():
            self.coloring.addItem(words, key)
        self.coloring.currentIndexChanged.connect(lambda index: self.shown_changed.emit())
        for label in (about, self.state, self.verdict, self.alarms, self.causes, self.behind):
            label.setWordWrap(True)
        for label in (self.verdict, self.alarms, self.causes, self.behind):
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.alarms.linkActivated.connect(self.vessel_chosen)
        self._found = QWidget()
        found = QVBoxLayout(self._found)
        found.setContentsMargins(0, 0, 0, 0)
        for widget in (
            self.verdict,
            *(section("Vessel"), self.vessel),
            *(section("Shown in 3D"), self.coloring),
            *(section("Alarms"), self.alarms, self.causes),
            *(section("Models, limits and what was left out"), self.behind),
        ):
            found.addWidget(widget)
        head: tuple[QWidget, ...] = (title, about, self.state, self.start_button, self.bar, self.cancel_button)
        for part in (*head, self._found):
            body.addWidget(part)
        body.addStretch(1)
        scroll_in(self, inner)
        self.set_progress(None)
        self.set_check(None)

    @property
    def chosen_coloring(self) -> str:
        """A key of ``COLORINGS``."""
        return str(self.coloring.currentData())

    def set_state(self, text: str, *, can_start: bool) -> None:
        """What stands in the way, or how it stands."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.start_button.setEnabled(can_start)

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """How far it is; None hides the bar."""
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(fraction is not None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            self.set_state(f"{text} …", can_start=False)

    def set_check(self, check: CrossCheck | None) -> None:
        """Show what was found, or nothing."""
        self._found.setVisible(check is not None)
        self.start_button.setText("Compare the models" if check is None else "Compare again")
        if check is None:
            return
        n = len(check.alarms)
        self.verdict.setText(
            f"<b style='color:{theme.ERROR}'>✗ {n} difference{'s' if n != 1 else ''} exceed{'s' if n == 1 else ''} "
            "the limit.</b>"
            if n
            else "<b>✓ All differences are within their limits.</b>"
        )
        self.alarms.setText("".join(_alarm(*alarm) for alarm in check.alarms) or "None.")
        self.causes.setText(
            "".join(f"<p style='margin:4px 0'><b>Likely cause:</b> {escape(c)}</p>" for c in check.causes)
        )
        self.causes.setVisible(bool(check.causes))
        self.behind.setText(_behind(check))
        chosen = self.vessel.currentData()
        self.vessel.blockSignals(True)
        self.vessel.clear()
        for vessel in check.vessels:
            self.vessel.addItem(f"{spelled(vessel.name)}{'  ✗' if vessel.is_alarm else ''}", vessel.name)
        self.vessel.blockSignals(False)
        self.choose(chosen or check.vessels[0].name)

    def choose(self, vessel: str) -> None:
        """Show a vessel as chosen, without saying so."""
        at = self.vessel.findData(vessel)
        self.vessel.blockSignals(True)
        self.vessel.setCurrentIndex(max(at, 0))
        self.vessel.blockSignals(False)


def _alarm(vessel: VesselCheck, difference: Difference) -> str:
    name, unit = QUANTITIES[difference.quantity]
    causes = "; ".join(briefly(cause) for cause in difference.causes)
    cause = f"<br><span style='color:{theme.MUTED}'>likely: {escape(causes)}</span>" if causes else ""
    by = f"{difference.difference:+.2g} {unit}".replace("-", "−")
    return (
        f"<p style='margin:4px 0'><a style='color:{theme.ACCENT}' href='{escape(vessel.name)}'>"
        f"{escape(spelled(vessel.name))}</a>: {escape(name)} by {difference.model.upper()} <b>{by}</b>, "
        f"limit {difference.limit:.2g} {unit}{cause}</p>"
    )


def _behind(check: CrossCheck) -> str:
    lines = []
    for model in check.models:
        took = f", solved in {seconds_text(model.seconds)}" if model.seconds is not None else ""
        alike = "" if model.is_alike else " (shown beside, without limits: its walls give way, those of 3D do not)"
        lines.append(f"{escape(model.label)}{took}{alike}")
    for what, limit, source in check.limits:
        lines.append(
            f"{escape(what)}: {escape(limit)} <span style='color:{theme.WARNING}'><i>{escape(source)}</i></span>"
        )
    lines += [escape(note) for note in check.notes]
    return "".join(f"<p style='margin:3px 0'>{line}</p>" for line in lines)
