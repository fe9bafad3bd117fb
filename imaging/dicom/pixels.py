"""Stored values of DICOM slices to HU, packed or not, single-frame or multi-frame."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.images import Image, damaged_image
from imaging.errors import ImagingError
from imaging.memory import require_memory
from imaging.native_messages import native_messages_hidden
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from pydicom.uid import UID

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
"""Only these are parsed with the pixels: what names the patient never enters the program."""
_INT16 = np.iinfo(np.int16)
_LARGEST_HU = 40_000.0
"""Assumption: extended CT scales for metal end at about 31 000 HU."""


def hounsfield(images: Sequence[Image], progress: Progress = silent) -> NDArray[Any]:
    """HU of slices, ``(n, rows, columns)``, in the order of ``images``.

    Returns
    -------
    ndarray
        int16 when every value is a whole number that fits, else float32.

    Raises
    ------
    ImagingError
        ``damaged_file``, ``too_large``, ``hu_scale_missing``, ``values_not_hu``.
    """
    require_hu_scale(images)
    shape = (len(images), images[0].rows, images[0].columns)
    whole = all(
        image.slope is not None and image.slope.is_integer() and (image.intercept or 0.0).is_integer()
        for image in images
    )
    require_memory(shape, 2 if whole else 4)
    array: NDArray[Any] = np.empty(shape, dtype=np.int16 if whole else np.float32)
    for done, (n, hu) in enumerate(_slices(images)):
        if done % 8 == 0:
            progress(done / len(images), "Reading DICOM slices")
        if hu.shape != shape[1:]:
            raise damaged_image(n, len(images))
        if not (hu.min() >= -_LARGEST_HU and hu.max() <= _LARGEST_HU):
            raise ImagingError(
                "values_not_hu",
                f"Image {n + 1} of {len(images)} holds values from {hu.min():.3g} to {hu.max():.3g}, which are no HU: "
                "its scale or its pixels are damaged; export the series again.",
            )
        if array.dtype == np.int16 and not (_INT16.min <= hu.min() and hu.max() <= _INT16.max):
            array = array.astype(np.float32)
        array[n] = hu
    return array


def require_hu_scale(images: Sequence[Image]) -> None:
    """Refuse images whose values cannot become HU.

    Raises
    ------
    ImagingError
        ``hu_scale_missing``.
    """
    if any(image.slope is None or image.intercept is None or image.slope <= 0.0 for image in images):
        raise ImagingError(
            "hu_scale_missing",
            "Some images of this CT have no usable HU scale (a positive rescale slope, and an intercept); export the "
            "original slices again.",
        )


def _slices(images: Sequence[Image]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Each slice's number and HU, file by file."""
    by_file: dict[Any, list[int]] = defaultdict(list)
    for n, image in enumerate(images):
        by_file[image.path].append(n)
    for numbers in by_file.values():
        if images[numbers[0]].frame is None:
            for n in numbers:
                yield n, _single(images[n], n, len(images))
        else:
            yield from _frames(images, numbers)


def _single(image: Image, n: int, n_images: int) -> NDArray[Any]:
    import pydicom
    import SimpleITK as sitk

    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(image.path, specific_tags=list(_PIXEL_TAGS))
            if _decodable(dataset.file_meta.TransferSyntaxUID):
                return _scaled(dataset.pixel_array, image)
        with native_messages_hidden():
            # GDCM, inside SimpleITK, knows further kinds of JPEG and applies slope and intercept itself.
            found: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(image.path)))[0]
            return found
    except Exception:  # every decoder has its own kinds of error for a damaged image
        raise damaged_image(n, n_images) from None


def _frames(images: Sequence[Image], numbers: Sequence[int]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Frames of one multi-frame file, unpacked one after the other without holding the file in memory."""
    from pydicom.pixels import iter_pixels

    at = 0
    try:
        with warnings.catch_warnings(action="ignore"):
            wanted = [images[n].frame for n in numbers]
            for frame in iter_pixels(images[numbers[0]].path, indices=wanted, raw=True):
                yield numbers[at], _scaled(frame, images[numbers[at]])
                at += 1
    except ImagingError:
        raise
    except Exception:  # as above
        raise damaged_image(numbers[min(at, len(numbers) - 1)], len(images)) from None
    if at < len(numbers):
        raise damaged_image(numbers[at], len(images))


def _scaled(stored: NDArray[Any], image: Image) -> NDArray[Any]:
    slope, intercept = float(image.slope or 0.0), float(image.intercept or 0.0)
    if slope.is_integer() and intercept.is_integer() and abs(slope) < 2**15 and abs(intercept) < 2**31:
        return stored.astype(np.int64) * int(slope) + int(intercept)
    return stored * np.float64(slope) + intercept


def _decodable(transfer_syntax: UID) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return not transfer_syntax.is_compressed or bool(get_decoder(transfer_syntax).is_available)
    except NotImplementedError:
        return False
