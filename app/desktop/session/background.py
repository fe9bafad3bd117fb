"""Work off the window's thread, one piece after the other, with the answer back in the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.desktop.session.refusal import Refusal, refusal_of

Answer = Callable[[Any], None]
Refused = Callable[[Refusal], None]


class Background(QObject):
    """A thread that does one piece of work after the other. It touches neither Qt nor anything that is rendered."""

    _answered = Signal(object, object, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._is_open = True
        self._answered.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    def submit(self, work: Callable[[], Any], then: Answer, otherwise: Refused) -> None:
        """Do ``work``; its result goes to ``then``, or what went wrong to ``otherwise``."""
        if self._is_open:
            self._executor.submit(work).add_done_callback(partial(self._answered.emit, then, otherwise))

    def close(self, *, finish: bool) -> None:
        """Stop: ``finish`` does what is waiting, else it is dropped. Answers are not heard any more."""
        self._is_open = False
        self._executor.shutdown(wait=True, cancel_futures=not finish)

    def _answer(self, then: Answer, otherwise: Refused, future: Future[Any]) -> None:
        if not self._is_open or future.cancelled():
            return
        error = future.exception()
        if error is not None:
            otherwise(refusal_of(error))
        else:
            then(future.result())
