"""Landmarks and names in the window: placed, proposed, dragged, undone; typed names reach mesh and outlets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gui_cases import make_branched_case, make_case
from gui_driver import Driver
from PySide6.QtCore import Qt

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.cli import main
from app.desktop.panels.named_panel import NamedVesselsPanel
from app.desktop.panels.segment_panel import SegmentPanel
from app.workflow.vessel_names import rename, with_typed_names
from imaging.anatomy.vessel_names import names_in, plain_name, suggested_names
from imaging.errors import ImagingError
from imaging.meshing.mesh_io import read_mesh
from imaging.surface.surface_io import read_model

pytestmark = pytest.mark.gui


def test_a_landmark_is_placed_dragged_and_undone(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    work, session, table = window.workspace, window.session, window.landmarks
    window.actions_["landmarks.table"].trigger()
    table.choose("left_renal_ostium")
    assert table.place.isEnabled() and not table.remove.isEnabled() and "opening" in table.hint.text()
    table.place.click()
    view = work.quad.slices["axial"]
    assert work.placing.armed == "left_renal_ostium"
    drive.click(view, view.to_screen((14.0, 22.0, float(work.quad.position_mm[2]))))
    drive.until(lambda: "left_renal_ostium" in session.store.case.landmarks, "the landmark is in the case")
    placed = session.store.case.landmarks["left_renal_ostium"]
    assert placed.position_mm[:2] == pytest.approx((14.0, 22.0), abs=0.5) and placed.origin == "placed"
    drive.until(lambda: table.items["left_renal_ostium"].text(2) == "placed", "the table shows it")
    assert work.placing.armed == "" and table.remove.isEnabled()
    drive.drag(
        view,
        view.to_screen(placed.position_mm),
        view.to_screen((4.0, 16.0, placed.position_mm[2])),
        Qt.MouseButton.LeftButton,
    )
    drive.until(lambda: session.store.case.landmarks["left_renal_ostium"] != placed, "it was dragged")
    assert session.store.case.landmarks["left_renal_ostium"].position_mm[0] == pytest.approx(4.0, abs=0.5)
    window.actions_["edit.undo"].trigger()
    drive.until(lambda: session.store.case.landmarks["left_renal_ostium"] == placed, "the drag is undone")
    table.write(tmp_path / "marks.json")
    assert json.loads((tmp_path / "marks.json").read_text())["landmarks"][0]["id"] == "left_renal_ostium"
    table.remove.click()
    drive.until(lambda: not session.store.case.landmarks, "it was removed")


def test_hinge_points_of_the_root_are_landmarks_and_follow_each_other(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scan(make_case(tmp_path / "a.case"))
    work, store = window.workspace, window.session.store
    work.go_to("segment")
    panel = work.panels["segment"]
    assert isinstance(panel, SegmentPanel)
    store.do(SetParameters("segment", {"preset": "aortic-root"}))
    drive.until(lambda: "hinge_right" in panel.rows, "the anatomy's points are asked for")
    panel.rows["hinge_right"].place.click()
    view = work.quad.slices["axial"]
    drive.click(view, view.to_screen((14.0, 22.0, float(work.quad.position_mm[2]))))
    drive.until(lambda: "hinge_right" in store.case.landmarks, "it is kept as a landmark")
    drive.until(lambda: work.placing.armed == "hinge_left", "the next point is wanted")
    assert "hinge_right" not in store.case.points and panel.rows["hinge_right"].show_it.isEnabled()
    work.disarm()
    panel.rows["hinge_right"].remove.click()
    drive.until(lambda: not store.case.landmarks, "it was removed")


def test_landmarks_are_proposed_from_the_model(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(make_branched_case(tmp_path / "a.case"))
    session = window.session
    drive.until(lambda: session.data.model is not None, "the model is loaded")
    window.landmarks.propose_all()
    drive.until(lambda: "left_subclavian_ostium" in session.store.case.landmarks, "the ostium is proposed")
    mark = session.store.case.landmarks["left_subclavian_ostium"]
    # 6 mm is the inscribed radius of the parent; the branch runs along x from its axis.
    assert mark.origin == "proposed" and mark.position_mm == pytest.approx((16.0, 20.0, 30.0), abs=0.1)


def test_a_typed_name_reaches_model_mesh_and_tree(drive: Driver, tmp_path: Path) -> None:
    case = make_case(tmp_path / "a.case", upto="mesh")
    window = drive.open_with_scene(case)
    work, session = window.workspace, window.session
    work.go_to("model")
    drive.until(lambda: session.data.model is not None, "the model is loaded")
    panel = work.panels["model"]
    assert isinstance(panel, NamedVesselsPanel) and set(panel.fields) == {"aorta", "ascending", "descending"}
    work.go_to("mesh")
    drive.until(lambda: session.data.mesh is not None, "the mesh is loaded")
    work.go_to("model")
    field = panel.fields["descending"]
    line = field.lineEdit()
    line.selectAll()
    line.insert("Left renal artery")
    drive.key(line, Qt.Key.Key_Return)
    drive.until(lambda: session.store.case.vessel_names == {"descending": "left_renal_artery"}, "the name is kept")
    drive.until(lambda: session.data.mesh.patches[2].name == "left_renal_artery", "the mesh has the name")
    assert session.states["mesh"].state == "done" and session.data.model.patches[2].name == "left_renal_artery"
    window.actions_["edit.undo"].trigger()
    drive.until(lambda: session.data.mesh.patches[2].name == "descending", "the mesh has its old name again")
    assert session.store.case.vessel_names == {}


def test_names_by_command_line_survive_building_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = make_case(tmp_path / "a.case", upto="mesh")
    assert main(["names", str(case), "--set", "aorta=Abdominal aorta", "ascending=inflow", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["names"]
    assert [row["name"] for row in rows] == ["abdominal_aorta", "inflow", "descending"]
    with OpenCase.open(case) as opened:
        record = opened.case.current("mesh")
        assert record is not None and not opened.case.stale_inputs(record)
        folder = opened.path_of(next(iter(record.files.values()))).parent
        assert [patch.name for patch in read_mesh(folder).patches] == ["wall", "inflow", "descending"]
        first = next(r for r in opened.case.records if r.kind == "model")
        built = read_model(opened.path_of(first.files["surface"]).parent)
        again = with_typed_names(built, opened.case.vessel_names)
        assert set(names_in(again)) == {"abdominal_aorta", "inflow", "descending"}
        assert rename(opened, {"abdominal_aorta": "aorta"}) == {"abdominal_aorta": "aorta"}
        assert opened.case.vessel_names == {"ascending": "inflow"}, "a vessel with its given name has no typed one"
        with pytest.raises(ImagingError, match="Two openings would be called inflow"):
            rename(opened, {"descending": "inflow"})
        n_records = len(opened.case.records)
        assert rename(opened, {"aorta": "Aorta"}) == {} and len(opened.case.records) == n_records
    assert main(["names", str(case), "--set", "nose=x"]) != 0
    assert "The model has no vessel nose" in capsys.readouterr().err
    assert main(["names", str(case), "--set", "aorta=wall"]) != 0


def test_names_are_suggested_from_the_anatomy() -> None:
    used = ("aorta", "right_renal", "left_common_iliac")
    first = suggested_names(used, "left_renal_1")[0]
    assert first == "left_renal"
    assert not set(used) & set(suggested_names(used, "x"))
    assert suggested_names(("left_main", "left_circumflex"), "lad")[:15] != suggested_names(used, "lad")[:15]
    assert plain_name(" Left  renal-artery ") == "left_renal_artery"
