"""Openings of every kind in three dimensions: what they do together, and going on from a checkpoint."""

from __future__ import annotations

import numpy as np

from solvers.contract.spec import (
    CoronaryOutlet,
    Inlet,
    PressureInlet,
    PressureOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)
from solvers.flow.solver import FlowSolver
from solvers.verification.meshes import BRANCH, INLET, OUTLET, straight_tube, tee
from solvers.verification.tube_flow import opened_solver

SQUEEZE = Waveform((0.0, 0.02, 0.05, 0.08), (0.0, 4e3, 6e3, 1e3))
PULSE = Waveform((0.0, 0.02, 0.05, 0.08), (5e-7, 2e-6, 1e-6, 2e-7))
CORONARY = CoronaryOutlet(OUTLET, "coronary", SQUEEZE, 1e9, 5e-12, 2e9, 4e-11, 1e9, 8e3)


def _branching() -> FlowSolver:
    inlet = Inlet(INLET, "inlet", PULSE, "parabolic")
    return opened_solver(tee(2, 2e-3), (inlet,), (CORONARY, SplitOutlet(BRANCH, "branch", 0.4)), 0.1, 40)


def test_a_split_and_a_coronary_outlet_go_on_from_a_checkpoint_as_if_nothing_had_been() -> None:
    whole = _branching()
    reports = [whole.step() for _ in range(5)]
    state = {name: np.array(values) for name, values in whole.state().items()}
    for report in reports:
        assert abs(report.flows[2] + 0.4 * report.flows[0]) < 1e-10 * abs(report.flows[0])
        assert abs(report.flows.sum()) < 1e-10 * abs(report.flows[0])
    again = _branching()
    again.restore(5, state)
    for _ in range(3):
        wanted, found = whole.step(), again.step()
        assert np.abs(found.pressures - wanted.pressures).max() < 1e-9 * np.abs(wanted.pressures).max()
        assert np.abs(found.flows - wanted.flows).max() < 1e-9 * np.abs(wanted.flows).max()


def test_two_pressures_and_a_flow_share_out_what_a_resistance_takes() -> None:
    inlets = (Inlet(INLET, "flow", Waveform.constant(1e-7)), PressureInlet(BRANCH, "source", Waveform.constant(2500.0)))
    solver = opened_solver(tee(2, 2e-3), inlets, (ResistanceOutlet(OUTLET, "outlet", 1e10),), 0.1, 40)
    for _ in range(60):
        report = solver.step()
    given, free, out = report.flows.tolist()
    assert abs(given + 1e-7) < 1e-19 and abs(given + free + out) < 1e-15
    # nearly all of 2500 Pa falls over the outlet, so that 0.25 mL/s leave, of which 0.1 is given
    assert -1.5e-7 < free < -1.4e-7
    assert solver.outlets.pressures[0] == 2500.0


def test_a_pressure_inlet_faster_than_its_tube_is_long_stays_stable() -> None:
    # without its profile it grew to 10 m/s within 5 steps
    source, outlet = Waveform.constant(448.0), PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0))
    inlets = (PressureInlet(INLET, "inlet", source),)
    solver = opened_solver(straight_tube(5e-3, 5e-4, 3, 6), inlets, (outlet,), 0.1, 40)
    speeds = [solver.step().max_speed for _ in range(25)]
    assert 1.5 < speeds[-1] < 1.7 and max(speeds) < 1.7  # Poiseuille: 1.6
