"""The open case as the window sees it: commands go in, one precise signal for each kind of change comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from PySide6.QtCore import QObject, Qt, Signal

from app.case.bundle import OpenCase
from app.case.commands import Command
from app.case.history import History
from app.case.records import Case, Kind
from app.desktop.session.background import Answer, Background, Refused

_KINDS: tuple[Kind, ...] = get_args(Kind)


class CaseStore(QObject):
    """Holds an `OpenCase`.

    Every change is written to disk by one thread of its own, in order, so that a slow disk never holds up the window.
    Signals arrive in the window's thread after the change is on disk.
    """

    image_changed = Signal()
    surface_changed = Signal()
    segmentation_changed = Signal()
    model_changed = Signal()
    mesh_changed = Signal()
    run_changed = Signal()
    result_changed = Signal()
    report_changed = Signal()
    assessment_changed = Signal()
    points_changed = Signal()
    measurements_changed = Signal()
    landmarks_changed = Signal()
    patient_changed = Signal()
    parameters_changed = Signal()
    title_changed = Signal()
    history_changed = Signal()
    refused = Signal(object)
    _moved = Signal(object, object)

    def __init__(self, opened: OpenCase, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.opened = opened
        self._writer = Background("case-writer", self)
        self._stop_observing = opened.observe(self._moved.emit)
        self._moved.connect(self._announce, Qt.ConnectionType.QueuedConnection)

    @property
    def case(self) -> Case:
        """The present state."""
        return self.opened.case

    @property
    def history(self) -> History:
        """What undo and redo move between."""
        return self.opened.history

    @property
    def is_writable(self) -> bool:
        """Whether this window may change the case."""
        return self.opened.is_writable

    def changed(self, kind: Kind) -> Any:
        """The signal that says that the current record of a kind is another one."""
        return getattr(self, f"{kind}_changed")

    def do(self, command: Command) -> None:
        """Apply a command; ``refused`` carries the error if it cannot be."""
        self.call(lambda: self.opened.do(command))

    def undo(self) -> None:
        """Take the last command back, if there is one."""
        if self.history.undo_label is not None:
            self.call(self.opened.undo)

    def redo(self) -> None:
        """Do again what was undone last, if there is something."""
        if self.history.redo_label is not None:
            self.call(self.opened.redo)

    def call(self, work: Callable[[], Any], then: Answer | None = None, otherwise: Refused | None = None) -> None:
        """Do work that touches the case in the writing thread.

        ``then`` gets its result, ``otherwise`` (or else the signal ``refused``) what went wrong, in the window's
        thread.
        """
        self._writer.submit(work, then or (lambda result: None), otherwise or self.refused.emit)

    def close(self) -> None:
        """Wait for what is being written, and give the case back."""
        self._writer.close(finish=True)
        self._stop_observing()
        self.opened.close()

    def _announce(self, before: Case, after: Case) -> None:
        for kind in _KINDS:
            old, new = before.current(kind), after.current(kind)
            if (old and old.id) != (new and new.id):
                self.changed(kind).emit()
        if before.points != after.points:
            self.points_changed.emit()
        if before.measurements != after.measurements:
            self.measurements_changed.emit()
        if before.landmarks != after.landmarks:
            self.landmarks_changed.emit()
        if (before.patient, before.person) != (after.patient, after.person):
            self.patient_changed.emit()
        if before.parameters != after.parameters:
            self.parameters_changed.emit()
        if before.title != after.title:
            self.title_changed.emit()
        self.history_changed.emit()
