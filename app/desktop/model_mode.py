"""What the modes share that have the case's 0D and 1D models work something out: start, progress, Cancel, answer."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.desktop.mode_base import ModeBase
from app.desktop.panels.model_panel import ModelPanel
from app.desktop.session.model_task import ModelTask
from app.desktop.session.session import Session
from app.desktop.session.what_if_model import what_reduced_models_rest_on


class ModelMode(ModeBase):
    """A mode with a panel, a widget below the 3D view that shows what was found, and the task that finds it."""

    def __init__(self, session: Session, panel: ModelPanel, below: QWidget, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.panel: Any = panel
        self.below = below
        self.task = ModelTask(session.store, self)
        self._rests_on = ""
        panel.cancel_asked.connect(self.task.cancel)
        self.task.changed.connect(self._take)
        self.task.progressed.connect(lambda fraction, text: panel.set_progress(fraction, text))
        session.store.history_changed.connect(self._look)
        session.run_watch.status_changed.connect(self._look)

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self._look()
        self._take()

    def close(self) -> None:
        """End what is being made."""
        self.task.cancel()

    def show_found(self, found: Any) -> None:
        """Show what was found, in panel and table; None: nothing."""
        raise NotImplementedError

    def _look(self) -> None:
        """Forget what was found of another case than there is now."""
        rests_on = what_reduced_models_rest_on(self._session.store.case, self._session.run_watch.status)
        if self._is_shown and rests_on != self._rests_on:
            self._rests_on = rests_on
            self.task.forget()

    def _take(self) -> None:
        task, has_model = self.task, self._session.store.case.current("model") is not None
        self.panel.set_progress(0.0 if task.is_busy else None, "Starting")
        if not task.is_busy:
            told = task.failure.message if task.failure is not None else ""
            told = told if has_model else "There is no vessel tree yet: run Model first."
            self.panel.set_state(told, can_start=has_model)
        self.below.setVisible(task.found is not None)
        self.show_found(task.found)
        self._color()
