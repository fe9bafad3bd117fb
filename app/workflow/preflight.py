"""Is the prepared run well posed? What the check of the run's folder finds, in the units that people see."""

from __future__ import annotations

from app.case.bundle import OpenCase
from app.workflow.simulate import default_n_ranks, run_folder
from solvers.preflight.finding import Finding


def check_run(opened: OpenCase, n_ranks: int | None = None) -> tuple[Finding, ...]:
    """Findings about the case's current run, errors first; each is a frozen record (see :class:`Finding`).

    Raises
    ------
    CaseError
        ``step_missing`` when no run was prepared.
    """
    from solvers.preflight.check import preflight_folder

    return preflight_folder(run_folder(opened), n_ranks or default_n_ranks())
