"""The panel of the comparison: which options, colored by what, and what is to be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.panels.progress_part import ProgressPart
from app.desktop.panels.step_panel import scroll_in, section
from app.workflow.compare import KINDS, QUANTITIES, Kind

NOTHING = "nothing"


class ComparePanel(QWidget):
    """``changed``: other options are wanted; ``shown_changed``: other colors."""

    changed = Signal()
    shown_changed = Signal()

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
        self.notes, self.latency, self.progress = QLabel(), QLabel(), ProgressPart()
        for label in (about, self.notes):
            label.setWordWrap(True)
        self.notes.setStyleSheet(f"color: {theme.WARNING};")
        self.latency.setObjectName("muted")
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
        for widget in (self.progress, self.latency, self.notes):
            body.addWidget(widget)
        body.addStretch(1)
        scroll_in(self, inner)

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
