"""A trace of a head's motion: read from a file and judged, and its pulse found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.head_library import FLOW_RANGES, N_HARMONICS
from imaging.types import FloatArray

ComplexArray = NDArray[np.complex128]
Kind = Literal["displacement", "acceleration"]

UNITS: dict[str, tuple[Kind, float]] = {
    "m": ("displacement", 1.0),
    "cm": ("displacement", 1e-2),
    "mm": ("displacement", 1e-3),
    "um": ("displacement", 1e-6),
    "m/s2": ("acceleration", 1.0),
    "mm/s2": ("acceleration", 1e-3),
    "g": ("acceleration", 9.80665),
    "mg": ("acceleration", 9.80665e-3),
}
BAND_HZ = (0.75, 5.0)
"""In which the pulse is looked for, as in Balakrishnan et al. 2013 (recalled)."""
LEAST_RATE_HZ, LEAST_TIME_S, LARGEST_GAP = 10.0, 10.0, 1.5
PLAUSIBLE: dict[Kind, tuple[float, float]] = {"displacement": (1e-6, 5e-3), "acceleration": (5e-4, 2.0)}
"""Root mean square of all axes in the band [m, m/s2] beyond which the unit must be wrong; an assumption."""
LEAST_EXPLAINED = 0.2
"""Part of what moves in the band that a heart beat and its harmonics must be."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Motion of a head.

    Attributes
    ----------
    times : (n,)
        [s], evenly.
    values : (n, 3)
        Displacement [m] or acceleration [m/s2]: x to the left of the head, y to its back, z up.
    """

    times: FloatArray
    values: FloatArray
    kind: Kind

    @property
    def rate(self) -> float:
        """Samples per second."""
        return float((len(self.times) - 1) / (self.times[-1] - self.times[0]))


@dataclass(frozen=True, eq=False)
class Pulse:
    """What of a trace beats.

    Attributes
    ----------
    heart_rate
        [1/min].
    amplitudes : (3, k)
        Of the harmonics within the band, motion = Re sum a_k exp(2 pi i k f (t - t0)) from the first sample.
    noise : (3,)
        Root mean square of what noise adds to an amplitude.
    explained
        Part of the motion in the band that beats.
    """

    heart_rate: float
    amplitudes: ComplexArray
    noise: FloatArray
    explained: float


def read_trace(file: Path, unit: str | None = None) -> Trace:
    """A CSV file of four columns: time [s], and x, y, z.

    The unit is given, or stands in the heads of the columns as in ``x_mm``.

    Raises
    ------
    CaseError
        ``bad_trace``.
    """
    try:
        lines = [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(f"The trace {file.name} cannot be read ({type(error).__name__}): give a CSV file.") from error
    told = None
    if lines and re.search(r"[A-Za-z]", re.sub(r"(?i)nan|inf|[0-9.]e[+-]?[0-9]", "", lines[0])):
        told = _unit_of_heads(lines[0])
        lines = lines[1:]
    kind, scale = _unit(file, unit, told)
    rows = []
    for number, line in enumerate(lines, 1):
        words = re.split(r"[,;\t]|\s+", line.strip())
        if len(words) != 4:
            raise _bad(f"Row {number} of {file.name} has {len(words)} columns: give time [s], x, y and z, with commas.")
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            raise _bad(f"Row {number} of {file.name} is not four numbers ({line.strip()[:40]!r}).") from None
    if len(rows) < 3:
        raise _bad(f"{file.name} holds {len(rows)} samples: give at least {LEAST_TIME_S:g} s of motion.")
    table = np.array(rows)
    return checked(Trace(table[:, 0], table[:, 1:] * scale, kind), file.name)


def checked(trace: Trace, name: str) -> Trace:
    """The trace, evenly sampled from zero; CaseError ``bad_trace`` if it says nothing of a pulse."""
    t, values = trace.times, trace.values
    if not (np.isfinite(t).all() and np.isfinite(values).all()):
        row = int(np.argmin(np.isfinite(np.column_stack([t, values])).all(axis=1))) + 1
        raise _bad(f"{name} has a number that is not finite in row {row}: cut the trace there, or measure again.")
    steps = np.diff(t)
    if steps.min() <= 0.0:
        row = int(np.argmax(steps <= 0.0)) + 2
        raise _bad(f"The time of {name} does not grow in row {row}: sort the rows, and give the time in s.")
    step, length = float(np.median(steps)), float(t[-1] - t[0])
    if 1.0 / step < LEAST_RATE_HZ:
        raise _bad(
            f"{name} has {1.0 / step:.3g} samples a second: give at least {LEAST_RATE_HZ:g}, or the time in s if it is "
            "in another unit."
        )
    if length < LEAST_TIME_S:
        raise _bad(f"{name} lasts {length:.3g} s: give at least {LEAST_TIME_S:g} s, better a minute (time in s).")
    if steps.max() > LARGEST_GAP * step:
        at = float(t[int(np.argmax(steps))] - t[0])
        raise _bad(f"{name} has a gap of {steps.max():.3g} s after {at:.4g} s: give a piece without gaps.")
    even = np.linspace(0.0, length, len(t))
    made = Trace(even, np.column_stack([np.interp(even, t - t[0], column) for column in values.T]), trace.kind)
    size, (low, high) = float(np.sqrt(np.sum(_in_band(made) ** 2, axis=1).mean())), PLAUSIBLE[trace.kind]
    if not low <= size <= high:
        si = "m" if trace.kind == "displacement" else "m/s2"
        raise _bad(
            f"The {trace.kind} of {name} is {size:.2g} {si} (root mean square, {BAND_HZ[0]:g} to {BAND_HZ[1]:g} Hz); "
            f"that of a head with its pulse is {low:g} to {high:g}: check the unit."
        )
    return made


def pulse_of(trace: Trace) -> Pulse:
    """Heart rate and harmonics; CaseError ``no_heartbeat``."""
    from scipy.optimize import minimize_scalar

    values = trace.values - trace.values.mean(axis=0)
    slope = np.polyfit(trace.times, values, 1)
    values = values - np.outer(trace.times, slope[0]) - slope[1]
    window = np.hanning(len(values))
    padded = 8 * len(values)
    power = (np.abs(np.fft.rfft(values * window[:, None], padded, axis=0)) ** 2).sum(axis=1)
    grid = np.fft.rfftfreq(padded, 1.0 / trace.rate)
    floor = float(np.median(power[(grid >= BAND_HZ[0]) & (grid <= BAND_HZ[1])]))
    low, high = FLOW_RANGES[0].low / 60.0, FLOW_RANGES[0].high / 60.0
    candidates = np.arange(low, high, 0.25 / trace.times[-1])
    scores = [float(np.sum(np.interp(_orders(f) * f, grid, power) - 4.0 * floor)) for f in candidates]
    best = float(candidates[int(np.argmax(scores))])

    def rest(f: float) -> float:
        return float(np.sum((window[:, None] * (values - _fitted(values, window, trace.times, f)[1])) ** 2))

    reach = 0.4 / trace.times[-1]
    best = float(
        minimize_scalar(rest, bounds=(best - reach, best + reach), method="bounded", options={"xatol": 1e-6}).x
    )
    amplitudes, beating = _fitted(values, window, trace.times, best)
    in_band = (np.fft.rfftfreq(len(values), 1.0 / trace.rate) >= BAND_HZ[0]) & (
        np.fft.rfftfreq(len(values), 1.0 / trace.rate) <= BAND_HZ[1]
    )
    left = (np.abs(np.fft.rfft(window[:, None] * (values - beating), axis=0)) ** 2)[in_band]
    all_of_it = (np.abs(np.fft.rfft(window[:, None] * values, axis=0)) ** 2)[in_band]
    explained = 1.0 - float(left.sum() / all_of_it.sum())
    # a fit of so many waves to noise alone explains its own share
    by_chance = amplitudes.shape[1] * 3.0 / max(int(in_band.sum()), 1)
    if explained < LEAST_EXPLAINED + by_chance:
        raise CaseError(
            "no_heartbeat",
            f"No heart beat of {60 * low:.0f} to {60 * high:.0f} a minute is found in the trace: it explains "
            f"{100 * max(explained, 0.0):.0f} % of the motion from {BAND_HZ[0]:g} to {BAND_HZ[1]:g} Hz. Measure "
            "longer, and at rest.",
        )
    noise = np.sqrt(4.0 * left.mean(axis=0)) / window.sum()
    return Pulse(60.0 * best, amplitudes, noise, explained)


def _orders(frequency: float) -> FloatArray:
    return np.arange(1.0, min(N_HARMONICS, max(int(BAND_HZ[1] / frequency), 1)) + 1.0)


def _fitted(
    values: FloatArray, window: FloatArray, times: FloatArray, frequency: float
) -> tuple[ComplexArray, FloatArray]:
    """Amplitudes (3, k) of least squares under a window, and what they make (n, 3)."""
    waves = np.exp(2j * np.pi * frequency * np.outer(times, _orders(frequency)))
    columns = np.column_stack([waves.real, -waves.imag, np.ones_like(times)])
    found, *_ = np.linalg.lstsq(window[:, None] * columns, window[:, None] * values, rcond=None)
    k = waves.shape[1]
    return (found[:k] + 1j * found[k : 2 * k]).T, columns[:, : 2 * k] @ found[: 2 * k]


def _in_band(trace: Trace) -> FloatArray:
    spectrum = np.fft.rfft(trace.values - trace.values.mean(axis=0), axis=0)
    frequency = np.fft.rfftfreq(len(trace.times), 1.0 / trace.rate)
    spectrum[(frequency < BAND_HZ[0]) | (frequency > BAND_HZ[1])] = 0.0
    return np.asarray(np.fft.irfft(spectrum, len(trace.times), axis=0))


def write_trace(trace: Trace, file: Path, unit: str) -> None:
    """As :func:`read_trace` reads it; CaseError ``cannot_write`` or ``bad_trace``."""
    kind, scale = _unit(file, unit, None)
    if kind != trace.kind:
        raise _bad(f"{unit} is no unit of {trace.kind}.")
    word = unit.replace("/", "_per_")
    rows = "".join(
        f"{t:.5f},{x:.7g},{y:.7g},{z:.7g}\n" for t, (x, y, z) in zip(trace.times, trace.values / scale, strict=True)
    )
    try:
        file.write_text(f"time_s,x_{word},y_{word},z_{word}\n{rows}", encoding="utf-8")
    except OSError as error:
        raise CaseError("cannot_write", f"The trace cannot be written to {file} ({error.strerror}).") from error


def _unit_of_heads(line: str) -> str | None:
    words = [word.strip().strip('"') for word in re.split(r"[,;\t]", line)]
    found = {match[1].replace("_per_", "/") for word in words[1:] if (match := re.search(r"_([A-Za-z0-9_]+)$", word))}
    return found.pop() if len(found) == 1 else None


def _unit(file: Path, given: str | None, told: str | None) -> tuple[Kind, float]:
    if given is not None and told in UNITS and given != told:
        raise _bad(f"The heads of {file.name} say {told}, but {given} was given: leave the unit out, or correct it.")
    unit = given or told
    if unit is None:
        raise _bad(f"{file.name} does not say its unit: give one of {', '.join(UNITS)}.")
    if unit not in UNITS:
        raise _bad(f"{unit!r} is no unit of a head's motion: give one of {', '.join(UNITS)}.")
    return UNITS[unit]


def _bad(what: str) -> CaseError:
    return CaseError("bad_trace", what)
