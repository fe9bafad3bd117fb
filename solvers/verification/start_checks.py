"""How many beats a branching vessel needs by the pressures its outlets start from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import Inlet, RcrOutlet, Waveform
from solvers.network.tree import Segment, Terminal, periodic_state
from solvers.network.waveform import PeriodicCurve
from solvers.run.history import CycleWaveforms
from solvers.verification.meshes import BRANCH, INLET, OUTLET, tee
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import BLOOD, DENSITY, VISCOSITY, opened_solver

FloatArray = NDArray[np.float64]

WIDTH, ARM = 4e-3, 1.2e-2
PERIOD, LIMIT, MOST_BEATS = 0.8, 0.01, 12
MEAN_FLOW, MEAN_PRESSURE = 2e-6, 1.2e4
SHARES = (0.65, 0.35)
TIME_CONSTANT = 1.5 * PERIOD


def _pulse() -> Waveform:
    t = PERIOD * np.arange(40) / 40
    shape = 0.15 + np.where(t < 0.3, np.sin(np.pi * t / 0.3) ** 2, 0.0)
    return Waveform(tuple(t.tolist()), tuple((MEAN_FLOW * shape / shape.mean()).tolist()))


def _arm() -> Segment:
    """An arm of the vessel as a tube of the same area."""
    return Segment.of_vessel((0.0, ARM), (WIDTH / np.sqrt(np.pi),) * 2, DENSITY, VISCOSITY)


def terminals() -> list[Terminal]:
    """The outlets and the arms that lead to them."""
    total = [MEAN_PRESSURE / (share * MEAN_FLOW) for share in SHARES]
    return [Terminal(0.06 * r, TIME_CONSTANT / (0.94 * r), 0.94 * r, 0.0, _arm()) for r in total]


def lumped_start() -> FloatArray:
    """Pressures (2,) over the compliances at the start of a beat of the lumped vessel's periodic state [Pa]."""
    state = periodic_state(PeriodicCurve(_pulse(), PERIOD), PERIOD, terminals(), _arm())
    return np.asarray(state.compliance_pressures[0])


def changes(p_initial: FloatArray, steps: int, most_beats: int = MOST_BEATS) -> list[float]:
    """The largest change of a flow or pressure from each beat to the next, from these pressures [Pa] on.

    The last one is the first that is within ``LIMIT``, or that of ``most_beats``.
    """
    outlets = tuple(
        RcrOutlet(patch, name, closed.r_proximal, closed.c, closed.r_distal, p_initial=float(pressure))
        for patch, name, closed, pressure in zip(
            (OUTLET, BRANCH), ("end", "branch"), terminals(), p_initial, strict=True
        )
    )
    inlet = Inlet(INLET, "inlet", _pulse(), "parabolic")
    solver = opened_solver(tee(2, WIDTH), (inlet,), outlets, PERIOD, steps, fluid=BLOOD)
    waveforms, found = CycleWaveforms(steps, 3), list[float]()
    for beat in range(most_beats):
        for _ in range(steps):
            waveforms.record(solver.step())
        change = waveforms.periodicity_error() if beat else None
        waveforms.turn_over()
        if change is not None:
            found.append(change)
            if change <= LIMIT:
                break
    return found


def check_start(progress: Progress, long: bool) -> list[Row]:
    """Beats until a branching duct repeats itself within 1 %, from rest and from the lumped vessel's periodic state."""
    steps, source = (200 if long else 60), "its periodic state repeats itself: the second beat is as the first"
    progress(0.0, "From rest")
    rest = changes(np.zeros(2), steps)
    progress(0.6, "From the mean pressure")
    mean = changes(np.full(2, MEAN_PRESSURE), steps)
    progress(0.8, "From the lumped vessel's periodic state")
    lumped = changes(lumped_start(), steps)
    filling = "off by d at first: change d (1 - q) q**(n - 2) from beat n - 1 to n, q = exp(-T/RC)"
    off = abs(float(lumped_start().mean()) - MEAN_PRESSURE) / MEAN_PRESSURE
    return [
        Row("start", "beats from rest", "", 1.0 + len(rest), _expected(1.0), 1.0, filling, True),
        Row("start", "beats from the mean pressure", "", 1.0 + len(mean), _expected(off), 1.0, filling, True),
        Row("start", "beats from the lumped state", "", 1.0 + len(lumped), 2.0, 0.0, source, True),
        Row("start", "change after the first beat from the lumped state", "", lumped[0], 0.0, LIMIT, source, True),
    ]


def _expected(off: float) -> float:
    """Beats until the pressures change by no more than ``LIMIT``, when they begin so far off (a part of them)."""
    decay = float(np.exp(-PERIOD / TIME_CONSTANT))
    return 2.0 + float(np.ceil(np.log(LIMIT / (off * (1.0 - decay))) / np.log(decay)))
