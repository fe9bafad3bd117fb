"""Definitions of the wall indices on signals whose indices are known."""

from __future__ import annotations

import numpy as np

from solvers.indices.wall import cycle_integrals, osi, rrt, tawss
from solvers.verification.row import Progress, Row

SOURCE = "closed form"


def check_indices(progress: Progress, long: bool) -> list[Row]:
    """OSI of a constant, a sine and 1 + 2 sin; TAWSS and RRT of the constant."""
    period, count = 0.8, 200_000 if long else 20_000
    times = period * np.arange(count) / count
    sine = np.sin(2.0 * np.pi * times / period)
    direction = np.array([0.6, 0.0, 0.8])
    signals = np.stack([np.full(count, 2.0), sine, 1.0 + 2.0 * sine], axis=1)[:, :, None] * direction
    vector, magnitude = cycle_integrals(signals, times, period)
    oscillation, mean = osi(vector, magnitude), tawss(magnitude, period)
    return [
        Row("indices", "OSI of a constant stress", "", float(oscillation[0]), 0.0, 1e-9, SOURCE, is_absolute=True),
        Row("indices", "OSI of a sine", "", float(oscillation[1]), 0.5, 1e-9, SOURCE, is_absolute=True),
        Row("indices", "OSI of 1 + 2 sine", "", float(oscillation[2]), 0.151808, 1e-6, SOURCE, is_absolute=True),
        Row("indices", "TAWSS of 2 Pa", "Pa", float(mean[0]), 2.0, 1e-9, SOURCE),
        Row("indices", "RRT of 2 Pa", "1/Pa", float(rrt(oscillation, mean)[0]), 0.5, 1e-9, SOURCE),
    ]
