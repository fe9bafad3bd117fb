"""A DICOM study to a CT volume in HU, with the geometry checked in millimetres.

Nothing that could name the patient is put into a message: no file name, no description, no identifier but the series'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imaging.dicom.deidentify import header_json
from imaging.dicom.geometry import defects, measure
from imaging.dicom.images import Gathered, Image, gather
from imaging.dicom.phases import Phase, chosen_phase, split_phases
from imaging.dicom.pixels import hounsfield, require_hu_scale
from imaging.dicom.repair import repaired
from imaging.dicom.sources import is_zip, study_files
from imaging.errors import ImagingError, not_readable
from imaging.types import Progress, Volume, silent

_LOCALIZER_MAX_SLICES = 2
_MOST_STRAYS = 2
_STRAY_SHARE = 0.05
"""Assumption: one or two pictures of another size or direction among forty or more are strays, such as a dose page."""


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
    """A volume read from DICOM, and what was left out or mended on the way, in plain sentences.

    ``repair`` is the sentence on the repair, empty when none was needed; ``phase`` the phase that was read; ``header``
    is that of the first slice as DICOM JSON, de-identified unless it was asked for whole.
    """

    volume: Volume
    summary: SeriesSummary
    notes: tuple[str, ...]
    repair: str = ""
    phase: str = ""
    header: dict[str, Any] = field(default_factory=dict)


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM mark behind its 128-byte preamble; ImagingError ``not_readable``."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except PermissionError:
        raise not_readable() from None


def is_dicom_source(path: Path) -> bool:
    """Whether a path is to be read as DICOM: a folder, a DICOM file (also a DICOMDIR), or a zip archive."""
    return path.is_dir() or (path.is_file() and (is_dicom(path) or is_zip(path)))


def list_series(source: str | Path) -> list[SeriesSummary]:
    """The image series in a folder and its sub-folders, a DICOMDIR or a zip archive, largest first.

    Raises
    ------
    ImagingError
        Those of `imaging.dicom.sources.study_files` and `imaging.dicom.images.gather`.
    """
    with study_files(Path(source)) as (files, _):
        gathered = gather(files)
    return sorted(map(summary_of, gathered.series.values()), key=lambda s: (-s.n_images, s.series_uid))


def list_phases(source: str | Path, series_uid: str | None = None) -> list[tuple[str, str]]:
    """What to type and what to read for each phase of a series; one pair of empty texts when it has one phase.

    Raises
    ------
    ImagingError
        Those of `read_series_with_notes` that concern the choice of the series.
    """
    with study_files(Path(source)) as (files, _):
        return [(phase.id, phase.label) for phase in phases_of(_chosen(gather(files), series_uid, []))]


def read_series(source: str | Path, series_uid: str | None = None, progress: Progress = silent) -> Volume:
    """The CT volume of a DICOM series; see `read_series_with_notes`."""
    return read_series_with_notes(source, series_uid, progress).volume


def read_series_with_notes(
    source: str | Path,
    series_uid: str | None = None,
    progress: Progress = silent,
    *,
    phase: str = "",
    repair: bool = False,
    keep_identity: bool = False,
) -> SeriesReading:
    """The CT volume of a DICOM series.

    Slices are ordered by their position along the normal of the image plane; the spacing between them comes from these
    positions, never from the slice thickness. Stored values become HU by the slope and intercept of each image.

    Parameters
    ----------
    source : str or Path
        A folder, searched with its sub-folders, a DICOMDIR, a zip archive, or one DICOM file.
    series_uid : str, optional
        Which series to read; needed when there are several of more than two images (localizers are left out).
    phase : str
        Which phase of a series that holds several, for example ``"70%"``.
    repair : bool
        Straighten a gantry tilt and interpolate uneven steps where that is safe, instead of refusing.
    keep_identity : bool
        Keep in ``header`` what names the patient.

    Returns
    -------
    SeriesReading
        int16 HU when every value is a whole number that fits, else float32.

    Raises
    ------
    ImagingError
        ``path_missing``, ``not_readable``, ``folder_empty``, ``path_outside``, ``no_dicom``, ``damaged_file``,
        ``several_series``, ``series_unknown``, ``several_phases``, ``phase_unknown``, ``not_ct``, ``enhanced_dicom``,
        ``color_image``, ``not_3d``, ``geometry_missing``, ``spacing_invalid``, ``mixed_size``, ``mixed_orientation``,
        ``duplicate_slices``, ``gantry_tilt``, ``missing_slices``, ``uneven_slices``, ``hu_scale_missing``,
        ``values_not_hu``, ``constant_image``, ``too_large``.
    """

    def reading(low: float, high: float) -> Progress:
        return lambda fraction, text: progress(low + (high - low) * fraction, text)

    with study_files(Path(source), reading(0.0, 0.1)) as (files, notes):
        gathered = gather(files, progress=reading(0.1, 0.3))
        notes = [*notes, *gathered.notes]
        images = _chosen(gathered, series_uid, notes)
        summary = summary_of(images)
        check_kind(images)
        images = without_copies(images, notes)
        chosen = chosen_phase(split_phases(images), phase)
        images = without_strays(chosen.images, notes)
        geometry = measure(images)
        found = defects(geometry)
        for defect in found:
            if defect.severity == "refused" or not repair:
                raise defect.error
        images = [images[n] for n in geometry.order]
        array, grid, sentence = hounsfield(images, reading(0.3, 0.9)), geometry.grid, ""
        if found:
            array, grid, sentence = repaired(array, geometry, reading(0.9, 1.0))
        header = header_json(images[0].path, keep_identity=keep_identity)
    if array.min() == array.max():
        raise ImagingError("constant_image", f"Every voxel of this series has the same value ({array.min():g} HU).")
    progress(1.0, "Scan read")
    return SeriesReading(Volume(array, grid, "CT", "HU"), summary, tuple(notes), sentence, chosen.label, header)


def summary_of(images: Sequence[Image]) -> SeriesSummary:
    """What a series holds."""
    first = images[0]
    number = first.words.get("SeriesNumber", "?")
    return SeriesSummary(first.series_uid, number, first.modality, len(images), first.rows, first.columns)


def _chosen(gathered: Gathered, series_uid: str | None, notes: list[str]) -> list[Image]:
    groups = gathered.series
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


def _listed(groups: Iterable[list[Image]]) -> str:
    return "; ".join(str(summary_of(images)) for images in sorted(groups, key=len, reverse=True)) + "."


def check_kind(images: Sequence[Image]) -> None:
    """Refuse a series that is no CT in HU.

    Raises
    ------
    ImagingError
        ``not_ct``, ``enhanced_dicom``, ``color_image``, ``geometry_missing``, ``hu_scale_missing``.
    """
    modality = images[0].modality
    if modality != "CT":
        kind = {"MR": "an MR scan"}.get(modality, f"of modality {modality}")
        raise ImagingError(
            "not_ct", f"This DICOM series is {kind}, but the segmentation needs a CT in HU; choose a CT angiogram."
        )
    if any(image.frame is None and image.n_frames > 1 for image in images):
        raise ImagingError(
            "enhanced_dicom",
            "This CT is a multi-frame file without the places of its frames (it has no functional groups); export it "
            "as enhanced CT or as single-frame slices.",
        )
    if any(image.samples != 1 for image in images):
        raise ImagingError(
            "color_image", "This series holds color pictures, not CT slices; choose the original series."
        )
    if any(image.position_mm is None or image.orientation is None or image.spacing_mm is None for image in images):
        raise ImagingError(
            "geometry_missing",
            "Some images of this series do not say where they lie in the patient; export the original slices again.",
        )
    require_hu_scale(images)
    unit = next((u for image in images if (u := image.words.get("RescaleType", "HU")) not in ("HU", "US")), "")
    if unit:
        raise ImagingError(
            "not_ct",
            f"The values of this series are not in HU (its rescale type is {unit[:16]}); choose a CT angiogram.",
        )


def without_copies(images: Sequence[Image], notes: list[str]) -> list[Image]:
    """The images without those that are there twice."""
    # De-identified series may carry one instance UID for all slices, so a copy also has the same place.
    unique = {(i.instance_uid, i.position_mm, *sorted(i.numbers.items())): i for i in reversed(images)}
    if len(unique) < len(images):
        notes.append(f"{len(images) - len(unique)} images were present twice and read once.")
    return list(unique.values())


def without_strays(images: Sequence[Image], notes: list[str]) -> list[Image]:
    """The images without one or two of another size or direction among many."""

    def look(image: Image) -> tuple[object, ...]:
        turned = tuple(round(x, 2) for x in image.orientation or ())
        return image.rows, image.columns, turned, tuple(round(x, 3) for x in image.spacing_mm or ())

    looks = [look(image) for image in images]
    common = max(set(looks), key=looks.count)
    n_strays = len(looks) - looks.count(common)
    if 0 < n_strays <= min(_MOST_STRAYS, _STRAY_SHARE * len(images)):
        notes.append(f"{n_strays} images of another size or direction than the rest of the series were left out.")
        return [image for image, own in zip(images, looks, strict=True) if own == common]
    return list(images)


def phases_of(images: Sequence[Image]) -> list[Phase]:
    """The phases of a series, copies left out."""
    return split_phases(without_copies(images, []))
