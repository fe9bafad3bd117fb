"""Is the run well posed? The check works in a process of its own, before a run is started or when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.preflight import check_folder, check_request
from app.workflow.steps import Request, prepare, step_of
from solvers.preflight.finding import Finding

Findings = tuple[Finding, ...]
_MM_PER_M = 1000.0


def place_of(finding: Finding) -> tuple[float, float, float] | None:
    """Where a finding is, mm LPS."""
    if finding.place is None:
        return None
    x, y, z = (_MM_PER_M * c for c in finding.place)
    return x, y, z


class RunCheck(QObject):
    """``changed`` tells that there are other findings, or that the check has begun; ``refused`` carries a `Refusal`.

    ``findings`` is None until something was checked.
    """

    changed = Signal()
    refused = Signal(object)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._task: ChildTask | None = None
        self._is_preparing = False
        self.findings: Findings | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a check is going on."""
        return self._task is not None or self._is_preparing

    def check_settings(self, values: Mapping[str, Any] | None = None) -> None:
        """Check the run that the chosen settings would make; the case stays as it is."""
        if self.is_busy:
            return
        self._is_preparing = True
        self.changed.emit()
        self._store.call(
            lambda: prepare(self._store.opened, step_of(self._store.case, "simulate"), values),
            self._check_request,
            self._refuse,
        )

    def check_then(self, folder: Path, then: Callable[[], None]) -> None:
        """Check a prepared run; ``then`` follows when nothing speaks against it."""
        self.cancel()
        self._start(check_folder, (folder,), then)

    def forget(self) -> None:
        """Something changed on which the findings rest."""
        if self.findings is not None and not self.is_busy:
            self.findings = None
            self.changed.emit()

    def cancel(self) -> None:
        """End the check that is going on."""
        if self._task is not None:
            self._task.cancel()
            self._drop()

    def _check_request(self, request: Request) -> None:
        self._is_preparing = False
        self._start(check_request, (request,), lambda: None)

    def _start(self, work: Callable[..., Any], arguments: tuple[Any, ...], then: Callable[[], None]) -> None:
        self._task = ChildTask(work, arguments, self)
        self._task.done.connect(lambda findings: self._take(findings, then))
        self._task.failed.connect(self._refuse)
        self.changed.emit()

    def _take(self, findings: Findings, then: Callable[[], None]) -> None:
        self._drop()
        self.findings = findings
        self.changed.emit()
        error = next((finding for finding in findings if finding.level == "error"), None)
        if error is None:
            then()
        else:
            self.refused.emit(Refusal(error.code, error.sentence, place_of(error)))

    def _refuse(self, refusal: Refusal) -> None:
        self._is_preparing = False
        self._drop()
        self.changed.emit()
        self.refused.emit(refusal)

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
