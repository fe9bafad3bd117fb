"""A case on disk: open it, change it by commands, add files to it. Whatever happens, the folder stays a whole case."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from app.case.commands import Command
from app.case.errors import CaseError
from app.case.files import (
    line_appended,
    plain_disk_errors,
    sha256_of,
    sync_file,
    sync_folder,
    write_json_atomically,
)
from app.case.history import Entry, History
from app.case.lock import CaseLock
from app.case.migrations import migrate
from app.case.records import SCHEMA_VERSION, Case, FileRef

Observer = Callable[[Case, Case], None]


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class OpenCase:
    """A case folder opened by this process.

    Use as a context manager, or call `close`. ``case`` is the present state; `do`, `undo` and `redo` are the only ways
    to change it, and each is on disk when it returns. Observers are called with the state before and after.
    """

    def __init__(self, folder: Path, history: History, lock: CaseLock | None) -> None:
        self.folder = folder
        self._history = history
        self._lock = lock
        self._observers: list[Observer] = []

    @classmethod
    def create(cls, folder: Path, title: str) -> OpenCase:
        """Make a new, empty case folder and open it for writing.

        Raises
        ------
        CaseError
            ``case_exists`` when the folder is there and not empty, ``bad_place`` when it cannot be made there,
            ``no_permission``, ``disk_full``.
        """
        folder = folder.absolute()
        with plain_disk_errors(f"The case {folder.name}"):
            if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
                raise CaseError("case_exists", f"{folder.name} exists already: choose another name, or open it.")
            folder.mkdir(parents=True, exist_ok=True)
        case = Case(id=uuid.uuid4().hex[:12], title=title, created_utc=utc_now())
        lock = None
        try:
            lock = CaseLock(folder)
            opened = cls(folder, History((Entry("New case", case.created_utc, case),), 0), lock)
            opened._write("New case")
            return opened
        except BaseException:
            if lock is not None:
                lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def open(cls, folder: Path, *, writable: bool = True) -> OpenCase:
        """Open a case folder.

        Raises
        ------
        CaseError
            ``not_a_case``, ``case_damaged``, ``case_too_new``, ``no_permission``, or ``case_locked`` when another
            process writes to it.
        """
        folder = folder.absolute()
        if not (folder / "case.json").is_file():
            raise CaseError(
                "not_a_case", f"{folder.name} is not a case: it holds no case.json. Import a scan to make one."
            )
        lock = CaseLock(folder) if writable else None
        try:
            history = _read_history(folder)
            if lock is not None:
                _remove_leftovers(folder)
            return cls(folder, history, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def __enter__(self) -> OpenCase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def case(self) -> Case:
        """The present state."""
        return self._history.case

    @property
    def history(self) -> History:
        """The states that undo and redo move between."""
        return self._history

    @property
    def is_writable(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock is not None

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call ``observer(before, after)`` at each change; returns what ends it."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def do(self, command: Command) -> Case:
        """Apply a command, write the new state to disk and tell the observers."""
        after = command.apply(self.case)
        self._move(self._history.push(Entry(command.label, utc_now(), after)), command.label)
        return after

    def undo(self) -> str:
        """Take the last command back; returns its label."""
        label = self._history.undo_label
        if label is None:
            raise CaseError("nothing_to_undo", "There is nothing to undo.")
        self._move(self._history.moved(-1), f"Undo: {label}")
        return label

    def redo(self) -> str:
        """Do again what was undone last; returns its label."""
        label = self._history.redo_label
        if label is None:
            raise CaseError("nothing_to_redo", "There is nothing to redo.")
        self._move(self._history.moved(1), f"Redo: {label}")
        return label

    def path_of(self, ref: FileRef) -> Path:
        """Where a file of the bundle lies.

        Raises
        ------
        CaseError
            ``file_missing`` when it is not there.
        """
        path = self.folder / ref.path
        if not path.is_file() or self.folder.resolve() not in path.resolve().parents:
            raise CaseError(
                "file_missing", f"The case has lost its file {ref.path}: restore it from a copy, or run the step again."
            )
        return path

    def damaged_files(self) -> tuple[str, ...]:
        """Paths of the files whose content is not what the records say (missing or changed)."""
        refs = {ref.path: ref for record in self.case.records for ref in record.files.values()}
        return tuple(
            path
            for path, ref in refs.items()
            if not (self.folder / path).is_file() or sha256_of(self.folder / path) != ref.sha256
        )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """An empty folder inside the bundle for files on their way into it; gone afterwards."""
        self._require_writable()
        folder = self.folder / ".staging" / uuid.uuid4().hex
        with plain_disk_errors("The result"):
            folder.mkdir(parents=True)
        try:
            with plain_disk_errors("The result"):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def take_in(self, files: Mapping[str, Path], destination: str) -> dict[str, FileRef]:
        """Move staged files into ``destination`` (relative to the bundle) and return references to them."""
        self._require_writable()
        target = self.folder / destination
        refs = {}
        with plain_disk_errors("The result"):
            target.mkdir(parents=True, exist_ok=True)
            for name, path in files.items():
                sync_file(path)
                final = target / path.name
                refs[name] = FileRef(
                    path=final.relative_to(self.folder).as_posix(), sha256=sha256_of(path), n_bytes=path.stat().st_size
                )
                os.replace(path, final)
            sync_folder(target)
        return refs

    def give_back(self, destination: str) -> None:
        """Remove what `take_in` moved into ``destination`` when its record could not be written."""
        on_disk = _read_case(self.folder)
        paths = [ref.path for record in on_disk.records for ref in record.files.values()]
        if not any(path.startswith(f"{destination}/") for path in paths):
            shutil.rmtree(self.folder / destination, ignore_errors=True)

    def discard_if_empty(self) -> None:
        """Remove the folder of a case that never got a record: what could not be imported leaves nothing behind."""
        if not self.case.records:
            self.discard()

    def discard(self) -> None:
        """Remove the folder of a case that this process has just made and could not complete."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Give the lock back. The case is on disk already."""
        self._observers.clear()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _require_writable(self) -> None:
        if self._lock is None:
            raise CaseError(
                "read_only", "The case is open read-only: close the other window that holds it, and open it again."
            )

    def _move(self, history: History, label: str) -> None:
        self._require_writable()
        before, self._history = self._history, history
        try:
            self._write(label)
        except BaseException:
            self._history = before
            raise
        for observer in tuple(self._observers):
            observer(before.case, self.case)

    def _write(self, label: str) -> None:
        entries = [
            {"label": e.label, "utc": e.utc, "case": e.case.model_dump(mode="json")} for e in self._history.entries
        ]
        stored = {"schema_version": SCHEMA_VERSION, "cursor": self._history.cursor, "entries": entries}
        line = json.dumps({"utc": utc_now(), "action": label, "state": self._history.cursor})
        with line_appended(self.folder / "audit.ndjson", line):
            write_json_atomically(self.folder / "history.json", stored)
            write_json_atomically(self.folder / "case.json", self.case.model_dump(mode="json"))


def _read_history(folder: Path) -> History:
    case = _read_case(folder)
    try:
        stored = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        entries = tuple(Entry(e["label"], e["utc"], Case.model_validate(migrate(e["case"]))) for e in stored["entries"])
        # A write that was cut off between the two files left the history a state ahead: case.json is the truth.
        found = [n for n, entry in enumerate(entries) if entry.case == case]
        if found:
            return History(entries, min(found, key=lambda n: abs(n - stored["cursor"])))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a damaged history costs the way back, not the case
    return History((Entry("Opened", utc_now(), case),), 0)


def _remove_leftovers(folder: Path) -> None:
    """What a program that was killed while it wrote has left behind."""
    shutil.rmtree(folder / ".staging", ignore_errors=True)
    for name in ("case.json", "history.json"):
        for path in folder.glob(f".{name}.*.tmp"):
            path.unlink(missing_ok=True)


def _read_case(folder: Path) -> Case:
    try:
        stored = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        return Case.model_validate(migrate(stored))
    except (ValueError, ValidationError, KeyError, TypeError) as error:
        message = (
            f"The file case.json of {folder.name} is damaged and cannot be read: restore it from a copy of the case."
        )
        raise CaseError("case_damaged", message) from error
