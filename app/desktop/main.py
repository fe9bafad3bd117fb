"""Starts the window."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from app.case.errors import CaseError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.desktop.shell import MainWindow

_X_FIRST_PORT = 6000
_X_TIMEOUT_S = 2.0
_SIGNAL_POLL_MS = 250


@contextmanager
def display_required() -> Iterator[None]:
    """Refuse in one sentence when no window can be shown, where Qt would end the program.

    The connection that finds this out is held meanwhile: a virtual display starts anew when its last client leaves, and
    refuses others for a moment.

    Raises
    ------
    CaseError
        ``no_display``.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "xcb").split(":")[0]
    if sys.platform != "linux" or platform not in ("xcb", "wayland") or os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    connection = _x_connection(os.environ.get("DISPLAY", ""))
    if connection is None:
        raise CaseError(
            "no_display",
            "No window can be shown, because there is no display: start the program on a desktop, or under a virtual "
            "display (Xvfb).",
        )
    with connection:
        yield


def make_application() -> QApplication:
    """The Qt application in its theme; there is one in a process.

    Raises
    ------
    CaseError
        ``no_display``.
    """
    from PySide6.QtWidgets import QApplication

    from app.desktop.theme import apply_theme

    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    with display_required():
        application = QApplication([sys.argv[0]])
    application.setApplicationName("AngioTwin")
    apply_theme(application)
    return application


def open_window(case_folder: Path | None) -> int:
    """Show the window, on a case or on the welcome page, until it is closed; returns the exit code.

    Raises
    ------
    CaseError
        ``no_display``.
    """
    application = make_application()
    window = make_window()
    window.show()
    if case_folder is not None:
        window.open_case(case_folder)
    return application.exec()


def make_window() -> MainWindow:
    """The window, not yet shown; unforeseen errors and signals to the process are its own."""
    from app.desktop.shell import MainWindow

    window = MainWindow()
    _catch_unexpected(window)
    _close_on_signals(window)
    return window


def _close_on_signals(window: MainWindow) -> None:
    """Ctrl+C in the shell, or a polite kill, closes the window as its user would."""
    from PySide6.QtCore import QTimer

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, frame: window.close())
    timer = QTimer(window)
    timer.timeout.connect(lambda: None)  # Python sees a signal only when it runs
    timer.start(_SIGNAL_POLL_MS)


def _catch_unexpected(window: MainWindow) -> None:
    """Errors that nobody foresaw go to a log file and the message bar, in whatever thread they happen."""

    def show(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        window.show_unexpected(error)

    sys.excepthook = show
    threading.excepthook = lambda details: window.unexpected_elsewhere.emit(details.exc_value)


def _x_connection(display: str) -> socket.socket | None:
    """A connection to an X server, or None when nothing answers."""
    host, colon, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not colon or not number.isdigit():
        return None
    places: list[tuple[int, str | tuple[str, int]]] = [(socket.AF_INET, (host, _X_FIRST_PORT + int(number)))]
    if host in ("", "unix"):
        places = [(socket.AF_UNIX, f"/tmp/.X11-unix/X{number}"), (socket.AF_UNIX, f"\0/tmp/.X11-unix/X{number}")]
    for family, address in places:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(_X_TIMEOUT_S)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
        else:
            return connection
    return None
