"""A case that begins with a surface, in the window: unit asked for, openings named, no scan missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gui_driver import Driver
from PySide6.QtWidgets import QDialogButtonBox

from app.desktop.new_surface import NewSurfaceCaseDialog, make_surface_case
from app.workflow.import_surface import SurfaceSummary, summary_of
from imaging.errors import ImagingError
from imaging.surface.surface_io import write_surface
from imaging.types import Surface
from sample_data.phantoms import straight_tube
from sample_data.phantoms.surface import exact_surface

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def tube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tube of 60 mm, written in cm with a number for each face."""
    surface = exact_surface(straight_tube(), 1.2)
    faces = surface.triangle_data["patch"].astype(np.int32)
    path = tmp_path_factory.mktemp("surface") / "tube.vtp"
    write_surface(Surface(0.1 * surface.points, surface.triangles, {}, {"ModelFaceID": faces}), path)
    return path


def test_the_unit_is_asked_for_and_nothing_is_chosen_when_two_fit(drive: Driver) -> None:
    sizes = {"mm": "39 mm long", "cm": "387 mm long", "m": "38679 mm long"}
    openings = ((3, 1.2, (0.0, 0.0, 13.0)), (4, 0.5, (1.0, 0.0, -20.0)))
    dialog = NewSurfaceCaseDialog(SurfaceSummary(openings, sizes, ("mm", "cm")))
    drive.show(dialog, 640, 420)
    ok = dialog._buttons.button(QDialogButtonBox.StandardButton.Ok)
    dialog.title.setText("Aorta")
    assert dialog.unit == "" and not ok.isEnabled()
    assert "387 mm long" in dialog.units["cm"].text() and "no vessel's size" in dialog.units["m"].text()
    dialog.units["cm"].setChecked(True)
    assert ok.isEnabled() and dialog.unit == "cm"
    assert "radius 12" in dialog._places[3].text() and "130 mm" in dialog._places[3].text()
    assert dialog.inlet == "3", "the widest"
    dialog.inlets[4].setChecked(True)
    dialog.names[3].setText("left iliac")
    assert (dialog.inlet, dialog.names_text) == ("4", "3=left_iliac")
    only = NewSurfaceCaseDialog(SurfaceSummary(openings, sizes, ("mm",)))
    assert only.unit == "mm"
    only.deleteLater()


def test_a_surface_becomes_a_case_without_a_scan(drive: Driver, tube_file: Path, tmp_path: Path) -> None:
    assert summary_of(tube_file).likely_units == ("cm",)
    folder = tmp_path / "tube.case"
    window = drive.open_window()
    window._start_job("Importing", make_surface_case, (tube_file, folder, "Tube", "cm", "2", "2=in,3=out"), folder)
    drive.until(lambda: window.session is not None, "the case is open", 60.0)
    work = window.workspace
    drive.until(lambda: work.scene is not None and work.panels, "the 3D view is there without a slice", 60.0)
    drive.until(lambda: window.session.data.surface is not None, "the surface is loaded")
    drive.until(lambda: work.scene.view.is_settled, "the surface is shown")
    assert not work.rail.buttons["segment"].isVisible() and work.rail.buttons["model"].isVisible()
    assert window.session.states["model"].state == "ready"
    step = work.step_id
    window.actions_["step.segment"].trigger()
    assert work.step_id == step, "there is nothing to segment"
    work.go_to("import")
    assert "radius 4.0 mm" in work.panels["import"]._openings.text()  # type: ignore[attr-defined]
    texts = [caption.text for caption in work.scene.view._captions["anatomy"]]
    assert texts == ["opening 2 (radius 4.0 mm)", "opening 3 (radius 4.0 mm)"]
    work.go_to("model")
    assert work.panels["model"].form is not None
    assert work.panels["model"].form.values["names"] == "2=in,3=out"


def test_a_surface_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.stl").write_text("no triangles")
    with pytest.raises(ImagingError, match="no triangles"):
        summary_of(tmp_path / "a.stl")
