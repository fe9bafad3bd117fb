"""The modes of the open case: made when they are entered first, shown below and beside the 3D view."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget

from app.desktop.libraries import import_modes
from app.desktop.session.background import Background
from app.desktop.session.session import Session


class ModeStack(QObject):
    """``shown`` carries the mode that is there to be shown, ``refused`` each `Refusal` for the user.

    ``labels_shown`` carries what an answer shows in the slices, or None; ``place_asked`` a landmark to be placed.
    """

    shown = Signal(str)
    refused = Signal(object)
    labels_shown = Signal(object)
    place_asked = Signal(str)

    def __init__(
        self,
        panels: QStackedWidget,
        below: QStackedWidget,
        center: QStackedWidget,
        libraries: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.made: dict[str, Any] = {}
        self.wanted = ""
        self._panels = panels
        self._below = below
        self._center = center
        self._libraries = libraries

    def want(self, session: Session, mode_id: str) -> None:
        """Show a mode, once it is made."""
        self.wanted = mode_id
        if mode_id in self.made:
            self._show(mode_id)
        else:
            self._libraries.submit(import_modes, partial(self._make, session, mode_id), self.refused.emit)

    def leave(self) -> None:
        """Something else is shown."""
        if self.wanted in self.made:
            self.made[self.wanted].leave()
        self.wanted = ""
        self._below.hide()

    def set_scene(self, scene: Any) -> None:
        """The 3D view, once it is there."""
        for mode in self.made.values():
            mode.set_scene(scene)

    def close_all(self) -> None:
        """End the modes of a case that is closed."""
        self.wanted = ""
        for mode in self.made.values():
            mode.close()
            for stack, widget in (
                (self._panels, mode.panel),
                (self._below, mode.below),
                (self._center, mode.center),
            ):
                if widget is not None:
                    stack.removeWidget(widget)
                    widget.deleteLater()
            mode.deleteLater()
        self.made = {}
        self._below.hide()

    def _make(self, session: Session, mode_id: str, done: Any) -> None:
        if mode_id in self.made or self.wanted != mode_id:
            return
        mode = self.made[mode_id] = _new_mode(mode_id, session, self)
        mode.refused.connect(self.refused)
        if mode_id == "assess":
            mode.labels_shown.connect(self.labels_shown)
            mode.place_asked.connect(self.place_asked)
        self._panels.addWidget(mode.panel)
        self._below.addWidget(mode.below)
        if mode.center is not None:
            self._center.addWidget(mode.center)
        QTimer.singleShot(0, mode, partial(self._show, mode_id))  # the window answers in between

    def _show(self, mode_id: str) -> None:
        if mode_id == self.wanted and mode_id in self.made:
            mode = self.made[mode_id]
            self._below.show()
            self._panels.setCurrentWidget(mode.panel)
            self._below.setCurrentWidget(mode.below)
            self.shown.emit(mode_id)


def _new_mode(mode_id: str, session: Session, parent: QObject) -> Any:
    from app.desktop.assess.mode import AssessMode
    from app.desktop.compare.mode import CompareMode
    from app.desktop.cross_check.mode import CrossCheckMode
    from app.desktop.ensemble.mode import EnsembleMode
    from app.desktop.tune.mode import TuneMode
    from app.desktop.what_if.mode import WhatIfMode

    made: dict[str, type[Any]] = {
        "what_if": WhatIfMode,
        "cross_check": CrossCheckMode,
        "tune": TuneMode,
        "ensemble": EnsembleMode,
        "assess": AssessMode,
        "compare": CompareMode,
    }
    return made[mode_id](session, parent)
