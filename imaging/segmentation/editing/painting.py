"""Edits drawn by hand: brush and eraser, scissors, fill between slices, barriers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import number
from imaging.segmentation.editing.operation import (
    BARRIER,
    Box,
    Canvas,
    Change,
    Labels,
    Mask,
    NoParameters,
    Operation,
    choice,
    with_target,
)
from imaging.types import FloatArray, Progress


@dataclass(frozen=True)
class BrushParameters:
    """Settings of brush and eraser."""

    radius_mm: float = number(3.0, "mm", 0.1, 100.0, "Radius of the brush.", "assumption: a carotid artery")
    shape: str = choice("sphere", ("sphere", "disk"), "A ball, or a disk in the slice that is drawn in")
    lowest: float = number(
        -100000.0, "HU", -100000.0, 100000.0, "Only voxels at least this bright are changed.", "off by default"
    )
    highest: float = number(
        100000.0, "HU", -100000.0, 100000.0, "Only voxels at most this bright are changed.", "off by default"
    )


def near_stroke(canvas: Canvas, box: Box, radius_mm: float, half_depth_mm: float | None = None) -> Mask:
    """Voxels of a box whose centers lie within a radius of the polyline through the places.

    With ``half_depth_mm`` distances count within the plane of the stroke only, up to that height above and below it.
    """
    k, j, i = canvas.local_mm(box)
    points = canvas.places_local_mm()
    normal = np.zeros(3) if half_depth_mm is None else canvas.direction_kji()
    mask = np.zeros(tuple(s.stop - s.start for s in box), dtype=bool)
    for a, b in pairwise(points if len(points) > 1 else points[[0, 0]]):
        along = (b - a) - ((b - a) @ normal) * normal
        length2 = float(along @ along)
        dk, dj, di = _without_height(k - a[0], j - a[1], i - a[2], normal)
        share = np.clip((dk * along[0] + dj * along[1] + di * along[2]) / length2, 0.0, 1.0) if length2 else 0.0
        mask |= (dk - share * along[0]) ** 2 + (dj - share * along[1]) ** 2 + (
            di - share * along[2]
        ) ** 2 <= radius_mm**2
    if half_depth_mm is not None:
        mask &= np.abs(_height(k - points[0, 0], j - points[0, 1], i - points[0, 2], normal)) <= half_depth_mm
    return mask


def _height(dk: FloatArray, dj: FloatArray, di: FloatArray, normal: FloatArray) -> FloatArray:
    height: FloatArray = dk * normal[0] + dj * normal[1] + di * normal[2]
    return height


def _without_height(
    dk: FloatArray, dj: FloatArray, di: FloatArray, normal: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    if not normal.any():
        return dk, dj, di
    height = _height(dk, dj, di, normal)
    return dk - height * normal[0], dj - height * normal[1], di - height * normal[2]


def _stroke(canvas: Canvas, parameters: BrushParameters) -> tuple[Box, Mask]:
    box = canvas.around_places(parameters.radius_mm)
    half_layer = 0.5 * float(np.abs(canvas.direction_kji()) @ canvas.spacing_kji)
    mask = near_stroke(canvas, box, parameters.radius_mm, half_layer if parameters.shape == "disk" else None)
    if canvas.volume is not None and (parameters.lowest > -100000.0 or parameters.highest < 100000.0):
        part = canvas.scan[box]
        mask &= (part >= parameters.lowest) & (part <= parameters.highest)
    return box, mask


def _brush(canvas: Canvas, parameters: BrushParameters, progress: Progress) -> Change:
    box, mask = _stroke(canvas, parameters)
    return Change(box, with_target(canvas, box, mask))


def _eraser(canvas: Canvas, parameters: BrushParameters, progress: Progress) -> Change:
    box, mask = _stroke(canvas, parameters)
    labels = canvas.labels[box].copy()
    labels[mask & (labels == canvas.target)] = 0
    return Change(box, labels)


@dataclass(frozen=True)
class ScissorsParameters:
    """Settings of the scissors."""

    cut: str = choice("erase inside", ("erase inside", "erase outside", "fill inside"), "What the outline does")
    depth_mm: float = number(
        1000.0, "mm", 0.1, 5000.0, "How far the cut reaches to either side of the plane drawn in.", "through all"
    )


def _scissors(canvas: Canvas, parameters: ScissorsParameters, progress: Progress) -> Change:
    box = canvas.whole if parameters.cut == "erase outside" else _prism_box(canvas, parameters.depth_mm)
    inside = _in_prism(canvas, box, parameters.depth_mm)
    if parameters.cut == "fill inside":
        return Change(box, with_target(canvas, box, inside))
    labels = canvas.labels[box].copy()
    labels[(inside if parameters.cut == "erase inside" else ~inside) & (labels == canvas.target)] = 0
    return Change(box, labels)


def _prism_box(canvas: Canvas, depth_mm: float) -> Box:
    """The part of the box of all that a prism of limited depth can reach."""
    points, normal = canvas.places_local_mm(), canvas.direction_kji()
    depth = min(depth_mm, float(np.linalg.norm(np.asarray(canvas.labels.shape) * canvas.spacing_kji)))
    ends = np.concatenate([points - depth * normal, points + depth * normal]) / canvas.spacing_kji
    return canvas.clipped(np.floor(ends.min(axis=0)).astype(int), np.ceil(ends.max(axis=0)).astype(int) + 1)


def _in_prism(canvas: Canvas, box: Box, depth_mm: float) -> Mask:
    """Voxels of a box within the polygon of the places, extruded along the direction by ``depth_mm`` either way."""
    from matplotlib.path import Path

    normal = canvas.direction_kji()
    across = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    across /= np.linalg.norm(across)
    down = np.cross(normal, across)
    points = canvas.places_local_mm()
    outline = Path(np.stack([points @ across, points @ down], axis=1))
    k, j, i = canvas.local_mm(box)
    middle = points.mean(axis=0)
    mask = np.zeros(tuple(s.stop - s.start for s in box), dtype=bool)
    flat_j, flat_i = np.broadcast_arrays(j[0], i[0])
    constant = int(np.argmax(np.abs(normal))) == 0 and abs(normal[0]) > 1.0 - 1e-9
    first = None
    for n, height in enumerate(k[:, 0, 0]):
        centers = np.stack([np.full(flat_j.size, height), flat_j.ravel(), flat_i.ravel()], axis=1)
        if constant and first is not None:
            inside = first
        else:
            inside = outline.contains_points(np.stack([centers @ across, centers @ down], axis=1))
            first = inside
        near = np.abs((centers - middle) @ normal) <= depth_mm
        mask[n] = (inside & near).reshape(mask.shape[1:])
    return mask


@dataclass(frozen=True)
class FillParameters:
    """Settings of filling between slices."""

    axis: str = choice("axial", ("axial", "coronal", "sagittal"), "The slices that were drawn")


def _fill_between(canvas: Canvas, parameters: FillParameters, progress: Progress) -> Change:
    """Shape-based interpolation: signed distances of drawn slices are mixed linearly (Raya and Udupa 1990)."""
    from scipy import ndimage

    axis = _array_axis(canvas, parameters.axis)
    box = canvas.around_target(0.0)
    mine = np.moveaxis(canvas.labels[box] == canvas.target, axis, 0)
    sampling = np.delete(canvas.spacing_kji, axis)
    drawn = np.flatnonzero(mine.any(axis=(1, 2)))
    if len(drawn) < 2 or len(drawn) == drawn[-1] - drawn[0] + 1:
        raise ImagingError(
            "nothing_to_edit", f"There is no gap between {parameters.axis} slices of this label to be filled."
        )
    filled = mine.copy()

    def signed(n: int) -> FloatArray:
        inside, outside = ndimage.distance_transform_edt, ndimage.distance_transform_edt
        return np.asarray(inside(mine[n], sampling=sampling) - outside(~mine[n], sampling=sampling))

    for done, (low, high) in enumerate(pairwise(drawn)):
        progress(done / len(drawn), "Filling between slices")
        if high - low > 1:
            below, above = signed(int(low)), signed(int(high))
            for n in range(low + 1, high):
                share = (n - low) / (high - low)
                filled[n] = (1.0 - share) * below + share * above > 0.0
    return Change(box, with_target(canvas, box, np.moveaxis(filled, 0, axis)))


def _array_axis(canvas: Canvas, plane: str) -> int:
    """The axis of the arrays that runs through a plane's slices."""
    patient = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    direction = np.asarray(canvas.grid.direction, dtype=float).reshape(3, 3)
    return 2 - int(np.argmax(np.abs(direction[patient])))


@dataclass(frozen=True)
class BarrierStrokeParameters:
    """Settings of a barrier drawn by hand."""

    radius_mm: float = number(1.0, "mm", 0.1, 20.0, "Half the thickness of the barrier.", "assumption")
    depth_mm: float = number(
        0.0, "mm", 0.0, 200.0, "How far the barrier reaches to either side of the slice, as a wall.", "assumption"
    )


def _barrier_stroke(canvas: Canvas, parameters: BarrierStrokeParameters, progress: Progress) -> Change:
    thick = max(parameters.radius_mm, 0.51 * float(np.linalg.norm(canvas.spacing_kji)))
    box = canvas.around_places(thick + parameters.depth_mm)
    mask = near_stroke(canvas, box, thick, parameters.depth_mm or None)
    return Change(box, _walled(canvas, box, mask))


@dataclass(frozen=True)
class BarrierPlaneParameters:
    """Settings of a barrier disk."""

    radius_mm: float = number(5.0, "mm", 0.1, 200.0, "Radius of the disk.", "assumption")
    thickness_mm: float = number(
        0.0, "mm", 0.0, 20.0, "Thickness of the disk; at least what is tight in this grid.", "assumption"
    )


def _barrier_plane(canvas: Canvas, parameters: BarrierPlaneParameters, progress: Progress) -> Change:
    normal = canvas.direction_kji()
    # A plane of voxels lets nothing through by a face or an edge when it is as thick as this.
    half = 0.5 * max(parameters.thickness_mm, float(np.abs(normal) @ canvas.spacing_kji))
    box = canvas.around_places(float(np.hypot(parameters.radius_mm, half)))
    k, j, i = canvas.local_mm(box)
    mask = np.zeros(tuple(s.stop - s.start for s in box), dtype=bool)
    for point in canvas.places_local_mm():
        height = _height(k - point[0], j - point[1], i - point[2], normal)
        distance2 = (k - point[0]) ** 2 + (j - point[1]) ** 2 + (i - point[2]) ** 2 - height**2
        mask |= (np.abs(height) <= half + 1e-6) & (distance2 <= parameters.radius_mm**2)
    return Change(box, _walled(canvas, box, mask))


def _walled(canvas: Canvas, box: Box, mask: Mask) -> Labels:
    """Labels of a box with a barrier in the target's or free voxels."""
    labels = canvas.labels[box].copy()
    labels[mask & canvas.free(box)] = BARRIER
    return labels


def _clear_barriers(canvas: Canvas, parameters: NoParameters, progress: Progress) -> Change:
    labels = canvas.labels.copy()
    labels[labels == BARRIER] = 0
    return Change(canvas.whole, labels)


OPERATIONS = (
    Operation("brush", "Brush", "Paint the label along a stroke.", BrushParameters, _brush, "stroke", 1, is_quick=True),
    Operation(
        "eraser", "Eraser", "Take the label away along a stroke.", BrushParameters, _eraser, "stroke", 1, is_quick=True
    ),
    Operation(
        "scissors",
        "Scissors",
        "Cut with an outline drawn in a slice, straight through it.",
        ScissorsParameters,
        _scissors,
        "polygon",
        3,
    ),
    Operation(
        "fill-between-slices",
        "Fill between slices",
        "Fill the gaps between slices in which the label was drawn.",
        FillParameters,
        _fill_between,
    ),
    Operation(
        "barrier-stroke",
        "Barrier",
        "Draw a wall that no growth crosses.",
        BarrierStrokeParameters,
        _barrier_stroke,
        "stroke",
        1,
        is_quick=True,
    ),
    Operation(
        "barrier-plane",
        "Barrier disk",
        "Put a disk that no growth crosses, facing along the view.",
        BarrierPlaneParameters,
        _barrier_plane,
        "points",
        1,
        is_quick=True,
    ),
    Operation("clear-barriers", "Remove barriers", "Take all barriers away.", NoParameters, _clear_barriers),
)
