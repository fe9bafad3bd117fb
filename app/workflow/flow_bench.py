"""The flow engine's speed, as ratios in one run: against other open solvers, two ranks, memory, and cost to accuracy.

All rows that compare time steps use the stenosed tube of :mod:`solvers.benchmark`; peers that are not installed are
skipped with a word.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imaging.types import FloatArray, Progress
from solvers.benchmark import shapes, stenosis
from solvers.benchmark.job import TIMING, Job, write_job
from solvers.benchmark.oasis import write_oasis
from solvers.benchmark.openfoam import write_openfoam
from solvers.benchmark.peers import (
    Peer,
    PeerFailure,
    PeerTiming,
    find_oasis,
    find_openfoam,
    run_oasis,
    run_openfoam,
)
from solvers.benchmark.sizing import Sizing
from solvers.benchmark.timed_tube import TimedTube, timed_tube, tube_spec
from solvers.contract.mesh_file import MeshArrays, write_mesh
from solvers.contract.spec import Elements, Numerics, RunSpec, write_spec
from solvers.flow.time_step import CFL_WITH_PASSES
from solvers.launch.local import find_mpiexec

Row = dict[str, Any]

ELEMENTS: dict[int, Elements] = {1: "P1/P1", 2: "P2/P1"}
PEER_RATIO = 8.0
RANKS_RATIO = 1.6
GROWTH_EXPONENT = 1.15
KB_PER_UNKNOWN, MB_PER_RANK = 2.0, 150.0
BANDWIDTH_RATIO = 2.0
ACCURACY_LIMIT_S = 187.0 / 3.0
"""A third of what the trial of the performance study of 2026-11-22 took for this case on two cores."""
OASIS_COST_RATIO = 20.0
OASIS_STEP = 5e-4
"""Oasis was stable at 0.2 ms and not at 1 ms on this case in the performance study; a generous guess of its limit."""

STEP_TIMED, N_TIMED, N_GROWTH = 2.5e-4, 24, 16
TIMED = Sizing(n_rings=5)
GROWTH = (Sizing(n_rings=4, along=0.45), Sizing(n_rings=8, along=0.23), Sizing(n_rings=13, along=0.145))
"""About 25 000, 180 000 and 800 000 cells of the same shape."""
ACCURATE = Sizing()
"""The sizing rule as it is; the program's rule for runs with passes gives the step."""
PASSES = 3
INSTANT_LIMIT = 4.0
"""Percent that a pressure drop may be wrong at an instant."""


def row(name: str, value: float, unit: str, goal: float, is_limit: bool, how: str) -> Row:
    """A row whose value shall be at most (``is_limit``) or at least the goal."""
    is_met = value <= goal if is_limit else value >= goal
    sign = "<=" if is_limit else ">="
    return {
        "name": name,
        "value": round(float(value), 4),
        "unit": unit,
        "goal": f"{sign} {goal:.4g}",
        "met": bool(is_met and np.isfinite(value)),
        "how": how,
    }


def skipped(name: str, why: str) -> Row:
    """The row of something that could not be measured here."""
    return {"name": name, "value": None, "unit": "1", "goal": "-", "met": None, "how": f"skipped: {why}"}


def time_steps(folder: Path, tube: TimedTube, n_ranks: int, elements: Elements = "P2/P1") -> dict[str, Any]:
    """Steps of this engine on a timed tube."""
    return _solve(folder, lambda sha256: tube_spec(tube, sha256, elements), tube.mesh, Job(tube.n_steps), n_ranks)


def _solve(folder: Path, spec_of: Callable[[str], RunSpec], mesh: Any, job: Job, n_ranks: int) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    write_spec(folder, spec_of(write_mesh(folder, mesh)))
    write_job(folder, job)
    command = [find_mpiexec(), "-n", str(n_ranks), sys.executable, "-m", "solvers.benchmark.stepping", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    timing: dict[str, Any] = json.loads((folder / TIMING).read_text(encoding="utf-8"))
    return timing


def median_step(timing: dict[str, Any]) -> float:
    """Median seconds of a step in the second half of a run."""
    steps = timing["step_s"]
    return float(np.median(steps[len(steps) // 2 :]))


def peer_rows(progress: Progress) -> list[Row]:
    """A step of this engine against one of Oasis and of pimpleFoam, on one and two ranks; and two ranks against one."""
    tube = timed_tube(TIMED, STEP_TIMED, N_TIMED)
    peers = find_oasis(os.environ), find_openfoam(os.environ)
    what = f"{len(tube.mesh.tets)} cells, {1e3 * STEP_TIMED:g} ms, rtol {tube.tolerance:g}"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        for degree in (1, 2):
            elements: Elements = ELEMENTS[degree]
            ours = []
            for n_ranks in (1, 2):
                progress((2 * degree + n_ranks - 3) / 4, f"Steps of {elements} on {n_ranks} ranks")
                found, seconds = _against_peers(Path(place) / f"{degree}_{n_ranks}", tube, peers, degree, n_ranks, what)
                rows += found
                ours.append(seconds)
            text = f"{elements}, {what}: {ours[0]:.4f} s on one, {ours[1]:.4f} s on two"
            rows.append(row(f"two-ranks-{elements}", ours[0] / ours[1], "1", RANKS_RATIO, False, text))
    return rows


def _against_peers(
    folder: Path, tube: TimedTube, peers: tuple[Peer | str, Peer | str], degree: int, n_ranks: int, what: str
) -> tuple[list[Row], float]:
    """Rows of a pair of elements on some ranks, and this engine's own shorter median; it runs before and after."""
    elements = ELEMENTS[degree]
    oasis, openfoam = peers
    first = time_steps(folder / "ours", tube, n_ranks, elements)
    before, busy = median_step(first), first["busy_s"] / tube.n_steps
    theirs = {
        "oasis": _peer_step(oasis, lambda peer: _time_oasis(peer, folder / "oasis", tube, degree, n_ranks)),
        "openfoam": _peer_step(openfoam, lambda peer: _time_openfoam(peer, folder / "openfoam", tube, n_ranks)),
    }
    after = median_step(time_steps(folder / "ours", tube, n_ranks, elements))
    rows = []
    for peer, timing in theirs.items():
        name = f"step-vs-{peer}-{elements}-{n_ranks}"
        if isinstance(timing, str):
            rows.append(skipped(name, timing))
            continue
        text = f"{what}, {n_ranks} ranks: {timing.step_s:.4f} s against {before:.4f} (before), {after:.4f} s (after)"
        text += f"; of a processor {timing.busy_s:.4f} against {busy:.4f} s"
        rows.append(row(name, timing.step_s / (0.5 * (before + after)), "1", PEER_RATIO, False, text))
    return rows, min(before, after)


def _peer_step(peer: Peer | str, measure: Callable[[Peer], PeerTiming]) -> PeerTiming | str:
    if isinstance(peer, str):
        return peer
    try:
        return measure(peer)
    except PeerFailure as failure:
        return str(failure)


def _time_oasis(peer: Peer, folder: Path, tube: TimedTube, degree: int, n_ranks: int) -> PeerTiming:
    write_oasis(folder, tube, degree)
    return run_oasis(peer, folder, n_ranks)


def _time_openfoam(peer: Peer, folder: Path, tube: TimedTube, n_ranks: int) -> PeerTiming:
    write_openfoam(folder, tube, n_ranks)
    return run_openfoam(peer, folder, n_ranks)


@cache
def _growth() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        return [
            time_steps(Path(place) / str(n), timed_tube(sizing, STEP_TIMED, N_GROWTH), 2)
            for n, sizing in enumerate(GROWTH)
        ]


def scaling_rows(progress: Progress) -> list[Row]:
    """Growth with the number of cells, memory, and the distance to what memory can deliver."""
    progress(0.0, "Steps on meshes of three sizes")
    timings = _growth()
    cells = [timing["n_cells"] for timing in timings]
    steps = [median_step(timing) for timing in timings]
    exponent = float(np.log(steps[-1] / steps[0]) / np.log(cells[-1] / cells[0]))
    text = ", ".join(f"{n} cells {step:.3f} s" for n, step in zip(cells, steps, strict=True))
    rows = [row("growth-exponent", exponent, "1", GROWTH_EXPONENT, True, f"P2/P1 on 2 ranks, a step: {text}")]
    kilobytes = [memory_per_unknown(timing) for timing in timings]
    text = ", ".join(
        f"{timing['n_unknowns']} unknowns {memory_of_ranks(timing, 'peak_mb'):.0f} MB on 2 ranks ({each:.2f} kB)"
        for timing, each in zip(timings, kilobytes, strict=True)
    )
    text += f"; {MB_PER_RANK:g} MB a rank taken off; before any mesh {memory_of_ranks(timings[0], 'idle_mb'):.0f} MB; "
    text += "the libraries' pages, which the ranks share, counted once"
    rows.append(row("memory-per-unknown", max(kilobytes), "kB", KB_PER_UNKNOWN, True, text))
    for timing, step in zip(timings, steps, strict=True):
        least = timing["step_bytes"] / (1e9 * timing["read_gb_s"])
        text = f"{timing['n_cells']} cells: {step:.4f} s, at least {timing['step_bytes'] / 1e6:.0f} MB at "
        text += f"{timing['read_gb_s']:.1f} GB/s (read, measured with it) = {least:.4f} s"
        rows.append(row(f"memory-limit-{timing['n_cells'] // 1000}k", step / least, "1", BANDWIDTH_RATIO, True, text))
    return rows


def memory_per_unknown(timing: dict[str, Any]) -> float:
    """Peak memory beyond ``MB_PER_RANK`` for each rank, by the number of unknowns [kB]."""
    ranks = len(timing["peak_mb"])
    return float((memory_of_ranks(timing, "peak_mb") - MB_PER_RANK * ranks) * 1024.0 / timing["n_unknowns"])


def memory_of_ranks(timing: dict[str, Any], name: str) -> float:
    """What all ranks take together [MB]: the pages of the libraries, which they share, are there once."""
    shared = timing["shared_mb"]
    return float(sum(timing[name]) - sum(shared) + max(shared))


def cost_rows(progress: Progress) -> list[Row]:
    """Wall time on two ranks until the pulsatile stenosis is accurate, also against Oasis."""
    progress(0.0, "The pulsatile stenosis")
    mesh = stenosis.mesh(ACCURATE)
    dt = stenosis.recommended_step(mesh, CFL_WITH_PASSES)
    job = Job(round(stenosis.END / dt), (stenosis.BEFORE, stenosis.BEHIND))
    with tempfile.TemporaryDirectory() as place:
        timing = _solve(
            Path(place) / "ours",
            lambda sha256: stenosis.run_spec(dt, sha256, Numerics(max_passes=PASSES)),
            mesh,
            job,
            2,
        )
        seconds = timing["build_s"] + sum(timing["step_s"])
        accuracy = stenosis.judge(*(np.array(timing[name]) for name in ("time_s", "drop_pa", "peak_stress_pa")))
        text = (
            f"{timing['n_cells']} cells, {1e3 * dt:.3g} ms, 2 ranks: {seconds:.1f} s (steps: "
            f"{timing['busy_s']:.1f} s of a processor, {np.mean(timing['iterations']):.1f} iterations); mean drop "
            f"{100 * accuracy.mean_drop:+.2f} %, worst instant {100 * accuracy.worst_drop:.2f} %, peak wall shear "
            f"stress {100 * accuracy.peak_stress:+.2f} %"
        )
        is_good = timing["is_complete"] and accuracy.is_enough
        cost = row("cost-to-accuracy", seconds, "s", ACCURACY_LIMIT_S, True, text)
        rows = [cost | {"met": cost["met"] and is_good}]
        progress(0.8, "Oasis on the same mesh")
        tube = TimedTube(mesh, STEP_TIMED, 10)
        oasis = _peer_step(find_oasis(os.environ), lambda peer: _time_oasis(peer, Path(place) / "oasis", tube, 2, 2))
    if isinstance(oasis, str):
        return [*rows, skipped("cost-vs-oasis", oasis)]
    theirs = oasis.step_s * stenosis.END / OASIS_STEP
    text = (
        f"Oasis P2/P1 on the same mesh and ranks: {oasis.step_s:.3f} s a step, so {theirs:.0f} s at "
        f"{1e3 * OASIS_STEP:g} ms [extrapolated]; ours {seconds:.1f} s"
    )
    ratio = row("cost-vs-oasis", theirs / seconds, "1", OASIS_COST_RATIO, False, text)
    return [*rows, ratio | {"met": ratio["met"] and is_good}]


def sizing_rows(progress: Progress) -> list[Row]:
    """The settings of the cost to accuracy on vessels of other shapes, each against a finer mesh and half the step."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for number, (name, shape) in enumerate(shapes.SHAPES.items()):
            progress(number / len(shapes.SHAPES), f"The {name} vessel on two meshes")
            mesh, fine = shape.mesh(ACCURATE), shape.mesh(shapes.finer(ACCURATE))
            dt = stenosis.recommended_step(mesh, CFL_WITH_PASSES)
            ours = _inlet_pressure(Path(place) / name, mesh, dt)
            theirs = _inlet_pressure(Path(place) / f"{name}-fine", fine, 0.5 * dt)
            worst = 100.0 * shapes.worst_difference(*ours, *theirs)
            text = f"inlet pressure, {len(mesh.tets)} cells, {1e3 * dt:.3g} ms, against {len(fine.tets)} at half that"
            rows.append(row(f"sizing-{name}", worst, "%", INSTANT_LIMIT, True, text))
    return rows


def _inlet_pressure(folder: Path, mesh: MeshArrays, dt: float) -> tuple[FloatArray, FloatArray]:
    numerics = Numerics(max_passes=PASSES)
    timing = _solve(
        folder, lambda sha256: stenosis.run_spec(dt, sha256, numerics), mesh, Job(round(shapes.END / dt)), 2
    )
    return np.array(timing["inlet_time_s"]), np.array(timing["inlet_pa"])
