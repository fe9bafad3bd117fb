"""An open case in a window: its store, its loaded data, its running step, its watched run, and how each step stands."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.desktop.session.case_data import CaseData
from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal, refusal_of
from app.desktop.session.run_check import RunCheck
from app.desktop.session.run_doctor import RunDoctor
from app.desktop.session.run_watch import RunWatch
from app.desktop.session.step_runner import StepRunner
from app.desktop.session.step_states import StepState, states_of
from app.desktop.session.surface_doctor import SurfaceDoctor
from app.workflow.doctor import apply_fix, steps_to_redo
from app.workflow.meshdoctor import repair_request
from app.workflow.simulate import cancel_run, run_folder, start_run
from imaging.meshing.parameters import LEVELS
from imaging.types import Progress
from solvers.doctor.fixes import Fix


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
        self.check = RunCheck(self.store, self)
        self.doctor = RunDoctor(self)
        self.surface_doctor = SurfaceDoctor(self.store, self)
        self._failures: dict[str, str] = {}
        self._stoppers: list[ChildTask] = []
        self._chain: list[tuple[str, dict[str, Any]]] = []
        self.states: Mapping[str, StepState] = {}
        self.store.refused.connect(self.refused)
        self.data.failed.connect(self.refused)
        self.run_watch.failed.connect(self.refused)
        self.check.refused.connect(self.refused)
        self.surface_doctor.refused.connect(self.refused)
        self.runner.failed.connect(self._remember_failure)
        self.runner.started.connect(self._forget_failure)
        self.runner.ended.connect(self._refresh_states)
        self.runner.finished.connect(lambda step_id: self._run_next())
        self.store.history_changed.connect(self._take_change)
        self.store.run_changed.connect(self.find_run)
        self.run_watch.status_changed.connect(self._refresh_states)
        self.run_watch.status_changed.connect(self._follow_ending)
        self.find_run()
        self._refresh_states()

    def find_run(self) -> None:
        """Watch the case's current run, which may have been started by another window."""
        folder = None
        if self.store.case.current("run") is not None:
            try:
                folder = run_folder(self.store.opened)
            except CaseError as error:
                self.refused.emit(refusal_of(error))
        self.run_watch.watch(folder)

    def start_run(self, *, go_on: bool = False) -> None:
        """Start the prepared run, or go on from its checkpoint; the solver is a process that outlives the window."""
        self.store.call(lambda: start_run(self.store.opened, go_on=go_on), lambda folder: self.find_run())

    def start_if_sound(self) -> None:
        """Check the prepared run, and start it when nothing speaks against it."""
        try:
            folder = run_folder(self.store.opened)
        except CaseError as error:
            self.refused.emit(refusal_of(error))
            return
        self.check.check_then(folder, self.start_run)

    def apply(self, fix: Fix) -> None:
        """Do what the Doctor proposes, and start the run or go on with it."""
        if fix.step is not None:
            try:
                self._chain = list(steps_to_redo(self.store.case, fix.step))
            except CaseError as error:
                self.refused.emit(refusal_of(error))
            self._run_next()
        elif fix.change is not None:
            self.store.call(lambda: apply_fix(self.store.opened, fix), lambda done: self._start_changed(fix))
        else:
            self.start_run(go_on=True)

    def repair_model(self, number: int) -> None:
        """Apply a repair of the Mesh Doctor: it becomes a new model, which Undo takes back."""
        record = self.store.case.current("model")
        if record is not None:
            self.runner.run("model", record.recipe.parameters, partial(repair_request, number=number))

    def mesh_family(self) -> None:
        """Mesh at every level of resolution, one after the other."""
        remembered = self.store.case.parameters.get("mesh", {})
        self._chain = [("mesh", {**remembered, "level": level}) for level in LEVELS]
        self._run_next()

    def _start_changed(self, fix: Fix) -> None:
        if fix.goes_on:
            self.start_run(go_on=True)
        else:
            self.start_if_sound()

    def _run_next(self) -> None:
        """The next of the steps that a fix wants done again; when the last one is done, the window starts the run."""
        if self._chain and self.runner.step_id is None:
            self.runner.run(*self._chain.pop(0))

    def _follow_ending(self) -> None:
        """A run that has failed is examined, once."""
        watch = self.run_watch
        if watch.status in ("failed", "killed") and watch.folder is not None:
            self.doctor.examine(watch.folder)
        else:
            self.doctor.forget()

    def cancel_run(self) -> None:
        """Stop the solver. That may take a while, so a process of its own sees to it."""
        if self.run_watch.folder is not None:
            task = ChildTask(stop_run, (self.run_watch.folder,), self)
            task.failed.connect(self.refused)
            self._stoppers.append(task)

    def close(self) -> None:
        """End the running step, stop all threads and timers, and give the case back."""
        self.runner.cancel()
        self.check.cancel()
        self.doctor.cancel()
        self.surface_doctor.cancel()
        for task in self._stoppers:
            if task.is_running:
                task.cancel()
        self.run_watch.close()
        self.data.close()
        self.store.close()

    def _remember_failure(self, step_id: str, refusal: Refusal) -> None:
        self._failures[step_id] = refusal.message
        self._chain = []
        self._refresh_states()
        self.refused.emit(refusal)

    def _forget_failure(self, step_id: str) -> None:
        self._failures.pop(step_id, None)
        self._refresh_states()

    def _take_change(self) -> None:
        """What failed may work now that the case is another one."""
        self._failures.clear()
        self._refresh_states()

    def _refresh_states(self, *_: Any) -> None:
        case = self.store.case
        states = states_of(case, running=self.runner.step_id, failures=self._failures, run_status=self.run_watch.status)
        if states != self.states:
            self.states = states
            self.states_changed.emit()


def stop_run(folder: Path, progress: Progress) -> None:
    """What the child process does to stop a run: ask, wait, insist."""
    cancel_run(folder)
