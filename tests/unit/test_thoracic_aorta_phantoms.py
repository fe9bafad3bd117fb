"""The thoracic-aorta preset on phantom arches: other anatomies and noise than the sample, and the truth is exact."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from imaging.segmentation.agreement import dice, hd95_mm, volume_ml
from imaging.segmentation.arterial_tree import ArterialTreeParameters
from imaging.segmentation.presets import PRESETS
from imaging.types import LabelMap, Volume, silent
from sample_data.phantoms import RenderedPhantom, RenderSettings, random_arch, render_ct

PRESET = PRESETS["thoracic-aorta"]
DEFAULT = ArterialTreeParameters()


@cache
def scan(seed: int) -> RenderedPhantom:
    """An arch with its noise; contrast, noise, voxels and direction differ from seed to seed as scanners do."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(-0.3, 0.3)
    direction = (np.cos(turn), -np.sin(turn), 0.0, np.sin(turn), np.cos(turn), 0.0, 0.0, 0.0, 1.0)
    settings = RenderSettings(
        lumen_hu=rng.uniform(320.0, 500.0), noise_hu=rng.uniform(10.0, 25.0), direction=tuple(map(float, direction))
    )
    spacing = (1.5, 1.5, 1.5) if seed % 2 else (1.1, 1.1, 2.5)
    return render_ct(random_arch(seed), spacing, settings, rng_seed=seed)


def jittered(rendered: RenderedPhantom, seed: int, by_mm: float) -> dict[str, tuple[float, ...]]:
    """The phantom's points, each moved by up to ``by_mm`` in some direction, as a user's clicks are off."""
    rng = np.random.default_rng(seed)
    points = {}
    for role, point in rendered.phantom.seeds.items():
        step = rng.normal(size=3)
        points[role] = tuple(np.asarray(point) + by_mm * rng.uniform(0.5, 1.0) * step / np.linalg.norm(step))
    return points


@cache
def labels_of(seed: int, jitter_mm: float) -> LabelMap:
    rendered = scan(seed)
    return PRESET.segment(rendered.volume, jittered(rendered, seed, jitter_mm), DEFAULT, silent)


@pytest.mark.parametrize(("seed", "jitter_mm"), [(101, 0.0), (103, 3.5)])
def test_lumen_agrees_with_the_truth_of_unseen_arches(seed: int, jitter_mm: float) -> None:
    labels, truth = labels_of(seed, jitter_mm), scan(seed).labels
    assert dice(labels.array, truth.array) >= 0.95
    assert dice(labels.array == 1, truth.array == 1) >= 0.95
    # A point that is off along its vessel moves that end by as much.
    assert hd95_mm(labels.array, truth.array, truth.grid.spacing_mm) <= max(truth.grid.spacing_mm) + jitter_mm
    found, true = (volume_ml(x.array, truth.grid.spacing_mm) for x in (labels, truth))
    # Wall within 0.2 mm of a lumen of about 12 mm radius, and ends off by the jitter.
    assert found == pytest.approx(true, rel=0.035 + 0.005 * jitter_mm)


@pytest.mark.parametrize(("seed", "jitter_mm"), [(101, 0.0), (103, 3.5)])
def test_branches_are_named_and_begin_at_the_wall_of_the_aorta(seed: int, jitter_mm: float) -> None:
    labels, truth = labels_of(seed, jitter_mm), scan(seed).labels
    assert labels.names == truth.names == PRESET.names
    for value in (2, 3, 4):
        # A branch of 5 mm is three voxels wide; its truth begins on the blend of its ostium.
        assert dice(labels.array == value, truth.array == value) >= 0.8


@pytest.mark.parametrize(("seed", "jitter_mm"), [(101, 0.0), (103, 3.5)])
def test_each_vessel_is_one_piece_on_the_grid_of_the_scan(seed: int, jitter_mm: float) -> None:
    labels, rendered = labels_of(seed, jitter_mm), scan(seed)
    assert labels.grid == rendered.volume.grid
    assert labels.array.shape == rendered.volume.array.shape
    assert labels.array.dtype == np.uint8
    everywhere = np.ones((3, 3, 3))
    for mask in (labels.array > 0, *(labels.array == value for value in PRESET.names)):
        assert ndimage.label(mask, everywhere)[1] == 1
    assert ndimage.binary_fill_holes(labels.array > 0).sum() == (labels.array > 0).sum()


@pytest.mark.parametrize(("seed", "jitter_mm"), [(101, 0.0), (103, 3.5)])
def test_chambers_and_vessels_as_bright_as_the_aorta_stay_outside(seed: int, jitter_mm: float) -> None:
    rendered, found = scan(seed), labels_of(seed, jitter_mm).array > 0
    beyond = rendered.phantom.implicit(rendered.volume.grid.to_lps(np.argwhere(found)[:, ::-1]))
    # Nothing is farther from the true lumen than by the ends' jitter and tilt.
    assert np.percentile(beyond, 99.0) < 1.5
    assert beyond.max() < 5.0 + jitter_mm


def test_the_lumen_ends_at_planes_through_the_end_points() -> None:
    rendered, found = scan(101), labels_of(101, 0.0).array > 0
    position = rendered.volume.grid.to_lps(np.argwhere(found)[:, ::-1])
    for end in rendered.phantom.ends:
        away = position - np.asarray(end.center_mm)
        along = away @ np.asarray(end.normal)
        across = np.linalg.norm(away - along[:, None] * np.asarray(end.normal), axis=1)
        near = (across < 0.5 * end.radius_mm) & (np.abs(along) < 8.0)
        # Half the radius off the axis, a plane tilted by 15 degrees is off by an eighth of the radius.
        assert -3.0 - 0.13 * end.radius_mm < along[near].max() < 1.5 + 0.13 * end.radius_mm


def test_progress_rises_and_may_cancel() -> None:
    seen: list[float] = []

    class Cancelled(Exception):
        pass

    def cancel_late(fraction: float, text: str) -> None:
        assert text
        seen.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    rendered = scan(101)
    with pytest.raises(Cancelled):
        PRESET.segment(rendered.volume, rendered.phantom.seeds, DEFAULT, cancel_late)
    assert seen == sorted(seen)


def test_the_scan_is_left_as_it_was() -> None:
    rendered = scan(101)
    before = rendered.volume.array.copy()
    labels_of(101, 0.0)
    assert np.array_equal(rendered.volume.array, before)
    assert isinstance(rendered.volume, Volume)
