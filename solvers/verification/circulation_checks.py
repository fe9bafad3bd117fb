"""A three-dimensional tube in a closed circulation must leave it as the tube's own resistance and inertance do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import Inlet, PressureOutlet, Waveform
from solvers.contract.spec import Fluid
from solvers.network.closed_loop import Agreement, Beat, Circulation, Units, agree
from solvers.network.tree import Segment
from solvers.verification.meshes import INLET, OUTLET, straight_tube
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import DENSITY, opened_solver

FloatArray = NDArray[np.float64]

LENGTH, RADIUS, VISCOSITY = 0.05, 0.01, 1.0
"""[m], [m], [Pa s]: a fluid so thick that the flow of a whole heart through the tube is Poiseuille's."""
EXACT = Segment(8.0 * VISCOSITY * LENGTH / (np.pi * RADIUS**4), 4.0 / 3.0 * DENSITY * LENGTH / (np.pi * RADIUS**2))
PERIOD = 1.0
HEART: dict[str, float] = {
    "Tsa": 0.4,
    "tpwave": 9.0,
    "Erv_s": 2.1,
    "Elv_s": 3.1,
    "iml": 0.5,
    "imr": 0.8,
    "Lrv_a": 1.9e-4,
    "Rrv_a": 0.035,
    "Lra_v": 2.2e-4,
    "Rra_v": 0.008,
    "Lla_v": 3.5e-4,
    "Rla_v": 0.0053,
    "Rlv_ao": 0.034,
    "Llv_a": 1.1e-4,
    "Vrv_u": 9.4,
    "Vlv_u": 5.6,
    "Rpd": 0.099,
    "Cp": 1.09,
    "Cpa": 0.56,
    "Kxp_ra": 9.2,
    "Kxv_ra": 0.0048,
    "Emax_ra": 0.21,
    "Vaso_ra": 4.8,
    "Kxp_la": 9.2,
    "Kxv_la": 0.0081,
    "Emax_la": 0.3,
    "Vaso_la": 9.4,
}
"""In mmHg, mL and s, of the size of svZeroDSolver's own closed-loop example."""


def circulation(n_steps: int) -> Circulation:
    """A heart, one vessel and a body as a Windkessel."""
    body = {"Rp": 0.13, "Rd": 1.36, "C": 0.24, "closed_loop_outlet": True}
    vessel: dict[str, Any] = {"vessel_name": "aorta", "vessel_id": 0, "vessel_length": 1.0}
    vessel |= {"zero_d_element_type": "BloodVessel", "boundary_conditions": {"outlet": "body"}}
    heart = {"outlet_blocks": ["aorta"], "closed_loop_type": "ClosedLoopHeartAndPulmonary"}
    description = {
        "simulation_parameters": {"absolute_tolerance": 1e-8, "steady_initial": False},
        "boundary_conditions": [{"bc_name": "body", "bc_type": "ClosedLoopRCR", "bc_values": body}],
        "vessels": [vessel],
        "closed_loop_blocks": [{**heart, "cardiac_cycle_period": PERIOD, "parameters": HEART}],
        "initial_condition": {"V_RA:CLH": 38.0, "V_RV:CLH": 96.0, "V_LA:CLH": 38.0, "V_LV:CLH": 96.0, "P_pul:CLH": 8.0},
    }
    return Circulation(description, ("aorta",), Units(), n_steps)


def solve_tube(inflow: FloatArray, pressures: FloatArray) -> Beat:
    """The tube's second beat."""
    n = len(inflow)
    times = tuple((PERIOD / n * np.arange(n)).tolist())

    def waveform(values: FloatArray) -> Waveform:
        return Waveform(times, tuple(np.roll(values, 1).tolist()))

    solver = opened_solver(
        straight_tube(LENGTH, RADIUS, 3, 4),
        (Inlet(INLET, "inlet", waveform(inflow), "parabolic"),),
        (PressureOutlet(OUTLET, "outlet", waveform(pressures[:, 0])),),
        *(PERIOD, n),
        fluid=Fluid(DENSITY, VISCOSITY),
    )
    reports = [solver.step() for _ in range(n + n // 5)]
    shown = np.array([(*report.pressures, report.flows[1]) for report in reports])
    beat = np.concatenate([shown[n:], shown[n // 5 : n]])
    return Beat(beat[:, 0], beat[:, 2:], beat[:, 1:2])


def check_circulation(progress: Progress, long: bool) -> list[Row]:
    """Pressures and flow of the heart with the tube in three dimensions and as its resistance."""
    loop = circulation(400 if long else 200)
    wanted = loop.solve((EXACT,))
    progress(0.1, "Closed circulation around a tube")
    found: Agreement = agree(loop, solve_tube, (Segment(0.2 * EXACT.resistance),))
    source = "svZeroDSolver with the tube's Poiseuille resistance and inertance"

    def row(quantity: str, unit: str, value: float, reference: float) -> Row:
        return Row("circulation", quantity, unit, float(value), float(reference), 0.01, source)

    beat = found.circulation
    return [
        row("cardiac output", "m3/s", beat.inflow.mean(), wanted.inflow.mean()),
        row("peak flow", "m3/s", beat.inflow.max(), wanted.inflow.max()),
        row("systolic pressure at the inlet", "Pa", found.vessel.inlet_pressure.max(), wanted.inlet_pressure.max()),
        row("diastolic pressure at the inlet", "Pa", found.vessel.inlet_pressure.min(), wanted.inlet_pressure.min()),
        Row("circulation", "change in the last round", "", found.change, 0.0, 1e-3, "the limit", is_absolute=True),
        Row(
            *("circulation", "inlet pressure of tube against circulation, over the drop", ""),
            found.pressure_miss,
            0.0,
            0.05,
            "agreement",
            True,
        ),
    ]
