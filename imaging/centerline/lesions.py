"""Narrowings and dilations of a vessel, found in the diameters of its sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from imaging.centerline.vessel_sections import VesselSections
from imaging.types import FloatArray

_EDGE = 0.10
"""Deviation of the diameter from its reference at which a lesion begins and ends."""
_PLAUSIBLE = 1.25
"""A reference is at most this factor off the vessel's robust straight line of diameters."""


def _declared(default: float, unit: str, low: float, high: float, help_text: str, source: str) -> Any:
    return field(default=default, metadata={"unit": unit, "min": low, "max": high, "help": help_text, "source": source})


@dataclass(frozen=True)
class LesionParameters:
    """What counts as a lesion."""

    least_stenosis_percent: float = _declared(
        25.0,
        "%",
        10.0,
        90.0,
        "Narrowings of the diameter below this are not listed",
        "CAD-RADS calls 1 to 24 % minimal and 25 to 49 % mild (Cury et al. 2016, J Cardiovasc Comput Tomogr 10:269)",
    )
    least_dilation_ratio: float = _declared(
        1.5,
        "1",
        1.1,
        5.0,
        "Dilations below this multiple of the reference diameter are not listed",
        "an aneurysm is half again as wide as the normal vessel (Johnston et al. 1991, J Vasc Surg 13:452)",
    )
    reach_diameters: float = _declared(
        6.0,
        "diameter",
        2.0,
        20.0,
        "How far to either side of a place the healthy vessel is looked for",
        "assumption: half the length of the longest lesion that is found as one",
    )
    reference_diameters: float = _declared(1.5, "diameter", 0.5, 5.0, "Length of a reference segment", "assumption")


@dataclass(frozen=True)
class ReferenceSegment:
    """A stretch of vessel taken as healthy: from, to and median diameter in mm; arc lengths along the branch."""

    from_mm: float
    to_mm: float
    diameter_mm: float


@dataclass(frozen=True)
class Lesion:
    """A narrowing or a dilation.

    Attributes
    ----------
    at_mm, place_mm
        Where it is tightest or widest: arc length along the branch and position (LPS).
    from_mm, to_mm, length_mm
        Where the diameter leaves its reference by a tenth.
    diameter_mm, min_diameter_mm, area_mm2
        At that section: of the circle of its area, least caliper diameter, area.
    reference_mm
        Diameter interpolated to that place between the proximal and the distal reference segment, or that of the one
        there is.
    diameter_percent, area_percent
        Narrowing against the reference (negative: wider).
    nascet_percent, ecst_percent
        Of an internal carotid artery, else None. NASCET: against the artery beyond (median behind two diameters from
        the lesion). ECST: against the original lumen at the place, for which the interpolated reference is taken,
        because the outer wall is not segmented.
    """

    kind: Literal["stenosis", "dilation"]
    branch: str
    at_mm: float
    place_mm: tuple[float, float, float]
    from_mm: float
    to_mm: float
    diameter_mm: float
    min_diameter_mm: float
    area_mm2: float
    reference_mm: float
    proximal: ReferenceSegment | None
    distal: ReferenceSegment | None
    diameter_percent: float
    area_percent: float
    nascet_percent: float | None = None
    ecst_percent: float | None = None

    @property
    def length_mm(self) -> float:
        """Length along the centerline."""
        return self.to_mm - self.from_mm

    @property
    def sentence(self) -> str:
        """The lesion in words."""
        where = f"{self.branch.replace('_', ' ')}, {self.at_mm:.0f} mm from its origin"
        size = f"{self.diameter_mm:.1f} mm where {self.reference_mm:.1f} mm are expected, {self.length_mm:.0f} mm long"
        if self.kind == "dilation":
            ratio = self.diameter_mm / self.reference_mm
            return f"Dilation to {ratio:.1f} times the reference diameter: {where} ({size})."
        grades = f"{self.diameter_percent:.0f} % by diameter, {self.area_percent:.0f} % by area"
        if self.nascet_percent is not None:
            grades += f", NASCET {self.nascet_percent:.0f} %"
        return f"Stenosis of {grades}: {where} ({size})."


def find_lesions(sections: VesselSections, parameters: LesionParameters | None = None) -> tuple[Lesion, ...]:
    """Stenoses and dilations of one vessel, in the order of their place.

    A place is compared with the vessel to both sides: its expected diameter is the smaller of the largest diameters
    within reach before and behind (for dilations the larger of the smallest ones), so that a tapering vessel has no
    lesion; the expectation stays within a quarter of a robust line through all diameters (Theil-Sen). What deviates
    enough is then measured against the segments just outside of it.

    At the origin of a daughter only the vessel behind can be compared; at the end of a vessel nothing is found.
    """
    parameters = parameters or LesionParameters()
    grid, diameter = _even(sections)
    if len(grid) < 7:
        return ()
    typical = float(np.median(diameter))
    window = max(1, round(parameters.reach_diameters * typical / (grid[1] - grid[0])))
    slope, intercept = stats.theilslopes(diameter, grid)[:2]
    line = np.maximum(intercept + slope * grid, 0.25 * typical)
    before, behind = _running(diameter, window, np.max)
    if sections.parent is not None:
        before[:window] = np.maximum(
            before[:window], np.minimum(line[:window], float(np.median(diameter[: 2 * window])))
        )
    expected = np.clip(np.minimum(before, behind), diameter, np.maximum(diameter, _PLAUSIBLE * line))
    low_before, low_behind = _running(diameter, window, np.min)
    base = np.clip(np.maximum(low_before, low_behind), np.minimum(diameter, line / _PLAUSIBLE), diameter)
    narrow, wide = diameter < (1.0 - _EDGE) * expected, diameter > (1.0 + _EDGE) * base
    wide &= base * parameters.least_dilation_ratio <= _largest_of_run(diameter, wide)
    found = []
    for run in _runs(narrow & ~wide):
        lesion = _lesion("stenosis", sections, run, grid, diameter, narrow | wide, parameters)
        if lesion.diameter_percent >= parameters.least_stenosis_percent:
            found.append(lesion)
    for run in _runs(wide):
        lesion = _lesion("dilation", sections, run, grid, diameter, narrow | wide, parameters)
        if lesion.diameter_mm >= parameters.least_dilation_ratio * lesion.reference_mm:
            found.append(lesion)
    return tuple(sorted(found, key=lambda lesion: lesion.at_mm))


def _even(sections: VesselSections) -> tuple[FloatArray, FloatArray]:
    """Diameters at even steps; gaps at junctions are bridged."""
    along, diameter = sections.along_mm, sections.diameter_mm
    step = float(np.median(np.diff(along)))
    grid = np.linspace(along[0], along[-1], max(2, round((along[-1] - along[0]) / step) + 1))
    return grid, np.interp(grid, along, diameter)


def _running(values: FloatArray, window: int, extreme: Callable[..., FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The extreme within ``window`` values before and behind each value, itself counted."""
    views = np.lib.stride_tricks.sliding_window_view(np.pad(values, window, mode="edge"), window + 1)
    found = extreme(views, axis=1)
    return found[: len(values)].copy(), found[window:].copy()


def _runs(where: NDArray[np.bool_]) -> list[slice]:
    return [found[0] for found in ndimage.find_objects(ndimage.label(where)[0]) if found is not None]


def _largest_of_run(diameter: FloatArray, where: NDArray[np.bool_]) -> FloatArray:
    largest = np.zeros(len(diameter))
    for run in _runs(where):
        largest[run] = diameter[run].max()
    return largest


def _lesion(
    kind: Literal["stenosis", "dilation"],
    sections: VesselSections,
    run: slice,
    grid: FloatArray,
    diameter: FloatArray,
    diseased: NDArray[np.bool_],
    parameters: LesionParameters,
) -> Lesion:
    inside = (sections.along_mm >= grid[run.start]) & (sections.along_mm <= grid[run.stop - 1])
    inside = inside if inside.any() else np.abs(sections.along_mm - grid[run].mean()) < grid[1] - grid[0] + 1e-9
    own = (
        np.flatnonzero(inside)
        if inside.any()
        else np.array([int(np.abs(sections.along_mm - grid[run.start]).argmin())])
    )
    d = sections.diameter_mm[own]
    at = int(own[d.argmin() if kind == "stenosis" else d.argmax()])
    here = float(sections.along_mm[at])
    length = max(3, round(parameters.reference_diameters * float(np.median(diameter)) / (grid[1] - grid[0])))
    proximal = _reference(grid, diameter, diseased, range(run.start - 1, run.start - 1 - length, -1))
    distal = _reference(grid, diameter, diseased, range(run.stop, run.stop + length))
    size = float(sections.diameter_mm[at])
    reference = _between(proximal, distal, here) or size
    nascet = ecst = None
    if kind == "stenosis" and "internal_carotid" in sections.branch:
        beyond = (grid > grid[run.stop - 1] + 2.0 * reference) & ~diseased
        normal = float(np.median(diameter[beyond])) if beyond.sum() >= 3 else (distal.diameter_mm if distal else None)
        nascet = 100.0 * (1.0 - size / normal) if normal else None
        ecst = 100.0 * (1.0 - size / reference)
    x, y, z = (float(c) for c in sections.center_mm[at])
    return Lesion(
        kind,
        sections.branch,
        here,
        (x, y, z),
        float(grid[run.start]),
        float(grid[run.stop - 1]),
        size,
        float(sections.min_diameter_mm[at]),
        float(sections.area_mm2[at]),
        reference,
        proximal,
        distal,
        100.0 * (1.0 - size / reference),
        100.0 * (1.0 - (size / reference) ** 2),
        nascet,
        ecst,
    )


def _reference(
    grid: FloatArray, diameter: FloatArray, diseased: NDArray[np.bool_], candidates: range
) -> ReferenceSegment | None:
    """The healthy places among neighboring ones, up to the next lesion or the vessel's end; None without any."""
    taken = []
    for n in candidates:
        if not 0 <= n < len(grid) or diseased[n]:
            break
        taken.append(n)
    if not taken:
        return None
    low, high = min(taken), max(taken)
    return ReferenceSegment(float(grid[low]), float(grid[high]), float(np.median(diameter[low : high + 1])))


def _between(proximal: ReferenceSegment | None, distal: ReferenceSegment | None, at_mm: float) -> float | None:
    if proximal is None or distal is None:
        only = proximal or distal
        return only.diameter_mm if only else None
    a, b = 0.5 * (proximal.from_mm + proximal.to_mm), 0.5 * (distal.from_mm + distal.to_mm)
    return float(np.interp(at_mm, [a, b], [proximal.diameter_mm, distal.diameter_mm]))
