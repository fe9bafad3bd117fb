"""The headers of DICOM files as plain records, one for each picture, single-frame and multi-frame alike.

Nothing that could name the patient is read, but for the words that are then taken out of descriptions.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imaging.errors import ImagingError, not_readable
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from pydicom import Dataset

NUMBERS = (
    "SliceThickness",
    "NominalPercentageOfCardiacPhase",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "AcquisitionNumber",
    "InstanceNumber",
    "GantryDetectorTilt",
    "PixelPaddingValue",
    "KVP",
    "BitsAllocated",
)
WORDS = (
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "RescaleType",
    "LossyImageCompression",
    "BurnedInAnnotation",
    "ScanOptions",
)
_PLACE_TAGS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_KIND_TAGS = (
    "ImageType",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_NAME_TAGS = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientBirthDate",
    "ReferringPhysicianName",
    "OperatorsName",
    "PerformingPhysicianName",
    "AccessionNumber",
)
"""Read only to take their words out of a description before anybody sees it."""
_MOST_PIXELS_AN_EDGE = 16384
"""Assumption: no scanner makes larger pictures."""


@dataclass(frozen=True)
class Image:
    """One picture of a series. Lengths in mm, LPS; ``spacing_mm`` is (between rows, between columns) as in DICOM.

    What the header does not say, or says in a form that is no number, is None. ``frame`` is the picture's index in a
    multi-frame file, else None.
    """

    path: Path
    frame: int | None
    series_uid: str
    study_uid: str
    instance_uid: str
    modality: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    samples: int
    n_frames: int
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    slope: float | None
    intercept: float | None
    syntax: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gathered:
    """The pictures of a source by the UID of their series, and what was left out, in sentences."""

    series: dict[str, list[Image]]
    notes: list[str]


def damaged_image(index: int, n_images: int) -> ImagingError:
    """The refusal of a file that is cut or whose pixels cannot be unpacked."""
    return ImagingError(
        "damaged_file",
        f"Image {index + 1} of {n_images} in this folder is damaged or incomplete; export the series again.",
    )


def gather(
    files: Sequence[Path], *, with_descriptions: bool = False, lenient: bool = False, progress: Progress = silent
) -> Gathered:
    """Read the headers of files.

    Parameters
    ----------
    with_descriptions : bool
        Also read descriptions, cleared of the patient's and physicians' names and numbers.
    lenient : bool
        Leave damaged files out with a word, instead of refusing all.

    Raises
    ------
    ImagingError
        ``no_dicom``, ``damaged_file``, ``not_readable``.
    """
    series: dict[str, list[Image]] = defaultdict(list)
    n_other = n_localizers = n_damaged = 0
    for n, path in enumerate(files):
        if n % 32 == 0:
            progress(n / len(files), "Reading DICOM headers")
        try:
            found = _images(path, with_descriptions)
        except _NotAnImage:
            n_other += 1
        except _DamagedImageError:
            if not lenient:
                raise damaged_image(n, len(files)) from None
            n_damaged += 1
        else:
            if "LOCALIZER" in found[0].image_type:
                n_localizers += 1
            else:
                series[found[0].series_uid].extend(found)
    if not series:
        raise ImagingError(
            "no_dicom",
            f"None of the {len(files)} files in the chosen folder is a DICOM slice; choose the folder of the scan.",
        )
    notes = []
    if n_other:
        notes.append(f"{n_other} files that are no DICOM images were left out.")
    if n_localizers:
        notes.append(f"{n_localizers} localizer images were left out.")
    if n_damaged:
        notes.append(f"{n_damaged} damaged or incomplete images were left out.")
    return Gathered(dict(series), notes)


class _NotAnImage(Exception):
    pass


class _DamagedImageError(Exception):
    pass


def _images(path: Path, with_descriptions: bool) -> list[Image]:
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import MediaStorageDirectoryStorage

    names = _NAME_TAGS if with_descriptions else ()
    tags = [*_KIND_TAGS, *_PLACE_TAGS, *NUMBERS, *WORDS, *names]
    try:
        with warnings.catch_warnings(action="ignore"), path.open("rb") as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(tags))
            ends_in_header = not stream.read(1)
            meta = header.file_meta
            if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
                raise _NotAnImage
            is_ct = header.get("Modality") == "CT"
            if "SeriesInstanceUID" not in header or (is_ct and ("Rows" not in header or ends_in_header)):
                raise _DamagedImageError
            if "Rows" not in header:
                raise _NotAnImage
            return _records(path, header, with_descriptions)
    except PermissionError:
        raise not_readable() from None
    except InvalidDicomError:
        if path.suffix.lower() == ".dcm":
            raise _DamagedImageError from None
        raise _NotAnImage from None
    except (_NotAnImage, _DamagedImageError):
        raise
    except Exception:  # pydicom lets many kinds of error out of a damaged file
        raise _DamagedImageError from None


def _records(path: Path, header: Dataset, with_descriptions: bool) -> list[Image]:
    rows, columns = int(header.Rows), int(header.Columns)
    if not (0 < rows <= _MOST_PIXELS_AN_EDGE and 0 < columns <= _MOST_PIXELS_AN_EDGE):
        raise _DamagedImageError
    n_frames = int(header.get("NumberOfFrames", 1) or 1)
    identifiers = {_text(header, key) for key in _NAME_TAGS} if with_descriptions else set()
    words = {key: _text(header, key) for key in WORDS if with_descriptions or key not in ("SeriesDescription",)}
    words = {key: cleaned(text, identifiers) for key, text in words.items() if text}
    image_type = header.get("ImageType", [])
    common: dict[str, Any] = {
        "path": path,
        "series_uid": str(header.SeriesInstanceUID),
        "study_uid": _text(header, "StudyInstanceUID"),
        "modality": _text(header, "Modality") or "?",
        "image_type": (image_type,) if isinstance(image_type, str) else tuple(str(word) for word in image_type or ()),
        "rows": rows,
        "columns": columns,
        "samples": int(header.get("SamplesPerPixel", 1) or 1),
        "n_frames": n_frames,
        "syntax": str(header.file_meta.get("TransferSyntaxUID", "")),
        "words": words,
    }
    own = {key: value for key in NUMBERS if (value := _number(header, key)) is not None}
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        return [
            Image(
                frame=None,
                instance_uid=_text(header, "SOPInstanceUID"),
                position_mm=_numbers(header, "ImagePositionPatient", 3),
                orientation=_numbers(header, "ImageOrientationPatient", 6),
                spacing_mm=_numbers(header, "PixelSpacing", 2),
                slope=_number(header, "RescaleSlope"),
                intercept=_number(header, "RescaleIntercept"),
                numbers=own,
                **common,
            )
        ]
    if len(per_frame) != n_frames:
        raise _DamagedImageError
    shared = header.get("SharedFunctionalGroupsSequence") or [None]
    uid = _text(header, "SOPInstanceUID")
    return [_frame(number, group, shared[0], uid, own, common) for number, group in enumerate(per_frame)]


def _frame(
    number: int, group: Dataset, shared: Dataset | None, uid: str, own: Mapping[str, float], common: dict[str, Any]
) -> Image:
    """A frame of an enhanced image: what its own functional groups say, else the shared ones (PS3.3 C.7.6.16)."""

    def macro(name: str) -> Any:
        for place in (group, shared):
            if place is not None and place.get(name):
                return place[name].value[0]
        return None

    measures, value = macro("PixelMeasuresSequence"), macro("PixelValueTransformationSequence")
    content, heart = macro("FrameContentSequence"), macro("CardiacSynchronizationSequence")
    numbers = dict(own)
    for name, place, key in (
        ("SliceThickness", measures, "SliceThickness"),
        ("TemporalPositionIdentifier", content, "TemporalPositionIndex"),
        ("AcquisitionNumber", content, "FrameAcquisitionNumber"),
        ("NominalPercentageOfCardiacPhase", heart, "NominalPercentageOfCardiacPhase"),
        ("TriggerTime", heart, "NominalCardiacTriggerDelayTime"),
    ):
        if place is not None and (found := _number(place, key)) is not None:
            numbers[name] = found
    numbers["InstanceNumber"] = number + 1.0
    kind = macro("CTImageFrameTypeSequence")
    words = dict(common["words"])
    if value is not None and (unit := _text(value, "RescaleType")):
        words["RescaleType"] = unit
    frame_type = kind.get("FrameType") if kind is not None else None
    return Image(
        frame=number,
        instance_uid=f"{uid}.{number}",
        position_mm=_numbers(macro("PlanePositionSequence"), "ImagePositionPatient", 3),
        orientation=_numbers(macro("PlaneOrientationSequence"), "ImageOrientationPatient", 6),
        spacing_mm=_numbers(measures, "PixelSpacing", 2),
        slope=_number(value, "RescaleSlope"),
        intercept=_number(value, "RescaleIntercept"),
        numbers=numbers,
        **common
        | {"words": words}
        | ({"image_type": tuple(map(str, frame_type))} if frame_type and not isinstance(frame_type, str) else {}),
    )


def _text(header: Dataset, key: str) -> str:
    try:
        value = header.get(key, "")
    except Exception:
        return ""
    if value is None:
        return ""
    if not isinstance(value, str) and isinstance(value, Iterable) and not hasattr(value, "family_name"):
        value = " ".join(str(part) for part in value)
    return " ".join(str(value).split())


def _number(header: Dataset | None, key: str) -> float | None:
    found = _numbers(header, key, 1)
    return found[0] if found else None


def _numbers(header: Dataset | None, key: str, n: int) -> tuple[float, ...] | None:
    """Finite numbers of an element, or None; a damaged value raises as many kinds of error as there are damages."""
    if header is None:
        return None
    try:
        value = header.get(key)
        if value is None or value == "":
            return None
        parts = [value] if isinstance(value, (int, float, str)) else list(value)
        found = tuple(float(part) for part in parts)
    except Exception:
        return None
    return found if len(found) == n and all(math.isfinite(x) for x in found) else None


def cleaned(text: str, identifiers: Iterable[str]) -> str:
    """A description without the words and numbers of ``identifiers`` (names and numbers of persons).

    Words of one or two letters are kept unless they stand alone as an identifier, because they would blank out half of
    any description.
    """
    banned = {
        word.lower() for one in identifiers for word in re.split(r"[\^\s,;=._\-]+", one) if len(word) > 2 and word
    }
    whole = {one.lower() for one in identifiers if len(one) > 1}

    def kept(match: re.Match[str]) -> str:
        word = match.group()
        return "…" if word.lower() in banned or word.lower() in whole else word

    return re.sub(r"[^\W_]+", kept, text)
