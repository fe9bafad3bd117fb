"""Moving along a vessel in the window: pictures, plot and slices follow one another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_cases import make_case
from gui_driver import Driver
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage

from app.cli import main
from imaging.volume_io import read_volume

pytestmark = pytest.mark.gui


def test_all_views_of_a_vessel_follow_one_another(drive: Driver, new_folder: Callable[[str], Path]) -> None:
    window = drive.open_with_scene(make_case(new_folder("a") / "tube.case", upto="model"))
    quad = window.workspace.quad
    drive.until(window.actions_["layout.vessel"].isEnabled, "the vessels are known")
    window.actions_["layout.vessel"].trigger()
    guide = window.workspace.guide
    drive.until(lambda: guide.picture is not None, "the vessel is shown")
    assert guide.view.line.length_mm == pytest.approx(45.0, abs=0.01)  # 7.5 to 52.5: without flow extensions
    drive.click(guide.curved, guide.curved.to_screen(*guide.picture.place_of(36.0)))
    assert guide.along_mm == pytest.approx(36.0, abs=0.5)
    np.testing.assert_allclose(quad.position_mm, (10.0, 20.0, 7.5 + guide.along_mm), atol=1e-6)
    np.testing.assert_allclose(guide.cross.section.center_mm, quad.position_mm, atol=1e-6)
    assert guide.profile.area_mm2[30] == pytest.approx(144.0, rel=1e-6)  # a square of 12 mm
    quad.choose_position(np.array([12.0, 20.0, 20.0]))
    assert guide.along_mm == pytest.approx(12.5, abs=1e-6)
    assert guide.bar._cursors[0].value() == pytest.approx(12.5, abs=1e-6)
    assert tuple(quad.position_mm) == (12.0, 20.0, 20.0), "the crosshair stays where the user put it"
    drive.wheel(guide.cross, 1)
    np.testing.assert_allclose(quad.position_mm, (10.0, 20.0, 19.0), atol=1e-6)


def test_a_distance_is_clicked_dragged_and_undone(drive: Driver, new_folder: Callable[[str], Path]) -> None:
    window = drive.open_with_scan(make_case(new_folder("a") / "tube.case", upto="segment"))
    work, store = window.workspace, window.session.store
    axial = work.quad.slices["axial"]
    work.quad.choose_position(np.array([10.0, 20.0, 30.0]))
    window.actions_["measure.distance"].trigger()
    z = float(axial.to_lps(axial.to_screen((0.0, 20.0, 30.0)))[2])
    for x in (0.0, 12.0):
        drive.click(axial, axial.to_screen((x, 20.0, z)))
    drive.until(lambda: bool(work.measuring.rows), "the distance is in the table")
    pixel_mm = 1.5 / axial.px_per_mm  # of a click, at both ends
    assert work.measuring.rows[0]["length_mm"] == pytest.approx(12.0, abs=pixel_mm)
    end = axial.to_screen(store.case.measurements[0].points_mm[1])
    drive.drag(axial, end, axial.to_screen((20.0, 20.0, z)), Qt.MouseButton.LeftButton)
    drive.until(lambda: work.measuring.rows[0]["length_mm"] > 15.0, "the end was dragged")
    assert work.measuring.rows[0]["length_mm"] == pytest.approx(20.0, abs=2 * pixel_mm)
    assert store.history.undo_label == "Change Distance 1"
    window.actions_["edit.undo"].trigger()
    drive.until(lambda: work.measuring.rows[0]["length_mm"] < 15.0, "the drag is undone")
    work.measuring.add_volume("aorta")
    drive.until(lambda: len(work.measuring.rows) == 2, "the volume is in the table")
    assert work.measuring.rows[1]["volume_ml"] == pytest.approx(14 * 6 * 3 * 0.02)
    assert window.measurements.table.item(1, 2).text().startswith("5.04 mL, mean ")


def test_planes_are_turned_by_the_crosshair_and_thickened_by_keys(
    drive: Driver, new_folder: Callable[[str], Path]
) -> None:
    window = drive.open_with_scan(make_case(new_folder("a") / "tube.case"))
    quad = window.workspace.quad
    quad.choose_position(np.array([10.0, 20.0, 27.5]))
    axial, coronal = quad.slices["axial"], quad.slices["coronal"]
    window.actions_["view.oblique"].setChecked(True)
    drive.settle()
    center = axial.to_screen(quad.position_mm)
    handle = min((place for place, _ in axial.handles), key=lambda place: abs(place.y() - center.y()))
    to = center + QPointF(0.5 * (handle.x() - center.x()), (3**0.5 / 2) * (handle.x() - center.x()))  # 60 degrees on
    drive.drag(axial, handle, to, Qt.MouseButton.LeftButton)
    turned = np.degrees(np.arccos(abs(coronal.axes[2] @ (0.0, 1.0, 0.0))))
    assert turned == pytest.approx(60.0, abs=2.0)
    np.testing.assert_allclose(np.abs(axial.axes[2]), (0.0, 0.0, 1.0), atol=1e-12)
    np.testing.assert_allclose(coronal.to_lps(coronal.to_screen(quad.position_mm)), quad.position_mm, atol=1e-6)
    for _ in range(2):
        window.actions_["view.slab"].trigger()
    assert (quad.slab.mode, 2 * axial.half_thickness_mm) == ("MinIP", pytest.approx(10.0))
    window.actions_["view.oblique"].setChecked(False)
    assert axial.slice_index == 9 and not coronal.plane.is_oblique
    quad.detach("coronal")
    drive.settle()
    assert coronal.window() is not window
    coronal.window().close()
    drive.settle()
    assert coronal.window() is window and coronal.isVisible()


def test_the_scan_itself_is_drawn_cropped_and_cut(drive: Driver, new_folder: Callable[[str], Path]) -> None:
    """The blocks at the head and the left are drawn in red; less of them is seen when the upper half is left out, and
    the axial cut shows the one side or the other."""
    window = drive.open_with_scene(make_case(new_folder("a") / "tube.case"))
    view = window.workspace.scene.view
    window.actions_["view.planes"].setChecked(False)
    window.actions_["view.volume"].trigger()
    bar = window.volume_bar

    def n_red() -> int:
        drive.settle(0.3)
        drive.until(lambda: view.is_settled, "the 3D view is at rest")
        image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4).astype(int)
        return int(np.count_nonzero(pixels[..., 2] > pixels[..., 1] + 20))

    nothing = n_red()
    bar.preset.setCurrentIndex(1)
    drive.until(lambda: n_red() > nothing + 500, "the scan is drawn")
    whole = n_red()
    bar.sliders[5].setValue(100)  # nothing above the middle
    assert nothing < n_red() < 0.8 * whole
    bar.sliders[5].setValue(200)
    window.workspace.quad.choose_position(np.array([10.0, 20.0, 50.0]))
    bar.cut.setCurrentIndex(1)
    one_side = n_red()
    bar.flip.setChecked(True)
    other_side = n_red()
    assert other_side != one_side
    assert nothing < min(one_side, other_side) and max(one_side, other_side) < 0.8 * whole


def test_the_command_line_shows_and_measures_the_same(
    new_folder: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = new_folder("a")
    case = str(make_case(folder / "tube.case", upto="model"))

    def said(*words: str) -> Any:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    shown = said("cpr", case, "--vessel", "aorta", "--pixel", "0.5", "--out", str(folder / "a.png"))
    assert (shown["length_mm"], shown["pixel_mm"]) == (45.0, 0.5)
    assert shown["profile"][20]["area_mm2"] == pytest.approx(144.0)
    picture = QImage(str(folder / "a.png"))
    assert picture.height() == 91 and picture.dotsPerMeterY() == 2000
    said("cpr", case, "--vessel", "aorta", "--pixel", "1", "--half-width", "26", "--out", str(folder / "a.nrrd"))
    straight = read_volume(folder / "a.nrrd")
    assert straight.grid.size[2] == 46 and straight.grid.spacing_mm == (1.0, 1.0, 1.0)
    assert main(["cpr", case, "--vessel", "aotra", "--json"]) == 1
    assert "its vessels: aorta" in capsys.readouterr().err
    said("measure", case, "--add", "angle", "--points", "10,0,0", "0,0,0", "0,10,0")
    rows = said("measure", case, "--add", "volume", "--label", "left_subclavian", "--out", str(folder / "t.csv"))
    assert [row["name"] for row in rows] == ["Angle 1", "Volume of left_subclavian"]
    assert (rows[0]["angle_deg"], rows[1]["volume_ml"]) == (90.0, pytest.approx(5.04))
    assert len((folder / "t.csv").read_text().splitlines()) == 3
    assert [row["id"] for row in said("measure", case, "--remove", "m1")] == ["m2"]
