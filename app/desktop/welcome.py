"""The first page: open a case, make one from a scan or a sample, or go on with a recent one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app import NOT_FOR_DIAGNOSIS
from app.desktop.recent import recent_cases


class WelcomePage(QWidget):
    """``asked`` carries the id of an action; ``case_chosen`` a case folder; ``sample_chosen`` the id of a sample."""

    asked = Signal(str)
    case_chosen = Signal(object)
    sample_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("AngioTwin")
        title.setStyleSheet("font-size: 22pt; font-weight: 600;")
        about = QLabel(
            "From a CT angiogram to the patient's blood flow: segment, model, mesh, simulate, report.\n"
            f"{NOT_FOR_DIAGNOSIS}."
        )
        about.setObjectName("muted")
        start = QVBoxLayout()
        start.setSpacing(8)
        start.addWidget(_heading("Start"))
        for text, action_id in (
            ("Open a case …", "case.open"),
            ("New case from a scan file …", "case.new_file"),
            ("New case from a DICOM folder …", "case.new_folder"),
            ("New case from a surface …", "case.new_surface"),
        ):
            button = QPushButton(text)
            button.setMinimumWidth(300)
            button.clicked.connect(lambda checked=False, action_id=action_id: self.asked.emit(action_id))
            start.addWidget(button)
        self._samples_heading = _heading("Samples")
        self._samples_heading.hide()
        start.addWidget(self._samples_heading)
        self._samples = QVBoxLayout()
        start.addLayout(self._samples)
        start.addStretch(1)
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent cases")
        self.recent.setSpacing(5)
        self.recent.itemActivated.connect(self._choose)
        self.recent.itemClicked.connect(self._choose)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(_heading("Recent cases"))
        right.addWidget(self.recent, 1)
        columns = QHBoxLayout()
        columns.setSpacing(40)
        columns.addLayout(start)
        columns.addLayout(right, 1)
        frame = QFrame()
        frame.setMaximumWidth(1000)
        inner = QVBoxLayout(frame)
        inner.addWidget(title)
        inner.addWidget(about)
        inner.addSpacing(16)
        inner.addLayout(columns, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(40, 30, 40, 30)
        layout.addStretch(1)
        layout.addWidget(frame, 20)
        layout.addStretch(1)
        self.refresh()

    def refresh(self) -> None:
        """List the recent cases anew."""
        self.recent.clear()
        for case in recent_cases():
            item = QListWidgetItem(f"{case.title}\n{Path(case.folder).name}")
            item.setData(Qt.ItemDataRole.UserRole, case.folder)
            item.setToolTip(case.folder)
            self.recent.addItem(item)
        if not self.recent.count():
            item = QListWidgetItem("No case was open on this computer yet.")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.recent.addItem(item)

    def set_samples(self, samples: list[dict[str, Any]]) -> None:
        """Offer samples: ``id``, ``title``, ``licence`` of each."""
        self._samples_heading.setVisible(bool(samples))
        for sample in samples:
            button = QPushButton(str(sample["title"]))
            button.setToolTip(f"{sample['source']}\nLicence: {sample['licence']}\n{sample['citation']}")
            button.clicked.connect(lambda checked=False, sample_id=sample["id"]: self.sample_chosen.emit(sample_id))
            self._samples.addWidget(button)

    def _choose(self, item: QListWidgetItem) -> None:
        folder = item.data(Qt.ItemDataRole.UserRole)
        if folder:
            self.case_chosen.emit(Path(folder))


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("section")
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return label
