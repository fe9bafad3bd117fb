"""What the modes share: a panel, a widget below the 3D view, and the vessels there that a click chooses."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.desktop.session.session import Session


class ModeBase(QObject):
    """A mode of an open case, with widgets ``panel`` and ``below``; ``refused`` carries each `Refusal` for the user."""

    refused = Signal(object)
    center: QWidget | None = None
    """What is shown in the place of the views; None: the 3D view alone."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.scene: Any = None
        self.vessel = ""
        self._is_shown = False

    def enter(self, scene: Any) -> None:
        """The mode is shown."""
        self._is_shown = True
        self.set_scene(scene)

    def leave(self) -> None:
        """Something else is shown; what is being made is finished."""
        self._is_shown = False

    def set_scene(self, scene: Any) -> None:
        """The 3D view, once it is there."""
        if scene is not None and self.scene is None:
            self.scene = scene
            scene.wall_changed.connect(self._color)
            scene.vessel_picked.connect(self._take_pick)

    def choose(self, vessel: str) -> None:
        """Choose a vessel."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is being worked out."""
        raise NotImplementedError

    def _color(self) -> None:
        """Color the vessels, if the mode is shown."""
        raise NotImplementedError

    def _take_pick(self, vessel: str) -> None:
        if self._is_shown:
            self.choose(vessel)
