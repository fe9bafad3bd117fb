"""Lumped outlets: the periodic state, the tuning, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.contract.errors import RunError
from solvers.contract.spec import Waveform
from solvers.network.tree import Segment, Terminal, periodic_state
from solvers.network.tuning import PressureTarget, fractions_of_radii, tune
from solvers.network.waveform import PeriodicCurve, harmonics
from solvers.network.windkessel import Bdf, Windkessel

PERIOD = 0.9
TIMES = np.linspace(0.0, PERIOD, 60, endpoint=False)
FLOW = Waveform(
    tuple(TIMES.tolist()),
    tuple((5e-6 + np.where(TIMES < 0.32, 4e-4 * np.sin(np.pi * TIMES / 0.32) ** 2, 0.0)).tolist()),
)


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
        model.advance(bdf, float(curve(time)))
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
)
def test_tuning_meets_any_sensible_pressure(
    systolic: float, pulse: float, shares: list[float], resistance: float
) -> None:
    target = PressureTarget(133.322 * systolic, 133.322 * (systolic - pulse))
    fractions = np.array(shares) / sum(shares)
    tuned = tune(FLOW, PERIOD, fractions, target, tuple(Segment(resistance, 1e4) for _ in shares))
    assert tuned.systolic == pytest.approx(target.systolic, rel=1e-3)
    assert tuned.diastolic == pytest.approx(target.diastolic, rel=1e-3)
    assert tuned.state.flows.mean(axis=0) / tuned.state.flows.mean(axis=0).sum() == pytest.approx(fractions, rel=1e-6)


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
        tune(flow, PERIOD, fractions, target)
    assert refusal.value.code == "bad_target"


def test_a_branch_that_resists_too_much_for_its_share_is_refused() -> None:
    with pytest.raises(RunError, match="resists so much"):
        tune(FLOW, PERIOD, [0.5, 0.5], PressureTarget(1.6e4, 1.1e4), (Segment(1e12), Segment()))


def test_a_vessel_of_constant_radius_has_the_resistance_of_poiseuille() -> None:
    segment = Segment.of_vessel([0.0, 0.05, 0.1], [2e-3, 2e-3, 2e-3], 1060.0, 3.5e-3)
    assert segment.resistance * 1e-6 == pytest.approx(55.704, rel=1e-4)


def test_flow_fractions_follow_murray() -> None:
    assert fractions_of_radii([3.0, 2.5, 2.0], 3.0) == pytest.approx([0.5333, 0.3086, 0.1580], abs=1e-4)


def test_a_curve_repeats_itself_and_has_its_samples() -> None:
    curve = PeriodicCurve(FLOW, PERIOD)
    assert curve(TIMES + 7 * PERIOD) == pytest.approx(FLOW.values, abs=1e-15)
    amplitudes = harmonics(curve.sample(512))
    time = 0.123
    turn = np.exp(2j * np.pi * np.arange(len(amplitudes)) * time / PERIOD)
    assert float(np.real(amplitudes @ turn)) == pytest.approx(float(curve(time)), rel=1e-4)
