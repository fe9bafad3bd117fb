"""An open case in a window: its store, its loaded data, its running step, its watched run, and how each step stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.case.bundle import OpenCase
from app.desktop.session.case_data import CaseData
from app.desktop.session.case_store import CaseStore
from app.desktop.session.refusal import Refusal
from app.desktop.session.run_watch import RunWatch
from app.desktop.session.step_runner import StepRunner
from app.desktop.session.step_states import StepState, states_of


class Session(QObject):
    """Everything of the window that lives as long as the case is open in it.

    ``refused`` carries each `Refusal` that a user must see.
    """

    states_changed = Signal()
    refused = Signal(object)

    def __init__(self, opened: OpenCase, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = CaseStore(opened, self)
        self.data = CaseData(self.store, self)
        self.runner = StepRunner(self.store, self)
        self.run_watch = RunWatch(self)
        self._failures: dict[str, str] = {}
        self.states: Mapping[str, StepState] = {}
        self.store.refused.connect(self.refused)
        self.data.failed.connect(self.refused)
        self.run_watch.failed.connect(self.refused)
        self.runner.failed.connect(self._remember_failure)
        self.runner.started.connect(self._forget_failure)
        self.runner.ended.connect(self._refresh_states)
        self.store.history_changed.connect(self._refresh_states)
        self.store.run_changed.connect(self.find_run)
        self.run_watch.status_changed.connect(self._refresh_states)
        self.find_run()
        self._refresh_states()

    @property
    def run_folder(self) -> Path | None:
        """The folder of the case's current run, or None."""
        record = self.store.case.current("run")
        if record is None:
            return None
        from app.workflow.simulate import run_folder

        return run_folder(self.store.opened)

    def find_run(self) -> None:
        """Watch the case's current run, which may have been started by another window."""
        self.run_watch.watch(self.run_folder)

    def close(self) -> None:
        """End the running step, stop all threads and timers, and give the case back."""
        self.runner.cancel()
        self.run_watch.close()
        self.data.close()
        self.store.close()

    def _remember_failure(self, step_id: str, refusal: Refusal) -> None:
        self._failures[step_id] = refusal.message
        self._refresh_states()
        self.refused.emit(refusal)

    def _forget_failure(self, step_id: str) -> None:
        self._failures.pop(step_id, None)
        self._refresh_states()

    def _refresh_states(self, *_: Any) -> None:
        case = self.store.case
        states = states_of(case, running=self.runner.step_id, failures=self._failures, run_status=self.run_watch.status)
        if states != self.states:
            self.states = states
            self.states_changed.emit()
