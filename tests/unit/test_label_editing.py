"""Edits of a label map, each on the smallest image that shows what it is for; steps that are undone voxel for voxel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from imaging.errors import ImagingError
from imaging.segmentation.editing.delta import Steps, difference
from imaging.segmentation.editing.operation import BARRIER, box_of
from imaging.segmentation.editing.registry import OPERATIONS, Applied, Edit, apply_edit
from imaging.types import Grid, Volume, silent

SHAPE = (30, 40, 50)
GRID = Grid((50, 40, 30), (0.5, 0.5, 1.0), (10.0, -20.0, 100.0))


def at(k: float, j: float, i: float) -> tuple[float, float, float]:
    x, y, z = GRID.to_lps((i, j, k))
    return float(x), float(y), float(z)


def made(labels: NDArray[np.uint8], edit: Edit, scan: NDArray[np.int16] | None = None) -> NDArray[np.uint8]:
    """The labels after an edit."""
    found = applied(labels, edit, scan)
    after = labels.copy()
    if found.delta is not None:
        found.delta.put(after)
    return after


def applied(labels: NDArray[np.uint8], edit: Edit, scan: NDArray[np.int16] | None = None) -> Applied:
    volume = None if scan is None else Volume(scan, GRID)
    return apply_edit(labels, GRID, volume, edit, silent)


def nothing() -> NDArray[np.uint8]:
    return np.zeros(SHAPE, dtype=np.uint8)


def cylinder(radius_mm: float = 4.0, hu: int = 400) -> NDArray[np.int16]:
    """A vessel along k through the middle, in tissue of 50 HU, with the blur of a CT."""
    j, i = np.indices(SHAPE[1:])
    inside = ((j - 20) ** 2 + (i - 25) ** 2) * 0.25 <= radius_mm**2
    sharp = np.broadcast_to(np.where(inside, hu, 50), SHAPE).astype(float)
    return ndimage.gaussian_filter(sharp, (0.0, 1.0, 1.0)).astype(np.int16)


def test_a_ball_is_painted_with_its_volume_and_erased_again() -> None:
    ball = made(nothing(), Edit("brush", {"radius_mm": 5.0}, 3, (at(15, 20, 25),)))
    assert (ball == 3).sum() * 0.25 == pytest.approx(4 / 3 * np.pi * 125, rel=0.03)  # mm3; a ball of 2000 voxels
    assert not made(ball, Edit("eraser", {"radius_mm": 5.0}, 3, (at(15, 20, 25),))).any()


def test_a_disk_stays_in_the_slice_that_is_drawn_in() -> None:
    edit = Edit("brush", {"radius_mm": 4.0, "shape": "disk"}, 1, (at(15, 20, 20), at(15, 20, 30)), (0.0, 0.0, 1.0))
    painted = made(nothing(), edit)
    assert set(np.flatnonzero(painted.any(axis=(1, 2)))) == {15}
    assert painted.sum() * 0.25 == pytest.approx(np.pi * 16 + 8.0 * 5.0, rel=0.03)


def test_a_brush_bound_to_a_range_paints_the_vessel_only() -> None:
    edit = Edit("brush", {"radius_mm": 8.0, "lowest": 225.0}, 1, (at(15, 20, 25),))
    painted = made(nothing(), edit, cylinder()) > 0
    assert painted.any() and (cylinder()[painted] >= 225).all()


def test_other_labels_and_barriers_are_never_painted_over() -> None:
    labels = nothing()
    labels[:, :20], labels[:, 20] = 2, BARRIER
    painted = made(labels, Edit("brush", {"radius_mm": 6.0}, 1, (at(15, 20, 25),)))
    assert (painted[:, :21] == labels[:, :21]).all() and (painted[:, 21:] == 1).any()


@pytest.mark.parametrize(("cut", "left"), [("erase inside", 1500 - 400), ("erase outside", 400)])
def test_scissors_cut_straight_through(cut: str, left: int) -> None:
    labels = nothing()
    labels[5:10, 10:25, 10:30] = 1  # 5 x 15 x 20
    corners = tuple(at(7, j, i) for j, i in ((9.5, 9.5), (9.5, 19.5), (17.5, 19.5), (17.5, 9.5)))
    after = made(labels, Edit("scissors", {"cut": cut}, 1, corners, (0.0, 0.0, 1.0)))
    assert after.sum() == left  # the outline holds 8 x 10 voxels of each of the 5 slices


def test_slices_are_filled_between_those_that_were_drawn() -> None:
    labels = nothing()
    j, i = np.indices(SHAPE[1:])
    for k, radius in ((4, 6), (14, 12)):
        labels[k][(j - 20) ** 2 + (i - 25) ** 2 <= radius**2] = 1
    after = made(labels, Edit("fill-between-slices"))
    areas = after[4:15].sum(axis=(1, 2))
    radii = np.sqrt(areas / np.pi)
    assert np.allclose(radii, np.linspace(6, 12, 11), atol=0.75)  # a cone; distances count from voxel centers


def test_growing_takes_the_vessel_and_stops_at_a_barrier_disk() -> None:
    scan = cylinder()
    whole = made(nothing(), Edit("grow", {}, 1, (at(3, 20, 25),)), scan)
    assert ((whole > 0) == (scan > 50 + 0.5 * 350)).mean() > 0.999
    walled = made(nothing(), Edit("barrier-plane", {"radius_mm": 6.0}, 1, (at(15, 20, 25),), (0.0, 0.3, 1.0)))
    half = made(walled, Edit("grow", {}, 1, (at(3, 20, 25),)), scan)
    grown = np.flatnonzero((half == 1).any(axis=(1, 2)))
    assert grown[0] == 0 and 13 <= grown[-1] <= 17
    assert not (made(half, Edit("clear-barriers")) == BARRIER).any()


def test_a_barrier_drawn_with_a_depth_is_a_wall_through_the_slices() -> None:
    stroke = (at(15, 20, 10), at(15, 20, 40))
    walled = made(nothing(), Edit("barrier-stroke", {"radius_mm": 1.0, "depth_mm": 4.0}, 1, stroke, (0.0, 0.0, 1.0)))
    assert set(np.flatnonzero((walled == BARRIER).any(axis=(1, 2)))) == set(range(11, 20))
    assert (walled[11:20, 18:23, 10:41] == BARRIER).all() and not walled[:, 24:].any()


def test_growing_by_statistics_takes_the_vessel_of_a_noisy_scan() -> None:
    scan = (cylinder() + np.random.default_rng(1).normal(0, 15, SHAPE)).astype(np.int16)
    grown = made(nothing(), Edit("grow-confidence", {"deviations": 3.0}, 1, (at(15, 20, 25),)), scan) > 0
    core = ndimage.binary_erosion(cylinder() > 225, iterations=2)
    assert grown[core].mean() > 0.95 and (grown & (cylinder() < 120)).sum() == 0


def test_a_seed_in_the_dark_is_refused_with_its_place() -> None:
    with pytest.raises(ImagingError) as refusal:
        applied(nothing(), Edit("grow", {"range": "given", "lowest": 200.0}, 1, (at(3, 2, 2),)), cylinder())
    assert refusal.value.code == "bad_seed" and refusal.value.place_mm == at(3, 2, 2)


def test_islands_and_holes() -> None:
    labels = nothing()
    labels[5:15, 5:15, 5:15] = 1
    labels[8:10, 8:10, 8:10] = 0
    labels[20:22, 20:22, 20:22] = 1
    assert made(labels, Edit("islands")).sum() == 992
    assert made(labels, Edit("islands", {"keep": "those with points"}, 1, (at(21, 21, 21),))).sum() == 8
    assert made(labels, Edit("holes")).sum() == 1008
    assert made(labels, Edit("holes", {"largest_ml": 0.001})).sum() == 1000  # the hole has 0.002 mL


@pytest.mark.parametrize("margin", [2.0, -2.0])
def test_a_margin_is_measured_in_mm_along_every_axis(margin: float) -> None:
    labels = nothing()
    labels[10:20, 12:28, 15:35] = 1
    after = made(labels, Edit("margin", {"margin_mm": margin})) > 0
    extent = [int(after.any(axis=tuple(a for a in range(3) if a != axis)).sum()) for axis in range(3)]
    wanted = np.array([10, 16, 20]) + np.round(2 * margin / np.array([1.0, 0.5, 0.5]))
    assert np.allclose(extent, wanted, atol=1)


def test_smoothing_keeps_the_volume_to_the_voxel_and_rounds() -> None:
    labels = nothing()
    labels[5:25, 10:30, 10:40] = 1
    after = made(labels, Edit("smooth", {"smoothing_mm": 1.5}))
    assert after.sum() == labels.sum()
    assert after[5, 10, 10] == 0


def test_labels_are_combined() -> None:
    labels = nothing()
    labels[:, :, :5], labels[:, :, 5:8] = 1, 2
    assert (made(labels, Edit("logical", {"operation": "add"})) == 1).sum() == 8 * 1200
    assert (made(labels, Edit("logical", {"operation": "invert"})) == 1).sum() == 42 * 1200
    assert (made(labels, Edit("logical", {"operation": "subtract", "margin_mm": 1.0})) == 1).sum() == 3 * 1200
    with pytest.raises(ImagingError):
        made(labels, Edit("logical", {"operation": "add", "other": 7}))


def test_a_watershed_finds_the_wall_around_a_point() -> None:
    after = made(nothing(), Edit("watershed", {"reach_mm": 9.0}, 1, (at(15, 20, 25),)), cylinder()) > 0
    middle = after[15]
    assert np.sqrt(middle.sum() * 0.25 / np.pi) == pytest.approx(4.0, abs=0.5)  # a voxel


def test_vesselness_and_marching_follow_a_thin_vessel_and_not_the_bone_beside_it() -> None:
    scan = cylinder(1.5)
    scan[:, 30:, :] = 500
    settings = {"thinnest_mm": 1.0, "thickest_mm": 2.0, "reach_mm": 12.0, "share": 0.3}
    for edit in (
        Edit("vesselness", settings, 1, (at(15, 20, 25),)),
        Edit("march", {"width_mm": 2.5}, 1, (at(2, 20, 25), at(28, 20, 25))),
    ):
        found = made(nothing(), edit, scan) > 0
        assert not found[:, 30:].any(), edit.operation
        assert found[5:25, 20, 25].all(), edit.operation
        radius = np.sqrt(found[10:20].sum() / 10 * 0.25 / np.pi)
        assert radius == pytest.approx(1.5, abs=0.5), edit.operation  # a voxel


def test_an_active_contour_moves_to_the_wall() -> None:
    inside = made(nothing(), Edit("brush", {"radius_mm": 2.5}, 1, tuple(at(k, 20, 25) for k in (3, 26))))
    found = made(inside, Edit("active-contour", {"rounds": 200, "push": 1.0}), cylinder()) > 0
    assert np.sqrt(found[15].sum() * 0.25 / np.pi) == pytest.approx(4.0, abs=0.5)


def test_bone_that_a_vessel_touches_is_taken_away() -> None:
    scan = cylinder(2.0, 350)
    scan[:, 24:36, :] = np.maximum(scan[:, 24:36, :], 350)  # marrow as bright as the vessel, touching it
    scan[:, [26, 35], :] = 1100
    labels = made(nothing(), Edit("threshold", {"lowest": 200.0, "highest": 3000.0}), scan)
    after = made(labels, Edit("remove-bone", {"smallest_ml": 0.2}, 1, (at(15, 20, 25),)), scan) > 0
    vessel = np.zeros(SHAPE, dtype=bool)
    vessel[:, :24] = cylinder(2.0, 350)[:, :24] > 200
    assert after[:, 27:].sum() == 0
    assert (after & vessel).sum() > 0.9 * vessel.sum()


def test_every_edit_refuses_what_it_cannot_do_in_one_sentence() -> None:
    for operation in OPERATIONS.values():
        with pytest.raises(ImagingError) as refusal:
            applied(nothing(), Edit(operation.id, {"nonsense": 1}), cylinder())
        assert refusal.value.code == "parameter_out_of_range" and refusal.value.message.endswith(".")
        if operation.n_places:
            with pytest.raises(ImagingError) as refusal:
                applied(nothing(), Edit(operation.id), cylinder())
            assert refusal.value.code == "missing_point"


def test_steps_go_back_and_forth_to_the_voxel_and_forget_the_oldest_first() -> None:
    rng = np.random.default_rng(3)
    labels = nothing()
    steps, states = Steps(labels, 0), [labels.copy()]
    for n in range(1, 9):
        new = rng.integers(0, 4, (6, 7, 8)).astype(np.uint8)
        corner = rng.integers(0, 20, 3)
        delta = difference(labels, box_of(corner, corner + np.array([6, 7, 8])), new)
        assert delta is not None
        steps.push(delta, n)
        states.append(labels.copy())
    for wanted in (3, 8, 0, 5):
        steps.go_to(wanted)
        assert (labels == states[wanted]).all()
    steps.most_bytes = steps.n_bytes // 2
    delta = difference(labels, box_of((0, 0, 0), (2, 2, 2)), np.full((2, 2, 2), 9, np.uint8))
    assert delta is not None and steps.push(delta, "new") > 0
    assert not steps.knows(0) and not steps.knows(8) and steps.knows(5) and steps.n_bytes <= steps.most_bytes


def test_a_step_costs_what_it_changes_and_not_the_whole_scan() -> None:
    labels = np.zeros((100, 200, 200), dtype=np.uint8)
    grid = Grid((200, 200, 100), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    delta = apply_edit(labels, grid, None, Edit("brush", {"radius_mm": 5.0}, 1, ((50.0, 50.0, 25.0),)), silent).delta
    assert (
        delta is not None and delta.n_bytes < 2.3 * delta.n_voxels + 1000
    )  # two values each, and a bit a voxel of the box
    whole = apply_edit(labels, grid, None, Edit("logical", {"operation": "invert"}), silent).delta
    assert whole is not None and whole.n_voxels == labels.size
