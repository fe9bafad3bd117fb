"""The carotid-stenosis twin from head motion: which stenosis of an internal carotid fits a trace, with its band.

A reconstruction of Chakshu et al. (2019), whose equations were not at hand; everything that the answer rests on is an
assumption with its range, in ``ASSUMPTIONS`` and in the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.head_library import (
    FLOW_RANGES,
    MOST_PERCENT,
    STENOSIS,
    Library,
    Range,
    library_at,
    state_of,
)
from app.workflow.head_trace import UNITS, Pulse, Trace, pulse_of, read_trace, write_trace
from app.workflow.tempering import tempered_samples
from imaging.types import FloatArray, Progress, silent
from solvers.network.head_motion import Head, at_times, compliance, displacement, force_on_head
from solvers.network.one_d.head_arteries import DENSITY, SOURCE, HeadState, head_geometry, head_network
from solvers.network.one_d.solver import Scheme, solve_network

ComplexArray = NDArray[np.complex128]

RECONSTRUCTION = (
    "A reconstruction of Chakshu et al. 2019 (Int. J. Numer. Method. Biomed. Eng. 35:e3180): their equations were "
    "not at hand. It was tested on made traces only, never on a patient."
)
HEAD_RANGES: tuple[Range, ...] = (
    Range("mass", "kg", 3.5, 6.0, "of the head"),
    *(Range(f"frequency_{axis}", "Hz", 3.0, 8.0, f"of the head on its neck along {axis}") for axis in "xyz"),
    *(Range(f"damping_{axis}", "1", 0.2, 0.5, f"over the critical damping along {axis}") for axis in "xyz"),
    *(Range(f"tilt_{axis}", "deg", -5.0, 5.0, f"of the trace's axes to the head's about {axis}") for axis in "xyz"),
)
SHIFT = Range("shift", "beat", 0.0, 1.0, "from the first sample to the start of an ejection")
UNKNOWNS: tuple[Range, ...] = (STENOSIS, *FLOW_RANGES[1:], *HEAD_RANGES, SHIFT)
MODEL_ERROR = 0.03
"""Of each harmonic's amplitude, independent of the others: what the model of a head is wrong by. An assumption."""
N_PARTICLES, SEED = 1000, 1
NONE_BELOW = 20.0
"""[%] A stenosis whose band reaches below it cannot be told from none; an assumption."""
ASSUMPTIONS = (
    f"Arteries: {SOURCE}.",
    "The head ends at the skull base, behind the stenosis: what is lost there no longer pushes it. The neck's own pull "
    "on the vessels, the veins and turning of the head are left out.",
    "The force is the sum of pA + rho Q^2/A over the cuts, less the rate of the momentum of the blood in the head.",
    "Along each axis the head is a mass on a spring with a damper; the axes of the trace are x to the left, y to the "
    "back, z up.",
    "The heart beats evenly while the trace is taken; one internal carotid is narrowed, over 10 mm, at most.",
    f"The model of a head is wrong by {100 * MODEL_ERROR:.0f} % in each harmonic, besides what is not known in these "
    "ranges.",
)


@dataclass(frozen=True, eq=False)
class HeadFit:
    """Which stenosis fits a trace.

    Attributes
    ----------
    percent, low, high
        Of the diameter: median, and the band that holds 90 %, of the more probable side.
    side, side_chance
        Which internal carotid, and how probable that is when there is one of at least ``NONE_BELOW``.
    chances
        That it is at least 50, 70, 90 %, whichever side.
    samples : (n,)
        Signed percentages that are equally likely: left above 0.
    pulse, fitted
        What beats in the trace, and the same of the best sample, (3, k) [m or m/s2].
    """

    percent: float
    low: float
    high: float
    side: str
    side_chance: float
    chances: dict[int, float]
    samples: FloatArray
    pulse: Pulse
    fitted: ComplexArray
    kind: str

    @property
    def is_told_from_none(self) -> bool:
        """Whether the band excludes small stenoses."""
        return self.low >= NONE_BELOW

    @property
    def sentence(self) -> str:
        """The answer in a line."""
        band = f"{self.percent:.0f} %, 90 % band {self.low:.0f} to {self.high:.0f} %"
        if self.is_told_from_none:
            return f"{band}, side {self.side} (probability {self.side_chance:.2f})"
        return f"{band}: cannot be told from no stenosis"

    def as_dict(self) -> dict[str, Any]:
        """As it is told, with what it rests on."""
        return {
            "answer": self.sentence,
            "stenosis_percent": self.percent,
            "low_percent": self.low,
            "high_percent": self.high,
            "side": self.side,
            "side_probability": self.side_chance,
            "is_told_from_none": self.is_told_from_none,
            "probability_at_least": {str(least): chance for least, chance in self.chances.items()},
            "heart_rate_per_min": self.pulse.heart_rate,
            "explained_by_pulse": self.pulse.explained,
            "n_harmonics": self.pulse.amplitudes.shape[1],
            "reconstruction": RECONSTRUCTION,
            "assumptions": list(ASSUMPTIONS),
            "ranges": [one.as_dict() for one in UNKNOWNS],
        }


def _scaled(points: FloatArray) -> FloatArray:
    lows, widths = (np.array([getattr(one, of) for one in UNKNOWNS]) for of in ("low", "width"))
    return np.asarray(lows + points * widths)


def predicted(library: Library, numbers: FloatArray, pulse: Pulse, kind: str) -> tuple[ComplexArray, FloatArray]:
    """Harmonics (m, 3, k) of the motion for unknowns (m, 18), and the squares of the library's own error in them."""
    n, k = len(numbers), pulse.amplitudes.shape[1]
    n_flow = len(FLOW_RANGES) - 1
    flow = np.column_stack([np.full(n, pulse.heart_rate), numbers[:, 1 : 1 + n_flow]])
    mass, own, damping, tilt = np.split(numbers[:, 1 + n_flow : -1], (1, 4, 7), axis=1)
    turned = _rotation(np.radians(tilt))
    force, wrong = (each[:, :, :k] for each in library.force(numbers[:, 0], flow))
    force, wrong = turned @ force, turned**2 @ wrong**2
    frequency = pulse.heart_rate / 60.0 * np.arange(1, k + 1)
    answer = compliance(frequency, mass[:, :, None], own[:, :, None], damping[:, :, None])
    if kind == "acceleration":
        answer = answer * -((2.0 * np.pi * frequency) ** 2)
    late = np.exp(2j * np.pi * numbers[:, -1:] * np.arange(1, k + 1))[:, None, :]
    return force * answer * late, wrong * np.abs(answer) ** 2


def _rotation(angles: FloatArray) -> FloatArray:
    """Of small angles (m, 3) about x, y, z [rad]: (m, 3, 3)."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(angles).as_matrix())


def fit_pulse(
    library: Library,
    pulse: Pulse,
    kind: str,
    seed: int = SEED,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> HeadFit:
    """Which stenoses fit what beats in a trace."""

    def log_likelihood(points: FloatArray) -> FloatArray:
        made, wrong = predicted(library, _scaled(points), pulse, kind)
        variance = pulse.noise[:, None] ** 2 + wrong + (MODEL_ERROR * np.abs(made)) ** 2
        miss = np.abs(made - pulse.amplitudes) ** 2
        return np.asarray(-np.sum(miss / variance + np.log(variance), axis=(1, 2)))

    is_periodic = np.array([one.name == SHIFT.name for one in UNKNOWNS])
    points = tempered_samples(log_likelihood, len(UNKNOWNS), N_PARTICLES, seed, is_periodic, progress, is_cancelled)
    best = points[int(np.argmax(log_likelihood(points)))]
    fitted = predicted(library, _scaled(best[None]), pulse, kind)[0][0]
    signed = _scaled(points)[:, 0]
    size = np.abs(signed)
    sided = size >= NONE_BELOW
    left = float(np.mean(signed[sided] > 0.0)) if sided.any() else 0.5
    low, middle, high = np.percentile(size, (5.0, 50.0, 95.0))
    return HeadFit(
        *(float(middle), float(low), float(high), "left" if left >= 0.5 else "right", max(left, 1.0 - left)),
        {least: float(np.mean(size >= least)) for least in (50, 70, 90)},
        *(signed, pulse, fitted, kind),
    )


def fit_trace(
    trace: Trace,
    library: Library,
    seed: int = SEED,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> HeadFit:
    """The stenosis that fits a trace; CaseError ``no_heartbeat``, ``cancelled``."""
    return fit_pulse(library, pulse_of(trace), trace.kind, seed, progress, is_cancelled)


def fit_file(
    file: Path,
    unit: str | None = None,
    library_file: Path | None = None,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> HeadFit:
    """Of a file's trace; the library is taken from its file, or made (minutes) and kept there.

    Raises
    ------
    CaseError, RunError
        What is wrong with the trace or the library; ``cancelled``.
    """
    trace = read_trace(file, unit)
    pulse = pulse_of(trace)  # before the minutes that a library takes
    library = library_at(library_file, lambda part, text: progress(0.8 * part, text), is_cancelled)
    return fit_pulse(
        library,
        pulse,
        trace.kind,
        progress=lambda part, text: progress(0.8 + 0.2 * part, text),
        is_cancelled=is_cancelled,
    )


@dataclass(frozen=True)
class Recording:
    """How a head is recorded.

    Attributes
    ----------
    seconds, rate
        How long [s], how many samples a second.
    noise_db
        Power of the pulse over that of white noise, all axes together; None without noise.
    tilt_deg
        Of the axes of the trace about x, y, z.
    """

    seconds: float = 60.0
    rate: float = 50.0
    noise_db: float | None = 20.0
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    kind: str = "displacement"
    seed: int = 0


MADE_SCHEME = Scheme(spacing=0.01, samples=128, periodic_within=1e-3)
MADE_SHORTEST = 0.005
"""[m]. Both finer than the library's."""


def made_trace(state: HeadState, head: Head, recording: Recording = Recording()) -> Trace:
    """A trace of a state, solved for itself and not taken from a library, from a random instant of the beat."""
    network = head_network(replace(state, shortest=MADE_SHORTEST))
    force = force_on_head(solve_network(network, MADE_SCHEME), head_geometry(), DENSITY)
    turned = force @ _rotation(np.radians(np.array([recording.tilt_deg])))[0].T
    beat = displacement(turned, state.period, head)
    rng = np.random.default_rng(recording.seed)
    times = np.arange(round(recording.seconds * recording.rate)) / recording.rate
    values = at_times(beat, state.period, times + rng.random() * state.period)
    if recording.kind == "acceleration":
        order = 2j * np.pi / state.period * np.arange(len(beat) // 2 + 1)[:, None]
        beat = np.fft.irfft(order**2 * np.fft.rfft(beat, axis=0), len(beat), axis=0)
        values = at_times(beat, state.period, times + np.random.default_rng(recording.seed).random() * state.period)
    if recording.noise_db is not None:
        size = np.sqrt(np.sum(values**2) / values.size * 10.0 ** (-recording.noise_db / 10.0))
        values = values + size * rng.standard_normal(values.shape)
    return Trace(times, values, recording.kind)  # type: ignore[arg-type]  # one of the two


def make_trace_file(
    out: Path,
    percent: float = 70.0,
    side: str = "left",
    heart_rate: float = 70.0,
    mass: float = 5.0,
    frequency: float = 5.0,
    damping: float = 0.3,
    unit: str = "mm",
    recording: Recording = Recording(),
) -> dict[str, Any]:
    """Write a made trace.

    Raises
    ------
    CaseError
        ``bad_value`` for what is outside its range, ``bad_trace``, ``cannot_write``.
    """
    if side not in ("left", "right"):
        raise CaseError("bad_value", f"{side!r} is no side: give left or right.")
    if unit not in UNITS:
        raise CaseError("bad_trace", f"{unit!r} is no unit of a head's motion: give one of {', '.join(UNITS)}.")
    for name, value, low, high in (
        ("stenosis", percent, 0.0, MOST_PERCENT),
        ("heart rate", heart_rate, FLOW_RANGES[0].low, FLOW_RANGES[0].high),
        ("mass", mass, 1.0, 10.0),
        ("frequency", frequency, 1.0, 20.0),
        ("damping", damping, 0.01, 2.0),
        ("length", recording.seconds, 1.0, 3600.0),
        ("number of samples a second", recording.rate, 1.0, 1000.0),
        ("noise", 20.0 if recording.noise_db is None else recording.noise_db, -40.0, 200.0),
    ):
        if not low <= value <= high:
            raise CaseError("bad_value", f"The {name} of {value:g} is not from {low:g} to {high:g}.")
    middle = np.array([heart_rate, *(0.5 * (one.low + one.high) for one in FLOW_RANGES[1:])])
    state = state_of(percent if side == "left" else -percent, middle)
    recording = replace(recording, kind=UNITS[unit][0])
    head = Head(mass, (frequency,) * 3, (damping,) * 3)
    trace = made_trace(state, head, recording)
    write_trace(trace, out, unit)
    return {
        "file": out.name,
        "stenosis_percent": percent,
        "side": side,
        "heart_rate_per_min": heart_rate,
        "head": {"mass_kg": mass, "frequency_hz": frequency, "damping": damping},
        "n_samples": len(trace.times),
        "kind": trace.kind,
        "unit": unit,
        "largest": float(np.abs(trace.values).max() / UNITS[unit][1]),
        "reconstruction": RECONSTRUCTION,
    }
