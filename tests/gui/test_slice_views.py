"""The slice views as a user meets them: painted pixels, mouse, keys."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from gui_cases import (
    BACKGROUND_HU,
    FRONT_MARK_HU,
    GRID,
    HEAD_MARK_HU,
    LEFT_MARK_HU,
    make_case,
    marked_volume,
    tube_labels,
)
from gui_driver import Driver
from PySide6.QtCore import QPointF, Qt

from app.desktop.views.quad_view import QuadView
from app.desktop.views.slice_view import SliceView
from app.desktop.views.window_level import Window, to_gray
from imaging.types import Grid, LabelMap, Volume

pytestmark = pytest.mark.gui
CENTER = np.array([10.0, 20.0, 30.0])


@pytest.fixture
def quad(drive: Driver) -> QuadView:
    quad = QuadView()
    quad.set_volume(marked_volume())
    quad.set_position(CENTER)
    quad.set_window(Window(400, 200))
    quad.set_shows(crosshair=False)
    drive.show(quad, 1000, 800)
    return quad


def gray_at(drive: Driver, view: SliceView, position: np.ndarray) -> int:
    return drive.color_at(view, view.to_screen(position)).red()


def test_a_window_maps_its_edges_to_black_and_white_and_its_level_to_the_middle() -> None:
    values = np.array([[-101, -100, 200, 499, 500, 501]], dtype=np.int16)
    gray = to_gray(values, Window(600, 200))
    np.testing.assert_array_equal(gray, [[0, 0, 127, 254, 255, 255]])
    np.testing.assert_array_equal(to_gray(values.astype(np.float32), Window(600, 200)), gray)
    assert gray.flags["C_CONTIGUOUS"] and gray.dtype == np.uint8


def test_left_is_painted_right_and_front_is_painted_up(drive: Driver, quad: QuadView) -> None:
    """The block at the patient's left is brighter; it must be on the right of axial and coronal views."""
    gray = {
        hu: int(to_gray(np.array([hu]), Window(400, 200))[0]) for hu in (BACKGROUND_HU, LEFT_MARK_HU, FRONT_MARK_HU)
    }
    head = int(to_gray(np.array([HEAD_MARK_HU]), Window(400, 200))[0])
    left, front, up = (32.0, 0, 0), (0, -25.0, 0), (0, 0, 42.0)
    for name, away, expected in (
        ("axial", left, gray[LEFT_MARK_HU]),
        ("axial", front, gray[FRONT_MARK_HU]),
        ("coronal", left, gray[LEFT_MARK_HU]),
        ("coronal", up, head),
        ("sagittal", front, gray[FRONT_MARK_HU]),
        ("sagittal", up, head),
    ):
        view = quad.slices[name]  # type: ignore[index]
        at = view.to_screen(CENTER + away)
        opposite = QPointF(view.width() - at.x(), view.height() - at.y())
        assert drive.color_at(view, at).red() == pytest.approx(expected, abs=2), (name, away)
        assert drive.color_at(view, opposite).red() == pytest.approx(gray[BACKGROUND_HU], abs=2), (name, away)
    axial, coronal, sagittal = (quad.slices[name] for name in ("axial", "coronal", "sagittal"))
    assert axial.to_screen(CENTER + left).x() > axial.width() / 2 > 0
    assert axial.to_screen(CENTER + front).y() < axial.height() / 2
    assert coronal.to_screen(CENTER + left).x() > coronal.width() / 2
    assert coronal.to_screen(CENTER + up).y() < coronal.height() / 2
    assert sagittal.to_screen(CENTER + front).x() < sagittal.width() / 2


def test_a_click_moves_the_crosshair_of_all_views_in_patient_coordinates(drive: Driver, quad: QuadView) -> None:
    wanted = np.array([-4.0, 30.0, 30.0])
    drive.click(quad.slices["axial"], quad.slices["axial"].to_screen(wanted))
    slice_height = GRID.to_lps((0, 0, quad.slices["axial"].slice_index))[2]
    px = 1.0 / quad.slices["axial"].px_per_mm
    np.testing.assert_allclose(quad.position_mm, (-4.0, 30.0, slice_height), atol=px)
    index = np.rint(GRID.to_index(quad.position_mm)).astype(int)
    assert quad.slices["sagittal"].slice_index == index[0]
    assert quad.slices["coronal"].slice_index == index[1]
    for view in quad.slices.values():
        np.testing.assert_allclose(view._position, quad.position_mm)


def test_voxels_are_drawn_to_scale_though_they_are_anisotropic(quad: QuadView) -> None:
    for view in quad.slices.values():
        origin = view.to_screen(CENTER)
        for axis in np.eye(3):
            moved = view.to_screen(CENTER + 10.0 * axis) - origin
            length = float(np.hypot(moved.x(), moved.y()))
            is_through = length < 1e-6
            assert is_through or length == pytest.approx(10.0 * view.px_per_mm, rel=1e-6)


def test_the_readout_is_the_array_the_label_and_the_position(drive: Driver, quad: QuadView) -> None:
    rng = np.random.default_rng(0)
    volume = Volume(rng.integers(-1000, 1000, GRID.array_shape, dtype=np.int16), GRID)
    labels = tube_labels()
    quad.set_volume(volume)
    quad.set_labels(labels)
    for view in quad.slices.values():
        for _ in range(5):
            at = QPointF(*rng.uniform((30, 30), (view.width() - 30, view.height() - 30)).round())
            drive.hover(view, at)
            position = view.to_lps(at)
            if not GRID.contains(position):
                assert view.readout == ""
                continue
            i, j, k = np.rint(GRID.to_index(position)).astype(int)
            first, second = view.readout.splitlines()
            label = labels.names.get(int(labels.array[k, j, i]), "")
            assert first == f"{volume.array[k, j, i]} HU" + (f"  {label}" if label else "")
            x, y, z = position
            assert second == f"L {x:.1f}  P {y:.1f}  H {z:.1f} mm"


def test_the_wheel_turns_one_slice_and_stops_at_the_ends(drive: Driver, quad: QuadView) -> None:
    axial = quad.slices["axial"]
    before = axial.slice_index
    drive.wheel(axial, 1)
    assert axial.slice_index == before + 1
    assert quad.position_mm[2] == pytest.approx(GRID.to_lps((0, 0, before + 1))[2])
    drive.wheel(axial, -3)
    assert axial.slice_index == before - 2
    drive.wheel(axial, 100)
    assert axial.slice_index == GRID.size[2] - 1


def test_control_and_wheel_zoom_about_the_cursor(drive: Driver, quad: QuadView) -> None:
    axial = quad.slices["axial"]
    at = QPointF(axial.rect().center())
    under, before = axial.to_lps(at), axial.px_per_mm
    drive.wheel(axial, 2, Qt.KeyboardModifier.ControlModifier)
    assert axial.px_per_mm == pytest.approx(before * 1.44, rel=1e-6)
    np.testing.assert_allclose(axial.to_lps(at), under, atol=1e-6)


def test_right_drag_widens_to_the_right_and_raises_upward(drive: Driver, quad: QuadView) -> None:
    before = quad.window_level
    drive.drag(quad.slices["coronal"], QPointF(100, 100), QPointF(160, 100), Qt.MouseButton.RightButton)
    wider = quad.window_level
    assert wider.width > before.width and wider.level == before.level
    drive.drag(quad.slices["coronal"], QPointF(100, 100), QPointF(100, 60), Qt.MouseButton.RightButton)
    assert quad.window_level.level > wider.level and quad.window_level.width == wider.width


def test_middle_drag_pans(drive: Driver, quad: QuadView) -> None:
    axial = quad.slices["axial"]
    before = axial.to_screen(CENTER)
    drive.drag(axial, QPointF(100, 100), QPointF(130, 85), Qt.MouseButton.MiddleButton)
    moved = axial.to_screen(CENTER) - before
    assert (moved.x(), moved.y()) == pytest.approx((30.0, -15.0), abs=1e-6)


def test_labels_lie_on_their_voxels(drive: Driver, quad: QuadView) -> None:
    """Just inside and just outside of each edge of the labelled box, in each view."""
    labels = tube_labels()
    quad.set_labels(labels)
    quad.set_label_look(1.0, frozenset())
    k, j, i = np.nonzero(labels.array)
    low = GRID.to_lps((i.min() - 0.5, j.min() - 0.5, k.min() - 0.5))
    high = GRID.to_lps((i.max() + 0.5, j.max() + 0.5, k.max() + 0.5))
    middle = (low + high) / 2.0
    quad.set_position(middle)
    for view in quad.slices.values():
        for axis in (a for a in range(3) if a != view.plane.through):  # type: ignore[union-attr]
            for edge, outward in ((low, -1.0), (high, 1.0)):
                for shift, is_colored in ((-0.6, True), (0.6, False)):
                    place = middle.copy()
                    place[axis] = edge[axis] + outward * shift
                    color = drive.color_at(view, view.to_screen(place))
                    assert (color.red() != color.blue()) == is_colored, (view.name, axis, outward, shift)


def test_hidden_and_switched_off_labels_are_not_painted(drive: Driver, quad: QuadView) -> None:
    quad.set_labels(tube_labels())
    quad.set_label_look(1.0, frozenset())
    axial = quad.slices["axial"]
    aside = np.array([3.0, 0.0, 0.0])
    first, second = CENTER - aside, CENTER + aside

    def is_colored(place: np.ndarray) -> bool:
        color = drive.color_at(axial, axial.to_screen(place))
        return color.red() != color.blue()

    assert is_colored(first) and is_colored(second)
    quad.set_label_look(1.0, frozenset({2}))
    assert is_colored(first) and not is_colored(second)
    quad.set_shows(labels=False)
    assert not is_colored(first)


def test_labels_of_another_scan_are_not_shown_over_this_one(drive: Driver, quad: QuadView) -> None:
    elsewhere = Grid(GRID.size, GRID.spacing_mm, (0.0, 0.0, 0.0))
    smaller = Grid((10, 10, 10), GRID.spacing_mm, GRID.origin_mm)
    for grid in (elsewhere, smaller):
        quad.set_labels(LabelMap(np.ones(grid.array_shape, dtype=np.uint8), grid, {1: "aorta"}))
        for view in quad.slices.values():
            color = drive.color_at(view, view.to_screen(CENTER))
            assert color.red() == color.blue()
    quad.set_volume(marked_volume(smaller))  # now they are those of the scan
    axial = quad.slices["axial"]
    color = drive.color_at(axial, axial.to_screen(quad.position_mm))
    assert color.red() != color.blue()


def test_double_click_maximizes_and_restores(drive: Driver, quad: QuadView) -> None:
    drive.double_click(quad.slices["sagittal"])
    assert [name for name, view in quad.slices.items() if view.isVisible()] == ["sagittal"]
    assert quad.layout_name == "sagittal"
    drive.double_click(quad.slices["sagittal"])
    assert quad.layout_name == "four" and all(view.isVisible() for view in quad.slices.values())


@pytest.mark.parametrize(
    ("key", "window"),
    [
        (Qt.Key.Key_1, Window(600, 200)),
        (Qt.Key.Key_2, Window(400, 40)),
        (Qt.Key.Key_3, Window(2000, 500)),
        (Qt.Key.Key_4, Window(1500, -600)),
        (Qt.Key.Key_5, Window(350, 50)),
    ],
)
def test_number_keys_set_the_window_that_is_painted(drive: Driver, tmp_path: Path, key: Qt.Key, window: Window) -> None:
    opened = drive.open_with_scan(make_case(tmp_path / "a.case"))
    quad = opened.workspace.quad
    quad.set_shows(crosshair=False)
    drive.key(opened, key)
    assert quad.window_level == window
    axial = quad.slices["axial"]
    place = CENTER + np.array([32.0, 0.0, 0.0])
    expected = int(to_gray(np.array([LEFT_MARK_HU]), window)[0])
    assert gray_at(drive, axial, place) == pytest.approx(expected, abs=2)
    drive.key(opened, Qt.Key.Key_0)
    assert quad.window_level == Window(600, 200)
    drive.key(opened, Qt.Key.Key_6)
    assert quad.window_level.level == pytest.approx(250, abs=60)


def test_scrolling_is_quicker_than_the_budget(drive: Driver) -> None:
    """33 ms a slice is what the budget allows; the median of 30 slices of a 512 x 512 scan must stay below."""
    quad = QuadView()
    grid = Grid((512, 512, 60), (0.7, 0.7, 1.0), (0.0, 0.0, 0.0))
    rng = np.random.default_rng(0)
    quad.set_volume(Volume(rng.integers(-1000, 1000, grid.array_shape, dtype=np.int16), grid))
    drive.show(quad, 1200, 900)
    spent = []
    for n in range(30):
        began = time.perf_counter()
        quad.slices["axial"].scroll_slices(1 if n % 2 else -1)
        drive.application.processEvents()
        spent.append(time.perf_counter() - began)
    assert np.median(spent) < 0.033, f"{1000 * np.median(spent):.0f} ms"
