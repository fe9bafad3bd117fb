"""The coronary outlet alone (steady, pulsatile, squeezed by the muscle) and behind a tube with two open ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from solvers.contract.spec import CoronaryOutlet, Outlet, PressureInlet, Waveform
from solvers.network.coronary import Coronary
from solvers.network.outlet_models import outlet_model
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf
from solvers.verification.meshes import INLET, OUTLET, straight_tube
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import DENSITY, VISCOSITY, opened_solver

FloatArray = NDArray[np.float64]

PERIOD = 0.8
CGS = 1e5
"""Pa s/m3 in a dyn s/cm5."""
LENGTH, RADIUS = 0.005, 5e-4
VESSEL = 8.0 * VISCOSITY * LENGTH / (np.pi * RADIUS**4)
INERTANCE = 4.0 / 3.0 * DENSITY * LENGTH / (np.pi * RADIUS**2)
"""Of slow Poiseuille flow: 4/3 of a plug's, the momentum of the parabola."""


def _pulse(low: float, high: float) -> Waveform:
    """Rises from ``low`` to ``high`` and back in the first 0.3 s."""
    times = np.linspace(0.0, PERIOD, 40, endpoint=False)
    values = low + (high - low) * np.where(times < 0.3, np.sin(np.pi * times / 0.3) ** 2, 0.0)
    return Waveform(tuple(times.tolist()), tuple(values.tolist()))


CORONARY = CoronaryOutlet(OUTLET, "coronary", _pulse(0.0, 8000.0), 3.2e9, 2.2e-11, 5.2e9, 1.8e-10, 1.6e9, 9000.0, 700.0)


def check_coronary(progress: Progress, long: bool) -> list[Row]:
    """All rows of the coronary outlet."""
    rows = [_steady(), _impedance(), *_squeezed(4000 if long else 1000)]
    return rows + _behind_a_tube(progress, 400 if long else 100)


def _model(outlet: Outlet) -> Coronary:
    model = outlet_model(outlet, PERIOD)
    assert isinstance(model, Coronary)
    return model


def _stepped(model: Coronary, flow: FloatArray, dt: float) -> FloatArray:
    """The outlet's pressure (n,) after each step at these flows (n,)."""
    pressures = []
    for step, q in enumerate(flow.tolist()):
        bdf, time = Bdf.second(dt) if step else Bdf.euler(dt), (step + 1) * dt
        offset, slope = model.relation(bdf, time)
        pressures.append(offset + slope * q)
        model.advance(bdf, time, q)
    return np.array(pressures)


def _steady() -> Row:
    """5 cm3/s through three resistances of 100 dyn s/cm5."""
    r = 100.0 * CGS
    model = _model(CoronaryOutlet(OUTLET, "steady", Waveform.constant(100.0), r, 1e-9, r, 1e-9, r, 0.0))
    found = _stepped(model, np.full(500, 5e-6), 0.01)[-1]
    return Row("coronary", "steady pressure", "Pa", float(found), 150.0, 1e-9, "svZeroDSolver, steadyFlow_R_coronary")


def _impedance() -> Row:
    """At the first harmonic, from the time stepping driven with a cosine, the muscle at rest."""
    o = CORONARY
    model = Coronary(
        *(o.r_artery, o.c_artery, o.r_micro, o.c_muscle, o.r_vein, 0.0, 0.0),
        PeriodicCurve(Waveform.constant(0.0), PERIOD),
    )
    steps, omega = 2000, 2.0 * np.pi / PERIOD
    turns = np.exp(2j * np.pi * np.arange(1, 12 * steps + 1) / steps)
    found = 2.0 / steps * (_stepped(model, 1e-6 * turns.real, PERIOD / steps)[-steps:] / turns[-steps:]).sum() / 1e-6
    through = o.r_micro + 1.0 / (1j * omega * o.c_muscle + 1.0 / o.r_vein)
    exact = o.r_artery + 1.0 / (1j * omega * o.c_artery + 1.0 / through)
    miss = float(abs(found / exact - 1.0))
    return Row("coronary", "impedance, complex miss", "", miss, 0.0, 1e-4, "closed form", is_absolute=True)


def _derivative(outlet: CoronaryOutlet, flow: float, time: float, pa: float, pm: float) -> tuple[float, float]:
    """dPa/dt and dPm/dt [Pa/s] of the circuit, the muscle's pressure differentiated from its own spline."""
    curve, eps = PeriodicCurve(outlet.p_muscle, PERIOD), 1e-5
    squeeze = (float(curve(time + eps)) - float(curve(time - eps))) / (2.0 * eps)
    through = (pa - pm) / outlet.r_micro
    drained = (pm - outlet.p_venous) / outlet.r_vein
    return (flow - through) / outlet.c_artery, squeeze + (through - drained) / outlet.c_muscle


def _start(outlet: CoronaryOutlet) -> tuple[float, float]:
    flow = (outlet.p_initial - outlet.p_venous) / (outlet.r_micro + outlet.r_vein)
    return outlet.p_initial, outlet.p_venous + outlet.r_vein * flow


def _squeezed(steps: int) -> list[Row]:
    """The pressure at the outlet while the muscle squeezes, against an accurate integration of the same equations."""

    def flow(t: float | FloatArray) -> FloatArray:
        return np.asarray(1e-6 * (1.0 - np.cos(2.0 * np.pi * t / PERIOD)))

    times = PERIOD * np.arange(1, steps + 1) / steps
    found = _stepped(_model(CORONARY), flow(times), PERIOD / steps)
    exact = solve_ivp(
        lambda t, y: _derivative(CORONARY, float(flow(t)), t, *y),
        *((0.0, PERIOD), _start(CORONARY)),
        method="RK45",
        t_eval=times,
        rtol=1e-9,
        atol=1e-6,
    )
    wanted = exact.y[0] + CORONARY.r_artery * flow(times)
    miss = float(np.abs(found - wanted).max() / (wanted.max() - wanted.min()))
    what = "largest miss of the pressure under a squeezing muscle, over its range"
    return [Row("coronary", what, "", miss, 0.0, 1e-4, "Runge-Kutta 4(5) at 1e-9", is_absolute=True)]


def _behind_a_tube(progress: Progress, steps: int) -> list[Row]:
    """A tube from a pressure to the outlet: its flow against the tube's resistance and inertance before the circuit."""
    outlet = CoronaryOutlet(
        *(OUTLET, "coronary", _pulse(0.0, 150.0)),
        *(0.32 * 3.0 * VESSEL, 0.02 / VESSEL, 0.52 * 3.0 * VESSEL, 0.15 / VESSEL, 0.16 * 3.0 * VESSEL, 0.0, 200.0),
    )
    source = PressureInlet(INLET, "inlet", _pulse(300.0, 500.0))
    solver = opened_solver(straight_tube(LENGTH, RADIUS, 4, 8), (source,), (outlet,), PERIOD, steps)
    flows, pressures = [], []
    for step in range(steps):
        report = solver.step()
        flows.append(report.flows[1])
        pressures.append(report.pressures[1])
        progress(0.1 + 0.9 * step / steps, "Coronary outlet behind a tube")
    inlet = PeriodicCurve(source.pressure, PERIOD)

    def slope(t: float, y: FloatArray) -> list[float]:
        q, pa, pm = y.tolist()
        driving = float(inlet(t)) - pa - (VESSEL + outlet.r_artery) * q
        return [driving / INERTANCE, *_derivative(outlet, q, t, pa, pm)]

    times = PERIOD * np.arange(1, steps + 1) / steps
    exact = solve_ivp(
        slope, (0.0, PERIOD), [0.0, *_start(outlet)], method="Radau", t_eval=times, rtol=1e-7, atol=1e-14, max_step=0.01
    )
    wanted = exact.y[0], exact.y[1] + outlet.r_artery * exact.y[0]
    later = times > 0.1 * PERIOD
    misses = [
        float(np.sqrt(np.mean((np.array(found) - value)[later] ** 2) / np.mean(value[later] ** 2)))
        for found, value in zip((flows, pressures), wanted, strict=True)
    ]
    reference = "the same circuit behind the tube's Poiseuille resistance"
    return [
        Row("coronary", "flow behind a tube, L2 miss", "", misses[0], 0.0, 0.02, reference, is_absolute=True),
        Row("coronary", "pressure behind a tube, L2 miss", "", misses[1], 0.0, 0.02, reference, is_absolute=True),
    ]
