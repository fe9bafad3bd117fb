"""``events.ndjson``: what happens in a run, one JSON object a line, only ever appended to.

Every event has ``seq`` (1, 2, 3 ... over the life of the folder), ``utc`` and ``type``; by type it also has

* started: n_ranks, versions, n_cells, n_unknowns, steps_per_cycle, dt, max_cycles, restart_step (None if new)
* finding, before anything is solved: what :class:`solvers.preflight.finding.Finding` holds
* stage: name, text; names are reading, compiling, partitioning, solving
* step, several a second at most: step, time, cycle, phase, dt, cfl, iterations, residual, mass_imbalance,
  splitting_imbalance, max_speed, wall_seconds, eta_seconds, fraction, flows {cap: m3/s}, pressures {cap: Pa}
* cycle: cycle, periodicity_error (None for the first), mass_imbalance, splitting_imbalance, wall_seconds,
  energy {power_in_W, dissipation_W, kinetic_rate_W, numerical_W, numerical_share}: means (solvers/fem/energy.py)
* time_step_halved: step (the last that stays; later ones are solved again), time, level (how often the spec's step is
  halved now), dt, failed_step, code, text, place of the sign of trouble; time_step_doubled: step, time, level, dt
* outlets_tuned: round, outlets {name: {r_proximal, c, r_distal}}
* metric: name, value, unit
* field: file, cycle
* checkpoint: step, time, file
* warning: code, text, place
* heartbeat, when nothing else was said for some seconds: nothing
* finished: wall_seconds, n_cycles, periodicity_error
* failed: code, text, place, exit_code, traceback_file
* cancelled: step, time, checkpoint_step
"""

from __future__ import annotations

import json
import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from solvers.contract.files import EVENTS

FINAL_TYPES: frozenset[str] = frozenset({"finished", "failed", "cancelled"})
Event = dict[str, Any]


class EventWriter:
    """Appends events; a thread says that the process lives when nothing else is to be said.

    Opening it on a folder that has events goes on with their numbers and mends a last line torn by a crash.
    """

    def __init__(self, run_dir: Path, heartbeat_seconds: float | None = 5.0) -> None:
        path = run_dir / EVENTS
        self._seq = 0
        if path.exists():
            events, end = read_new(run_dir, 0)
            self._seq = int(events[-1]["seq"]) if events else 0
            with path.open("rb+") as existing:
                existing.truncate(end)
        self._stream = path.open("ab")
        self._lock = threading.Lock()
        self._last_said = time.monotonic()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if heartbeat_seconds is not None:
            self._thread = threading.Thread(target=self._beat, args=(heartbeat_seconds,), daemon=True)
            self._thread.start()

    def emit(self, type_: str, **values: Any) -> None:
        """Append one event. Numbers that are not finite become None.

        Raises
        ------
        OSError
            When the disk is full.
        """
        with self._lock:
            event = {
                "seq": self._seq + 1,
                "utc": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "type": type_,
                **{key: _plain(value) for key, value in values.items()},
            }
            self._stream.write(json.dumps(event, allow_nan=False).encode() + b"\n")
            self._stream.flush()
            self._seq += 1
            self._last_said = time.monotonic()

    def close(self) -> None:
        """Stop the heartbeat and close the file."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _beat(self, seconds: float) -> None:
        while not self._closing.wait(seconds / 2):
            if time.monotonic() - self._last_said >= seconds:
                try:
                    self.emit("heartbeat")
                except OSError:
                    return


def read_new(run_dir: Path, offset: int) -> tuple[list[Event], int]:
    """The whole events from byte ``offset`` on, and the offset to go on from; a torn last line is left for later."""
    try:
        with (run_dir / EVENTS).open("rb") as stream:
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], offset
    events: list[Event] = []
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        offset += len(line)
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "type" in event and "seq" in event:
            events.append(event)
    return events, offset


def read_events(run_dir: Path) -> list[Event]:
    """All whole events of a run, oldest first."""
    return read_new(run_dir, 0)[0]


def _plain(value: Any) -> Any:
    """NumPy numbers and tuples as JSON has them; NaN and infinity as None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
