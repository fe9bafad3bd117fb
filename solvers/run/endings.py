"""How a run ends that has solved all its cycles and is not done."""

from __future__ import annotations

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.spec import RunSpec


def not_settled(spec: RunSpec, error: float | None, n_cycles: int) -> RunError:
    """``not_periodic`` or ``not_steady``: what still changes, by how much, and what to do.

    Parameters
    ----------
    error
        Largest change from the cycle before, None if it is unknown.
    """
    shown = "unknown" if error is None else f"{100.0 * error:.2g} %"
    if spec.time.is_steady:
        return RunError(
            "not_steady",
            f"The flow still changes by {shown} in the time that fills the vessel once, after {n_cycles} such "
            f"times (limit {100.0 * spec.time.steady_tolerance:.2g} %): it needs more of them, or it has "
            "no steady state and must be solved as pulsatile flow.",
            exit_code=ExitCode.NOT_PERIODIC,
        )
    return RunError(
        "not_periodic",
        f"The flow still changes by {shown} from cycle to cycle after {n_cycles} cycles (limit "
        f"{100.0 * (spec.time.periodicity_limit or 0.0):.2g} %): its results are there; to go on with more "
        "cycles, let the Doctor apply its fix (`doctor --apply`).",
        exit_code=ExitCode.NOT_PERIODIC,
    )
