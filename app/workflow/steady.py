"""Steady flow in a patient's vessel: the mean of the beat, for a mean pressure drop in minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.errors import CaseError

if TYPE_CHECKING:
    from app.workflow.simulate import Parameters
    from solvers.contract.spec import Time

STEADY_CFL = 4.0
"""Cells that the flow may cross in a step: the step decides how a steady state is reached, not what it is."""
FEWEST_STEPS = 40
RAMP = 0.1
"""Part of the first filling in which the inflow is brought up."""


def is_steady(chosen: Parameters) -> bool:
    """Whether steady flow was asked for."""
    return chosen.flow == "steady"


def require_no_pulse(chosen: Parameters) -> None:
    """Refuse what only a pulse has.

    Raises
    ------
    CaseError
        ``bad_parameter``.
    """
    if is_steady(chosen) and chosen.measured_profile:
        raise CaseError(
            "bad_parameter",
            "Velocities measured over a beat cannot drive a steady flow: leave out the file of measured velocities, or "
            "choose pulsatile flow.",
        )


def steady_time(arrays: Any, inlet_area_m2: float, flow_m3_s: float, chosen: Parameters) -> Time:
    """How a steady flow is marched to: the time that fills the vessel once, and steps of ``STEADY_CFL`` cells.

    Parameters
    ----------
    arrays
        The mesh [m], a ``solvers.contract.mesh_file.MeshArrays``.
    """
    from solvers.contract.spec import Time, Waveform
    from solvers.flow.time_step import recommend_steps

    corner = arrays.points[arrays.tets]
    volume = float(np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1])).sum() / 6.0)
    filling = volume / flow_m3_s
    advice = recommend_steps(arrays.points, arrays.tets, [inlet_area_m2], Waveform.constant(flow_m3_s), filling)
    recommended = int(np.ceil(filling * advice.peak_speed / (STEADY_CFL * advice.cell_size)))
    return Time(
        period=filling,
        steps_per_cycle=chosen.steps_per_cycle or max(FEWEST_STEPS, recommended),
        min_cycles=2,
        max_cycles=chosen.max_fillings,
        periodicity_limit=None,
        ramp=RAMP * filling,
        mode="steady",
        steady_tolerance=chosen.steady_limit,
    )
