"""A folder of DICOM files to a CT volume in HU, with the geometry checked in millimetres.

Nothing that could name the patient is put into a message: no file name, no description, no identifier but the series'.
"""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.geometry import slice_order
from imaging.errors import ImagingError, not_readable
from imaging.native_messages import native_messages_hidden
from imaging.types import Grid, Progress, Volume, silent

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_HEADER_TAGS = [
    "ImageType",
    "SOPInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SamplesPerPixel",
    "RescaleSlope",
    "RescaleIntercept",
]
_PIXEL_TAGS = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
]
"""Only these are parsed: what names the patient never enters the program."""
_LOCALIZER_MAX_SLICES = 2


@dataclass(frozen=True)
class SeriesSummary:
    """What a series holds, without anything that names the patient."""

    series_uid: str
    number: str
    modality: str
    n_images: int
    rows: int
    columns: int

    def __str__(self) -> str:
        size = f"{self.n_images} images of {self.columns} x {self.rows}"
        return f"series {self.number} ({self.modality}, {size}, UID {self.series_uid})"


@dataclass(frozen=True, eq=False)
class SeriesReading:
    """A volume read from DICOM and what was left out on the way, in plain sentences."""

    volume: Volume
    summary: SeriesSummary
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Image:
    path: Path
    header: Dataset


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM mark behind its 128-byte preamble; ImagingError ``not_readable``."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except PermissionError:
        raise not_readable() from None


def list_series(folder: str | Path) -> list[SeriesSummary]:
    """The image series in a folder and its sub-folders, largest first.

    Raises
    ------
    ImagingError
        ``path_missing``, ``folder_empty``, ``no_dicom``, ``damaged_file``, ``not_readable``.
    """
    groups, _ = _grouped(Path(folder), silent)
    return sorted((_summary(images) for images in groups.values()), key=lambda s: (-s.n_images, s.series_uid))


def read_series(folder: str | Path, series_uid: str | None = None, progress: Progress = silent) -> Volume:
    """The CT volume of a DICOM series; see `read_series_with_notes`."""
    return read_series_with_notes(folder, series_uid, progress).volume


def read_series_with_notes(
    folder: str | Path, series_uid: str | None = None, progress: Progress = silent
) -> SeriesReading:
    """The CT volume of a DICOM series.

    Slices are ordered by their position along the normal of the image plane; the spacing between them comes from these
    positions, never from the slice thickness. Stored values become HU by the slope and intercept of each image.

    Parameters
    ----------
    folder : str or Path
        A folder, searched with its sub-folders, or one DICOM file.
    series_uid : str, optional
        Which series to read; needed when there are several of more than two images (localizers are left out).

    Returns
    -------
    SeriesReading
        int16 HU when every value is a whole number that fits, else float32.

    Raises
    ------
    ImagingError
        ``path_missing``, ``not_readable``, ``folder_empty``, ``no_dicom``, ``damaged_file``, ``several_series``,
        ``series_unknown``, ``not_ct``, ``enhanced_dicom``, ``color_image``, ``not_3d``, ``geometry_missing``,
        ``mixed_size``, ``mixed_orientation``, ``duplicate_slices``, ``gantry_tilt``, ``missing_slices``,
        ``uneven_slices``, ``hu_scale_missing``, ``constant_image``.
    """
    groups, notes = _grouped(Path(folder), progress)
    images = _chosen(groups, series_uid, notes)
    summary = _summary(images)
    _check_kind(images, summary)
    images = _without_copies(images, notes)
    if len(images) < 2:
        raise ImagingError(
            "not_3d", "This DICOM series holds a single image; choose the folder with the whole series of slices."
        )
    order, grid = slice_order([image.header for image in images])
    images = [images[n] for n in order]
    array = _hounsfield(images, grid, progress)
    if array.min() == array.max():
        raise ImagingError("constant_image", f"Every voxel of this series has the same value ({array.min():g} HU).")
    progress(1.0, "Scan read")
    return SeriesReading(Volume(array, grid, "CT", "HU"), summary, tuple(notes))


def _grouped(folder: Path, progress: Progress) -> tuple[dict[str, list[_Image]], list[str]]:
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import MediaStorageDirectoryStorage

    if not folder.exists():
        raise ImagingError("path_missing", "There is nothing at the chosen place; choose a folder with DICOM files.")
    _require_readable_folders(folder)
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ImagingError("folder_empty", "The chosen folder is empty; choose the folder that holds the DICOM files.")
    groups: dict[str, list[_Image]] = defaultdict(list)
    n_other = n_localizers = 0
    for n, path in enumerate(files):
        if n % 32 == 0:
            progress(0.3 * n / len(files), "Reading DICOM headers")
        try:
            with warnings.catch_warnings(action="ignore"), path.open("rb") as stream:
                header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(_HEADER_TAGS))
                ends_in_header = not stream.read(1)
        except PermissionError:
            raise not_readable() from None
        except InvalidDicomError:
            if path.suffix.lower() == ".dcm":
                raise _damaged_image(n, len(files)) from None
            n_other += 1
            continue
        except Exception:  # pydicom lets many kinds of error out of a damaged file
            raise _damaged_image(n, len(files)) from None
        if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
            n_other += 1
        elif "SeriesInstanceUID" not in header or (
            header.get("Modality") == "CT" and ("Rows" not in header or ends_in_header)
        ):
            raise _damaged_image(n, len(files))
        elif "Rows" not in header:
            n_other += 1
        elif "LOCALIZER" in header.get("ImageType", []):
            n_localizers += 1
        else:
            groups[str(header.SeriesInstanceUID)].append(_Image(path, header))
    if not groups:
        raise ImagingError(
            "no_dicom",
            f"None of the {len(files)} files in the chosen folder is a DICOM slice; choose the folder of the scan.",
        )
    notes = []
    if n_other:
        notes.append(f"{n_other} files that are no DICOM images were left out.")
    if n_localizers:
        notes.append(f"{n_localizers} localizer images were left out.")
    return dict(groups), notes


def _require_readable_folders(folder: Path) -> None:
    """A search passes over folders that it may not enter without a word."""
    if folder.is_dir():
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            if not os.access(place, os.R_OK | os.X_OK):
                raise not_readable()


def _damaged_image(index: int, n_images: int) -> ImagingError:
    return ImagingError(
        "damaged_file",
        f"Image {index + 1} of {n_images} in this folder is damaged or incomplete; export the series again.",
    )


def _summary(images: list[_Image]) -> SeriesSummary:
    header = images[0].header
    return SeriesSummary(
        str(header.SeriesInstanceUID),
        str(header.get("SeriesNumber", "?")),
        str(header.get("Modality", "?")),
        len(images),
        int(header.Rows),
        int(header.Columns),
    )


def _chosen(groups: dict[str, list[_Image]], series_uid: str | None, notes: list[str]) -> list[_Image]:
    if series_uid is not None:
        if series_uid not in groups:
            raise ImagingError(
                "series_unknown", f"The folder holds no series {series_uid}; choose one of: {_listed(groups.values())}"
            )
        return groups[series_uid]
    stacks = [images for images in groups.values() if len(images) > _LOCALIZER_MAX_SLICES]
    if len(groups) == 1:
        stacks = list(groups.values())
    if len(stacks) != 1:
        raise ImagingError(
            "several_series",
            f"The folder holds {len(groups)} series; say which one to read: {_listed(groups.values())}",
        )
    for images in groups.values():
        if images is not stacks[0]:
            notes.append(f"A series of {len(images)} images was left out as a localizer.")
    return stacks[0]


def _listed(groups: Iterable[list[_Image]]) -> str:
    return "; ".join(str(_summary(images)) for images in sorted(groups, key=len, reverse=True)) + "."


def _check_kind(images: list[_Image], summary: SeriesSummary) -> None:
    if summary.modality != "CT":
        kind = {"MR": "an MR scan"}.get(summary.modality, f"of modality {summary.modality}")
        raise ImagingError(
            "not_ct", f"This DICOM series is {kind}, but the segmentation needs a CT in HU; choose a CT angiogram."
        )
    if any(int(image.header.get("NumberOfFrames", 1) or 1) > 1 for image in images):
        raise ImagingError(
            "enhanced_dicom",
            "This CT is stored as multi-frame (enhanced) DICOM, which is not read; export it as single-frame slices.",
        )
    if any(int(image.header.get("SamplesPerPixel", 1)) != 1 for image in images):
        raise ImagingError(
            "color_image", "This series holds color pictures, not CT slices; choose the original series."
        )
    needed = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    if any(not image.header.get(key) for image in images for key in needed):
        raise ImagingError(
            "geometry_missing",
            "Some images of this series do not say where they lie in the patient; export the original slices again.",
        )
    if any("RescaleSlope" not in image.header or "RescaleIntercept" not in image.header for image in images):
        raise ImagingError(
            "hu_scale_missing",
            "Some images of this CT have no HU scale (rescale slope and intercept); export the original slices again.",
        )


def _without_copies(images: list[_Image], notes: list[str]) -> list[_Image]:
    # De-identified series may carry one instance UID for all slices, so a copy also has the same place.
    unique = {(str(i.header.SOPInstanceUID), tuple(i.header.ImagePositionPatient)): i for i in reversed(images)}
    if len(unique) < len(images):
        notes.append(f"{len(images) - len(unique)} images were present twice and read once.")
    return list(unique.values())


def _hounsfield(images: list[_Image], grid: Grid, progress: Progress) -> NDArray[Any]:
    scales = [(float(image.header.RescaleSlope), float(image.header.RescaleIntercept)) for image in images]
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    array: NDArray[Any] = np.empty(grid.array_shape, dtype=np.int32 if whole else np.float32)
    for n, (image, (slope, intercept)) in enumerate(zip(images, scales, strict=True)):
        if n % 8 == 0:
            progress(0.3 + 0.65 * n / len(images), "Reading DICOM slices")
        array[n] = _slice_hu(image, slope, intercept, n, len(images))
    limits = np.iinfo(np.int16)
    if whole and limits.min <= array.min() and array.max() <= limits.max:
        return array.astype(np.int16)
    return array.astype(np.float32)


def _slice_hu(image: _Image, slope: float, intercept: float, index: int, n_images: int) -> NDArray[Any]:
    import pydicom
    import SimpleITK as sitk

    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(image.path, specific_tags=list(_PIXEL_TAGS))
            if _decodable(dataset.file_meta.TransferSyntaxUID):
                hu = dataset.pixel_array * np.float64(slope) + intercept
            else:
                with native_messages_hidden():
                    # GDCM, inside SimpleITK, knows the other JPEG kinds and applies slope and intercept itself.
                    hu = sitk.GetArrayFromImage(sitk.ReadImage(str(image.path)))[0]
    except Exception:  # every decoder has its own kinds of error for a damaged image
        raise _damaged_image(index, n_images) from None
    if hu.shape != (int(image.header.Rows), int(image.header.Columns)):
        raise _damaged_image(index, n_images)
    return np.asarray(hu)


def _decodable(transfer_syntax: UID) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return not transfer_syntax.is_compressed or bool(get_decoder(transfer_syntax).is_available)
    except NotImplementedError:
        return False
