"""Two segmentations held against each other: the figures, and a picture of where they differ."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QPixmap
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QProgressBar, QVBoxLayout, QWidget

from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.agree import Agreement, agree


class AgreementDialog(QDialog):
    """Compares the labels of a case with a file; that is done in a process of its own, and Close stops it."""

    def __init__(self, case: Path, other: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"This segmentation (first) and {other.name} (second)")
        self.found: Agreement | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="angiotwin-")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.text = QLabel("Comparing")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.picture = QLabel()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.text, self.bar, self.picture, buttons):
            layout.addWidget(widget)
        self._task = ChildTask(agree, (case, other, Path(self._folder.name, "difference.png")), self)
        self._task.progressed.connect(lambda fraction, text: self.bar.setValue(round(1000 * fraction)))
        self._task.done.connect(self._show)
        self._task.failed.connect(self._refuse)

    def done(self, result: int) -> None:
        if self._task.is_running:
            self._task.cancel()
        self._folder.cleanup()
        super().done(result)

    def _show(self, found: Agreement) -> None:
        self.found = found
        self.bar.hide()
        self.text.setText(found.to_text())
        if found.picture is not None:
            self.picture.setPixmap(QPixmap(str(found.picture)))
        self.adjustSize()

    def _refuse(self, refusal: Refusal) -> None:
        self.bar.hide()
        self.text.setText(refusal.message)
