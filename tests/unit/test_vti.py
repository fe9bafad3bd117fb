"""VTI files: taken when their frame is stated, voxels at their places in either frame, refused in one sentence else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from imaging.errors import ImagingError
from imaging.types import Grid
from imaging.volume_io import read_volume
from imaging.vti import read_vti

SIZE, SPACING, ORIGIN = (6, 5, 4), (0.7, 0.8, 1.25), (-101.0, 57.0, 642.0)
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def values() -> np.ndarray:
    return np.random.default_rng(2).integers(-1000, 1500, SIZE[::-1]).astype(np.int16)


def write_vti(path: Path, array: np.ndarray, *, first: int = 0, n_components: int = 1) -> Path:
    """An image whose extent begins at ``first``, its axes turned by 90 degrees about the third."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    image = vtkImageData()
    extent = [end for n in SIZE for end in (first, first + n - 1)]
    image.SetExtent(extent)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirectionMatrix(TURN.ravel())
    data = numpy_to_vtk(np.repeat(array.ravel(), n_components).reshape(-1, n_components), deep=True)
    data.SetName("Scalars_")
    image.GetPointData().SetScalars(data)
    writer = vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()
    return path


@pytest.mark.parametrize(("frame", "sign"), [("LPS", 1.0), ("ras", -1.0)])
def test_every_voxel_is_where_the_file_puts_it(tmp_path: Path, frame: str, sign: float) -> None:
    array = values()
    volume = read_volume(write_vti(tmp_path / "a.vti", array, first=3), frame=frame)
    flip = np.array([sign, sign, 1.0])
    for i, j, k in ((0, 0, 0), (5, 1, 3), (2, 4, 1)):
        stated = np.array(ORIGIN) + TURN @ (np.array([i + 3, j + 3, k + 3]) * SPACING)
        index = np.rint(volume.grid.to_index(stated * flip)).astype(int)
        assert np.allclose(volume.grid.to_lps(index), stated * flip, atol=1e-6)
        assert volume.array[index[2], index[1], index[0]] == array[k, j, i]
    assert volume.modality == "CT" and volume.array.dtype == np.int16


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    good = write_vti(tmp_path / "a.vti", values())

    def refused(path: Path, frame: str = "LPS") -> str:
        with pytest.raises(ImagingError) as caught:
            read_volume(path, frame=frame)
        return caught.value.code

    assert refused(good, "") == "frame_unknown"
    assert refused(write_vti(tmp_path / "rgb.vti", values(), n_components=3)) == "color_image"
    for part in (0.3, 0.6, 0.95):
        cut = tmp_path / f"cut{part}.vti"
        cut.write_bytes(good.read_bytes()[: int(part * good.stat().st_size)])
        assert refused(cut) in ("damaged_file", "not_an_image")
    huge = tmp_path / "huge.vti"
    huge.write_bytes(good.read_bytes().replace(b'"0 5 0 4 0 3"', b'"0 99999 0 99999 0 99999"'))
    assert refused(huge) == "too_large"
    text = tmp_path / "text.vti"
    text.write_text("no image")
    assert refused(text) == "not_an_image"
    flat = tmp_path / "flat.vti"
    flat.write_bytes(good.read_bytes().replace(b'WholeExtent="0 5 0 4 0 3"', b'WholeExtent="0 5 0 4 0 0"'))
    assert refused(flat) == "not_3d"


def test_the_frame_is_stated_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_vti(tmp_path / "a.vti", values())
    assert main(["import", str(source), str(tmp_path / "a.case")]) != 0
    assert "state its frame" in capsys.readouterr().err and not (tmp_path / "a.case").exists()
    assert main(["import", str(source), str(tmp_path / "a.case"), "--frame", "ras"]) == 0


def test_the_grid_is_that_of_the_file(tmp_path: Path) -> None:
    array, grid = read_vti(write_vti(tmp_path / "a.vti", values()), "LPS", lambda fraction, text: None)
    assert grid == Grid(SIZE, SPACING, ORIGIN, tuple(TURN.ravel()))
    assert np.array_equal(array, values())
