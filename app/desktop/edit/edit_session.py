"""The labels under edit in a window: changed in place at once, written to the case behind, undone by the case's undo.

Every edit is a step between two states that are named after the case's records. What the case announces is either an
edit of this window that has now reached the disk, or undo or redo: then the labels go to that record's state by their
sparse differences. A state that is not known any more is read from the disk, where every one is whole.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.case.records import Case, Record
from app.desktop.session.child_task import ChildTask
from app.desktop.session.refusal import Refusal, refusal_of
from app.desktop.session.session import Session
from app.workflow.edit import commit_labels, edits_of, report_of
from imaging.segmentation.editing.delta import Delta, Steps
from imaging.segmentation.editing.operation import BARRIER, Box, Labels, bounds_of, box_of
from imaging.segmentation.editing.registry import Applied, Edit, apply_edit, barrier_of, operation_of
from imaging.types import Grid, LabelMap, Progress, Volume, silent

_REST_MS = 700
_NONE = ""


class EditSession(QObject):
    """Edits the labels of an open case.

    ``edited`` carries the boxes whose labels changed; ``rested`` tells that nothing changed for a while (the 3D view is
    brought up to date then); ``done`` an `app.workflow.edit.EditReport`; ``busy_changed`` whether a long edit is being
    worked out.
    """

    edited = Signal(object)
    rested = Signal()
    done = Signal(object)
    refused = Signal(object)
    busy_changed = Signal(bool)
    progressed = Signal(float, str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._labels: LabelMap | None = None
        self._steps: Steps | None = None
        self._edits: dict[Any, tuple[Edit, ...]] = {}
        self._awaited: set[str] = set()
        self._task: ChildTask | None = None
        self._last: tuple[Edit, Applied, Any] | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self.rested)
        session.data.loaded.connect(self._take)
        session.data.held["segmentation"] = self._holds
        self._take("segmentation", session.data.labels)

    @property
    def labels(self) -> LabelMap | None:
        """The labels as they are now; None before there are any."""
        return self._labels

    @property
    def is_busy(self) -> bool:
        """Whether a long edit is being worked out."""
        return self._task is not None

    @property
    def is_saved(self) -> bool:
        """Whether every edit is on the disk."""
        return not self._awaited

    @property
    def last_leaks(self) -> tuple[Any, ...]:
        """The leaks of the last edit."""
        return self._last[1].leaks if self._last is not None else ()

    def begin(self) -> bool:
        """Make sure that there are labels to edit; returns whether there are."""
        volume = self._session.data.volume
        if self._labels is None and volume is not None and self._session.store.case.current("segmentation") is None:
            empty = LabelMap(np.zeros(volume.array.shape, np.uint8), volume.grid, {1: "vessel"})
            self._set(empty, _NONE)
            self._session.data.put("segmentation", empty)
        return self._can_edit()

    # Edits ------------------------------------------------------------------------------------------------------------

    def show_quick(self, edit: Edit) -> Delta | None:
        """Make an edit of the shown labels alone, for the time of a stroke; `take_back` undoes it."""
        assert self._labels is not None
        try:
            delta = apply_edit(self._labels.array, self._labels.grid, self._volume, edit, silent).delta
        except Exception as error:
            self.refused.emit(refusal_of(error))
            return None
        if delta is not None:
            delta.put(self._labels.array)
            self.edited.emit([delta.box])
        return delta

    def take_back(self, deltas: list[Delta]) -> None:
        """Undo what `show_quick` has made, without telling anybody: the whole stroke follows at once."""
        assert self._labels is not None
        for delta in reversed(deltas):
            delta.put(self._labels.array, back=True)

    def make(self, edit: Edit) -> None:
        """Make an edit: at once when it is quick, else in a process of its own."""
        if not self._can_edit() or self._labels is None or self.is_busy:
            return
        started = time.perf_counter()
        if operation_of(edit.operation).is_quick:
            try:
                points = self._session.store.case.points
                applied = apply_edit(self._labels.array, self._labels.grid, self._volume, edit, silent, points)
            except Exception as error:
                self.refused.emit(refusal_of(error))
                return
            self._finish(edit, applied, started)
            return
        image = self._session.store.case.current("image")
        path = self._session.store.opened.path_of(image.files["volume"]) if image is not None else None
        arguments = (_Packed.of(self._labels), path, edit, self._session.store.case.points)
        self._task = ChildTask(work_out, arguments, self)
        self._task.progressed.connect(self.progressed)
        self._task.failed.connect(self._fail)
        self._task.done.connect(lambda applied: self._end_task(edit, applied, started))
        self.busy_changed.emit(True)

    def cancel(self) -> None:
        """Stop the long edit; the labels stay as they were."""
        if self._task is not None:
            self._task.cancel()
            self._drop_task()

    def accept_barrier(self) -> None:
        """Take the growth that leaked back, put the barrier that was proposed, and grow again."""
        if self._last is None or not self.last_leaks or self._steps is None or self.is_busy:
            return
        edit, applied, before = self._last
        if applied.delta is not None and self._steps.knows(before):
            self._tell(self._steps.go_to(before))
        self.make(barrier_of(applied.leaks[0], edit.label))
        self.make(edit)

    def close(self) -> None:
        """Stop what is going on."""
        self.cancel()
        self._rest.stop()
        self._session.data.held.pop("segmentation", None)

    # Inside -----------------------------------------------------------------------------------------------------------

    @property
    def _volume(self) -> Volume | None:
        return self._session.data.volume

    def _can_edit(self) -> bool:
        labels, volume = self._labels, self._volume
        fits = labels is not None and volume is not None and labels.array.shape == volume.array.shape
        return fits and self._session.store.is_writable

    def _end_task(self, edit: Edit, applied: Applied, started: float) -> None:
        self._drop_task()
        self._finish(edit, applied, started)

    def _fail(self, refusal: Refusal) -> None:
        self._drop_task()
        self.refused.emit(refusal)

    def _drop_task(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
            self.busy_changed.emit(False)

    def _finish(self, edit: Edit, applied: Applied, started: float) -> None:
        report = report_of(edit, applied, time.perf_counter() - started)
        assert self._steps is not None
        before = self._steps.state
        self._last = (edit, applied, before)
        if applied.delta is not None:
            self._push(applied.delta, report.title, (*self._edits[before], edit), report.seconds)
            self._name(BARRIER if "barrier" in edit.operation else edit.label)
        self.done.emit(report)

    def _push(self, delta: Delta, title: str, edits: tuple[Edit, ...], seconds: float) -> None:
        """Make a step of the shown labels, and write it to the case behind."""
        assert self._steps is not None and self._labels is not None
        before = self._steps.state
        record_id = f"segmentation-{uuid.uuid4().hex[:8]}"
        self._steps.push(delta, record_id)
        self._edits[record_id] = edits
        self._awaited.add(record_id)
        copy = LabelMap(self._labels.array.copy(), self._labels.grid, self._labels.names)
        store = self._session.store
        self._tell([delta.box])

        def undo_it(refusal: Refusal) -> None:
            self._awaited.discard(record_id)
            if self._steps is not None and self._steps.knows(before):
                self._tell(self._steps.go_to(before))
            self.refused.emit(refusal)

        store.call(
            lambda: commit_labels(store.opened, copy, edits, title, seconds, record_id),
            lambda record: self._caught_up(record_id),
            undo_it,
        )

    def _name(self, value: int) -> None:
        """Give a label that is new a name, so that it can be hidden and read out."""
        labels = self._labels
        if labels is not None and value not in labels.names:
            name = "barrier" if value == BARRIER else f"label {value}"
            self._labels = LabelMap(labels.array, labels.grid, {**labels.names, value: name})
            self._session.data.put("segmentation", self._labels)

    def _tell(self, boxes: list[Box]) -> None:
        self.edited.emit(boxes)
        self._rest.start(_REST_MS)

    def _holds(self, record: Record | None) -> bool:
        """Whether the labels of a record are here already: then they are shown, and nothing is read."""
        name = record.id if record is not None else _NONE
        if not self.is_saved:
            return True  # what is shown is ahead of the case, which says so once it has caught up
        if self._steps is None or not self._steps.knows(name):
            return False
        self._go_to(name)
        return True

    def _caught_up(self, record_id: str) -> None:
        """An edit is on the disk; after the last one, what was undone meanwhile is undone here too."""
        self._awaited.discard(record_id)
        if self.is_saved:
            self._session.data.reload("segmentation")

    def _go_to(self, name: str) -> None:
        assert self._steps is not None
        if name != self._steps.state:
            self._last = None
            self._tell(self._steps.go_to(name))

    def _take(self, item: str, content: Any) -> None:
        if item != "segmentation" or content is self._labels:
            return
        case: Case = self._session.store.case
        record = case.current("segmentation")
        if content is None:
            self._labels = self._steps = None
            return
        self._set(content, record.id if record is not None else _NONE)
        if record is not None and self._steps is not None:
            try:
                self._edits[self._steps.state] = edits_of(self._session.store.opened, record)
            except Exception as error:
                self.refused.emit(refusal_of(error))

    def _set(self, labels: LabelMap, state: str) -> None:
        self._labels = labels
        self._steps = Steps(labels.array, state)
        self._edits = {state: ()}
        self._last = None


class _Packed:
    """Labels on their way to another process: only the box that is not empty."""

    def __init__(self, shape: tuple[int, ...], grid: Grid, box: Box | None, part: Labels | None) -> None:
        self.shape, self.grid, self.box, self.part = shape, grid, box, part

    @classmethod
    def of(cls, labels: LabelMap) -> _Packed:
        bounds = bounds_of(labels.array > 0)
        if bounds is None:
            return cls(labels.array.shape, labels.grid, None, None)
        box = box_of(*bounds)
        return cls(labels.array.shape, labels.grid, box, labels.array[box].copy())

    def unpacked(self) -> Labels:
        labels = np.zeros(self.shape, np.uint8)
        if self.box is not None and self.part is not None:
            labels[self.box] = self.part
        return labels


def work_out(packed: _Packed, scan: Path | None, edit: Edit, points: dict[str, Any], progress: Progress) -> Applied:
    """What the child process does for a long edit."""
    from imaging.volume_io import read_volume

    progress(0.0, "Reading the scan")
    volume = read_volume(scan) if scan is not None and operation_of(edit.operation).needs_scan else None
    return apply_edit(packed.unpacked(), packed.grid, volume, edit, progress, points)
