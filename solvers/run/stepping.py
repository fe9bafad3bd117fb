"""Steps of the length that the spec asks for, each made of 2**level equal steps of the solver.

Rule. A step shows a sign of trouble (solvers/run/guard.py): go back to the last good state, which is at least
``GOOD_EVERY`` steps old where the cycle has so many, and halve the solver's steps. After a number of quiet steps they
are doubled again, if the CFL number leaves room; a halving that follows a doubling doubles that number. Soft signs
halve at most ``MOST_SOFT`` times, because a step that shows one can be kept. What is recorded stays on the spec's
steps. Equations that stay unsolved, with as large a residual, after ``STAGNANT`` halvings in a row end the run at
once: smaller steps do not help them. All ranks see the same reports, so they decide alike; a checkpoint holds the level
and the counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import RunError
from solvers.flow.solver import FlowSolver, FlowState, StepReport
from solvers.run.growth import EnergyMark, EnergyWatch
from solvers.run.guard import STAGNATES, Guard, Trouble, unsolved

FloatArray = NDArray[np.float64]

GOOD_EVERY = 10
QUIET_STEPS = 20
MOST_QUIET_STEPS = 1_000_000
MOST_SOFT = 2
STAGNANT = 3
FALLS = 0.5
"""A residual that halving the steps has brought below this part of what it was is on its way."""
ROOM = 0.7
"""Doubled steps may have this part of the CFL number that went wrong."""


class StepFailed(Exception):
    """A step shows a sign of trouble; ``cfl`` is that of the last step without one, NaN if there was none."""

    def __init__(self, trouble: Trouble, cfl: float) -> None:
        super().__init__(trouble.sentence)
        self.trouble, self.cfl = trouble, cfl


@dataclass(frozen=True, eq=False)
class GoodState:
    """A state to go back to: the flow, its energy, and the integrals of the wall's shear stress."""

    step: int
    flow: FlowState
    energy: EnergyMark
    wall: tuple[FloatArray, FloatArray, float]


class Stepper:
    """Advances a flow by the spec's time steps.

    Attributes
    ----------
    step
        Number of the last whole step of the spec.
    level
        How often its length is halved now.
    """

    def __init__(
        self, flow: FlowSolver, guard: Guard, watch: EnergyWatch, dt: float, max_halvings: int, refactor_every: int
    ) -> None:
        self._flow, self._guard, self._watch, self._dt = flow, guard, watch, dt
        self._max_level, self._refactor_every = max_halvings, refactor_every
        self.step = self.level = 0
        self._quiet, self._quiet_needed = 0, QUIET_STEPS
        self._has_grown = False
        self._failed_cfl = self._last_cfl = np.nan
        self._good: list[GoodState] = []
        self._unsolved: list[float] = []
        """Residuals left by the last tries, with ever smaller steps, to solve the equations of about one instant ..."""
        self._unsolved_until = 0
        """... which is past after this step."""

    @property
    def time(self) -> float:
        """At the end of the last whole step [s]."""
        return self.step * self._dt

    @property
    def dt(self) -> float:
        """Length of the solver's steps now [s]."""
        return float(self._dt / 2**self.level)

    def advance(self) -> StepReport:
        """One step of the spec.

        Raises
        ------
        StepFailed
            :meth:`halve` may then go back.
        """
        if self.step % self._refactor_every == 0:
            self._flow.synchronize(self.time)
        reports = []
        for _ in range(2**self.level):
            report = self._step()
            trouble = self._guard.judge(report, self._flow.dt) or self._judge_energy(report)
            if trouble is not None and trouble.code == STAGNATES:
                place = self._flow.place_of_residual() or trouble.place
                trouble = unsolved(
                    *("velocity", trouble.residual, report.velocity_iterations, report.time, place, self._flow.dt)
                )
            if trouble is not None and not (trouble.is_soft and self.level >= min(MOST_SOFT, self._max_level)):
                raise StepFailed(trouble, self._last_cfl)
            self._last_cfl = report.cfl
            reports.append(report)
        self.step += 1
        self._quiet += 1
        if self.step > self._unsolved_until:
            self._unsolved = []
        self._flow.set_clock(self.time)
        return _joined(reports, self.step, self.time)

    def _step(self) -> StepReport:
        """A step of the solver; a pressure that it cannot find is a sign of trouble like others."""
        try:
            return self._flow.step()
        except RunError as error:
            if error.code != "pressure_solve":
                raise
            raise StepFailed(self._guard.unsolved_pressure(self._flow), self._last_cfl) from error

    def _judge_energy(self, report: StepReport) -> Trouble | None:
        if not self._good:
            return None
        good = self._good[0]
        return self._watch.judge(report, self._flow.dt, good.energy, good.flow.fields["velocity"])

    def keep(self, wall: tuple[FloatArray, FloatArray, float], is_first: bool) -> None:
        """Remember the present state as good, from time to time; ``is_first`` forgets all before it."""
        if not is_first and self.step % GOOD_EVERY:
            return
        vector, magnitude, duration = wall
        now = self._flow.copy()
        state = GoodState(self.step, now, self._watch.mark(), (vector.copy(), magnitude.copy(), duration))
        self._good = [state] if is_first else [*self._good, state][-2:]

    def halve(self, failure: StepFailed) -> GoodState | None:
        """Go back to a good state and halve the steps; None when they were halved as often as is allowed."""
        if self.level >= self._max_level or not self._good or self._is_stagnant(failure.trouble):
            return None
        state = self._good[0]
        self._good = [state]
        self.level += 1
        self._flow.go_back(state.flow)
        self._watch.work = state.energy.work
        self._watch.forget()
        self.step = state.step
        self._change()
        self._failed_cfl = float(np.fmin(self._failed_cfl, 2.0 * failure.cfl))
        self._last_cfl = np.nan
        if self._has_grown:
            self._quiet_needed = min(MOST_QUIET_STEPS, 2 * self._quiet_needed)
        self._has_grown = False
        return state

    def _is_stagnant(self, trouble: Trouble) -> bool:
        """Whether equations stay unsolved however small the steps have become."""
        if trouble.code != STAGNATES:
            self._unsolved = []
            return False
        self._unsolved_until = max(self.step + 1, self._unsolved_until)
        self._unsolved.append(trouble.residual)
        tries = self._unsolved[-STAGNANT - 1 :]
        return len(tries) > STAGNANT and not tries[-1] < FALLS * tries[0]

    def grow(self, report: StepReport) -> bool:
        """Double the steps after quiet ones, if that leaves room; returns whether it did."""
        has_room = not (2.0 * report.cfl > ROOM * self._failed_cfl)
        if self.level == 0 or self._quiet < self._quiet_needed or not has_room:
            return False
        self.level -= 1
        self._has_grown = True
        self._change()
        return True

    def _change(self) -> None:
        self._flow.change_step(self.dt)
        self._guard.forget()
        self._quiet = 0

    def state(self) -> FloatArray:
        """For a checkpoint."""
        counts = [self.level, self._quiet, self._quiet_needed, self._has_grown]
        return np.array([*counts, self._failed_cfl, self._last_cfl, self._watch.largest])

    def restore(self, step: int, state: FloatArray | None) -> None:
        """Go on from a checkpoint; the flow is restored already."""
        self.step = step
        if state is not None:
            level, quiet, needed, has_grown, self._failed_cfl, self._last_cfl, *largest = state.tolist()
            self._watch.largest = largest[0] if largest else 0.0
            self.level, self._quiet, self._quiet_needed = int(level), int(quiet), int(needed)
            self._has_grown = bool(has_grown)
        self._flow.dt = self.dt
        self._flow.synchronize(self.time)


def _joined(reports: list[StepReport], step: int, time: float) -> StepReport:
    """The report of a step of the spec: flows and pressures at its end, the worst of everything else."""
    last = reports[-1]
    fastest = max(reports, key=lambda report: report.max_speed)
    return replace(
        last,
        step=step,
        time=time,
        velocity_iterations=max(report.velocity_iterations for report in reports),
        velocity_residual=max(report.velocity_residual for report in reports),
        pressure_iterations=max(report.pressure_iterations for report in reports),
        cfl=max(report.cfl for report in reports),
        max_speed=fastest.max_speed,
        fastest_point=fastest.fastest_point,
        splitting_imbalance=max((report.splitting_imbalance for report in reports), key=abs),
    )
