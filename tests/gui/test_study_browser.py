"""A study is shown with pictures and verdicts; what is chosen there is what is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from gui_driver import Driver
from PySide6.QtWidgets import QDialog, QDialogButtonBox

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from dicom_cases import beside_origin, write_enhanced, write_series
from pydicom.dataset import FileDataset

from app.desktop.new_case import NewCaseDialog, SeriesChoice, dropped_source
from app.desktop.study_browser import StudyBrowser
from app.workflow.scan_study import scan_study
from imaging.types import Grid, Volume
from imaging.volume_io import write_volume


def tilted(n: int, dataset: FileDataset) -> None:
    dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3.77", 8
    dataset.ImagePositionPatient = beside_origin(0, 0.4 * n, 2.5 * n)


def holed(n: int, dataset: FileDataset) -> None:
    dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3.78", 9
    dataset.ImagePositionPatient = beside_origin(0, 0, 2.5 * n + (30.0 if n > 3 else 0.0))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    write_series(folder)
    write_series(folder, change=tilted, prefix="tilt")
    write_series(folder, change=holed, prefix="hole")
    write_enhanced(folder / "heart.dcm", phases=(30.0, 75.0))
    return folder


def ok_button(browser: StudyBrowser) -> object:
    return browser.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)


def choose(browser: StudyBrowser, uid: str) -> None:
    for row in range(browser.list.topLevelItemCount()):
        browser.list.setCurrentItem(browser.list.topLevelItem(row))
        if browser.series_uid == uid:
            return
    raise AssertionError(f"no series {uid} in the list")


@pytest.mark.gui
def test_every_series_is_listed_and_only_what_can_be_used_can_be_taken(drive: Driver, study: Path) -> None:
    browser = StudyBrowser(scan_study(study))
    drive.show(browser, 1180, 720)
    assert browser.list.topLevelItemCount() == 4
    assert all(not browser.list.topLevelItem(row).icon(0).isNull() for row in range(4))
    choose(browser, "1.2.3.4")
    assert ok_button(browser).isEnabled() and not browser.repair_box.isVisible() and not browser.phases.isVisible()
    choose(browser, "1.2.3.78")
    assert not ok_button(browser).isEnabled() and "32.50 mm between" in browser.details.text()
    choose(browser, "1.2.3.77")
    assert not ok_button(browser).isEnabled() and browser.repair_box.isVisible()
    browser.repair_box.click()
    assert ok_button(browser).isEnabled() and browser.repair
    choose(browser, "1.2.3.5")
    assert browser.phases.isVisible() and browser.phase == "30%" and not browser.repair
    browser.phases.setCurrentIndex(1)
    assert browser.phase == "75%" and browser.deidentify
    assert browser.list.viewport().width() >= browser.list.header().length(), "no column is cut off"


@pytest.mark.gui
@pytest.mark.parametrize(("uid", "is_repaired"), [("1.2.3.77", True), ("1.2.3.5", False)])
def test_the_chosen_series_is_imported_as_chosen(
    drive: Driver, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: str, is_repaired: bool
) -> None:
    def browse(browser: StudyBrowser) -> int:
        choose(browser, uid)
        browser.repair_box.setChecked(is_repaired)
        browser.phases.setCurrentIndex(1)
        browser.all_phases_box.setChecked(True)
        return int(QDialog.DialogCode.Accepted)

    def name(dialog: NewCaseDialog) -> int:
        dialog.title.setText("Arch 9")
        dialog._parent_folder = tmp_path
        return int(QDialog.DialogCode.Accepted)

    monkeypatch.setattr(StudyBrowser, "exec", browse)
    monkeypatch.setattr(NewCaseDialog, "exec", name)
    window = drive.open_window()
    window.new_from(study)
    drive.until(lambda: window.session is not None, "the case is open")
    record = window.session.store.case.current("image")
    assert ("repair" in record.facts) is is_repaired
    assert record.facts.get("phase", "") == ("" if is_repaired else "75 % of the heart beat")
    drive.until(lambda: window.workspace.quad.volume is not None, "the scan is shown")
    spacing = window.workspace.quad.volume.grid.spacing_mm
    np.testing.assert_allclose(spacing, (0.7, 0.8, 2.5))
    bar, quad = window.workspace.phase_bar, window.workspace.quad
    assert bar.isVisible() is not is_repaired
    if not is_repaired:
        labels = [phase["label"] for phase in record.facts["phases"]]
        assert labels == ["30 % of the heart beat", "75 % of the heart beat"] and bar.slider.value() == 1
        used, place = quad.volume, quad.position_mm
        bar.slider.setValue(0)
        drive.until(lambda: quad.volume is not used, "the other phase is shown")
        assert window.session.data.volume is used and "steps: 75 %" in bar.text.text()
        assert not np.array_equal(quad.volume.array, used.array) and np.array_equal(quad.position_mm, place)
        bar.back_button.click()
        drive.until(lambda: np.array_equal(quad.volume.array, used.array), "the first one is back")


@pytest.mark.gui
def test_a_file_is_imported_with_the_spacing_and_as_the_kind_that_the_user_states(
    drive: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Grid((10, 9, 8), (1.0,) * 3, (0.0,) * 3)
    write_volume(Volume(np.arange(720).reshape(8, 9, 10).astype(np.uint8), grid, "unknown"), tmp_path / "a.nrrd")

    def name(dialog: NewCaseDialog) -> int:
        dialog.title.setText("Sac")
        dialog.spacing.setValue(0.4)
        dialog.angiogram.setChecked(True)
        dialog.choose_place(tmp_path)
        return int(QDialog.DialogCode.Accepted)

    monkeypatch.setattr(NewCaseDialog, "exec", name)
    window = drive.open_window()
    window.new_from(tmp_path / "a.nrrd")
    drive.until(lambda: window.session is not None, "the case is open")
    assert window.session.store.case.current("image").facts["spacing_mm"] == pytest.approx([0.4] * 3)


def test_several_files_that_are_dropped_stand_for_their_folder(tmp_path: Path) -> None:
    assert dropped_source([tmp_path / "a.nrrd"]) == tmp_path / "a.nrrd"
    assert dropped_source([tmp_path / "s" / "1.dcm", tmp_path / "s" / "2.dcm"]) == tmp_path / "s"
    assert dropped_source([tmp_path / "s" / "1.dcm", tmp_path / "t" / "2.dcm"]) == tmp_path
    assert SeriesChoice().deidentify
