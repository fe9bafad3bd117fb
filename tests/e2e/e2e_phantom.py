"""A small aortic arch with known truth, as the scan that a hospital would send."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from imaging.types import Volume
from sample_data.phantoms import ArchParameters, RenderedPhantom, RenderSettings, aortic_arch, render_ct

SPACING_MM = 2.0
PATIENT_NAME, PATIENT_ID = "Zwetschkenbaum^Adalbert", "PID7788123"
SECRETS = ("zwetschkenbaum", "adalbert", "pid7788123")
"""What must never be found in a case, a log or a report; in lower case."""


@cache
def arch_scan(contrast: bool = True) -> RenderedPhantom:
    """An arch with short branches and a short descending part, so that few voxels and cells hold it."""
    arch = aortic_arch(ArchParameters(height_mm=75.0, drop_mm=10.0, branch_lengths_mm=(45.0, 45.0, 45.0)))
    return render_ct(arch, SPACING_MM, RenderSettings(contrast=contrast), rng_seed=5)


def point_words(**moved: tuple[float, float, float]) -> list[str]:
    """The arch's points as the command line takes them, some of them elsewhere."""
    places = {**arch_scan().phantom.seeds, **moved}
    return [f"{role}={','.join(f'{x:.3f}' for x in place)}" for role, place in places.items()]


def write_dicom(volume: Volume, folder: Path, **changes: Any) -> Path:
    """A series of slices that carries the patient's name in headers and file names.

    A value in ``changes`` replaces that of a header's element; one that can be called gets the slice's number and the
    value so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    grid, series, study = volume.grid, generate_uid(), generate_uid()
    axes = np.reshape(grid.direction, (3, 3))
    for k, pixels in enumerate(volume.array):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        place = [round(float(x), 4) for x in grid.to_lps((0, 0, k))]
        rows, columns = pixels.shape
        elements = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "SeriesNumber": 4,
            "Modality": "CT",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "PatientName": PATIENT_NAME,
            "PatientID": PATIENT_ID,
            "StudyDescription": f"CTA of {PATIENT_NAME}",
            "Rows": rows,
            "Columns": columns,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 1,
            "PixelSpacing": [grid.spacing_mm[1], grid.spacing_mm[0]],
            "ImageOrientationPatient": [*axes[:, 0], *axes[:, 1]],
            "ImagePositionPatient": place,
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
        }
        for name, value in elements.items():
            change = changes.get(name, value)
            setattr(dataset, name, change(k, value) if callable(change) else change)
        dataset.PixelData = pixels.astype("<i2").tobytes()
        dataset.save_as(folder / f"{PATIENT_NAME.replace('^', '_')}_{k:04d}.dcm", enforce_file_format=True)
    return folder


def small_ct(n: int = 12) -> Volume:
    """A scan of n slices cut out of the arch's, for what is refused before anybody looks at a vessel."""
    volume = arch_scan().volume
    grid = volume.grid
    array = np.ascontiguousarray(volume.array[:n, :40, :32])
    return Volume(array, type(grid)((32, 40, n), grid.spacing_mm, grid.origin_mm, grid.direction))
