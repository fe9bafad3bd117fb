"""How quick the one-dimensional networks are, against their limits and another program's published figure."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imaging.types import Progress

if TYPE_CHECKING:
    from solvers.network.one_d.network import Network1D

ADAN56_CYCLE_LIMIT_S = 2.0
SVONED_CASE_05_S = 17.7
"""svOneDSolver's time for its case 05, 10 000 steps of 1 ms: measured on 2026-11-22 on one core of an AMD Zen 5, the
machine of the performance study; not measured here."""
SVONED_LEAST_RATIO = 10.0
SVONED_SECONDS = 10.0
MISSING = "not measured: the file is not there (ANGIOTWIN_BENCHMARKS names the folder of the published networks)"


def bench_adan56(progress: Progress) -> dict[str, Any]:
    """A cycle of ADAN56 on one core against its limit."""
    from solvers.network.one_d.openbf import read_openbf

    name, goal, file = "reduced-adan56-cycle", "<= 1", _file("openbf/adan56.yaml")
    if file is None:
        return {"name": name, "value": None, "unit": "1", "goal": goal, "met": None, "how": MISSING}
    network = read_openbf(file)
    cycles, n_cells = seconds_of_cycles(network, 2e-3, 3)
    ratio = min(cycles) / ADAN56_CYCLE_LIMIT_S
    how = (
        f"{len(network.vessels)} vessels, {n_cells} cells of 2 mm, a cycle on one core, best of {len(cycles)}: "
        f"{min(cycles):.2f} s, limit {ADAN56_CYCLE_LIMIT_S:g} s"
    )
    return {"name": name, "value": round(ratio, 4), "unit": "1", "goal": goal, "met": ratio <= 1.0, "how": how}


def bench_svoned(progress: Progress) -> dict[str, Any]:
    """svOneDSolver's case 05 on cells as long as its elements, against the time published for it."""
    from solvers.network.one_d.svoned import read_svoned

    name, goal, file = "reduced-svoned-case-05", f">= {SVONED_LEAST_RATIO:g}", _file("svoned/05_bifurcation_RCR.in")
    if file is None:
        return {"name": name, "value": None, "unit": "x faster", "goal": goal, "met": None, "how": MISSING}
    network = read_svoned(file)
    n_cycles = int(-(-SVONED_SECONDS // network.period))
    cycles, n_cells = seconds_of_cycles(network, min(v.length for v in network.vessels) / 50.0, n_cycles)
    ratio = SVONED_CASE_05_S / sum(cycles)
    how = (
        f"{n_cells} cells, {n_cycles * network.period:g} s of flow in {sum(cycles):.2f} s of one core; svOneDSolver "
        f"took {SVONED_CASE_05_S:g} s for {SVONED_SECONDS:g} s on the machine of the performance study of 2026-11-22: "
        "it was not run beside"
    )
    met = ratio >= SVONED_LEAST_RATIO
    return {"name": name, "value": round(ratio, 1), "unit": "x faster", "goal": goal, "met": met, "how": how}


def seconds_of_cycles(network: Network1D, spacing: float, n_cycles: int) -> tuple[list[float], int]:
    """Seconds of one core that each of some cycles takes once the machine code is there, and the number of cells."""
    from solvers.network.one_d.solver import NetworkRun, Scheme

    NetworkRun(network, Scheme(0.05, samples=8)).cycle()  # compiles
    run = NetworkRun(network, Scheme(spacing))
    seconds = []
    for _ in range(n_cycles):
        started = time.process_time()
        run.cycle()
        seconds.append(time.process_time() - started)
    return seconds, int(run.grid.first[-1])


def _file(name: str) -> Path | None:
    from solvers.verification.network_checks import benchmarks

    folder = benchmarks()
    path = folder / name if folder else None
    return path if path and path.is_file() else None
