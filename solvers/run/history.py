"""What a run remembers of its cycles: the waveforms of the caps, and the shear stress on the wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.flow.solver import StepReport

FloatArray = NDArray[np.float64]


class CycleWaveforms:
    """Flow and pressure of the caps at every step of this cycle and the one before.

    Attributes
    ----------
    current, previous : (steps_per_cycle, 2, n_caps)
        Flow [m3/s] out of the vessel and pressure [Pa]; ``previous`` is NaN in the first.
    splitting : (steps_per_cycle,)
        Splitting imbalance [m3/s] in this cycle, see :class:`~solvers.flow.solver.StepReport`.
    """

    def __init__(self, steps_per_cycle: int, n_caps: int) -> None:
        self.current = np.full((steps_per_cycle, 2, n_caps), np.nan)
        self.previous = np.full((steps_per_cycle, 2, n_caps), np.nan)
        self.splitting = np.full(steps_per_cycle, np.nan)

    def record(self, report: StepReport) -> None:
        """Take in a step."""
        index = (report.step - 1) % len(self.current)
        self.current[index, 0] = report.flows
        self.current[index, 1] = report.pressures
        self.splitting[index] = report.splitting_imbalance

    def turn_over(self) -> None:
        """A cycle is complete: the next one begins."""
        self.previous = self.current.copy()

    def forget_previous(self) -> None:
        """Compare the next cycle with none, because something else than the flow has changed."""
        self.previous[:] = np.nan

    def periodicity_error(self) -> float | None:
        """Largest relative L2 change of a cap's waveform from the cycle before to this one; None for the first.

        ||now - before|| / ||now|| for every flow and every pressure; a flow that is nothing beside the largest one
        (1e-6 of it) counts relative to the largest.
        """
        if np.isnan(self.previous).any():
            return None
        change = np.linalg.norm(self.current - self.previous, axis=0)
        size = np.linalg.norm(self.current, axis=0)
        size = np.maximum(size, 1e-6 * size.max(axis=1, keepdims=True))
        return float((change / np.where(size > 0.0, size, 1.0)).max())


class WallHistory:
    """Time integrals of the wall shear stress over a cycle, at this rank's wall vertices.

    Attributes
    ----------
    vector : (n_wall, 3)
        Integral of the stress [Pa s].
    magnitude : (n_wall,)
        Integral of its magnitude [Pa s].
    duration
        Time integrated over [s].
    """

    def __init__(self, n_wall: int) -> None:
        self.vector = np.zeros((n_wall, 3))
        self.magnitude = np.zeros(n_wall)
        self.duration = 0.0

    def record(self, stress: FloatArray, dt: float) -> None:
        """Take in the stress (n_wall, 3) [Pa] of a step."""
        self.vector += dt * stress
        self.magnitude += dt * np.linalg.norm(stress, axis=1)
        self.duration += dt

    def turn_over(self) -> None:
        """A cycle is complete: the next one begins."""
        self.vector[:] = 0.0
        self.magnitude[:] = 0.0
        self.duration = 0.0
