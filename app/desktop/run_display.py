"""The curves of a run in the middle of the window, and what the step Simulate says about it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.session.session import Session
from app.desktop.session.words import progress_sentence


class RunDisplay(QObject):
    """The monitor is made when there is a run to be shown and the plots' libraries are loaded."""

    def __init__(self, center: QStackedWidget, views: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.monitor: Any = None
        self.panel: SimulatePanel | None = None
        self.is_wanted = False
        self.has_libraries = False
        self._is_making = False
        self._center = center
        self._views = views
        self._session: Session | None = None

    def set_session(self, session: Session | None) -> None:
        """Follow the run of a case, or of none."""
        self._session = session
        self.panel = None
        if self.monitor is not None:
            self.monitor.set_watch(session.run_watch if session is not None else None)

    def make_monitor(self) -> None:
        """Make the curves, once: one plot after the other, so that the window answers in between."""
        if self.monitor is None and not self._is_making:
            self._is_making = True
            QTimer.singleShot(0, self, lambda: self._make_next([]))

    def _make_next(self, plots: list[Any]) -> None:
        from app.desktop.monitor.run_monitor import PLOTS, RunMonitor

        if len(plots) < len(PLOTS):
            plots.append(PLOTS[len(plots)]())
            QTimer.singleShot(0, self, lambda: self._make_next(plots))
            return
        self._is_making = False
        self.monitor = RunMonitor(plots)
        self._center.addWidget(self.monitor)
        self.monitor.set_watch(self._session.run_watch if self._session is not None else None)
        self._show()

    @property
    def has_curves(self) -> bool:
        """Whether the run has written something to be drawn."""
        return self._session is not None and bool(self._session.run_watch.curves.time_s)

    def refresh(self) -> None:
        """Show how the run stands; its curves come to the front in the step Simulate."""
        if self._session is None:
            return
        if self.is_wanted and self.has_curves:
            QTimer.singleShot(0, self, self._show)
        if self.panel is not None:
            watch = self._session.run_watch
            self.panel.set_run(watch, progress_sentence(watch), self._session.doctor.told)
            self.refresh_check()

    def refresh_check(self) -> None:
        """Show what the check of the conditions found."""
        if self._session is not None and self.panel is not None:
            self.panel.set_check(self._session.check, tuple(self._session.run_watch.curves.findings))

    def toggle(self) -> None:
        """Go from the curves to the views, or back."""
        if self.monitor is not None and self._center.currentWidget() is self._views and self.is_wanted:
            self._center.setCurrentWidget(self.monitor)
            self.monitor.refresh()
        else:
            self._center.setCurrentWidget(self._views)

    def _show(self) -> None:
        if not (self.is_wanted and self.has_libraries and self.has_curves):
            return
        if self.monitor is None:
            self.make_monitor()
        elif self._center.currentWidget() is not self.monitor:
            self._center.setCurrentWidget(self.monitor)
            self.monitor.refresh()
