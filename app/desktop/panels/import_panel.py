"""The scan of a case: what it is, and how to take another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.case.records import Case
from app.desktop.panels.step_panel import StepPanel, section
from app.workflow.model_of_surface import opening_text

SCAN_FILTER = "Scans (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.vti *.dcm *.zip DICOMDIR);;All files (*)"


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
        self._openings = QLabel()
        self._openings.setWordWrap(True)
        self._openings.hide()
        self.body.addWidget(self._openings)
        self._other = QWidget()
        other = QVBoxLayout(self._other)
        other.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(self._other)
        other.addWidget(section("Take another scan into this case"))
        file_button, folder_button = QPushButton("Scan file …"), QPushButton("DICOM folder …")
        file_button.clicked.connect(lambda: self._choose(ask_scan_file(self)))
        folder_button.clicked.connect(lambda: self._choose(ask_scan_folder(self)))
        row = QHBoxLayout()
        row.addWidget(file_button)
        row.addWidget(folder_button)
        other.addLayout(row)
        self._chosen = QLabel("No other scan chosen.")
        self._chosen.setObjectName("muted")
        self._chosen.setWordWrap(True)
        self.series = QComboBox()
        self.series.setAccessibleName("DICOM series")
        self.series.hide()
        other.addWidget(self._chosen)
        other.addWidget(self.series)

    def set_case(self, case: Case, is_writable: bool) -> None:
        """A case that begins with a surface keeps it: another one makes another case."""
        super().set_case(case, is_writable)
        surface = case.current("surface")
        for widget in (self._other, self.run_button):
            widget.setVisible(surface is None)
        self._openings.setVisible(surface is not None)
        if surface is not None:
            self.settings_button.hide()
            self.about.setText("This case begins with a surface that another program made.")
            lines = "".join(f"<p style='margin:2px 0'>{opening_text(o)}</p>" for o in surface.facts["openings"])
            self._openings.setText(f"<b>Openings</b>, to be named in the step Model:{lines}")

    def choose(self, source: Path) -> None:
        """Take a file or folder as the source of the next import."""
        self.source = source
        self.series.clear()
        self.series.hide()
        self._chosen.setText(f"Chosen: {source.name}")
        self._refresh()
        if source.is_dir() or source.suffix.lower() == ".zip" or source.name.upper() == "DICOMDIR":
            self.source_chosen.emit(source)

    def set_series(self, series: list[tuple[str, str]]) -> None:
        """The series of the chosen folder: identifier and description of each."""
        self.series.clear()
        for uid, text in series:
            self.series.addItem(text, uid)
        self.series.setVisible(len(series) > 1)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the import."""
        uid = self.series.currentData() if self.series.count() > 1 else ""
        return {**self._remembered, "source": str(self.source or ""), "series_uid": uid or ""}

    def can_run(self) -> bool:
        return super().can_run() and self.source is not None

    def _choose(self, source: Path | None) -> None:
        if source is not None:
            self.choose(source)
