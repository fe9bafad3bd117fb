"""Work on a case's models in a process of its own, with progress and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal


class ModelTask(QObject):
    """``changed`` tells that there is another answer, none any more, or that one is being made; ``progressed`` how far
    that is.

    ``found`` is the answer, or None; ``failure`` why there is none.
    """

    changed = Signal()
    progressed = Signal(float, str)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._task: ChildTask | None = None
        self.found: Any = None
        self.failure: Refusal | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being made."""
        return self._task is not None

    def begin(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Have ``work(folder of the case, *arguments, progress=...)`` done, a function of a module."""
        if self._task is None:
            self.failure = None
            self._task = ChildTask(work, (self._store.opened.folder, *arguments), self)
            self._task.progressed.connect(self.progressed)
            self._task.done.connect(self._keep)
            self._task.failed.connect(self._fail)
            self.changed.emit()

    def cancel(self) -> None:
        """End what is being made."""
        if self._task is not None:
            self._task.cancel()
            self._drop()
            self.changed.emit()

    def forget(self) -> None:
        """End what is being made, and have no answer any more: the case is another one."""
        self.cancel()
        self.found = self.failure = None
        self.changed.emit()

    def _keep(self, found: Any) -> None:
        self._drop()
        self.found = found
        self.changed.emit()

    def _fail(self, refusal: Refusal) -> None:
        self._drop()
        self.failure = refusal
        self.changed.emit()

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
