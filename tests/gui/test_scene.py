"""The 3D view: where things lie, which colors they have, what a click reads, which instant is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gui_cases import EXTENSION_START, N_FRAMES, PATCHES, PERIOD_S, make_case, tube_mesh, tube_result
from gui_driver import Driver
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.desktop import theme
from app.desktop.panels.results_panel import ResultsPanel
from app.desktop.scene.anatomy_layers import is_extension
from app.desktop.scene.color_scale import ColorScale, color_table, ticks_of
from app.desktop.scene.mesh_cut import cut_mesh
from app.desktop.scene.result_look import ResultColors, ResultLook, changed_look
from app.desktop.shell import MainWindow
from app.desktop.views.camera import Camera
from app.desktop.views.scene_view import SceneView

CENTER = np.array([10.0, 20.0, 30.0])


# Without a window -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "right", "up"),
    [
        ("A", "left", "head"),
        ("P", "-left", "head"),
        ("L", "back", "head"),
        ("R", "-back", "head"),
        ("S", "-left", "-back"),
        ("I", "left", "-back"),
    ],
)
def test_standard_views_show_the_patient_the_right_way_round(letter: str, right: str, up: str) -> None:
    axes = {"left": (1, 0, 0), "back": (0, 1, 0), "head": (0, 0, 1)}
    axes |= {f"-{name}": tuple(-np.array(axis)) for name, axis in axes.items()}
    camera = Camera().looking_from(letter)
    np.testing.assert_allclose(camera.right, axes[right], atol=1e-12)
    np.testing.assert_allclose(camera.up, axes[up], atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(drags=st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=8))
def test_however_it_is_turned_the_camera_keeps_a_right_handed_screen(drags: list[tuple[float, float]]) -> None:
    camera = Camera()
    for right, down in drags:
        camera = camera.rotated(right, down)
    frame = np.array([camera.right, camera.up, camera.toward])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(frame) == pytest.approx(1.0)


def test_a_drag_to_the_right_shows_the_right_side_of_the_patient() -> None:
    """As if the patient were turned by hand: seen from the front, the near side follows the mouse."""
    camera = Camera().rotated(100.0, 0.0)
    near = np.array([0.0, -1.0, 0.0])
    assert camera.to_screen(near, 100, 100)[0] > 50.0
    assert Camera().rotated(0.0, 100.0).to_screen(near, 100, 100)[1] > 50.0
    assert "RAO" in camera.angles_text and "LAO 90" in Camera().looking_from("L").angles_text


def test_the_range_is_fixed_over_the_cycle_and_its_top_is_stated() -> None:
    values = np.concatenate([np.linspace(0.0, 10.0, 1000), [5000.0]])
    scale = ColorScale.of("Wall shear stress", "Pa", values)
    assert scale.low == 0.0 and scale.high == pytest.approx(9.9, abs=0.1)
    assert "99th percentile" in scale.note and "maximum 5e+03 Pa" in scale.note
    table = color_table("viridis")
    np.testing.assert_array_equal(scale.rgb(np.array([-1.0, 0.0, 5000.0])), table[[0, 0, -1]])
    pressure = ColorScale.of("Pressure", "mmHg", np.linspace(80.0, 120.0, 1000))
    assert pressure.low == pytest.approx(80.4, abs=0.1) and pressure.high == pytest.approx(119.6, abs=0.1)


@pytest.mark.parametrize("name", ["viridis", "plasma"])
def test_color_maps_grow_evenly_lighter(name: str) -> None:
    """What tells values apart for a color-blind reader: luminance rises all along the map."""
    luminance = color_table(name).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -0.8).all() and luminance[-1] - luminance[0] > 100
    assert np.polyfit(np.arange(256), luminance, 1)[0] == pytest.approx((luminance[-1] - luminance[0]) / 255, rel=0.25)


@given(low=st.floats(-1e3, 1e3), span=st.floats(1e-3, 1e4))
def test_ticks_are_round_and_within_the_range(low: float, span: float) -> None:
    ticks = ticks_of(low, low + span)
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_extensions_are_gray_and_do_not_widen_the_range() -> None:
    colors = ResultColors(tube_result())
    look = colors.first_look
    gray = [QColor(theme.EXTENSION).red(), QColor(theme.EXTENSION).green(), QColor(theme.EXTENSION).blue()]
    rgb = colors.wall_rgb(look)
    assert (rgb[~colors.result.wall_is_anatomy] == gray).all()
    assert not (rgb[colors.result.wall_is_anatomy] == gray).all(axis=1).any()
    assert colors.scale(look).high < N_FRAMES + 1
    outside = int(np.flatnonzero(~colors.result.wall_is_anatomy)[0])
    assert colors.read(look, outside) == "Flow extension: not part of the patient"


def test_places_beyond_the_start_of_an_extension_belong_to_it() -> None:
    places = np.array([(10.0, 20.0, z) for z in (-1.0, 5.0, 7.0, 30.0, 53.0, 55.0)] + [(60.0, 20.0, 5.0)])
    found = is_extension(places, PATCHES, EXTENSION_START)
    assert found.tolist() == [True, True, False, False, False, True, False]


def test_the_cycle_repeats() -> None:
    assert changed_look(ResultLook("wss"), {"frame": N_FRAMES + 2}, N_FRAMES).frame == 2
    assert changed_look(ResultLook("wss", 3), {"field_id": "osi"}, N_FRAMES) == ResultLook("osi", 3)


def test_a_cut_mesh_is_closed_again_by_the_faces_that_it_lays_open() -> None:
    mesh = tube_mesh()
    cut = cut_mesh(mesh, (10.0, 20.0, 30.0), (0.0, -1.0, 0.0))
    behind = mesh.points[mesh.tets].mean(axis=1)[:, 1] >= 20.0
    shell = np.concatenate([mesh.facets[cut.facet_is_kept], cut.triangles])
    edges = np.sort(np.concatenate([shell[:, [0, 1]], shell[:, [1, 2]], shell[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts % 2 == 0).all() and len(cut.triangles)
    corner = mesh.points[shell]
    center = mesh.points.mean(axis=0)
    volume = np.linalg.det(corner - center).sum() / 6.0
    kept = np.linalg.det(mesh.points[mesh.tets[behind][:, 1:]] - mesh.points[mesh.tets[behind][:, :1]]).sum() / 6.0
    assert volume == pytest.approx(kept)
    assert set(cut.layer.tolist()) == {0, 1}


# In the window --------------------------------------------------------------------------------------------------------


@pytest.fixture
def results(drive: Driver, tmp_path: Path) -> MainWindow:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="results"))
    window.workspace.go_to("results")
    drive.until(lambda: window.workspace.scene.colors is not None, "the result is there")
    window.workspace.quad.set_layout("only_scene")
    drive.until(lambda: panel_of(window).result is not None, "the result can be looked at")
    drive.until(lambda: view_of(window).is_settled, "the 3D view is at rest")
    view_of(window).look_from("A")
    drive.until(lambda: view_of(window).is_settled, "the 3D view is at rest")
    return window


def view_of(window: MainWindow) -> SceneView:
    view: SceneView = window.workspace.scene.view
    return view


def panel_of(window: MainWindow) -> ResultsPanel:
    panel = window.workspace.panels["results"]
    assert isinstance(panel, ResultsPanel)
    return panel


def settle_scene(drive: Driver, window: MainWindow) -> None:
    drive.settle(0.05)
    drive.until(lambda: view_of(window).is_settled, "the 3D view is at rest")


@pytest.mark.gui
def test_the_wall_is_painted_in_the_colors_of_its_values(drive: Driver, results: MainWindow) -> None:
    """Seen from the front, the head end of the tube has the higher value; shading keeps the hue."""
    view, colors = view_of(results), results.workspace.scene.colors
    panel_of(results).set_time(3 * PERIOD_S / N_FRAMES)
    settle_scene(drive, results)
    for height in (15.0, 45.0):
        painted = drive.color_at(view, view.to_screen((10.0, 14.0, height)))
        expected = QColor(
            *[int(c) for c in colors.scale(results.workspace.scene.look).rgb(np.array([3 + height / 100]))[0]]
        )
        assert painted.hue() == pytest.approx(expected.hue(), abs=12)
    gray = drive.color_at(view, view.to_screen((10.0, 14.0, 0.6)))
    assert gray.saturation() < 40


@pytest.mark.gui
def test_the_slider_chooses_the_frame_nearest_in_time(drive: Driver, results: MainWindow) -> None:
    panel, scene = panel_of(results), results.workspace.scene
    for frame in (0, 3, N_FRAMES - 1):
        panel.set_time(frame * PERIOD_S / N_FRAMES + 0.01)
        assert scene.look.frame == frame == panel.slider.value()
        assert f"{frame * PERIOD_S / N_FRAMES:.3f} s of 0.800 s" in panel.instant.text()
        assert panel._cursor.value() == pytest.approx(frame * PERIOD_S / N_FRAMES)
    drive.key(results, Qt.Key.Key_Period)
    assert scene.look.frame == 0
    drive.key(results, Qt.Key.Key_Comma)
    assert scene.look.frame == N_FRAMES - 1


@pytest.mark.gui
def test_space_plays_and_pauses_the_beat(drive: Driver, results: MainWindow) -> None:
    scene = results.workspace.scene
    seen: set[int] = set()
    drive.key(results, Qt.Key.Key_Space)

    def all_frames() -> bool:
        seen.add(scene.look.frame)
        return seen == set(range(N_FRAMES))

    drive.until(all_frames, "every frame was shown")
    drive.key(results, Qt.Key.Key_Space)
    frame = scene.look.frame
    drive.settle(0.4)
    assert scene.look.frame == frame


@pytest.mark.gui
def test_a_click_reads_the_value_with_its_unit_and_moves_the_crosshair(drive: Driver, results: MainWindow) -> None:
    panel_of(results).set_time(2 * PERIOD_S / N_FRAMES)
    settle_scene(drive, results)
    view = view_of(results)
    drive.click(view, view.to_screen((10.0, 14.0, 30.0)))
    drive.until(lambda: bool(view.readout), "the value is read")
    assert view.readout.startswith("Wall shear stress: 2.") and view.readout.endswith("Pa at 0.200 s")
    assert float(view.readout.split()[3]) == pytest.approx(2.30, abs=0.07)
    quad = results.workspace.quad
    np.testing.assert_allclose(
        quad.position_mm, (10.0, 14.0, 30.0), atol=2.0 / view.camera.px_per_mm(view.height()) + 0.5
    )


@pytest.mark.gui
def test_a_click_through_the_open_near_wall_reads_the_far_one(drive: Driver, results: MainWindow) -> None:
    panel_of(results).streamlines.setChecked(True)
    settle_scene(drive, results)
    view = view_of(results)
    drive.click(view, view.to_screen((13.0, 14.0, 30.0)))
    drive.until(lambda: bool(view.readout), "the value is read")
    assert results.workspace.quad.position_mm[1] == pytest.approx(26.0, abs=0.01)


@pytest.mark.gui
def test_another_quantity_has_its_own_range_and_says_that_it_is_one_value(drive: Driver, results: MainWindow) -> None:
    panel, scene = panel_of(results), results.workspace.scene
    assert panel.quantity.itemText(0) == "Wall shear stress [Pa]"
    panel.quantity.setCurrentIndex(1)
    assert scene.look.field_id == "osi" and "One value for the whole beat" in panel.definition.text()
    assert scene.colors.scale(scene.look).unit == ""


@pytest.mark.gui
def test_streamlines_are_shown_in_the_vessel_laid_open(drive: Driver, results: MainWindow) -> None:
    view = view_of(results)
    before = drive.color_at(view, view.to_screen(CENTER))
    panel_of(results).streamlines.setChecked(True)
    settle_scene(drive, results)
    after = drive.color_at(view, view.to_screen(CENTER))
    assert results.workspace.scene.look.streamlines and before != after


@pytest.mark.gui
def test_keys_turn_the_view_and_names_stand_at_the_openings(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="model"))
    window.workspace.go_to("model")
    settle_scene(drive, window)
    view = view_of(window)
    drive.key(window, Qt.Key.Key_A)
    left, right = view.to_screen(CENTER + np.array([5.0, 0, 0])), view.to_screen(CENTER - np.array([5.0, 0, 0]))
    assert left.x() > right.x()
    drive.key(window, Qt.Key.Key_P)
    assert view.to_screen(CENTER + np.array([5.0, 0, 0])).x() < view.to_screen(CENTER - np.array([5.0, 0, 0])).x()
    captions = [caption.text for group in view._captions.values() for caption in group]
    assert captions == ["ascending (inlet)", "descending (outlet)"]
    drive.key(window, Qt.Key.Key_N)
    assert not any(view._captions.values())


@pytest.mark.gui
@pytest.mark.parametrize("step_id", ["import", "segment", "model", "results"])
def test_each_step_shows_its_scene_whole(drive: Driver, tmp_path: Path, step_id: str) -> None:
    """However the data come in: nothing is cut off, and it fills at least half of the view."""
    window = drive.open_with_scan(make_case(tmp_path / "a.case", upto="results"))
    window.workspace.go_to(step_id)
    drive.until(lambda: window.workspace.scene is not None, "the 3D view is there")
    view = view_of(window)
    drive.settle(0.5)
    settle_scene(drive, window)
    grid = window.workspace.quad.volume.grid  # type: ignore[union-attr]
    low, high = (4.0, 14.0, 0.0), (16.0, 26.0, 60.0)
    if step_id in ("import", "segment"):
        index = ((0, 0, 0), grid.size) if step_id == "import" else ((17, 12, 3), (22, 17, 16))
        low, high = (tuple(grid.to_lps(corner)) for corner in index)
    box = np.array([low, high])
    center = box.mean(axis=0)
    reach = view.camera.to_screen(center, view.width(), view.height())
    assert np.hypot(reach[0] - view.width() / 2, reach[1] - view.height() / 2) < 0.1 * view.height()
    half = float(np.abs((box[1] - center) @ np.abs(view.camera.up))) + float(
        np.abs((box[1] - center) @ np.abs(view.camera.right))
    )
    assert 0.3 * half < view.camera.half_height_mm < 3.0 * half


@pytest.mark.gui
def test_a_mesh_laid_open_is_seen_from_the_front_without_names_of_what_is_cut_away(
    drive: Driver, tmp_path: Path
) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="mesh"))
    window.workspace.go_to("mesh")
    view = view_of(window)
    drive.until(lambda: window.session.data.mesh is not None, "the mesh is there")  # type: ignore[union-attr]
    window.workspace.quad.choose_position((10.0, 22.0, 30.0))  # behind both openings
    window.workspace.panels["mesh"].cut.setChecked(True)  # type: ignore[attr-defined]
    assert view.camera.angles_text == "LAO 0°  CRA 0°" and not view._captions["anatomy"]
    window.workspace.panels["mesh"].cut.setChecked(False)  # type: ignore[attr-defined]
    assert len(view._captions["anatomy"]) == 2


@pytest.mark.gui
def test_the_inlet_is_painted_in_its_own_color_at_its_place(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_case(tmp_path / "a.case", upto="mesh"))
    window.workspace.go_to("mesh")
    view = view_of(window)
    window.workspace.quad.set_layout("only_scene")
    drive.key(window, Qt.Key.Key_I)
    window.workspace.scene.fit()
    settle_scene(drive, window)
    area = [drive.color_at(view, view.to_screen((10.0 + dx, 20.0 + dy, 0.0))) for dx in (-3, 3) for dy in (-3, 3)]
    expected = QColor(theme.CATEGORIES[0])
    assert sum(abs(color.hue() - expected.hue()) < 12 for color in area) >= 3
    drive.key(window, Qt.Key.Key_S)
    settle_scene(drive, window)
    seen = drive.color_at(view, view.to_screen((12.5, 22.5, 60.0)))
    assert abs(seen.hue() - QColor(theme.CATEGORIES[1]).hue()) < 12


@pytest.mark.gui
def test_the_view_turns_by_left_drag_and_keeps_its_scale(drive: Driver, results: MainWindow) -> None:
    view = view_of(results)
    before = view.camera
    drive.drag(view, QPointF(200, 200), QPointF(260, 200), Qt.MouseButton.LeftButton)
    assert view.camera.half_height_mm == before.half_height_mm
    assert float(view.camera.toward @ before.toward) < 0.99
    drive.wheel(view, 1)
    assert view.camera.half_height_mm == pytest.approx(before.half_height_mm / 1.15)
