"""Waits, clicks and keys for tests of the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.desktop.shell import MainWindow

WAIT_S = 30.0


class Driver:
    """Plays the user."""

    def __init__(self, application: QApplication) -> None:
        self.application = application
        self._widgets: list[QWidget] = []

    def show(self, widget: QWidget, width: int = 500, height: int = 400) -> None:
        """Show a widget until the end of the test."""
        self._widgets.append(widget)
        widget.resize(width, height)
        widget.show()
        self.settle()

    def open_window(self, case_folder: Path | None = None) -> MainWindow:
        """The program's window, on a case if one is given."""
        window = MainWindow()
        self._widgets.append(window)
        window.resize(1400, 900)
        window.show()
        window.activateWindow()
        self.until(window.isActiveWindow, "the window has the keyboard")
        if case_folder is not None:
            window.open_case(case_folder)
        self.settle()
        return window

    def open_with_scan(self, case_folder: Path) -> MainWindow:
        """The window on a case whose scan is on the screen."""
        window = self.open_window(case_folder)
        self.until(lambda: window.workspace.quad.volume is not None, "the scan is shown")
        return window

    def open_with_scene(self, case_folder: Path) -> MainWindow:
        """The window on a case, with the 3D view made and at rest."""
        window = self.open_with_scan(case_folder)
        self.until(lambda: window.workspace.scene is not None, "the 3D view is there")
        self.until(lambda: window.workspace.scene.view.is_settled, "the 3D view is at rest")
        return window

    def close_all(self) -> None:
        """Close what was shown, and let Qt delete it."""
        for widget in self._widgets:
            try:
                widget.close()
                widget.deleteLater()
            except RuntimeError:
                continue  # it deleted itself when it was closed
        self._widgets = []
        self.settle()
        self.application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.settle()

    def settle(self, seconds: float = 0.0) -> None:
        """Handle events for some time."""
        end = time.monotonic() + seconds
        while True:
            self.application.processEvents()
            if time.monotonic() >= end:
                return
            time.sleep(0.002)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
        """Handle events until something holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds:.0f} s in vain until {what}")
            self.application.processEvents()
            time.sleep(0.002)

    def longest_pause(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_S) -> float:
        """The longest time that one round of the event loop took until something held."""
        end, longest = time.monotonic() + seconds, 0.0
        while not condition():
            assert time.monotonic() < end, f"waited in vain until {what}"
            began = time.perf_counter()
            self.application.processEvents()
            longest = max(longest, time.perf_counter() - began)
            time.sleep(0.001)
        return longest

    def key(self, widget: QWidget, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key."""
        QTest.keyClick(widget, key, held)
        self.settle()

    def click(self, widget: QWidget, at: QPointF, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Click at a place."""
        QTest.mouseClick(widget, button, Qt.KeyboardModifier.NoModifier, at.toPoint())
        self.settle()

    def double_click(self, widget: QWidget) -> None:
        """Double click in the middle."""
        QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, widget.rect().center())
        self.settle()

    def drag(self, widget: QWidget, start: QPointF, end: QPointF, button: Qt.MouseButton) -> None:
        """Drag with a button held."""
        kinds, none = QEvent.Type, Qt.MouseButton.NoButton
        held = Qt.KeyboardModifier.NoModifier
        middle = (start + end) / 2.0
        for kind, at, pressed, down in (
            (kinds.MouseButtonPress, start, button, button),
            (kinds.MouseMove, middle, none, button),
            (kinds.MouseMove, end, none, button),
            (kinds.MouseButtonRelease, end, button, none),
        ):
            event = QMouseEvent(kind, at, QPointF(widget.mapToGlobal(at.toPoint())), pressed, down, held)
            self.application.sendEvent(widget, event)
        self.settle()

    def hover(self, widget: QWidget, at: QPointF) -> None:
        """Move the mouse to a place without a button."""
        none, held = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(QEvent.Type.MouseMove, at, QPointF(widget.mapToGlobal(at.toPoint())), none, none, held)
        self.application.sendEvent(widget, event)
        self.settle()

    def wheel(self, widget: QWidget, notches: int, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Turn the wheel away from the user."""
        at = QPointF(widget.rect().center())
        event = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            held,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        self.application.sendEvent(widget, event)
        self.settle()

    def color_at(self, widget: QWidget, at: QPointF) -> QColor:
        """The color of a widget's pixel."""
        return widget.grab().toImage().pixelColor(at.toPoint())
