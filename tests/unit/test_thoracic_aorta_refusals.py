"""What the thoracic-aorta preset cannot use, it refuses in one sentence that names the point and the place."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from imaging.errors import ImagingError
from imaging.segmentation.arterial_tree import ArterialTreeParameters
from imaging.segmentation.presets import PRESETS
from imaging.types import FloatArray, Volume, silent
from sample_data.phantoms import RenderedPhantom, RenderSettings, random_arch, render_ct

PRESET = PRESETS["thoracic-aorta"]


@cache
def scan(contrast: bool = True) -> RenderedPhantom:
    return render_ct(random_arch(7), 1.5, RenderSettings(contrast=contrast), rng_seed=7)


def points() -> dict[str, tuple[float, float, float]]:
    return dict(scan().phantom.seeds)


def painted(where: FloatArray, radius_mm: float, hu: float) -> Volume:
    """The scan with balls of one HU around places (n, 3)."""
    volume = scan().volume
    array = volume.array.copy()
    position = volume.grid.to_lps(np.moveaxis(np.indices(array.shape)[::-1], 0, -1))
    for place in where:
        array[((position - place) ** 2).sum(axis=-1) <= radius_mm**2] = hu
    return Volume(array, volume.grid)


def refusal(volume: Volume, at: dict[str, tuple[float, float, float]], **changes: float) -> ImagingError:
    with pytest.raises(ImagingError) as caught:
        PRESET.segment(volume, at, ArterialTreeParameters(**changes), silent)
    error = caught.value
    assert error.message.endswith(".") and "\n" not in error.message and len(error.message) < 300
    return error


def near(place: tuple[float, float, float] | None, expected: FloatArray, within_mm: float) -> bool:
    return place is not None and float(np.linalg.norm(np.asarray(place) - expected)) <= within_mm


def test_a_missing_and_an_unknown_point_are_named() -> None:
    without = {role: place for role, place in points().items() if role != "arch"}
    error = refusal(scan().volume, without)
    assert error.code == "missing_point" and "Aortic arch" in error.message
    error = refusal(scan().volume, {**points(), "left_vertebral": (0.0, 0.0, 0.0)})
    assert error.code == "unknown_point" and "left_vertebral" in error.message


@pytest.mark.parametrize("bad", [(0.0, 1.0), (float("nan"), 0.0, 0.0), "here", None])
def test_a_point_that_is_no_place_is_named(bad: object) -> None:
    error = refusal(scan().volume, {**points(), "arch": bad})  # type: ignore[dict-item]
    assert error.code == "bad_point" and "Aortic arch" in error.message


def test_a_point_outside_the_scan_is_named_with_its_place() -> None:
    away = tuple(np.asarray(points()["left_subclavian"]) + np.array([0.0, 0.0, 400.0]))
    error = refusal(scan().volume, {**points(), "left_subclavian": away})
    assert error.code == "point_outside_volume" and "Left subclavian" in error.message
    assert error.place_mm == pytest.approx(away)


def test_a_point_outside_the_lumen_is_named_with_its_hu_and_what_is_expected() -> None:
    rendered = scan()
    arch = np.asarray(points()["arch"])
    lung = rendered.volume.grid.to_lps(np.argwhere(rendered.volume.array < -750)[:, ::-1])
    far = rendered.phantom.implicit(lung) > 12.0
    place = tuple(lung[far][np.argmin(((lung[far] - arch) ** 2).sum(axis=1))])
    error = refusal(rendered.volume, {**points(), "arch": place})
    assert error.code == "point_outside_lumen" and "Aortic arch" in error.message
    assert "about -" in error.message and "HU are expected" in error.message
    assert error.place_mm == pytest.approx(place)


def test_a_point_in_the_rim_of_a_vein_brighter_than_the_lumen_is_not_taken_for_lumen() -> None:
    rendered = scan()
    grid = rendered.volume.grid
    lung = grid.to_lps(np.argwhere(rendered.volume.array < -750)[:, ::-1])
    free = lung[rendered.phantom.implicit(lung) > 25.0]
    middle = free[np.argmin(((free - grid.to_lps((np.asarray(grid.size) - 1) / 2)) ** 2).sum(axis=1))]
    volume = painted(middle[None], 9.0, 1400.0)
    # In the blur between vein and lung some voxels have the HU of the lumen.
    blurred = Volume(ndimage.gaussian_filter(volume.array.astype(np.float32), 0.7).astype(np.int16), grid)
    rim = middle + np.array([9.0, 0.0, 0.0])
    assert ((blurred.array > 300) & (blurred.array < 600)).any()
    error = refusal(blurred, {**points(), "brachiocephalic": tuple(rim)})
    assert error.code == "point_outside_lumen" and "Brachiocephalic" in error.message


def test_a_point_just_off_the_lumen_is_moved_into_it() -> None:
    rendered = scan()
    carotid = np.asarray(points()["left_common_carotid"]) + np.array([0.0, 4.5, 0.0])
    assert rendered.phantom.implicit(carotid[None])[0] > 0.5
    seen: list[str] = []

    class Enough(Exception):
        pass

    def stop_after_snapping(fraction: float, text: str) -> None:
        seen.append(text)
        if fraction > 0.0:
            raise Enough

    with pytest.raises(Enough):
        PRESET.segment(
            rendered.volume,
            {**points(), "left_common_carotid": tuple(carotid)},
            ArterialTreeParameters(),
            stop_after_snapping,
        )


def test_a_scan_without_contrast_is_not_enhanced() -> None:
    error = refusal(scan(contrast=False).volume, points())
    assert error.code == "not_enhanced" and "not enhanced" in error.message and "contrast" in error.message
    assert error.place_mm is not None


def test_a_scan_that_is_not_a_ct_is_refused() -> None:
    assert refusal(dataclasses.replace(scan().volume, modality="MR"), points()).code == "not_ct"


def test_points_in_lumens_that_are_not_connected_have_no_path() -> None:
    seeds = points()
    volume = scan().volume
    array = volume.array.copy()
    above_end = round(float(volume.grid.to_index(seeds["descending_end"])[2])) + 8
    array[above_end : above_end + 4] = 0
    error = refusal(Volume(array, volume.grid), seeds)
    assert error.code == "no_path"
    assert "Descending aorta" in error.message and "End of the model" in error.message
    assert near(error.place_mm, np.asarray(seeds["descending_end"]), 3.0)


def test_a_plugged_vessel_is_not_bridged_through_the_bone_beside_it() -> None:
    seeds = points()
    aorta = scan().phantom.vessels[0]
    s = aorta.curve.length_mm - 20.0
    plug = np.asarray(aorta.curve.position(s))
    error = refusal(painted(plug[None], float(aorta.radius(s)) + 4.0, 0.0), seeds)
    assert error.code == "interrupted_lumen" and "End of the model" in error.message
    assert near(error.place_mm, plug, 30.0)


def test_a_lumen_too_faint_on_the_way_is_interrupted_there() -> None:
    seeds = points()
    curve = scan().phantom.vessels[3].curve
    middle = np.asarray(curve.position(0.7 * curve.length_mm))
    # 0.42 of the step from tissue to lumen: a path may pass, a wall at one half is not reached.
    error = refusal(painted(middle[None], 8.0, 20.0 + 0.42 * 380.0), seeds)
    assert error.code == "interrupted_lumen" and "Left subclavian" in error.message
    assert near(error.place_mm, middle, 12.0)


def test_a_lumen_that_runs_into_a_chamber_leaks_there() -> None:
    seeds = points()
    descending = np.asarray(seeds["descending"])
    toward = np.array([0.0, -1.0, 0.0])
    radius = 11.0
    # A row of balls as wide as the aorta, leading away from it: no neck, so nothing tells it from the vessel.
    row = np.array([descending + toward * step for step in np.arange(0.0, 70.0, 3.0)])
    error = refusal(painted(row, radius, 400.0), seeds)
    assert error.code == "leak" and "aorta" in error.message
    assert near(error.place_mm, descending, 35.0)


def test_a_setting_outside_its_bounds_is_named_with_them() -> None:
    error = refusal(scan().volume, points(), core_share=1.4)
    assert error.code == "parameter_out_of_range"
    assert "core_share" in error.message and "0.5" in error.message and "0.9" in error.message


def test_every_setting_is_declared_and_its_default_is_within_its_bounds() -> None:
    for field in dataclasses.fields(PRESET.parameters_type):
        assert set(field.metadata) == {"unit", "min", "max", "help", "source"}
        assert field.metadata["min"] <= field.default <= field.metadata["max"]
        assert field.metadata["help"].endswith(".") and field.metadata["source"]


def test_the_preset_asks_for_the_points_that_the_sample_and_the_phantoms_have() -> None:
    assert {role.id for role in PRESET.roles} == set(points())
    assert len(PRESET.roles) <= 8
    assert all(role.title and role.hint for role in PRESET.roles)
