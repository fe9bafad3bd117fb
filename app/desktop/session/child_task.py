"""Long work in a process of its own, so that it never holds up the window and Cancel always works."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from app.desktop.session import child_process
from app.desktop.session.refusal import Refusal

_POLL_MS = 40


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
        self._receiver, sender = Pipe(duplex=False)
        descriptor = sender.fileno()
        with tempfile.TemporaryFile() as task:
            pickle.dump((work, arguments), task)
            task.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-m", child_process.__name__, str(descriptor)],
                stdin=task,
                stdout=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
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
        return self._process.pid

    def cancel(self) -> None:
        """End the process with all that it started, and wait until it is gone."""
        self._timer.stop()
        self._kill()
        self._process.wait()

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
            value = Refusal("step_killed", _killed_sentence(self._process.wait()))
        self._kill()
        threading.Thread(target=self._process.wait, daemon=True).start()  # a large process takes its time to go
        (self.done if kind == "done" else self.failed).emit(value)

    def _kill(self) -> None:
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
        self._receiver.close()


def _killed_sentence(exit_code: int) -> str:
    ending = f"by signal {-exit_code}" if exit_code < 0 else f"with code {exit_code}"
    return (
        f"The step's process was ended from outside ({ending}), perhaps because memory ran out: the case is as it was "
        "before. Close other programs and run the step again."
    )
