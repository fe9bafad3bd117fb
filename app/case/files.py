"""Files that are either whole or not there: written under another name, synced, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.case.errors import CaseError


@contextmanager
def plain_disk_errors(what: str) -> Iterator[None]:
    """Turn the operating system's refusal to write into one sentence about ``what``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CaseError(
                "disk_full",
                f"The disk is full: {what} was not written and the case is as it was before. "
                "Free some space and try again.",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise CaseError(
                "no_permission",
                f"{what} cannot be written: there is no permission to write to the case folder. "
                "Copy the case to a folder of your own.",
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL):
            raise CaseError(
                "bad_place", f"{what} cannot be made there ({error.strerror}): name a folder that can hold it."
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a file by ``text`` in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with plain_disk_errors(path.name):
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_json_atomically(path: Path, value: Any) -> None:
    """Replace a file by JSON in one step."""
    write_text_atomically(path, json.dumps(value, indent=1) + "\n")


@contextmanager
def line_appended(path: Path, line: str) -> Iterator[None]:
    """Append a line to a text file; it is taken back when what is done within fails."""
    with plain_disk_errors(path.name), path.open("ab") as stream:
        end = stream.tell()
        try:
            stream.write(line.encode() + b"\n")
            stream.flush()
            yield
        except BaseException:
            os.truncate(path, end)
            raise


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
