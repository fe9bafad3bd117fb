"""The patient's own law of a narrowing from steady runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow.stenosis_law import KeptLaw, StenosisLaw, identified, law_notes, law_of_runs, with_laws
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Inlet, PressureOutlet, Waveform
from solvers.network.one_d.patient import network_of_tree
from solvers.network.one_d.solver import Scheme, solve_network
from solvers.network.stenosis import segment_of
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, VesselTree, lesions_of, with_radius, with_stenosis
from solvers.network.zero_d.build import build
from solvers.network.zero_d.solve import Inflow, samples_of, steady

A, B = 2e8, 3e14


def test_two_and_three_flows_give_the_law_and_its_range() -> None:
    for flows in ([5e-7, 1e-6], [5e-7, 1e-6, 2e-6]):
        q = np.array(flows)
        law = identified(q, A * q + B * q**2, "inlet", "LAD", ["r"] * len(q))
        assert (law.linear, law.quadratic) == pytest.approx((A, B), rel=1e-6)
        assert law.drop(-1e-6) == pytest.approx(-(A * 1e-6 + B * 1e-12))
        assert law.holds_at(8e-7) and not law.holds_at(3e-6)
    told = law.as_dict([1.0, 3.0])
    assert [row["holds"] for row in told["drops"]] == [True, False]
    assert told["drops"][0]["drop_mmhg"] == pytest.approx((A * 1e-6 + B * 1e-12) / 133.322, rel=1e-4)


def test_a_drop_that_is_no_such_law_says_how_much_it_leaves() -> None:
    q = np.array([5e-7, 1e-6, 2e-6])
    law = identified(q, 3e20 * q**3, "inlet", "LAD", ["r"] * 3)
    assert law.miss > 0.2 and law.linear == 0.0


def test_too_few_runs_and_wrong_directions_are_refused(tmp_path: Path) -> None:
    one = np.array([1e-6])
    for flows in (one, np.array([1e-6, 1.02e-6])):
        with pytest.raises(CaseError, match="give two or three steady runs") as caught:
            identified(flows, A * flows, "inlet", "LAD", ["r"] * len(flows))
        assert caught.value.code == "too_few_runs"
    with pytest.raises(CaseError, match="exchange the two"):
        identified(np.array([1e-6, 2e-6]), np.array([-10.0, -30.0]), "LAD", "inlet", ["r", "s"])
    with pytest.raises(CaseError, match="is no run"):
        law_of_runs([tmp_path], "inlet", "LAD")


STRAIGHT = VesselShape("v", None, "v", 0.0, np.linspace(0.0, 0.1, 101), np.full(101, 2e-3))
BLOOD = Fluid(1060.0, 3.5e-3)
OWN = KeptLaw(
    "v", 0.03, 0.06, A, B, BLOOD.viscosity, StenosisLaw(A, B, "v 30 mm", "v 60 mm", 5e-7, 2e-6, 0.0, ("r", "s"))
)


def _drop_in_0d(shape: VesselShape, flow: float, fluid: Fluid = BLOOD) -> float:
    """Of the total pressure, which falls to nothing at the end [Pa]."""
    tree = VesselTree((shape,))
    network = build(tree, {"v": PressureOutlet(0, "end", Waveform.constant(0.0))}, fluid)
    found = steady(samples_of(network, Inflow(Waveform.constant(flow))))
    area = np.pi * shape.radius[0] ** 2
    return float(found.pressure_in[0, 0]) + 0.5 * fluid.density * (flow / area) ** 2


def test_a_kept_law_is_what_0d_and_1d_lose_between_its_places() -> None:
    flow, area = 1e-6, np.pi * 4e-6
    shape = with_laws(VesselTree((STRAIGHT,)), [OWN]).vessels[0]
    friction = 8.0 * BLOOD.viscosity / (np.pi * 16e-12) * 0.07 * flow
    wanted = friction + A * flow + B * flow**2
    speed = 0.5 * BLOOD.density * (flow / area) ** 2
    assert _drop_in_0d(shape, flow) == pytest.approx(wanted + speed, rel=1e-6)
    thicker = replace(BLOOD, viscosity=2.0 * BLOOD.viscosity)
    assert _drop_in_0d(shape, flow, thicker) == pytest.approx(wanted + friction + A * flow + speed, rel=1e-6)
    inlet, stiff = Inlet(0, "inlet", Waveform.constant(flow)), Stiffness("wave_speed", 20.0)
    network = network_of_tree(
        VesselTree((shape,)), inlet, {"v": PressureOutlet(0, "end", Waveform.constant(0.0))}, BLOOD, 0.1, stiff
    )
    found = solve_network(network, Scheme(5e-3, periodic_within=1e-6, max_cycles=60))
    assert float(found.pressure[-1, 0, 0]) == pytest.approx(wanted, rel=1e-3)


def test_a_changed_vessel_scales_its_law_or_loses_it_and_that_is_told() -> None:
    tree = with_laws(VesselTree((STRAIGHT,)), [OWN])
    ((_, wider),) = lesions_of(with_radius(tree, "v", 2.0).vessels[0])
    assert segment_of(wider, BLOOD, "itu").resistance == pytest.approx(A / 16.0)
    outside = with_stenosis(tree, "v", 0.5, 0.85, 0.01)
    assert [lesion.own is None for _, lesion in lesions_of(outside.vessels[0])] == [False, True]
    assert "1 mL/s" not in law_notes([OWN], outside, {"v": 1e-6})[0].partition("but now")[2]
    assert "but now 5 mL/s flow: outside its range" in law_notes([OWN], outside, {"v": 5e-6})[0]
    inside = with_stenosis(tree, "v", 0.5, 0.5, 0.01)
    assert [lesion.own for _, lesion in lesions_of(inside.vessels[0])] == [None]
    assert "is not used, because the vessel was made narrower" in law_notes([OWN], inside)[0]
