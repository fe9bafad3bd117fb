"""In all 48 orientations of its axes a scan keeps every point where it is in the patient, from the file to the mesh."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from dicom_cases import ORIGIN, write_series
from dicom_cases import SPACING as DICOM_SPACING
from pydicom.dataset import FileDataset

from imaging.dicom.series import read_series
from imaging.meshing.core import _tetgen as tetrahedra_of
from imaging.surface.contour import contour
from imaging.surface.lumen_field import crop_to_lumen, lumen_field
from imaging.types import LabelMap
from imaging.volume_io import read_labels, read_volume, write_labels

ORIENTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]
SPACING = np.array([1.5, 1.8, 2.1])
CENTER = np.array([31.0, -47.0, 512.0])
"""Of the scan, in the patient."""
MARKS = {"left": np.array([12.0, 0.0, 0.0]), "back": np.array([0.0, 8.0, 0.0]), "head": np.array([0.0, 0.0, 4.0])}
"""The blob reaches out of the center by another length to the left, to the back and to the head: no two axes alike."""
SIZE = (26, 22, 19)


def lumen_at(places: np.ndarray) -> np.ndarray:
    """HU of a blob with three arms of different lengths, at LPS places (..., 3): 300 inside, -100 outside."""
    offset = places - CENTER
    distance = np.linalg.norm(offset, axis=-1) - 4.0
    for arm in MARKS.values():
        length = np.linalg.norm(arm)
        along = np.clip(offset @ arm / length**2, 0.0, 1.0)
        distance = np.minimum(distance, np.linalg.norm(offset - along[..., None] * arm, axis=-1) - 3.0)
    return np.clip(300.0 - 400.0 * (distance / 1.5 + 0.5), -100.0, 300.0)


def turned_scan(axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """HU (k, j, i) of the blob on a grid with these axes as columns, and the place of voxel (0, 0, 0)."""
    origin = CENTER - axes @ ((np.array(SIZE) - 1) * SPACING / 2.0)
    k, j, i = np.meshgrid(*(np.arange(n) for n in reversed(SIZE)), indexing="ij")
    places = origin + np.stack([i, j, k], axis=-1) * SPACING @ axes.T
    hu = np.rint(lumen_at(places)).astype(np.int16)
    hu[0, 0, 0] = -1000  # air, so that the file is taken for a CT
    return hu, origin


def extent(points: np.ndarray) -> np.ndarray:
    """Lowest and highest LPS coordinates about the center, (2, 3)."""
    return np.stack([points.min(axis=0), points.max(axis=0)]) - CENTER


EXPECTED = np.array([[-4.0, -4.0, -4.0], [15.0, 11.0, 7.0]])
TOLERANCE_MM = 1.0
"""Half a voxel, and far less than the 4 mm by which the arms differ."""
STORED = np.random.default_rng(5).permutation(4 * 7 * 6).reshape(4, 7, 6).astype(np.uint16)


@pytest.mark.parametrize("axes", ORIENTATIONS)
def test_a_point_keeps_its_place_from_the_file_to_the_mesh(tmp_path: Path, axes: np.ndarray) -> None:
    hu, origin = turned_scan(axes)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(SPACING)
    image.SetOrigin(origin)
    image.SetDirection(axes.ravel())
    sitk.WriteImage(image, tmp_path / "scan.nrrd")
    volume = read_volume(tmp_path / "scan.nrrd")
    grid = volume.grid
    assert np.linalg.det(np.reshape(grid.direction, (3, 3))) == pytest.approx(1.0)
    k, j, i = np.meshgrid(*(np.arange(n) for n in volume.array.shape), indexing="ij")
    places = grid.to_lps(np.stack([i, j, k], axis=-1))
    wrong = np.abs(volume.array - lumen_at(places)) > 0.51
    assert wrong.sum() == 1, "only the voxel of air differs"

    labels = (volume.array > 100).astype(np.uint8)
    write_labels(LabelMap(labels, grid, {1: "lumen"}), tmp_path / "labels.nrrd")
    read = read_labels(tmp_path / "labels.nrrd")
    _, mask, cropped = crop_to_lumen(read.array > 0, read.grid)
    field = lumen_field(mask, mask.astype(np.float32), cropped, 0.6, 2.0)
    points, triangles = contour(field, float(mask.sum()) * cropped.voxel_volume_ml * 1000.0)
    assert np.abs(extent(points) - EXPECTED).max() < TOLERANCE_MM
    nodes, tets = tetrahedra_of(points, triangles)
    assert np.abs(extent(nodes) - EXPECTED).max() < TOLERANCE_MM
    corners = nodes[tets]
    edges = corners[:, 1:] - corners[:, :1]
    volumes = np.einsum("ij,ij->i", edges[:, 0], np.cross(edges[:, 1], edges[:, 2])) / 6.0
    assert volumes.min() > 0.0, "no tetrahedron is turned inside out by the flip of an axis"
    middle = (corners.mean(axis=1) * volumes[:, None]).sum(axis=0) / volumes.sum() - CENTER
    inside = places[lumen_at(places) > 100.0] - CENTER
    np.testing.assert_allclose(middle, inside.mean(axis=0), atol=0.25)


@pytest.mark.parametrize("axes", ORIENTATIONS)
def test_a_dicom_voxel_is_where_its_header_puts_it(tmp_path: Path, axes: np.ndarray) -> None:
    """Slices may be stacked along their normal or against it: both have 24 orientations."""

    def small(n: int, dataset: FileDataset) -> None:
        dataset.Rows, dataset.Columns = STORED.shape[1:]
        dataset.PixelData = STORED[n].tobytes()

    volume = read_series(write_series(tmp_path, axes, change=small, n_slices=len(STORED)))
    assert np.linalg.det(np.reshape(volume.grid.direction, (3, 3))) == pytest.approx(1.0)
    k, j, i = np.meshgrid(*(np.arange(n) for n in STORED.shape), indexing="ij")
    places = ORIGIN + (np.stack([i, j, k], axis=-1) * DICOM_SPACING) @ axes.T
    index = volume.grid.to_index(places)
    assert np.abs(index - np.rint(index)).max() < 1e-4
    at = np.rint(index).astype(int)
    assert np.array_equal(volume.array[at[..., 2], at[..., 1], at[..., 0]], STORED.astype(int) - 1024)
