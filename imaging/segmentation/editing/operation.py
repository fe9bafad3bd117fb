"""What an edit of a label map says about itself, what it works on, and what it hands back.

An operation writes one label, the *target*. Voxels of other labels are never overwritten unless the operation says so,
and no growth enters a barrier (``BARRIER``), a value of the working array that is no vessel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.types import FloatArray, Grid, IntArray, Progress, Volume

Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]
Box = tuple[slice, slice, slice]
Places = Literal["none", "points", "stroke", "polygon"]

BARRIER = 255
"""Value of barrier voxels in the working array."""

LARGEST_LABEL = 254


@dataclass(frozen=True, eq=False)
class Canvas:
    """What an operation works on; it reads the arrays and never writes them.

    Attributes
    ----------
    labels : (k, j, i) uint8
        The labels as they are, barriers included.
    volume
        The scan on the same grid; operations that look at it declare ``needs_scan``.
    target
        The label that the edit writes.
    places_mm : (n, 3)
        Seeds, the stroke or the polygon's corners, mm LPS.
    direction
        Unit vector (LPS) through the plane in which a stroke or polygon was drawn, or None.
    """

    labels: Labels
    grid: Grid
    target: int
    places_mm: FloatArray
    direction: tuple[float, float, float] | None = None
    volume: Volume | None = None

    @property
    def scan(self) -> NDArray[Any]:
        """The scan's values ``[k, j, i]``."""
        assert self.volume is not None
        return self.volume.array

    @property
    def spacing_kji(self) -> FloatArray:
        """Voxel size in mm along the axes of the arrays."""
        return np.asarray(self.grid.spacing_mm[::-1], dtype=float)

    @property
    def voxels(self) -> IntArray:
        """The voxels (n, 3; k, j, i) that hold the places."""
        index = np.rint(self.grid.to_index(self.places_mm)[:, ::-1]).astype(np.int64)
        return np.clip(index, 0, np.asarray(self.labels.shape) - 1)

    @property
    def whole(self) -> Box:
        """The box of all voxels."""
        return box_of(np.zeros(3, int), np.asarray(self.labels.shape))

    def around_places(self, reach_mm: float) -> Box:
        """The box that holds every voxel within ``reach_mm`` of the places."""
        reach = np.ceil(reach_mm / self.spacing_kji).astype(int) + 1
        index = self.grid.to_index(self.places_mm)[:, ::-1]
        low, high = np.floor(index.min(axis=0)).astype(int), np.ceil(index.max(axis=0)).astype(int)
        return self.clipped(low - reach, high + reach + 1)

    def around_target(self, reach_mm: float) -> Box:
        """The box around the target label and ``reach_mm`` beyond.

        Raises
        ------
        ImagingError
            ``nothing_to_edit`` when no voxel has the label.
        """
        bounds = bounds_of(self.labels == self.target)
        if bounds is None:
            raise ImagingError(
                "nothing_to_edit", f"No voxel has the label {self.target} yet: paint or grow something first."
            )
        reach = np.ceil(reach_mm / self.spacing_kji).astype(int)
        return self.clipped(bounds[0] - reach, bounds[1] + reach)

    def clipped(self, first: Any, end: Any) -> Box:
        """The box from ``first`` up to ``end`` (k, j, i), cut at the image's border; never empty."""
        shape = np.asarray(self.labels.shape)
        first = np.clip(first, 0, shape - 1)
        return box_of(first, np.maximum(np.clip(end, 0, shape), first + 1))

    def free(self, box: Box) -> Mask:
        """Voxels of a box that the target may take: background and its own."""
        part = self.labels[box]
        may: Mask = (part == 0) | (part == self.target)
        return may

    def local_mm(self, box: Box) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coordinates in mm along the grid's axes k, j, i of a box's voxels, as arrays that broadcast."""
        k, j, i = (np.arange(s.start, s.stop) * step for s, step in zip(box, self.spacing_kji, strict=True))
        return k[:, None, None], j[None, :, None], i[None, None, :]

    def places_local_mm(self) -> FloatArray:
        """The places (n, 3) in the same coordinates."""
        local: FloatArray = self.grid.to_index(self.places_mm)[:, ::-1] * self.spacing_kji
        return local

    def direction_kji(self) -> FloatArray:
        """The direction in the grid's axes k, j, i; the grid's own k axis when none was given."""
        if self.direction is None:
            return np.array([1.0, 0.0, 0.0])
        axes = np.asarray(self.grid.direction, dtype=float).reshape(3, 3)
        local: FloatArray = (axes.T @ np.asarray(self.direction, dtype=float))[::-1]
        return np.asarray(local / np.linalg.norm(local))

    def to_lps_direction(self, kji: Any) -> tuple[float, float, float]:
        """The unit vector in LPS of a vector in mm along the axes k, j, i."""
        axes = np.asarray(self.grid.direction, dtype=float).reshape(3, 3)
        x, y, z = axes @ (np.asarray(kji, dtype=float)[::-1] / np.linalg.norm(kji))
        return float(x), float(y), float(z)


@dataclass(frozen=True, eq=False)
class Change:
    """New labels of a box, what there is to say about it, and figures with the unit in the name."""

    box: Box
    labels: Labels
    notes: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    leaks: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Operation:
    """An edit that can be made.

    Attributes
    ----------
    id, title, about
        Stable id, title on the screen, one sentence.
    parameters_type
        Frozen dataclass of fields declared with ``number`` or ``choice``.
    places
        What is to be clicked or drawn: nothing, points, a stroke, or a polygon.
    n_places
        How many places are needed at least.
    needs_scan, is_quick
        Whether it reads the scan; whether it is done while the mouse moves.
    """

    id: str
    title: str
    about: str
    parameters_type: type[Any]
    run: Callable[[Canvas, Any, Progress], Change]
    places: Places = "none"
    n_places: int = 0
    needs_scan: bool = False
    is_quick: bool = False


@dataclass(frozen=True)
class NoParameters:
    """An operation that has no settings."""


def choice(default: str, choices: tuple[str, ...], meaning: str) -> Any:
    """A dataclass field for one of several words."""
    metadata = {"choices": choices, "help": meaning, "unit": "", "source": "assumption: what is wanted most often"}
    return dataclasses.field(default=default, metadata=metadata)


def flag(default: bool, meaning: str) -> Any:
    """A dataclass field for yes or no."""
    metadata = {"help": meaning, "unit": "", "source": "assumption: what is wanted most often"}
    return dataclasses.field(default=default, metadata=metadata)


def text(default: str, meaning: str) -> Any:
    """A dataclass field for a word or a name."""
    return dataclasses.field(default=default, metadata={"help": meaning, "unit": "", "source": "what the user has"})


def box_of(first: Any, end: Any) -> Box:
    """Slices from ``first`` up to ``end`` along k, j, i."""
    k, j, i = (slice(int(a), int(b)) for a, b in zip(first, end, strict=True))
    return k, j, i


def bounds_of(mask: Mask) -> tuple[IntArray, IntArray] | None:
    """First voxel and the one after the last (k, j, i) of what is set in a mask; None when nothing is."""
    first, end = [], []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(line):
            return None
        first.append(int(line[0]))
        end.append(int(line[-1]) + 1)
    return np.array(first), np.array(end)


def with_target(canvas: Canvas, box: Box, taken: Mask, *, replace: bool = False) -> Labels:
    """Labels of a box in which the target takes the free voxels of ``taken``; ``replace`` gives up the rest of its own.

    Barriers and other labels stay.
    """
    labels = canvas.labels[box].copy()
    if replace:
        labels[labels == canvas.target] = 0
    labels[taken & canvas.free(box)] = canvas.target
    return labels


def require_places(canvas: Canvas, operation: Operation) -> None:
    """Raise ``ImagingError`` unless there are enough places, all within the scan."""
    if len(canvas.places_mm) < operation.n_places:
        what = {"points": "point", "stroke": "point of the stroke", "polygon": "corner"}.get(operation.places, "place")
        raise ImagingError(
            "missing_point",
            f"{operation.title} needs at least {operation.n_places} {what}{'s' if operation.n_places > 1 else ''}: "
            "click in a slice.",
        )
    if operation.places == "points" and len(canvas.places_mm):
        inside = canvas.grid.contains(canvas.places_mm)
        if not inside.all():
            x, y, z = (float(c) for c in canvas.places_mm[int(np.argmin(inside))])
            raise ImagingError("point_outside_volume", "A point lies outside the scan; set it again.", (x, y, z))
