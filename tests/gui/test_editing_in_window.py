"""Editing labels in the window: strokes show at once in all planes, go to the case, and are undone by its own undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_cases import add_record, make_case, tube_labels
from gui_driver import Driver
from PySide6.QtCore import QPointF, Qt

from app.case.bundle import OpenCase
from app.desktop.edit.agreement_dialog import AgreementDialog
from app.desktop.shell import MainWindow
from imaging.types import Grid, Volume
from imaging.volume_io import read_labels, write_labels, write_volume

pytestmark = pytest.mark.gui

NewFolder = Callable[[str], Path]
PLACE = (-2.0, 10.0, 30.0)
OBLIQUE = Grid((40, 30, 20), (2.0, 2.0, 5.0), (49.0, 49.0, -17.5), (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))


def with_tools(drive: Driver, folder: Path, upto: str, grid: Grid | None = None) -> tuple[MainWindow, Any]:
    case = make_case(folder, upto=upto) if grid is None else make_case(folder, upto=upto, grid=grid)
    window = drive.open_with_scan(case)
    work = window.workspace
    drive.until(lambda: bool(work.panels), "the panel is there")
    work.go_to("segment")
    work.quad.choose_position((10.0, 20.0, 30.0))
    drive.settle()
    return window, work


def n_on_disk(folder: Path) -> int:
    """Labeled voxels of the case as another program would read it."""
    with OpenCase.open(folder, writable=False) as opened:
        record = opened.case.current("segmentation")
        return 0 if record is None else int((read_labels(opened.path_of(record.files["labels"])).array > 0).sum())


@pytest.mark.parametrize("grid", [None, OBLIQUE])
def test_a_stroke_shows_at_once_in_all_planes_and_is_undone_by_the_case(
    drive: Driver, new_folder: NewFolder, grid: Grid | None
) -> None:
    folder = new_folder("stroke")
    window, work = with_tools(drive, folder, "import", grid)
    store = work.session.store
    work.quad.choose_position(PLACE)
    work.placing.tools.choose("brush")
    work.placing.tools.set_value("radius_mm", 6.0)
    axial, sagittal = work.quad.slices["axial"], work.quad.slices["sagittal"]
    start = axial.to_screen(PLACE)
    middle = QPointF(sagittal.to_screen(PLACE))
    dark = drive.color_at(sagittal, middle + QPointF(4.0, 4.0))
    drive.drag(axial, start, start + QPointF(25.0, 0.0), Qt.MouseButton.LeftButton)
    painted = int((work.edit.labels.array == 1).sum())
    assert painted > 10
    assert drive.color_at(sagittal, middle + QPointF(4.0, 4.0)) != dark
    drive.until(lambda: work.edit.is_saved, "the edit is in the case")
    assert store.history.undo_label == "Brush"
    assert n_on_disk(folder) == painted
    whole = axial.grab().toImage()
    axial.set_labels(work.edit.labels)  # paints the overlay anew, as a whole
    assert axial.grab().toImage() == whole
    window.actions_["edit.undo"].trigger()
    drive.until(lambda: not work.edit.labels.array.any(), "the stroke is undone")
    assert drive.color_at(sagittal, middle + QPointF(4.0, 4.0)) == dark
    window.actions_["edit.redo"].trigger()
    drive.until(lambda: int(work.edit.labels.array.sum()) == painted, "the stroke is done again")
    assert n_on_disk(folder) == painted


def test_strokes_in_a_row_are_all_kept_and_undone_one_by_one(drive: Driver, new_folder: NewFolder) -> None:
    folder = new_folder("row")
    _, work = with_tools(drive, folder, "segment")
    store = work.session.store
    drive.until(lambda: work.edit.labels is not None, "the labels are there")
    counts = [int((work.edit.labels.array == 2).sum())]
    work.placing.tools.label.setValue(2)
    work.placing.tools.choose("brush")
    axial = work.quad.slices["axial"]
    for n in range(4):
        at = axial.to_screen((-15.0 + 4.0 * n, 0.0, 30.0))
        drive.drag(axial, at, at + QPointF(4.0, 0.0), Qt.MouseButton.LeftButton)
        counts.append(int((work.edit.labels.array == 2).sum()))
    assert counts == sorted(set(counts))
    drive.until(lambda: work.edit.is_saved, "all is on the disk")
    assert n_on_disk(folder) == int((work.edit.labels.array > 0).sum())
    for wanted in reversed(counts[:-1]):
        store.undo()
        drive.until(
            lambda wanted=wanted: int((work.edit.labels.array == 2).sum()) == wanted, f"{wanted} voxels are left"
        )
    assert "n_edits" not in store.case.current("segmentation").facts


def test_a_growth_is_worked_out_aside(drive: Driver, new_folder: NewFolder) -> None:
    folder = new_folder("growth")
    window, work = with_tools(drive, folder, "import")
    work.placing.tools.choose("grow")
    work.placing.tools.set_value("range", "given")
    work.placing.tools.set_value("lowest", 250.0)
    work.quad.choose_position((40.0, 20.0, 30.0))
    drive.settle()
    axial = work.quad.slices["axial"]
    drive.click(axial, axial.to_screen((40.0, 20.0, 30.0)))
    assert "1 point set" in work.placing.tools._about.text() and work.placing.tools.apply.isEnabled()
    work.placing.tools.apply.click()
    assert work.edit.is_busy and work.placing.tools.cancel.isVisible()
    drive.until(lambda: not work.edit.is_busy, "the growth is done")
    drive.until(lambda: work.session.store.history.undo_label == "Grow from seeds", "the growth is in the case")
    labels = work.edit.labels.array
    assert (labels[work.quad.volume.array == 300] == 1).all()
    assert "mL grown" in work.placing.tools.said.text()
    window.actions_["points.disarm"].trigger()
    assert work.edit_tool.operation is None
    position = np.array(work.quad.position_mm)
    drive.click(axial, axial.to_screen((30.0, 8.0, 30.0)))
    assert not np.allclose(work.quad.position_mm, position)  # the mouse is the view's again


def test_a_long_edit_is_cancelled_and_a_bad_one_refused(drive: Driver, new_folder: NewFolder) -> None:
    window, work = with_tools(drive, new_folder("refused"), "segment")
    drive.until(lambda: work.edit.labels is not None, "the labels are there")
    before = work.edit.labels.array.copy()
    work.placing.tools.choose("smooth")
    work.placing.tools.apply.click()
    work.placing.tools.cancel.click()
    assert not work.edit.is_busy and (work.edit.labels.array == before).all()
    work.placing.tools.label.setValue(9)
    work.placing.tools.apply.click()
    drive.until(lambda: window.messages.refusal is not None, "the refusal is shown")
    assert window.messages.refusal.code == "nothing_to_edit"


def test_a_barrier_that_the_leak_guard_proposes_is_put_and_the_growth_made_again(
    drive: Driver, new_folder: NewFolder
) -> None:
    folder = new_folder("leak")
    j, i = np.indices((50, 60))
    hu = np.where((j - 25) ** 2 + (i - 15) ** 2 <= 30, 400, 50)  # a vessel along k
    hu = np.broadcast_to(hu, (60, 50, 60)).astype(np.int16).copy()
    k, _, i = np.indices(hu.shape)
    hu[(k - 30) ** 2 + (i - 28) ** 2 <= 36] = 400  # another across, 6 voxels wide, that comes near
    hu[29:32, 24:27, 20:23] = 400  # and touches
    with OpenCase.create(folder, "Leak") as opened, opened.staging() as out:
        write_volume(Volume(hu, Grid((60, 50, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))), out / "ct.nrrd")
        facts = {"size": [60, 50, 60], "spacing_mm": [1.0, 1.0, 1.0]}
        add_record(opened, "import", {"volume": out / "ct.nrrd"}, facts)
    window = drive.open_with_scan(folder)
    work = window.workspace
    drive.until(lambda: bool(work.panels), "the panel is there")
    work.go_to("segment")
    work.quad.choose_position((15.0, 25.0, 5.0))
    work.placing.tools.choose("grow")
    drive.settle()
    axial = work.quad.slices["axial"]
    drive.click(axial, axial.to_screen((15.0, 25.0, 5.0)))
    work.placing.tools.apply.click()
    drive.until(lambda: not work.edit.is_busy, "the growth is done")
    assert "leaves the vessel" in work.placing.tools.said.text()
    assert np.linalg.norm(work.quad.position_mm - (21.0, 25.0, 30.0)) < 2.5  # the window shows the neck
    assert (work.edit.labels.array[30, :, 28] == 1).any()
    work.placing.tools.barrier.click()
    drive.until(lambda: not work.edit.is_busy, "the growth is made again")
    assert not (work.edit.labels.array[:, :, 28:] == 1).any()
    assert (work.edit.labels.array[:, 25, 15] == 1).all()
    drive.until(lambda: work.edit.is_saved, "all is on the disk")
    work.session.store.undo()
    work.session.store.undo()
    drive.until(lambda: (work.edit.labels.array[30, :, 28] == 1).any(), "the leak is back")


def test_the_labels_are_compared_with_a_file(drive: Driver, new_folder: NewFolder, tmp_path: Path) -> None:
    folder = make_case(new_folder("compared"), upto="segment")
    labels = tube_labels()
    labels.array[:, :, :19] = 0
    write_labels(labels, tmp_path / "other.nrrd")
    dialog = AgreementDialog(folder, tmp_path / "other.nrrd")
    drive.show(dialog)
    drive.until(lambda: dialog.found is not None, "they are compared")
    assert "left_subclavian" in dialog.text.text() and not dialog.picture.pixmap().isNull()
    dialog.close()
