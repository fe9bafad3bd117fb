"""Left and right, up and down, and positions in mm, for any grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from app.desktop.views.slice_plane import PLANE_NAMES, PlaneName, SlicePlane
from imaging.types import Grid

LETTERS = {"axial": ("R", "A", "L", "P"), "sagittal": ("A", "H", "P", "F"), "coronal": ("R", "H", "L", "F")}
# Where on the screen a place at the patient's left, back and head lies: (to the right, downward).
TO_THE = {
    "axial": {"left": (1, 0), "back": (0, 1)},
    "sagittal": {"back": (1, 0), "head": (0, -1)},
    "coronal": {"left": (1, 0), "head": (0, -1)},
}
DIRECTIONS = {"left": (1.0, 0.0, 0.0), "back": (0.0, 1.0, 0.0), "head": (0.0, 0.0, 1.0)}
STORAGE = {
    "as LPS": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "as RAS": (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    "feet to head reversed": (1, 0, 0, 0, -1, 0, 0, 0, -1),
    "sagittal acquisition": (0, 0, 1, 1, 0, 0, 0, -1, 0),
    "coronal acquisition": (1, 0, 0, 0, 0, 1, 0, -1, 0),
}


def grid_of(direction: tuple[float, ...]) -> Grid:
    return Grid((7, 8, 9), (0.8, 1.3, 2.5), (-20.0, 35.0, 400.0), direction)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("name", PLANE_NAMES)
def test_letters_follow_radiological_convention_however_the_scan_is_stored(name: PlaneName, storage: str) -> None:
    assert SlicePlane.of(name, grid_of(STORAGE[storage])).letters == LETTERS[name]


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("name", PLANE_NAMES)
def test_a_place_lies_on_its_side_of_the_screen(name: PlaneName, storage: str) -> None:
    grid = grid_of(STORAGE[storage])
    plane = SlicePlane.of(name, grid)
    center = grid.to_lps((np.asarray(grid.size) - 1) / 2.0)
    for where, (right, down) in TO_THE[name].items():
        moved = plane.to_screen_mm(center + 2.0 * np.asarray(DIRECTIONS[where])) - plane.to_screen_mm(center)
        np.testing.assert_allclose(moved, (2.0 * right, 2.0 * down), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    turn_deg=st.floats(0.0, 40.0),
    storage=st.sampled_from(sorted(STORAGE)),
    name=st.sampled_from(PLANE_NAMES),
)
def test_each_pixel_shows_the_voxel_at_its_position(seed: int, turn_deg: float, storage: str, name: PlaneName) -> None:
    """Also in oblique grids: what is drawn at a place of the screen is the voxel whose center has that position."""
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(np.radians(turn_deg) * rng.normal(size=3) / 2.0).as_matrix()
    grid = grid_of(tuple((turn @ np.reshape(STORAGE[storage], (3, 3))).ravel()))
    array = rng.integers(-1000, 3000, grid.array_shape)
    plane = SlicePlane.of(name, grid)
    index = int(rng.integers(plane.n_slices))
    image = plane.image(array, index)
    width, height = plane.extent_mm
    rows, columns = image.shape
    for row, column in rng.integers((rows, columns), size=(5, 2)):
        position = plane.to_lps((column + 0.5) * width / columns, (row + 0.5) * height / rows, index)
        i, j, k = np.rint(grid.to_index(position)).astype(int)
        assert image[row, column] == array[k, j, i]
        assert plane.slice_index(position) == index
        np.testing.assert_allclose(
            plane.to_screen_mm(position), ((column + 0.5) * width / columns, (row + 0.5) * height / rows), atol=1e-9
        )


def test_an_oblique_scan_says_so_in_its_letters() -> None:
    turn = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    left, top, right, bottom = SlicePlane.of("axial", grid_of(tuple(turn.ravel()))).letters
    assert (left, top, right, bottom) == ("RA", "AL", "LP", "PR")


@pytest.mark.parametrize("storage", STORAGE)
def test_scrolling_up_goes_to_the_head_to_the_left_and_to_the_front(storage: str) -> None:
    grid = grid_of(STORAGE[storage])
    for name, direction in (("axial", (0, 0, 1)), ("sagittal", (1, 0, 0)), ("coronal", (0, -1, 0))):
        plane = SlicePlane.of(name, grid)  # type: ignore[arg-type]
        index = np.array(grid.size) // 2
        before = grid.to_lps(index)
        index[plane.through] += plane.scroll_sign
        assert (grid.to_lps(index) - before) @ direction > 0.5
