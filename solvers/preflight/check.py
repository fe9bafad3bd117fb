"""Everything that can be said about a run before it is started."""

from __future__ import annotations

from pathlib import Path

from solvers.contract.errors import RunError
from solvers.contract.mesh_file import MeshArrays, check_mesh, read_mesh
from solvers.contract.spec import RunSpec, read_spec
from solvers.preflight.conditions import check_conditions
from solvers.preflight.cost import available_bytes, check_cost
from solvers.preflight.finding import Finding, in_order, of_error
from solvers.preflight.mesh_checks import check_cells, check_openings
from solvers.preflight.shape import openings


def preflight(
    spec: RunSpec, mesh: MeshArrays | None = None, n_ranks: int = 1, memory: float | None = None
) -> tuple[Finding, ...]:
    """Findings about a run, errors first; a run with an error is refused.

    Parameters
    ----------
    mesh
        Its mesh; without one only the conditions are judged.
    n_ranks
        Processes it will have, for the expected time and memory.
    memory
        Bytes that they may take together; None: do not judge.
    """
    try:
        spec.check()
        if mesh is not None:
            check_mesh(mesh, spec)
    except RunError as error:
        return (of_error(error),)
    return judged(spec, mesh, n_ranks, memory)


def judged(spec: RunSpec, mesh: MeshArrays | None, n_ranks: int, memory: float | None) -> tuple[Finding, ...]:
    """As :func:`preflight`, for a spec and a mesh that the contract has accepted already."""
    found: list[Finding] = []
    areas: dict[int, float] = {}
    if mesh is not None:
        caps = openings(mesh, tuple(cap.patch_id for cap in spec.caps))
        areas = {patch_id: opening.area for patch_id, opening in caps.items()}
        found += check_openings(spec, mesh)
    found += check_conditions(spec, areas)
    if mesh is not None:
        found += check_cells(spec, mesh)
        found += check_cost(spec, mesh, n_ranks, memory)
    return in_order(found)


def preflight_folder(run_dir: Path, n_ranks: int = 1, judge_memory: bool = True) -> tuple[Finding, ...]:
    """:func:`preflight` of a run folder, on the machine as it is; what the contract refuses is a finding too."""
    try:
        spec = read_spec(run_dir)
        mesh = read_mesh(run_dir, spec)
    except RunError as error:
        return (of_error(error),)
    return judged(spec, mesh, n_ranks, available_bytes(n_ranks) if judge_memory else None)
