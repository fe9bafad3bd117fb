"""A 3D run beside its reduced models: agreement, alarms above the limits, and causes with evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.workflow.cross_check import STEPS, Parameters, compare
from app.workflow.cross_check_result import CrossCheck
from app.workflow.measured_places import Measured, Place
from app.workflow.reduced_bench import made_case
from solvers.contract.decoding import decode
from solvers.contract.fluid import Fluid
from solvers.contract.openings import ResistanceOutlet
from solvers.network.along import lumped_tracks
from solvers.network.loss_estimates import apparent_friction, bend_radius, curvature, friction_ratio, jet
from solvers.network.pairing import exchanged, shifted
from solvers.network.vessel_tree import VesselShape
from solvers.network.zero_d.build import RIGID, Options, build
from solvers.network.zero_d.solve import periodic

BLOOD = Fluid()
S = np.linspace(0.0, 0.1, 201)


def _run(case: Any) -> Measured:
    """A lumped model of the case in the place of a 3D run."""
    setup, tree = case.setup, case.patient.tree
    network = build(tree, setup.closing(), setup.fluid, RIGID, Options())
    tracks = lumped_tracks(network, tree, periodic(network, setup.entering(), STEPS), setup.fluid)
    times = setup.period * np.arange(1, 101) / 100
    places = {
        vessel.name: tuple(
            Place(
                part * vessel.length,
                (0.0, 0.0, 0.0),
                *tracks[vessel.name].at(part * vessel.length, times, setup.period),
            )
            for part in (0.0, 0.5, 1.0)
        )
        for vessel in tree.vessels
    }
    return Measured("run", False, times, places, setup.entering().mean, False)


@pytest.fixture(scope="module")
def case() -> Any:
    return made_case(seed=3, n_vessels=5)


@pytest.fixture(scope="module")
def chosen() -> Parameters:
    return replace(Parameters(), spacing_mm=10.0)


def test_models_of_the_same_conditions_agree_and_say_it_as_data(case: Any, chosen: Parameters) -> None:
    found = compare(case, _run(case), chosen)
    assert [model.id for model in found.models] == ["3d", "0d", "1d", "1d_elastic"]
    assert not found.is_alarm and not found.causes
    for vessel in found.vessels:
        for difference in vessel.differences:
            if difference.model == "0d":  # the very same model
                assert difference.difference == pytest.approx(0.0, abs=1e-6)
    again = decode(CrossCheck, {k: v for k, v in _listed(found.as_dict()).items() if k != "is_alarm"}, "cross_check")
    assert again == found


def test_a_loss_at_the_junctions_alarms_and_is_named(case: Any, chosen: Parameters) -> None:
    run, root = _run(case), case.patient.tree.vessels[0].name
    lost = 0.25 * run.places[root][-1].pressure.mean()  # with the flows the outlets' pressures stay
    before = tuple(replace(place, pressure=place.pressure + lost) for place in run.places[root])
    found = compare(case, replace(run, places={**run.places, root: before}), chosen)
    assert {(vessel.name, d.quantity) for vessel, d in found.alarms} == {(root, "mean_pressure")}
    assert found.causes[0].startswith(f"{root} to ") and "junction loss (coefficient" in found.causes[0]


def test_conditions_at_one_anothers_vessels_are_found(case: Any, chosen: Parameters) -> None:
    outlets = case.setup.outlets
    conditions = [outlet.condition for outlet in outlets]
    moved = tuple(
        replace(outlet, condition=replace(conditions[(k + 1) % len(outlets)], name=outlet.name))
        for k, outlet in enumerate(outlets)
    )
    found = compare(replace(case, setup=replace(case.setup, outlets=moved)), _run(case), chosen)
    assert found.is_alarm
    assert found.causes[0].startswith("outlet pairing: conditions stand at one another's vessels")


def test_a_list_that_is_off_by_one_is_told_from_the_sizes_of_the_vessels() -> None:
    radius = np.array([6e-3, 4e-3, 2e-3, 3e-3, 1.5e-3])
    right = [ResistanceOutlet(k, f"o{k}", 1e3 / r**2, 0.0) for k, r in enumerate(radius.tolist())]
    assert shifted(right, radius) is None
    wrong = shifted([*right[-1:], *right[:-1]], radius)
    assert wrong is not None and wrong[0] == 1 and wrong[2] == pytest.approx(1.0)
    flow = 1.3e4 / np.array([one.resistance for one in right])
    assert exchanged(right, flow, np.full(5, 1.3e4)) == ()
    swapped = exchanged([right[1], right[0], *right[2:]], flow, np.full(5, 1.3e4))
    assert [(one.outlet, one.of) for one in swapped] == [("o1", "o0"), ("o0", "o1")]


def test_estimates_are_the_formulas_they_name() -> None:
    assert friction_ratio(np.array([5.0, 11.6])) == pytest.approx([1.0, 1.0])
    assert friction_ratio(np.array([100.0, 1e5])) == pytest.approx([1.53023, 4.85771], abs=1e-3)  # held above 2000
    assert apparent_friction(10.0) == pytest.approx(16.0, rel=3e-3)
    angle = S / 0.03
    circle = 0.03 * np.column_stack([np.cos(angle), np.sin(angle), 0.0 * S])
    straight = np.column_stack([S, 0.0 * S, 0.0 * S])
    assert bend_radius(S, circle, 0.01) == pytest.approx(0.03, rel=1e-3)
    tube = VesselShape("a", None, "a", 0.0, S, np.full(201, 3e-3))
    flow = np.full(4, 5e-6)
    assert curvature(tube, straight, flow, BLOOD) is None
    bent = curvature(tube, circle, flow, BLOOD)
    assert bent is not None and bent.pressure > 0.0
    throat = replace(tube, radius=3e-3 * (1.0 - 0.1 * np.exp(-(((S - 0.05) / 5e-3) ** 2))))  # no lesion yet: 10 %
    lost = jet(throat, flow, BLOOD, "young-tsai")
    area, narrow = np.pi * 3e-3**2, np.pi * 2.7e-3**2
    assert lost is not None
    assert lost.pressure == pytest.approx(0.5 * BLOOD.density * (1 / narrow - 1 / area) ** 2 * 25e-12, rel=1e-3)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value
