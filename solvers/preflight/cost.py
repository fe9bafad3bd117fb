"""What a run will cost: time and memory, as estimates from measured runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import RunSpec
from solvers.preflight.finding import Finding

SECONDS_PER_CELL_STEP = 2.2e-6
"""One process, quadratic velocity, measured (docs/solver-doctor.md)."""
RANK_EXPONENT = 0.8
"""Two processes are 1.6 to 1.8 times as fast as one."""
STEADY_FILLINGS = 6
"""How often a vessel is filled until a steady flow is found, a guess."""
BYTES_PER_RANK = 255e6
BYTES_PER_CELL = 5.0e3
START_SECONDS = 6.0
MEASURED = "measured on the project's machine (docs/solver-doctor.md); an estimate"


def expected_bytes(n_cells: int, n_ranks: int) -> float:
    """Peak memory of all processes."""
    return BYTES_PER_RANK * n_ranks + BYTES_PER_CELL * n_cells


def expected_seconds(n_cells: int, n_steps: int, n_ranks: int) -> float:
    """Time to solve so many steps."""
    return START_SECONDS + SECONDS_PER_CELL_STEP * n_cells * n_steps / float(n_ranks**RANK_EXPONENT)


def available_bytes(n_ranks: int = 1) -> float:
    """Memory that so many processes may take: what is free, or what a limit on each or on their container leaves."""
    import resource

    import psutil

    found = [float(psutil.virtual_memory().available)]
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        now = psutil.Process().memory_info()
        found.append(float(n_ranks * (soft - now.vms + now.rss)))
    with contextlib.suppress(OSError, ValueError):
        root = Path("/sys/fs/cgroup")
        found.append(
            float((root / "memory.max").read_text(encoding="utf-8"))
            - float((root / "memory.current").read_text(encoding="utf-8"))
        )
    return max(0.0, min(found))


def check_cost(spec: RunSpec, mesh: MeshArrays, n_ranks: int, memory: float | None) -> Iterator[Finding]:
    """Expected time, and memory beside what there is (``memory`` [bytes], None if that is not to be judged)."""
    cells, steps = len(mesh.tets), spec.time.steps_per_cycle
    cycles = spec.time.max_cycles if spec.time.limit is None else spec.time.min_cycles
    turns = "fillings of the vessel" if spec.time.is_steady else "cycles"
    if spec.time.is_steady:
        cycles = min(STEADY_FILLINGS, spec.time.max_cycles)
    seconds = expected_seconds(cells, steps * cycles, n_ranks)
    shown = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else ""
    yield Finding(
        "expected_time",
        "info",
        f"{cycles} {turns} of {steps} steps on {cells} cells will take about {shown or f'{seconds / 3600:.1f} h'} with "
        f"{n_ranks} process(es) (an estimate).",
        *("expected time", seconds, "s", None, None, MEASURED),
    )
    needed = expected_bytes(cells, n_ranks)
    if memory is not None and needed > memory:
        yield Finding(
            "not_enough_memory",
            "error",
            f"The run needs about {needed / 1e9:.2g} GB of memory, but only {memory / 1e9:.2g} GB are free: close "
            "other programs, take fewer processes, mesh the vessel more coarsely, or use a larger machine.",
            *("expected memory", needed / 1e9, "GB", None, memory / 1e9, MEASURED),
            about_mesh=True,
        )
    else:
        yield Finding(
            "expected_memory",
            "info",
            f"The run needs about {needed / 1e9:.2g} GB of memory (an estimate).",
            *("expected memory", needed / 1e9, "GB", None, None if memory is None else memory / 1e9, MEASURED),
        )
