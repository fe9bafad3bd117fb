"""Oblique and thick slices show the values of the patient's places."""

from __future__ import annotations

import numpy as np
import pytest

from app.desktop.views.oblique_plane import ObliquePlane, Reslicers
from app.desktop.views.slice_plane import PLANE_NAMES, SlicePlane
from imaging.reformat.oblique import Reslicer
from imaging.reformat.sampling import sampled
from imaging.reformat.slab import Slab
from imaging.types import Grid, Volume

TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
GRID = Grid((40, 34, 30), (0.7, 0.9, 1.3), (5.0, -20.0, 100.0), tuple(TURN.ravel().tolist()))
TILT = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(0.5), -np.sin(0.5)], [0.0, np.sin(0.5), np.cos(0.5)]]) @ TURN


@pytest.fixture(scope="module")
def noise() -> Volume:
    rng = np.random.default_rng(2)
    return Volume(rng.integers(-900, 900, GRID.array_shape).astype(np.int16), GRID)


@pytest.mark.parametrize("mode", ["thin", "MIP", "MinIP", "mean"])
def test_an_oblique_slab_is_made_of_the_values_at_its_places(noise: Volume, mode: str) -> None:
    right, down, through = TILT.T
    corner = GRID.to_lps((19.5, 16.5, 14.5)) - 4.0 * right - 3.0 * down
    slab = Slab(mode, 2.5)  # type: ignore[arg-type]
    got = Reslicer(noise.array, GRID).plane(corner, (right, down, through), 0.5, (12, 16), slab)
    x, y = np.arange(16) * 0.5, np.arange(12) * 0.5
    places = corner + x[None, :, None] * right + y[:, None, None] * down
    n = slab.n_slices(0.5)
    assert n == (1 if mode == "thin" else 5)
    layers = np.stack([sampled(noise, places + m * 0.5 * through) for m in range(-(n // 2), n // 2 + 1)])
    wanted = {"thin": layers[0], "MIP": layers.max(0), "MinIP": layers.min(0), "mean": layers.mean(0)}[mode]
    np.testing.assert_allclose(got, wanted, atol=1.0)  # rounded to whole HU, layer by layer


def test_an_orthogonal_slab_takes_the_slices_within_its_thickness(noise: Volume) -> None:
    plane = SlicePlane.of("axial", GRID)
    assert Slab("MIP", 4.0).n_slices(1.3) == 3
    mip = plane.image(noise.array, 10, Slab("MIP", 4.0))
    np.testing.assert_array_equal(mip, plane.image(noise.array[9:12].max(axis=0)[None].repeat(30, 0), 10))
    mean = plane.image(noise.array, 0, Slab("mean", 4.0))
    np.testing.assert_allclose(mean, plane.image(noise.array[0:2].mean(axis=0)[None].repeat(30, 0), 0), atol=1e-3)


def test_an_oblique_plane_that_is_not_turned_shows_what_the_orthogonal_one_shows(noise: Volume) -> None:
    reslicers = Reslicers()
    position = GRID.to_lps((22.0, 15.0, 12.0))
    for name in PLANE_NAMES:
        straight = SlicePlane.of(name, GRID)
        oblique = ObliquePlane.of(straight, reslicers)
        at = oblique.slice_index(position)
        image = oblique.image(noise.array, at)
        for offset in ((0.0, 0.0, 0.0), (3.0, 2.0, -4.0)):
            place = GRID.to_lps(GRID.to_index(position) + np.array(offset))
            place = place - oblique.depth_mm(place, at) * oblique.axes[2]
            column, row = (oblique.to_screen_mm(place) / oblique.step_mm - 0.5).tolist()
            if abs(column - round(column)) < 1e-6 and abs(row - round(row)) < 1e-6:
                assert image[round(row), round(column)] == pytest.approx(float(sampled(noise, place)), abs=1.0)
            np.testing.assert_allclose(oblique.to_lps(*oblique.to_screen_mm(place), at), place, atol=1e-9)
        assert oblique.letters == straight.letters
        moved = oblique.stepped(position, 2)
        assert (moved - position) @ (straight.stepped(position, 2) - position) > 0.0, "both scroll the same way"


def test_turning_planes_keeps_them_at_right_angles_and_the_turned_view_still(noise: Volume) -> None:
    reslicers = Reslicers()
    planes = {name: ObliquePlane.of(SlicePlane.of(name, GRID), reslicers) for name in PLANE_NAMES}
    turned = ObliquePlane.turned(planes, "axial", 30.0)
    turned = ObliquePlane.turned(turned, "coronal", -20.0)
    normals = [turned[name].axes[2] for name in PLANE_NAMES]
    np.testing.assert_allclose(np.abs(np.array(normals) @ np.array(normals).T), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(turned["coronal"].axes[0], ObliquePlane.turned(planes, "axial", 30.0)["coronal"].axes[0])
    angle = np.degrees(np.arccos(abs(normals[0] @ planes["axial"].axes[2])))
    assert angle == pytest.approx(20.0)
