"""Seeing that a solution goes wrong, and saying why in plain words."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.flow.solver import StepReport

FloatArray = NDArray[np.float64]

MAX_BLOOD_SPEED = 15.0
"""[m/s]. A jet that fast would need a pressure drop of 900 mmHg (Bernoulli, 4 v**2 mmHg with v in m/s)."""
MANY_ITERATIONS = 60
"""Iterations of the velocity solver that tell of a time step too large; 2 to 10 are usual."""
ALTERNATIONS = 6
"""So many changes of sign in a row of a pressure's second difference, from step to step, are no physics ..."""
ALTERNATION_SHARE = 0.02
"""... when they are larger than this part of the pressure's range in the cycle or of the dynamic pressure."""


@dataclass(frozen=True)
class Trouble:
    """A sign that the time step is too large.

    Attributes
    ----------
    code
        ``not_finite``, ``too_fast``, ``cfl``, ``not_converged``; soft are ``many_iterations`` and ``alternating``.
    is_soft
        The step itself can be kept when it cannot be made smaller.
    """

    code: str
    sentence: str
    place: tuple[float, float, float] | None = None
    is_soft: bool = False


class Guard:
    """Judges steps.

    Parameters
    ----------
    max_cfl
        CFL number above which a step is not trusted.
    peak_inlet_speed
        Largest mean speed over an inlet in a cycle [m/s].
    density
        Of the blood [kg/m3].
    """

    def __init__(self, max_cfl: float, peak_inlet_speed: float, density: float) -> None:
        self._max_cfl, self._density = max_cfl, density
        self._max_speed = max(MAX_BLOOD_SPEED, 50.0 * peak_inlet_speed)
        self._pressures: deque[FloatArray] = deque(maxlen=ALTERNATIONS + 3)
        self._low: FloatArray | None = None
        self._high: FloatArray | None = None

    def forget(self) -> None:
        """Judge the steps from here on alone: their length has changed, or something else than the flow has."""
        self._pressures.clear()
        self._low = self._high = None

    def judge(self, report: StepReport, dt: float) -> Trouble | None:
        """What is wrong with a step, if anything."""
        x, y, z = report.fastest_point
        where = f"at {1e3 * x:.1f}, {1e3 * y:.1f}, {1e3 * z:.1f} mm, {report.time:.4f} s after the start"
        smaller = (
            f"take a time step below {1e3 * dt:.3g} ms (more steps a cycle), or refine the mesh there if it is coarse"
        )
        place = report.fastest_point
        numbers = [report.max_speed, *report.flows.tolist(), *report.pressures.tolist()]
        if not all(math.isfinite(number) for number in numbers):
            return Trouble("not_finite", f"The velocity became infinite {where}: {smaller}.")
        if report.cfl > self._max_cfl:
            return Trouble(
                "cfl", f"The flow crosses {report.cfl:.0f} cells in one time step {where}: {smaller}.", place
            )
        if report.max_speed > self._max_speed:
            return Trouble(
                "too_fast",
                f"The velocity reached {report.max_speed:.1f} m/s {where}, which no blood flow does: check the inflow "
                f"and the size of the vessel, or {smaller}.",
                place,
            )
        if not report.velocity_converged:
            return Trouble("not_converged", f"The velocity equations could not be solved {where}: {smaller}.", place)
        if self._alternates(report):
            return Trouble(
                "alternating", f"The pressure alternates from step to step {where}: {smaller}.", place, is_soft=True
            )
        if report.velocity_iterations > MANY_ITERATIONS:
            return Trouble(
                "many_iterations",
                f"The velocity equations needed {report.velocity_iterations} iterations {where}: {smaller}.",
                place,
                is_soft=True,
            )
        return None

    def _alternates(self, report: StepReport) -> bool:
        """Whether the second difference of some cap's pressure has changed its sign with every step, and matters."""
        now = report.pressures
        self._low = now.copy() if self._low is None else np.minimum(self._low, now)
        self._high = now.copy() if self._high is None else np.maximum(self._high, now)
        self._pressures.append(now.copy())
        if len(self._pressures) < ALTERNATIONS + 3:
            return False
        second = np.diff(np.array(self._pressures), n=2, axis=0)
        flips = (second[1:] * second[:-1] < 0.0).all(axis=0)
        scale = np.maximum(self._high - self._low, 0.5 * self._density * report.max_speed**2)
        return bool((flips & (np.abs(second).min(axis=0) / 4.0 > ALTERNATION_SHARE * scale)).any())


def diverged(trouble: Trouble) -> RunError:
    """The end of a run whose steps cannot be made smaller."""
    return RunError("diverged", trouble.sentence, trouble.place, ExitCode.DIVERGED)
