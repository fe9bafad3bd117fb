"""Work on a case's models in a process of its own, with progress and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from app.desktop.session.case_store import CaseStore
from app.desktop.session.refusal import Refusal
from app.desktop.session.task_owner import TaskOwner


class ModelTask(TaskOwner):
    """``found`` is the answer, or None; ``failure`` why there is none."""

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.found: Any = None
        self.failure: Refusal | None = None

    def begin(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Have ``work(folder of the case, *arguments, progress=...)`` done, a function of a module."""
        if not self.is_busy:
            self.failure = None
            self._start(work, (self._store.opened.folder, *arguments), self._keep)

    def forget(self) -> None:
        """End what is being made, and have no answer any more: the case is another one."""
        self.cancel()
        self.found = self.failure = None
        self.changed.emit()

    def _keep(self, found: Any) -> None:
        self.found = found
        self.changed.emit()

    def _refuse(self, refusal: Refusal) -> None:
        self.failure = refusal
        super()._refuse(refusal)
