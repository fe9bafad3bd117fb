"""One series that holds the same slices several times: heart phases, times after the injection, reconstructions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.dicom.images import Image
from imaging.errors import ImagingError

_SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class Phase:
    """One of several stacks of a series; ``id`` is what a user types, ``label`` what a user reads."""

    id: str
    label: str
    images: tuple[Image, ...]


_Key = Callable[[Image], float | str | None]


def _number(name: str) -> _Key:
    return lambda image: image.numbers.get(name)


_WAYS: tuple[tuple[_Key, str, str], ...] = (
    (_number("NominalPercentageOfCardiacPhase"), "{:g}%", "{:g} % of the heart beat"),
    (_number("TemporalPositionIdentifier"), "t{:g}", "time {:g}"),
    (_number("TriggerTime"), "{:g}ms", "{:g} ms after the R wave"),
    (_number("AcquisitionNumber"), "a{:g}", "acquisition {:g}"),
    (lambda image: image.words.get("ConvolutionKernel"), "{}", "kernel {}"),
)
"""Which attribute tells the phases apart, in the order of preference; how a phase is typed and read."""


def split_phases(images: Sequence[Image]) -> list[Phase]:
    """The phases of a series, in order; one without a name when no slice place is used twice.

    A series is split by the first attribute that leaves at most one image at each place in every part. Where none does,
    the series stays whole, and `imaging.dicom.geometry` refuses its doubled slices.
    """
    whole = [Phase("", "", tuple(images))]
    if any(image.position_mm is None for image in images):
        return whole
    n_places = len({_place(image) for image in images})
    if n_places == len(images):
        return whole
    for key, typed, read in _WAYS:
        parts: dict[float | str, list[Image]] = defaultdict(list)
        for image in images:
            value = key(image)
            if value is None:
                break
            parts[value].append(image)
        else:
            few = 1 < len(parts) <= 2 * len(images) / n_places
            if few and all(len({_place(i) for i in part}) == len(part) > 1 for part in parts.values()):
                return [Phase(typed.format(v), read.format(v), tuple(parts[v])) for v in sorted(parts, key=_order)]
    return whole


def chosen_phase(phases: Sequence[Phase], wanted: str) -> Phase:
    """The phase that a user named, or the only one.

    Raises
    ------
    ImagingError
        ``several_phases``, ``phase_unknown``.
    """
    ids = ", ".join(phase.id for phase in phases)
    if not wanted:
        if len(phases) > 1:
            raise ImagingError(
                "several_phases", f"This series holds {len(phases)} phases ({ids}); say which one to read."
            )
        return phases[0]
    plain = _plain(wanted)
    for phase in phases:
        if plain in (_plain(phase.id), _plain(phase.label)) and phase.id:
            return phase
    if len(phases) == 1:
        raise ImagingError("phase_unknown", f"This series has one phase only, so there is no phase {wanted!r}.")
    raise ImagingError("phase_unknown", f"This series has no phase {wanted!r}; there are: {ids}.")


def phase_of_description(text: str) -> str:
    """What a description says about the phase (``"BestDiast 75 %"`` gives ``"75 %"``), or an empty text."""
    percent = re.search(r"(?<![\d.])(100|\d{1,2}(?:\.\d)?)\s?%", text)
    if percent:
        return f"{percent.group(1)} %"
    low = text.lower()
    named = {
        "late arterial": ("late art",),
        "arterial": ("arter", "art.", "art "),
        "portal venous": ("portal",),
        "venous": ("venous", "ven."),
        "delayed": ("delay", "late"),
        "not enhanced": ("non contrast", "noncontrast", "non-contrast", "native", "nativ", "unenhanced", "w/o"),
        "systole": ("systol", "systole"),
        "diastole": ("diast",),
    }
    return next((name for name, signs in named.items() if any(sign in f"{low} " for sign in signs)), "")


def _place(image: Image) -> tuple[int, ...]:
    assert image.position_mm is not None
    return tuple(int(np.rint(x / _SAME_PLACE_MM)) for x in image.position_mm)


def _order(value: float | str) -> tuple[float, str]:
    return (value, "") if isinstance(value, float) else (0.0, str(value))


def _plain(text: str) -> str:
    return "".join(text.split()).rstrip("%").lower()
