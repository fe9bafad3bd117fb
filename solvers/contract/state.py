"""``state.json``: what a run is doing now, for a program that opens the folder without having watched it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.files import STATE

SCHEMA_VERSION = 1
Status = Literal["created", "queued", "running", "finished", "failed", "cancelled", "killed"]
ENDED: frozenset[str] = frozenset({"finished", "failed", "cancelled", "killed"})


@dataclass(frozen=True)
class RunState:
    """A snapshot of a run.

    Attributes
    ----------
    status
        ``queued`` is a run that was given to a queue and has not said anything yet;
        ``killed`` is written by whoever finds that the process is gone without having said goodbye.
    code, message, exit_code
        Why the run ended; ``code`` and ``message`` are those of :class:`~solvers.contract.errors.RunError`.
    n_ranks
        Processes of the run.
    pid, pid_started
        The process that leads the run (rank 0, or the launcher before rank 0 is up) and when it was created, in
        seconds since the epoch: a process id alone may have been given to another program.
    step, time, cycle
        Last solved step, its time [s] since the start of the run, and its cycle counted from 0.
    checkpoint_step
        Step of the newest whole checkpoint, from which the run can be restarted.
    """

    status: Status = "created"
    code: str | None = None
    message: str | None = None
    exit_code: int | None = None
    n_ranks: int = 1
    pid: int | None = None
    pid_started: float | None = None
    step: int = 0
    time: float = 0.0
    cycle: int = 0
    checkpoint_step: int | None = None
    updated_utc: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be expected of the run."""
        return self.status in ENDED


def write_state(run_dir: Path, state: RunState) -> RunState:
    """Write ``state.json`` atomically with the present time, and return what was written."""
    stamped = replace(state, updated_utc=datetime.now(UTC).isoformat(timespec="milliseconds"))
    text = json.dumps(asdict(stamped), indent=1)
    write_bytes_atomically(run_dir / STATE, text.encode())
    return stamped


def read_state(run_dir: Path) -> RunState | None:
    """The state of a run, or None if it never had one (or its file is not readable as one)."""
    try:
        raw: dict[str, Any] = json.loads((run_dir / STATE).read_text(encoding="utf-8"))
        known = {field.name for field in fields(RunState)}
        return RunState(**{key: value for key, value in raw.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
