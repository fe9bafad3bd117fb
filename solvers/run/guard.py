"""Seeing that a solution goes wrong, and saying why in plain words."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.flow.solver import FlowSolver, StepReport

FloatArray = NDArray[np.float64]

MAX_BLOOD_SPEED = 15.0
"""[m/s]. A jet that fast would need a pressure drop of 900 mmHg (Bernoulli, 4 v**2 mmHg with v in m/s)."""
MANY_ITERATIONS = 60
"""Iterations of the velocity solver that tell of a time step too large; 2 to 10 are usual."""
ALTERNATIONS = 6
"""So many changes of sign in a row of a pressure's second difference, from step to step, are no physics ..."""
ALTERNATION_SHARE = 0.02
"""... when they are larger than this part of the pressure's range in the cycle or of the dynamic pressure."""
ENERGY_GROWS, STAGNATES = "energy_grows", "solver_stagnates"
OWN_CODES = (ENERGY_GROWS, STAGNATES)
"""Signs whose name a run that ends by them bears; the others are told as ``diverged``."""


@dataclass(frozen=True)
class Trouble:
    """A sign that the time step is too large.

    Attributes
    ----------
    code
        ``not_finite``, ``too_fast``, ``cfl``, ``solver_stagnates``, ``energy_grows`` (solvers/run/growth.py); soft are
        ``many_iterations`` and ``alternating``.
    is_soft
        The step itself can be kept when it cannot be made smaller.
    residual
        Relative one of equations that could not be solved.
    """

    code: str
    sentence: str
    place: tuple[float, float, float] | None = None
    is_soft: bool = False
    residual: float = math.nan


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
            return unsolved("velocity", report.velocity_residual, report.velocity_iterations, report.time, place, dt)
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

    def unsolved_pressure(self, flow: FlowSolver) -> Trouble:
        """Why the iteration for the pressure has failed. All ranks must ask."""
        time, dt = flow.time + flow.dt, flow.dt
        if flow.mesh.comm.allreduce(int(not np.isfinite(flow.velocity).all())):
            smaller = f"take a time step below {1e3 * dt:.3g} ms (more steps a cycle)"
            return Trouble("not_finite", f"The velocity became infinite {time:.4f} s after the start: {smaller}.")
        return unsolved("pressure", math.nan, 0, time, None, dt)

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


def unsolved(
    which: str, residual: float, iterations: int, time: float, place: tuple[float, float, float] | None, dt: float
) -> Trouble:
    """Equations whose residual has stopped to fall; ``place`` is where the most of it is left."""
    where = ""
    if place is not None:
        x, y, z = (1e3 * number for number in place)
        where = f" at {x:.1f}, {y:.1f}, {z:.1f} mm,"
    left = f"{residual:.1g} of it is left after {iterations} iterations" if residual > 0.0 else "no number is left"
    return Trouble(
        STAGNATES,
        f"The {which} equations could not be solved{where} {time:.4f} s after the start: their residual no longer "
        f"falls ({left}); mesh the vessel again if cells there are almost flat, or take a time step below "
        f"{1e3 * dt:.3g} ms (more steps a cycle).",
        place,
        residual=residual,
    )


def ended_by(trouble: Trouble) -> RunError:
    """The end of a run whose steps cannot be made smaller."""
    if trouble.code in OWN_CODES:
        return RunError(trouble.code, trouble.sentence, trouble.place, ExitCode.DIVERGED)
    return RunError("diverged", trouble.sentence, trouble.place, ExitCode.DIVERGED)
