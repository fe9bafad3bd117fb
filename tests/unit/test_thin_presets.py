"""Presets of thin arteries: narrow throats are crossed, occlusions never; what has no anatomy takes none's facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.case.records import Case
from app.workflow.segment import chosen_preset, settings_of
from imaging.errors import ImagingError
from imaging.segmentation.agreement import dice
from imaging.segmentation.presets import PRESETS
from imaging.types import Grid, LabelMap, Volume, silent
from sample_data.phantoms import (
    RenderSettings,
    curved_tube,
    render_ct,
    stenosed_tube,
    straight_tube,
    y_bifurcation,
)
from sample_data.phantoms.phantom import Phantom, Tissue
from sample_data.phantoms.scanner import blurred, correlated_noise
from sample_data.phantoms.tubes import random_tube
from sample_data.phantoms.vessel import Sphere

ANY = PRESETS["any-artery"]
VOXEL_MM, NOISE_HU, LUMEN_HU, TISSUE_HU = 0.5, 25.0, 400.0, 50.0
SETTINGS = RenderSettings(
    lumen_hu=LUMEN_HU, noise_hu=NOISE_HU, blur_fwhm_mm=(0.55, 0.55, 0.55), noise_correlation_mm=VOXEL_MM
)


def found_in(volume: Volume, inlet: tuple[float, ...], outlet: tuple[float, ...]) -> LabelMap:
    return ANY.segment(volume, {"inlet": inlet, "outlet": outlet}, ANY.parameters_type(), silent)


def closed_tube(gap_mm: float, plug_hu: float, seed: int) -> Volume:
    """A tube of 3.2 mm along z, 24 mm long, that a plug closes in the middle."""
    scan = render_ct(straight_tube(24.0, 1.6), VOXEL_MM, SETTINGS, rng_seed=seed)
    grid = scan.volume.grid
    z = grid.origin_mm[2] + grid.spacing_mm[2] * np.arange(grid.size[2])
    level = np.where(np.abs(z - 12.0) < 0.5 * gap_mm, plug_hu, LUMEN_HU)[:, None, None]
    sharp = (TISSUE_HU + scan.fraction * (level - TISSUE_HU)).astype(np.float32)
    shown = blurred(sharp, grid.spacing_mm, SETTINGS.blur_fwhm_mm)
    shown += correlated_noise(grid, NOISE_HU, VOXEL_MM, seed)
    return Volume(np.rint(shown).astype(np.int16), grid)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("gap_mm", "plug_hu"), [(2.0, TISSUE_HU), (3.0, 1200.0)])
def test_no_lumen_is_invented_through_an_occlusion(gap_mm: float, plug_hu: float, seed: int) -> None:
    volume = closed_tube(gap_mm, plug_hu, seed)
    with pytest.raises(ImagingError) as refused:
        found_in(volume, (0.0, 0.0, 1.0), (0.0, 0.0, 23.0))
    assert refused.value.code in ("interrupted_lumen", "no_path")


def test_without_the_plug_the_same_tube_is_found() -> None:
    labels = found_in(closed_tube(0.0, TISSUE_HU, 1), (0.0, 0.0, 1.0), (0.0, 0.0, 23.0))
    assert labels.names == {1: "outlet"}


def test_a_throat_of_less_than_two_voxels_is_crossed_in_one_piece() -> None:
    from scipy import ndimage

    # Healthy 6 voxels wide, 70 % narrower: 1.8 voxels.
    scan = render_ct(stenosed_tube(21.0, 1.5, 0.45, 10.5, 3.0), VOXEL_MM, SETTINGS, rng_seed=3)
    labels = found_in(scan.volume, (0.0, 0.0, 1.0), (0.0, 0.0, 20.0))
    assert ndimage.label(labels.array > 0)[1] == 1
    grid = scan.volume.grid
    z = grid.origin_mm[2] + grid.spacing_mm[2] * np.arange(grid.size[2])
    between = (z > 2.5) & (z < 18.5)  # three voxels inside of the points
    assert (labels.array > 0).any(axis=(1, 2))[between].all()
    assert dice(labels.array[between] > 0, scan.labels.array[between] > 0) >= 0.95


def test_a_fork_is_named_by_its_points_and_the_point_left_out_is_no_vessel() -> None:
    phantom = y_bifurcation(2.0, (1.6, 1.4), lengths_mm=(14.0, 14.0, 14.0), blend_mm=0.5)
    scan = render_ct(phantom, VOXEL_MM, SETTINGS, rng_seed=4)
    ends = {end.name: np.asarray(end.center_mm) - np.asarray(end.normal) for end in phantom.ends}
    points = {"inlet": ends["inlet"], "outlet": ends["outlet_1"], "outlet_2": ends["outlet_2"]}
    both = ANY.segment(scan.volume, points, ANY.parameters_type(), silent)
    assert set(both.names.values()) == {"outlet", "outlet_2"}
    assert [o.name for o in ANY.open_at(points)] == ["inlet", "outlet", "outlet_2"]


def test_a_point_in_a_bend_keeps_the_way_from_leaving_it_out_where_it_touches_itself() -> None:
    """Two limbs of a hairpin, three voxels wide, with half a voxel of wall between them near their ends."""
    k, j, i = np.mgrid[0:60, 0:24, 0:44].astype(np.float32)
    limb = np.minimum(np.hypot(i - 14.0, j - 12.0), np.hypot(i - 30.0, j - 12.0))
    top = np.hypot(np.hypot(i - 22.0, k - 36.0) - 8.0, j - 12.0)
    lumen = np.where(k < 36.0, limb, top) < 4.0
    lumen |= (np.hypot(j - 12.0, k - 20.0) < 3.0) & (np.abs(i - 22.0) < 8.0)
    hu = np.where(lumen, LUMEN_HU, TISSUE_HU).astype(np.float32)
    hu[(np.abs(i - 22.0) < 1.0) & lumen & (k < 24.0)] = TISSUE_HU + 0.3 * (LUMEN_HU - TISSUE_HU)
    grid = Grid((44, 24, 60), (VOXEL_MM,) * 3, (0.0, 0.0, 0.0))
    volume = Volume(np.rint(blurred(hu, grid.spacing_mm, (0.5,) * 3)).astype(np.int16), grid)
    preset = PRESETS["intracranial-aneurysm"]
    points = {"internal_carotid_start": (7.0, 6.0, 1.5), "middle_cerebral": (15.0, 6.0, 1.5)}
    bend = (44, 12, 22)
    short = preset.segment(volume, points, preset.parameters_type(), silent)
    assert not short.array[bend]
    whole = preset.segment(volume, {**points, "carotid_siphon": (11.0, 6.0, 22.0)}, preset.parameters_type(), silent)
    assert whole.array[bend] and {o.name for o in preset.open_at(points)} == set(points)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.id)
def test_a_preset_says_what_it_needs(preset: object) -> None:
    assert preset in PRESETS.values()
    roles = [role.id for role in preset.roles]
    assert len(set(roles)) == len(roles) and all(role.hint for role in preset.roles)
    assert {opening.role for opening in preset.openings} <= set(roles)
    assert preset.openings[0].kind == "inlet"
    assert set(preset.facts.other_inlets) <= {opening.name for opening in preset.openings}
    assert settings_of(preset)
    from app.workflow.inflow_library import SHAPES

    assert preset.facts.inflow in ("", *SHAPES)


def test_no_anatomy_is_assumed_where_neither_points_nor_choice_tell_one() -> None:
    case = Case.model_construct(points={}, parameters={})
    assert chosen_preset(case) is None
    some = {"common_carotid": (0.0, 0.0, 0.0), "internal_carotid": (0.0, 0.0, 9.0)}
    carotid = chosen_preset(Case.model_construct(points=some, parameters={}))
    assert carotid is PRESETS["carotid"]
    chosen = chosen_preset(Case.model_construct(points=some, parameters={"segment": {"preset": "any-artery"}}))
    assert chosen is ANY


@pytest.mark.parametrize(
    ("phantom", "voxel_mm"),
    [
        (curved_tube(24.0, 2.0, 215.0), 0.7),  # its bend leaves the box around its ends
        (random_tube("fusiform_aneurysm", 5001), 1.37),  # the cheapest way need not keep its middle
    ],
    ids=["bow", "fusiform"],
)
def test_a_vessel_that_bows_out_or_widens_is_found_whole(phantom: Phantom, voxel_mm: float) -> None:
    scan = render_ct(phantom, voxel_mm, SETTINGS, rng_seed=5)
    ends = [np.asarray(end.center_mm) - 1.5 * np.asarray(end.normal) for end in phantom.ends]
    labels = found_in(scan.volume, tuple(ends[0]), tuple(ends[1]))
    assert dice(labels.array > 0, scan.labels.array > 0) >= 0.93


def test_an_artery_that_leaves_a_wide_one_aslant_begins_at_its_mouth() -> None:
    """Beside a slanting mouth the wide lumen lies on the artery's side of the plane through the point."""
    direction = np.array([np.sin(np.deg2rad(55.0)), 0.0, np.cos(np.deg2rad(55.0))])
    artery = straight_tube(30.0, 1.6, tuple(direction))
    wide = Tissue("aorta", Sphere((0.0, 0.0, -14.5), 15.0), 40.0, 1.0, opens_wall=True)
    scan = render_ct(replace(artery, tissues=(wide,)), VOXEL_MM, SETTINGS, rng_seed=6)
    labels = found_in(scan.volume, tuple(1.0 * direction), tuple(28.0 * direction))
    assert dice(labels.array > 0, scan.labels.array > 0) >= 0.9
