"""The 0D model of the open case in memory: made in a process of its own, asked off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.case.records import Case, digest_of
from app.desktop.session.background import Background
from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal
from app.workflow.targets import Target
from app.workflow.what_if import Answer, Change, WhatIf
from imaging.types import Progress


@dataclass(frozen=True, eq=False)
class Made:
    """The model with its means and over whole beats, and how its outlets are tuned."""

    steady: WhatIf
    pulse: WhatIf
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Question:
    """What is asked: a change, beside another one, in the mean or over whole beats."""

    change: Change
    beside: Change
    has_pulse: bool = False


def make_model(folder: Path, progress: Progress) -> Made:
    """What the child process does: read the vessels, make the model, and solve it once, which compiles what is not."""
    from app.case.bundle import OpenCase
    from app.workflow.flow_setup import reduced_case
    from app.workflow.targets import targets_of

    with OpenCase.open(folder, writable=False) as opened:
        progress(0.1, "Measuring the vessels")
        case = reduced_case(opened)
        progress(0.5, "Making the 0D model")
        steady = WhatIf(case)
        progress(0.7, "Solving a heart beat")
        pulse = WhatIf(case, has_pulse=True)
        progress(0.9, "Reading what the outlets are tuned to")
        return Made(steady, pulse, targets_of(opened, steady))


def _warm(made: Made) -> None:
    for has_pulse in (False, True):
        answered(made, Question(Change(), Change(), has_pulse))


def answered(made: Made, question: Question) -> Answer:
    """The answer to a question."""
    model = made.pulse if question.has_pulse else made.steady
    answer = model.answer(question.change)
    return answer if question.beside == Change() else model.beside(answer, question.beside)


class WhatIfModel(QObject):
    """Answers the newest question; older ones that wait are dropped.

    ``changed`` tells that there is another model, none any more, or that one is being made; ``progressed`` how far that
    is; ``answered`` carries question and `Answer`, ``refused`` a `Refusal`, ``failed`` why no model could be made.
    """

    changed = Signal()
    progressed = Signal(float, str)
    answered = Signal(object, object)
    refused = Signal(object)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._task: ChildTask | None = None
        self._thread = Background("what-if", self)
        self._is_asking = False
        self._waiting: Question | None = None
        self._rests_on = ""
        self._is_warming = False
        self.made: Made | None = None
        self.failure: Refusal | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a model is being made."""
        return self._task is not None or self._is_warming

    def want(self, run_status: str | None) -> None:
        """Have a model of the case as it is now."""
        rests_on = what_reduced_models_rest_on(self._store.case, run_status)
        if rests_on == self._rests_on:
            return
        self.cancel()
        self._rests_on, self.made, self.failure = rests_on, None, None
        if self._store.case.current("model") is not None:
            self._task = ChildTask(make_model, (self._store.opened.folder,), self)
            self._task.progressed.connect(self.progressed)
            self._task.done.connect(self._take)
            self._task.failed.connect(self._fail)
        self.changed.emit()

    def ask(self, question: Question) -> None:
        """Ask a question; its answer comes with ``answered``."""
        made = self.made
        if made is None:
            return
        if self._is_asking:
            self._waiting = question
            return
        self._is_asking = True
        self._ask(made, question)

    def cancel(self) -> None:
        """End the making of a model; it begins anew when it is wanted again."""
        if self.is_busy:
            if self._task is not None:
                self._task.cancel()
            self._drop()
            self._is_warming, self._rests_on = False, ""
            self.changed.emit()

    def close(self) -> None:
        """End all work."""
        self.cancel()
        self._thread.close(finish=False)

    def _ask(self, made: Made, question: Question) -> None:
        work: Callable[[], Any] = partial(answered, made, question)
        self._thread.submit(work, partial(self._tell, made, question), self._refuse)

    def _tell(self, made: Made, question: Question, answer: Answer) -> None:
        self._go_on()
        if made is self.made:
            self.answered.emit(question, answer)

    def _refuse(self, refusal: Refusal) -> None:
        self._go_on()
        self.refused.emit(refusal)

    def _go_on(self) -> None:
        waiting, self._waiting, self._is_asking = self._waiting, None, False
        if waiting is not None:
            self.ask(waiting)

    def _take(self, made: Made) -> None:
        """Have this process load what the child has compiled, before the first question counts."""
        self._drop()
        self._is_warming, rests_on = True, self._rests_on
        self._thread.submit(partial(_warm, made), lambda done: self._keep(made, rests_on), self._fail)

    def _keep(self, made: Made, rests_on: str) -> None:
        if rests_on == self._rests_on:
            self._is_warming = False
            self.made = made
            self.changed.emit()

    def _fail(self, refusal: Refusal) -> None:
        self._drop()
        self._is_warming = False
        self.failure = refusal
        self.changed.emit()

    def _drop(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None


def what_reduced_models_rest_on(case: Case, run_status: str | None) -> str:
    """Changes when anything changes from which a case's 0D and 1D models are made."""
    run = case.current("run")
    chosen = {step: case.parameters.get(step) for step in ("simulate", "reduced", "calibration", "stenosis_laws")}
    of_run = [run.id, case.stale_inputs(run), run_status == "finished"] if run is not None else []
    return digest_of([case.input_digest("model"), case.patient, chosen, of_run])
