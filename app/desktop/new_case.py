"""Making a case from a scan: what the user is asked, and what is left behind when it fails."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Record
from app.workflow.import_study import import_study
from app.workflow.scan_study import StudyVerdict, scan_study
from imaging.types import Progress


@dataclass(frozen=True)
class SeriesChoice:
    """Which series of a study is to be imported, and how."""

    series_uid: str = ""
    phase: str = ""
    repair: bool = False
    deidentify: bool = True


class NewCaseDialog(QDialog):
    """Asks for a title and a place. The title is typed, because a file's name may hold a patient's name."""

    def __init__(self, parent: QWidget | None = None, title: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("New case")
        self.setMinimumWidth(520)
        self.title = QLineEdit(title)
        self.title.setPlaceholderText("for example: arch 12 (no patient name)")
        self.title.textChanged.connect(self._refresh)
        self._parent_folder = Path.home() / "AngioTwin"
        self._place = QLabel()
        self._place.setWordWrap(True)
        browse = QPushButton("Other place …")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._place, 1)
        row.addWidget(browse)
        form = QFormLayout()
        form.addRow("Title", self.title)
        form.addRow("Case folder", row)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._buttons)
        self._refresh()

    @property
    def folder(self) -> Path:
        """The case folder to make."""
        kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in self.title.text().strip())
        return self._parent_folder / f"{kept or 'case'}.case"

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Where the case folder is to be made", str(self._parent_folder))
        if name:
            self._parent_folder = Path(name)
            self._refresh()

    def _refresh(self) -> None:
        self._place.setText(str(self.folder))
        has_title = bool(self.title.text().strip())
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(has_title)


def make_case(source: Path, folder: Path, title: str, choice: SeriesChoice, progress: Progress) -> Record:
    """Import a scan into a new case: what the child process does."""
    return import_study(source, folder, title, **asdict(choice), progress=progress)


def read_study(source: Path, progress: Progress) -> StudyVerdict:
    """List the series of a study: what the child process does."""
    return scan_study(source, progress=progress)


def dropped_source(paths: list[Path]) -> Path:
    """What several files that were dropped together stand for: the folder that holds them all."""
    if len(paths) == 1:
        return paths[0]
    return Path(os.path.commonpath([path.parent for path in paths]))


def make_sample_case(sample_id: str, folder: Path, progress: Progress) -> Record:
    """Make a case of a public sample: what the child process does."""
    from app.workflow.samples import import_sample

    return import_sample(sample_id, folder, progress)


def remove_unfinished(folder: Path) -> None:
    """Take away what a killed import left in its new folder; a case that has a scan is kept."""
    try:
        OpenCase.open(folder).discard_if_empty()
    except CaseError:
        if folder.is_dir() and not (folder / "case.json").exists():
            shutil.rmtree(folder, ignore_errors=True)


def series_of(folder: Path) -> list[tuple[str, str]]:
    """The DICOM series of a folder: UID, and a description without anything that names the patient."""
    from imaging.dicom.series import list_series

    return [
        (s.series_uid, f"Series {s.number}: {s.n_images} images of {s.columns} × {s.rows} ({s.modality})")
        for s in list_series(folder)
    ]
