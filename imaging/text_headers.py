"""What is checked in the text header of NRRD and MetaImage files before ITK sees them: it trusts what they say.

Fields by the NRRD definition (teem.sourceforge.net/nrrd/format.html) and the MetaImage documentation of ITK.
"""

from __future__ import annotations

import math
import re
import zlib
from pathlib import Path, PurePosixPath

from imaging.errors import ImagingError, not_readable

_HEAD_BYTES = 1 << 16
_MOST_AXES = 5
_PIECE_BYTES = 1 << 22


def check_text_header(path: Path, suffix: str) -> None:
    """Refuse a header with impossible numbers, or one that names a data file outside of its own folder.

    A file that is no NRRD or MetaImage file at all is left to the reader.

    Raises
    ------
    ImagingError
        ``damaged_file``, ``path_outside``, ``not_readable``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except PermissionError:
        raise not_readable() from None
    if suffix in (".nrrd", ".nhdr") and head.startswith(b"NRRD"):
        fields = _fields(re.split(rb"\r?\n\r?\n", head)[0], ":")
        _check_sizes(fields.get("dimension", ""), fields.get("sizes", ""))
        _check_directions(fields.get("dimension", ""), fields.get("space directions", ""))
        for key in ("data file", "datafile"):
            _check_data_file(fields.get(key, ""), "")
    elif suffix in (".mha", ".mhd") and b"NDims" in head:
        text = re.split(rb"(ElementDataFile\s*=[^\n]*)", head)
        fields = _fields(b"".join(text[:2]), "=")
        _check_sizes(fields.get("ndims", ""), fields.get("dimsize", ""))
        _check_data_file(fields.get("elementdatafile", ""), "LOCAL")


def _fields(head: bytes, sign: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines():
        key, found, value = line.partition(sign)
        if found:
            fields.setdefault(key.strip().lower(), value.lstrip("=").strip())
    return fields


def _check_sizes(n_axes: str, sizes: str) -> None:
    damaged = ImagingError(
        "damaged_file", "The header of this image states impossible sizes; export the scan again from its source."
    )
    try:
        count, lengths = int(n_axes), [int(word) for word in sizes.split()]
    except ValueError:
        raise damaged from None
    if not 1 <= count <= _MOST_AXES or len(lengths) != count or min(lengths) < 1 or math.prod(lengths) > 1 << 48:
        raise damaged


def _check_directions(n_axes: str, directions: str) -> None:
    if directions and (int(n_axes) == 3 and "none" in directions.lower()):
        raise ImagingError(
            "frame_unknown",
            "This image does not say how one of its axes lies in the patient; export it again with its directions.",
        )


def check_packed_voxels(path: Path) -> None:
    """Refuse an NRRD or MetaImage file whose packed voxels are damaged: ITK takes what it gets.

    Raises
    ------
    ImagingError
        ``damaged_file``.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"NRRD"):
        parts = re.split(rb"\r?\n\r?\n", head, maxsplit=1)
        fields = _fields(parts[0], ":")
        is_packed = fields.get("encoding", "").lower() in ("gz", "gzip") and not {"data file", "datafile"} & set(fields)
        is_whole = not (is_packed and len(parts) == 2) or _unpacks(path, len(head) - len(parts[1]))
    else:
        parts = re.split(rb"ElementDataFile\s*=\s*LOCAL\r?\n", head, maxsplit=1)
        is_packed = _fields(parts[0], "=").get("compresseddata", "").lower() == "true"
        is_whole = not (is_packed and len(parts) == 2) or _unpacks(path, len(head) - len(parts[1]))
    if not is_whole:
        raise ImagingError("damaged_file", "This file is damaged or incomplete; copy it again from where it came from.")


def _unpacks(path: Path, begin: int) -> bool:
    """Whether what follows is one whole gzip or zlib stream that agrees with its checksum."""
    stream = zlib.decompressobj(wbits=47)  # tells the two apart by itself
    with path.open("rb") as file:
        file.seek(begin)
        try:
            while piece := file.read(_PIECE_BYTES):
                while piece:
                    stream.decompress(piece, _PIECE_BYTES)
                    piece = stream.unconsumed_tail
        except zlib.error:
            return False
    return stream.eof


def _check_data_file(name: str, own: str) -> None:
    """A header may name a file beside it, nothing else: no list, no pattern, no way out of its folder."""
    if not name or name == own:
        return
    parts = PurePosixPath(name).parts
    if name.startswith(("/", "\\", "~")) or ".." in parts or ":" in name or "\\" in name:
        raise ImagingError(
            "path_outside",
            "The header of this image names a data file outside of its own folder, as no export does; nothing was "
            "read. Ask for the scan again from its source.",
        )
    if name.upper().startswith("LIST") or "%" in name:
        raise ImagingError(
            "damaged_file",
            "The header of this image spreads its data over several files, which is not read; export it as one file.",
        )
