"""A DICOM folder becomes a volume in HU at its place in the patient, or one sentence that says why it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_cases import (
    COLUMNS,
    IDENTITY,
    N_SLICES,
    ORIGIN,
    ROWS,
    SPACING,
    STORED,
    TURNED,
    beside_origin,
    shifted,
    write_series,
)
from pydicom.dataset import FileDataset

from imaging.dicom.series import list_series, read_series, read_series_with_notes
from imaging.errors import ImagingError
from imaging.volume_io import read_volume

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def refusal(folder: Path, **options: Any) -> ImagingError:
    with pytest.raises(ImagingError) as caught:
        read_series(folder, **options)
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message
    assert "DOE" not in message.upper() and "4711" not in message and str(folder) not in message
    return caught.value


@pytest.mark.parametrize("axes", [IDENTITY, TURNED])
def test_a_series_becomes_hu_at_its_place(tmp_path: Path, axes: np.ndarray) -> None:
    volume = read_volume(write_series(tmp_path / "a", axes))
    assert volume.modality == "CT" and volume.unit == "HU" and volume.array.dtype == np.int16
    assert np.array_equal(volume.array, STORED.astype(int) - 1024)
    assert volume.grid.size == (COLUMNS, ROWS, N_SLICES)
    # DICOM PS3.3 C.7.6.2.1.1: position of the voxel in column i and row j of slice k.
    for i, j, k in ((0, 0, 0), (63, 0, 0), (0, 71, 0), (63, 71, 5)):
        place = ORIGIN + axes @ (np.array([i, j, k]) * SPACING)
        assert np.allclose(volume.grid.to_lps((i, j, k)), place, atol=1e-6)


def test_slices_run_along_the_normal_whatever_their_order(tmp_path: Path) -> None:
    feet_first = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
    volume = read_series(write_series(tmp_path / "a", feet_first))
    assert np.linalg.det(np.reshape(volume.grid.direction, (3, 3))) > 0.99
    i, j, k = np.rint(volume.grid.to_index(ORIGIN + feet_first @ (np.array([3, 2, 4]) * SPACING))).astype(int)
    assert volume.array[k, j, i] == int(STORED[4, 2, 3]) - 1024


def test_slope_and_intercept_of_each_image_count(tmp_path: Path) -> None:
    def change(n: int, dataset: FileDataset) -> None:
        dataset.RescaleSlope = 0.5 if n == 2 else 2

    volume = read_series(write_series(tmp_path / "a", change=change))
    assert volume.array.dtype == np.float32
    factor = np.array([2, 2, 0.5, 2, 2, 2])[:, None, None]
    assert np.array_equal(volume.array, (STORED * factor - 1024).astype(np.float32))


@pytest.mark.parametrize("compressor", ["JPEG2000", "JPEG"])
def test_compressed_slices_are_read(tmp_path: Path, compressor: str) -> None:
    write_series(tmp_path / "plain")
    (tmp_path / "packed").mkdir()
    reader, writer = sitk.ImageFileReader(), sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    for path in (tmp_path / "plain").iterdir():
        reader.SetFileName(str(path))
        reader.LoadPrivateTagsOn()
        image = sitk.Cast(reader.Execute(), sitk.sitkInt16)
        for key in reader.GetMetaDataKeys():
            image.SetMetaData(key, reader.GetMetaData(key))
        writer.SetFileName(str(tmp_path / "packed" / path.name))
        writer.Execute(image)
    syntax = pydicom.dcmread(next((tmp_path / "packed").iterdir())).file_meta.TransferSyntaxUID
    assert syntax.is_compressed and compressor.startswith(syntax.name[:4])
    assert np.array_equal(read_series(tmp_path / "packed").array, read_series(tmp_path / "plain").array)


def test_a_missing_slice_is_refused_with_place_and_width(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", change=shifted(lambda n: n >= 3, "InstanceNumber", 7))
    gone = next(p for p in folder.iterdir() if pydicom.dcmread(p).ImagePositionPatient[2] == ORIGIN[2] + 2 * 2.5)
    gone.unlink()
    error = refusal(folder)
    assert error.code == "missing_slices"
    assert "1 slices are missing" in error.message and "2.50 mm apart" in error.message and "5.00 mm" in error.message
    assert np.allclose(error.place_mm, beside_origin(0, 0, 2.5))


def test_uneven_slices_are_refused(tmp_path: Path) -> None:
    def place(n: int) -> list[float]:
        return beside_origin(0, 0, n * 2.5 + (0.6 if n >= 3 else 0.0))

    error = refusal(write_series(tmp_path / "a", change=shifted(lambda n: True, "ImagePositionPatient", place)))
    assert error.code == "uneven_slices" and "2.50 to 3.10 mm" in error.message


def test_rounded_positions_are_no_unevenness(tmp_path: Path) -> None:
    def place(n: int) -> list[float]:
        return beside_origin(0, 0, round(n * 2.5 + 0.01 * (-1) ** n, 2))

    volume = read_series(write_series(tmp_path / "a", change=shifted(lambda n: True, "ImagePositionPatient", place)))
    assert volume.grid.spacing_mm[2] == pytest.approx(2.5, abs=0.005)


def test_gantry_tilt_is_refused_with_its_angle(tmp_path: Path) -> None:
    def place(n: int) -> list[float]:
        return beside_origin(0, n * 2.5 * np.tan(np.deg2rad(10.0)), n * 2.5)

    error = refusal(write_series(tmp_path / "a", change=shifted(lambda n: True, "ImagePositionPatient", place)))
    assert error.code == "gantry_tilt" and "10.0 degrees" in error.message and "2.2 mm" in error.message


def test_two_images_at_one_place_are_refused(tmp_path: Path) -> None:
    place = beside_origin(0, 0, 2.5)
    error = refusal(write_series(tmp_path / "a", change=shifted(lambda n: n == 2, "ImagePositionPatient", place)))
    assert error.code == "duplicate_slices"


def test_the_same_file_twice_is_read_once_with_a_word(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a")
    shutil.copy(next(folder.iterdir()), folder / "copy.dcm")
    reading = read_series_with_notes(folder)
    assert reading.volume.grid.size[2] == N_SLICES
    assert reading.notes == ("1 images were present twice and read once.",)


def test_one_instance_uid_for_all_slices_is_accepted(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", change=shifted(lambda n: True, "SOPInstanceUID", "1.2.3.4.5"))
    assert read_series(folder).grid.size[2] == N_SLICES


def test_mixed_sizes_are_refused(tmp_path: Path) -> None:
    def change(n: int, dataset: FileDataset) -> None:
        if n == 4:
            dataset.Rows, dataset.PixelData = ROWS - 1, STORED[n, 1:].tobytes()

    assert refusal(write_series(tmp_path / "a", change=change)).code == "mixed_size"
    finer = shifted(lambda n: n == 4, "PixelSpacing", [0.5, 0.5])
    assert refusal(write_series(tmp_path / "b", change=finer)).code == "mixed_size"


def test_mixed_orientations_are_refused_with_the_angle(tmp_path: Path) -> None:
    turned = [*TURNED[:, 0], *TURNED[:, 1]]
    error = refusal(write_series(tmp_path / "a", change=shifted(lambda n: n == 4, "ImageOrientationPatient", turned)))
    assert error.code == "mixed_orientation" and f"{np.degrees(0.3):.1f} degrees" in error.message


def test_several_series_are_listed_and_none_is_chosen_silently(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a")
    write_series(folder, series="1.2.3.99", n_slices=4, prefix="other")
    error = refusal(folder)
    assert error.code == "several_series"
    assert (
        "UID 1.2.3.4)" in error.message and "UID 1.2.3.99)" in error.message and "6 images of 64 x 72" in error.message
    )
    assert read_series(folder, "1.2.3.99").grid.size[2] == 4
    assert [s.series_uid for s in list_series(folder)] == ["1.2.3.4", "1.2.3.99"]
    assert refusal(folder, series_uid="1.2").code == "series_unknown"


def test_localizers_and_other_files_are_left_out_with_a_word(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a")
    write_series(folder, series="1.2.3.99", n_slices=2, prefix="scout")
    write_series(
        folder,
        series="1.2.3.98",
        prefix="top",
        change=shifted(lambda n: True, "ImageType", ["ORIGINAL", "", "LOCALIZER"]),
    )
    (folder / "readme.txt").write_text("a text long enough to be looked into " * 9)
    reading = read_series_with_notes(folder)
    assert reading.volume.grid.size[2] == N_SLICES
    assert len(reading.notes) == 3 and all("left out" in note for note in reading.notes)


@pytest.mark.parametrize("modality", ["MR", "XA"])
def test_another_modality_is_refused(tmp_path: Path, modality: str) -> None:
    error = refusal(write_series(tmp_path / "a", change=shifted(lambda n: True, "Modality", modality)))
    assert error.code == "not_ct" and modality in error.message


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("ImagePositionPatient", "geometry_missing"),
        ("ImageOrientationPatient", "geometry_missing"),
        ("PixelSpacing", "geometry_missing"),
        ("RescaleIntercept", "hu_scale_missing"),
    ],
)
def test_missing_geometry_or_scale_is_refused(tmp_path: Path, key: str, code: str) -> None:
    def change(n: int, dataset: FileDataset) -> None:
        if n == 1:
            delattr(dataset, key)

    assert refusal(write_series(tmp_path / "a", change=change)).code == code


def test_multi_frame_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", change=shifted(lambda n: True, "NumberOfFrames", 3))
    assert refusal(folder).code == "enhanced_dicom"


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.15, 0.0])
def test_a_truncated_slice_is_refused(tmp_path: Path, kept: float, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_series(tmp_path / "a")
    victim = sorted(folder.iterdir())[3]
    content = victim.read_bytes()
    victim.write_bytes(content[: int(kept * len(content))])
    error = refusal(folder)
    assert error.code == "damaged_file" and "of 6" in error.message
    assert capfd.readouterr().err == ""


def test_a_truncated_compressed_slice_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a")
    victim = sorted(folder.iterdir())[0]
    dataset = pydicom.dcmread(victim)
    dataset.compress(pydicom.uid.JPEG2000Lossless)
    dataset.save_as(victim)
    assert read_series(folder).grid.size[2] == N_SLICES
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) - 60])
    assert refusal(folder).code == "damaged_file"


def test_an_empty_folder_and_one_without_dicom_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert refusal(tmp_path / "a").code == "folder_empty"
    (tmp_path / "a" / "DOE_JOHN.txt").write_text("nothing here " * 30)
    assert refusal(tmp_path / "a").code == "no_dicom"
    assert refusal(tmp_path / "b").code == "path_missing"


def test_a_single_slice_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", n_slices=1)
    assert refusal(folder).code == "not_3d"
    with pytest.raises(ImagingError) as caught:
        read_volume(next(folder.iterdir()))
    assert caught.value.code == "not_3d"


def test_the_patient_is_never_parsed_or_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_series(tmp_path / "a")
    reading = read_series_with_notes(folder)
    output = capfd.readouterr()
    said = f"{reading.summary} {reading.notes} {list_series(folder)} {caplog.text} {output.out} {output.err}"
    assert "DOE" not in said.upper() and "4711" not in said


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
def test_real_series_are_read_or_refused() -> None:
    abdomen = read_series(SHARED / "thoracic_ct/abdomen_dicom")  # JPEG 2000, one instance UID for all slices
    assert abdomen.grid.size == (512, 512, 20) and abdomen.grid.spacing_mm[2] == 2.0
    assert -1020 < np.percentile(abdomen.array, 25) < -980, "the air around the body"
    gaps = refusal(SHARED / "chest_ct_dicom_no_contrast")
    assert gaps.code == "missing_slices" and "58 slices" in gaps.message and "6.00 mm" in gaps.message
    assert refusal(SHARED / "head_mr_dicom").code == "not_ct"
