"""Lumped trees: what is refused, and agreement with published solutions and with the outlets of the 3D engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solvers.contract.errors import RunError
from solvers.contract.openings import (
    CoronaryOutlet,
    Outlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)
from solvers.network.coronary import Coronary
from solvers.network.stenosis import DEFAULT_LAW, EXPANSION, LAWS, Lesion
from solvers.network.stiffness import Stiffness
from solvers.network.tuning_corrected import corrected_once, tune_with, waves_of
from solvers.network.vessel_tree import VesselShape, VesselTree, lesions_of, vessel_tree, with_radius, with_stenosis
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf
from solvers.network.zero_d.build import Options, build
from solvers.network.zero_d.network import Network, Vessel, network
from solvers.network.zero_d.solve import Inflow, periodic, periodic_samples, samples_of, steady
from solvers.network.zero_d.svzerod_format import from_svzerod, run_svzerod
from solvers.network.zero_d.tuning import PRESSURE_TOLERANCE, state_of, tune_tree
from solvers.verification.zero_d_checks import (
    BLOOD,
    random_case,
    random_target,
    random_tree,
    tube,
)

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "benchmarks" / "svzerod"
BED = ResistanceOutlet(0, "bed", 1e8)
STEADY = Inflow(Waveform.constant(1e-5))


@pytest.mark.parametrize(
    ("vessels", "closing", "words"),
    [
        ([("a", None), ("b", "c"), ("c", "b")], ["a"], "run in a loop"),
        ([("a", None), ("a", "a")], ["a"], "Two vessels are named 'a'"),
        ([("a", None), ("b", "x")], ["b"], "begins at 'x', which is no vessel"),
        ([("a", None), ("b", None)], ["a", "b"], "blood enters at one"),
        ([("a", None)], ["b"], "Outlet 'b' closes 'b', which is no vessel"),
        ([("a", None), ("b", "a")], ["b", "b"], "both close vessel 'b'"),
        ([("a", None), ("b", "a"), ("c", "a")], ["b"], "Vessel 'c' ends, but no outlet closes it"),
        ([("a", None), ("b", "a")], ["a", "b"], "goes on into others"),
    ],
)
def test_a_tree_that_cannot_be_solved_is_refused_in_a_sentence(
    vessels: list[tuple[str, str | None]], closing: list[str], words: str
) -> None:
    with pytest.raises(RunError, match=words):
        network([Vessel(*one, 1e6) for one in vessels], [(name, replace(BED, name=name)) for name in closing])


@pytest.mark.parametrize(
    ("length", "radius", "words"),
    [(0.0, 5e-3, "has no length"), (0.1, 5.0, "seems to be in another unit"), (0.1, 0.0, "is closed there")],
)
def test_a_vessel_that_is_none_is_refused_in_a_sentence(length: float, radius: float, words: str) -> None:
    with pytest.raises(RunError, match=words):
        vessel_tree([tube(length, radius)])


def test_outlets_that_leave_the_pressure_open_are_refused() -> None:
    with pytest.raises(RunError, match="nothing sets the pressure"):
        network([Vessel("a", None, 1e6)], [("a", SplitOutlet(0, "a", 0.5))])
    tree = network([Vessel("a", None, 0.0)], [("a", PressureOutlet(0, "a", Waveform.constant(1.0)))])
    with pytest.raises(RunError, match="has no resistance and ends at a given pressure"):
        steady(samples_of(tree, STEADY))


def test_a_share_is_taken_and_the_rest_goes_elsewhere() -> None:
    vessels = [Vessel("a", None, 1e6), Vessel("b", "a", 3e6), Vessel("c", "a", 1e6, 1e12)]
    tree = network(vessels, [("b", SplitOutlet(0, "b", 0.3)), ("c", BED)])
    flow = steady(samples_of(tree, STEADY)).flow[0]
    assert flow == pytest.approx([1e-5, 3e-6, 7e-6], rel=1e-12)
    assert periodic(tree, STEADY).flow_out[-1] == pytest.approx([1e-5, 3e-6, 7e-6], rel=1e-9)


def test_samples_are_solved_as_one_by_one() -> None:
    tree, inflow = random_case(3, 8)
    samples = samples_of(tree, inflow, 3)
    samples.coefficients[:, :, 0] *= np.array([0.5, 1.0, 2.0])[:, None]
    together = steady(samples)
    beats = periodic_samples(tree, samples, inflow, 128)
    for number, factor in enumerate((0.5, 1.0, 2.0)):
        alone = replace(tree, vessels=tuple(replace(v, resistance=factor * v.resistance) for v in tree.vessels))
        assert steady(samples_of(alone, inflow)).pressure_in[0] == pytest.approx(
            together.pressure_in[number], rel=1e-12
        )
        assert periodic(alone, inflow, 128).pressure_in == pytest.approx(beats[number].pressure_in, rel=1e-9)


def test_mass_is_kept_over_a_beat() -> None:
    tree, inflow = random_case(4, 12)
    beat = periodic(tree, inflow)
    closed = [beat.names.index(name) for name, _ in tree.outlets]
    assert beat.flow_out[:, closed].mean(axis=0).sum() == pytest.approx(beat.flow_in[:, 0].mean(), rel=1e-5)


def test_a_coronary_outlet_is_that_of_the_3d_engine() -> None:
    period, steps = 0.8, 256
    times = np.linspace(0.0, period, 40, endpoint=False)
    muscle = Waveform(tuple(times.tolist()), tuple((8000.0 * np.sin(np.pi * times / period) ** 4).tolist()))
    outlet = CoronaryOutlet(0, "c", muscle, 3.2e9, 2.2e-11, 5.2e9, 1.8e-10, 1.6e9, 9000.0, 700.0)
    flow = Waveform(tuple(times.tolist()), tuple((1e-6 + 5e-7 * np.cos(2 * np.pi * times / period)).tolist()))
    beat = periodic(network([Vessel("a", None, 1e6)], [("a", outlet)]), Inflow(flow, period), steps)
    model = Coronary(3.2e9, 2.2e-11, 5.2e9, 1.8e-10, 1.6e9, 700.0, 9000.0, PeriodicCurve(muscle, period))
    bdf, entering = Bdf.second(period / steps), PeriodicCurve(flow, period)
    for step in range(1, 12 * steps + 1):
        offset, slope = model.relation(bdf, step * period / steps)
        q = float(entering(step * period / steps))
        if step > 11 * steps:
            assert offset + slope * q == pytest.approx(beat.pressure_out[step - 11 * steps - 1, 0], rel=1e-4)
        model.advance(bdf, step * period / steps, q)


def test_a_stenosis_is_found_in_the_radius_and_costs_what_its_law_says() -> None:
    healthy = tube(0.05, 1.5e-3)
    tree = with_stenosis(VesselTree((healthy,)), "tube", 0.5, 0.5, 0.01)
    ((start, lesion),) = lesions_of(tree.vessels[0])
    assert start == pytest.approx(0.02, abs=1.5e-3)
    assert (lesion.reference_radius, lesion.minimal_radius) == pytest.approx((1.5e-3, 0.75e-3), rel=1e-6)
    assert lesions_of(healthy) == ()
    plain = Options("static")
    before, after = (build(t, {"tube": BED}, BLOOD, options=plain).vessels[0] for t in (VesselTree((healthy,)), tree))
    blunt = LAWS["young-tsai"].coefficients(Lesion(1.5e-3, 0.75e-3, lesion.length), BLOOD)
    own = before.resistance * (1.0 - lesion.length / 0.05)
    assert after.loss == pytest.approx(blunt.loss / EXPANSION, rel=1e-6)
    assert after.resistance == pytest.approx(own + LAWS[DEFAULT_LAW].coefficients(lesion, BLOOD).resistance, rel=0.02)


def test_a_stenosis_that_cannot_be_is_refused() -> None:
    tree = VesselTree((tube(0.05, 1.5e-3),))
    with pytest.raises(RunError, match="give 0 to 95 %"):
        with_stenosis(tree, "tube", 1.0, 0.5)
    with pytest.raises(RunError, match="from 0 to 1 along its vessel"):
        with_stenosis(tree, "tube", 0.5, 20.0)
    with pytest.raises(RunError, match="There is no vessel 'LAD'; there are: tube"):
        with_stenosis(tree, "LAD", 0.5, 0.5)
    with pytest.raises(RunError, match="0.1 to 10 times"):
        with_radius(tree, "tube", 0.0)


def test_a_law_says_when_it_is_used_outside_its_range() -> None:
    told = LAWS["young-tsai"].outside(Lesion(1.5e-3, 1.4e-3, 0.01), BLOOD, 1e-4)
    assert len(told) == 2 and "7 %" in told[0] and "Reynolds" in told[1]


def test_branches_are_cut_where_daughters_leave_and_found_by_name() -> None:
    parts = [replace(tube(0.1, 5e-3), name="aorta"), replace(tube(0.3, 5e-3), name="aorta.2", parent="aorta")]
    tree = VesselTree(tuple(replace(part, branch="aorta") for part in parts))
    vessel, place = tree.at("aorta", 0.5)
    assert (vessel.name, place) == ("aorta.2", pytest.approx(0.1))


COVERED = (
    *("steadyFlow_RC_R", "steadyFlow_RLC_R", "steadyFlow_RL_R", "steadyFlow_R_R", "steadyFlow_R_RCR"),
    *("steadyFlow_R_coronary", "steadyFlow_R_steadyPressure", "steadyFlow_bifurcationR_R1"),
    *("steadyFlow_bifurcationR_R1_blockNames", "steadyFlow_bifurcationR_R2", "steadyFlow_blood_vessel_junction"),
    *("steadyFlow_stenosis_R", "pulsatileFlow_R_RCR", "pulsatileFlow_R_coronary"),
    *("pulsatileFlow_R_coronary_cycle_error", "pulsatileFlow_bifurcationR_RCR_cycle_error"),
)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
@pytest.mark.parametrize("name", COVERED)
def test_svzerod_own_cases_give_its_own_results(name: str) -> None:
    description = json.loads((SHARED / f"{name}.json").read_text())
    tree, inflow = from_svzerod(description)
    ours = periodic(tree, inflow)
    is_slow = name == "pulsatileFlow_R_coronary_cycle_error"
    beats = 400 if is_slow else 30
    description["simulation_parameters"] = {
        "number_of_cardiac_cycles": beats,
        "number_of_time_pts_per_cardiac_cycle": 513,
        "output_all_cycles": False,
        "absolute_tolerance": 1e-8 if is_slow else 1e-9,
    }
    theirs = run_svzerod(description)
    order = [ours.names.index(vessel["vessel_name"]) for vessel in description["vessels"]]
    gate = 1e-9 if name.startswith("steady") else 5e-4  # a spline through 100 samples against straight lines
    for column in ("flow_in", "flow_out", "pressure_in", "pressure_out"):
        found, wanted = getattr(ours, column)[:, order], getattr(theirs, column)
        assert np.abs(found - wanted).max() <= gate * np.abs(wanted).max(), column


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
def test_what_is_no_tree_of_vessels_is_refused() -> None:
    for name in ("closedLoopHeart_singleVessel", "valve_tanh", "steadyFlow_confluenceR_R"):
        with pytest.raises(RunError, match="which is no tree of vessels"):
            from_svzerod(json.loads((SHARED / f"{name}.json").read_text()))


def test_random_trees_are_trees_of_the_wished_size() -> None:
    tree, outlets, _ = random_tree(7, 20)
    assert len(tree.vessels) in (19, 20, 21)
    assert set(outlets) == set(tree.ends)
    closing: dict[str, Outlet] = outlets
    assert all(isinstance(outlet, RcrOutlet) for outlet in closing.values())
    assert isinstance(tree.vessels[0], VesselShape)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"systolic": 400.0}, "outside what a living person has"),
        ({"diastolic": 130.0}, "must be above the diastolic"),
        ({"mean": 130.0}, "must lie between the diastolic and the systolic"),
        ({"shares": {"v0": 1.0}}, "must be positive, add up to 1, and name each"),
        ({"site": "LAD"}, "which is no vessel"),
    ],
)
def test_a_target_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    tree, inflow, target = random_target(0)
    mmhg = {"systolic": 120.0, "diastolic": 80.0, "mean": None, **change}
    wanted = {name: value * 133.322 if isinstance(value, float) else value for name, value in mmhg.items()}
    with pytest.raises(RunError, match=words):
        tune_tree(tree, inflow, replace(target, **wanted))


def test_a_pulse_that_the_vessels_do_not_allow_is_named() -> None:
    tree, inflow, target = random_target(0)
    tuned = tune_tree(tree, inflow, replace(target, systolic=target.diastolic + 500.0, mean=target.diastolic + 200.0))
    assert "cannot be met" in tuned.misses[0] and "no Windkessels behind them" in tuned.misses[0]
    wide = replace(target, systolic=target.diastolic + 20_000.0, mean=target.diastolic + 8000.0)
    soft = replace(tree, vessels=tuple(replace(v, compliance=20.0 * v.compliance) for v in tree.vessels))
    tuned = tune_tree(soft, inflow, wide)
    assert "store next to nothing the pulse is" in tuned.misses[0] and "150 mmHg are wished" in tuned.misses[0]
    still = replace(inflow, curve=Waveform.constant(inflow.mean))
    assert "the same all through the beat" in tune_tree(tree, still, target).misses[0]


def test_outlets_are_corrected_on_a_better_model_until_that_meets_the_targets() -> None:
    shapes, _, _ = random_tree(1)
    tree, inflow, target = random_target(1)
    assert target.mean is not None
    waves = waves_of(shapes, inflow, BLOOD, Stiffness("olufsen"), target.mean, junctions="static")
    tuned = tune_with(tree, inflow, target, waves)
    assert abs(tuned.first[0][0] - target.systolic) > PRESSURE_TOLERANCE  # what 0D alone gives in 1D
    assert tuned.misses == () and 1 <= tuned.n_corrections <= 2


def test_one_solution_of_a_better_model_corrects_the_outlets() -> None:
    tree, inflow, target = random_target(5)
    better = replace(tree, vessels=tuple(replace(v, resistance=8.0 * v.resistance) for v in tree.vessels))

    def solved(network: Network) -> tuple[tuple[float, float, float], dict[str, float]]:
        real = replace(better, outlets=network.outlets)
        return state_of(real, periodic(real, inflow, 256), target.site)

    first = tune_tree(tree, inflow, target).network
    seen = solved(first)
    assert abs(seen[0][0] - target.systolic) > 1.5 * PRESSURE_TOLERANCE
    corrected = corrected_once(first, inflow, target, seen)
    assert corrected.misses == ()
    found = solved(corrected.network)
    assert found[0][:2] == pytest.approx((target.systolic, target.diastolic), abs=PRESSURE_TOLERANCE)
    assert found[1] == pytest.approx(dict(target.shares), abs=0.02)


def test_tuning_without_a_mean_meets_the_two_pressures_at_an_outlet() -> None:
    tree, inflow, target = random_target(2)
    site = next(iter(target.shares))
    tuned = tune_tree(tree, inflow, replace(target, mean=None, site=site))
    assert tuned.misses == ()
    assert tuned.reached[:2] == pytest.approx((target.systolic, target.diastolic), abs=266.6)
