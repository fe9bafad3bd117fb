"""Periodic waveforms between their samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from solvers.contract.spec import Waveform

FloatArray = NDArray[np.float64]


class PeriodicCurve:
    """A waveform at any time: a periodic cubic spline through its samples, so that its derivative is smooth too."""

    def __init__(self, waveform: Waveform, period: float) -> None:
        self._period = period
        t, values = np.array(waveform.t), np.array(waveform.values)
        self._constant = float(values[0])
        self._spline: CubicSpline | None = None
        if len(t) > 1:
            if t[-1] > period * (1.0 - 1e-9):
                t, values = t[:-1], values[:-1]
            self._spline = CubicSpline(np.append(t, t[0] + period), np.append(values, values[0]), bc_type="periodic")
            self._first = float(t[0])

    def __call__(self, time: ArrayLike) -> FloatArray:
        """Values at times [s], any shape."""
        time = np.asarray(time, dtype=float)
        if self._spline is None:
            return np.full(time.shape, self._constant)
        result: FloatArray = self._spline(self._first + np.mod(time - self._first, self._period))
        return result

    def sample(self, count: int) -> FloatArray:
        """Values (count,) at equal intervals over one period, from time 0."""
        return self(self._period * np.arange(count) / count)

    @property
    def mean(self) -> float:
        """Mean over a period."""
        if self._spline is None:
            return self._constant
        return float(self._spline.integrate(self._first, self._first + self._period)) / self._period


def harmonics(samples: FloatArray) -> NDArray[np.complex128]:
    """Complex amplitudes ``c`` (n // 2 + 1,) of samples (n,) over a period: value = Re sum c_k exp(2 pi i k t / T)."""
    amplitudes: NDArray[np.complex128] = np.fft.rfft(samples) / len(samples)
    amplitudes[1:] *= 2.0
    if len(samples) % 2 == 0:
        amplitudes[-1] *= 0.5
    return amplitudes
