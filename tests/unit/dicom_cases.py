"""DICOM series as a scanner or an archive writes them, with a patient's name in every corner."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    generate_uid,
)

N_SLICES, ROWS, COLUMNS = 6, 72, 64
SPACING = (0.7, 0.8, 2.5)
ORIGIN = np.array([-101.0, 57.0, -642.0])
IDENTITY = np.eye(3)
COSINE, SINE = np.cos(0.3), np.sin(0.3)
TURNED = np.array([[COSINE, 0.0, SINE], [0.0, 1.0, 0.0], [-SINE, 0.0, COSINE]])
STORED = np.random.default_rng(3).integers(0, 3000, (N_SLICES, ROWS, COLUMNS)).astype(np.uint16)

Change = Callable[[int, FileDataset], None]


def write_series(
    folder: Path,
    axes: np.ndarray = IDENTITY,
    change: Change | None = None,
    series: str = "1.2.3.4",
    n_slices: int = N_SLICES,
    prefix: str = "DOE_JOHN",
) -> Path:
    """Slices in shuffled file order; ``axes`` are the image axes as columns."""
    folder.mkdir(exist_ok=True)
    names = np.random.default_rng(1).permutation(n_slices)
    for n in range(n_slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        dataset.PatientName, dataset.PatientID, dataset.Modality = "DOE^JOHN", "4711", "CT"
        dataset.SeriesDescription = "DOE JOHN angio"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.SeriesNumber = series, "1.2.3", 5
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PixelSpacing = [SPACING[1], SPACING[0]]
        dataset.SliceThickness = 5.0
        dataset.ImageOrientationPatient = [*axes[:, 0], *axes[:, 1]]
        dataset.ImagePositionPatient = [*(ORIGIN + n * SPACING[2] * axes[:, 2])]
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.PixelData = STORED[n % N_SLICES].tobytes()
        if change:
            change(n, dataset)
        dataset.save_as(folder / f"{prefix}_{names[n]}.dcm", enforce_file_format=True)
    return folder


def beside_origin(x: float, y: float, z: float) -> list[float]:
    return [float(c) for c in ORIGIN + np.array([x, y, z])]


def shifted(n_changed: Callable[[int], bool], key: str, value: Any) -> Change:
    def change(n: int, dataset: FileDataset) -> None:
        if n_changed(n):
            setattr(dataset, key, value(n) if callable(value) else value)

    return change


def write_enhanced(
    path: Path, array: np.ndarray = STORED, phases: tuple[float, ...] = (), axes: np.ndarray = IDENTITY
) -> FileDataset:
    """One enhanced CT file (PS3.3 A.38.1) with its frames in reverse order, once for each heart phase."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = EnhancedCTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedCTImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID, dataset.Modality = "DOE^JOHN", "4711", "CT"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.SeriesNumber = "1.2.3.5", "1.2.3", 6
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    shared = Dataset()
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [SPACING[1], SPACING[0]]
    shared.PixelMeasuresSequence[0].SliceThickness = 5.0
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [*axes[:, 0], *axes[:, 1]]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups, frames = [], []
    for number, phase in enumerate(phases or (None,)):
        for n in reversed(range(len(array))):
            group = Dataset()
            group.PlanePositionSequence = [Dataset()]
            group.PlanePositionSequence[0].ImagePositionPatient = [*(ORIGIN + n * SPACING[2] * axes[:, 2])]
            group.PixelValueTransformationSequence = [Dataset()]
            group.PixelValueTransformationSequence[0].RescaleSlope = 1
            group.PixelValueTransformationSequence[0].RescaleIntercept = -1024 + number
            group.PixelValueTransformationSequence[0].RescaleType = "HU"
            if phase is not None:
                group.CardiacSynchronizationSequence = [Dataset()]
                group.CardiacSynchronizationSequence[0].NominalPercentageOfCardiacPhase = phase
            groups.append(group)
            frames.append(array[n])
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = np.stack(frames).astype(np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return dataset


def write_directory(folder: Path, listed: list[list[str]]) -> Path:
    """A DICOMDIR in a folder that lists files by their components."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MediaStorageDirectoryStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    directory = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    directory.DirectoryRecordSequence = []
    for parts in listed:
        record = Dataset()
        with warnings.catch_warnings(action="ignore"):
            record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", parts
        directory.DirectoryRecordSequence.append(record)
    with warnings.catch_warnings(action="ignore"):
        directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"
