"""Landmarks: annulus and root against a drawn root, ostia and bifurcations of a tree, and the case that holds them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from root_phantom import Root, root_volume

from app.case.bundle import OpenCase
from app.case.commands import SetLandmarks
from app.case.errors import CaseError
from app.case.records import Landmark
from app.workflow.landmarks import placing, proposing, removing, rows_of, write_table
from imaging.anatomy.aortic_root import root_measures
from imaging.anatomy.landmarks import HINGES
from imaging.anatomy.proposal import ostium_of, proposed_landmarks
from imaging.errors import ImagingError
from imaging.types import Branch, CenterlineTree, Patch, Surface, VesselModel

# Angles of the lobes: right at the front, left and non-coronary at the back.
LOBES = {"hinge_right": -90.0, "hinge_left": 30.0, "hinge_noncoronary": 150.0}


def tilted_root(tilt_deg: float = 20.0, azimuth_deg: float = 200.0) -> Root:
    tilt, azimuth = np.deg2rad(tilt_deg), np.deg2rad(azimuth_deg)
    axis = np.array([np.sin(tilt) * np.cos(azimuth), np.sin(tilt) * np.sin(azimuth), np.cos(tilt)])
    return Root(np.array([12.0, -180.0, 660.0]), axis, lobe_deg=30.0)


def ellipse_perimeter(a: float, b: float) -> float:
    angle = np.linspace(0.0, 2.0 * np.pi, 20001)
    return float(np.hypot(np.diff(a * np.cos(angle)), np.diff(b * np.sin(angle))).sum())


@pytest.mark.parametrize(("spacing_mm", "noise_hu", "azimuth_deg"), [(0.8, 20.0, 200.0), (1.2, 30.0, 250.0)])
def test_annulus_and_root_of_a_drawn_root_are_measured(spacing_mm: float, noise_hu: float, azimuth_deg: float) -> None:
    root = tilted_root(azimuth_deg=azimuth_deg)
    volume = root_volume(root, spacing_mm, noise_hu, seed=81_001)
    hinges = {name: root.at(0.0, angle) for name, angle in LOBES.items()}
    u, v = root.frame
    coronary = root.center_mm + 13.0 * root.axis + 12.0 * u + 3.0 * v
    found = root_measures(volume, {**hinges, "left_coronary_ostium": tuple(coronary)})
    a, b = root.half_axes_mm
    got = found.figures
    # An eighth of a voxel at the edge, all around.
    edge = spacing_mm / 8.0
    assert got["annulus_area_mm2"] == pytest.approx(np.pi * a * b, abs=edge * ellipse_perimeter(a, b))
    assert got["annulus_perimeter_mm"] == pytest.approx(ellipse_perimeter(a, b), abs=2.0 * np.pi * edge)
    assert got["annulus_area_diameter_mm"] == pytest.approx(2.0 * np.sqrt(a * b), abs=2.0 * edge)
    # Calipers see the noise of single rays: half a voxel.
    assert got["annulus_max_diameter_mm"] == pytest.approx(2.0 * a, abs=spacing_mm / 2.0)
    assert got["annulus_min_diameter_mm"] == pytest.approx(2.0 * b, abs=spacing_mm / 2.0)
    assert got["annulus_tilt_deg"] == pytest.approx(20.0, abs=0.1)
    assert got["left_coronary_height_mm"] == pytest.approx(13.0, abs=0.3)
    area = np.pi * (root.sinus_mm**2 + root.lobe_mm**2 / 2.0)
    assert got["sinus_area_mm2"] == pytest.approx(area, rel=0.03)
    assert got["sinus_height_mm"] == pytest.approx(root.sinus_height_mm, abs=2.0)
    assert got["junction_min_diameter_mm"] == pytest.approx(2.0 * root.junction_mm, abs=spacing_mm)
    assert got["junction_max_diameter_mm"] == pytest.approx(2.0 * root.junction_mm, abs=spacing_mm)
    assert got["junction_height_mm"] == pytest.approx(root.junction_height_mm, abs=2.0)
    assert got["ascending_max_diameter_mm"] == pytest.approx(2.0 * root.ascending_mm, abs=spacing_mm)


def test_a_thin_wall_before_fat_does_not_widen_the_annulus() -> None:
    """The steepest place of the blurred step down to the fat lies outside of the lumen: 6 % of area at 1.5 mm."""
    root = tilted_root(tilt_deg=35.0)
    volume = root_volume(root, 1.5, 26.0, seed=81_004, wall_mm=1.5)
    got = root_measures(volume, {name: root.at(0.0, angle) for name, angle in LOBES.items()}).figures
    a, b = root.half_axes_mm
    edge = 1.5 / 8.0 * ellipse_perimeter(a, b)
    assert got["annulus_area_mm2"] == pytest.approx(np.pi * a * b, abs=edge)
    # The root is straight below the plane and widens above it.
    assert got["annulus_area_low_mm2"] <= got["annulus_area_mm2"] < got["annulus_area_high_mm2"]
    assert got["annulus_area_low_mm2"] == pytest.approx(np.pi * a * b, abs=edge)


def test_bad_hinge_points_are_refused() -> None:
    root = tilted_root()
    volume = root_volume(root, 1.4, 10.0, seed=81_002)
    good = {name: root.at(0.0, angle) for name, angle in LOBES.items()}
    with pytest.raises(ImagingError, match="place: Hinge of the left cusp"):
        root_measures(volume, {name: place for name, place in good.items() if name != "hinge_left"})
    x, y, z = good["hinge_right"]
    on_a_line = dict(zip(HINGES, [(x, y, z), (x + 10.0, y, z), (x + 20.0, y + 0.5, z)], strict=True))
    with pytest.raises(ImagingError, match="almost on a line"):
        root_measures(volume, on_a_line)
    tiny = dict(zip(HINGES, [(x, y, z), (x + 3.0, y, z), (x, y + 3.0, z)], strict=True))
    with pytest.raises(ImagingError, match="no aortic annulus"):
        root_measures(volume, tiny)
    beside = {name: (px + 200.0, py, pz) for name, (px, py, pz) in good.items()}
    with pytest.raises(ImagingError, match="leaves the scan"):
        root_measures(volume, beside)
    in_tissue = {name: (px - 24.0, py - 24.0, pz + 30.0) for name, (px, py, pz) in good.items()}
    with pytest.raises(ImagingError):
        root_measures(volume, in_tissue)


def forked_tree() -> CenterlineTree:
    """A vessel up the z axis of radius 5, a branch to the left at z = 20 of radius 2, a fork at z = 60."""
    main = np.stack([np.zeros(61), np.zeros(61), np.arange(61.0)], axis=1)
    side = np.stack([np.arange(0.5, 20.0, 0.5), np.zeros(39), np.full(39, 20.0)], axis=1)
    legs = [np.array([0.0, 0.0, 60.0]) + np.outer(np.arange(1.0, 20.0), (way, 0.0, 1.0)) for way in (-0.6, 0.6)]
    points = np.concatenate([main, side, *legs])
    radius = np.concatenate([np.full(61, 5.0), np.full(39, 2.0), np.full(38, 3.0)])
    branches = (
        Branch("aorta", tuple(range(61))),
        Branch("left_renal_artery", (20, *range(61, 100)), "aorta"),
        Branch("right_common_iliac", (60, *range(100, 119)), "aorta"),
        Branch("left_common_iliac", (60, *range(119, 138)), "aorta"),
    )
    return CenterlineTree(points, radius, branches)


def test_ostia_and_bifurcation_are_proposed_where_they_are() -> None:
    tree = forked_tree()
    assert ostium_of(tree, tree.branch("left_renal_artery")) == pytest.approx((5.0, 0.0, 20.0), abs=0.01)
    patch = Patch(2, "inlet", "inlet", (0.0, 0.0, 0.0), (0.0, 0.0, -1.0), 1.0, 1.0)
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    found, notes = proposed_landmarks(VesselModel(empty, (patch,), tree), None)
    assert set(found) == {"left_renal_ostium", "aortic_bifurcation"} and notes == ()
    assert found["aortic_bifurcation"] == pytest.approx((0.0, 0.0, 60.0))


def test_hinge_points_are_proposed_below_the_lobes() -> None:
    root = tilted_root()
    volume = root_volume(root, 1.0, 20.0, seed=81_003)
    height = np.arange(0.0, 50.0)
    line = root.center_mm + height[:, None] * root.axis
    tree = CenterlineTree(line, np.full(len(line), 11.0), (Branch("aorta", tuple(range(len(line)))),))
    nx, ny, nz = -root.axis
    patch = Patch(2, "aortic_valve", "inlet", tuple(line[0]), (float(nx), float(ny), float(nz)), 400.0, 11.0)
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    model = VesselModel(empty, (patch,), tree, {2: tuple(line[0])})
    found, _ = proposed_landmarks(model, volume)
    for name, angle in LOBES.items():
        # 10 degrees of the circle, and a third of a voxel across.
        assert np.linalg.norm(np.subtract(found[name], root.at(0.0, angle))) < 13.4 * np.deg2rad(10.0) + 0.3, name
    above = (np.asarray(found["sinotubular_junction"]) - root.center_mm) @ root.axis
    assert above == pytest.approx(root.junction_height_mm, abs=2.0)


def test_landmarks_live_in_the_case_and_can_be_undone(tmp_path: Path) -> None:
    with OpenCase.create(tmp_path / "a.case", "a") as opened:
        before = opened.case.input_digest("points")
        opened.do(placing("left_renal_ostium", (1.0, 2.0, 3.0)))
        opened.do(SetLandmarks({"aortic_bifurcation": Landmark(position_mm=(4.0, 5.0, 6.0), origin="proposed")}, "x"))
        assert opened.case.input_digest("points") == before, "what was segmented does not become out of date"
        assert [row["id"] for row in rows_of(opened.case)] == ["left_renal_ostium", "aortic_bifurcation"]
        opened.do(removing(opened.case, ("left_renal_ostium",)))
        opened.undo()
        with pytest.raises(CaseError, match="no landmark nose"):
            placing("nose", (0.0, 0.0, 0.0))
        with pytest.raises(CaseError, match="has no landmark"):
            removing(opened.case, ("celiac_ostium",))
        with pytest.raises(CaseError, match="three finite numbers"):
            opened.do(placing("celiac_ostium", (float("nan"), 0.0, 0.0)))
    with OpenCase.open(tmp_path / "a.case", writable=False) as again:
        assert again.case.landmarks["left_renal_ostium"].position_mm == (1.0, 2.0, 3.0)
        report = {"landmarks": rows_of(again.case), "figures": {"annulus_area_mm2": 449.2}, "notes": []}
    write_table(report, tmp_path / "marks.csv")
    with (tmp_path / "marks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["name"] == "left_renal_ostium" and float(rows[0]["z_mm_lps"]) == 3.0
    assert rows[-1]["value"] == "449.2"
    write_table(report, tmp_path / "marks.json")
    assert json.loads((tmp_path / "marks.json").read_text())["landmarks"][1]["origin"] == "proposed"
    with pytest.raises(CaseError, match="must end in"):
        write_table(report, tmp_path / "marks.txt")


def test_a_proposal_leaves_what_was_placed(tmp_path: Path) -> None:
    patch = Patch(2, "inlet", "inlet", (0.0, 0.0, 0.0), (0.0, 0.0, -1.0), 1.0, 1.0)
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    model = VesselModel(empty, (patch,), forked_tree())
    with OpenCase.create(tmp_path / "a.case", "a") as opened:
        opened.do(placing("left_renal_ostium", (1.0, 2.0, 3.0)))
        command, _ = proposing(opened.case, model, None)
        opened.do(command)
        marks = opened.case.landmarks
        assert marks["left_renal_ostium"].origin == "placed" and marks["aortic_bifurcation"].origin == "proposed"
        opened.do(placing("aortic_bifurcation", (0.0, 0.0, 61.0)))
        with pytest.raises(CaseError, match="no landmark that is not placed"):
            proposing(opened.case, model, None)
