"""A scan that cannot be used ends in one sentence, and no case is left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from e2e_phantom import SECRETS, small_ct, write_dicom
from e2e_program import Ask, assert_refused, assert_refused_in_json, run_program, without_privileges

from imaging.volume_io import write_volume

pytestmark = pytest.mark.e2e
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
NAMED = "Zwetschkenbaum Adalbert"


def text_named_nii(folder: Path) -> Path:
    path = folder / f"{NAMED}.nii"
    path.write_text("Dear colleague, please find enclosed the scan.\n" * 50)
    return path


def picture(folder: Path) -> Path:
    path = folder / f"{NAMED}.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(small_ct().array[0]), path)
    return path


def truncated_nrrd(folder: Path) -> Path:
    path = folder / f"{NAMED}.nrrd"
    write_volume(small_ct(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def nan_voxel(folder: Path) -> Path:
    path = folder / f"{NAMED}.mha"
    array = small_ct().array.astype(np.float32)
    array[5, 6, 7] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(array), path)
    return path


def values_that_are_no_hu(folder: Path) -> Path:
    path = folder / f"{NAMED}.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray((small_ct().array + 1024).astype(np.int16)), path)
    return path


def mr_series(folder: Path) -> Path:
    return write_dicom(small_ct(), folder / NAMED, Modality="MR")


def mixed_series(folder: Path) -> Path:
    for _ in range(2):
        write_dicom(small_ct(), folder / "one")
        for path in (folder / "one").iterdir():
            (folder / NAMED).mkdir(exist_ok=True)
            path.rename(folder / NAMED / f"{len(list((folder / NAMED).iterdir()))}.dcm")
    return folder / NAMED


def tilted_gantry(folder: Path) -> Path:
    def place(k: int, position: list[float]) -> list[float]:
        return [position[0], round(position[1] + 0.4 * k, 4), position[2]]

    return write_dicom(small_ct(), folder / NAMED, ImagePositionPatient=place)


def gap(folder: Path) -> Path:
    series = write_dicom(small_ct(), folder / NAMED)
    sorted(series.iterdir())[6].unlink()
    return series


def cut_in_the_pixels(folder: Path) -> Path:
    series = write_dicom(small_ct(), folder / NAMED)
    victim = sorted(series.iterdir())[4]
    victim.write_bytes(victim.read_bytes()[:-500])
    return series


def cut_in_the_header(folder: Path) -> Path:
    series = write_dicom(small_ct(), folder / NAMED)
    victim = sorted(series.iterdir())[4]
    victim.write_bytes(victim.read_bytes()[:900])
    return series


def one_slice(folder: Path) -> Path:
    series = write_dicom(small_ct(), folder / NAMED)
    return sorted(series.iterdir())[0]


def empty_folder(folder: Path) -> Path:
    (folder / NAMED).mkdir()
    return folder / NAMED


def empty_file(folder: Path) -> Path:
    (folder / f"{NAMED}.nrrd").touch()
    return folder / f"{NAMED}.nrrd"


def nothing_there(folder: Path) -> Path:
    return folder / f"{NAMED}.nii.gz"


def photograph(folder: Path) -> Path:
    (folder / f"{NAMED}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    return folder / f"{NAMED}.png"


Maker = Callable[[Path], Path]
BAD_SCANS: Sequence[tuple[Maker, str, tuple[str, ...]]] = (
    (text_named_nii, "not_an_image", (".nii", "does not hold such an image", "choose")),
    (picture, "not_3d", ("single picture", "32 x 40", "three-dimensional", "choose")),
    (truncated_nrrd, "damaged_file", ("damaged or incomplete", "copy it again")),
    (nan_voxel, "values_not_finite", ("1 voxels", "no value", "x 7.0, y 6.0, z 5.0 mm", "export")),
    (values_that_are_no_hu, "not_ct", ("not a CT", "Hounsfield", "values run from", "choose a CT angiogram")),
    (mr_series, "not_ct", ("MR scan", "choose a CT angiogram")),
    (mixed_series, "several_series", ("2 series", "12 images", "which one")),
    (tilted_gantry, "gantry_tilt", ("gantry tilt", "11.3 degrees", "4.4 mm", "export")),
    (gap, "missing_slices", ("1 slices are missing", "2.00 mm", "4.00 mm", "export the whole series")),
    (cut_in_the_pixels, "damaged_file", ("image 5 of 12", "damaged or incomplete", "export")),
    (cut_in_the_header, "damaged_file", ("image 5 of 12", "damaged or incomplete", "export")),
    (one_slice, "not_3d", ("single image", "choose the folder")),
    (empty_folder, "folder_empty", ("empty", "choose the folder")),
    (empty_file, "not_an_image", (".nrrd", "does not hold such an image", "choose")),
    (nothing_there, "path_missing", ("nothing at the chosen place", "choose")),
    (photograph, "format_unknown", (".png", "not read", "choose")),
)


@pytest.mark.parametrize(("make", "code", "words"), BAD_SCANS, ids=[make.__name__ for make, *_ in BAD_SCANS])
def test_a_scan_that_cannot_be_used_is_refused_and_leaves_nothing(
    tmp_path: Path, ask: Ask, make: Maker, code: str, words: tuple[str, ...]
) -> None:
    source = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    answer = ask("import", source, tmp_path / "new.case", "--json")
    assert_refused_in_json(answer, code, *words)
    assert not [secret for secret in SECRETS if secret in (answer.out + answer.err).lower()], (
        "a name is in the sentence"
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [text_named_nii, truncated_nrrd, cut_in_the_pixels])
def test_native_readers_stay_silent_in_a_process_of_its_own(tmp_path: Path, make: Maker) -> None:
    assert_refused(run_program("import", make(tmp_path), tmp_path / "new.case"))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
@pytest.mark.parametrize(
    ("folder", "words"),
    [("head_mr_dicom", ("MR scan", "choose a CT")), ("chest_ct_dicom_no_contrast", ("slices are missing", "6.00 mm"))],
)
def test_real_scans_that_cannot_be_used_are_refused(
    tmp_path: Path, ask: Ask, folder: str, words: tuple[str, ...]
) -> None:
    assert_refused(ask("import", SHARED / folder, tmp_path / "new.case"), *words)
    assert not (tmp_path / "new.case").exists()


@pytest.mark.parametrize("what", ["file", "folder", "slice"])
def test_a_scan_that_this_user_may_not_read_is_refused_as_that(tmp_path: Path, what: str) -> None:
    if what == "file":
        source = locked = tmp_path / f"{NAMED}.nrrd"
        write_volume(small_ct(), source)
    else:
        source = locked = write_dicom(small_ct(), tmp_path / NAMED)
        locked = source if what == "folder" else sorted(source.iterdir())[3]
    locked.chmod(0)
    try:
        answer = run_program("import", source, tmp_path / "new.case", prefix=without_privileges())
    finally:
        locked.chmod(0o700)
    assert_refused(answer, "no permission to read", "copy it")
    assert not (tmp_path / "new.case").exists()


def test_a_place_that_this_user_may_not_write_to_is_refused_as_that(tmp_path: Path) -> None:
    write_volume(small_ct(), tmp_path / "scan.nrrd")
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    answer = run_program("import", tmp_path / "scan.nrrd", closed / "new.case", prefix=without_privileges())
    assert_refused(answer, "new.case", "no permission to write")
    assert list(closed.iterdir()) == []


def test_a_place_that_cannot_hold_a_case_is_refused(tmp_path: Path, ask: Ask) -> None:
    scan = tmp_path / "scan.nrrd"
    write_volume(small_ct(), scan)
    assert_refused(ask("import", scan, scan), "scan.nrrd exists already", "another name")
    assert_refused(ask("import", scan, scan / "new.case"), "new.case cannot be made there", "name a folder")
    assert_refused(ask("import", scan, tmp_path / ("x" * 300)), "cannot be made there")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x")
    assert_refused(ask("import", scan, tmp_path / "full"), "full exists already")
    assert (tmp_path / "full" / "letter.txt").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir() if path.name != "full"] == ["scan.nrrd"]


def test_spaces_and_other_alphabets_in_names_are_no_obstacle(tmp_path: Path, ask: Ask) -> None:
    folder = tmp_path / "Ordner mit Leerzeichen – 血管 é"
    folder.mkdir()
    write_volume(small_ct(), folder / "Aufnahme ü 1.nrrd")
    case = folder / "Fall Müller's 造影.case"
    answer = ask("import", folder / "Aufnahme ü 1.nrrd", case)
    assert answer.exit_code == 0 and answer.complaints == [], answer.err
    shown = ask("info", case, "--check", "--json").value
    assert shown["title"] == case.stem and shown["damaged_files"] == []
    series = write_dicom(small_ct(), folder / "série ä")
    assert run_program("import", series, folder / "DICOM Fäll.case", "--json").exit_code == 0
