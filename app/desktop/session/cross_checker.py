"""The cross-check of the open case: read from its results, or made in a process of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.desktop.session.case_data import CaseData
from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.cross_check_result import CrossCheck, read_cross_check
from imaging.types import Progress


def make_check(folder: Path, progress: Progress) -> CrossCheck:
    """What the child process does."""
    from app.case.bundle import OpenCase
    from app.workflow.cross_check import cross_check

    with OpenCase.open(folder, writable=False) as opened:
        return cross_check(opened, progress=progress)


class CrossChecker(QObject):
    """``changed`` tells that there is another cross-check, none any more, or that one is being made; ``progressed`` how
    far that is.

    ``found`` is of the present run, or None.
    """

    changed = Signal()
    progressed = Signal(float, str)

    def __init__(self, store: CaseStore, data: CaseData, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._data = store, data
        self._task: ChildTask | None = None
        self._is_of = ""
        self.found: CrossCheck | None = None
        self.failure: Refusal | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a cross-check is being made."""
        return self._task is not None

    def look(self) -> None:
        """Have what the case's results hold, unless there is one of the present run already."""
        case = self._store.case
        run, result = case.current("run"), case.current("result")
        is_of = "" if run is None else f"{run.id} {case.stale_inputs(run)}"
        if is_of == self._is_of:
            return
        self.cancel()
        self._is_of, self.found, self.failure = is_of, None, None
        if result is not None and "cross_check" in result.files and not case.stale_inputs(result):
            path = self._store.opened.path_of(result.files["cross_check"])
            self._data.compute("cross_check", partial(read_cross_check, path), partial(self._keep, is_of), self._fail)
        self.changed.emit()

    def start(self) -> None:
        """Make a new one."""
        if self._task is None:
            self.failure = None
            self._task = ChildTask(make_check, (self._store.opened.folder,), self)
            self._task.progressed.connect(self.progressed)
            self._task.done.connect(partial(self._keep, self._is_of))
            self._task.failed.connect(self._fail)
            self.changed.emit()

    def cancel(self) -> None:
        """End what is being made."""
        if self._task is not None:
            self._task.cancel()
            self._drop()
            self.changed.emit()

    def _keep(self, is_of: str, found: CrossCheck) -> None:
        self._drop()
        if is_of == self._is_of:
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
