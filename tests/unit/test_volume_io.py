"""Scans and label maps go to files and come back unchanged, and what is no scan is refused in one sentence."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from app.workflow.import_study import import_study
from imaging import volume_io
from imaging.errors import ImagingError
from imaging.types import Grid, LabelMap, Volume
from imaging.volume_io import read_labels, read_volume, require_ct, write_labels, write_volume

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

ANGLES = np.deg2rad([12.0, -7.0])
TURN_Z = np.array([[np.cos(ANGLES[0]), -np.sin(ANGLES[0]), 0], [np.sin(ANGLES[0]), np.cos(ANGLES[0]), 0], [0, 0, 1]])
TURN_X = np.array([[1, 0, 0], [0, np.cos(ANGLES[1]), -np.sin(ANGLES[1])], [0, np.sin(ANGLES[1]), np.cos(ANGLES[1])]])
OBLIQUE = tuple(float(x) for x in (TURN_Z @ TURN_X).ravel())


def scan(dtype: type = np.int16, direction: tuple[float, ...] = OBLIQUE) -> Volume:
    rng = np.random.default_rng(4)
    array = rng.integers(-1000, 1500, (7, 6, 5)).astype(dtype)
    return Volume(array, Grid((5, 6, 7), (0.7, 0.8, 1.25), (-101.3, 57.9, 642.1), direction))


def to_itk(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction)
    return image


def refusal(path: Path) -> ImagingError:
    with pytest.raises(ImagingError) as caught:
        read_volume(path)
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message and len(message) < 250
    assert str(path) not in message and path.stem not in message, "a file's name may be the patient's"
    return caught.value


def patch_header(path: Path, offset: int, packed: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(packed)] = packed
    path.write_bytes(content)


# Positions: NRRD and MetaImage hold the doubles themselves; NIfTI holds float32, 6e-5 mm off at 650 mm.
@pytest.mark.parametrize(("suffix", "off_mm"), [(".nrrd", 1e-9), (".mha", 1e-9), (".nii", 2e-4), (".nii.gz", 2e-4)])
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_a_scan_comes_back_unchanged(tmp_path: Path, suffix: str, off_mm: float, dtype: type) -> None:
    written = scan(dtype)
    path = tmp_path / f"case{suffix}"
    write_volume(written, path)
    back = read_volume(path)
    assert back.array.dtype == dtype
    assert np.array_equal(back.array, written.array)
    corners = np.array([[0, 0, 0], [4, 0, 0], [0, 5, 0], [0, 0, 6], [4, 5, 6]])
    assert np.abs(back.grid.to_lps(corners) - written.grid.to_lps(corners)).max() < off_mm
    assert list(tmp_path.iterdir()) == [path], "no unfinished file is left"


def test_nrrd_keeps_modality_and_unit_of_a_scan_without_air(tmp_path: Path) -> None:
    volume = Volume(np.abs(scan().array), scan().grid, "CT", "HU")
    write_volume(volume, tmp_path / "a.nrrd")
    back = read_volume(tmp_path / "a.nrrd")
    assert (back.modality, back.unit) == ("CT", "HU")
    require_ct(back)


def test_a_mirrored_index_order_is_turned_without_moving_a_voxel(tmp_path: Path) -> None:
    mirrored = scan(direction=(1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(to_itk(mirrored), tmp_path / "a.nrrd")
    back = read_volume(tmp_path / "a.nrrd")
    assert np.linalg.det(np.reshape(back.grid.direction, (3, 3))) > 0.99
    for index in ((0, 0, 0), (4, 1, 2), (3, 5, 6)):
        i, j, k = np.rint(back.grid.to_index(mirrored.grid.to_lps(index))).astype(int)
        assert back.array[k, j, i] == mirrored.array[index[2], index[1], index[0]]
        assert np.allclose(back.grid.to_lps((i, j, k)), mirrored.grid.to_lps(index))


def test_scaled_nifti_values_are_float32_hu(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    sitk.WriteImage(to_itk(scan(direction=Grid((1, 1, 1), (1, 1, 1), (0, 0, 0)).direction)), path)
    patch_header(path, 112, struct.pack("<ff", 0.5, -10.0))
    back = read_volume(path)
    assert back.array.dtype == np.float32
    assert np.array_equal(back.array, scan().array * np.float32(0.5) - 10)


def test_wide_integers_that_fit_become_int16(tmp_path: Path) -> None:
    sitk.WriteImage(to_itk(scan(np.int32)), tmp_path / "a.nrrd")
    back = read_volume(tmp_path / "a.nrrd")
    assert back.array.dtype == np.int16 and np.array_equal(back.array, scan().array)


def test_a_file_of_one_time_point_is_a_scan(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.JoinSeries([to_itk(scan())]), tmp_path / "a.nrrd")
    assert np.array_equal(read_volume(tmp_path / "a.nrrd").array, scan().array)


def test_label_names_travel_in_nrrd(tmp_path: Path) -> None:
    array = np.zeros((7, 6, 5), dtype=np.uint8)
    array[2:4] = 1
    array[5] = 7
    labels = LabelMap(array, scan().grid, {1: "aorta", 7: "left_subclavian", 9: "absent"})
    write_labels(labels, tmp_path / "a.nrrd")
    back = read_labels(tmp_path / "a.nrrd")
    assert back.names == labels.names
    assert back.array.dtype == np.uint8 and np.array_equal(back.array, array)
    write_labels(labels, tmp_path / "a.nii.gz")
    assert read_labels(tmp_path / "a.nii.gz").names == {1: "label 1", 7: "label 7"}


def test_an_empty_label_map_is_read(tmp_path: Path) -> None:
    write_labels(LabelMap(np.zeros((7, 6, 5), dtype=np.uint8), scan().grid, {1: "aorta"}), tmp_path / "a.nrrd")
    assert not read_labels(tmp_path / "a.nrrd").array.any()


def test_a_scan_is_no_label_map(tmp_path: Path) -> None:
    write_volume(scan(), tmp_path / "a.nrrd")
    with pytest.raises(ImagingError, match="whole numbers") as caught:
        read_labels(tmp_path / "a.nrrd")
    assert caught.value.code == "not_labels"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_text_file_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"DOE_JOHN{suffix}"
    path.write_text("Dear colleague, please find enclosed the scan.\n" * 40)
    assert refusal(path).code == "not_an_image"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("part", [0.5, 0.98])
def test_a_truncated_file_is_refused(
    tmp_path: Path, suffix: str, part: float, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    noise = Volume(rng.integers(-1000, 1000, (20, 30, 40)).astype(np.int16), Grid((40, 30, 20), (1, 1, 1), (0, 0, 0)))
    path = tmp_path / f"DOE_JOHN{suffix}"
    write_volume(noise, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert refusal(path).code == "damaged_file"
    assert capfd.readouterr().err == ""


def test_a_compressed_file_with_wrong_checksum_is_refused(tmp_path: Path) -> None:
    write_volume(scan(), tmp_path / "a.nii")
    path = tmp_path / "a.nii.gz"
    packed = bytearray(gzip.compress((tmp_path / "a.nii").read_bytes()))
    packed[-6] ^= 0xFF
    path.write_bytes(packed)
    assert refusal(path).code == "damaged_file"


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_a_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"DOE_JOHN{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(scan().array[0]), path)
    assert refusal(path).code == "not_3d"
    sitk.WriteImage(to_itk(scan())[:, :, :1], path)
    assert refusal(path).code == "not_3d"


def test_a_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nrrd"
    sitk.WriteImage(sitk.JoinSeries([to_itk(scan()), to_itk(scan())]), path)
    error = refusal(path)
    assert error.code == "not_3d" and "over time" in error.message


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_a_phase_of_a_film_is_read_at_its_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    second = scan()
    second = Volume(second.array - 7, second.grid)
    sitk.WriteImage(sitk.JoinSeries([to_itk(scan()), to_itk(second)]), path)
    assert "phases 1 to 2" in refusal(path).message
    for number, expected in (("1", scan()), ("2", second)):
        found = read_volume(path, phase=number)
        assert np.allclose(found.grid.to_lps((4, 5, 6)), expected.grid.to_lps((4, 5, 6)), atol=2e-4)
        assert np.array_equal(found.array, expected.array)
    for number in ("0", "3", "70%"):
        with pytest.raises(ImagingError) as caught:
            read_volume(path, phase=number)
        assert caught.value.code == "phase_unknown"


def test_a_color_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nrrd"
    sitk.WriteImage(sitk.Compose([to_itk(scan(np.uint8))] * 3), path)
    assert refusal(path).code == "color_image"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_value_are_refused_with_their_place(tmp_path: Path, value: float) -> None:
    volume = scan(np.float32)
    volume.array[3, 2, 1] = value
    path = tmp_path / "DOE_JOHN.nrrd"
    sitk.WriteImage(to_itk(volume), path)
    error = refusal(path)
    assert error.code == "values_not_finite"
    assert np.allclose(error.place_mm, volume.grid.to_lps((1, 2, 3)))


def test_a_constant_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nrrd"
    sitk.WriteImage(to_itk(Volume(np.full((7, 6, 5), -1000, dtype=np.int16), scan().grid)), path)
    assert refusal(path).code == "constant_image"


def test_a_missing_path_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "DOE_JOHN.nrrd").code == "path_missing"
    (tmp_path / "DOE_JOHN.png").write_bytes(b"\x89PNG")
    assert refusal(tmp_path / "DOE_JOHN.png").code == "format_unknown"
    with pytest.raises(ImagingError) as caught:
        write_volume(scan(), tmp_path / "a.png")
    assert caught.value.code == "format_unknown"


def test_values_that_cannot_be_hu_are_refused_as_ct(tmp_path: Path) -> None:
    sitk.WriteImage(to_itk(Volume(np.abs(scan().array), scan().grid)), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    assert volume.modality == "unknown"
    with pytest.raises(ImagingError, match="needs HU") as caught:
        require_ct(volume)
    assert caught.value.code == "not_ct"
    require_ct(scan())


def test_a_file_that_knows_neither_spacing_nor_hu_is_imported_as_stated(tmp_path: Path) -> None:
    sitk.WriteImage(to_itk(Volume(np.abs(scan().array), scan().grid)), tmp_path / "a.nii.gz")
    with pytest.raises(ImagingError, match="angiogram of another kind"):
        import_study(tmp_path / "a.nii.gz", tmp_path / "no.case", "no", spacing_mm=0.35)
    record = import_study(tmp_path / "a.nii.gz", tmp_path / "a.case", "a", spacing_mm=0.35, angiogram=True)
    assert record.facts["spacing_mm"] == pytest.approx([0.35, 0.4, 0.625])
    assert record.facts["origin_mm"] == pytest.approx([x / 2 for x in scan().grid.origin_mm], rel=1e-6)
    assert "stated by the user" in record.facts["spacing"] and record.facts["modality"] == "unknown"


# Offsets of the NIfTI-1 header: qform_code 252, sform_code 254, qoffset_x 268, srow_x 280, xyzt_units 123.
def test_nifti_without_a_place_in_the_patient_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nii"
    write_volume(scan(), path)
    patch_header(path, 252, struct.pack("<hh", 0, 0))
    assert refusal(path).code == "frame_unknown"


def test_nifti_whose_two_places_disagree_is_refused_in_mm(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nii"
    write_volume(scan(), path)
    (x,) = struct.unpack_from("<f", path.read_bytes(), 268)
    patch_header(path, 268, struct.pack("<f", x + 12.0))
    error = refusal(path)
    assert error.code == "frames_disagree" and "12.0 mm" in error.message


@pytest.mark.parametrize("code", [(1, 0), (0, 1), (1, 1)])
def test_nifti_with_one_or_two_agreeing_places_is_read(tmp_path: Path, code: tuple[int, int]) -> None:
    path = tmp_path / "a.nii"
    write_volume(scan(), path)
    patch_header(path, 252, struct.pack("<hh", *code))
    assert np.abs(read_volume(path).grid.to_lps((4, 5, 6)) - scan().grid.to_lps((4, 5, 6))).max() < 2e-4


def test_nifti_in_another_unit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nii"
    write_volume(scan(), path)
    patch_header(path, 123, struct.pack("<b", 3))  # micrometres
    assert refusal(path).code == "spacing_invalid"


def test_sheared_axes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "DOE_JOHN.nii"
    write_volume(scan(direction=Grid((1, 1, 1), (1, 1, 1), (0, 0, 0)).direction), path)
    patch_header(path, 252, struct.pack("<hh", 0, 1))
    patch_header(path, 280, struct.pack("<f", 0.7) + struct.pack("<f", 0.3))
    assert refusal(path).code == "axes_not_perpendicular"
    path = tmp_path / "DOE_JOHN.nrrd"
    image = to_itk(scan())
    image.SetDirection((1, 0.2, 0, 0, 0.9798, 0, 0, 0, 1))
    sitk.WriteImage(image, path)
    assert refusal(path).code == "axes_not_perpendicular"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii.gz"
    write_volume(scan(), path)
    before = path.read_bytes()

    def onto_a_full_disk(image: sitk.Image, name: str, useCompression: bool) -> None:
        Path(name).write_bytes(before[: len(before) // 2])

    monkeypatch.setattr(sitk, "WriteImage", onto_a_full_disk)
    with pytest.raises(ImagingError, match="disk is not full") as caught:
        write_volume(scan(np.float32), path)
    assert caught.value.code == "write_failed"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_writing_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagingError) as caught:
        write_volume(scan(), tmp_path / "nowhere" / "a.nrrd")
    assert caught.value.code == "write_failed"


def test_progress_can_cancel(tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        raise Cancelled

    write_volume(scan(), tmp_path / "a.nrrd")
    with pytest.raises(Cancelled):
        volume_io.read_volume(tmp_path / "a.nrrd", progress=cancel)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
def test_real_scans_are_read_with_their_frame() -> None:
    ct = read_volume(SHARED / "thoracic_ct/ct.nii.gz")
    assert (ct.modality, ct.array.dtype, ct.grid.size) == ("CT", np.int16, (233, 167, 191))
    assert (ct.array.min(), ct.array.max()) == (-1094, 3343)
    aorta = read_labels(SHARED / "thoracic_ct/labels/aorta.nii.gz")
    offset = ct.grid.to_index(aorta.grid.origin_mm)
    assert np.allclose(offset, np.rint(offset), atol=1e-3), "the cropped grid lies on the whole one's voxels"
    i, j, k = np.rint(offset).astype(int)
    n_i, n_j, n_k = aorta.grid.size
    inside = ct.array[k : k + n_k, j : j + n_j, i : i + n_i][aorta.array > 0]
    assert 200 < np.median(inside) < 600
    for other in ("aorta_mra/aorta.mha", "intracranial_aneurysm_3dra/aneurism.nrrd", "circle_of_willis/mra.mha"):
        with pytest.raises(ImagingError) as caught:
            require_ct(read_volume(SHARED / other))
        assert caught.value.code == "not_ct"
    require_ct(read_volume(SHARED / "circle_of_willis/cta.mha"))
