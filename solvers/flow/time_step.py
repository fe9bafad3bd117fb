"""How many time steps a cycle needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import Waveform
from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TARGET_CFL = 1.5
"""Cells that the flow may cross in one step at its peak, by the estimate of ``recommend_steps``."""
CFL_WITH_PASSES = 2.5
"""The same where the momentum equation is solved again while its convecting velocity is wrong (max_passes 3): there the
extrapolation does not limit the step, and the error in time of twice the step stays below that of the mesh
(docs/decisions/0009)."""
MIN_STEPS = 400
"""Steps a cycle has at least, so that a waveform with a sharp upstroke is followed."""


@dataclass(frozen=True)
class StepAdvice:
    """Steps for a cycle, and the estimates behind it: peak speed [m/s] and the cell size that counts [m]."""

    steps_per_cycle: int
    peak_speed: float
    cell_size: float


def recommend_steps(
    points: FloatArray,
    tets: IntArray,
    cap_areas: list[float],
    flow: Waveform,
    period: float,
    target_cfl: float = TARGET_CFL,
) -> StepAdvice:
    """Steps a cycle such that the flow's peak crosses ``target_cfl`` cells a step.

    The speed is estimated as twice the peak flow over the inlet's area: twice, because a profile's middle is faster
    than its mean and vessels narrow on their way. The cell size is the lower decile of the cells' longest edges,
    because thin cells at the wall lie along the flow.

    Parameters
    ----------
    points, tets
        The mesh [m].
    cap_areas
        Areas of the inlets [m2].
    """
    samples = np.abs(PeriodicCurve(flow, period).sample(512))
    speed = 2.0 * float(samples.max()) / min(cap_areas)
    corner = points[tets]
    longest = np.zeros(len(tets))
    for a in range(4):
        for b in range(a):
            longest = np.maximum(longest, np.linalg.norm(corner[:, a] - corner[:, b], axis=1))
    size = float(np.percentile(longest, 10.0))
    steps = int(np.ceil(period * speed / (target_cfl * size)))
    return StepAdvice(max(MIN_STEPS, 10 * int(np.ceil(steps / 10))), speed, size)
