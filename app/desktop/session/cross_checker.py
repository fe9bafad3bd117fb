"""The cross-check of the open case: read from its results, or made in a process of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from app.desktop.session.case_data import CaseData
from app.desktop.session.case_store import CaseStore
from app.desktop.session.model_task import ModelTask
from app.workflow.cross_check_result import CrossCheck, read_cross_check
from imaging.types import Progress


def make_check(folder: Path, progress: Progress) -> CrossCheck:
    """What the child process does."""
    from app.case.bundle import OpenCase
    from app.workflow.cross_check import cross_check

    with OpenCase.open(folder, writable=False) as opened:
        return cross_check(opened, progress=progress)


class CrossChecker(ModelTask):
    """``found`` is that of the present run, or None."""

    found: CrossCheck | None

    def __init__(self, store: CaseStore, data: CaseData, parent: QObject | None = None) -> None:
        super().__init__(store, parent)
        self._data = data
        self._is_of = ""

    def look(self) -> None:
        """Have what the case's results hold, unless there is one of the present run already."""
        case = self._store.case
        run, result = case.current("run"), case.current("result")
        is_of = "" if run is None else f"{run.id} {case.stale_inputs(run)}"
        if is_of == self._is_of:
            return
        self._is_of = is_of
        self.forget()
        if result is not None and "cross_check" in result.files and not case.stale_inputs(result):
            path = self._store.opened.path_of(result.files["cross_check"])
            self._data.compute(
                "cross_check", partial(read_cross_check, path), partial(self._keep_of, is_of), self._refuse
            )

    def start(self) -> None:
        """Make a new one."""
        self.begin(make_check)

    def _keep_of(self, is_of: str, found: CrossCheck) -> None:
        if is_of == self._is_of:
            self._keep(found)
