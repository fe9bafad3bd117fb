"""A 3D run beside its reduced models: agreement, alarms above the limits, and causes with evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.workflow.cross_check import (
    STEPS,
    STIFF_M_S,
    STIFF_SHARE,
    STIFFEST_M_S,
    Parameters,
    compare,
    stiff_walls,
)
from app.workflow.cross_check_causes import WORDS
from app.workflow.cross_check_result import CrossCheck
from app.workflow.flow_setup import FlowSetup, OutletSetup, ReducedCase, ReducedParameters
from app.workflow.measured_places import Measured, Place
from app.workflow.patient_tree import PatientTree
from app.workflow.reduced_bench import made_case
from solvers.contract.decoding import decode
from solvers.contract.fluid import Fluid
from solvers.contract.openings import RcrOutlet, ResistanceOutlet, Waveform
from solvers.network.along import lumped_tracks
from solvers.network.junction_losses import junction_estimate
from solvers.network.loss_estimates import (
    Passage,
    apparent_friction,
    bend_radius,
    curvature,
    entrance,
    excess_head,
    friction_ratio,
    jet,
    profile,
    pulse,
    section,
)
from solvers.network.pairing import exchanged, shifted
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, vessel_tree
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


def test_walls_that_stand_for_rigid_ones_take_up_little_of_a_small_beat_too(case: Any) -> None:
    run = _run(case)
    assert stiff_walls(case, run).wave_speed == STIFF_M_S == stiff_walls(case, replace(run, is_steady=True)).wave_speed
    small = replace(run, mean_inflow=run.mean_inflow / 60.0)
    walls, taken = stiff_walls(case, small), 0.0
    assert STIFF_M_S < walls.wave_speed < STIFFEST_M_S
    for shape in case.patient.tree.vessels:
        pulse_here = max(np.ptp(place.pressure) for place in run.places[shape.name])
        taken += walls.compliance(shape.arc_length, shape.radius, case.setup.fluid.density) * pulse_here
    assert taken == pytest.approx(STIFF_SHARE * small.mean_inflow * case.setup.period)


def test_a_loss_at_the_junctions_alarms_and_is_placed(case: Any, chosen: Parameters) -> None:
    run, root = _run(case), case.patient.tree.vessels[0].name
    lost = 0.25 * run.places[root][-1].pressure.mean()  # with the flows the outlets' pressures stay
    before = tuple(replace(place, pressure=place.pressure + lost) for place in run.places[root])
    found = compare(case, replace(run, places={**run.places, root: before}), chosen)
    assert {(vessel.name, d.quantity) for vessel, d in found.alarms} == {(root, "mean_pressure")}
    assert found.causes[0].startswith(f"{root} to ") and "not explained by an estimate" in found.causes[0]


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
    assert apparent_friction(np.array([10.0])) == pytest.approx(16.0, rel=3e-3)
    assert bend_radius(S, _circle(0.03), 0.01) == pytest.approx(0.03, rel=1e-3)
    tube = VesselShape("a", None, "a", 0.0, S, np.full(201, 3e-3))
    flow = np.full(4, 5e-6)
    steady = Passage(tube, flow, 1.0)
    poiseuille = 8.0 * BLOOD.viscosity * 0.1 / (np.pi * 3e-3**4) * 5e-6
    assert curvature(replace(steady, points=_straight()), BLOOD) is None
    bent = curvature(replace(steady, points=_circle(0.03)), BLOOD)
    assert bent is not None and bent.pressure > 0.0
    half = curvature(replace(steady, points=_circle(0.03), first=0.03, last=0.08), BLOOD)
    assert half is not None and half.pressure == pytest.approx(0.5 * bent.pressure)
    oval = section(replace(steady, inscribed=np.full(201, 1.5e-3)), BLOOD)
    assert oval is not None and oval.pressure == pytest.approx(1.125 * poiseuille)  # an ellipse of 6 by 1.5 mm
    assert profile(steady, BLOOD) is None and pulse(steady, BLOOD) is None
    begun = entrance(replace(steady, is_flat=True), BLOOD)
    x = np.pi * BLOOD.viscosity * 0.1 / (4.0 * BLOOD.density * 5e-6)
    head = 0.5 * BLOOD.density * (5e-6 / (np.pi * 3e-3**2)) ** 2
    assert begun is not None and begun.pressure == pytest.approx(head * float(excess_head(np.array(x))), rel=1e-6)
    throat = replace(tube, radius=3e-3 * (1.0 - 0.1 * np.exp(-(((S - 0.05) / 5e-3) ** 2))))  # no lesion yet: 10 %
    lost = jet(Passage(throat, flow, 1.0), BLOOD, "young-tsai")
    area, narrow = np.pi * 3e-3**2, np.pi * 2.7e-3**2
    assert lost is not None
    assert lost.pressure == pytest.approx(0.5 * BLOOD.density * (1 / narrow - 1 / area) ** 2 * 25e-12, rel=1e-3)
    assert jet(Passage(throat, flow, 1.0, first=0.07), BLOOD, "young-tsai").pressure < 0.01 * lost.pressure  # type: ignore[union-attr]


def test_a_pulsating_profile_has_womersleys_friction() -> None:
    """One harmonic of the values in the verification of tube flow: 1000 Pa/m and 3.032853e-6 m3/s, 66.595 degrees
    behind, in a tube of 3 mm at 1 Hz with a viscosity of 3.5 mPa s."""
    tube = VesselShape("a", None, "a", 0.0, np.array([0.0, 1.0]), np.full(2, 3e-3))
    phase = 2.0 * np.pi * np.arange(64) / 64
    flow = 3.032853e-6 * np.cos(phase - np.radians(66.595))
    blood = Fluid(1060.0, 3.5e-3)
    known = 8.0 * 3.5e-3 / (np.pi * 3e-3**4) * flow - 1060.0 / (np.pi * 3e-3**2) * 2.0 * np.pi * 3.032853e-6 * np.sin(
        phase - np.radians(66.595)
    )
    for at in (0, 10, 40):
        found = pulse(Passage(tube, flow, 1.0, at), blood)
        assert found is not None and found.pressure == pytest.approx(1000.0 * np.cos(phase[at]) - known[at], abs=0.05)


def test_a_tee_loses_what_its_authors_program_gives() -> None:
    """Two equal daughters of the trunk's area, one straight on, one at 90 degrees: K -0.166 and 0.949 of the trunk's
    dynamic pressure (Mynard and Valen-Sendstad's program, worked by hand)."""
    radius = np.full(201, 3e-3)
    shapes = [VesselShape("trunk", None, "trunk", 0.0, S, radius)]
    shapes += [VesselShape(name, "trunk", name, 0.0, S, radius) for name in ("on", "side")]
    side = _straight()[-1] + S[:, None] * np.array([0.0, 1.0, 0.0])
    points = {"trunk": _straight(), "on": _straight() + _straight()[-1], "side": side}
    flows = {"trunk": np.array([1e-5]), "on": np.array([5e-6]), "side": np.array([5e-6])}
    head = 0.5 * BLOOD.density * (1e-5 / (np.pi * 3e-3**2)) ** 2
    found = [junction_estimate(vessel_tree(shapes), points, flows, name, BLOOD) for name in ("on", "side")]
    assert [one.pressure / head for one in found if one is not None] == pytest.approx([-0.164, 0.949], abs=2e-3)


MMHG = 133.322
PLANTED = ("curvature", "section", "entrance", "profile", "jet", "pulse", "junction", "")


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_cause_is_named_and_no_other(kind: str) -> None:
    """A trunk of 8 mm that parts in two, with one feature, and in the place of 3D the lumped model with more lost."""
    case = _fork(kind)
    run = _run(case)
    places, chosen = run.places["trunk"], Parameters(pressure_limit_mmhg=0.5, spacing_mm=10.0)
    if kind == "pulse":  # nothing in the mean
        lost = 2.0 * MMHG * (places[0].flow - places[0].flow.mean()) / np.ptp(places[0].flow)
    else:
        lost = np.full(len(run.times), 1.6 * MMHG)
    if kind == "junction":
        trunk = tuple(replace(place, pressure=place.pressure + lost) for place in places)
    else:
        trunk = tuple(replace(p, pressure=p.pressure + lost * (1.0 - p.along / 0.1)) for p in places)
    found = compare(case, replace(run, places={**run.places, "trunk": trunk}, is_flat=kind == "entrance"), chosen)
    wanted = "pulse" if kind == "pulse" else "mean_pressure" if kind == "junction" else "drop"
    alarm = next(d for vessel, d in found.alarms if (vessel.name, d.quantity, d.model) == ("trunk", wanted, "0d"))
    told = alarm.causes[0]
    assert told.startswith("trunk to " if kind == "junction" else "trunk: 3D loses")
    assert [name for name, words in WORDS.items() if f"{words} (estimated" in told] == ([kind] if kind else [])
    assert kind or "not explained by an estimate" in told


def test_what_elastic_walls_take_up_is_told_in_ml() -> None:
    found = compare(_fork("", 3.0), _run(_fork("")), Parameters(spacing_mm=10.0))
    told = {c for v in found.vessels for d in v.differences if d.model == "1d_elastic" for c in d.causes}
    assert len(told) == 1
    taken, beat = re.findall(r"take up ([0-9.]+) of ([0-9.]+) mL a beat", told.pop())[0]
    assert float(beat) == pytest.approx(24.0, rel=0.02)
    pulse_of = {
        v.name: next(d.in_model for d in v.differences if (d.model, d.quantity) == ("1d_elastic", "pulse"))
        for v in found.vessels
    }
    volume = sum(np.pi * (4e-3 if name == "trunk" else 3e-3) ** 2 * 0.1 * p for name, p in pulse_of.items())
    assert float(taken) == pytest.approx(1e6 * volume * MMHG / (BLOOD.density * 9.0), rel=0.1)  # C = A L / (rho c^2)


def _fork(kind: str, wave_speed: float = 0.0) -> Any:
    period, mean = 0.8, 3e-5
    times = np.linspace(0.0, period, 80, endpoint=False)
    inflow = Waveform(tuple(times.tolist()), tuple((mean * (1.0 + np.cos(2.0 * np.pi * times / period))).tolist()))
    r = np.full(201, 4e-3)
    if kind == "profile":
        r = r * np.linspace(1.0, 0.8, 201)
    if kind == "jet":  # below what counts as a lesion
        r = r * (1.0 - 0.19 * np.exp(-(((S - 0.05) / 5e-3) ** 2)))
    shapes = [VesselShape("trunk", None, "trunk", 0.0, S, r)]
    shapes += [VesselShape(name, "trunk", name, 0.0, S, np.full(201, 3e-3)) for name in ("left", "right")]
    points = {"trunk": _circle(0.015) if kind == "curvature" else _straight()}
    if kind == "junction":  # both turn by 60 degrees
        for name, side in (("left", -1.0), ("right", 1.0)):
            points[name] = points["trunk"][-1] + S[:, None] * np.array([0.5, side * 0.75**0.5, 0.0])
    inscribed = {"trunk": 0.5 * r} if kind == "section" else {}
    total = 93.0 * MMHG / (0.5 * mean)
    outlets = tuple(
        OutletSetup(name, name, (0.0, 0.0, 0.0), RcrOutlet(0, name, 0.06 * total, 1.4 / total, 0.94 * total, 0.0))
        for name in ("left", "right")
    )
    walls = Stiffness("wave_speed", wave_speed) if wave_speed else Stiffness("rigid")
    setup = FlowSetup(
        *("patient", "inlet", inflow, period, outlets, BLOOD, walls, 75.0, 120.0, 80.0, 5.0, "inlet", ()),
    )
    return ReducedCase(setup, PatientTree(vessel_tree(shapes), {}, points, inscribed), ReducedParameters())


def _straight() -> Any:
    return np.column_stack([S, 0.0 * S, 0.0 * S])


def _circle(radius: float) -> Any:
    return radius * np.column_stack([np.cos(S / radius), np.sin(S / radius), 0.0 * S])


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value
