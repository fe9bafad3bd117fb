"""A vessel with two outlets in a closed circulation, the vessel being two resistances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solvers.contract.errors import RunError
from solvers.network.closed_loop import Beat, Circulation, Units, agree
from solvers.network.tree import Segment
from solvers.verification.circulation_checks import HEART

PA = 133.322
FIRST, SECOND = 0.05 * PA / 1e-6, 0.2 * PA / 1e-6


def _vessel(name: str, number: int, outlet: str | None = None) -> dict[str, Any]:
    ends = {"boundary_conditions": {"outlet": outlet}} if outlet else {}
    values = {"zero_d_element_type": "BloodVessel", "zero_d_element_values": {"R_poiseuille": 0.001}}
    return {"vessel_name": name, "vessel_id": number, "vessel_length": 1.0, **ends, **values}


def _description() -> dict[str, Any]:
    bodies = [{"Rp": 0.2, "Rd": 2.5, "C": 0.12}, {"Rp": 0.3, "Rd": 2.8, "C": 0.12}]
    heart = {"outlet_blocks": ["root"], "closed_loop_type": "ClosedLoopHeartAndPulmonary", "cardiac_cycle_period": 1.0}
    return {
        "simulation_parameters": {"absolute_tolerance": 1e-8, "steady_initial": False},
        "boundary_conditions": [
            {"bc_name": f"body{k}", "bc_type": "ClosedLoopRCR", "bc_values": {**body, "closed_loop_outlet": True}}
            for k, body in enumerate(bodies)
        ],
        "vessels": [_vessel("root", 0), _vessel("left", 1, "body0"), _vessel("right", 2, "body1")],
        "junctions": [
            {"junction_name": "J0", "junction_type": "NORMAL_JUNCTION", "inlet_vessels": [0], "outlet_vessels": [1, 2]}
        ],
        "closed_loop_blocks": [{**heart, "parameters": HEART}],
        "initial_condition": {"V_RA:CLH": 38.0, "V_RV:CLH": 96.0, "V_LA:CLH": 38.0, "V_LV:CLH": 96.0, "P_pul:CLH": 8.0},
    }


def _two_resistances(inflow: np.ndarray, pressures: np.ndarray) -> Beat:
    first = (SECOND * inflow + pressures[:, 1] - pressures[:, 0]) / (FIRST + SECOND)
    flows = np.column_stack([first, inflow - first])
    return Beat(pressures[:, 0] + FIRST * first, flows, pressures)


def test_the_circulation_ends_up_with_the_vessel_s_own_resistances() -> None:
    loop = Circulation(_description(), ("left", "right"), Units(), 100, n_beats=20)
    found = agree(loop, _two_resistances, (Segment(3.0 * FIRST), Segment(0.5 * SECOND)), 1e-6)
    wanted = loop.solve((Segment(FIRST), Segment(SECOND)))
    assert [s.resistance for s in found.segments] == pytest.approx([FIRST, SECOND], rel=1e-3)
    assert np.abs(found.circulation.flows - wanted.flows).max() < 1e-3 * wanted.flows.max()
    assert found.pressure_miss < 1e-3


def test_a_circulation_that_lacks_something_is_refused() -> None:
    with pytest.raises(RunError, match="has no vessel 'middle': name one of root, left, right"):
        Circulation(_description(), ("middle",), Units(), 100)
    openended = {**_description(), "junctions": []}
    with pytest.raises(RunError, match="does not connect both ends of vessel 'left'"):
        Circulation(openended, ("left",), Units(), 100)
    with pytest.raises(RunError, match="no heart with a period"):
        Circulation({**_description(), "closed_loop_blocks": []}, ("left",), Units(), 100)
