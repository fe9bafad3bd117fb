"""Is the run well posed? The check works in a process of its own, before a run is started or when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from app.desktop.session.case_store import CaseStore
from app.desktop.session.refusal import Refusal
from app.desktop.session.task_owner import TaskOwner
from app.workflow.preflight import check_folder, check_request
from solvers.preflight.finding import Finding

Findings = tuple[Finding, ...]
_MM_PER_M = 1000.0


def place_of(finding: Finding) -> tuple[float, float, float] | None:
    """Where a finding is, mm LPS."""
    if finding.place is None:
        return None
    x, y, z = (_MM_PER_M * c for c in finding.place)
    return x, y, z


class RunCheck(TaskOwner):
    """``findings`` is None until something was checked."""

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.findings: Findings | None = None

    def check_settings(self, values: Mapping[str, Any] | None = None) -> None:
        """Check the run that the chosen settings would make; the case stays as it is."""
        if not self.is_busy:
            self._prepare(
                self._store, "simulate", values, lambda request: self._start(check_request, (request,), self._keep)
            )

    def check_then(self, folder: Path, then: Callable[[], None]) -> None:
        """Check a prepared run; ``then`` follows when nothing speaks against it."""
        self.cancel()
        self._start(check_folder, (folder,), lambda findings: self._keep(findings, then))

    def forget(self) -> None:
        """Something changed on which the findings rest."""
        if self.findings is not None and not self.is_busy:
            self.findings = None
            self.changed.emit()

    def _keep(self, findings: Findings, then: Callable[[], None] = lambda: None) -> None:
        self.findings = findings
        self.changed.emit()
        error = next((finding for finding in findings if finding.level == "error"), None)
        if error is None:
            then()
        else:
            self.refused.emit(Refusal(error.code, error.sentence, place_of(error)))
