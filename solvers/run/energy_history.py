"""The energy balance of a cycle, from samples taken over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.energy import Energy, EnergyMeasure
from solvers.flow.solver import FlowSolver
from solvers.run.frames import frame_steps

FloatArray = NDArray[np.float64]

SAMPLES = 40
"""Instants of a cycle at which is measured, so that its cost stays small beside the steps."""


class EnergyHistory:
    """Samples of the present cycle; a step that is solved again overwrites its sample.

    Attributes
    ----------
    samples : (n, 3)
        Power in [W], dissipation [W] and kinetic energy [J], NaN where not measured yet.
    kinetic_before
        Kinetic energy at the start of the cycle [J].
    """

    def __init__(self, flow: FlowSolver, steps_per_cycle: int, density: float) -> None:
        self._flow = flow
        self._measure = EnergyMeasure(flow.mesh, tuple(flow.caps), density)
        self._index = {step: k for k, step in enumerate(sorted(frame_steps(steps_per_cycle, SAMPLES)))}
        self.samples = np.full((len(self._index), 3), np.nan)
        self.kinetic_before = 0.0

    def now(self) -> Energy:
        """The balance at this instant."""
        flow = self._flow
        return self._measure.measure(flow.velocity, flow.kinematic_pressure, flow.cell_viscosity)

    def record(self, step_in_cycle: int) -> None:
        """Measure, if this is one of the instants."""
        index = self._index.get(step_in_cycle)
        if index is not None:
            energy = self.now()
            self.samples[index] = energy.power_in, energy.dissipation, energy.kinetic

    def balance(self, period: float) -> dict[str, float]:
        """Means over the cycle that is complete [W], and the remainder as a share of the mean size of the power in.

        Its size, because inertia makes power go in and out again: the mean of it may be nothing beside that.
        """
        power, dissipation = (float(value) for value in np.nanmean(self.samples[:, :2], axis=0))
        rate = (float(self.samples[-1, 2]) - self.kinetic_before) / period
        remainder = power - dissipation - rate
        size = float(np.nanmean(np.abs(self.samples[:, 0])))
        return {
            "power_in_W": power,
            "dissipation_W": dissipation,
            "kinetic_rate_W": rate,
            "numerical_W": remainder,
            "numerical_share": remainder / size if size else 0.0,
        }

    def turn_over(self) -> None:
        """A cycle is complete: the next one begins."""
        self.kinetic_before = float(self.samples[-1, 2])
        self.samples[:] = np.nan

    def state(self) -> FloatArray:
        """For a checkpoint."""
        return np.append(self.samples.ravel(), self.kinetic_before)

    def restore(self, state: FloatArray | None) -> None:
        """Go on from a checkpoint; one without it leaves the samples out."""
        if state is not None and len(state) == self.samples.size + 1:
            self.samples = state[:-1].reshape(self.samples.shape).copy()
            self.kinetic_before = float(state[-1])
