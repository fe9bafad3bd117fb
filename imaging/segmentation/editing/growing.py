"""Edits that take what is bright enough: threshold, connected and confidence region growing, both with a leak guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import Place, number
from imaging.segmentation.editing.leak_guard import Neck, find_necks, watch_front
from imaging.segmentation.editing.operation import (
    Box,
    Canvas,
    Change,
    Mask,
    Operation,
    bounds_of,
    box_of,
    choice,
    flag,
    with_target,
)
from imaging.types import Progress

MOST_LEAKS = 5
SEED_BALL_MM = 1.5
"""Around each seed so much of the lumen is read to know how bright it is."""


@dataclass(frozen=True)
class ThresholdParameters:
    """Settings of the threshold."""

    lowest: float = number(150.0, "HU", -100000.0, 100000.0, "Lowest value taken.", "assumption: enhanced blood")
    highest: float = number(600.0, "HU", -100000.0, 100000.0, "Highest value taken.", "assumption: below calcium")
    within: str = choice("everywhere", ("everywhere", "the label", "near the points"), "Where it works")
    radius_mm: float = number(20.0, "mm", 0.5, 500.0, "How near the points, when it works there.", "assumption")


def _threshold(canvas: Canvas, parameters: ThresholdParameters, progress: Progress) -> Change:
    if parameters.within == "near the points":
        if not len(canvas.places_mm):
            raise ImagingError("missing_point", "Threshold near the points needs a point: click in a slice.")
        box = canvas.around_places(parameters.radius_mm)
    else:
        box = canvas.whole if parameters.within == "everywhere" else canvas.around_target(0.0)
    part = canvas.scan[box]
    mask = (part >= parameters.lowest) & (part <= parameters.highest)
    if parameters.within == "the label":
        return Change(box, with_target(canvas, box, mask & (canvas.labels[box] == canvas.target), replace=True))
    if parameters.within == "near the points":
        k, j, i = canvas.local_mm(box)
        near = np.zeros(mask.shape, dtype=bool)
        for point in canvas.places_local_mm():
            near |= (k - point[0]) ** 2 + (j - point[1]) ** 2 + (i - point[2]) ** 2 <= parameters.radius_mm**2
        mask &= near
    return Change(box, with_target(canvas, box, mask))


@dataclass(frozen=True)
class GrowParameters:
    """Settings of connected region growing."""

    range: str = choice("from the seeds", ("from the seeds", "given"), "Where the range of values comes from")
    lowest: float = number(150.0, "HU", -100000.0, 100000.0, "Lowest value taken, if given.", "assumption")
    highest: float = number(600.0, "HU", -100000.0, 100000.0, "Highest value taken, if given.", "assumption")
    surroundings: float = number(
        50.0,
        "HU",
        -100000.0,
        100000.0,
        "Value of what surrounds the vessel; halfway from it to the seeds' mean is the lowest value taken.",
        "assumption: vessel wall and muscle",
    )
    reach_mm: float = number(1000.0, "mm", 1.0, 5000.0, "How far from the seeds it may grow.", "the whole scan")
    leak_guard: bool = flag(True, "Watch the growth for leaks")


@dataclass(frozen=True)
class ConfidenceParameters:
    """Settings of confidence region growing."""

    deviations: float = number(
        2.5,
        "1",
        0.5,
        10.0,
        "Values within so many standard deviations of the region's mean are taken.",
        "ITK's default",
    )
    rounds: int = number(3, "1", 0, 20, "How often mean and deviation are measured anew.", "assumption")
    seed_voxels: int = number(2, "1", 1, 10, "Half width of the cube at each seed that begins it.", "assumption")
    reach_mm: float = number(200.0, "mm", 1.0, 5000.0, "How far from the seeds it may grow.", "assumption")
    leak_guard: bool = flag(True, "Watch the growth for leaks")


def seed_value(canvas: Canvas) -> float:
    """Upper quartile of the scan within a small ball around each seed, since part of it may lie beside the vessel."""
    values = []
    for n in range(len(canvas.places_mm)):
        one = Canvas(canvas.labels, canvas.grid, canvas.target, canvas.places_mm[n : n + 1], None, canvas.volume)
        box = one.around_places(SEED_BALL_MM)
        k, j, i = one.local_mm(box)
        point = one.places_local_mm()[0]
        ball = (k - point[0]) ** 2 + (j - point[1]) ** 2 + (i - point[2]) ** 2 <= SEED_BALL_MM**2
        values.append(canvas.scan[box][ball] if ball.any() else np.array([canvas.scan[tuple(one.voxels[0])]]))
    return float(np.percentile(np.concatenate(values), 75))


def _range(canvas: Canvas, parameters: GrowParameters) -> tuple[float, float]:
    if parameters.range == "given":
        if parameters.lowest >= parameters.highest:
            raise ImagingError("parameter_out_of_range", "The lowest value must be below the highest one.")
        return parameters.lowest, parameters.highest
    bright = seed_value(canvas)
    step = bright - parameters.surroundings
    if step <= 0.0:
        raise ImagingError(
            "not_enhanced",
            f"At the seeds the scan has {bright:.0f}, not more than the surroundings ({parameters.surroundings:g}): "
            "place the seeds in the enhanced vessel, or set the value of the surroundings.",
            _place(canvas.places_mm[0]),
        )
    return parameters.surroundings + 0.5 * step, bright + 0.8 * step


def _grow(canvas: Canvas, parameters: GrowParameters, progress: Progress) -> Change:
    low, high = _range(canvas, parameters)
    box = canvas.around_places(parameters.reach_mm)
    part = canvas.scan[box]
    progress(0.05, "Growing")
    open_ = (part >= low) & (part <= high) & canvas.free(box)
    grown = connected(open_, _seeds_within(canvas, box, open_, low, high))
    return _guarded(canvas, box, grown, parameters.leak_guard, {"lowest": low, "highest": high}, progress)


def _confidence(canvas: Canvas, parameters: ConfidenceParameters, progress: Progress) -> Change:
    import SimpleITK as sitk

    box = canvas.around_places(parameters.reach_mm)
    part = canvas.scan[box].astype(np.float32)
    part[~canvas.free(box)] = -1e6
    first = np.array([s.start for s in box])
    seeds = [tuple(int(x) for x in (voxel - first)[::-1]) for voxel in canvas.voxels]
    progress(0.05, "Growing")
    found = sitk.ConfidenceConnected(
        sitk.GetImageFromArray(part),
        seedList=seeds,
        numberOfIterations=parameters.rounds,
        multiplier=parameters.deviations,
        initialNeighborhoodRadius=parameters.seed_voxels,
    )
    grown = sitk.GetArrayFromImage(found).astype(bool) & canvas.free(box)
    if not grown.any():
        raise ImagingError(
            "nothing_grown",
            "Nothing was grown: the values at the seeds are too uneven; place the seeds in the middle of the vessel.",
            _place(canvas.places_mm[0]),
        )
    values = part[grown]
    figures = {"lowest": float(values.min()), "highest": float(values.max())}
    return _guarded(canvas, box, grown, parameters.leak_guard, figures, progress)


def _seeds_within(canvas: Canvas, box: Box, open_: Mask, low: float, high: float) -> Any:
    """The seeds' voxels in a box; an ``ImagingError`` when one cannot begin a growth."""
    seeds = canvas.voxels - np.array([s.start for s in box])
    for seed, place in zip(seeds, canvas.places_mm, strict=True):
        if not open_[tuple(seed)]:
            value = float(canvas.scan[box][tuple(seed)])
            is_dark = not low <= value <= high
            why = (
                f"there the scan has {value:.0f}, outside the range {low:.0f} to {high:.0f}"
                if is_dark
                else "there is a barrier or another label"
            )
            raise ImagingError("bad_seed", f"A seed cannot be grown from: {why}; move it.", _place(place))
    return seeds


def connected(open_: Mask, seeds: Any) -> Mask:
    """What of a mask hangs together with its seeds (n, 3; k, j, i) by faces."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(open_.view(np.uint8))
    at = [tuple(int(x) for x in seed[::-1]) for seed in seeds]
    found: Mask = sitk.GetArrayFromImage(sitk.ConnectedThreshold(image, seedList=at, lower=1, upper=1)).view(bool)
    return found


def _guarded(
    canvas: Canvas, box: Box, grown: Mask, is_guarded: bool, figures: dict[str, float], progress: Progress
) -> Change:
    """The change of a growth, with what the guard has to say about it."""
    figures = {**figures, "volume_ml": float(grown.sum()) * canvas.grid.voxel_volume_ml}
    if not is_guarded:
        return Change(box, with_target(canvas, box, grown), (), figures)
    progress(0.5, "Looking for leaks")
    bounds = bounds_of(grown)
    assert bounds is not None
    first = np.array([s.start for s in box])
    inner = grown[box_of(*bounds)]
    seeds = canvas.voxels - first - bounds[0]
    spacing = canvas.spacing_kji
    seeds = seeds[[bool(inner[tuple(seed)]) for seed in np.clip(seeds, 0, np.asarray(inner.shape) - 1)]]
    if not len(seeds):
        return Change(box, with_target(canvas, box, grown), (), figures)
    necks = find_necks(inner, seeds, spacing)
    progress(0.85, "Watching the front")
    watch = watch_front(inner, seeds, spacing)
    jump, at_mm = watch.largest_jump
    figures |= {
        "surface_per_volume_mm": float(watch.surface_per_volume_mm[-1]),
        "radius_jump": jump,
        "radius_jump_at_mm": at_mm,
    }
    offset = (first + bounds[0]) * spacing
    leaks = tuple(_leak(canvas, neck, neck.center + offset) for neck in necks[:MOST_LEAKS])
    notes = tuple(leak.sentence for leak in leaks)
    if len(necks) > MOST_LEAKS:
        notes += (f"{len(necks) - MOST_LEAKS} more places look like leaks: the range of values is probably too wide.",)
    return Change(box, with_target(canvas, box, grown), notes, figures, leaks)


@dataclass(frozen=True)
class Leak:
    """A leak of a growth, in the patient: mm, LPS.

    ``normal`` points out of the vessel. A disk of ``radius_mm`` at ``place_mm`` across ``normal`` closes it.
    """

    place_mm: Place
    normal: Place
    radius_mm: float
    neck_mm: float
    behind_ml: float
    sentence: str


def _leak(canvas: Canvas, neck: Neck, local_mm: Any) -> Leak:
    place = _place(canvas.grid.to_lps((np.asarray(local_mm) / canvas.spacing_kji)[::-1]))
    x, y, z = place
    what = (
        f"a body {neck.behind_mm / neck.vessel_mm:.1f} times as wide as the vessel"
        if neck.is_wider and neck.behind_mm > neck.vessel_mm
        else "something wider than the vessel"
        if neck.is_wider
        else "a vessel that runs past"
    )
    sentence = (
        f"The growth leaves the vessel at L {x:.1f}, P {y:.1f}, H {z:.1f} mm through a neck of "
        f"{2.0 * neck.neck_mm:.1f} mm into {what} ({neck.behind_ml:.1f} mL): put a barrier disk of "
        f"{neck.radius_mm:.1f} mm radius there and grow again, or go on if it belongs to the vessel."
    )
    return Leak(place, canvas.to_lps_direction(neck.normal), neck.radius_mm, neck.neck_mm, neck.behind_ml, sentence)


def _place(position: Any) -> Place:
    x, y, z = (float(c) for c in position)
    return x, y, z


OPERATIONS = (
    Operation(
        "threshold",
        "Threshold",
        "Take all voxels of a range of values, everywhere, near points, or within the label.",
        ThresholdParameters,
        _threshold,
        "points",
        0,
        needs_scan=True,
    ),
    Operation(
        "grow",
        "Grow from seeds",
        "Take what is as bright as the seeds and hangs together with them.",
        GrowParameters,
        _grow,
        "points",
        1,
        needs_scan=True,
    ),
    Operation(
        "grow-confidence",
        "Grow by statistics",
        "Grow from seeds over values near the region's own mean, which is measured anew in rounds.",
        ConfidenceParameters,
        _confidence,
        "points",
        1,
        needs_scan=True,
    ),
)
