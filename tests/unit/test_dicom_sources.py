"""DICOM from archives, DICOMDIR, multi-frame files, packed pixels, several phases, and stacks that need a repair."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_cases import (
    COLUMNS,
    N_SLICES,
    ORIGIN,
    ROWS,
    SPACING,
    STORED,
    TURNED,
    beside_origin,
    shifted,
    write_directory,
    write_enhanced,
    write_series,
)
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from imaging.dicom.series import list_series, read_series, read_series_with_notes
from imaging.errors import ImagingError
from imaging.volume_io import read_volume

HU = STORED.astype(int) - 1024


def refused(source: Path, **options: Any) -> ImagingError:
    with pytest.raises(ImagingError) as caught:
        read_series_with_notes(source, **options)
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message and "DOE" not in message and str(source) not in message
    return caught.value


def zipped(folder: Path, path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def test_a_zip_archive_with_nested_folders_is_read_and_cleaned_up(tmp_path: Path) -> None:
    write_series(tmp_path / "study")
    (tmp_path / "study" / "deep" / "er").mkdir(parents=True)
    for path in sorted((tmp_path / "study").glob("*.dcm"))[:3]:
        path.rename(tmp_path / "study" / "deep" / "er" / path.name)
    archive = zipped(tmp_path / "study", tmp_path / "study.zip")
    before = set(Path("/tmp").glob("angiotwin-*"))
    assert np.array_equal(read_volume(archive).array, HU)
    assert [s.n_images for s in list_series(archive)] == [N_SLICES]
    assert set(Path("/tmp").glob("angiotwin-*")) <= before


@pytest.mark.parametrize(
    "name", ["../out.dcm", "/tmp/out.dcm", "a/../../out.dcm", "..\\out.dcm", "C:\\out.dcm", "a//b"]
)
def test_a_name_that_leads_out_of_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("fine.dcm", b"x")
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert refused(tmp_path / "a.zip").code == "path_outside"
    assert not Path("/tmp/out.dcm").exists() and not (tmp_path / "out.dcm").exists()


def test_archives_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused(tmp_path / "link.zip").code == "path_outside"
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert refused(tmp_path / "empty.zip").code == "folder_empty"
    whole = zipped(write_series(tmp_path / "s"), tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "cut.zip").code == "damaged_file"
    middle = len(whole) // 3
    (tmp_path / "flipped.zip").write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    assert refused(tmp_path / "flipped.zip").code == "damaged_file"


def test_an_archive_that_swells_beyond_reason_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(4_000_000))
    content = (tmp_path / "bomb.zip").read_bytes()
    size = (4_000_000).to_bytes(4, "little")
    (tmp_path / "bomb.zip").write_bytes(content.replace(size, (3_900_000_000).to_bytes(4, "little")))
    error = refused(tmp_path / "bomb.zip")
    assert error.code == "too_large" and "3.9 GB" in error.message


def test_a_dicomdir_says_which_files_are_read(tmp_path: Path) -> None:
    write_series(tmp_path / "disk" / "images") if (tmp_path / "disk").mkdir() is None else None
    names = sorted(path.name for path in (tmp_path / "disk" / "images").iterdir())
    write_series(tmp_path / "disk", series="9.9", n_slices=3, prefix="other")
    listed = [["IMAGES", name.upper()] for name in names]  # a copied disk often has other case
    directory = write_directory(tmp_path / "disk", [*listed, ["IMAGES", "GONE"]])
    reading = read_series_with_notes(directory)
    assert np.array_equal(reading.volume.array, HU)
    assert reading.notes == ("1 files that the DICOMDIR lists are not there.",)
    assert {s.series_uid for s in list_series(tmp_path / "disk")} == {"1.2.3.4", "9.9"}


@pytest.mark.parametrize("parts", [["..", "out.dcm"], ["a/../../out.dcm"], ["", "etc", "passwd"], ["C:", "x"]])
def test_a_dicomdir_that_leads_out_of_its_folder_is_refused(tmp_path: Path, parts: list[str]) -> None:
    (tmp_path / "out.dcm").write_bytes(b"secret")
    (tmp_path / "disk").mkdir()
    assert refused(write_directory(tmp_path / "disk", [parts])).code == "path_outside"


def test_a_link_in_a_dicomdir_folder_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.dcm").write_bytes(b"secret")
    (tmp_path / "disk" / "LINK").symlink_to(tmp_path / "out.dcm")
    assert refused(write_directory(tmp_path / "disk", [["LINK"]])).code == "path_outside"


def test_enhanced_ct_is_placed_frame_by_frame(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", axes=TURNED)
    volume = read_volume(tmp_path / "e.dcm")
    assert np.array_equal(volume.array, HU)
    place = ORIGIN + TURNED @ (np.array([63, 71, 5]) * SPACING)
    assert np.allclose(volume.grid.to_lps((63, 71, 5)), place, atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("is_enhanced", [False, True])
def test_packed_pixels_are_unpacked_exactly(tmp_path: Path, syntax: str, is_enhanced: bool) -> None:
    if is_enhanced:
        write_enhanced(tmp_path / "e.dcm")
    else:
        write_series(tmp_path)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
    assert np.array_equal(read_volume(tmp_path).array, HU)


def test_jpeg_ls_is_unpacked_exactly(tmp_path: Path) -> None:
    # (i * 23) % 2900 for i = 0 ... 119 in 12 rows of 10, packed by CharLS.
    stream = base64.b64decode(
        "/9j/9wALDAAMAAoBAREA/9oACAEBAAAAALbt17denOlRgJm7Zq0JkiJBuATPvOuNtMstjlYYXXWc5zU5Gta1jGMaHG"
        "xjGLWtZM4lrWta1rJHCpSlKUpRE4FKUzMzEDfZmZVVXzeVVVVVXjdVVVVVXQD/2Q=="
    )

    def packed(n: int, dataset: FileDataset) -> None:
        dataset.Rows, dataset.Columns, dataset.BitsStored, dataset.HighBit = 12, 10, 12, 11
        dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
        dataset.PixelData = encapsulate([stream])
        dataset["PixelData"].is_undefined_length = True

    array = read_series(write_series(tmp_path / "a", change=packed)).array
    assert np.array_equal(array[3], (np.arange(120) * 23 % 2900).reshape(12, 10) - 1024)


def test_phases_of_an_enhanced_file_are_told_apart(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", phases=(30.0, 75.0))
    error = refused(tmp_path)
    assert error.code == "several_phases" and "30%, 75%" in error.message
    for wanted, added in (("30%", 0), ("75 %", 1), ("75", 1)):
        assert np.array_equal(read_series_with_notes(tmp_path, phase=wanted).volume.array, HU + added)
    assert refused(tmp_path, phase="50%").code == "phase_unknown"


@pytest.mark.parametrize(
    ("key", "values", "ids"),
    [
        ("TemporalPositionIdentifier", (1, 2), ("t1", "t2")),
        ("NominalPercentageOfCardiacPhase", (40.0, 70.0), ("40%", "70%")),
        ("AcquisitionNumber", (4, 5), ("a4", "a5")),
        ("ConvolutionKernel", ("B30", "B60"), ("B30", "B60")),
    ],
)
def test_phases_of_single_slices_are_told_apart(tmp_path: Path, key: str, values: Any, ids: Any) -> None:
    write_series(tmp_path, prefix="one", change=shifted(lambda n: True, key, values[0]))

    def second(n: int, dataset: FileDataset) -> None:
        setattr(dataset, key, values[1])
        dataset.RescaleIntercept = -1000

    write_series(tmp_path, prefix="two", change=second)
    assert f"({ids[0]}, {ids[1]})" in refused(tmp_path).message
    assert np.array_equal(read_series_with_notes(tmp_path, phase=ids[1]).volume.array, HU + 24)


def test_doubled_slices_that_nothing_tells_apart_stay_refused(tmp_path: Path) -> None:
    write_series(tmp_path, prefix="one")
    write_series(tmp_path, prefix="two")
    assert refused(tmp_path).code == "duplicate_slices"


def test_a_tilt_is_put_straight_on_request_and_points_stay_where_they_are(tmp_path: Path) -> None:
    """HU are a linear function of the place in the patient: after the repair, covered voxels must hold it still."""
    slant = np.tan(np.deg2rad(12.0))

    def field(place: np.ndarray) -> np.ndarray:
        return 3.0 * (place[..., 0] - ORIGIN[0]) + 5.0 * (place[..., 1] - ORIGIN[1]) + 7.0 * (place[..., 2] - ORIGIN[2])

    def tilted(n: int, dataset: FileDataset) -> None:
        first = np.array(beside_origin(0, -n * SPACING[2] * slant, n * SPACING[2]))
        dataset.ImagePositionPatient = [*first]
        j, i = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
        places = first + np.stack([i * SPACING[0], j * SPACING[1], 0 * i], axis=-1)
        dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
        dataset.PixelData = np.rint(field(places)).astype("<i2").tobytes()

    folder = write_series(tmp_path / "a", change=tilted)
    assert "with the repair" in refused(folder).message
    reading = read_series_with_notes(folder, repair=True)
    assert "12.0 degrees" in reading.repair and "2.7 mm" in reading.repair
    grid, array = reading.volume.grid, reading.volume.array
    assert grid.size == (COLUMNS, ROWS + 4, N_SLICES) and np.allclose(grid.spacing_mm, SPACING)
    k, j, i = np.meshgrid(*(np.arange(n) for n in array.shape), indexing="ij")
    places = grid.to_lps(np.stack([i, j, k], axis=-1))
    shift = np.arange(N_SLICES)[:, None, None] * SPACING[2] * slant / SPACING[1]
    row_in_slice = (places[..., 1] - ORIGIN[1]) / SPACING[1] + shift
    covered = (row_in_slice >= 0) & (row_in_slice <= ROWS - 1)
    assert covered.mean() > 0.9
    assert np.abs(array - field(places))[covered].max() <= 1.01  # rounding to whole HU, twice
    far_outside = (row_in_slice < -1.0) | (row_in_slice > ROWS)
    assert far_outside.any() and (array[far_outside] == array.min()).all()


def test_uneven_slices_are_evened_on_request(tmp_path: Path) -> None:
    heights = [0.0, 1.0, 2.0, 3.4, 4.4, 6.4]

    def uneven(n: int, dataset: FileDataset) -> None:
        dataset.ImagePositionPatient = beside_origin(0, 0, heights[n])
        dataset.PixelData = np.full((ROWS, COLUMNS), round(100 * heights[n]) + 1024, np.uint16).tobytes()

    folder = write_series(tmp_path / "a", change=uneven)
    assert refused(folder).code == "uneven_slices"
    reading = read_series_with_notes(folder, repair=True)
    grid = reading.volume.grid
    height = (
        grid.to_lps(np.stack([0 * np.arange(grid.size[2])] * 2 + [np.arange(grid.size[2])], axis=1))[:, 2] - ORIGIN[2]
    )
    assert np.abs(reading.volume.array[:, 10, 10] - 100 * height).max() <= 0.51
    assert height[0] == pytest.approx(0.0) and height[-1] == pytest.approx(6.4)
    assert "1.00 to 2.00 mm apart" in reading.repair


def test_a_wide_gap_and_a_bent_stack_are_refused_with_and_without_repair(tmp_path: Path) -> None:
    gap = write_series(tmp_path / "gap", change=shifted(lambda n: n > 2, "InstanceNumber", 1))
    next(p for p in gap.iterdir() if pydicom.dcmread(p).ImagePositionPatient[2] == ORIGIN[2] + 5.0).unlink()
    assert refused(gap, repair=True).code == "missing_slices"  # 5 mm
    bent = shifted(lambda n: True, "ImagePositionPatient", lambda n: beside_origin(0, 0.1 * n * n, n * SPACING[2]))
    error = refused(write_series(tmp_path / "bent", change=bent), repair=True)
    assert error.code == "gantry_tilt" and "not along a line" in error.message


@pytest.mark.parametrize("spacing", [[0.0005, 0.0005], [700.0, 700.0], [0.0, 0.7], [-0.7, 0.7]])
def test_absurd_spacing_is_refused(tmp_path: Path, spacing: list[float]) -> None:
    folder = write_series(tmp_path / "a", change=shifted(lambda n: True, "PixelSpacing", spacing))
    assert refused(folder).code == "spacing_invalid"
    far = shifted(lambda n: True, "ImagePositionPatient", lambda n: beside_origin(0, 0, 900.0 * n))
    assert refused(write_series(tmp_path / "b", change=far)).code == "spacing_invalid"
