"""The outer wall on drawn aortas whose truth is known; seeds other than those by which its settings were chosen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import report_cases

from app.workflow.assessments.registry import assess
from app.workflow.landmarks import placing
from imaging.errors import ImagingError
from imaging.segmentation.agreement import dice
from imaging.segmentation.outer_wall import (
    FALSE_LUMEN,
    FLAP,
    THROMBUS,
    OuterWall,
    OuterWallParameters,
    find_outer_wall,
)
from imaging.segmentation.semi_global import smooth_surface
from imaging.segmentation.wall_measures import measures_of
from imaging.types import CenterlineTree, LabelMap
from imaging.volume_io import read_labels
from sample_data.phantoms.aortic_wall import WallKind, WallPhantom, aortic_wall_phantom

_CLEAR = slice(6, -6)  # 8 mm: beyond the ends of the labels the vessel goes on in the scan


@cache
def drawn(kind: WallKind) -> WallPhantom:
    return aortic_wall_phantom(kind, 301, spacing_mm=1.4, noise_hu=28.0)


@cache
def found_in(kind: WallKind) -> OuterWall:
    phantom = drawn(kind)
    return find_outer_wall(phantom.volume, phantom.lumen, phantom.tree, phantom.false_lumen_mm)


def volume_ml(labels: LabelMap, value: int) -> float:
    return float((labels.array[_CLEAR] == value).sum()) * labels.grid.voxel_volume_ml


@pytest.mark.parametrize("kind", ["healthy", "dissection", "aneurysm"])
def test_the_outer_wall_is_found_and_its_diameter(kind: WallKind) -> None:
    found, phantom = found_in(kind), drawn(kind)
    assert dice(found.labels.array[_CLEAR] > 0, phantom.truth.array[_CLEAR] > 0) >= 0.95
    # A voxel (half of one on both sides), and the 2 % by which the drawn axis leans.
    assert measures_of(found).largest_mm == pytest.approx(phantom.largest_mm, abs=1.4 + 0.02 * phantom.largest_mm)
    assert np.array_equal(found.labels.array == 1, phantom.lumen.array == 1), "the lumen stays as it was segmented"


def test_a_healthy_aorta_has_neither_thrombus_nor_false_lumen() -> None:
    labels, measures = found_in("healthy").labels, measures_of(found_in("healthy"))
    assert volume_ml(labels, THROMBUS) < 1.0 and not (labels.array == FALSE_LUMEN).any()
    lumen = measures.areas_mm2[1]
    assert lumen.max() < 1.25 * np.median(lumen), "what lies beyond the first and last section counts for none"
    assert measures.false_share is None and measures.thrombosed_share is None


def test_thrombus_of_an_aneurysm_is_found() -> None:
    labels, truth = found_in("aneurysm").labels, drawn("aneurysm").truth
    assert dice(labels.array[_CLEAR] == THROMBUS, truth.array[_CLEAR] == THROMBUS) >= 0.8
    # The wall behind it, 1.8 mm of 15 to 30 mm of thrombus, counts as thrombus.
    assert volume_ml(labels, THROMBUS) == pytest.approx(volume_ml(truth, THROMBUS), rel=0.25)


def test_false_lumen_thrombus_and_flap_of_a_dissection_are_told_apart() -> None:
    labels, truth = found_in("dissection").labels, drawn("dissection").truth
    assert dice(labels.array[_CLEAR] == FALSE_LUMEN, truth.array[_CLEAR] == FALSE_LUMEN) >= 0.9
    assert dice(labels.array[_CLEAR] == THROMBUS, truth.array[_CLEAR] == THROMBUS) >= 0.7
    assert np.isin(truth.array[labels.array == FLAP], (1, 2, 3, 4)).mean() > 0.95, "within the vessel"
    true = {value: volume_ml(truth, value) for value in (1, 2, 3)}
    share = (true[2] + true[3]) / sum(true.values())
    assert measures_of(found_in("dissection")).false_share == pytest.approx(share, abs=0.05)


def test_a_vessel_turned_in_space_gives_the_same() -> None:
    """Axes swapped and flipped in the grid, not in the patient: nothing may follow from how voxels are stored."""
    phantom, found = drawn("aneurysm"), found_in("aneurysm")
    turned = np.ascontiguousarray(phantom.volume.array[::-1].transpose(0, 2, 1))
    grid = phantom.volume.grid
    x, y, z = grid.to_lps((0, 0, grid.size[2] - 1))
    other = replace(
        grid,
        size=(grid.size[1], grid.size[0], grid.size[2]),
        origin_mm=(float(x), float(y), float(z)),
        direction=(0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    )
    lumen = np.ascontiguousarray(phantom.lumen.array[::-1].transpose(0, 2, 1))
    again = find_outer_wall(
        replace(phantom.volume, array=turned, grid=other), LabelMap(lumen, other, {1: "aorta"}), phantom.tree
    )
    assert dice(again.labels.array.transpose(0, 2, 1)[::-1] > 0, found.labels.array > 0) > 0.998


def test_bad_input_is_refused_in_words() -> None:
    phantom = drawn("dissection")
    x, y, z = (float(c) for c in phantom.tree.points[20])
    for place, words in (
        ((x, y, z), "lies in the lumen"),
        ((500.0, y, z), "more than 45 mm from the aorta"),
        ((-38.0, -38.0, z), "no contrast medium"),
    ):
        with pytest.raises(ImagingError, match=words):
            find_outer_wall(phantom.volume, phantom.lumen, phantom.tree, place)
    bright = replace(phantom.volume, array=np.where(np.isin(phantom.truth.array, (0, 4)), 400.0, phantom.volume.array))
    with pytest.raises(ImagingError, match="into neighbors as bright"):
        find_outer_wall(bright, phantom.lumen, phantom.tree, phantom.false_lumen_mm)
    far = CenterlineTree(phantom.tree.points + 300.0, phantom.tree.radius_mm, phantom.tree.branches)
    with pytest.raises(ImagingError, match="runs through no label"):
        find_outer_wall(phantom.volume, phantom.lumen, far)
    with pytest.raises(ImagingError, match="reach_mm is 200 mm"):
        find_outer_wall(phantom.volume, phantom.lumen, phantom.tree, None, OuterWallParameters(reach_mm=200.0))


def test_neighboring_rays_stay_alike_around_and_along() -> None:
    costs = np.ones((6, 12, 20), np.float32)
    costs[:, :, 8] = 0.0
    costs[2, 0, 8], costs[2, 0, 18] = 1.0, -1.0  # one ray is drawn farther away than neighbors may differ
    assert (smooth_surface(costs, 0.05) == 8).all()
    costs[2, 0, 18], costs[2, 0, 10] = 1.0, -1.0
    assert smooth_surface(costs, 0.05)[2, 0] == 10


def test_an_answer_is_kept_with_labels_and_is_stale_when_the_point_moves(tmp_path: Path) -> None:
    with report_cases.make_case(tmp_path / "tree.case") as opened:
        found, record = assess(opened, "aorta")
        assert record is not None and set(record.files) == {"json", "surface", "labels"}
        labels = read_labels(opened.path_of(record.files["labels"]))
        assert labels.names[FALSE_LUMEN] == "false_lumen" and (labels.array == 1).any()
        assert next(one for one in found.figures if one.id == "false_lumen_ml").value == 0.0
        run = opened.case.current("run")
        opened.do(placing("false_lumen", (1.0, 2.0, 3.0)))
        assert run is not None and not opened.case.stale_inputs(run), "no flow follows from it"
        assert opened.case.stale_inputs(record) == ("landmark.false_lumen",)
        with pytest.raises(ImagingError, match="false lumen"):
            assess(opened, "aorta")
        opened.undo()
        assert not opened.case.stale_inputs(record)
