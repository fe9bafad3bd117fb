"""Ensembles of reduced models: the samples, what is kept, workers that die, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow.batches import TRIES, run_batches
from app.workflow.ensemble import QUANTITIES, run_ensemble, solve_samples, varied
from app.workflow.ensemble_plan import Plan, Spread, inputs_of, parse_spread
from app.workflow.reduced_bench import made_case
from app.workflow.what_if import Change, WhatIf

CASE = made_case(0, 6)
NARROW = (Spread("inflow", "uniform", 0.8, 1.2), Spread("outlet_resistance", "lognormal", 1.0, 0.1))


def test_a_seed_gives_the_same_samples_and_more_of_them_go_on() -> None:
    few, many = inputs_of(Plan(n_samples=10, seed=3)), inputs_of(Plan(n_samples=200, seed=3))
    assert np.array_equal(few, many[:10])
    assert np.array_equal(inputs_of(Plan(n_samples=200, seed=3), 150), many[150:])
    assert not np.allclose(inputs_of(Plan(n_samples=10, seed=4)), few)
    assert many.mean(axis=0) == pytest.approx(np.ones(6), abs=0.05)
    assert many[:, 0].std() == pytest.approx(0.10, rel=0.05)


def test_a_sample_is_the_model_with_its_inputs_changed() -> None:
    outlet = CASE.setup.outlets[0]
    factors = {f"outlet_resistance:{outlet.name}": 0.5, "radius:v0": 0.9}
    wanted = WhatIf(CASE).answer(Change(radii={"v0": 0.9}, outlets={outlet.name: 0.5})).after
    found = WhatIf(varied(CASE, factors)).before
    assert found == wanted
    stiff = varied(CASE, {"stiffness": 2.0, "viscosity": 1.1, "inflow": 1.2, "outlet_compliance": 0.5})
    networks = [WhatIf(case).network.vessels[0] for case in (stiff, CASE)]
    assert networks[0].compliance == pytest.approx(0.5 * networks[1].compliance)
    assert networks[0].resistance == pytest.approx(1.1 * networks[1].resistance)
    assert stiff.setup.outlets[0].condition.c == pytest.approx(0.5 * outlet.condition.c)  # type: ignore[union-attr]


def test_lumped_and_wave_models_of_a_sample_tell_the_same_means() -> None:
    plan = Plan("waves", 2, 1, NARROW)
    waves, failed = solve_samples(CASE, plan, [0, 1])
    beats, _ = solve_samples(CASE, replace(plan, kind="beats"), [0, 1])
    steady, _ = solve_samples(CASE, replace(plan, kind="steady"), [0, 1])
    assert failed == {} and np.isfinite(waves).all() and np.isnan(steady[:, :, 3:]).all()
    assert beats[:, :, 0] == pytest.approx(steady[:, :, 0], rel=0.02)
    assert waves[:, :, 0] == pytest.approx(beats[:, :, 0], rel=0.05)
    assert waves[:, :, 1] == pytest.approx(beats[:, :, 1], rel=0.05)


def test_a_cancelled_ensemble_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    plan, seen = Plan("steady", 64, 0, NARROW), []

    def is_cancelled() -> bool:
        return len(seen) > 2

    with pytest.raises(CaseError, match="what is done is kept") as caught:
        run_ensemble(CASE, plan, tmp_path / "e", None, 1, lambda f, t: seen.append(f), is_cancelled)
    assert caught.value.code == "cancelled"
    again = run_ensemble(CASE, plan, tmp_path / "e", None, 1)
    assert 0 < again.n_found < 64 and again.failed == {}
    assert run_ensemble(CASE, plan, tmp_path / "e").n_found == 64  # starts no worker
    assert np.array_equal(again.values, solve_samples(CASE, plan, list(range(64)))[0], equal_nan=True)
    flow = next(row for row in again.bands if row["vessel"] == "v0" and row["quantity"] == QUANTITIES[0])
    mean = 1e6 * CASE.setup.entering().mean
    assert (flow["mean"], flow["p5"]) == pytest.approx((mean, 0.82 * mean), rel=0.01)
    assert flow["shares"]["inflow"] == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(CaseError, match="another model, seed or spread"):
        run_ensemble(CASE, replace(plan, seed=1), tmp_path / "e")


def test_a_worker_that_dies_costs_only_its_samples(tmp_path: Path) -> None:
    marker, found, lost = tmp_path / "died", {}, {}

    def work(numbers: Sequence[int]) -> list[int]:
        if 5 in numbers and not marker.exists():
            marker.touch()
            os._exit(1)
        if 11 in numbers:
            os._exit(1)
        return [number**2 for number in numbers]

    tally = run_batches(
        *(work, [list(range(k, k + 4)) for k in range(0, 20, 4)]),
        *(lambda batch, squares: found.update(zip(batch, squares, strict=True)), lost.__setitem__, None, 2),
    )
    assert found == {number: number**2 for number in range(20) if number != 11}
    assert lost == {11: f"Its worker died {TRIES} times."}
    assert tally.workers_lost >= 2 and tally.resubmitted >= 8


def test_a_sample_that_cannot_be_solved_is_told_and_left_out() -> None:
    closed = replace(CASE, setup=replace(CASE.setup, stiffness=replace(CASE.setup.stiffness, kind="rigid")))
    with pytest.raises(CaseError, match="No sample could be solved; the first: A one-dimensional network needs walls"):
        run_ensemble(closed, Plan("waves", 2, 0, NARROW), n_workers=1)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan("steady", 1), "2 to 1000000 samples, not 1"),
        (Plan("fine"), "There is no kind of model 'fine'"),  # type: ignore[arg-type]
        (Plan(spreads=()), "needs inputs that vary"),
        (Plan(spreads=(Spread("inflow", "normal", 1.0, 0.5),)), "reaches from -0.86 to 2.86 times"),
        (Plan(spreads=(Spread("inflow", "uniform", 1.2, 0.8),)), "reaches from 1.2 to 0.8"),
        (Plan(spreads=(Spread("pressure", "normal", 1.0, 0.1),)), "There is no input 'pressure' to vary"),
        (Plan(spreads=(Spread("inflow", "cauchy", 1.0, 0.1),)), "There is no distribution 'cauchy'"),
        (Plan(spreads=(Spread("radius:LAD", "normal", 1.0, 0.1),)), "There is no vessel 'LAD'"),
        (Plan(spreads=(Spread("outlet_resistance:LAD", "normal", 1.0, 0.1),)), "There is no outlet 'LAD' to vary"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_a_sentence(plan: Plan, words: str) -> None:
    with pytest.raises(Exception, match=words):
        run_ensemble(CASE, plan)


def test_words_and_addresses_that_say_nothing_are_refused() -> None:
    assert parse_spread("radius:LAD=uniform:0.9:1.1") == Spread("radius:LAD", "uniform", 0.9, 1.1)
    for text in ("inflow", "inflow=normal", "inflow=normal:1:x"):
        with pytest.raises(CaseError, match="is no spread: write"):
            parse_spread(text)
    with pytest.raises(CaseError, match="No Dask scheduler answers at tcp://127.0.0.1:9"):
        run_ensemble(CASE, Plan("steady", 4, 0, NARROW), address="tcp://127.0.0.1:9")
