"""Scans and label maps from and to files: NIfTI, NRRD, MetaImage, VTI, DICOM. Positions stay the same, in LPS mm."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.series import is_dicom_source, read_series_with_notes
from imaging.errors import ImagingError
from imaging.memory import require_memory
from imaging.native_messages import native_messages_hidden
from imaging.nifti import check_nifti_frames, check_nifti_length, damaged_file, is_whole_gzip
from imaging.text_headers import check_text_header
from imaging.types import Grid, LabelMap, Progress, Volume, silent
from imaging.vti import read_vti

if TYPE_CHECKING:
    import SimpleITK as sitk

_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
_MODALITY_KEY, _UNIT_KEY = "angiotwin_modality", "angiotwin_unit"
_AIR_OR_FAT_HU = -200.0
"""Assumption: a CT volume of the body holds some voxel of lung, bowel gas or outer air below this."""
_PERPENDICULAR_TOLERANCE = 1e-3
_BYTES_PER_VOXEL = 4
_PLAUSIBLE_SPACING_MM = (0.005, 50.0)
"""Assumption: what lies outside is another unit than mm, or a damaged header."""


def read_volume(
    path: str | Path, series_uid: str | None = None, progress: Progress = silent, *, phase: str = "", frame: str = ""
) -> Volume:
    """The scan in a file or a DICOM folder.

    Parameters
    ----------
    path : str or Path
        ``.nii``, ``.nii.gz``, ``.nrrd``, ``.nhdr``, ``.mha``, ``.mhd``, ``.vti``, or a folder with one DICOM series.
    series_uid : str, optional
        Which series of a DICOM folder to read when it holds several.
    phase : str
        Which phase of a DICOM series that holds several, or of a file over time (counted from 1).
    frame : str
        What the axes of a VTI file mean, ``"LPS"`` or ``"RAS"``; every other file says it itself.

    Returns
    -------
    Volume
        Integers as stored (int16 when they fit), scaled or floating values as float32. A file without a modality is
        taken for CT when some value lies below -200, as air does in HU; else its modality is ``"unknown"``.

    Raises
    ------
    ImagingError
        ``path_missing``, ``not_readable``, ``format_unknown``, ``not_an_image``, ``damaged_file``, ``not_3d``,
        ``color_image``, ``values_not_finite``, ``constant_image``, ``frame_unknown``, ``frames_disagree``,
        ``axes_not_perpendicular``, ``spacing_invalid``, ``path_outside``, ``too_large``, and those of
        `imaging.dicom.series.read_series`.
    """
    path = Path(path)
    if not path.exists():
        raise ImagingError(
            "path_missing", "There is nothing at the chosen place; choose a scan file or a DICOM folder."
        )
    if is_dicom_source(path):
        return read_series_with_notes(path, series_uid, progress, phase=phase).volume
    progress(0.0, "Reading the scan")
    if path.suffix.lower() == ".vti":
        values, stated = read_vti(path, frame, progress)
        array, grid = _right_handed(_compact(values), checked_grid(stated))
        modality, unit = _guessed_modality(array)
    else:
        image = _read_image(path, phase)
        array, grid = _right_handed(_values(image), _grid(image))
        modality, unit = _modality(image, array)
    progress(0.7, "Checking the scan")
    _check_values(array, grid)
    progress(1.0, "Scan read")
    return Volume(array, grid, modality, unit)


def require_ct(volume: Volume, otherwise: str = "") -> None:
    """Refuse what is not in HU; ``otherwise`` ends the sentence with what else may be done.

    Raises
    ------
    ImagingError
        ``not_ct``.
    """
    if volume.modality != "CT":
        what = "an MR scan" if volume.modality == "MR" else "not a CT in Hounsfield units"
        raise ImagingError(
            "not_ct",
            f"This scan is {what} (its values run from {volume.array.min():g} to {volume.array.max():g}), but the "
            f"segmentation needs HU; choose a CT angiogram{otherwise}.",
        )


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a scan without loss, by a temporary file beside it, so that the name never holds half a file.

    Parameters
    ----------
    path : str or Path
        ``.nrrd`` (which also keeps modality and unit), ``.mha``, ``.nii`` or ``.nii.gz``.

    Raises
    ------
    ImagingError
        ``format_unknown``, ``write_failed``.
    """
    _write(volume.array, volume.grid, path, {_MODALITY_KEY: volume.modality, _UNIT_KEY: volume.unit})


def read_labels(path: str | Path) -> LabelMap:
    """A label map; names come from the NRRD header (3D Slicer's segment keys), else they are ``label <value>``.

    Raises
    ------
    ImagingError
        As `read_volume`, and ``not_labels`` when values are not whole numbers from 0 to 255.
    """
    path = Path(path)
    if not path.is_file():
        raise ImagingError("path_missing", "There is no label file at the chosen place; choose a label map.")
    image = _read_image(path)
    values, grid = _right_handed(_values(image), _grid(image))
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 255.0) or not np.array_equal(values, np.rint(values)):
        raise ImagingError(
            "not_labels",
            f"This file is no label map: its values run from {low:g} to {high:g}, not in whole numbers from 0 to 255; "
            "choose a segmentation.",
        )
    array = values.astype(np.uint8)
    named = _segment_names(image)
    present = [int(v) for v in np.unique(array) if v]
    return LabelMap(array, grid, named | {v: f"label {v}" for v in present if v not in named})


def write_labels(labels: LabelMap, path: str | Path) -> None:
    """Write a label map without loss; ``.nrrd`` keeps the names, as segments that 3D Slicer opens.

    Raises
    ------
    ImagingError
        ``format_unknown``, ``write_failed``.
    """
    keys: dict[str, str] = {}
    for n, (value, name) in enumerate(sorted(labels.names.items())):
        keys |= {f"Segment{n}_ID": f"Segment_{value}", f"Segment{n}_Name": name, f"Segment{n}_LabelValue": str(value)}
        keys[f"Segment{n}_Layer"] = "0"
    _write(labels.array, labels.grid, path, keys)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _read_image(path: Path, phase: str = "") -> sitk.Image:
    import SimpleITK as sitk

    suffix = _suffix(path)
    if suffix not in _SUFFIXES:
        raise ImagingError(
            "format_unknown",
            f"Files ending in '{suffix}' are not read; choose a DICOM folder or a file ending in "
            f"{', '.join(_SUFFIXES)}.",
        )
    check_text_header(path, suffix)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with native_messages_hidden():
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise _header_error(path, suffix, error) from None
        n_dimensions = reader.GetDimension()
        size = [n for n in reader.GetSize() if n > 1]
        header = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    wanted = _wanted_phase(reader.GetSize(), phase)
    if wanted is None and (len(size) != 3 or min(reader.GetSize()[:3]) < 2):
        shape = " x ".join(map(str, reader.GetSize()))
        kind = "a series over time" if len(size) > 3 else "a single picture"
        more = f", or say which of its phases 1 to {reader.GetSize()[3]} to read" if len(reader.GetSize()) == 4 else ""
        raise ImagingError(
            "not_3d", f"This file holds {kind} ({shape} voxels); choose one three-dimensional scan{more}."
        )
    if reader.GetNumberOfComponents() != 1:
        raise ImagingError(
            "color_image",
            f"This image has {reader.GetNumberOfComponents()} values a voxel, as color pictures do; choose a scan.",
        )
    if suffix.startswith(".nii"):
        check_nifti_length(path, header)
        check_nifti_frames(header)
    require_memory(reader.GetSize(), _BYTES_PER_VOXEL)
    with native_messages_hidden():
        try:
            image = reader.Execute()
        except RuntimeError:
            raise damaged_file() from None
    if n_dimensions == 3:
        return image
    flat = [0] * (n_dimensions - 3)
    first = [0, 0, 0, wanted or 0, *flat[1:]]
    # The direction of the three axes in space is kept; the default falls back to none when it is in doubt.
    kept = sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOSUBMATRIX
    return sitk.Extract(image, [*image.GetSize()[:3], *flat], first, kept)


def _wanted_phase(size: Sequence[int], phase: str) -> int | None:
    """Index along the fourth axis of the phase that was asked for, counted from 1; None when none was."""
    if not phase:
        return None
    n_phases = size[3] if len(size) == 4 else 1
    if not phase.strip().isdigit() or not 1 <= int(phase) <= n_phases or min(size[:3]) < 2:
        there = f"phases 1 to {n_phases}" if n_phases > 1 else "one phase only"
        raise ImagingError("phase_unknown", f"This file has no phase {phase!r}; it has {there}.")
    return int(phase) - 1


def _header_error(path: Path, suffix: str, error: RuntimeError) -> ImagingError:
    if "orthonormal" in str(error):
        return ImagingError(
            "axes_not_perpendicular",
            "The axes of this image are not perpendicular (a tilted gantry or a sheared export); resample it to a "
            "straight grid first.",
        )
    if suffix == ".nii.gz" and not is_whole_gzip(path):
        return damaged_file()
    return ImagingError(
        "not_an_image", f"This file is named {suffix} but does not hold such an image; choose the scan itself."
    )


def _values(image: sitk.Image) -> NDArray[Any]:
    import SimpleITK as sitk

    return _compact(sitk.GetArrayFromImage(image))


def _compact(array: NDArray[Any]) -> NDArray[Any]:
    """Floats as float32, integers as int16 where they fit."""
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype.itemsize > 2 and np.iinfo(np.int16).min <= array.min() and array.max() <= np.iinfo(np.int16).max:
        return array.astype(np.int16)
    return array


def _grid(image: sitk.Image) -> Grid:
    return checked_grid(Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()))


def checked_grid(grid: Grid) -> Grid:
    """The grid, if a scan can lie on it.

    Raises
    ------
    ImagingError
        ``axes_not_perpendicular``, ``spacing_invalid``, ``frame_unknown``.
    """
    direction = np.asarray(grid.direction).reshape(3, 3)
    skew = float(np.abs(direction.T @ direction - np.eye(3)).max())
    if not skew < _PERPENDICULAR_TOLERANCE:
        angle = math.degrees(math.asin(min(1.0, skew)))
        raise ImagingError(
            "axes_not_perpendicular",
            f"The axes of this image are not perpendicular (off by {angle:.1f} degrees: a tilted gantry or a sheared "
            "export); resample it to a straight grid first.",
        )
    if not all(math.isfinite(x) and x > 0.0 for x in grid.spacing_mm):
        raise ImagingError("spacing_invalid", "This image has no valid voxel spacing; export it again from its source.")
    odd = [x for x in grid.spacing_mm if not _PLAUSIBLE_SPACING_MM[0] <= x <= _PLAUSIBLE_SPACING_MM[1]]
    if odd:
        raise ImagingError(
            "spacing_invalid",
            f"This image states voxels of {odd[0]:.3g} mm, which no scan has, so sizes would be wrong; export it "
            "again in mm.",
        )
    if not all(math.isfinite(x) for x in grid.origin_mm):
        raise ImagingError("frame_unknown", "This image has no valid position in the patient; export it again.")
    return grid


def _right_handed(array: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], Grid]:
    """The same voxels at the same places; a mirrored index order is turned around along one axis."""
    direction = np.asarray(grid.direction).reshape(3, 3)
    if np.linalg.det(direction) > 0.0:
        return array, grid
    axis = int(np.argmin(np.diag(direction)))
    last = np.zeros(3)
    last[axis] = grid.size[axis] - 1
    origin = grid.to_lps(last)
    direction = direction.copy()
    direction[:, axis] *= -1.0
    turned = np.ascontiguousarray(np.flip(array, axis=2 - axis))
    x, y, z = (float(c) for c in origin)
    return turned, Grid(grid.size, grid.spacing_mm, (x, y, z), tuple(float(c) for c in direction.ravel()))


def _check_values(array: NDArray[Any], grid: Grid) -> None:
    if array.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            x, y, z = (float(c) for c in grid.to_lps(bad[0][::-1]))
            raise ImagingError(
                "values_not_finite",
                f"{len(bad)} voxels of this scan have no value (NaN or infinite), the first at x {x:.1f}, y {y:.1f}, "
                f"z {z:.1f} mm; export it again from its source.",
                (x, y, z),
            )
    if array.min() == array.max():
        raise ImagingError(
            "constant_image", f"Every voxel of this scan has the same value ({array.min():g}); choose another file."
        )


def _modality(image: sitk.Image, array: NDArray[Any]) -> tuple[Literal["CT", "MR", "XA", "unknown"], str]:
    if image.HasMetaDataKey(_MODALITY_KEY) and image.HasMetaDataKey(_UNIT_KEY):
        stated = image.GetMetaData(_MODALITY_KEY)
        if stated in ("CT", "MR", "XA", "unknown"):
            return cast("Literal['CT', 'MR', 'XA', 'unknown']", stated), image.GetMetaData(_UNIT_KEY)
    return _guessed_modality(array)


def _guessed_modality(array: NDArray[Any]) -> tuple[Literal["CT", "MR", "XA", "unknown"], str]:
    return ("CT", "HU") if array.min() < _AIR_OR_FAT_HU else ("unknown", "unknown")


def _segment_names(image: sitk.Image) -> dict[int, str]:
    names: dict[int, str] = {}
    n = 0
    while image.HasMetaDataKey(f"Segment{n}_Name") and image.HasMetaDataKey(f"Segment{n}_LabelValue"):
        names[int(image.GetMetaData(f"Segment{n}_LabelValue"))] = image.GetMetaData(f"Segment{n}_Name")
        n += 1
    return names


def _write(array: NDArray[Any], grid: Grid, path: str | Path, keys: Mapping[str, str]) -> None:
    import SimpleITK as sitk

    path = Path(path)
    suffix = _suffix(path)
    if suffix not in _WRITABLE:
        raise ImagingError(
            "format_unknown", f"Scans are written as {', '.join(_WRITABLE)}, not as '{suffix}'; choose one of these."
        )
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    for key, value in keys.items():
        image.SetMetaData(key, value)
    temporary = path.with_name(f".unfinished-{uuid4().hex}{suffix}")
    try:
        with native_messages_hidden():
            sitk.WriteImage(image, str(temporary), useCompression=suffix != ".nii")
            # ITK writes NIfTI onto a full disk without a word.
            if not np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(temporary))), array):
                raise OSError("read back differently")
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError):
        temporary.unlink(missing_ok=True)
        raise ImagingError(
            "write_failed", "The file could not be written; check that the disk is not full and the folder is writable."
        ) from None
