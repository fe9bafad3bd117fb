"""What ITK does not check in a NIfTI file: that it is whole, and that it places its voxels in one way."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from imaging.errors import ImagingError
from imaging.types import FloatArray

_LEAST_OFFSET = 348.0
"""Bytes of a NIfTI-1 header; the voxels of a single file come after it (nifti1.h)."""


def damaged_file() -> ImagingError:
    """The refusal of a file that ends early."""
    return ImagingError("damaged_file", "This file is damaged or incomplete; copy it again from where it came from.")


def is_whole_gzip(path: Path) -> bool:
    """False for a gzip file that ends early or fails its checksum."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return True  # not compressed at all, so not a truncated archive
    try:
        _unpacked_length(path)
    except (EOFError, OSError, zlib.error):
        return False
    return True


def _unpacked_length(path: Path) -> int:
    total = 0
    with gzip.open(path, "rb") as stream:
        while piece := stream.read(1 << 22):
            total += len(piece)
    return total


def check_nifti_length(path: Path, header: Mapping[str, str]) -> None:
    """ITK fills a truncated NIfTI file with arbitrary values and says nothing."""
    n_values = math.prod(max(1, int(header[f"dim[{axis}]"])) for axis in range(1, 8))
    offset = _stated_offset(path)
    if not _LEAST_OFFSET <= offset < 1e9:
        raise damaged_file()
    expected = int(offset) + n_values * int(header["bitpix"]) // 8
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        length = _unpacked_length(path) if compressed else path.stat().st_size
    except (EOFError, OSError, zlib.error):
        raise damaged_file() from None
    if length < expected:
        raise damaged_file()


def _stated_offset(path: Path) -> float:
    """Where the file says that its voxels begin; ITK hands on what it made of an impossible value."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if compressed else path.open("rb") as stream:
            head = stream.read(112)
    except (EOFError, OSError, zlib.error):
        raise damaged_file() from None
    if len(head) < 112:
        raise damaged_file()
    order = ">" if struct.unpack("<h", head[40:42])[0] not in range(8) else "<"  # dim[0], nifti1.h
    return float(struct.unpack(f"{order}f", head[108:112])[0])


def check_nifti_frames(header: Mapping[str, str]) -> None:
    """A NIfTI file can state its place in the patient not at all, once or twice (qform and sform).

    Formulas of the NIfTI-1 standard, nifti1.h, methods 2 and 3.
    """
    q_code, s_code = int(header["qform_code"]), int(header["sform_code"])
    if q_code <= 0 and s_code <= 0:
        raise ImagingError(
            "frame_unknown",
            "This NIfTI file does not say how it lies in the patient (neither qform nor sform is set), so left and "
            "right are unknown; export it again with its orientation.",
        )
    if int(header.get("xyzt_units", "2")) & 7 not in (0, 2):
        raise ImagingError(
            "spacing_invalid", "This NIfTI file gives its spacing in another unit than mm; export it again in mm."
        )
    if q_code <= 0 or s_code <= 0:
        return
    sform = np.array([[float(x) for x in header[f"srow_{axis}"].split()] for axis in "xyz"])
    qform = _nifti_quaternion_matrix(header)
    size = [int(header[f"dim[{axis}]"]) for axis in (1, 2, 3)]
    corners = np.array([[i, j, k, 1.0] for i, j, k in product(*[(0, n - 1) for n in size])])
    apart = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    if apart > 0.5 * float(np.linalg.norm(sform[:, :3], axis=0).min()):
        raise ImagingError(
            "frames_disagree",
            f"This NIfTI file places its voxels in the patient twice (qform and sform), and the two differ by up to "
            f"{apart:.1f} mm; export it again from its source.",
        )


def _nifti_quaternion_matrix(header: Mapping[str, str]) -> FloatArray:
    b, c, d = (float(header[f"quatern_{letter}"]) for letter in "bcd")
    a = math.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if float(header["pixdim[0]"]) < 0.0 else 1.0
    spacing = np.array([float(header[f"pixdim[{axis}]"]) for axis in (1, 2, 3)]) * [1.0, 1.0, handed]
    offset = np.array([float(header[f"qoffset_{axis}"]) for axis in "xyz"])
    return np.column_stack([rotation * spacing, offset])
