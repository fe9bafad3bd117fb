"""Openings of every kind in three dimensions: resistance, given share, inlet at a pressure, several inlets."""

from __future__ import annotations

import numpy as np

from solvers.contract.spec import Inlet, PressureInlet, PressureOutlet, ResistanceOutlet, SplitOutlet, Waveform
from solvers.verification.exact import Poiseuille
from solvers.verification.meshes import BRANCH, INLET, OUTLET, straight_tube, tee
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import VISCOSITY, opened_solver, tube_solver

MASS = "conservation of mass"
WIDTH = 2e-3
FLOW = 1e-6


def check_openings(progress: Progress, long: bool) -> list[Row]:
    """A resistance behind a tube, a tube between two pressures, a branching with given shares, a confluence."""
    rows = _resistance()
    progress(0.2, "Tube between two pressures")
    rows += _between_pressures(80 if long else 40)
    progress(0.5, "Branching with a given share")
    rows += _shares(4 if long else 2)
    progress(0.8, "Two inlets")
    return rows + _confluence(4 if long else 2)


def _resistance() -> list[Row]:
    resistance, behind = 2e8, 500.0
    outlet = ResistanceOutlet(OUTLET, "outlet", resistance, behind)
    solver = tube_solver(straight_tube(0.01, 2e-3, 3, 6), Waveform.constant(FLOW), "parabolic", 1.0, 20, outlet)
    for _ in range(20):
        report = solver.step()
    wanted = behind + resistance * FLOW
    found = float(solver.outlets.pressures[0])
    return [
        Row("openings", "pressure behind a resistance", "Pa", found, wanted, 1e-9, "P = R Q + Pd"),
        Row("openings", "pressure on its cap", "Pa", float(report.pressures[1]), wanted, 0.005, "P = R Q + Pd"),
    ]


def _between_pressures(steps: int) -> list[Row]:
    """Flow through a tube from one pressure to another, at Reynolds numbers of 12 and 240."""
    radius, length = 5e-4, 5e-3
    mesh = straight_tube(length, radius, 5, 8)
    rows = []
    for reynolds, flow in ((12, 3.15e-8), (240, 6.3e-7)):
        drop = Poiseuille(radius, flow, VISCOSITY).pressure_drop(length)
        source = PressureInlet(INLET, "inlet", Waveform.constant(1000.0 + drop))
        outlet = PressureOutlet(OUTLET, "outlet", Waveform.constant(1000.0))
        solver = opened_solver(mesh, (source,), (outlet,), 0.1, steps)
        for _ in range(round(1.2 * steps)):
            report = solver.step()
        what = f"at Reynolds number {reynolds}"
        found, sideways = float(report.flows[1]), float(np.abs(solver.velocity[:, :2]).max()) / report.max_speed
        rows += [
            Row("openings", f"flow between two pressures, {what}", "m3/s", found, flow, 0.01, "Hagen-Poiseuille"),
            Row(*("openings", f"sideways speed, {what}", ""), sideways, 0.0, 0.01, "Hagen-Poiseuille", True),
        ]
    return rows


def _shares(n: int) -> list[Row]:
    outlets = (SplitOutlet(BRANCH, "branch", 0.3), ResistanceOutlet(OUTLET, "outlet", 1e9))
    solver = opened_solver(tee(n, WIDTH), (Inlet(INLET, "inlet", Waveform.constant(FLOW)),), outlets, 0.1, 40)
    worst, imbalance = 0.0, 0.0
    for _ in range(20):
        report = solver.step()
        worst = max(worst, abs(float(report.flows[1]) / FLOW - 0.3))
        imbalance = max(imbalance, abs(float(report.flows.sum())) / FLOW)
    return [
        Row("openings", "largest miss of a given share", "", worst, 0.0, 1e-10, "the share itself", is_absolute=True),
        Row("openings", "largest imbalance with a given share", "", imbalance, 0.0, 1e-10, MASS, is_absolute=True),
    ]


def _confluence(n: int) -> list[Row]:
    inlets = (
        Inlet(INLET, "inlet", Waveform.constant(FLOW), "parabolic"),
        Inlet(BRANCH, "branch", Waveform.constant(0.5 * FLOW), "plug"),
    )
    outlet = PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0))
    solver = opened_solver(tee(n, WIDTH), inlets, (outlet,), 0.1, 40)
    for _ in range(20):
        report = solver.step()
    first, second, out = report.flows.tolist()
    return [
        Row("openings", "flow of the first of two inlets", "m3/s", -first, FLOW, 1e-12, "the flow prescribed"),
        Row("openings", "flow of the second", "m3/s", -second, 0.5 * FLOW, 1e-12, "the flow prescribed"),
        Row("openings", "outflow of a confluence", "m3/s", out, 1.5 * FLOW, 1e-10, MASS),
    ]
