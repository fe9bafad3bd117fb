"""The preset of the aortic root: cut at the plane of the hinge points, from labels to model; points and landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from root_phantom import root_volume
from test_landmarks import LOBES, tilted_root

from app.case.commands import SetLandmarks, SetPoint
from app.case.records import Case, Landmark
from app.workflow.landmarks import placing
from app.workflow.segment import chosen_preset, placing_point, points_of
from imaging.errors import ImagingError
from imaging.segmentation.agreement import dice
from imaging.segmentation.presets import PRESETS
from imaging.surface.model import build_model
from imaging.types import silent

PRESET = PRESETS["aortic-root"]
TOP_MM = 36.0


def test_a_drawn_root_is_cut_flat_at_the_plane_of_its_hinge_points() -> None:
    """Voxels of 1.2 mm, 30 HU of noise, a chamber as bright beside it."""
    root = tilted_root(azimuth_deg=300.0)
    volume = root_volume(root, 1.2, 30.0, seed=82_101)
    end = root.center_mm + TOP_MM * root.axis
    points = {**{name: root.at(0.0, angle) for name, angle in LOBES.items()}, "root_end": tuple(end.tolist())}
    labels = PRESET.segment(volume, points, PRESET.parameters_type(), silent)
    k, j, i = np.indices(labels.array.shape)
    away = labels.grid.to_lps(np.stack([i, j, k], axis=-1)) - root.center_mm
    u, v = root.frame
    height, x, y = away @ root.axis, away @ u, away @ v
    lumen = np.hypot(x, y) < root.radius_mm(height, np.arctan2(y, x))
    values = {name: value for value, name in labels.names.items()}
    found = labels.array == values["aortic_root"]
    assert dice(found, lumen & (height >= 0.0) & (height <= TOP_MM)) >= 0.97
    # A fifth of a voxel of the wall all around.
    volume_ml = found.sum() * labels.grid.voxel_volume_ml
    assert volume_ml == pytest.approx(root.volume_ml(TOP_MM), rel=2.0 * 0.2 * 1.2 / root.junction_mm)
    # The other end is cut across the way, whose direction is told within 10 degrees.
    assert height[found].min() >= 0.0 and height[found].max() <= TOP_MM + root.ascending_mm * np.tan(np.deg2rad(10.0))
    below = labels.array == values["outflow_tract"]
    assert below.any() and height[below].min() >= -6.2 and height[below].max() < 0.0
    assert dice(below, lumen & (height < 0.0) & (height > -5.0)) >= 0.95

    model = build_model(labels, volume, PRESET.ends_at(points))
    inlet = next(patch for patch in model.patches if patch.kind == "inlet")
    start = np.asarray(model.extension_start_mm[inlet.id])
    assert abs((start - root.center_mm) @ root.axis) < 0.1, "cut in the plane itself"
    assert -np.asarray(inlet.normal) @ root.axis > np.cos(np.deg2rad(0.1))
    a, b = root.half_axes_mm
    assert inlet.area_mm2 == pytest.approx(np.pi * a * b, rel=0.06)  # an eighth of a voxel, and the rounded joint
    assert [patch.name for patch in model.patches] == ["wall", "aortic_valve", "ascending_aorta"]

    beside = {**points, "hinge_left": points["hinge_right"]}
    with pytest.raises(ImagingError, match="almost on a line"):
        PRESET.segment(volume, beside, PRESET.parameters_type(), silent)


def test_hinge_points_are_landmarks_and_make_only_what_rests_on_them_out_of_date() -> None:
    hinges = {name: Landmark(position_mm=(0.0, float(n), 0.0)) for n, name in enumerate(LOBES)}
    case = Case.model_construct(points={"root_end": (1.0, 2.0, 3.0)}, parameters={}, landmarks=hinges, records=())
    assert chosen_preset(case) is PRESET and set(points_of(case, PRESET)) == {*LOBES, "root_end"}
    before = case.input_digest("hinges")
    renal = placing("left_renal_ostium", (0.0, 0.0, 0.0)).apply(case)
    assert renal.input_digest("hinges") == before
    moved = placing("hinge_left", (0.0, 0.0, 1.0)).apply(case)
    assert moved.input_digest("hinges") != before and moved.input_digest("points") == case.input_digest("points")


def test_a_click_places_a_point_of_an_anatomy_where_its_name_is_like_a_landmarks() -> None:
    assert isinstance(placing_point("right_ostium", (0.0, 0.0, 0.0)), SetPoint)
    assert isinstance(placing_point("hinge_left", (0.0, 0.0, 0.0)), SetLandmarks)
    assert isinstance(placing_point("left_renal_ostium", (0.0, 0.0, 0.0)), SetLandmarks)
