"""Overlap, surface distance and volume of masks, on shapes whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.workflow.agree import agree
from imaging.errors import ImagingError
from imaging.segmentation.agreement import compare_labels, dice, hd95_mm, volume_ml
from imaging.types import Grid, LabelMap
from imaging.volume_io import write_labels

SPACING = (0.5, 1.0, 2.0)


def block(k: slice, j: slice, i: slice) -> np.ndarray:
    mask = np.zeros((12, 14, 20), dtype=np.uint8)
    mask[k, j, i] = 3
    return mask


def test_overlap_of_boxes_that_share_half_is_one_half() -> None:
    a, b = block(slice(2, 6), slice(2, 6), slice(2, 10)), block(slice(2, 6), slice(2, 6), slice(6, 14))
    assert dice(a, b) == pytest.approx(0.5)
    assert dice(a, a) == 1.0
    assert dice(a, block(slice(8, 10), slice(2, 6), slice(2, 10))) == 0.0


def test_a_shift_along_each_axis_is_measured_in_that_axis_spacing() -> None:
    a = block(slice(3, 8), slice(3, 8), slice(3, 8))
    plate = block(slice(0, 12), slice(0, 14), slice(4, 5))
    # Two parallel planes: all distances are the shift, so the percentile is exact.
    assert hd95_mm(plate, block(slice(0, 12), slice(0, 14), slice(9, 10)), SPACING) == pytest.approx(5 * 0.5)
    plate = block(slice(4, 5), slice(0, 14), slice(0, 20))
    assert hd95_mm(plate, block(slice(7, 8), slice(0, 14), slice(0, 20)), SPACING) == pytest.approx(3 * 2.0)
    assert hd95_mm(a, a, SPACING) == 0.0


def test_surface_distance_of_concentric_balls_is_the_difference_of_their_radii() -> None:
    z, y, x = np.indices((61, 61, 61)) - 30
    radius = np.sqrt(x**2 + y**2 + z**2)
    # Voxel surfaces lie up to a voxel inside the ball's; both balls by the same.
    assert hd95_mm(radius <= 12, radius <= 25, (0.7, 0.7, 0.7)) == pytest.approx(13 * 0.7, abs=0.7)


def test_surface_distance_counts_what_only_one_of_the_masks_has() -> None:
    small = block(slice(0, 12), slice(0, 14), slice(2, 3))
    both = small | block(slice(0, 12), slice(0, 14), slice(12, 13))
    assert hd95_mm(small, both, SPACING) == pytest.approx(10 * 0.5)
    assert hd95_mm(both, small, SPACING) == pytest.approx(10 * 0.5)


def test_volume_counts_voxels_of_any_label() -> None:
    assert volume_ml(block(slice(0, 10), slice(0, 10), slice(0, 10)), SPACING) == pytest.approx(1.0)


def test_masks_that_cannot_be_compared_are_refused() -> None:
    empty, full = np.zeros((3, 3, 3)), np.ones((3, 3, 3))
    for call in (
        lambda: dice(empty, empty),
        lambda: hd95_mm(empty, full, SPACING),
        lambda: hd95_mm(full, empty, SPACING),
    ):
        with pytest.raises(ImagingError) as refusal:
            call()
        assert refusal.value.code == "empty_label"
    with pytest.raises(ImagingError) as refusal:
        dice(full, np.ones((3, 3, 4)))
    assert refusal.value.code == "shape_mismatch"


def tubes(shape: tuple[int, int, int], radius: float, *centers: tuple[int, int]) -> np.ndarray:
    """Tubes along k, numbered from 1."""
    j, i = np.indices(shape[1:])
    labels = np.zeros(shape, dtype=np.uint8)
    for value, (y, x) in enumerate(centers, 1):
        labels[:, (j - y) ** 2 + (i - x) ** 2 <= radius**2] = value
    return labels


def test_vessels_are_matched_by_name_and_their_diameters_compared() -> None:
    grid = Grid((60, 40, 50), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    a = LabelMap(tubes((50, 40, 60), 8.0, (20, 15), (20, 45)), grid, {1: "left", 2: "right"})
    thicker = tubes((50, 40, 60), 10.0, (20, 45), (20, 15))  # numbered the other way round
    rows = {row.name: row for row in compare_labels(a, LabelMap(thicker, grid, {1: "right", 2: "left"}))}
    assert set(rows) == {"whole", "left", "right"}
    for row in rows.values():
        assert row.dice == pytest.approx(2 * 64 / (64 + 100), abs=0.02)  # disks of 200 and 317 voxels
        assert row.hd95_mm == pytest.approx(1.0, abs=0.25)  # half a voxel
        assert row.diameter_difference_mm == pytest.approx(2.0, abs=0.5)  # a voxel
        assert row.first_diameter_mm == pytest.approx(8.0, abs=0.5)
    assert rows["left"].first_ml == pytest.approx(np.pi * 16 * 25 / 1000, rel=0.03)


def test_labels_on_another_grid_are_brought_onto_the_first(tmp_path: Path) -> None:
    grid = Grid((60, 40, 50), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    array = tubes((50, 40, 60), 8.0, (20, 20))
    a = LabelMap(array, grid, {1: "vessel"})
    flipped = Grid((60, 40, 50), (0.5, 0.5, 0.5), (29.5, 0.0, 0.0), (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    origin = flipped.to_lps((0, 0, -49))
    flipped = Grid(flipped.size, flipped.spacing_mm, tuple(float(c) for c in origin), flipped.direction)
    b = LabelMap(np.ascontiguousarray(array[::-1, :, ::-1]), flipped, {1: "vessel"})
    for name, labels in (("a", a), ("b", b)):
        write_labels(labels, tmp_path / f"{name}.nrrd")
    found = agree(tmp_path / "a.nrrd", tmp_path / "b.nrrd", tmp_path / "where.png")
    assert found.is_resampled and found.vessels[0].dice == 1.0
    assert (tmp_path / "where.png").stat().st_size > 10_000
    away = LabelMap(array, Grid(grid.size, grid.spacing_mm, (500.0, 0.0, 0.0)), {1: "vessel"})
    write_labels(away, tmp_path / "away.nrrd")
    with pytest.raises(ImagingError) as refusal:
        agree(tmp_path / "a.nrrd", tmp_path / "away.nrrd")
    assert refusal.value.code == "empty_label"
