"""Runs the steps of the path: prepared and committed by the case's writer, computed in a process of its own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.case.files import plain_disk_errors
from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.steps import Outcome, Request, Step, commit, prepare, step_of
from imaging.types import Progress

Staging = AbstractContextManager[Path]


class StepRunner(QObject):
    """One step at a time.

    ``started`` and ``ended`` name the step; between them ``progressed`` carries step, fraction, text and the estimated
    seconds left (None at first). ``failed`` carries step and `Refusal`; ``finished`` the step whose record is in the
    case. A cancelled step only ends.
    """

    started = Signal(str)
    progressed = Signal(str, float, str, object)
    finished = Signal(str)
    failed = Signal(str, object)
    ended = Signal(str)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._step_id: str | None = None
        self._generation = 0
        self._task: ChildTask | None = None
        self._staging: Staging | None = None
        self._is_committing = False
        self._began = 0.0

    @property
    def step_id(self) -> str | None:
        """The step that is running, or None."""
        return self._step_id

    def run(
        self, step_id: str, values: Mapping[str, Any] | None = None, work: Callable[..., Outcome] | None = None
    ) -> None:
        """Start a step with chosen parameters; nothing happens while another one runs.

        ``work(request, out, progress=...)`` makes the step's outcome in another way than its module does.
        """
        if self._step_id is not None:
            return
        self._step_id = step_id
        self._generation += 1
        self._began = time.perf_counter()
        generation = self._generation
        self.started.emit(step_id)
        self._store.call(
            lambda: self._prepare(step_id, values), lambda made: self._compute(generation, work, *made), self._refuse
        )

    def cancel(self) -> None:
        """End the running step; the case stays as it was. It is too late once the result goes into the case."""
        if self._step_id is None or self._is_committing:
            return
        self._generation += 1
        if self._task is not None:
            self._task.cancel()
        self._end()

    def _prepare(self, step_id: str, values: Mapping[str, Any] | None) -> tuple[Step, Request, Staging, Path]:
        step = step_of(self._store.case, step_id)
        request = prepare(self._store.opened, step, values)
        staging = self._store.opened.staging()
        return step, request, staging, staging.__enter__()

    def _compute(
        self,
        generation: int,
        work: Callable[..., Outcome] | None,
        step: Step,
        request: Request,
        staging: Staging,
        out: Path,
    ) -> None:
        if generation != self._generation:
            self._drop(staging)
            return
        self._staging = staging
        self._task = ChildTask(work or partial(compute_step, step.module_name), (request, out), self)
        self._task.progressed.connect(self._tell)
        self._task.failed.connect(self._refuse)
        self._task.done.connect(lambda outcome: self._commit(step, request, outcome))

    def _commit(self, step: Step, request: Request, outcome: Outcome) -> None:
        seconds = time.perf_counter() - self._began
        self._is_committing = True
        self._store.call(
            lambda: commit(self._store.opened, step, request, outcome, seconds),
            lambda record: self._finish(step.id),
            self._refuse,
        )

    def _finish(self, step_id: str) -> None:
        self._end()
        self.finished.emit(step_id)

    def _refuse(self, refusal: Refusal) -> None:
        step_id = self._step_id
        if step_id is not None:
            self._end()
            self.failed.emit(step_id, refusal)

    def _tell(self, fraction: float, text: str) -> None:
        elapsed = time.perf_counter() - self._began
        left = elapsed / fraction - elapsed if fraction > 0.03 else None
        self.progressed.emit(self._step_id, fraction, text, left)

    def _end(self) -> None:
        step_id, self._step_id = self._step_id, None
        self._is_committing = False
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
        if self._staging is not None:
            self._drop(self._staging)
            self._staging = None
        self.ended.emit(step_id)

    def _drop(self, staging: Staging) -> None:
        self._store.call(lambda: staging.__exit__(None, None, None))


def compute_step(module_name: str, request: Request, out: Path, progress: Progress) -> Outcome:
    """What the child process does for a step."""
    with plain_disk_errors("The result"):
        outcome: Outcome = importlib.import_module(module_name).compute(request, out, progress)
        return outcome
