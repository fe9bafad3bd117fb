"""The three-element Windkessel: its impedance, its step response alone and behind a vessel, and the tuning."""

from __future__ import annotations

import math

import numpy as np

from solvers.contract.spec import RcrOutlet, Waveform
from solvers.network.tree import Segment
from solvers.network.tuning import PressureTarget, tune
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf, Windkessel
from solvers.verification.meshes import OUTLET, straight_tube
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import tube_solver

R_PROXIMAL, R_DISTAL, COMPLIANCE, PERIOD = 2.4875e8, 1.8697e9, 1.7529e-10, 1.1
SOURCE = "closed form; carotid values of Boileau et al. 2015"


def check_windkessel(progress: Progress, long: bool) -> list[Row]:
    """Impedance and step response of B.4, the step response behind a three-dimensional tube, tuned pressures."""
    model = Windkessel(R_PROXIMAL, COMPLIANCE, R_DISTAL, 0.0, 0.0)
    z = complex(model.impedance(np.array([2.0 * np.pi / PERIOD]))[0])
    steps = 4000 if long else 1000
    driven = _first_harmonic(steps)
    rows = [
        Row("windkessel", "impedance, magnitude", "Pa s/m3", abs(z), 1.021973e9, 1e-5, SOURCE),
        _phase("impedance, phase", np.degrees(np.angle(z)), -49.4926, 0.001),
        Row(
            "windkessel", "impedance of the time stepping, magnitude", "Pa s/m3", abs(driven), 1.021973e9, 1e-3, SOURCE
        ),
        _phase("impedance of the time stepping, phase", np.degrees(np.angle(driven)), -49.4926, 0.1),
        Row(
            "windkessel",
            "step response after one time constant",
            "Pa",
            _step_response(steps),
            _exact_step(1.0),
            1e-3,
            SOURCE,
        ),
    ]
    progress(0.2, "Windkessel behind a tube")
    flow = 5e-6
    outlet = RcrOutlet(OUTLET, "outlet", R_PROXIMAL, COMPLIANCE, R_DISTAL, p_initial=0.0)
    tau = R_DISTAL * COMPLIANCE
    n_steps = 400 if long else 160
    solver = tube_solver(straight_tube(0.02, 4e-3, 3, 6), Waveform.constant(flow), "blunt", 2.0 * tau, n_steps, outlet)
    for step in range(n_steps):
        report = solver.step()
        progress(0.2 + 0.7 * step / n_steps, "Windkessel behind a tube")
        if step == n_steps // 2 - 1:
            rows.append(_coupled("after one time constant", report.pressures[1], flow * _exact_step(1.0)))
    rows.append(_coupled("after two time constants", report.pressures[1], flow * _exact_step(2.0)))
    rows.append(
        Row(
            "windkessel",
            "flow that the outlet receives",
            "m3/s",
            float(report.flows[1]),
            flow,
            1e-6,
            "conservation of mass",
        )
    )
    return rows + _tuned()


def _exact_step(time_constants: float) -> float:
    """Pressure of a unit flow step: Rp + Rd (1 - exp(-t / (Rd C)))."""
    return R_PROXIMAL + R_DISTAL * (1.0 - math.exp(-time_constants))


def _phase(quantity: str, value: float, reference: float, gate: float) -> Row:
    return Row("windkessel", quantity, "degree", float(value), reference, gate, SOURCE, is_absolute=True)


def _coupled(when: str, value: float, reference: float) -> Row:
    return Row("windkessel", f"pressure behind a tube, {when}", "Pa", float(value), reference, 0.005, SOURCE)


def _step_response(steps: int) -> float:
    model = Windkessel(R_PROXIMAL, COMPLIANCE, R_DISTAL, 0.0, 0.0)
    dt = R_DISTAL * COMPLIANCE / steps
    pressure = 0.0
    for step in range(steps):
        bdf = Bdf.second(dt) if step else Bdf.euler(dt)
        offset, slope = model.relation(bdf, (step + 1) * dt)
        pressure = offset + slope
        model.advance(bdf, (step + 1) * dt, 1.0)
    return pressure


def _first_harmonic(steps: int) -> complex:
    """Pressure over flow of the time stepping driven with cos(omega t), from the tenth period."""
    model = Windkessel(R_PROXIMAL, COMPLIANCE, R_DISTAL, 0.0, 0.0)
    dt = PERIOD / steps
    bdf = Bdf.second(dt)
    total = 0.0 + 0.0j
    for step in range(1, 10 * steps + 1):
        turn = np.exp(2j * np.pi * step / steps)
        offset, slope = model.relation(bdf, step * dt)
        if step > 9 * steps:
            total += 2.0 / steps * (offset + slope * turn.real) / turn
        model.advance(bdf, step * dt, turn.real)
    return complex(total)


def _tuned() -> list[Row]:
    """Windkessels tuned to 120 over 80 mmHg, and the pressures that come back."""
    mmhg = 133.322
    times = np.linspace(0.0, 0.9, 60, endpoint=False)
    flow = 5e-6 + np.where(times < 0.32, 4.2e-4 * np.sin(np.pi * times / 0.32) ** 2, 0.0)
    branches = (Segment(2e6, 1e5), Segment(3e6, 2e5), Segment(1e5, 3e5))
    curve = PeriodicCurve(Waveform(tuple(times.tolist()), tuple(flow.tolist())), 0.9)
    network = tune(curve, 0.9, [0.2, 0.1, 0.7], PressureTarget(120.0 * mmhg, 80.0 * mmhg), branches)
    share = network.state.flows.mean(axis=0) / network.state.flows.mean(axis=0).sum()
    source = "the target itself"
    return [
        Row("windkessel", "tuned systolic pressure", "mmHg", network.systolic / mmhg, 120.0, 1e-3, source),
        Row("windkessel", "tuned diastolic pressure", "mmHg", network.diastolic / mmhg, 80.0, 1e-3, source),
        Row("windkessel", "tuned share of the first outlet", "", float(share[0]), 0.2, 1e-6, source),
    ]
