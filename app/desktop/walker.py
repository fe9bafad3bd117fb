"""A user with a mouse and no keyboard in the real window: clicks, waits, looks, and notices when the window hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.errors import CaseError
from app.desktop.main import make_application, make_window

if TYPE_CHECKING:
    from PySide6.QtWidgets import QAbstractButton, QDialog, QWidget

    from app.desktop.shell import MainWindow

SIZE = (1600, 1000)
_WAIT_S = 1800.0
_SETTLE_S = 0.6
_PICTURE_WIDTH_PX = 1280
_COLORS = 256


class Walker:
    """Opens a window and plays its user.

    Attributes
    ----------
    pictures
        What it saw, in order.
    pauses_ms
        By stage of the walk: the longest time in which the window answered nothing, on the clock and in processor time
        of the window's own thread; without turns in which a dialog was open.
    """

    def __init__(self, out: Path) -> None:
        self.application = make_application()
        self.out = out
        self.pictures: list[Path] = []
        self.pauses_ms: dict[str, tuple[float, float]] = {}
        self.stage = "start"
        self._had_dialog = False
        self.window: MainWindow = make_window()
        self.window.resize(*SIZE)
        self.window.show()
        self.settle()

    def close(self) -> None:
        """Close the window."""
        self.window.close()
        self.application.processEvents()

    def turn(self) -> None:
        """Let the window do what is due, and note how long that took."""
        self._had_dialog = False
        began, own = time.perf_counter(), time.thread_time()
        self.application.processEvents()
        if not self._had_dialog:
            took = 1000.0 * (time.perf_counter() - began), 1000.0 * (time.thread_time() - own)
            longest = self.pauses_ms.get(self.stage, (0.0, 0.0))
            self.pauses_ms[self.stage] = max(longest[0], took[0]), max(longest[1], took[1])
        time.sleep(0.003)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until something holds.

        Raises
        ------
        CaseError
            ``walk_stopped`` with what the window says, when it refuses or nothing happens.
        """
        end = time.monotonic() + _WAIT_S
        while not condition():
            refusal = self.window.messages.refusal
            if refusal is not None or time.monotonic() > end:
                said = refusal.message if refusal is not None else "Nothing happened for half an hour."
                raise CaseError("walk_stopped", f"The walk stopped before {what}. {said}")
            self.turn()

    def settle(self) -> None:
        """Let timers, paints and the 3D view come to rest."""
        end = time.monotonic() + _SETTLE_S
        while time.monotonic() < end:
            self.turn()
        scene = self.window.workspace.scene
        if scene is not None and scene.view.isVisible():
            self.until(lambda: scene.view.is_settled, "the 3D view is at rest")

    def photograph(self, name: str, widget: QWidget | None = None) -> None:
        """Save what a widget, or the whole window, shows, as a small PNG."""
        from PIL.Image import Dither, Quantize, frombytes
        from PySide6.QtCore import Qt
        from PySide6.QtGui import QImage

        shown = (widget or self.window).grab().toImage()
        if shown.width() > _PICTURE_WIDTH_PX:
            shown = shown.scaledToWidth(_PICTURE_WIDTH_PX, Qt.TransformationMode.SmoothTransformation)
        plain = shown.convertToFormat(QImage.Format.Format_RGBX8888)
        size = plain.width(), plain.height()
        image = frombytes("RGB", size, bytes(plain.constBits()), "raw", "RGBX", plain.bytesPerLine(), 1)
        path = self.out / f"{len(self.pictures) + 1}-{name}.png"
        try:
            image.quantize(_COLORS, Quantize.MAXCOVERAGE, kmeans=2, dither=Dither.NONE).save(path, optimize=True)
        except OSError as error:
            raise CaseError("disk_full", f"The picture {path.name} could not be written: free some space.") from error
        self.pictures.append(path)

    def answer(self, kind: type[QDialog], act: Callable[[Any], None]) -> None:
        """When a dialog of that kind comes up, do something with it."""
        from PySide6.QtCore import QTimer

        timer = QTimer(self.window)

        def look() -> None:
            dialog = self.application.activeModalWidget()
            if isinstance(dialog, kind):
                timer.stop()
                self._had_dialog = True
                act(dialog)

        timer.timeout.connect(look)
        timer.start(100)

    def press(self, button: QAbstractButton) -> None:
        """Click a button.

        Raises
        ------
        CaseError
            ``walk_stopped`` when it is off or hidden, with what the window says about that.
        """
        if not button.isEnabled() or not button.isVisible():
            why = button.toolTip() or "The window does not say why."
            raise CaseError("walk_stopped", f"The walk stopped: the button {button.text()!r} cannot be pressed. {why}")
        button.click()
        self.turn()

    def click_at(self, position_mm: Any) -> None:
        """Go to a slice, as the wheel does, and click at a place in it.

        Raises
        ------
        CaseError
            ``walk_stopped`` when the place is not in the picture.
        """
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        quad = self.window.workspace.quad
        view = quad.slices["axial"]
        quad.choose_position((*quad.position_mm[:2], float(position_mm[2])))
        self.turn()
        at = view.to_screen(np.asarray(position_mm, dtype=float)).toPoint()
        if not view.rect().contains(at):
            raise CaseError("walk_stopped", f"The walk stopped: {position_mm} lies outside of the axial picture.")
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        self.turn()
