"""What a child of the window does: the work that it finds on its standard input.

``python -m app.desktop.session.child_process DESCRIPTOR`` reads a pickled function of a module with its arguments,
calls it with ``progress=...``, and sends ``(kind, value)`` messages through the pipe of that descriptor: any number of
``progress``, then one ``done`` or ``failed``.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from app.desktop.session.refusal import refusal_of

_SHORTEST_REPORT_S = 0.05


def serve(sender: Connection) -> None:
    """Do the work, report, and leave when nobody listens any more."""
    last = 0.0

    def progress(fraction: float, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SHORTEST_REPORT_S or fraction >= 1.0:
            last = now
            _say(sender, ("progress", (float(fraction), str(text))))

    try:
        work, arguments = pickle.load(sys.stdin.buffer)
        answer: tuple[str, Any] = ("done", work(*arguments, progress=progress))
    except BaseException as error:
        answer = ("failed", refusal_of(error))
    _say(sender, answer)


def _say(sender: Connection, message: tuple[str, Any]) -> None:
    try:
        sender.send(message)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1]), readable=False))
