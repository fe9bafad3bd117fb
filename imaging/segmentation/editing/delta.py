"""Steps of editing as sparse differences: a box, which of its voxels changed, and their old and new values.

A step costs a bit for every voxel of its box and two bytes for every voxel that changed; memory is bounded, and the
oldest steps are dropped first (the case keeps whole label maps on disk, so that undo still works, only slower).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.editing.operation import Box, Labels, bounds_of, box_of

MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Delta:
    """One step. ``changed`` is the packed mask of the voxels of ``box``; ``old`` and ``new`` hold their values."""

    box: Box
    changed: NDArray[np.uint8]
    old: Labels
    new: Labels

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return int(self.changed.nbytes + self.old.nbytes + self.new.nbytes)

    @property
    def n_voxels(self) -> int:
        """How many voxels changed."""
        return len(self.old)

    def put(self, labels: Labels, *, back: bool = False) -> None:
        """Make the step in ``labels``, in place; ``back`` takes it back."""
        part = labels[self.box]
        mask = np.unpackbits(self.changed, count=part.size).view(bool).reshape(part.shape)
        part[mask] = self.old if back else self.new


def difference(labels: Labels, box: Box, new: Labels) -> Delta | None:
    """The step from ``labels`` to a state in which ``box`` holds ``new``; None when nothing changes."""
    old = labels[box]
    mask = old != new
    bounds = bounds_of(mask)
    if bounds is None:
        return None
    first = [s.start for s in box]
    smaller = box_of(*bounds)
    inner = box_of(bounds[0] + first, bounds[1] + first)
    mask = mask[smaller]
    return Delta(inner, np.packbits(mask), old[smaller][mask], new[smaller][mask])


class Steps:
    """Named states of one label array and the differences between them.

    ``labels`` is the array in its present state; `go_to` changes it in place.
    """

    def __init__(self, labels: Labels, state: Hashable, most_bytes: int = MOST_BYTES) -> None:
        self.labels = labels
        self.most_bytes = most_bytes
        self._states: list[Hashable] = [state]
        self._deltas: list[Delta] = []
        self._at = 0

    @property
    def state(self) -> Hashable:
        """Name of the present state."""
        return self._states[self._at]

    @property
    def n_bytes(self) -> int:
        """What the differences take in memory."""
        return sum(delta.n_bytes for delta in self._deltas)

    def knows(self, state: Hashable) -> bool:
        """Whether `go_to` can reach a state."""
        return state in self._states

    def push(self, delta: Delta, state: Hashable) -> int:
        """Make a step to a new state; what was taken back before is forgotten. Returns how many steps were dropped."""
        delta.put(self.labels)
        del self._deltas[self._at :], self._states[self._at + 1 :]
        self._deltas.append(delta)
        self._states.append(state)
        self._at += 1
        n_dropped = 0
        while self.n_bytes > self.most_bytes and self._at > 1:
            del self._deltas[0], self._states[0]
            self._at -= 1
            n_dropped += 1
        return n_dropped

    def rename(self, state: Hashable) -> None:
        """Give the present state another name."""
        self._states[self._at] = state

    def go_to(self, state: Hashable) -> list[Box]:
        """Bring the labels to a known state; returns the boxes in which voxels changed."""
        wanted = self._states.index(state)
        boxes = []
        while self._at > wanted:
            self._at -= 1
            self._deltas[self._at].put(self.labels, back=True)
            boxes.append(self._deltas[self._at].box)
        while self._at < wanted:
            self._deltas[self._at].put(self.labels)
            boxes.append(self._deltas[self._at].box)
            self._at += 1
        return boxes
