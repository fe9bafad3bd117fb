"""Is the prepared run well posed? What the check of the run's folder finds, in the units that people see."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.case.bundle import OpenCase
from app.workflow.simulate import compute, default_n_ranks, run_folder
from app.workflow.steps import Request
from imaging.types import Progress
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


def check_folder(folder: Path, progress: Progress) -> tuple[Finding, ...]:
    """The same of a prepared run's folder."""
    from solvers.preflight.check import preflight_folder

    progress(0.2, "Checking the run")
    return preflight_folder(folder, default_n_ranks())


def check_request(request: Request, progress: Progress) -> tuple[Finding, ...]:
    """The same of a run that these settings would make; the case is not changed."""
    with tempfile.TemporaryDirectory() as folder:
        compute(request, Path(folder), lambda fraction, text: progress(0.6 * fraction, text))
        return check_folder(Path(folder), lambda fraction, text: progress(0.6 + 0.4 * fraction, text))
