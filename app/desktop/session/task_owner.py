"""What has one task at a time done in a process of its own: started, ended, refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.steps import Request, prepare, step_of


class TaskOwner(QObject):
    """``changed`` tells that there is another answer, none any more, or that one is being made; ``progressed`` how far
    that is; ``refused`` carries a `Refusal`."""

    changed = Signal()
    progressed = Signal(float, str)
    refused = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: ChildTask | None = None
        self._is_preparing = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being made."""
        return self._task is not None or self._is_preparing

    def cancel(self) -> None:
        """End what is going on."""
        if self._task is not None:
            self._task.cancel()
            self._drop()
            self.changed.emit()

    def _prepare(
        self, store: CaseStore, step: str, values: Mapping[str, Any] | None, then: Callable[[Request], None]
    ) -> None:
        """Have the request for a step of the case made; the case stays as it is."""
        self._is_preparing = True
        self.changed.emit()
        store.call(lambda: prepare(store.opened, step_of(store.case, step), values), then, self._refuse)

    def _start(self, work: Callable[..., Any], arguments: tuple[Any, ...], take: Callable[[Any], None]) -> None:
        """Have ``work`` done in a process of its own; ``take`` gets its answer."""
        self._is_preparing = False
        self._task = ChildTask(work, arguments, self)
        self._task.progressed.connect(self.progressed)
        self._task.done.connect(lambda answer: self._take(answer, take))
        self._task.failed.connect(self._refuse)
        self.changed.emit()

    def _take(self, answer: Any, take: Callable[[Any], None]) -> None:
        self._drop()
        take(answer)

    def _refuse(self, refusal: Refusal) -> None:
        self._is_preparing = False
        self._drop()
        self.changed.emit()
        self.refused.emit(refusal)

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
