"""Long work in a process of its own, so that it never holds up the window and Cancel always works."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from app.desktop.session.refusal import Refusal, refusal_of

_POLL_MS = 40
_SHORTEST_REPORT_S = 0.05


class ChildTask(QObject):
    """Runs ``work(*arguments, progress=...)`` in a new process.

    ``work`` is a function of a module; its arguments and its result can be pickled. Either ``done`` or ``failed`` (a
    `Refusal`) is emitted, unless the task is cancelled: then nothing more is heard of it.
    """

    progressed = Signal(float, str)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        context = multiprocessing.get_context("spawn")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(sender, work, arguments), daemon=True)
        self._process.start()
        sender.close()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(_POLL_MS)

    @property
    def is_running(self) -> bool:
        """Whether an answer is still to come."""
        return self._timer.isActive()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid or 0

    def cancel(self) -> None:
        """End the process with all that it started, and wait until it is gone."""
        self._timer.stop()
        self._end_processes()

    def _poll(self) -> None:
        message: tuple[str, Any] | None = None
        try:
            while self._receiver.poll():
                message = self._receiver.recv()
                if message[0] != "progress":
                    break
        except (EOFError, OSError):
            message = ("gone", None)
        if message is None:
            return
        kind, value = message
        if kind == "progress":
            self.progressed.emit(*value)
            return
        self._timer.stop()
        if kind == "gone":
            self._process.join(2.0)
            value = Refusal("step_killed", _killed_sentence(self._process.exitcode))
        self._end_processes()
        (self.done if kind == "done" else self.failed).emit(value)

    def _end_processes(self) -> None:
        try:
            leader = psutil.Process(self._process.pid)
            family = [*leader.children(recursive=True), leader]
        except psutil.NoSuchProcess:
            family = []
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.join()
        self._receiver.close()


def _killed_sentence(exit_code: int | None) -> str:
    ending = f"by signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"with code {exit_code}"
    return (
        f"The step's process was ended from outside ({ending}), perhaps because memory ran out: the case is as it was "
        "before. Close other programs and run the step again."
    )


def _run(sender: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """What the child does: work, report, and leave when nobody listens any more."""
    last = 0.0

    def progress(fraction: float, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SHORTEST_REPORT_S or fraction >= 1.0:
            last = now
            _say(sender, ("progress", (float(fraction), str(text))))

    try:
        answer: tuple[str, Any] = ("done", work(*arguments, progress=progress))
    except BaseException as error:
        answer = ("failed", refusal_of(error))
    _say(sender, answer)


def _say(sender: Connection, message: tuple[str, Any]) -> None:
    try:
        sender.send(message)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)
