"""The circuits behind the outlets, against closed forms and an accurate integration of their equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from solvers.contract.spec import CoronaryOutlet, ResistanceOutlet, SplitOutlet, Waveform
from solvers.network.coronary import Coronary
from solvers.network.outlet_models import outlet_model, outlet_models
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf

PERIOD = 0.8
TIMES = np.linspace(0.0, PERIOD, 32, endpoint=False)
SQUEEZE = Waveform(
    tuple(TIMES.tolist()), tuple((1.4e4 * np.where(TIMES < 0.3, np.sin(np.pi * TIMES / 0.3) ** 2, 0.0)).tolist())
)
CORONARY = CoronaryOutlet(3, "lad", SQUEEZE, 3e9, 2e-12, 5e9, 2e-11, 1.5e9, 1.1e4, 700.0)


def _coronary(p_muscle: Waveform = SQUEEZE) -> Coronary:
    o = CORONARY
    curve = PeriodicCurve(p_muscle, PERIOD)
    return Coronary(o.r_artery, o.c_artery, o.r_micro, o.c_muscle, o.r_vein, o.p_venous, o.p_initial, curve)


def _stepped(model: Coronary, flow: np.ndarray, dt: float) -> np.ndarray:
    pressures = []
    for step, q in enumerate(flow.tolist()):
        bdf, time = Bdf.second(dt) if step else Bdf.euler(dt), (step + 1) * dt
        offset, slope = model.relation(bdf, time)
        pressures.append(offset + slope * q)
        model.advance(bdf, time, q)
    return np.array(pressures)


def test_steady_flow_into_a_coronary_outlet_meets_the_published_pressure() -> None:
    # 5 cm3/s, Ra = Ram = Rv = 100 dyn s/cm5, no venous pressure: 1500 dyn/cm2 at the outlet (svZeroDSolver's own test)
    unit = 1e5  # Pa s/m3
    outlet = CoronaryOutlet(3, "x", Waveform.constant(0.0), 100 * unit, 1e-9, 100 * unit, 1e-9, 100 * unit, 0.0)
    model = outlet_model(outlet, 1.0)
    assert isinstance(model, Coronary)
    pressure = _stepped(model, np.full(400, 5e-6), 0.01)[-1]
    assert pressure == pytest.approx(1500 * 0.1, rel=1e-9)


def test_a_squeezed_coronary_outlet_follows_its_equations_at_second_order() -> None:
    o, curve = CORONARY, PeriodicCurve(SQUEEZE, PERIOD)
    squeeze = curve._spline
    assert squeeze is not None

    def slope(t: float, y: np.ndarray) -> list[float]:
        q = 1e-6 * (1.0 - np.cos(2.0 * np.pi * t / PERIOD))
        arterial, muscle = y
        through = (arterial - muscle) / o.r_micro
        squeezed = float(squeeze(np.mod(t, PERIOD), 1))
        return [(q - through) / o.c_artery, squeezed + (through - (muscle - o.p_venous) / o.r_vein) / o.c_muscle]

    start = o.p_venous + o.r_vein * (o.p_initial - o.p_venous) / (o.r_micro + o.r_vein)
    exact = solve_ivp(slope, (0.0, PERIOD), [o.p_initial, start], "Radau", rtol=1e-9, atol=1e-6, max_step=PERIOD / 400)
    misses = []
    for steps in (200, 400):
        times = PERIOD * np.arange(1, steps + 1) / steps
        found = _stepped(_coronary(), 1e-6 * (1.0 - np.cos(2.0 * np.pi * times / PERIOD)), PERIOD / steps)
        misses.append(abs(found[-1] - exact.y[0, -1]) / 1.1e4)
    assert misses[1] < 1e-4
    assert misses[0] / misses[1] > 3.0


def test_the_impedance_of_a_coronary_outlet_is_that_of_its_time_stepping() -> None:
    model, steps = _coronary(Waveform.constant(0.0)), 2000
    wanted = model.impedance(np.array([2.0 * np.pi / PERIOD]))[0]
    turns = np.exp(2j * np.pi * np.arange(1, 5 * steps + 1) / steps)
    found = _stepped(model, 1e-6 * turns.real, PERIOD / steps)
    amplitude = 2.0 / steps * (found[-steps:] / turns[-steps:]).sum() / 1e-6
    assert abs(amplitude - wanted) < 1e-3 * abs(wanted)


def test_a_resistance_and_the_start_of_a_given_share() -> None:
    resistance = ResistanceOutlet(3, "a", 2e8, 500.0)
    models = outlet_models((resistance, SplitOutlet(4, "b", 0.3)), PERIOD)
    model = models[3]
    assert model.relation(Bdf.second(0.01), 0.0) == (500.0, 2e8)  # type: ignore[union-attr]
    assert models[4].initial_pressure() == 500.0
