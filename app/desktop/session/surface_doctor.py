"""What is wrong with the model's surface? The Mesh Doctor looks in a process of its own, when it is asked."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.desktop.session.case_store import CaseStore
from app.desktop.session.task_owner import TaskOwner
from app.workflow.meshdoctor import SurfaceDiagnosis, examine_request


class SurfaceDoctor(TaskOwner):
    """``diagnosis`` is None until the model was looked at, and again when the model has changed."""

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._diagnosis: SurfaceDiagnosis | None = None

    @property
    def diagnosis(self) -> SurfaceDiagnosis | None:
        """What was found on the current model."""
        model = self._store.case.current("model")
        found = self._diagnosis
        return found if found is not None and model is not None and model.id == found.model_id else None

    def examine(self) -> None:
        """Look at the current model's surface."""
        if not self.is_busy:
            self._prepare(
                self._store, "mesh", None, lambda request: self._start(examine_request, (request,), self._keep)
            )

    def _keep(self, diagnosis: SurfaceDiagnosis) -> None:
        self._diagnosis = diagnosis
        self.changed.emit()
