"""What the program is promised to be quick at, measured as ratios to limits in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.workflow.assess_bench import assess_rows
from app.workflow.bench_real import cerebral_rows, real_rows
from app.workflow.demo import run_demo
from app.workflow.flow_bench import cost_rows, peer_rows, scaling_rows, sizing_rows
from app.workflow.imaging_bench import (
    aorta_mra_rows,
    centerline_speed_rows,
    meshable_rows,
    phantom_rows,
    thoracic_ct_rows,
)
from app.workflow.large_bench import large_rows, preset_rows
from app.workflow.look_bench import frame_rows
from app.workflow.network_bench import bench_adan56, bench_svoned
from app.workflow.outer_wall_bench import outer_wall_rows
from app.workflow.preset_bench import preset_phantom_rows
from app.workflow.reduced_bench import zero_d_rows
from app.workflow.samples import import_sample
from app.workflow.simulate import default_n_ranks, follow_run, start_run
from app.workflow.steps import run_step
from app.workflow.verification_page import keep_results, read_results
from app.workflow.wall_bench import wall_rows
from imaging.types import Progress, silent

SEGMENT_LIMIT_S = 20.0
MODEL_AND_MESH_LIMIT_S = 90.0
FIRST_SLICE_LIMIT_S = 2.0
CT_TO_REPORT_LIMIT_S = 480.0
MEMORY_LIMIT_MB = 6144.0
CLINICAL_RUN_LIMIT_S = 360.0
CORONARY_LIMIT_S, CORONARY_EDGES = 90.0, 0.97


def _row(name: str, seconds: float, limit: float, how: str) -> dict[str, Any]:
    ratio = seconds / limit
    text = f"{how}: {seconds:.2f} s, limit {limit:g} s"
    return {"name": name, "value": round(ratio, 4), "unit": "1", "goal": "<= 1", "met": ratio <= 1.0, "how": text}


def _sample_case(folder: Path, *steps: str) -> Path:
    case = folder / "bench.case"
    import_sample("thoracic_ct", case)
    with OpenCase.open(case) as opened:
        for step in steps:
            run_step(opened, step)
    return case


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bench_segment(progress: Progress) -> dict[str, Any]:
    """Segmentation of the sample against its limit."""
    with tempfile.TemporaryDirectory() as folder, OpenCase.open(_sample_case(Path(folder))) as opened:
        seconds = _seconds(lambda: run_step(opened, "segment", None, progress))
    return _row("segment", seconds, SEGMENT_LIMIT_S, "the sample CT's lumen from its points, file to file")


def bench_model_and_mesh(progress: Progress) -> dict[str, Any]:
    """Model and mesh of the sample against their limit."""
    with tempfile.TemporaryDirectory() as folder, OpenCase.open(_sample_case(Path(folder), "segment")) as opened:
        seconds = _seconds(lambda: [run_step(opened, step, None, progress) for step in ("model", "mesh")])
    return _row("model-and-mesh", seconds, MODEL_AND_MESH_LIMIT_S, "the sample's model and mesh, file to file")


def bench_first_slice(progress: Progress) -> dict[str, Any]:
    """From the start of the program to the first slice on the screen against its limit."""
    with tempfile.TemporaryDirectory() as folder:
        case = _sample_case(Path(folder))
        command = [sys.executable, "-m", "app.desktop.first_slice", str(case)]
        seconds = []
        for attempt in range(3):
            progress(attempt / 3, "Opening the window")
            seconds.append(_seconds(lambda: subprocess.run(command, check=True, capture_output=True)))
    return _row("first-slice", sorted(seconds)[1], FIRST_SLICE_LIMIT_S, "program start to first slice, median of 3")


@cache
def _demo() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return run_demo(Path(folder) / "demo", lambda name: silent)


def bench_ct_to_report(progress: Progress) -> dict[str, Any]:
    """The whole path on the sample, from CT to PDF, against its limit."""
    return _row("ct-to-report", _demo()["ct_to_report_s"], CT_TO_REPORT_LIMIT_S, "the sample from CT to PDF")


def bench_clinical_run(progress: Progress) -> list[dict[str, Any]]:
    """The solver's part of the sample's whole path, by two beats, against its limit."""
    run = _demo()["run"]
    seconds = 2.0 * run["wall_s"] / run["n_cycles"]
    how = f"two of the sample's {run['n_cycles']} beats, {run['n_ranks']} ranks, dt {run['dt_ms']} ms"
    return [_row("clinical-run", seconds, CLINICAL_RUN_LIMIT_S, how)]


def bench_coronary_steady(progress: Progress) -> dict[str, Any]:
    """Steady flow in a coronary tree of about 100 000 cells against its limit."""
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "coronary.case"
        import_sample("coronary_phantom", case)
        with OpenCase.open(case) as opened:
            run_step(opened, "model")
            remembered = opened.case.parameters
            mesh = run_step(opened, "mesh", {**remembered.get("mesh", {}), "edge_scale": CORONARY_EDGES})
            chosen = {**remembered["simulate"], "flow": "steady", "outlet_model": "resistance"}
            run_step(opened, "simulate", chosen)
            ranks = default_n_ranks()
            seconds = _seconds(lambda: follow_run(start_run(opened, ranks), progress))
            drops = run_step(opened, "results").facts["pressure_drop_mmhg"]
    how = f"coronary phantom, {mesh.facts['n_cells']} cells, P2/P1, {ranks} ranks, to 0.1 % in a filling; "
    how += "drops " + ", ".join(f"{name} {drop:g} mmHg" for name, drop in drops.items())
    return _row("coronary-steady", seconds, CORONARY_LIMIT_S, how)


def bench_memory(progress: Progress) -> dict[str, Any]:
    """Memory of all processes of the whole path against its limit."""
    peak_mb = _demo()["peak_rss_mb"]
    ratio = peak_mb / MEMORY_LIMIT_MB
    text = f"peak of all processes from CT to PDF: {peak_mb} MB, limit {MEMORY_LIMIT_MB:g} MB"
    return {"name": "memory", "value": round(ratio, 4), "unit": "1", "goal": "<= 1", "met": ratio <= 1.0, "how": text}


BENCHES: dict[str, Callable[[Progress], dict[str, Any] | list[dict[str, Any]]]] = {
    "segment": bench_segment,
    "model-and-mesh": bench_model_and_mesh,
    "first-slice": bench_first_slice,
    "ct-to-report": bench_ct_to_report,
    "memory": bench_memory,
    "imaging-phantoms": phantom_rows,
    "imaging-meshable": meshable_rows,
    "imaging-presets": preset_phantom_rows,
    "imaging-real": real_rows,
    "imaging-cerebral": cerebral_rows,
    "imaging-aorta-mra": aorta_mra_rows,
    "imaging-thoracic-ct": thoracic_ct_rows,
    "imaging-outer-wall": outer_wall_rows,
    "imaging-centerlines": centerline_speed_rows,
    "imaging-look": frame_rows,
    "imaging-large": large_rows,
    "imaging-preset": preset_rows,
    "flow-peers": peer_rows,
    "flow-cost": cost_rows,
    "flow-scaling": scaling_rows,
    "flow-sizing": sizing_rows,
    "flow-clinical": bench_clinical_run,
    "flow-coronary": bench_coronary_steady,
    "wall": wall_rows,
    "assess": assess_rows,
    "reduced-0d": zero_d_rows,
    "reduced-adan56-cycle": bench_adan56,
    "reduced-svoned-case-05": bench_svoned,
}
GROUP_NAMES = ("imaging", "flow", "reduced")
GROUPS = {group: tuple(name for name in BENCHES if name.startswith(f"{group}-")) for group in GROUP_NAMES}
"""Names that stand for several benches."""
LONG: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "imaging-phantoms": partial(phantom_rows, is_long=True),
    "imaging-meshable": partial(meshable_rows, n=100),
    "imaging-presets": partial(preset_phantom_rows, n=6),
}
"""What is measured instead when there is time: more of the same."""
PIECEWISE = {*LONG, "imaging-real"}
"""Benches of many cases, which keep what each of them gave."""


def within(progress: Progress, number: int, total: int) -> Progress:
    """The progress of one of several pieces of work."""
    return lambda fraction, text: progress((number + fraction) / total, text)


def run_benches(
    names: list[str], progress: Progress = silent, is_long: bool = False, kept: Path | None = None
) -> list[dict[str, Any]]:
    """Run the named benches and groups one after another; a bench gives one row or several.

    One that fails gives one row that says why, and the others are measured all the same.

    Parameters
    ----------
    kept : Path, optional
        Folder for the rows of finished benches and for each phantom's figures; what is there is not measured again.
    """
    single = [bench for name in names for bench in GROUPS.get(name, (name,))]
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(single):
        progress(number / len(single), name)
        path = None if kept is None else kept / f"{name}{'-long' if is_long and name in LONG else ''}.json"
        if path is not None and path.exists():
            rows += read_results([path])
            continue
        bench: Callable[..., Any] = (LONG.get(name) if is_long else None) or BENCHES[name]
        if path is not None and name in PIECEWISE:
            bench = partial(bench, kept=path.with_suffix(".ndjson"))
        try:
            found = bench(within(progress, number, len(single)))
        except Exception as error:  # whatever it is, the other benches are worth measuring
            why = f"failed: {type(error).__name__}: {error}"
            rows.append({"name": name, "value": None, "unit": "1", "goal": "-", "met": False, "how": why})
            continue
        found = found if isinstance(found, list) else [found]
        rows += found
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            keep_results(found, path)
    progress(1.0, "Measured")
    return rows
