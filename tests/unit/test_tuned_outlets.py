"""Outlets tuned for a case and the files that simulate takes; the library of inflows; real arteries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow.boundary_files import read_inflow, read_outlets
from app.workflow.flow_setup import OutletSetup, ReducedCase
from app.workflow.inflow_library import SHAPES, inflow_curve, write_inflow
from app.workflow.patient import PatientValues
from app.workflow.reduced_bench import made_case
from app.workflow.tuned_outlets import Wish, corrected_by_run, seen_in_run, target_of, tuned, write_outlets
from solvers.contract.errors import RunError
from solvers.contract.openings import RcrOutlet, Waveform
from solvers.network.vessel_tree import VesselShape, vessel_tree
from solvers.verification.zero_d_checks import MMHG

ATLAS = Path(__file__).parents[2].parent / "shared" / "data" / "abdominal_atlas"
CASE = made_case(3, 6)
CASE = replace(
    CASE,
    setup=replace(CASE.setup, outlets=tuple(replace(one, name=f"end_{one.vessel}") for one in CASE.setup.outlets)),
)


def test_a_case_is_tuned_to_its_cuff_pressures_and_a_split_and_simulate_reads_the_outlets(tmp_path: Path) -> None:
    first = CASE.setup.outlets[0].name
    found = tuned(CASE, Wish(118.0, 76.0, exponent=3.0, shares={first: 0.3}), "0d")
    rows = {row["target"]: row for row in found.rows()}
    assert all(row["met"] for row in rows.values())
    assert rows["systolic pressure"]["reached"] == pytest.approx(118.0, abs=2.0)
    assert rows[f"share of {first}"]["wanted"] == 0.3
    assert sum(row["wanted"] for name, row in rows.items() if name.startswith("share")) == pytest.approx(1.0)
    write_outlets(tmp_path / "rcrt.dat", found.outlets)
    for block, outlet in zip(read_outlets([tmp_path / "rcrt.dat"], "SI"), found.outlets, strict=True):
        assert (block.r_proximal, block.c, block.r_distal) == pytest.approx(
            (outlet.r_proximal, outlet.c, outlet.r_distal), rel=1e-7
        )
    with pytest.raises(CaseError, match="has a blank in its name"):
        write_outlets(tmp_path / "rcrt.dat", (replace(found.outlets[0], name="end of v3"),))


def test_a_3d_run_that_missed_corrects_the_outlets() -> None:
    target = target_of(CASE, Wish(118.0, 76.0))
    seen = ((125.0 * MMHG, 77.0 * MMHG, 95.0 * MMHG), dict(target.shares))
    found = corrected_by_run(CASE, target, seen)
    before = CASE.setup.outlets[0].condition
    assert isinstance(before, RcrOutlet) and found.outlets[0].c != pytest.approx(before.c, rel=0.01)
    assert found.n_corrections == 1 and found.level == "3d"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(systolic_mmhg=400.0), "outside what a living person has"),
        (Wish(systolic_mmhg=70.0), "must be above the diastolic"),
        (Wish(exponent=9.0), "must be 1 to 4"),
        (Wish(shares={"LAD": 0.3}), "There is no outlet 'LAD'"),
        (Wish(shares={CASE.setup.outlets[0].name: 1.2}), "must be above 0 and leave something"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish: Wish, words: str) -> None:
    with pytest.raises((CaseError, RunError), match=words):
        tuned(CASE, wish, "0d")


def test_a_run_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="is no run"):
        seen_in_run(tmp_path, CASE.setup, target_of(CASE, Wish()))


@pytest.mark.parametrize("name", SHAPES)
def test_a_curve_of_the_library_has_the_patients_mean_and_beat_and_can_be_read_back(name: str, tmp_path: Path) -> None:
    values = PatientValues(heart_rate_bpm=80.0)
    times, flow = inflow_curve(name, values)
    mean = 5e-3 / 60.0 * SHAPES[name].share
    assert flow.mean() == pytest.approx(mean, rel=1e-9)
    assert times[-1] < 0.75 < times[-1] + 2 * (times[1] - times[0])
    assert flow.max() / mean > 1.2 and np.abs(flow[0] - flow[-1]) < 0.2 * flow.max()
    write_inflow(tmp_path / "flow.dat", times, flow, 0.75)
    back = read_inflow(tmp_path / "flow.dat", "mL/s")
    assert (back.period_s, back.mean_m3_s) == pytest.approx((0.75, mean), rel=1e-4)
    assert back.flow_m3_s == pytest.approx(flow.tolist(), rel=1e-6, abs=1e-14)


def test_curves_that_are_not_there_are_refused() -> None:
    with pytest.raises(CaseError, match="There is no inflow 'knee' in the library"):
        inflow_curve("knee", PatientValues())
    with pytest.raises(CaseError, match="is none of an artery"):
        inflow_curve("aortic", PatientValues(), 1e5)


ATLAS_TREE = {
    "left_gastric": ("aorta.1", 18),
    "splenic": ("aorta.1", 17),
    "hepatic": ("aorta.1", 19),
    "sma": ("aorta.2", 22),
    "right_renal": ("aorta.3", 126),
    "left_renal": ("aorta.3", 29),
    "ima": ("aorta.4", 23),
    "right_iliac": ("aorta.5", 71),
    "left_iliac": ("aorta.5", 72),
    "right_external": ("right_iliac", 73),
    "right_internal": ("right_iliac", 75),
    "left_external": ("left_iliac", 74),
    "left_internal": ("left_iliac", 76),
}
"""Parent and number of each artery's surface; the aorta is cut in five by the heights of its branches."""


def _atlas_tube(number: int) -> tuple[float, float]:
    """Length and radius [m] of the tube with the volume and the area of a closed surface in mm."""
    import pyvista

    (path,) = ATLAS.glob(f"Model_{number}_*.vtk")
    surface = pyvista.read(path).triangulate()
    volume, area = abs(surface.volume), surface.area
    return 1e-3 * area**2 / (4.0 * np.pi * volume), 1e-3 * 2.0 * volume / area


@pytest.mark.shared
@pytest.mark.skipif(not ATLAS.is_dir(), reason="the shared development data is not beside the checkout")
def test_the_arteries_of_the_abdominal_atlas_are_tuned_in_0d_and_1d() -> None:
    def shape(name: str, parent: str | None, length: float, radius: float) -> VesselShape:
        return VesselShape(name, parent, name, 0.0, np.linspace(0.0, length, 11), np.full(11, radius))

    length, radius = _atlas_tube(7)
    parts = np.array([0.36, 0.10, 0.16, 0.12, 0.26])  # by the heights at which the branches leave
    shapes = [
        shape(f"aorta.{k + 1}", f"aorta.{k}" if k else None, part * length, radius) for k, part in enumerate(parts)
    ]
    shapes += [shape(name, parent, *_atlas_tube(number)) for name, (parent, number) in ATLAS_TREE.items()]
    tree = vessel_tree(shapes)
    outlets = tuple(
        OutletSetup(name, name, (0.0, 0.0, 0.0), RcrOutlet(0, name, 1e8, 1e-10, 1e9, 0.0)) for name in tree.ends
    )

    def case(mean_ml_s: float) -> ReducedCase:
        times, flow = inflow_curve("thoracic-aorta", PatientValues(), mean_ml_s)
        inflow = Waveform(tuple(times.tolist()), tuple(flow.tolist()))
        setup = replace(CASE.setup, inflow=inflow, period=60.0 / 70.0, outlets=outlets)
        return replace(CASE, setup=setup, patient=replace(CASE.patient, tree=tree))

    for level in ("0d", "1d"):
        found = tuned(case(30.0), Wish(exponent=2.7), level)  # type: ignore[arg-type]
        assert [row for row in found.rows() if not row["met"]] == []
    missed = [row for row in tuned(case(60.0), Wish(exponent=2.7), "0d").rows() if not row["met"]]
    assert missed and all("no Windkessels behind them" in row["why"] for row in missed)
