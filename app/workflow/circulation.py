"""The current run solved again as a piece of a closed circulation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.simulate import default_n_ranks, run_folder
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from solvers.network.closed_loop import Agreement

UNITS = ("mmHg", "cgs")
"""Of the circulation's file: mmHg and mL, or dyn/cm2 and cm3; time in s."""


def solve_circulation(
    opened: OpenCase,
    out: Path,
    file: Path,
    ways: dict[str, str],
    units: str = "mmHg",
    n_ranks: int | None = None,
    progress: Progress = silent,
) -> Agreement:
    """Copy the current run to a new folder and solve it there in the circulation of a svZeroDSolver file.

    Raises
    ------
    CaseError, RunError
        When something does not fit, or the iteration fails.
    """
    from solvers.contract.files import MESH, SPEC
    from solvers.launch.circulation import solve_in_circulation
    from solvers.network.closed_loop import Units

    try:
        description: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CaseError("bad_circulation", f"The circulation's file {file} cannot be read ({error}).") from error
    if out.exists():
        raise CaseError("folder_exists", f"{out} exists already: name a new folder for the run in the circulation.")
    source = run_folder(opened)
    out.mkdir(parents=True)
    for name in (SPEC, MESH):
        shutil.copy2(source / name, out / name)

    def told(number: int) -> None:
        progress(min(0.9, 0.2 * number - 0.2), f"round {number}: the vessel")

    meaning = Units() if units == "mmHg" else Units(pressure=0.1)
    found = solve_in_circulation(out, description, ways, meaning, n_ranks or default_n_ranks(), told)
    progress(1.0, "The vessel and the circulation agree")
    return found
