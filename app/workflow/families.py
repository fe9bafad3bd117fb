"""Families of runs of a case: the current run solved again with some of its values changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.workflow.simulate import default_n_ranks, run_folder
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from solvers.launch.slurm import SlurmOptions


def plan_family(opened: OpenCase, out: Path, variations: Mapping[str, Sequence[str]]) -> int:
    """Write a run folder for every combination of changed values of the case's current run; returns how many.

    Names and values are those of :data:`solvers.launch.family.Changes`, in SI units. RunError and CaseError say what
    cannot be changed, or that no run was prepared.
    """
    from solvers.launch import family

    return len(family.plan(run_folder(opened), out, family.grid(variations)))


def solve_family(
    out: Path, n_ranks: int | None = None, progress: Progress = silent, queue: SlurmOptions | None = None
) -> list[dict[str, Any]]:
    """Solve what is not finished of a family, write its table and return the rows (SI units)."""
    from solvers.launch import family

    members = family.read_family(out)
    family.solve(members, n_ranks or default_n_ranks(), progress, queue)
    rows = family.table(members)
    family.write_table(out, rows)
    return rows
