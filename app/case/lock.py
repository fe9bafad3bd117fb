"""One writer at a time: a lock that the operating system releases when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from app.case.errors import CaseError
from app.case.files import plain_disk_errors


class CaseLock:
    """Held by the one process that may change a case folder.

    Raises
    ------
    CaseError
        ``case_locked`` when another process holds it; the sentence names the process and how long it has it.
        ``no_permission`` when this user may not write to the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / ".lock")
        self._holder = folder / ".holder.json"
        try:
            with plain_disk_errors(f"The case {folder.name}"):
                self._lock.acquire(timeout=0)
        except Timeout as error:
            raise CaseError("case_locked", self._refusal(folder)) from error
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since_utc": datetime.now(UTC).isoformat()}
        # It only helps to say who holds the case: a full disk is no reason to refuse.
        with contextlib.suppress(OSError):
            self._holder.write_text(json.dumps(holder), encoding="utf-8")

    def _refusal(self, folder: Path) -> str:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {holder['pid']} on {holder['host']} since {holder['since_utc'][:16].replace('T', ' ')} UTC"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return (
            f"The case {folder.name} is open for writing in another window ({who}): close it there, "
            "or open the case here read-only."
        )

    def release(self) -> None:
        """Let others write."""
        self._holder.unlink(missing_ok=True)
        self._lock.release()
