"""The scan of a case: what it is, and how to take another one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QWidget

from app.desktop.panels.step_panel import StepPanel, section

SCAN_FILTER = "Scans (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)"


def ask_scan_file(parent: QWidget) -> Path | None:
    """A scan file that the user chooses, or None."""
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a scan", "", SCAN_FILTER)
    return Path(name) if name else None


def ask_scan_folder(parent: QWidget) -> Path | None:
    """A DICOM folder that the user chooses, or None."""
    name = QFileDialog.getExistingDirectory(parent, "Choose a DICOM folder")
    return Path(name) if name else None


class ImportPanel(StepPanel):
    """Choose the scan. ``source_chosen`` carries a file or folder whose DICOM series are to be listed."""

    source_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.source: Path | None = None
        super().__init__("import", parent)

    def add_sections(self) -> None:
        self.body.addWidget(section("Take another scan into this case"))
        file_button, folder_button = QPushButton("Scan file …"), QPushButton("DICOM folder …")
        file_button.clicked.connect(lambda: self._choose(ask_scan_file(self)))
        folder_button.clicked.connect(lambda: self._choose(ask_scan_folder(self)))
        row = QHBoxLayout()
        row.addWidget(file_button)
        row.addWidget(folder_button)
        self.body.addLayout(row)
        self._chosen = QLabel("No other scan chosen.")
        self._chosen.setObjectName("muted")
        self._chosen.setWordWrap(True)
        self.series = QComboBox()
        self.series.setAccessibleName("DICOM series")
        self.series.hide()
        self.body.addWidget(self._chosen)
        self.body.addWidget(self.series)

    def choose(self, source: Path) -> None:
        """Take a file or folder as the source of the next import."""
        self.source = source
        self.series.clear()
        self.series.hide()
        self._chosen.setText(f"Chosen: {source.name}")
        self._refresh()
        if source.is_dir():
            self.source_chosen.emit(source)

    def set_series(self, series: list[tuple[str, str]]) -> None:
        """The series of the chosen folder: identifier and description of each."""
        self.series.clear()
        for uid, text in series:
            self.series.addItem(text, uid)
        self.series.setVisible(len(series) > 1)

    @property
    def values(self) -> dict[str, str]:
        """The parameters of the import."""
        uid = self.series.currentData() if self.series.count() > 1 else ""
        return {"source": str(self.source or ""), "series_uid": uid or ""}

    def can_run(self) -> bool:
        return super().can_run() and self.source is not None

    def _choose(self, source: Path | None) -> None:
        if source is not None:
            self.choose(source)
