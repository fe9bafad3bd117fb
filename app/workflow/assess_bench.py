"""How quick the coronary assessment is on the sample's tree: rows of `angiotwin bench assess`."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.workflow.reduced_bench import bench_row
from imaging.types import Progress

PULLBACK_LIMIT_S, STENT_LIMIT_S, SAMPLES_LIMIT_S = 1.0, 0.2, 60.0
N_STENTS, N_SAMPLES = 20, 1000


def assess_rows(progress: Progress) -> list[dict[str, Any]]:
    """From the coronary phantom's vessel model: pullback, moved stents, and the samples of the band."""
    from app.workflow.assessments.coronary import bands_at
    from app.workflow.coronary_model import branch_curve, coronary_model
    from app.workflow.coronary_parameters import Parameters
    from app.workflow.samples import import_sample
    from app.workflow.steps import run_step
    from app.workflow.treat import StentPlan, Treatment, treat

    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "coronary.case"
        import_sample("coronary_phantom", case)
        with OpenCase.open(case) as opened:
            run_step(opened, "model", None, lambda fraction, text: progress(0.3 * fraction, text))
            coronary_model(opened, Parameters()).state()  # compiled and imported from here on
            progress(0.4, "pullback")
            started = time.perf_counter()
            model = coronary_model(opened, Parameters())
            measured = time.perf_counter() - started
            started = time.perf_counter()
            for branch in model.ends_mm:
                for state in (model.hyperemia, model.rest):
                    branch_curve(model, state, branch)
            pullback = time.perf_counter() - started
            progress(0.5, "moved stents")
            branch, whole = next(iter(model.ends_mm.items()))
            places = [8.0 + number / (N_STENTS - 1) * (whole - 16.0) for number in range(N_STENTS)]
            stents = []
            for place in places:
                started = time.perf_counter()
                treat(model, Treatment((), (StentPlan(branch, place, 16.0, 3.0),)))
                stents.append(time.perf_counter() - started)
            progress(0.6, "samples")
            started = time.perf_counter()
            bands, _ = bands_at(
                model, model.told_places(), Parameters(samples=N_SAMPLES), opened.case, lambda fraction, text: None
            )
            solved, seconds = bands[0].n_samples, time.perf_counter() - started
    tree = f"{len(model.tree.vessels)} vessels"
    slowest = max(stents)
    return [
        bench_row(
            *("assess-pullback", measured + pullback, PULLBACK_LIMIT_S, "s"),
            f"index along every branch at rest and in hyperemia, {tree}, from the vessel model; sections and tree "
            f"{measured:.2f} s of it",
        ),
        bench_row(
            *("assess-moved-stent", slowest, STENT_LIMIT_S, "s"),
            f"slowest of {N_STENTS} places of a stent, {tree}, median {1e3 * statistics.median(stents):.1f} ms",
        ),
        bench_row(
            *("assess-samples", seconds * N_SAMPLES / solved, SAMPLES_LIMIT_S, "s"),
            f"{N_SAMPLES} samples of the band, by the {solved} that were solved, {tree}, one process",
        ),
    ]
