"""Where the files of a study come from: a folder, a file, a DICOMDIR, a zip archive. No name in them is trusted."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from imaging.errors import ImagingError, not_readable
from imaging.types import Progress, silent

_MOST_ENTRIES = 200_000
_LARGEST_SWELLING = 200
_SWELLING_FREE_BYTES = 1_000_000_000
"""Assumptions: a study has fewer files, and lossless packing never makes it smaller than one part in 200. The first
gigabyte is not held against a small archive."""
_PIECE_BYTES = 1 << 20


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive does; ImagingError ``not_readable``."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except PermissionError:
        raise not_readable() from None


@contextmanager
def study_files(source: Path, progress: Progress = silent) -> Iterator[tuple[list[Path], list[str]]]:
    """The files of a study, and what was left out, in sentences. A zip archive is unpacked for as long as this lasts.

    Raises
    ------
    ImagingError
        ``path_missing``, ``not_readable``, ``folder_empty``, ``damaged_file``, ``path_outside`` (a name in an archive
        or a DICOMDIR leads out of it), ``zip_encrypted``, ``too_large``, ``disk_full``.
    """
    if not source.exists():
        raise ImagingError("path_missing", "There is nothing at the chosen place; choose a folder with DICOM files.")
    if source.is_file() and is_zip(source):
        with tempfile.TemporaryDirectory(prefix="angiotwin-") as folder:
            yield _unpacked(source, Path(folder), progress), []
        return
    _require_readable_folders(source)
    if source.is_file():
        yield _listed_in_directory(source) if source.name.upper() == "DICOMDIR" else ([source], [])
        return
    files = sorted(path for path in source.rglob("*") if path.is_file())
    if not files:
        raise ImagingError("folder_empty", "The chosen folder is empty; choose the folder that holds the DICOM files.")
    yield files, []


def _require_readable_folders(folder: Path) -> None:
    """A search passes over folders that it may not enter without a word."""
    if folder.is_dir():
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            if not os.access(place, os.R_OK | os.X_OK):
                raise not_readable()


def _outside(what: str) -> ImagingError:
    return ImagingError(
        "path_outside",
        f"A name in this {what} leads out of it (with '..', a drive or a leading slash), as no export does; nothing "
        "was read. Ask for the study again from its source.",
    )


def _is_inside(parts: tuple[str, ...] | list[str]) -> bool:
    return bool(parts) and all(part not in ("", ".", "..") and not any(c in part for c in "/\\\0:") for part in parts)


def _unpacked(archive: Path, folder: Path, progress: Progress) -> list[Path]:
    """The members of an archive, under names of our own, so that theirs lead nowhere."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check_members(members, archive.stat().st_size, folder)
            files = []
            for n, member in enumerate(members):
                if n % 16 == 0:
                    progress(0.0, f"Unpacking file {n + 1} of {len(members)}")
                path = folder / f"{n:06d}{PurePosixPath(member.filename).suffix[:8].lower()}"
                _unpack(opened, member, path)
                files.append(path)
    except PermissionError:
        raise not_readable() from None
    except ImagingError:
        raise
    except OSError as error:
        if error.errno == 28:
            raise ImagingError("disk_full", "The disk is full: free some space and try again.") from None
        raise _damaged_archive() from None
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, KeyError):
        raise _damaged_archive() from None
    except Exception as error:  # zlib, lzma and bz2 have errors of their own
        if type(error).__name__ in ("error", "LZMAError"):
            raise _damaged_archive() from None
        raise
    if not files:
        raise ImagingError("folder_empty", "This zip archive is empty; choose the archive that holds the DICOM files.")
    return files


def _damaged_archive() -> ImagingError:
    return ImagingError("damaged_file", "This zip archive is damaged or incomplete; copy it again from its source.")


def _check_members(members: list[zipfile.ZipInfo], packed_bytes: int, folder: Path) -> None:
    for member in members:
        # ZipInfo.filename has been made harmless in parts by zipfile; the original name tells what was meant.
        name = member.orig_filename
        if "\\" in name or name.startswith("/") or not _is_inside(name.rstrip("/").split("/")):
            raise _outside("zip archive")
        if (member.external_attr >> 16) & 0o170000 == 0o120000:
            raise _outside("zip archive")  # a symbolic link
        if member.flag_bits & 0x1:
            raise ImagingError(
                "zip_encrypted", "This zip archive is protected by a password; unpack it first and choose its folder."
            )
    total = sum(member.file_size for member in members)
    swells = total > _SWELLING_FREE_BYTES + _LARGEST_SWELLING * packed_bytes
    if swells or len(members) > _MOST_ENTRIES or total > shutil.disk_usage(folder).free:
        raise ImagingError(
            "too_large",
            f"This zip archive of {packed_bytes / 1e6:.3g} MB says that it unpacks to {total / 1e9:.3g} GB in "
            f"{len(members)} files, more than a study of that size or than the disk holds; unpack it by hand and "
            "choose its folder.",
        )


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    with opened.open(member) as packed, path.open("wb") as file:
        while piece := packed.read(_PIECE_BYTES):
            file.write(piece)


def _listed_in_directory(directory: Path) -> tuple[list[Path], list[str]]:
    """The images that a DICOMDIR lists (PS3.10 section 8.5: components of a path below the DICOMDIR's own folder)."""
    import warnings

    import pydicom

    listed: list[list[str]] = []
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(directory)
            for record in dataset.DirectoryRecordSequence:
                if record.get("ReferencedFileID"):
                    listed.append(_components(record.ReferencedFileID))
    except PermissionError:
        raise not_readable() from None
    except Exception:  # pydicom lets many kinds of error out of a damaged file
        raise ImagingError(
            "damaged_file", "This DICOMDIR is damaged or incomplete; choose the folder that holds the images instead."
        ) from None
    root = directory.resolve().parent
    found, n_missing = [], 0
    for parts in listed:
        if not _is_inside(parts):
            raise _outside("DICOMDIR")
        path = _found_below(root, parts)
        if path is None:
            n_missing += 1
        elif not path.resolve().is_relative_to(root):
            raise _outside("DICOMDIR")
        else:
            found.append(path)
    if not found:
        raise ImagingError(
            "no_dicom",
            f"None of the {len(listed)} files that this DICOMDIR lists is there; choose the folder that holds the "
            "images.",
        )
    notes = [f"{n_missing} files that the DICOMDIR lists are not there."] if n_missing else []
    return found, notes


def _components(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(part) for part in value]


def _found_below(root: Path, parts: list[str]) -> Path | None:
    """A file by its components; disks that were copied often changed upper to lower case."""
    place = root
    for part in parts:
        exact = place / part
        if not exact.exists():
            if not place.is_dir():
                return None
            same = [path for path in place.iterdir() if path.name.upper() == part.upper()]
            if len(same) != 1:
                return None
            exact = same[0]
        place = exact
    return place if place.is_file() else None
