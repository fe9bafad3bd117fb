"""A library of heads that their pulse shakes: stenoses of 0 to 99 % on either side, and what lies between.

All of it is a reconstruction, see :mod:`solvers.network.head_motion`; every range below is an assumption.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.inflow import ejection_time_s
from app.workflow.units import M3_PER_ML, pa_from_mmhg
from imaging.types import FloatArray, Progress, silent
from solvers.contract.errors import RunError
from solvers.network.head_motion import force_harmonics, force_on_head
from solvers.network.one_d.head_arteries import DENSITY, HeadState, head_geometry, head_network
from solvers.network.one_d.solver import Scheme, solve_networks

ComplexArray = NDArray[np.complex128]

SCHEMA = 1
MOST_PERCENT = 99.0
N_HARMONICS = 5
N_MEMBERS = 512
"""Of a library; more make it more exact: its own error is measured and widens the bands."""
SCHEME = Scheme(spacing=0.03, samples=64, periodic_within=1e-2)
SEED = 20190110
FILLED = 0.05
"""Part of the stroke volume that keeps the zeros of the inflow's spectrum away."""
PARTS = 8
"""In which a library is cut: each is foretold from the others to measure the library's error."""
RIDGE = 0.003
LOGARITHMIC = (0, 3)
"""Of the flow's numbers: heart rate and stiffness."""


@dataclass(frozen=True)
class Range:
    """A quantity that is not known: anything between two bounds is as likely; an assumption."""

    name: str
    unit: str
    low: float
    high: float
    meaning: str

    @property
    def width(self) -> float:
        """Between the bounds."""
        return self.high - self.low

    def as_dict(self) -> dict[str, str | float]:
        """As it is told."""
        return {"name": self.name, "unit": self.unit, "low": self.low, "high": self.high, "meaning": self.meaning}


STENOSIS = Range(
    "stenosis",
    "%",
    -MOST_PERCENT,
    MOST_PERCENT,
    "reduction of the internal carotid's diameter; left above 0, right below",
)
FLOW_RANGES: tuple[Range, ...] = (
    Range("heart_rate", "1/min", 48.0, 105.0, "of the heart"),
    Range("stroke_volume", "mL", 50.0, 105.0, "of the heart"),
    Range("mean_pressure", "mmHg", 75.0, 115.0, "of the arteries"),
    Range("stiffness", "1", 0.6, 1.8, "of all walls, over that of the published network"),
    Range("ejection", "1", 0.88, 1.12, "time of the ejection over that of Weissler's regression"),
    Range("collaterals", "1", 0.5, 1.4, "radius of the communicating arteries over the published network's"),
    Range("brain", "1", 0.75, 1.25, "conductance of the brain over the published network's"),
)


def state_of(percent: float, flow: FloatArray) -> HeadState:
    """What a signed percentage and the numbers of ``FLOW_RANGES`` (7,) mean."""
    rate, stroke, pressure, stiffness, ejection, collaterals, brain = (float(number) for number in flow)
    return HeadState(
        stenosis=abs(percent) / 100.0,
        side="left" if percent >= 0.0 else "right",
        period=60.0 / rate,
        stroke_volume=stroke * M3_PER_ML,
        ejection=ejection * ejection_time_s(rate),
        mean_pressure=pa_from_mmhg(pressure),
        stiffness=stiffness,
        collaterals=collaterals,
        brain=brain,
    )


def harmonics_of(
    states: list[HeadState], progress: Progress = silent, is_cancelled: Callable[[], bool] = lambda: False
) -> list[ComplexArray | None]:
    """Amplitudes (3, 5) of the force [N] on the head of each state; None where the flow could not be solved."""
    geometry = head_geometry()
    solved = solve_networks([head_network(one) for one in states], SCHEME, None, progress, is_cancelled)
    return [
        None if isinstance(one, RunError) else force_harmonics(force_on_head(one, geometry, DENSITY), N_HARMONICS)
        for one in solved
    ]


def severity(percent: FloatArray) -> FloatArray:
    """A signed percentage as a number in which forces are nearly straight, -1 to 1: (A0/As - 1) / (A0/As + 9)."""
    ratio = (1.0 - np.minimum(np.abs(percent), MOST_PERCENT) / 100.0) ** -2
    return np.asarray(np.sign(percent) * (ratio - 1.0) / (ratio + 9.0))


@dataclass(frozen=True, eq=False)
class Library:
    """Solved members.

    Attributes
    ----------
    percent : (n,)
        Signed stenoses.
    flow : (n, 7)
        Numbers of ``FLOW_RANGES``.
    harmonics : (n, 3, 5)
        Force [N] by axis and harmonic.
    """

    percent: FloatArray
    flow: FloatArray
    harmonics: ComplexArray

    @cached_property
    def _between(self) -> _Surface:
        return _Surface(self.percent, self.flow, self._reduced())

    @cached_property
    def error(self) -> FloatArray:
        """(3, 5) root mean square of what members foretold from the others miss, over the inflow's harmonics
        [N s/m3]; every so-manieth member (``PARTS``) at a time.
        """
        values, square = self._reduced(), np.zeros((3, N_HARMONICS))
        part = np.random.default_rng(SEED).permutation(len(self.percent)) % PARTS
        for number in range(PARTS):
            known, asked = part != number, part == number
            made = _Surface(self.percent[known], self.flow[known], values[known])(self.percent[asked], self.flow[asked])
            square += np.sum(np.abs(made - values[asked]) ** 2, axis=0)
        return np.asarray(np.sqrt(square / len(values)))

    def _reduced(self) -> ComplexArray:
        return np.asarray(self.harmonics / self._drive(self.flow))

    def force(self, percent: FloatArray, flow: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """Amplitudes (m, 3, 5) [N] at signed percentages (m,) and flow numbers (m, 7), and their error [N]."""
        drive = self._drive(flow)
        return np.asarray(self._between(percent, flow) * drive), self.error * np.abs(drive)

    @staticmethod
    def _drive(flow: FloatArray) -> ComplexArray:
        """(n, 1, 5) about the harmonics of the inflow [m3/s]: forces go nearly with them, which spares members.

        A pulse of sine squared, from 0 to t: f V exp(-i pi f t) 2 sinc(f t) / (1 - (f t)^2) with sinc(x) = sin(pi x) /
        (pi x), its zeros filled.
        """
        rate, volume = flow[:, :1] / 60.0, flow[:, 1:2] * M3_PER_ML
        ejection = flow[:, 4:5] * np.array([[ejection_time_s(float(one))] for one in flow[:, 0]])
        order = np.arange(1.0, N_HARMONICS + 1.0)
        x = order * rate * ejection
        size = np.abs(np.sinc(x) / np.where(np.abs(x - 1.0) < 1e-6, 1e-6, 1.0 - x**2))
        drive = 2.0 * rate * volume * np.exp(-1j * np.pi * x) * np.where(np.abs(x - 1.0) < 1e-6, 0.5, size + FILLED)
        return np.asarray(drive[:, None, :])


class _Surface:
    """Values (n, 3, 5) of members at any other place: a polynomial by least squares. A stenosis of the right is that of
    the left in a mirror, but for terms that change with the side.
    """

    def __init__(self, percent: FloatArray, flow: FloatArray, values: ComplexArray) -> None:
        columns = _columns(percent, flow)
        known = _mirrored(percent, values).reshape(len(values), -1)
        flat = np.concatenate([known.real, known.imag], axis=1)
        ridge = np.sqrt(RIDGE) * np.eye(columns.shape[1])
        more = np.zeros((len(ridge), flat.shape[1]))
        self._weights = np.linalg.lstsq(np.vstack([columns, ridge]), np.vstack([flat, more]), rcond=None)[0]

    def __call__(self, percent: FloatArray, flow: FloatArray) -> ComplexArray:
        flat = _columns(percent, flow) @ self._weights
        real, imaginary = np.split(flat.reshape(len(percent), 2, 3, N_HARMONICS), 2, axis=1)
        return _mirrored(percent, (real + 1j * imaginary)[:, 0])


def _mirrored(percent: FloatArray, values: ComplexArray) -> ComplexArray:
    turned = np.array(values)
    turned[percent < 0.0, 0] *= -1.0
    return turned


def _places(percent: FloatArray, flow: FloatArray) -> FloatArray:
    """(n, 9): severity, side, and the numbers of the flow from -1/2 to 1/2; heart rate and stiffness by logarithms."""
    scaled = [(flow[:, i] - one.low) / one.width - 0.5 for i, one in enumerate(FLOW_RANGES)]
    for i in LOGARITHMIC:
        low, high = np.log(FLOW_RANGES[i].low), np.log(FLOW_RANGES[i].high)
        scaled[i] = (np.log(flow[:, i]) - low) / (high - low) - 0.5
    return np.column_stack([np.abs(severity(percent)), np.where(percent < 0.0, -1.0, 1.0), *scaled])


def _columns(percent: FloatArray, flow: FloatArray) -> FloatArray:
    """Of the polynomial: of fourth order in heart rate and stiffness, which say where waves resound, else lower."""
    places = _places(percent, flow)
    grade, side, numbers = places[:, 0], places[:, 1], places[:, 2:].T
    rate, stiffness = numbers[LOGARITHMIC[0]], numbers[LOGARITHMIC[1]]
    others = [numbers[i] for i in range(len(FLOW_RANGES)) if i not in LOGARITHMIC]
    waves = {n: [rate**i * stiffness**j for i in range(n + 1) for j in range(n + 1 - i)] for n in (1, 2, 4)}
    terms = [*waves[4], *(grade * one for one in waves[2]), *(grade**2 * one for one in waves[2])]
    terms += [grade**3 * one for one in waves[1]] + [side * one for one in (*waves[1], grade, *others)] + [grade**4]
    terms += [one * two for n, one in enumerate(others) for two in others[n:]]
    for one in others:
        terms += [one * two for two in waves[2]] + [grade * one * two for two in waves[1]] + [grade**2 * one]
    return np.column_stack(terms)


def make_library(
    n_members: int = N_MEMBERS, progress: Progress = silent, is_cancelled: Callable[[], bool] = lambda: False
) -> Library:
    """Solve a library, evenly spread over all ranges (a scrambled Sobol sequence).

    Raises
    ------
    CaseError
        ``bad_members``.
    RunError
        ``cancelled``.
    """
    from scipy.stats import qmc

    if not 128 <= n_members <= 8192:
        raise CaseError("bad_members", f"A library of {n_members} networks is not made: give 128 to 8192.")
    spread = qmc.Sobol(1 + len(FLOW_RANGES), rng=SEED).random_base2(int(np.ceil(np.log2(n_members))))[:n_members]
    percent = STENOSIS.low + STENOSIS.width * spread[:, 0]
    flow = np.array([one.low for one in FLOW_RANGES]) + spread[:, 1:] * [one.width for one in FLOW_RANGES]
    found = harmonics_of([state_of(*one) for one in zip(percent, flow, strict=True)], progress, is_cancelled)
    kept = np.array([one is not None for one in found])
    return Library(percent[kept], flow[kept], np.array([one for one in found if one is not None]))


def save_library(library: Library, file: Path) -> None:
    """As ``.npz``; CaseError ``cannot_write``."""
    try:
        with file.open("wb") as stream:
            np.savez_compressed(
                stream,
                schema_version=SCHEMA,
                ranges=_ranges(),
                percent=library.percent,
                flow=library.flow,
                harmonics=library.harmonics,
            )
    except OSError as error:
        raise CaseError("cannot_write", f"The library cannot be written to {file} ({error.strerror}).") from error


def read_library(file: Path) -> Library:
    """A library that was saved; CaseError ``bad_library`` if it is none, or one of other ranges."""
    try:
        with np.load(file) as held:
            arrays = {name: np.array(held[name]) for name in held.files}
        if int(arrays["schema_version"]) != SCHEMA or not np.array_equal(arrays["ranges"], _ranges()):
            raise CaseError("bad_library", f"{file.name} was made with other ranges: remove it, and it is made anew.")
        library = Library(arrays["percent"], arrays["flow"], arrays["harmonics"])
        shapes = (len(library.percent), len(FLOW_RANGES)), (len(library.percent), 3, N_HARMONICS)
        if (library.flow.shape, library.harmonics.shape) != shapes or not np.isfinite(library.harmonics).all():
            raise ValueError("its arrays do not fit together")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError("bad_library", f"{file.name} is no library of heads ({error}): name one, or none.") from error
    return library


def _ranges() -> FloatArray:
    return np.array([(one.low, one.high) for one in (STENOSIS, *FLOW_RANGES)])


def library_at(
    file: Path | None, progress: Progress = silent, is_cancelled: Callable[[], bool] = lambda: False
) -> Library:
    """The library of a file, made and kept there if there is none yet; without a file it is made."""
    if file is not None and file.exists():
        return read_library(file)
    library = make_library(progress=progress, is_cancelled=is_cancelled)
    if file is not None:
        save_library(library, file)
    return library
