"""How quick the reduced models are: rows of `angiotwin bench reduced`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from imaging.types import Progress

STEADY_LIMIT_S, PERIODIC_LIMIT_S = 10.0, 60.0
"""For 1000 samples of a tree of 20 vessels."""
WHAT_IF_LIMIT_MS, TUNING_LIMIT_S = 50.0, 5.0
N_SAMPLES = 1000
N_WORKERS = 2
N_VESSELS = 20


def bench_row(name: str, value: float, limit: float, unit: str, how: str) -> dict[str, Any]:
    """A measured value by its limit."""
    ratio = value / limit
    text = f"{how}: {value:.4g} {unit}, limit {limit:g} {unit}"
    return {"name": name, "value": round(ratio, 5), "unit": "1", "goal": "<= 1", "met": ratio <= 1.0, "how": text}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def zero_d_rows(progress: Progress) -> list[dict[str, Any]]:
    """Samples, what-if and tuning of 0D trees."""
    from app.workflow.ensemble import run_ensemble
    from app.workflow.ensemble_plan import Plan
    from solvers.verification.zero_d_checks import tune_on_waves

    case = made_case()
    n = len(case.patient.tree.vessels)
    rows = []
    for part, kind, limit in ((0.1, "steady", STEADY_LIMIT_S), (0.3, "beats", PERIODIC_LIMIT_S)):
        progress(part, f"{kind} samples")
        seconds = _seconds(partial(run_ensemble, case, Plan(kind, N_SAMPLES), n_workers=N_WORKERS))  # type: ignore[arg-type]
        how = f"{N_SAMPLES} samples of {n} vessels, {kind}, on {N_WORKERS} workers, their start included"
        rows.append(bench_row(f"reduced-0d-{kind}", seconds, limit, "s", how))
    progress(0.8, "what-if")
    rows.append(_what_if_row())
    progress(0.9, "tuning")
    worst = max(_seconds(partial(tune_on_waves, seed)) for seed in range(10))
    how = "slowest of 10 random trees tuned on 0D and corrected on 1D"
    rows.append(bench_row("reduced-tuning", worst, TUNING_LIMIT_S, "s", how))
    return rows


def _what_if_row() -> dict[str, Any]:
    """The median of 20 stenoses put into a made tree of 20 vessels, model in memory."""
    from app.workflow.what_if import Change, Stenosis, WhatIf

    model = WhatIf(made_case())
    branch = model.case.patient.tree.ends[0]
    change = [Change((Stenosis(branch, 20.0 + 2.0 * k, 0.5),)) for k in range(20)]
    model.answer(change[0])
    times = sorted(model.answer(one).milliseconds for one in change)
    return bench_row(
        "reduced-what-if", times[10], WHAT_IF_LIMIT_MS, "ms", "a stenosis in a tree of 20 vessels, median of 20"
    )


def made_case(seed: int = 0, n_vessels: int = N_VESSELS) -> Any:
    """A random tree as a case's reduced model."""
    from app.workflow.flow_setup import FlowSetup, OutletSetup, ReducedCase, ReducedParameters
    from app.workflow.patient_tree import PatientTree
    from solvers.network.stiffness import Stiffness
    from solvers.verification.zero_d_checks import BLOOD, random_tree

    tree, outlets, inflow = random_tree(seed, n_vessels)
    closing = tuple(OutletSetup(f"end of {name}", name, (0.0, 0.0, 0.0), outlet) for name, outlet in outlets.items())
    setup = FlowSetup(
        *("patient", "inlet", inflow.curve, inflow.period, closing, BLOOD, Stiffness()),
        *(60.0 / inflow.period, 120.0, 80.0, 5.0, "inlet", ()),
    )
    return ReducedCase(setup, PatientTree(tree, {}), ReducedParameters())
