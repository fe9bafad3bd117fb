"""The coronary index: closed-loop values, lesions one by one, treatments, bands, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_cases
from scipy.stats import norm

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.assessments.coronary import WALL, sampled
from app.workflow.assessments.registry import assess
from app.workflow.band_checks import check_theory, study
from app.workflow.bands import bands_of
from app.workflow.compare import compare, compare_treatments, kind_of
from app.workflow.coronary_3d import Measured, compared
from app.workflow.coronary_model import Conditions, CoronaryModel, CoronaryState, Place, require_open, usual_radius
from app.workflow.coronary_parameters import Parameters
from app.workflow.ensemble_plan import Spread
from app.workflow.patient_tree import PatientTree
from app.workflow.plans import WHAT_IFS
from app.workflow.treat import TREATMENTS, StentPlan, Treatment, planned_on, treat
from app.workflow.what_if import Change
from imaging.centerline.lesions import Lesion as FoundLesion
from imaging.types import silent
from solvers.contract.fluid import Fluid
from solvers.network.pullback import Beds, pullbacks, single_vessel
from solvers.network.stenosis import Lesion
from solvers.network.vessel_tree import VesselShape, VesselTree, with_stenosis
from solvers.network.zero_d.build import Options

MMHG = 133.322387415
BLOOD = Fluid(1060.0, 3.5e-3)
LENGTH_MM, RADIUS = 80.0, 1.5e-3
PLACES = {1: 0.3, 2: 0.6}
SHARP = {1: 0.45, 2: 0.55}
LESION_MM = 10.0
ENDS_MM = {"lad": 100.0, "diagonal": 20.0}


def _lesion(at: float, reduction: float) -> FoundLesion:
    middle, diameter = at * LENGTH_MM, 2e3 * RADIUS * (1.0 - reduction)
    return FoundLesion(
        *("stenosis", "lad", middle, (0.0, 0.0, 0.0), middle - 0.5 * LESION_MM, middle + 0.5 * LESION_MM),
        *(diameter, diameter, math.pi / 4.0 * diameter**2, 2e3 * RADIUS, None, None, 100.0 * reduction, 0.0),
    )


@pytest.fixture(scope="module")
def serial() -> CoronaryModel:
    """One artery of 3 mm with two narrowings behind each other, 45 and 55 %, and a side branch near its end."""
    s = np.linspace(0.0, 0.08, 161)
    trunk = VesselShape("lad", None, "lad", 0.0, s, np.full(161, RADIUS))
    tail = VesselShape("lad.2", "lad", "lad", 0.08, s[:41], np.full(41, 1.3e-3))
    side = VesselShape("diagonal", "lad", "diagonal", 0.0, s[:41], np.full(41, 1e-3))
    tree = VesselTree((trunk, tail, side))
    for number, at in PLACES.items():
        # of the whole branch, which goes on for 20 mm
        tree = with_stenosis(tree, "lad", SHARP[number], at * 0.8, LESION_MM * 1e-3)
    lesions = tuple(_lesion(at, SHARP[number]) for number, at in PLACES.items())
    ends = {name: usual_radius(tree, name, ENDS_MM) for name in tree.ends}
    conditions = Conditions(95.0 * MMHG, 5.0 * MMHG, 0.7e-6, 2.27, 0.24, BLOOD)
    return CoronaryModel(PatientTree(tree, {}), None, lesions, ENDS_MM, ends, conditions, Options(), 8.0)


@pytest.mark.parametrize(
    ("reduction", "flow", "drop", "index"),
    [
        (0.4, 2.7938, 6.186, 0.9349),
        (0.5, 2.5665, 13.004, 0.8631),
        (0.6, 2.1239, 26.284, 0.7233),
        (0.7, 1.4180, 47.460, 0.5004),
    ],
)
def test_a_narrowing_in_a_closed_loop_has_the_index_of_the_tables(
    reduction: float, flow: float, drop: float, index: float
) -> None:
    tree = single_vessel(Lesion(1.5e-3, 1.5e-3 * (1.0 - reduction), 10e-3))
    beds = Beds({"vessel": 90.0 * MMHG / 3e-6}, 5.0 * MMHG)
    found = pullbacks(tree, beds, 95.0 * MMHG, BLOOD, Options("static", law="young-tsai"))["vessel"]
    assert found.flow * 1e6 == pytest.approx(flow, abs=6e-5)
    assert (found.total[0] - found.total[-1]) / MMHG == pytest.approx(drop, abs=6e-4)
    assert found.pressure[-1] / (95.0 * MMHG) == pytest.approx(index, abs=6e-5)


def test_pressure_along_a_tree_is_that_of_its_lumped_model(serial: CoronaryModel) -> None:
    state = serial.hyperemia
    lad, tail, side = (state.pullbacks[name] for name in ("lad", "lad.2", "diagonal"))
    assert lad.flow == pytest.approx(tail.flow + side.flow, rel=1e-9)
    assert tail.total[0] == pytest.approx(lad.total[-1], rel=1e-9) == side.total[0]
    beds = serial.conditions.beds(serial.end_radius)
    assert tail.pressure[-1] - beds.p_distal == pytest.approx(beds.resistance["lad.2"] * tail.flow, rel=1e-9)
    assert np.all(np.diff(lad.total) <= 1e-9)


def test_lesions_in_series_are_told_apart(serial: CoronaryModel) -> None:
    end = Place("lad", 100.0)
    as_it_is = serial.hyperemia.at(end)[0]
    healthy = serial.after(serial.without([1, 2]))[0].at(end)[0]
    first, second = (serial.after(serial.without([n]))[0].at(end)[0] for n in (1, 2))
    assert as_it_is < first < second < healthy  # the sharper one is the one to take away
    read = serial.reading_place(serial.lesions[0])
    assert read.along_mm == pytest.approx(PLACES[1] * LENGTH_MM + 13.0)
    # with more flow through it, what is left of the pair takes more than its own part before
    losses = [serial.hyperemia.at(Place("lad", place.from_mm))[1] for place in serial.lesions]
    assert losses[0] > losses[1]
    with pytest.raises(CaseError, match="no lesion 3; there are 1 to 2"):
        serial.without([3])


def test_a_stent_restores_the_lumen_and_blends_into_the_vessel(serial: CoronaryModel) -> None:
    end = Place("lad", 100.0)
    stent = serial.stent("lad", PLACES[2] * LENGTH_MM, 14.0, 3.0)
    state, milliseconds = serial.after([stent])
    removed = serial.after(serial.without([2]))[0].at(end)[0]
    assert state.at(end)[0] == pytest.approx(removed, abs=2e-3) and milliseconds < 1000.0
    assert serial.after([serial.stent("lad", 0.15 * LENGTH_MM, 14.0, 2.0)])[0].at(end)[0] == pytest.approx(
        serial.hyperemia.at(end)[0], abs=1e-6
    )  # a stent narrower than a healthy vessel changes nothing
    wider = state.of_branch("lad")[0].radius
    assert wider.min() == pytest.approx((1.0 - SHARP[1]) * RADIUS, rel=1e-3) and wider.max() <= RADIUS * (1 + 1e-9)


def test_treatments_that_a_case_keeps_are_compared_with_it_as_it_is(serial: CoronaryModel, tmp_path: Path) -> None:
    plans = {"open both": Treatment((1, 2)), "stent": Treatment((), (StentPlan("lad", 48.0, 14.0, 3.0),))}
    with OpenCase.create(tmp_path / "a.case", "A") as case:
        for name, plan in plans.items():
            TREATMENTS.keep(case, name, planned_on(case.case, plan))
        assert TREATMENTS.of(case.case) == plans
        assert kind_of(case.case, ["stent", "open both"]) == "treat"
        found = compare_treatments(serial, plans)
        assert found.names == ("as it is", "open both", "stent") and found.milliseconds < 1000.0
        row = next(row for row in found.rows if row.place == "end of lad")
        assert row.values == pytest.approx(
            [treat(serial, one).after.at(Place("lad", 100.0))[0] for one in (Treatment(), *plans.values())]
        )
        assert found.cells(row)[-1] == round(row.values[2] - row.values[1], 4) < 0.0
        assert 0.0 < row.changes[1] < row.changes[0]
        assert {row.unit for row in found.rows} == {"1", "mL/s"}
        WHAT_IFS.keep(case, "closed", Change(closed=("side",)))
        for names, words in (
            (["stent", "closed"], "compare two of one kind"),
            (["none"], "no what-if and no treatment 'none'; there are: open both, stent, closed"),
            (["stent", "stent"], "one or two different options"),
        ):
            with pytest.raises(CaseError, match=words):
                kind_of(case.case, names)
        TREATMENTS.keep(case, "old", Treatment((1,), (), "another model"))
        with pytest.raises(CaseError, match="'old' was planned on another vessel model"):
            compare(case, ["stent", "old"])


@pytest.mark.parametrize(
    ("stent", "words"),
    [
        (("lad", 50.0, 120.0, 3.0), "longer than lad with its 100 mm"),
        (("lad", 3.0, 14.0, 3.0), "reaches out of lad"),
        (("rca", 50.0, 14.0, 3.0), "no vessel 'rca'; there are: lad, diagonal"),
        (("lad", 50.0, 14.0, 30.0), "No coronary stent has a diameter of 30 mm"),
        (("lad", 50.0, -1.0, 3.0), "length above zero"),
    ],
)
def test_a_stent_that_cannot_be_is_refused(
    serial: CoronaryModel, stent: tuple[str, float, float, float], words: str
) -> None:
    with pytest.raises(CaseError, match=words):
        serial.stent(*stent)


def test_a_closed_lumen_and_an_end_inside_a_lesion_are_refused(serial: CoronaryModel) -> None:
    trunk = serial.tree.vessel("lad")
    closed = replace(trunk, radius=np.where(np.abs(trunk.arc_length - 0.03) < 1e-3, 5e-5, trunk.radius))
    with pytest.raises(CaseError, match="lumen of lad falls to 0.10 mm of diameter at 29 mm .* occlusion"):
        require_open(serial.tree.with_vessel(closed), ENDS_MM)
    tail = serial.tree.vessel("lad.2")
    narrowing = replace(tail, radius=np.where(tail.arc_length > 0.018, 0.8e-3, tail.radius))
    with pytest.raises(CaseError, match="Lad ends inside a lesion: 1.6 mm of diameter at its end, 2.6 mm before"):
        require_open(serial.tree.with_vessel(narrowing), ENDS_MM)


def test_bands_of_linear_and_quadratic_models_are_those_of_theory() -> None:
    assert [row.quantity for row in check_theory(silent, long=False) if row.error > row.gate] == []
    spreads = (Spread("a", "normal", 0.0, 3.0), Spread("b", "normal", 0.0, 4.0))
    (band,) = bands_of(lambda x: x[0] + x[1], spreads, 4096, limit=5.0 * float(norm.ppf(0.25)))
    assert "90 % band -8.2 to 8.2, chance below -3.4: 0.25" in band.sentence(0.0, limit=-3.4, digits=1)
    assert "comes from b" in band.sentence(0.0)
    with pytest.raises(CaseError, match="at least 64 samples, not 10"):
        bands_of(lambda x: x, spreads, 10)
    with pytest.raises(CaseError, match="no band follows"):
        bands_of(lambda x: np.where(x[:1] > 0.0, np.nan, x[:1]), spreads, 128)


def test_a_band_from_too_small_spreads_does_not_cover_what_the_declared_one_does() -> None:
    def covered(narrowing: float) -> int:
        rng = np.random.default_rng(3)
        found = [study(rng, 64, narrowing) for _ in range(6)]
        return sum(low <= truth <= high for truth, low, high in found)

    assert covered(1.0) >= 5 and covered(0.1) <= 2


def test_half_a_voxel_in_lowers_the_index_and_half_a_voxel_out_raises_it(serial: CoronaryModel) -> None:
    end = Place("lad", 100.0)
    inside, outside = (sampled(serial, {WALL: offset}, 0.4)[0].at(end)[0] for offset in (-0.5, 0.5))
    assert inside < serial.hyperemia.at(end)[0] - 0.05 < serial.hyperemia.at(end)[0] + 0.02 < outside


def test_a_case_is_assessed_to_tables_curves_and_a_colored_wall(tmp_path: Path) -> None:
    with report_cases.make_case(tmp_path / "tree.case") as case:
        found, record = assess(case, "coronary", {"samples": 64, "rest_flow_ml_s": 2.0})
        assert record is not None and set(record.files) == {"json", "surface"}
        assert found.headline.startswith("FFR-like index") and "most of the band comes from" in found.headline
        lesions, ends, shares = found.tables
        assert lesions.rows[0][1] == "trunk" and len(ends.rows) == 2 and len(shares.rows) == 6
        assert found.surface is not None and {one.id for one in found.colored} == set(found.surface.point_data)
        assert 0.0 < float(found.surface.point_data["ffr_ct"].min()) <= 1.0
        assert {curve.name for curve in found.curves} >= {"hyperemia", "rest"}
        with pytest.raises(CaseError, match="hyperemia_factor must be from 0.1 to 1"):
            assess(case, "coronary", {"hyperemia_factor": -1.0})
        with pytest.raises(CaseError, match="venous pressure of 30 mmHg|systolic pressure must be above"):
            from app.case.commands import SetPatientValues

            case.do(SetPatientValues({"systolic_mmhg": 70.0, "diastolic_mmhg": 75.0}))
            assess(case, "coronary", {"samples": 0})
    assert Parameters().samples == 1024


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_a_run_at_another_flow_is_brought_to_the_pressure_of_the_aorta(serial: CoronaryModel, factor: float) -> None:
    """The run is the reduced model's own flow at another aortic pressure: both must then tell the same index.

    What may be left is that friction in the narrowings counts as linear, and the dynamic pressure.
    """
    pressure = serial.conditions.pressure * factor
    beds = serial.conditions.beds(serial.end_radius)  # those of the run, whatever its pressure
    state = CoronaryState(pullbacks(serial.tree, beds, pressure, BLOOD, serial.options), pressure)
    along = {
        branch: tuple(
            (1e3 * float(s), float(p))
            for part in state.of_branch(branch)
            for s, p in zip(part.along, part.pressure, strict=True)
        )
        for branch in serial.ends_mm
    }
    ends = [state.pullbacks[name] for name in serial.tree.ends]
    outlets = tuple((end.flow, float(end.pressure[-1])) for end in ends)
    found = compared(serial, Measured(state.flow, pressure, outlets, along), serial.told_places())
    for place in found.places:
        assert place.in_3d == pytest.approx(place.reduced, abs=0.004 if factor != 1.0 else 1e-6), place.title
    assert found.flow_ml_s[1] == pytest.approx(found.flow_ml_s[0], rel=0.01)
