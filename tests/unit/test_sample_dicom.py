"""Samples as DICOM folders: the slices are the scan, in its place, and name nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.samples import import_sample, list_samples, write_sample_dicom
from imaging.dicom.series import read_series
from imaging.types import Grid, Progress, Volume
from sample_data import made
from sample_data.dicom_folder import write_dicom_folder
from sample_data.loader import Point, read_points

TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def small_scan() -> Volume:
    values = np.random.default_rng(3).normal(0.0, 400.0, (5, 9, 7)).astype(np.int16)
    values[0, 0, 0], values[-1, -1, -1] = -1094, 3343
    return Volume(values, Grid((7, 9, 5), (0.6, 0.6, 1.25), (-11.3, 20.7, 301.123), TURNED))


def test_the_slices_are_the_volume_in_its_place_and_name_nobody(tmp_path: Path) -> None:
    volume = small_scan()
    folder = write_dicom_folder(volume, tmp_path / "a", "Phantom")
    read = read_series(folder)
    k, j, i = np.indices(volume.array.shape)
    places = volume.grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    n = np.rint(read.grid.to_index(places)).astype(int)
    np.testing.assert_allclose(read.grid.to_lps(n), places, atol=1e-4)
    assert (read.array[n[:, 2], n[:, 1], n[:, 0]] == volume.array.reshape(-1)).all()
    again = write_dicom_folder(volume, tmp_path / "b", "Phantom")
    for one, other in zip(sorted(folder.iterdir()), sorted(again.iterdir()), strict=True):
        assert one.read_bytes() == other.read_bytes()
    header = pydicom.dcmread(next(folder.iterdir()))
    assert not header.dir("PatientName", "PatientID", "PatientBirthDate", "InstitutionName")


def test_a_made_scan_is_written_with_its_points_and_imported_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Point = (-11.0004, 20.0, 302.0)

    def scan(progress: Progress) -> tuple[Volume, Mapping[str, Point]]:
        return small_scan(), {"ostium": place}

    one = made.MadeScan("small", "Small", "", scan, {"segment": {"preset": "left-coronary"}})
    monkeypatch.setattr(made, "MADE_SCANS", {"small": one})
    slices = write_sample_dicom("small", tmp_path / "s")
    assert len(list(slices.glob("*.dcm"))) == 5
    assert read_points(slices.parent / "points.json") == {"ostium": (-11.0, 20.0, 302.0)}
    with pytest.raises(CaseError) as refused:
        write_sample_dicom("small", tmp_path / "s")
    assert refused.value.code == "out_not_empty"
    with pytest.raises(CaseError) as refused:
        write_sample_dicom("coronary_phantom", tmp_path / "t")
    assert refused.value.code == "no_scan" and not (tmp_path / "t").exists()
    import_sample("small", tmp_path / "c.case")
    with OpenCase.open(tmp_path / "c.case", writable=False) as opened:
        case = opened.case
    assert case.points["ostium"] == place and case.parameters["segment"]["preset"] == "left-coronary"
    json.dumps(list_samples())
