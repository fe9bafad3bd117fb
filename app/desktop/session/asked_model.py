"""A model of the open case in memory: made in a process of its own, asked off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.desktop.session.background import Background
from app.desktop.session.case_store import CaseStore
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal


class AskedModel(QObject):
    """Answers the newest question; older ones that wait are dropped.

    ``changed`` tells that there is another model, none any more, or that one is being made; ``progressed`` how far that
    is; ``answered`` carries question and answer, ``refused`` a `Refusal`.

    Parameters
    ----------
    make
        ``make(folder of the case, progress=...)``, a function of a module: makes the model, in a process of its own.
    answer
        ``answer(model, question)``, off the window's thread.
    warm
        ``warm(model)``: has this process load what the child has compiled, before the first question counts.
    """

    changed = Signal()
    progressed = Signal(float, str)
    answered = Signal(object, object)
    refused = Signal(object)

    def __init__(
        self,
        store: CaseStore,
        make: Callable[..., Any],
        answer: Callable[[Any, Any], Any],
        warm: Callable[[Any], Any],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store, self._make, self._answer, self._warm = store, make, answer, warm
        self._task: ChildTask | None = None
        self._thread = Background("asked-model", self)
        self._is_asking = False
        self._waiting: Any = None
        self._rests_on = ""
        self._is_warming = False
        self.made: Any = None
        self.failure: Refusal | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a model is being made."""
        return self._task is not None or self._is_warming

    def want(self, rests_on: str) -> None:
        """Have a model of the case as it is now; ``rests_on`` changes when another one would be made."""
        if rests_on == self._rests_on:
            return
        self.cancel()
        self._rests_on, self.made, self.failure = rests_on, None, None
        if self._store.case.current("model") is not None:
            self._task = ChildTask(self._make, (self._store.opened.folder,), self)
            self._task.progressed.connect(self.progressed)
            self._task.done.connect(self._take)
            self._task.failed.connect(self._fail)
        self.changed.emit()

    def ask(self, question: Any) -> None:
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

    def _ask(self, made: Any, question: Any) -> None:
        work: Callable[[], Any] = partial(self._answer, made, question)
        self._thread.submit(work, partial(self._tell, made, question), self._refuse)

    def _tell(self, made: Any, question: Any, answer: Any) -> None:
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

    def _take(self, made: Any) -> None:
        """Have this process load what the child has compiled, before the first question counts."""
        self._drop()
        self._is_warming, rests_on = True, self._rests_on
        self._thread.submit(partial(self._warm, made), lambda done: self._keep(made, rests_on), self._fail)

    def _keep(self, made: Any, rests_on: str) -> None:
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
