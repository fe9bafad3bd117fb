"""How quick the stress in a wall is found: a row of `angiotwin bench wall`."""

from __future__ import annotations

import time
from typing import Any

from app.workflow.memory import PeakMemory
from app.workflow.reduced_bench import bench_row
from app.workflow.units import pa_from_mmhg
from imaging.types import Progress

TIME_LIMIT_S, MEMORY_LIMIT_MB = 300.0, 8192.0
CELLS_ALONG = (52, 160, 2)
"""Around, along and across a quarter of the aneurysm of ``verify wall_prestress``: 99 840 tetrahedra."""
PRESSURE_MMHG = 120.0


def wall_rows(progress: Progress) -> list[dict[str, Any]]:
    """The unloaded shape and the stress of an aneurysm of 100 000 elements, nonlinear: time and memory."""
    from solvers.verification.wall_checks import held_at_ends
    from solvers.verification.wall_shapes import bulged_tube
    from solvers.wall.materials import raghavan_vorp
    from solvers.wall.solver import WallSolver
    from solvers.wall.stress import at_corners, von_mises

    mesh = bulged_tube(CELLS_ALONG)
    started = time.perf_counter()
    with PeakMemory() as memory:
        solver = WallSolver(mesh, [raghavan_vorp()], held_at_ends(mesh))
        state = solver.inverse(pa_from_mmhg(PRESSURE_MMHG), progress)
        von_mises(at_corners(mesh, solver.stress(state)))
    seconds = time.perf_counter() - started
    how = f"{mesh.n_cells} quadratic tetrahedra, {state.facts['n_newton']:.0f} Newton steps, one process"
    return [
        bench_row("wall-time", seconds, TIME_LIMIT_S, "s", how),
        bench_row("wall-memory", memory.peak_mb, MEMORY_LIMIT_MB, "MB", how),
    ]
