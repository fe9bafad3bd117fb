"""The landmarks of the open case: placed in the slices, proposed from the model, and what is measured there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.case.errors import CaseError
from app.case.records import Case
from app.desktop.placing import Placing
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.workflow.landmarks import can_measure, figure_words, measures_of, proposing, removing, rows_of, write_table
from imaging.anatomy.landmarks import LANDMARKS, landmark_groups

_COLUMNS = ("Landmark", "Left, back, head", "")
_EMPTY: dict[str, Any] = {"figures": {}, "levels_mm": {}, "notes": []}
_FIGURES_WIDTH = 430


class LandmarkTable(QWidget):
    """All landmarks by group at the left, the measures of the root at the right."""

    refused = Signal(object)
    noted = Signal(str)

    def __init__(self, placing: Placing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._placing = placing
        self._session: Session | None = None
        self.measures: dict[str, Any] = _EMPTY
        self.items: dict[str, QTreeWidgetItem] = {}
        self.place = QPushButton("Place")
        self.place.setCheckable(True)
        self.place.clicked.connect(self._arm)
        self.show_it = QPushButton("Go to")
        self.show_it.clicked.connect(lambda: placing.show(self.selected))
        self.remove = QPushButton("Remove")
        self.remove.clicked.connect(self._remove)
        self.propose = QPushButton("Propose from the model")
        self.propose.setToolTip("Ostia and bifurcations of the tree, hinge points of the valve. What was placed stays.")
        self.propose.clicked.connect(self.propose_all)
        self.export = QPushButton("Export …")
        self.export.clicked.connect(self._ask_file)
        self.hint = QLabel()
        self.hint.setObjectName("muted")
        row = QHBoxLayout()
        for button in (self.place, self.show_it, self.remove, self.propose, self.export):
            row.addWidget(button)
        row.addWidget(self.hint, 1)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(list(_COLUMNS))
        self.tree.setAccessibleName("Landmarks")
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemSelectionChanged.connect(self._refresh_buttons)
        self.tree.itemDoubleClicked.connect(lambda item, column: placing.arm(self.selected))
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.figures.setTextFormat(Qt.TextFormat.RichText)
        self.figures.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures.setContentsMargins(8, 4, 8, 4)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.figures)
        scroll.setFixedWidth(_FIGURES_WIDTH)
        both = QHBoxLayout()
        both.addWidget(self.tree, 1)
        both.addWidget(scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 6)
        layout.addLayout(row)
        layout.addLayout(both)
        placing.armed_changed.connect(lambda role: self._refresh_buttons())

    @property
    def selected(self) -> str:
        """The landmark whose row is chosen, or an empty text."""
        chosen = self.tree.selectedItems()
        return str(chosen[0].data(0, Qt.ItemDataRole.UserRole) or "") if chosen else ""

    def choose(self, landmark_id: str) -> None:
        """Choose a landmark's row."""
        self.tree.setCurrentItem(self.items[landmark_id])

    def set_session(self, session: Session | None) -> None:
        """Show the landmarks of a case, or none."""
        self._session = session
        self.measures = _EMPTY
        if session is not None:
            session.store.landmarks_changed.connect(self.refresh)
            session.store.points_changed.connect(self._measure)
            session.data.loaded.connect(self._take)
        self.refresh()

    def refresh(self) -> None:
        """Show what the case says now, and measure anew."""
        chosen = self.selected
        case = self._case
        self.tree.clear()
        self.items = {}
        further = {row["id"]: row["title"] for row in rows_of(case)} if case is not None else {}
        for group, kinds in landmark_groups(further):
            head = QTreeWidgetItem([group])
            font = QFont()
            font.setBold(True)
            head.setFont(0, font)
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.tree.addTopLevelItem(head)
            for landmark_id, title in kinds:
                landmark = case.landmarks.get(landmark_id) if case is not None else None
                where = "  ".join(f"{x:.1f}" for x in landmark.position_mm) + " mm" if landmark is not None else ""
                item = QTreeWidgetItem([title, where, landmark.origin if landmark is not None else ""])
                item.setData(0, Qt.ItemDataRole.UserRole, landmark_id)
                if landmark_id in LANDMARKS:
                    item.setToolTip(0, LANDMARKS[landmark_id].hint)
                head.addChild(item)
                self.items[landmark_id] = item
            head.setExpanded(True)
        if chosen in self.items:
            self.choose(chosen)
        self._refresh_buttons()
        self._measure()

    def propose_all(self) -> None:
        """Propose what the model shows, off the window's thread."""
        session = self._session
        if session is None or session.data.model is None:
            return
        case, model, volume = session.store.case, session.data.model, session.data.volume
        session.data.compute("landmarks", partial(proposing, case, model, volume), self._take_proposal)

    def write(self, path: Path) -> None:
        """Write landmarks and measures to a file."""
        if self._case is None:
            return
        try:
            write_table({"landmarks": rows_of(self._case), **self.measures}, path)
        except CaseError as error:
            self.refused.emit(refusal_of(error))

    @property
    def _case(self) -> Case | None:
        return self._session.store.case if self._session is not None else None

    def _take(self, item: str, content: Any) -> None:
        if item == "image":
            self._measure()
        self._refresh_buttons()

    def _take_proposal(self, proposal: Any) -> None:
        command, notes = proposal
        if self._session is not None:
            self._session.store.do(command)
            self.noted.emit(" ".join((f"{command.told}. Check each, and drag it where it belongs.", *notes)))

    def _measure(self) -> None:
        session, case = self._session, self._case
        if session is None or case is None or session.data.volume is None or not can_measure(case):
            self._take_measures(_EMPTY)
            return
        volume = session.data.volume
        session.data.compute(
            "root",
            partial(measures_of, case, volume),
            self._take_measures,
            lambda refusal: self._take_measures({**_EMPTY, "notes": [refusal.message]}),
        )

    def _take_measures(self, measures: dict[str, Any]) -> None:
        self.measures = measures
        rows = "".join(
            f"<tr><td style='padding-right:12px'>{name}</td><td align='right'>{value}</td></tr>"
            for name, value in (figure_words(*figure) for figure in measures["figures"].items())
        )
        notes = "".join(f"<p>{note}</p>" for note in measures["notes"])
        empty = "<p>Place or propose the three hinge points of the valve: annulus and root are measured then.</p>"
        self.figures.setText(f"<table>{rows}</table>{notes}" if rows or notes else empty)

    def _refresh_buttons(self) -> None:
        case, chosen = self._case, self.selected
        can_change = self._session is not None and self._session.store.is_writable
        is_there = case is not None and chosen in case.landmarks
        self.place.setEnabled(bool(chosen) and can_change)
        self.place.setChecked(bool(chosen) and self._placing.armed == chosen)
        self.show_it.setEnabled(is_there)
        self.remove.setEnabled(is_there and can_change)
        self.propose.setEnabled(can_change and self._session is not None and self._session.data.model is not None)
        self.export.setEnabled(case is not None and bool(case.landmarks))
        self.hint.setText(LANDMARKS[chosen].hint if chosen in LANDMARKS else "")

    def _arm(self, is_on: bool) -> None:
        self._placing.arm(self.selected if is_on else "")

    def _remove(self) -> None:
        if self._session is not None and self._case is not None:
            self._session.store.do(removing(self._case, (self.selected,)))

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Export the landmarks", "landmarks.csv", "Table (*.csv);;JSON (*.json)"
        )
        if name:
            self.write(Path(name))
