"""Shows long work that belongs to no step, such as making a new case: how far it is, how long it takes, Cancel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.desktop.session.child_task import ChildTask
from app.desktop.session.words import seconds_text


class JobBar(QFrame):
    """One job at a time, in a process of its own. ``failed`` carries the `Refusal`."""

    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self.setProperty("severity", "info")
        self._title = QLabel()
        self._text = QLabel()
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(260)
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self.cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 10, 5)
        for widget in (self._title, self._bar, self._text):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._cancel)
        self._task: ChildTask | None = None
        self._clean_up: Callable[[], None] = lambda: None
        self._began = 0.0
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether a job is running."""
        return self._task is not None

    def start(
        self,
        title: str,
        work: Callable[..., Any],
        arguments: tuple[Any, ...],
        then: Callable[[Any], None],
        clean_up: Callable[[], None],
    ) -> None:
        """Start a job; ``clean_up`` is called when it fails or is cancelled."""
        if self._task is not None:
            return
        self._began = time.monotonic()
        self._clean_up = clean_up
        self._title.setText(f"<b>{title}</b>")
        self._text.setText("Starting")
        self._bar.setValue(0)
        self._task = ChildTask(work, arguments, self)
        self._task.progressed.connect(self._tell)
        self._task.done.connect(lambda result: self._finish(then, result))
        self._task.failed.connect(self._refuse)
        self.show()

    def cancel(self) -> None:
        """End the job and clean up after it."""
        if self._task is not None:
            self._task.cancel()
            self._drop()
            self._clean_up()

    def _tell(self, fraction: float, text: str) -> None:
        elapsed = time.monotonic() - self._began
        left = f", about {seconds_text(elapsed / fraction - elapsed)} left" if 0.03 < fraction < 1.0 else ""
        self._bar.setValue(round(1000 * fraction))
        self._text.setText(f"{text} ({100 * fraction:.0f} %{left})")

    def _finish(self, then: Callable[[Any], None], result: Any) -> None:
        self._drop()
        then(result)

    def _refuse(self, refusal: Any) -> None:
        self._drop()
        self._clean_up()
        self.failed.emit(refusal)

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
        self._task = None
        self.hide()
