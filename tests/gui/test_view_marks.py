"""What is written over the views can be read: names keep off letters, scale bar and each other. And what is shown at
first is worth seeing."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from gui_cases import GRID, make_case, marked_volume, tube_labels
from gui_driver import Driver
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainter, QPixmap

from app.desktop.shell import MainWindow
from app.desktop.views.quad_view import QuadView
from app.desktop.views.slice_marks import name_place
from app.desktop.views.slice_view import SliceView
from app.desktop.views.widest_place import widest_place
from imaging.types import LabelMap

PLACES = st.floats(0.0, 1.0)


@given(x=PLACES, y=PLACES)
@example(x=0.9793429601252792, y=1.0)
def test_a_name_is_inside_the_view_and_off_what_is_there(x: float, y: float) -> None:
    area, size = QRectF(0, 0, 220, 260), QSizeF(80, 16)
    taken = [QRectF(100, 234, 20, 20), QRectF(140, 234, 72, 20), QRectF(196, 120, 20, 20)]
    at = QPointF(12 + x * 196, 12 + y * 236)
    place = name_place(at, size, area, taken)
    assert area.contains(place)
    assert not any(place.intersects(other) for other in taken)


@pytest.mark.gui
@pytest.mark.parametrize(("width", "height"), [(176, 240), (220, 265), (350, 360), (640, 480)])
def test_readout_scale_bar_and_letters_do_not_lie_on_each_other(drive: Driver, width: int, height: int) -> None:
    view = SliceView("sagittal")
    view.set_volume(marked_volume())
    view.set_position(GRID.to_lps((20, 15, 10)))
    drive.show(view, width, height)
    drive.hover(view, QPointF(width * 0.55, height * 0.5))
    assert "HU" in view.readout
    picture = QPixmap(view.size())
    painter = QPainter(picture)
    painter.setFont(view.font())
    _, _, readout, bar, left, top, right, bottom = view._draw_corners(painter, QRectF(view.rect()))
    painter.end()
    area = QRectF(view.rect())
    for first, second in combinations((readout, bar, left, right, bottom), 2):
        assert not first.intersects(second), (first, second)
    assert all(area.contains(part) for part in (readout, bar, left, top, right, bottom))


def test_the_widest_place_is_in_the_middle_of_the_wider_vessel() -> None:
    array = np.zeros(GRID.array_shape, dtype=np.uint8)
    array[4:9, 3:7, 3:7] = 1
    array[6, 12:23, 20:31] = 2
    place = widest_place(LabelMap(array, GRID, {1: "a", 2: "b"}))
    np.testing.assert_allclose(place, GRID.to_lps((25, 17, 6)))
    assert widest_place(LabelMap(np.zeros_like(array), GRID, {})) is None


def label_under_crosshair(quad: QuadView) -> int:
    labels = tube_labels()
    i, j, k = np.rint(labels.grid.to_index(quad.position_mm)).astype(int)
    return int(labels.array[k, j, i])


def open_finished(drive: Driver, folder: Path) -> MainWindow:
    window = drive.open_with_scan(folder)
    drive.until(lambda: window.session.data.labels is not None, "the labels are there")
    drive.settle(0.2)
    return window


@pytest.mark.gui
def test_a_case_opens_where_the_vessel_is_and_from_where_an_arch_lies_open(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="results"))
    quad = window.workspace.quad
    drive.until(lambda: label_under_crosshair(quad) > 0, "the crosshair is in the vessel")
    drive.until(lambda: "LAO 60°" in window.workspace.scene.view.camera.angles_text, "it is seen obliquely")
    before = quad.position_mm.copy()
    for step_id in ("model", "mesh", "results"):
        window.workspace.go_to(step_id)
        drive.settle(0.05)
        np.testing.assert_array_equal(quad.position_mm, before)


@pytest.mark.gui
def test_a_place_that_the_user_chose_is_kept_when_labels_come(drive: Driver, tmp_path: Path) -> None:
    window = open_finished(drive, make_case(tmp_path / "a.case", upto="segment"))
    quad = window.workspace.quad
    axial = quad.slices["axial"]
    drive.click(axial, axial.to_screen((-15.0, 5.0, quad.position_mm[2])))
    chosen = quad.position_mm.copy()
    quad.suggest_position((10.0, 20.0, 30.0))
    np.testing.assert_array_equal(quad.position_mm, chosen)
    window.close_case()
    quad.suggest_position((10.0, 20.0, 30.0))  # another case begins anew
    np.testing.assert_array_equal(quad.position_mm, (10.0, 20.0, 30.0))
