"""Lumped outlets: the periodic state, the tuning, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.contract.errors import RunError
from solvers.contract.spec import Waveform
from solvers.network.calibration import calibrated
from solvers.network.tree import Segment, Terminal, periodic_state
from solvers.network.tuning import PressureTarget, fractions_of_radii, require_met, tune
from solvers.network.waveform import PeriodicCurve, harmonics
from solvers.network.windkessel import Bdf, Windkessel

PERIOD = 0.9
TIMES = np.linspace(0.0, PERIOD, 60, endpoint=False)
FLOW = Waveform(
    tuple(TIMES.tolist()),
    tuple((5e-6 + np.where(TIMES < 0.32, 4e-4 * np.sin(np.pi * TIMES / 0.32) ** 2, 0.0)).tolist()),
)


CURVE = PeriodicCurve(FLOW, PERIOD)


def test_the_periodic_state_is_where_time_stepping_arrives() -> None:
    terminal = Terminal(1e7, 1e-8, 1e8, 500.0)
    curve = PeriodicCurve(FLOW, PERIOD)
    state = periodic_state(curve, PERIOD, [terminal])
    model = Windkessel(1e7, 1e-8, 1e8, 500.0, float(state.compliance_pressures[0, 0]))
    steps = 4096
    pressures = []
    for step in range(steps):
        time = (step + 1) * PERIOD / steps
        bdf = Bdf.second(PERIOD / steps) if step else Bdf.euler(PERIOD / steps)
        offset, slope = model.relation(bdf, time)
        pressures.append(offset + slope * float(curve(time)))
        model.advance(bdf, time, float(curve(time)))
    wanted = np.roll(state.inlet_pressure, -1)
    found = np.array(pressures)[3::4]
    assert np.abs(found - wanted).max() < 1e-3 * wanted.max()  # error of the time stepping


def test_parallel_branches_share_the_flow_by_their_impedance() -> None:
    state = periodic_state(
        PeriodicCurve(Waveform.constant(6e-5), 1.0), 1.0, [Terminal(1e7, 1e-9, 1e8), Terminal(2e7, 1e-9, 2e8)]
    )
    assert state.flows[0] == pytest.approx([4e-5, 2e-5])


@settings(max_examples=25, deadline=None)
@given(
    systolic=st.floats(110.0, 180.0),
    pulse=st.floats(20.0, 60.0),
    shares=st.lists(st.floats(0.05, 1.0), min_size=1, max_size=5),
    resistance=st.floats(0.0, 3e6),
    loss=st.sampled_from([0.0, 1e8, 1e9]),
)
def test_tuning_meets_any_sensible_pressure(
    systolic: float, pulse: float, shares: list[float], resistance: float, loss: float
) -> None:
    target = PressureTarget(133.322 * systolic, 133.322 * (systolic - pulse))
    fractions = np.array(shares) / sum(shares)
    tuned = tune(CURVE, PERIOD, fractions, target, tuple(Segment(resistance, 1e4, loss) for _ in shares))
    if tuned.is_met:
        assert tuned.state.inlet_pressure.max() == pytest.approx(target.systolic, rel=1e-3)
        assert tuned.state.inlet_pressure.min() == pytest.approx(target.diastolic, rel=1e-3)
        mean = tuned.state.flows.mean(axis=0)
        assert mean / mean.sum() == pytest.approx(fractions, rel=1e-3)
    else:  # a vessel that loses much at the peak makes a pulse of its own, and a small one cannot be had at its inlet
        assert loss > 0.0
        assert tuned.state.inlet_pressure.max() - tuned.state.inlet_pressure.min() > target.systolic - target.diastolic


@pytest.mark.parametrize(
    ("fractions", "target", "flow"),
    [
        ([1.0], PressureTarget(1e4, 1.2e4), FLOW),
        ([0.5, 0.4], PressureTarget(1.6e4, 1.1e4), FLOW),
        ([1.0], PressureTarget(1.6e4, 1.1e4), Waveform.constant(-1e-5)),
        ([1.0], PressureTarget(1.6e4, 1.1e4), Waveform.constant(1e-5)),
    ],
    ids=["diastolic above systolic", "shares not summing to 1", "flow out of the inlet", "no pulse at all"],
)
def test_targets_that_cannot_be_met_are_refused(fractions: list[float], target: PressureTarget, flow: Waveform) -> None:
    with pytest.raises(RunError) as refusal:
        require_met(tune(PeriodicCurve(flow, PERIOD), PERIOD, fractions, target), target)
    assert refusal.value.code == "bad_target"
    assert " Pa" not in str(refusal.value), "a user thinks in mmHg"


def test_a_target_at_an_outlet_is_met_there_and_not_at_the_inlet() -> None:
    target = PressureTarget(1.6e4, 1.1e4, site=1)
    branches = (Segment(1e6, 1e5), Segment(2e6, 3e6, 3e11), Segment(1e6, 1e6, 1e11))
    tuned = tune(CURVE, PERIOD, [0.2, 0.1, 0.7], target, branches)
    assert tuned.is_met
    assert tuned.state.outlet_pressures[:, 1].max() == pytest.approx(1.6e4, rel=1e-3)
    assert tuned.state.outlet_pressures[:, 1].min() == pytest.approx(1.1e4, rel=1e-3)
    assert tuned.state.inlet_pressure.max() >= 1.02 * 1.6e4


def test_stepping_with_a_loss_of_nothing_arrives_at_the_harmonic_state() -> None:
    linear = [Terminal(1e7, 1e-8, 1e8, 0.0, Segment(1e6, 2e6)), Terminal(3e7, 3e-9, 3e8, 0.0, Segment(2e6, 1e6))]
    stepped = [replace(terminal, branch=replace(terminal.branch, loss=1e-3)) for terminal in linear]
    exact, found = periodic_state(CURVE, PERIOD, linear), periodic_state(CURVE, PERIOD, stepped)
    # 1024 steps of second order follow a pulse that is made of about ten harmonics
    assert np.abs(found.inlet_pressure - exact.inlet_pressure).max() < 2e-3 * exact.inlet_pressure.max()
    assert np.abs(found.flows - exact.flows).max() < 2e-3 * np.abs(exact.flows).max()


def test_the_periodic_state_with_losses_satisfies_its_equations() -> None:
    branch = Segment(1e6, 1e6, 2e11)
    terminals = [Terminal(1e7, 1e-8, 1e8, 500.0, branch), Terminal(3e7, 3e-9, 3e8, 500.0, branch)]
    state = periodic_state(CURVE, PERIOD, terminals, n=4096)
    dt = PERIOD / 4096
    for k in range(2):
        flow, outlet = state.flows[:, k], state.outlet_pressures[:, k]
        slope = (np.roll(flow, -1) - np.roll(flow, 1)) / (2.0 * dt)
        drop = branch.resistance * flow + branch.loss * np.abs(flow) * flow + branch.inertance * slope
        assert np.abs(outlet + drop - state.inlet_pressure).max() < 1e-3 * state.inlet_pressure.max()
    assert state.flows.sum(axis=1) == pytest.approx(CURVE.sample(4096), abs=1e-9)


def test_a_solved_cycle_gives_back_the_vessel_that_made_it() -> None:
    branches = (Segment(2e6, 1e6, 2e11), Segment(6e6, 2e6, 1e12))
    terminals = [
        Terminal(1e7, 1e-8, 1e8, 0.0, branches[0]),
        Terminal(3e7, 3e-9, 3e8, 0.0, branches[1]),
    ]
    state = periodic_state(CURVE, PERIOD, terminals, n=2048)
    found = calibrated(state.flows, state.outlet_pressures, state.inlet_pressure, PERIOD / 2048)
    for segment, wanted in zip(found, branches, strict=True):
        # central differences of the flow, one-sided at the two ends of the cycle
        assert segment.loss == pytest.approx(wanted.loss, rel=0.01)
        assert segment.inertance == pytest.approx(wanted.inertance, rel=0.01)
        assert segment.resistance == pytest.approx(wanted.resistance, rel=0.03)


def test_a_branch_that_resists_too_much_for_its_share_is_refused() -> None:
    with pytest.raises(RunError, match="resists so much"):
        tune(CURVE, PERIOD, [0.5, 0.5], PressureTarget(1.6e4, 1.1e4), (Segment(1e12), Segment()))


def test_a_vessel_of_constant_radius_has_the_resistance_of_poiseuille() -> None:
    segment = Segment.of_vessel([0.0, 0.05, 0.1], [2e-3, 2e-3, 2e-3], 1060.0, 3.5e-3)
    assert segment.resistance * 1e-6 == pytest.approx(55.704, rel=1e-4)
    # Bernoulli: rho v^2 / 2 at the end, v = Q / (pi r^2)
    assert segment.loss * 1e-12 == pytest.approx(0.5 * 1060.0 * (1e-6 / (np.pi * 4e-6)) ** 2, rel=1e-9)


def test_flow_fractions_follow_murray() -> None:
    assert fractions_of_radii([3.0, 2.5, 2.0], 3.0) == pytest.approx([0.5333, 0.3086, 0.1580], abs=1e-4)


def test_a_curve_repeats_itself_and_has_its_samples() -> None:
    curve = PeriodicCurve(FLOW, PERIOD)
    assert curve(TIMES + 7 * PERIOD) == pytest.approx(FLOW.values, abs=1e-15)
    amplitudes = harmonics(curve.sample(512))
    time = 0.123
    turn = np.exp(2j * np.pi * np.arange(len(amplitudes)) * time / PERIOD)
    assert float(np.real(amplitudes @ turn)) == pytest.approx(float(curve(time)), rel=1e-4)
