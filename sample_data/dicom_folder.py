"""A volume as a folder of DICOM slices that name nobody, as the beginning of a walk through the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.types import Progress, Volume, silent

_HIGHEST_INTERCEPT = -1024


def write_dicom_folder(
    volume: Volume, folder: Path, description: str = "CT angiogram", progress: Progress = silent
) -> Path:
    """Write one uncompressed CT slice a file; values are rounded to whole HU. Identifiers follow from the content.

    Parameters
    ----------
    folder : Path
        Is made when missing.
    description : str
        Series description.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    grid = volume.grid
    intercept = min(_HIGHEST_INTERCEPT, int(np.floor(volume.array.min())))
    axes = np.reshape(grid.direction, (3, 3))
    seed = f"{description} {grid} {float(volume.array.mean(dtype=np.float64)):.6f}"
    for k, values in enumerate(volume.array):
        progress(k / len(volume.array), f"Writing slice {k + 1} of {len(volume.array)}")
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[seed, str(k)])
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        dataset.StudyInstanceUID = generate_uid(entropy_srcs=[seed, "study"])
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[seed, "series"])
        dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 1, k + 1
        dataset.SeriesDescription = description
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = grid.size[1], grid.size[0], 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[0]]
        dataset.SliceThickness = grid.spacing_mm[2]
        dataset.ImageOrientationPatient = [*axes[:, 0].tolist(), *axes[:, 1].tolist()]
        dataset.ImagePositionPatient = [round(float(x), 5) for x in grid.to_lps((0, 0, k))]
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, intercept
        stored = np.clip(np.rint(values).astype(np.int32) - intercept, 0, 65535)
        dataset.PixelData = stored.astype("<u2").tobytes()
        dataset.save_as(folder / f"slice_{k + 1:04d}.dcm", enforce_file_format=True)
    progress(1.0, "DICOM folder written")
    return folder
