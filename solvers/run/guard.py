"""Seeing that a solution goes wrong, and saying why in plain words."""

from __future__ import annotations

import math

from solvers.contract.errors import ExitCode, RunError
from solvers.flow.solver import StepReport

MAX_BLOOD_SPEED = 15.0
"""[m/s]. A jet that fast would need a pressure drop of 900 mmHg (Bernoulli, 4 v**2 mmHg with v in m/s)."""


class Guard:
    """Stops a run that diverges.

    Parameters
    ----------
    max_cfl
        CFL number above which the run stops.
    peak_inlet_speed
        Largest mean speed over an inlet in a cycle [m/s].
    """

    def __init__(self, max_cfl: float, peak_inlet_speed: float) -> None:
        self._max_cfl = max_cfl
        self._max_speed = max(MAX_BLOOD_SPEED, 50.0 * peak_inlet_speed)

    def check(self, report: StepReport, dt: float) -> None:
        """Raise RunError ``diverged`` if the step cannot be trusted."""
        x, y, z = report.fastest_point
        where = f"at {1e3 * x:.1f}, {1e3 * y:.1f}, {1e3 * z:.1f} mm, {report.time:.4f} s after the start"
        smaller = (
            f"take a time step below {1e3 * dt:.3g} ms (more steps a cycle), or refine the mesh there if it is coarse"
        )
        if not math.isfinite(report.max_speed):
            cause = f"The velocity became infinite {where}: {smaller}."
        elif report.max_speed > self._max_speed:
            cause = (
                f"The velocity reached {report.max_speed:.1f} m/s {where}, which no blood flow does: check the inflow "
                f"and the size of the vessel, or {smaller}."
            )
        elif report.cfl > self._max_cfl:
            cause = f"The flow crosses {report.cfl:.0f} cells in one time step {where}: {smaller}."
        elif not report.velocity_converged:
            cause = f"The velocity equations could not be solved {where}: {smaller}."
        else:
            return
        place = report.fastest_point if math.isfinite(report.max_speed) else None
        raise RunError("diverged", cause, place, ExitCode.DIVERGED)
