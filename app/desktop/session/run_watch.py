"""Watches the folder of the case's current run, whoever started it: this window, an earlier one, or a shell."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.desktop.session.background import Background
from app.desktop.session.refusal import Refusal
from app.desktop.session.run_curves import RunCurves, RunNews, read_news
from solvers.contract.state import read_state

_POLL_MS = 300


class RunWatch(QObject):
    """``changed`` tells that there is news; ``status`` and ``curves`` hold what is known.

    ``finished`` and ``failed`` (a `Refusal`) tell how a run ended that was seen running.

    The run is a process of its own: watching starts and stops, the run goes on.
    """

    changed = Signal()
    status_changed = Signal()
    finished = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self.curves = RunCurves()
        self.status: str | None = None
        self.message: str | None = None
        self.code: str | None = None
        self.can_continue = False
        self._offset = 0
        self._generation = 0
        self._is_reading = False
        self._reader = Background("run-reader", self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)

    def watch(self, folder: Path | None) -> None:
        """Watch this folder from its beginning, or nothing."""
        self.folder = folder
        self.curves = RunCurves()
        self.status = self.message = self.code = None
        self.can_continue = False
        self._offset = 0
        self._generation += 1
        self._is_reading = False
        if folder is None:
            self._timer.stop()
            self.status_changed.emit()
            self.changed.emit()
        else:
            state = read_state(folder)
            self.status = state.status if state is not None else "created"
            self.status_changed.emit()
            self._timer.start(_POLL_MS)
            self._poll()

    @property
    def failure_place_mm(self) -> tuple[float, float, float] | None:
        """Where the run failed (mm, LPS), if it says so."""
        place = [1000.0 * meters for meters in (self.curves.ending or {}).get("place") or ()]
        return (place[0], place[1], place[2]) if len(place) == 3 else None

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._reader.close(finish=False)

    def _poll(self) -> None:
        if self._is_reading or self.folder is None:
            return
        self._is_reading = True
        take = partial(self._take, self._generation)
        self._reader.submit(partial(read_news, self.folder, self._offset), take, self.failed.emit)

    def _take(self, generation: int, news: RunNews) -> None:
        if generation != self._generation:
            return
        self._is_reading = False
        if news.period_s is not None:
            self.curves.period_s, self.curves.cap_names = news.period_s, news.cap_names
            self.curves.periodicity_limit, self.curves.is_steady = news.periodicity_limit, news.is_steady
        self.curves.feed(news.events)
        self._offset = news.offset
        self.can_continue = news.can_continue
        before, self.status = self.status, "created"
        if news.state is not None:
            self.status, self.message, self.code = news.state.status, news.state.message, news.state.code
        elif self.curves.ending is not None:
            self.status = str(self.curves.ending["type"])
        elif self.curves.n_ranks is not None:
            self.status = "running"
        if self.curves.ending is not None and not self.message:
            self.message = self.curves.ending.get("text")
        if self.status != before:
            self.status_changed.emit()
        if news.events or self.status != before:
            self.changed.emit()
        if before in ("queued", "running") and self.status == "finished":
            self.finished.emit()
        elif before in ("queued", "running") and self.status in ("failed", "killed"):
            ending = self.curves.ending or {}
            code = str(ending.get("code", self.status))
            self.failed.emit(Refusal(code, self.message or "The run failed.", self.failure_place_mm))
