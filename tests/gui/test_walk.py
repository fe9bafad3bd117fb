"""A DICOM folder becomes a mesh by clicks alone, and the same mesh by sub-commands with the clicked points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gui_driver import Driver

from app import cli
from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.desktop.walk import STEPS_WALKED, commands_of, compared, walk
from app.desktop.walker import Walker
from sample_data.dicom_folder import write_dicom_folder
from sample_data.phantoms import RenderSettings, render_ct, y_bifurcation

pytestmark = pytest.mark.gui
VOXEL_MM = 0.8


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[float, ...]]]:
    """The slices of a fork, and points a millimeter inside its ends; one of them an optional one."""
    phantom = y_bifurcation(2.6, (2.2, 2.0), lengths_mm=(11.0, 11.0, 11.0), blend_mm=0.5)
    settings = RenderSettings(noise_hu=20.0, blur_fwhm_mm=(0.9, 0.9, 0.9), noise_correlation_mm=VOXEL_MM)
    volume = render_ct(phantom, VOXEL_MM, settings, rng_seed=5).volume
    ends = {end.name: tuple(np.asarray(end.center_mm) - np.asarray(end.normal)) for end in phantom.ends}
    points = {"inlet": ends["inlet"], "outlet": ends["outlet_1"], "outlet_2": ends["outlet_2"]}
    return write_dicom_folder(volume, tmp_path_factory.mktemp("fork") / "dicom"), points


def test_window_and_sub_commands_make_the_same_files(
    drive: Driver, fork: tuple[Path, dict[str, tuple[float, ...]]], tmp_path: Path
) -> None:
    slices, points = fork
    walker = Walker(tmp_path)
    try:
        folder = walk(walker, slices, points, tmp_path, "any-artery")
    finally:
        walker.close()
    assert [path.stem.split("-")[1] for path in walker.pictures] == [
        *("study", "import", "points", "segment", "model", "mesh", "verified"),
    ]
    with OpenCase.open(folder, writable=False) as opened:
        walked = opened.case
    assert walked.title == "case 1", "nothing was typed"
    for role, place in points.items():
        assert np.linalg.norm(np.subtract(walked.points[role], place)) < VOXEL_MM, f"{role} is not where the click was"
    for command in commands_of(walked, slices, tmp_path / "typed.case"):
        assert cli.main(command) == 0
    with OpenCase.open(tmp_path / "typed.case", writable=False) as opened:
        typed = opened.case
    assert typed.points == walked.points
    for kind in STEPS_WALKED.values():
        found = compared(walked, typed, kind)
        assert found["is_same"], f"{kind}: {found['different']} differ"
    assert not compared(walked, walked.model_copy(update={"records": ()}), "mesh")["is_same"]


def test_a_walk_stops_at_a_button_that_is_off(drive: Driver, tmp_path: Path) -> None:
    from PySide6.QtWidgets import QPushButton

    walker = Walker(tmp_path)
    try:
        button = QPushButton("Mesh", walker.window)
        button.show()
        button.setEnabled(False)
        button.setToolTip("Run Model first.")
        with pytest.raises(CaseError, match="Run Model first"):
            walker.press(button)
    finally:
        walker.close()
