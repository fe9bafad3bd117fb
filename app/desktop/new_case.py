"""Making a case from a scan: what the user is asked, and what is left behind when it fails."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
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
    all_phases: bool = False
    frame: str = ""
    repair: bool = False
    deidentify: bool = True
    spacing_mm: float = 0.0
    angiogram: bool = False


class NewCaseDialog(QDialog):
    """Asks for a title and a place. The title is typed, because a file's name may hold a patient's name."""

    def __init__(
        self, parent: QWidget | None = None, title: str = "", *, asks_frame: bool = False, is_file: bool = False
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New case")
        self.setMinimumWidth(520)
        self._parent_folder = Path.home() / "AngioTwin"
        self.title = QLineEdit(title or free_title(self._parent_folder))
        self.title.setPlaceholderText("for example: arch 12 (no patient name)")
        self.title.selectAll()
        self.title.textChanged.connect(self._refresh)
        self._place = QLabel()
        self._place.setWordWrap(True)
        browse = QPushButton("Other place …")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._place, 1)
        row.addWidget(browse)
        form = QFormLayout()
        form.addRow("Title", self.title)
        self.frame = QComboBox()
        self.frame.addItem("choose: the file does not say it", "")
        self.frame.addItem("LPS: to the patient's left, back, head", "LPS")
        self.frame.addItem("RAS: to the patient's right, front, head", "RAS")
        self.frame.setToolTip("A wrong choice exchanges left and right. The program that wrote the file knows.")
        self.frame.currentIndexChanged.connect(self._refresh)
        self._asks_frame = asks_frame
        if asks_frame:
            form.addRow("Axes run", self.frame)
        self.spacing = QDoubleSpinBox()
        self.spacing.setRange(0.0, 10.0)
        self.spacing.setDecimals(3)
        self.spacing.setSingleStep(0.1)
        self.spacing.setSuffix(" mm")
        self.spacing.setSpecialValueText("as the file says")
        self.spacing.setToolTip("Smallest distance between voxel centers, where the file does not know it.")
        self.angiogram = QCheckBox("The values are no HU: a rotational or MR angiogram, arteries bright")
        if is_file:
            form.addRow("Spacing", self.spacing)
            form.addRow("", self.angiogram)
        form.addRow("Case folder", row)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.why = QLabel()
        self.why.setObjectName("warning")
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.why)
        layout.addWidget(self._buttons)
        self._refresh()

    @property
    def chosen_frame(self) -> str:
        """What the axes of the file mean, or an empty text."""
        return str(self.frame.currentData() or "")

    @property
    def folder(self) -> Path:
        """The case folder to make."""
        return _case_folder(self._parent_folder, self.title.text())

    def choose_place(self, folder: Path) -> None:
        """Make the case folder in this folder."""
        if self.title.text() == free_title(self._parent_folder):
            self.title.setText(free_title(folder))
        self._parent_folder = folder
        self._refresh()

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Where the case folder is to be made", str(self._parent_folder))
        if name:
            self.choose_place(Path(name))

    def _refresh(self) -> None:
        self._place.setText(str(self.folder))
        why = ""
        if not self.title.text().strip():
            why = "Type a title."
        elif self.folder.exists():
            why = "There is such a folder already: take another title or another place."
        elif self._asks_frame and not self.chosen_frame:
            why = "Choose what the axes of the file mean."
        self.why.setText(why)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not why)


def free_title(parent: Path) -> str:
    """A title that names nobody and that no case in a folder has yet."""
    number = 1
    while _case_folder(parent, f"case {number}").exists():
        number += 1
    return f"case {number}"


def _case_folder(parent: Path, title: str) -> Path:
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in title.strip())
    return parent / f"{kept or 'case'}.case"


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


def write_sample(sample_id: str, folder: Path, progress: Progress) -> Path:
    """Write a sample's scan as DICOM slices: what the child process does."""
    from app.workflow.samples import write_sample_dicom

    return write_sample_dicom(sample_id, folder, progress)


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
