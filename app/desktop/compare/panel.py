"""The panel of the comparison: which options, colored by what, and what is to be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.panels.step_panel import scroll_in, section
from app.workflow.compare import KINDS, QUANTITIES, Kind

NOTHING = "nothing"


class ComparePanel(QWidget):
    """``changed``: other options are wanted; ``shown_changed``: other colors; ``cancel_asked``: no model is wanted."""

    changed = Signal()
    shown_changed = Signal()
    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._options: Mapping[Kind, Sequence[str]] = {}
        inner = QWidget()
        inner.setObjectName("panel")
        body = QVBoxLayout(inner)
        body.setContentsMargins(12, 10, 12, 10)
        title, about = QLabel(MODES["compare"].title), QLabel(MODES["compare"].about)
        title.setObjectName("title")
        about.setObjectName("muted")
        self.state, self.notes, self.latency = QLabel(), QLabel(), QLabel()
        for label in (about, self.state, self.notes):
            label.setWordWrap(True)
        self.notes.setStyleSheet(f"color: {theme.WARNING};")
        self.latency.setObjectName("muted")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_asked)
        self.kind, self.first, self.second, self.coloring = (QComboBox() for _ in range(4))
        for kind, words in KINDS.items():
            self.kind.addItem(words, kind)
        form = QFormLayout()
        for name, box in (
            ("Compare", self.kind),
            ("Option A", self.first),
            ("Option B", self.second),
            ("Colors", self.coloring),
        ):
            box.setAccessibleName(name)
            form.addRow(name, box)
        self.kind.currentIndexChanged.connect(lambda index: self._fill())
        for box in (self.first, self.second):
            box.currentIndexChanged.connect(lambda index: self.changed.emit())
        self.coloring.currentIndexChanged.connect(lambda index: self.shown_changed.emit())
        body.addWidget(title)
        body.addWidget(about)
        body.addWidget(section("Options that the case keeps"))
        body.addLayout(form)
        for widget in (self.state, self.bar, self.cancel_button, self.latency, self.notes):
            body.addWidget(widget)
        body.addStretch(1)
        scroll_in(self, inner)
        self.set_progress(None)

    @property
    def chosen_kind(self) -> Kind:
        """Which kind of options is compared."""
        kind: Kind = self.kind.currentData()
        return kind

    @property
    def chosen(self) -> tuple[str, ...]:
        """The options that are compared with the case as it is."""
        names = [box.currentText() for box in (self.first, self.second)]
        return tuple(dict.fromkeys(name for name in names if name not in ("", NOTHING)))

    def set_options(self, options: Mapping[Kind, Sequence[str]]) -> None:
        """The options that the case keeps; a kind with some is chosen where the chosen one has none."""
        if options == self._options:
            return
        self._options = options
        if not options.get(self.chosen_kind) and any(options.values()):
            with QSignalBlocker(self.kind):
                kind = next(kind for kind, names in options.items() if names)
                self.kind.setCurrentIndex(self.kind.findData(kind))
        self._fill()

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """How far the making of the model is; None hides the bar."""
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(fraction is not None)
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
            self.set_state(f"{text} …")

    def set_state(self, text: str) -> None:
        """What stands in the way, or nothing."""
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def set_told(self, milliseconds: float | None, notes: Sequence[str]) -> None:
        """How quickly it was answered, and what is to be known."""
        self.latency.setText("" if milliseconds is None else f"Reduced models, answered in {milliseconds:.0f} ms")
        self.notes.setText("\n".join(f"! {note.replace('_', ' ')}" for note in notes))

    def _fill(self) -> None:
        names = list(self._options.get(self.chosen_kind, ()))
        for box, offered in ((self.first, names), (self.second, [NOTHING, *names])):
            before = box.currentText()
            with QSignalBlocker(box):
                box.clear()
                box.addItems(offered)
                box.setCurrentIndex(max(offered.index(before) if before in offered else 0, 0) if offered else -1)
        if self.second.currentText() == NOTHING and len(names) > 1:
            with QSignalBlocker(self.second):
                self.second.setCurrentIndex(2)
        with QSignalBlocker(self.coloring):
            self.coloring.clear()
            self.coloring.addItems(list(QUANTITIES[self.chosen_kind]))
        self.changed.emit()
