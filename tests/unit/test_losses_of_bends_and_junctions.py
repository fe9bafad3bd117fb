"""What bends and junctions cost by published methods, in 0D and in 1D."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.workflow.flow_losses import with_losses
from app.workflow.flow_setup import ReducedParameters
from app.workflow.reduced_bench import made_case
from solvers.network.junction_losses import entry_losses, junction_estimate, unified_0d
from solvers.network.loss_estimates import bend_friction, friction_ratio
from solvers.network.vessel_tree import VesselTree
from solvers.verification.same_tree_checks import BLOOD, FLOW, PHANTOMS, centerline, drops_0d, drops_1d
from solvers.verification.same_tree_checks import with_losses as phantom_with_losses

FORK = next(phantom for phantom in PHANTOMS if phantom.name == "fork")
CURVED = next(phantom for phantom in PHANTOMS if phantom.name == "curved")
ONE, HALF = np.array([1.0]), np.array([0.5, 0.5])


def test_a_vessel_that_goes_on_loses_what_momentum_says() -> None:
    """With one daughter straight on, rho U (U - U_before): Borda and Carnot where it widens."""
    for area in (0.5, 1.0, 2.0):
        assert unified_0d(ONE, ONE, np.zeros(1), area) == pytest.approx([1.0 - 1.0 / area])


def test_the_authors_own_example_and_its_mirror_image() -> None:
    """The T-junction at the head of their code; the numbers are their formulas', evaluated by hand."""
    straight = 1.0 - 2.0 / (1.0 / (1.0 + 0.5 * (0.2 * np.pi + 0.2)))
    side = 1.0 - 2.0 * (1.0 - 0.5 * (0.2 * np.pi - 0.2)) * np.cos(0.375 * np.pi)
    for sign in (1.0, -1.0):
        found = unified_0d(HALF, np.array([2.0, 2.0]), np.array([0.0, sign * np.pi / 2.0]), 2.0)
        assert found == pytest.approx([straight, side])


def test_a_side_branch_costs_in_0d_and_1d_alike_and_gains_are_left_out() -> None:
    flows = {"trunk": FLOW, "straight on": 0.5 * FLOW, "side": 0.5 * FLOW}
    into = entry_losses(FORK.tree, FORK.points, flows, True)
    assert into["straight on"] == 0.0 and into["side"] == pytest.approx(2.0 * 0.39854 + 3.0, rel=1e-4)
    assert entry_losses(FORK.tree, FORK.points, {**flows, "side": -1e-7}, True) == {}
    lossy = phantom_with_losses(FORK)
    in_0d, in_1d, plain = drops_0d(lossy), drops_1d(lossy), drops_0d(FORK)
    assert in_0d["side"] - in_0d["straight on"] > 5.0 and plain["side"] == pytest.approx(plain["straight on"])
    assert in_1d["side"] == pytest.approx(in_0d["side"], rel=1e-3)


def test_a_daughter_that_begins_inside_the_trunk_costs_what_one_does_that_begins_where_it_leaves() -> None:
    """Its centerline begins in the trunk's middle, where its section is the trunk's."""
    flows = {"trunk": FLOW, "straight on": 0.7 * FLOW, "side": 0.3 * FLOW}
    trunk, side = FORK.tree.vessel("trunk"), FORK.tree.vessel("side")
    narrow = 0.6 * float(trunk.radius[0])
    inside = np.where(side.arc_length < 0.5 * trunk.radius[0], trunk.radius[0], narrow)
    found = {}
    for is_total in (True, False):
        for radius in (np.full_like(inside, narrow), inside):
            tree = FORK.tree.with_vessel(replace(side, radius=radius))
            loss = entry_losses(tree, FORK.points, flows, is_total)["side"]
            found[is_total, float(radius[0])] = loss * 0.5 * BLOOD.density / (np.pi * radius[0] ** 2) ** 2
            if is_total:
                own = tree.with_vessel(replace(tree.vessel("side"), entry_loss=loss))
                curves = {name: np.full(3, flow) for name, flow in flows.items()}
                left = junction_estimate(own, FORK.points, curves, "side", BLOOD)
                assert left is not None and left.pressure == pytest.approx(0.0, abs=1e-6)
    wide = float(trunk.radius[0])
    assert found[True, wide] == pytest.approx(found[True, narrow])
    speeds = 0.5 * BLOOD.density * (1.0 / (np.pi * narrow**2) ** 2 - 1.0 / (np.pi * wide**2) ** 2)
    assert found[False, wide] + speeds == pytest.approx(found[False, narrow])


def test_a_bend_costs_what_whites_law_says_at_the_flow_it_is_made_for() -> None:
    shape = CURVED.tree.vessels[0]
    found = bend_friction(shape, centerline(shape.arc_length), FLOW, BLOOD)
    radius = float(shape.radius[0])
    dean = 2.0 * BLOOD.density * FLOW / (np.pi * radius * BLOOD.viscosity) * np.sqrt(radius / 0.012)
    straight = 8.0 * BLOOD.viscosity * shape.length / (np.pi * radius**4)
    whole = straight + found.resistance + found.loss * FLOW
    assert whole == pytest.approx(straight * float(friction_ratio(np.array([dean]))[0]), rel=0.05)
    lossy = replace(CURVED, tree=VesselTree((replace(shape, bends=found),)))
    assert drops_1d(lossy)["tube"] == pytest.approx(drops_0d(lossy)["tube"], rel=1e-3)
    assert drops_0d(lossy)["tube"] - drops_0d(CURVED)["tube"] == pytest.approx((whole - straight) * FLOW, rel=1e-6)


def test_a_case_has_them_where_it_asks_for_them_and_says_so() -> None:
    case = made_case(3, 5)
    points = {
        vessel.name: np.column_stack(
            [vessel.arc_length, 0.01 * np.sin(100.0 * vessel.arc_length + k), 0.0 * vessel.arc_length]
        )
        for k, vessel in enumerate(case.patient.tree.vessels)
    }
    patient = replace(case.patient, points_m=points)
    assert with_losses(case.setup, patient, ReducedParameters()) == (patient, ())
    lossy, told = with_losses(case.setup, patient, ReducedParameters(bends="white", junction_model="unified0d"))
    assert ["White 1929" in one.source for one in told] == [True, False] and "Mynard" in told[1].source
    assert all(vessel.bends.loss > 0.0 for vessel in lossy.tree.vessels)
    assert max(vessel.entry_loss for vessel in lossy.tree.vessels) > 0.0
