"""What is wrong with the model's surface? The Mesh Doctor looks in a process of its own, when it is asked."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.meshdoctor import SurfaceDiagnosis, examine_request
from app.workflow.steps import Request, prepare, step_of


class SurfaceDoctor(QObject):
    """``changed`` tells that there is another diagnosis, or that one has begun; ``refused`` carries a `Refusal`.

    ``diagnosis`` is None until the model was looked at, and again when the model has changed.
    """

    changed = Signal()
    refused = Signal(object)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._task: ChildTask | None = None
        self._is_preparing = False
        self._diagnosis: SurfaceDiagnosis | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the surface is being looked at."""
        return self._task is not None or self._is_preparing

    @property
    def diagnosis(self) -> SurfaceDiagnosis | None:
        """What was found on the current model."""
        model = self._store.case.current("model")
        found = self._diagnosis
        return found if found is not None and model is not None and model.id == found.model_id else None

    def examine(self) -> None:
        """Look at the current model's surface."""
        if self.is_busy:
            return
        self._is_preparing = True
        self.changed.emit()
        self._store.call(
            lambda: prepare(self._store.opened, step_of(self._store.case, "mesh")), self._start, self._refuse
        )

    def cancel(self) -> None:
        """End what is going on."""
        if self._task is not None:
            self._task.cancel()
            self._drop()

    def _start(self, request: Request) -> None:
        self._is_preparing = False
        self._task = ChildTask(examine_request, (request,), self)
        self._task.done.connect(self._take)
        self._task.failed.connect(self._refuse)

    def _take(self, diagnosis: Any) -> None:
        self._drop()
        self._diagnosis = diagnosis
        self.changed.emit()

    def _refuse(self, refusal: Refusal) -> None:
        self._is_preparing = False
        self._drop()
        self.changed.emit()
        self.refused.emit(refusal)

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
