"""The series of a study with pictures and verdicts, to choose one from, and how it is to be taken."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QBrush, QColor, QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.desktop.theme import STATE_COLORS, WARNING

if TYPE_CHECKING:
    from app.workflow.scan_study import SeriesVerdict, StudyVerdict

_EDGE = 72
_MARKS = {"refused": "✕", "repairable": "!", "warning": "!", "note": "·"}
_VERDICTS = {
    "good": ("✓ Good", STATE_COLORS["done"]),
    "limited": ("◐ With limits", WARNING),
    "repair": ("! Needs a repair", WARNING),
    "no analysis": ("– Fits no analysis", STATE_COLORS["todo"]),
    "refused": ("✕ Cannot be used", STATE_COLORS["failed"]),
}
_STATES = {"yes": "✓", "limited": "◐", "no": "–"}
_COLUMNS = ("", "Series", "Phase", "Slices", "Voxel [mm]", "Verdict")


class StudyBrowser(QDialog):
    """Shows a study; what was chosen is in ``series_uid``, ``phase``, ``all_phases``, ``repair``
    and ``deidentify``."""

    def __init__(self, study: StudyVerdict, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a series")
        self.setMinimumSize(1080, 560)
        self.resize(1180, 720)
        self._series = study.series
        self.list = QTreeWidget()
        self.list.setAccessibleName("Series")
        self.list.setHeaderLabels(list(_COLUMNS))
        self.list.setRootIsDecorated(False)
        self.list.setIconSize(QSize(_EDGE, _EDGE))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setUniformRowHeights(True)
        self.list.setWordWrap(True)
        for one in study.series:
            self.list.addTopLevelItem(_row(one))
        header = self.list.header()
        header.setStretchLastSection(False)
        for column in range(len(_COLUMNS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setTextFormat(Qt.TextFormat.RichText)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.details.setContentsMargins(10, 6, 10, 6)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.details)
        scroll.setMinimumWidth(380)
        parts = QSplitter(Qt.Orientation.Horizontal)
        self.list.setMinimumWidth(640)
        parts.addWidget(self.list)
        parts.setChildrenCollapsible(False)
        parts.addWidget(scroll)
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 2)
        parts.setSizes([700, 460])
        self.phases = QComboBox()
        self.phases.setAccessibleName("Phase")
        self._phase_label = QLabel("Phase")
        self.all_phases_box = QCheckBox("Keep all phases, to look through them")
        self.all_phases_box.setToolTip("Everything is computed from the chosen one. Each takes the room of a scan.")
        self.repair_box = QCheckBox("Repair the stack by interpolation")
        self.repair_box.setToolTip(
            "Straightens a tilted gantry and evens the steps between slices.\nIt is written into the case."
        )
        self.repair_box.toggled.connect(self._refresh)
        self.deidentify_box = QCheckBox("De-identify")
        self.deidentify_box.setChecked(True)
        self.deidentify_box.setToolTip(
            "The case keeps of the DICOM header only what names nobody (PS3.15 basic profile)."
        )
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText("Take this series")
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        below = QHBoxLayout()
        for widget in (self._phase_label, self.phases, self.all_phases_box, self.repair_box, self.deidentify_box):
            below.addWidget(widget)
            below.addSpacing(12)
        self.why = QLabel()
        self.why.setObjectName("warning")
        below.addStretch(1)
        below.addWidget(self.why)
        below.addWidget(self._buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(parts, 1)
        if study.notes:
            notes = QLabel(" ".join(study.notes))
            notes.setObjectName("muted")
            notes.setWordWrap(True)
            layout.addWidget(notes)
        layout.addLayout(below)
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.list.itemDoubleClicked.connect(lambda *_: self.accept() if self._ok.isEnabled() else None)
        first = self.list.topLevelItem(0)
        if first is not None:
            self.list.setCurrentItem(first)
        self._show()

    @property
    def current(self) -> SeriesVerdict | None:
        """The series that is chosen."""
        item = self.list.currentItem()
        index = self.list.indexOfTopLevelItem(item) if item is not None else -1
        return self._series[index] if 0 <= index < len(self._series) else None

    @property
    def series_uid(self) -> str:
        """UID of the chosen series."""
        return self.current.series_uid if self.current is not None else ""

    @property
    def phase(self) -> str:
        """The chosen phase, or an empty text where there is only one."""
        return str(self.phases.currentData() or "")

    @property
    def all_phases(self) -> bool:
        """Whether the other phases are kept too."""
        return self.phases.count() > 0 and self.all_phases_box.isChecked()

    @property
    def repair(self) -> bool:
        """Whether the stack is to be repaired."""
        return self.current is not None and self.current.needs_repair and self.repair_box.isChecked()

    @property
    def deidentify(self) -> bool:
        """Whether the case keeps only what names nobody."""
        return self.deidentify_box.isChecked()

    def _show(self) -> None:
        one = self.current
        self.phases.clear()
        for typed, read in one.phases if one is not None else ():
            self.phases.addItem(read, typed)
        has_phases = self.phases.count() > 0
        self._phase_label.setVisible(has_phases)
        self.phases.setVisible(has_phases)
        self.all_phases_box.setVisible(has_phases)
        self.repair_box.setChecked(False)
        self.repair_box.setVisible(one is not None and one.needs_repair)
        self.details.setText(details_of(one) if one is not None else "")
        self._refresh()

    def _refresh(self) -> None:
        one = self.current
        is_possible = one is not None and one.verdict != "refused"
        is_agreed = one is None or not one.needs_repair or self.repair_box.isChecked()
        self._ok.setEnabled(is_possible and is_agreed)
        why = "" if is_possible else "This series cannot be used; the reason stands on the right."
        self.why.setText(why or ("" if is_agreed else "Agree to the repair first."))


def details_of(one: SeriesVerdict) -> str:
    """Verdict, findings and fitness of a series as rich text."""
    word, color = _VERDICTS[one.verdict]
    more = f"<br>{escape(one.headline)}." if one.verdict in ("good", "limited", "repair") else ""
    lines = [f"<p><b style='color:{color}'>{escape(word)}</b>{more}</p>"]
    facts = [
        f"{one.size[0]} × {one.size[1]} pixels, {one.n_slices} slices",
        f"covers {' × '.join(f'{x:.0f}' for x in one.coverage_mm)} mm" if one.coverage_mm else "",
        f"kernel {one.kernel}" if one.kernel else "",
        one.body_part.lower(),
        one.packing,
    ]
    figures = one.figures
    if figures is not None and figures.thickness_mm:
        facts.append(f"slices {figures.thickness_mm:.2f} mm thick")
    if figures is not None and figures.was_looked_at:
        lumen = "no enhanced lumen" if figures.lumen_hu is None else f"lumen about {figures.lumen_hu:.0f} HU"
        noise = "" if figures.noise_hu is None else f"noise about {figures.noise_hu:.0f} HU"
        facts += [lumen, noise]
    lines.append(f"<p>{escape(', '.join(fact for fact in facts if fact))}.</p>")
    found = sorted(one.findings, key=lambda f: list(_MARKS).index(f.severity))
    lines += [f"<p>{_MARKS[f.severity]} {escape(f.message)}</p>" for f in found]
    if one.fitness and one.verdict != "refused":
        lines.append("<p><b>What it is fit for</b></p>")
        for fit in one.fitness:
            why = f"<br><span>{escape(' '.join(fit.reasons))}</span>" if fit.reasons else ""
            lines.append(f"<p>{_STATES[fit.state]} <b>{escape(fit.analysis.title)}</b>: {fit.state}{why}</p>")
    return "".join(lines)


def _row(one: SeriesVerdict) -> QTreeWidgetItem:
    word, color = _VERDICTS[one.verdict]
    name = f"{one.number}  {one.description or 'without description'}\n{one.modality}"
    spacing = " × ".join(f"{x:.2f}" for x in one.spacing_mm) or "–"
    item = QTreeWidgetItem(["", name, one.phase or "–", str(one.n_slices), spacing, word])
    item.setSizeHint(0, QSize(_EDGE + 8, _EDGE + 6))
    item.setForeground(5, QBrush(QColor(color)))
    item.setTextAlignment(3, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(5, one.headline)
    item.setData(1, Qt.ItemDataRole.AccessibleTextRole, f"{name} {word}")
    if one.picture is not None:
        height, width = one.picture.shape
        image = QImage(one.picture.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
        item.setIcon(0, QIcon(QPixmap.fromImage(image)))
    return item
