"""Edits of a label's shape: islands, holes, margins, smoothing that keeps volume, logical operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import number
from imaging.segmentation.editing.operation import (
    LARGEST_LABEL,
    Box,
    Canvas,
    Change,
    Mask,
    Operation,
    choice,
    with_target,
)
from imaging.types import FloatArray, Progress


@dataclass(frozen=True)
class IslandsParameters:
    """Settings of the island tool."""

    keep: str = choice(
        "the largest", ("the largest", "those with points", "all but small ones"), "Which pieces of the label stay"
    )
    smallest_ml: float = number(0.1, "mL", 0.0, 1000.0, "Pieces below this volume are small.", "assumption")


def _islands(canvas: Canvas, parameters: IslandsParameters, progress: Progress) -> Change:
    from scipy import ndimage

    box = canvas.around_target(0.0)
    mine = canvas.labels[box] == canvas.target
    pieces, n = ndimage.label(mine)
    sizes = np.bincount(pieces.ravel(), minlength=n + 1)
    kept = np.zeros(n + 1, dtype=bool)
    if parameters.keep == "the largest":
        kept[1 + int(np.argmax(sizes[1:]))] = True
    elif parameters.keep == "those with points":
        if not len(canvas.places_mm):
            raise ImagingError("missing_point", "Set a point in each piece that shall stay.")
        voxels = canvas.voxels - np.array([s.start for s in box])
        inside = [v for v in voxels if (v >= 0).all() and (v < mine.shape).all()]
        kept[[int(pieces[tuple(v)]) for v in inside]] = True
        kept[0] = False
        if not kept.any():
            raise ImagingError("missing_point", "None of the points lies in the label: set one in the piece to keep.")
    else:
        kept = sizes * canvas.grid.voxel_volume_ml >= parameters.smallest_ml
    removed = n - int(kept[1:].sum())
    return Change(
        box, with_target(canvas, box, mine & kept[pieces], replace=True), (f"{removed} of {n} pieces removed.",)
    )


@dataclass(frozen=True)
class HolesParameters:
    """Settings of the hole tool."""

    largest_ml: float = number(1.0, "mL", 0.0, 1000.0, "Holes up to this volume are filled.", "assumption")


def _holes(canvas: Canvas, parameters: HolesParameters, progress: Progress) -> Change:
    from scipy import ndimage

    box = canvas.around_target(float(canvas.spacing_kji.max()))
    mine = canvas.labels[box] == canvas.target
    # What reaches the border of the padded box is outside.
    gaps, n = ndimage.label(np.pad(~mine, 1, constant_values=True))
    sizes = np.bincount(gaps.ravel(), minlength=n + 1)
    fills = sizes * canvas.grid.voxel_volume_ml <= parameters.largest_ml
    fills[[0, int(gaps[0, 0, 0])]] = False
    filled = fills[gaps][1:-1, 1:-1, 1:-1]
    return Change(box, with_target(canvas, box, mine | filled), (f"{int(fills.sum())} holes filled.",))


@dataclass(frozen=True)
class MarginParameters:
    """Settings of the margin."""

    margin_mm: float = number(
        1.0, "mm", -50.0, 50.0, "How far the label grows (or shrinks, below 0) on all sides.", "assumption"
    )


def _margin(canvas: Canvas, parameters: MarginParameters, progress: Progress) -> Change:
    """Grow or shrink by the distance between voxel centers and the surface half a voxel off the nearest one."""
    margin = parameters.margin_mm
    box = canvas.around_target(max(margin, 0.0) + float(canvas.spacing_kji.max()))
    outward = signed_distance_mm(canvas, box)
    return Change(box, with_target(canvas, box, outward <= margin, replace=True))


def signed_distance_mm(canvas: Canvas, box: Box) -> FloatArray:
    """Distance (k, j, i) in mm to the target's surface, negative inside, on average exact for faces along an axis."""
    from scipy import ndimage

    mine = np.pad(canvas.labels[box] == canvas.target, 1)
    inside = ndimage.distance_transform_edt(mine, sampling=canvas.spacing_kji)
    outside = ndimage.distance_transform_edt(~mine, sampling=canvas.spacing_kji)
    half = 0.5 * float(canvas.spacing_kji.mean())
    signed = np.where(mine, half - inside, outside - half)
    return np.asarray(signed[1:-1, 1:-1, 1:-1])


@dataclass(frozen=True)
class SmoothParameters:
    """Settings of the smoothing."""

    smoothing_mm: float = number(
        1.0, "mm", 0.1, 10.0, "Standard deviation of the Gaussian; what is thinner fades.", "assumption: a voxel or two"
    )


def _smooth(canvas: Canvas, parameters: SmoothParameters, progress: Progress) -> Change:
    """Blur the label and keep as many of the brightest voxels as it had, so that its volume stays."""
    from scipy import ndimage

    box = canvas.around_target(3.0 * parameters.smoothing_mm)
    mine = canvas.labels[box] == canvas.target
    n = int(mine.sum())
    soft = ndimage.gaussian_filter(mine.astype(np.float32), parameters.smoothing_mm / canvas.spacing_kji)
    soft[~canvas.free(box)] = -1.0
    level = np.partition(soft.ravel(), soft.size - n)[soft.size - n]
    taken = soft > level
    tied = np.flatnonzero((soft == level).ravel())[: n - int(taken.sum())]
    taken.ravel()[tied] = True
    return Change(box, with_target(canvas, box, taken, replace=True))


@dataclass(frozen=True)
class LogicalParameters:
    """Settings of the logical operations."""

    operation: str = choice(
        "add", ("add", "subtract", "intersect", "invert", "copy", "clear"), "What is done to the label with the other"
    )
    other: int = number(2, "1", 1, LARGEST_LABEL, "The other label's value.", "the second label")
    margin_mm: float = number(
        1.0,
        "mm",
        0.0,
        50.0,
        "A voxel has one label: subtracting and intersecting take the other one with this margin around it.",
        "assumption: a voxel",
    )


def _logical(canvas: Canvas, parameters: LogicalParameters, progress: Progress) -> Change:
    """Adding and copying take the other label's voxels over."""
    box = canvas.whole
    labels = canvas.labels.copy()
    mine, other = labels == canvas.target, labels == parameters.other
    if parameters.operation not in ("invert", "clear") and not other.any():
        raise ImagingError("empty_label", f"No voxel has the label {parameters.other}.")
    if parameters.operation == "add":
        wins: Mask = mine | other
    elif parameters.operation == "copy":
        wins = other
    elif parameters.operation == "invert":
        wins = labels == 0
    elif parameters.operation == "clear":
        wins = np.zeros_like(mine)
    else:
        from scipy import ndimage

        near = ndimage.distance_transform_edt(~other, sampling=canvas.spacing_kji) <= parameters.margin_mm
        wins = mine & (near if parameters.operation == "intersect" else ~near)
    labels[mine] = 0
    labels[wins] = canvas.target
    return Change(box, labels)


OPERATIONS = (
    Operation(
        "islands",
        "Islands",
        "Keep some pieces of the label and remove the others.",
        IslandsParameters,
        _islands,
        "points",
    ),
    Operation("holes", "Fill holes", "Fill holes that the label encloses.", HolesParameters, _holes),
    Operation("margin", "Margin", "Grow or shrink the label by a distance.", MarginParameters, _margin),
    Operation("smooth", "Smooth", "Smooth the label; its volume stays.", SmoothParameters, _smooth),
    Operation(
        "logical", "Combine", "Combine the label with another one, invert or clear it.", LogicalParameters, _logical
    ),
)
