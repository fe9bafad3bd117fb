"""What a change does to a tree, from the case to the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.flow_setup import reduced_case
from app.workflow.outlet_changes import paced, resisting, storing
from app.workflow.patient_tree import patient_tree, vessels_of_outlets
from app.workflow.reduced_bench import made_case
from app.workflow.vessel_places import vessel_places
from app.workflow.what_if import Change, Stenosis, WhatIf
from imaging.centerline.section_area import radius_of_area, section_areas
from imaging.types import Branch, CenterlineTree, Patch, Surface
from solvers.contract.errors import RunError
from solvers.contract.openings import RcrOutlet, ResistanceOutlet, Waveform


def _lines() -> CenterlineTree:
    """A trunk of 100 mm along z, a daughter at 40 mm, and another 0.2 mm behind it."""
    trunk = np.column_stack([np.zeros(501), np.zeros(501), np.linspace(0.0, 100.0, 501)])
    side = np.column_stack([np.linspace(1.0, 30.0, 30), np.zeros(30), np.full(30, 40.0)])
    other = np.column_stack([-np.linspace(1.0, 30.0, 30), np.zeros(30), np.full(30, 40.2)])
    points = np.concatenate([trunk, side, other])
    branches = (
        Branch("aorta", tuple(range(501))),
        Branch("left", (200, *range(501, 531)), "aorta"),
        Branch("right", (201, *range(531, 561)), "aorta"),
    )
    return CenterlineTree(points, np.concatenate([np.full(501, 5.0), np.full(60, 2.0)]), branches)


def _patch(name: str, center: tuple[float, float, float], number: int) -> Patch:
    return Patch(number, name, "outlet", center, (0.0, 0.0, 1.0), 12.0, 2.0)


OUTLETS = (
    _patch("right", (-30.0, 0.0, 40.2), 3),
    _patch("end", (0.0, 0.0, 100.0), 4),
    _patch("left", (30.0, 0.0, 40.0), 5),
)


def test_a_branch_is_cut_where_daughters_leave_and_near_departures_are_one() -> None:
    tree = patient_tree(_lines()).tree
    assert {v.name: v.parent for v in tree.vessels} == {
        "aorta": None,
        "aorta.2": "aorta",
        "left": "aorta",
        "right": "aorta",
    }
    assert [tree.vessel(n).length for n in ("aorta", "aorta.2", "left")] == pytest.approx([0.04, 0.06, 0.03])
    assert tree.vessel("aorta.2").start == pytest.approx(0.04)


def test_outlets_are_paired_by_place_in_whatever_order_they_come() -> None:
    lines = _lines()
    patient = patient_tree(lines)
    assert vessels_of_outlets(patient, lines, OUTLETS) == ("right", "aorta.2", "left")
    assert vessels_of_outlets(patient, lines, OUTLETS[::-1]) == ("left", "aorta.2", "right")


@pytest.mark.parametrize(
    ("outlets", "words"),
    [
        ((*OUTLETS, _patch("lost", (80.0, 0.0, 0.0), 6)), "Outlet lost closes no vessel"),
        ((*OUTLETS, _patch("twin", (30.0, 1.0, 40.0), 6)), "left and twin lie at the end of one vessel"),
        (OUTLETS[:2], "left ends without an outlet"),
        ((replace(OUTLETS[0], name="left"), *OUTLETS[1:]), "not of the vessel of its own name"),
    ],
)
def test_outlets_that_do_not_fit_the_vessels_are_refused(outlets: tuple[Patch, ...], words: str) -> None:
    lines = _lines()
    with pytest.raises(CaseError, match=words):
        vessels_of_outlets(patient_tree(lines), lines, outlets)


def _elliptic_tube() -> Surface:
    """An open tube of half axes 6 and 2 mm along z."""
    angle = np.linspace(0.0, 2.0 * np.pi, 200, endpoint=False)
    ring = np.column_stack([6.0 * np.cos(angle), 2.0 * np.sin(angle)])
    points = np.concatenate([np.column_stack([ring, np.full(200, z)]) for z in np.linspace(0.0, 20.0, 11)])
    a = np.concatenate([np.arange(200) + 200 * k for k in range(10)])
    b = np.concatenate([np.roll(np.arange(200), -1) + 200 * k for k in range(10)])
    return Surface(points, np.concatenate([np.column_stack([a, b, b + 200]), np.column_stack([a, b + 200, a + 200])]))


def test_the_area_of_a_section_is_the_lumens_and_not_the_inscribed_circles() -> None:
    tube, up = _elliptic_tube(), np.array([[0.0, 0.0, 1.0]])
    assert section_areas(tube, np.array([[1.0, 0.0, 9.0]]), up) == pytest.approx(12.0 * np.pi, rel=1e-3)
    assert np.isnan(section_areas(tube, np.array([[8.0, 0.0, 9.0]]), up)).all()
    line = np.column_stack([np.zeros(41), np.zeros(41), np.linspace(0.0, 20.0, 41)])
    tree = CenterlineTree(line, np.full(41, 2.0), (Branch("a", tuple(range(41))),))
    assert radius_of_area(tube, tree) == pytest.approx(np.full(41, np.sqrt(12.0)), rel=1e-3)


def test_a_stenosis_takes_flow_from_its_vessel_and_gives_it_to_the_others() -> None:
    model = WhatIf(made_case())
    end = model.case.patient.tree.ends[0]
    answer = model.answer(Change((Stenosis(end, 80.0, 0.5),)))
    before, after = ({state.name: state for state in states} for states in (answer.before, answer.after))
    assert after[end].flow_ml_s < 0.98 * before[end].flow_ml_s
    others = [name for name in model.case.patient.tree.ends if name != end]
    assert all(after[name].flow_ml_s > before[name].flow_ml_s for name in others)
    assert sum(after[name].flow_ml_s for name in (end, *others)) == pytest.approx(before["v0"].flow_ml_s, rel=1e-9)
    assert model.answer(Change()).after == answer.before


def test_holding_the_pressure_lets_the_flow_fall() -> None:
    model = WhatIf(made_case())
    change = Change((Stenosis("v0", 80.0, 0.5),), holds_pressure=True)
    answer = model.answer(change)
    assert answer.after[0].flow_ml_s < 0.9 * answer.before[0].flow_ml_s
    low = model.answer(Change(pressure_mmhg=0.5 * answer.before[0].pressure_in_mmhg))
    assert low.after[0].flow_ml_s < 0.6 * answer.before[0].flow_ml_s


def test_less_resistance_behind_an_outlet_draws_flow_and_a_narrow_branch_gives_it_away() -> None:
    model = WhatIf(made_case(), has_pulse=True)
    one = model.case.setup.outlets[0]
    answer = model.answer(Change(outlets={one.name: 0.5}))
    before, after = ({state.name: state.flow_ml_s for state in states} for states in (answer.before, answer.after))
    assert 1.5 < after[one.vessel] / before[one.vessel] < 2.0
    narrow = {state.name: state.flow_ml_s for state in model.answer(Change(radii={one.vessel: 0.3})).after}
    assert narrow[one.vessel] < 0.9 * before[one.vessel]
    first = answer.before[0]
    assert first.systolic_mmhg is not None and first.diastolic_mmhg is not None
    assert first.systolic_mmhg > first.pressure_in_mmhg > first.diastolic_mmhg


def test_a_closed_outlet_lets_nothing_through_and_the_others_take_its_flow() -> None:
    model = WhatIf(made_case(), has_pulse=True)
    first, *others = model.case.setup.outlets
    answer = model.answer(Change(closed=(first.name,)))
    after = {state.name: state.flow_ml_s for state in answer.after}
    assert abs(after[first.vessel]) < 1e-4 * answer.before[0].flow_ml_s
    assert sum(after[one.vessel] for one in others) == pytest.approx(answer.before[0].flow_ml_s, rel=1e-4)


def test_a_faster_heart_brings_more_beats_of_the_same_volume() -> None:
    model = WhatIf(made_case(), has_pulse=True)
    faster = model.answer(Change(heart_rate_bpm=1.25 * model.heart_rate_bpm)).after[0]
    fuller = model.answer(Change(stroke=1.25)).after[0]
    assert faster.flow_ml_s == pytest.approx(1.25 * model.before[0].flow_ml_s, rel=1e-3)
    assert fuller.flow_ml_s == pytest.approx(faster.flow_ml_s, rel=1e-3)
    assert abs(fuller.systolic_mmhg - faster.systolic_mmhg) > 1.0, "the beats follow each other at another pace"  # type: ignore[operator]
    slow = Waveform((0.0, 0.2, 0.4, 0.6), (1.0, 3.0, 2.0, 1.0))
    assert paced(slow, 2.0, 3.0) == Waveform((0.0, 0.1, 0.2, 0.3), (3.0, 9.0, 6.0, 3.0))


def test_an_outlet_stores_more_only_where_it_stores() -> None:
    windkessel = RcrOutlet(3, "end", 1e7, 1e-9, 1e8, 1e4, 0.0)
    assert storing(windkessel, 2.0) == replace(windkessel, c=2e-9)
    assert resisting(windkessel, 2.0) == replace(windkessel, r_proximal=2e7, r_distal=2e8)
    with pytest.raises(CaseError, match="stores no blood"):
        storing(ResistanceOutlet(3, "end", 1e8, 0.0), 3.0)


def test_the_wall_belongs_to_the_vessel_around_it_also_where_a_narrow_one_begins_inside_a_wide_one() -> None:
    lines = _lines()
    wall = np.array([[5.0, 0.0, 10.0], [5.0, 0.0, 70.0], [20.0, 2.0, 40.0], [0.0, 5.0, 39.0], [-25.0, 0.0, 42.2]])
    places = vessel_places(wall, lines, patient_tree(lines))
    assert [places.names[k] for k in places.vessel] == ["aorta", "aorta.2", "left", "aorta", "right"]
    at_start = np.array([{"aorta": 100.0}.get(name, 50.0) for name in places.names])
    values = places.between(at_start, np.full(len(places.names), 50.0))
    assert values[0] == pytest.approx(100.0 - 50.0 * 10.0 / 40.0) and values[1:3] == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(heart_rate_bpm=5.0), "heart rate of 5 1/min is none of a person"),
        (Change(stroke=-1.0), "volume of a beat can be made"),
        (Change(compliances={"LAD": 2.0}), "There is no outlet 'LAD'"),
        (Change(outlets={"LAD": 0.5}), "There is no outlet 'LAD'"),
        (Change(outlets={"end of v1": -1.0}), "0.01 to 100 times its own|There is no outlet"),
        (Change(pressure_mmhg=1000.0), "outside what a person has"),
        (Change((Stenosis("LAD", 50.0, 0.5),)), "There is no vessel 'LAD'"),
        (Change(radii={"v0": -1.0}), "0.1 to 10 times"),
    ],
)
def test_a_change_that_cannot_be_is_refused_in_a_sentence(change: Change, words: str) -> None:
    with pytest.raises((CaseError, RunError), match=words):
        WhatIf(made_case()).answer(change)


def test_a_case_without_a_model_is_refused_by_the_command_line(tmp_path: Path) -> None:
    OpenCase.create(tmp_path / "a.case", "A").close()
    command = [sys.executable, "-m", "app.cli", "whatif", str(tmp_path / "a.case"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "step_missing"
    with OpenCase.open(tmp_path / "a.case") as opened, pytest.raises(CaseError, match="run Model first"):
        reduced_case(opened)
