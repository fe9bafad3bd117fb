"""The Mesh Doctor in the window: finds a planted fault, shows its place, repairs it, and Undo takes that back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gui_cases import make_case
from gui_driver import Driver

from app.case.bundle import OpenCase
from app.desktop.panels.mesh_panel import MeshPanel
from app.workflow.steps import STEPS, Outcome, commit, prepare
from imaging.surface.surface_io import read_model, write_model
from imaging.types import Surface

pytestmark = pytest.mark.gui


def case_with_a_loose_piece(path: Path) -> Path:
    case = make_case(path, upto="mesh")
    with OpenCase.open(case) as opened:
        record = opened.case.current("model")
        assert record is not None
        model = read_model(opened.path_of(record.files["surface"]).parent)
        surface = model.surface
        corner = np.array([[30.0, 20, 30], [32.0, 20, 30], [30.0, 22, 30], [30.0, 20, 32]])
        faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]) + len(surface.points)
        patch = np.concatenate([np.asarray(surface.triangle_data["patch"]), np.ones(4, np.int32)])
        points, triangles = np.concatenate([surface.points, corner]), np.concatenate([surface.triangles, faces])
        faulty = replace(model, surface=Surface(points, triangles, {}, {"patch": patch}))
        request = prepare(opened, STEPS["model"], {})
        with opened.staging() as out:
            write_model(faulty, out)
            files = {file.stem: file for file in sorted(out.iterdir())}
            commit(opened, STEPS["model"], request, Outcome("Vessel model", files, dict(record.facts)), 0.0)
    return case


def test_a_fault_is_found_shown_repaired_and_the_repair_undone(drive: Driver, tmp_path: Path) -> None:
    window = drive.open_with_scene(case_with_a_loose_piece(tmp_path / "a.case"))
    work, session = window.workspace, window.session
    work.go_to("mesh")
    panel = work.panels["mesh"]
    assert isinstance(panel, MeshPanel)
    assert panel.doctor.isVisible() and session.surface_doctor.diagnosis is None
    assert panel.shapes.isVisible() and panel.shapes.counts["core"] == (0, 60, 300, 0)
    panel.doctor.button.click()
    drive.until(lambda: session.surface_doctor.diagnosis is not None, "the surface was looked at")
    assert "loose piece" in session.surface_doctor.diagnosis.findings[0].sentence
    panel.doctor.show_buttons[0].click()
    assert list(work.quad.position_mm) == pytest.approx([30.5, 20.5, 30.5], abs=0.6)
    before = session.store.case.current("model").id
    drive.settle()
    assert panel.doctor.fix_buttons[0].text() == "Leave the loose pieces out"
    panel.doctor.fix_buttons[0].click()
    drive.until(lambda: session.store.case.current("model").id != before, "the repaired model is in the case")
    drive.until(lambda: session.runner.step_id is None, "the repair has ended")
    assert session.store.case.current("model").facts["repair"]["fix"] == "drop_pieces"
    drive.until(lambda: session.surface_doctor.diagnosis is None, "the findings of the old model are gone")
    session.store.undo()
    drive.until(lambda: session.store.case.current("model").id == before, "the repair is undone")
