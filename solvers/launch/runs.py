"""A run wherever it goes on: on this machine or in a queue, by what its folder says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from solvers.contract.events import FINAL_TYPES, Event, read_new
from solvers.contract.state import RunState
from solvers.launch import local, slurm

RunHandle = local.RunHandle | slurm.QueuedRun


def reattach(run_dir: Path) -> RunHandle | None:
    """The handle of a run that is alive (waiting in a queue, too), else None; one that was killed is marked."""
    return local.reattach(run_dir) if slurm.queued(run_dir) is None else slurm.reattach(run_dir)


def settle(run_dir: Path) -> RunState:
    """The state of a run that is gone; one that ended without a word is marked ``killed``."""
    return local.settle(run_dir) if slurm.queued(run_dir) is None else slurm.settle(run_dir)


def cancel(handle: RunHandle) -> RunState:
    """Ask a run to stop with a checkpoint; if it does not, end it."""
    return local.cancel(handle) if isinstance(handle, local.RunHandle) else slurm.cancel(handle)


def watch(run_dir: Path, poll_seconds: float = 0.2) -> Iterator[Event]:
    """Events of a run, old ones first, until its final event or its end without one.

    A run that was restarted has final events of its earlier parts among the old ones.
    """
    offset, is_final = 0, False
    while True:
        is_alive = reattach(run_dir) is not None
        events, offset = read_new(run_dir, offset)
        yield from events
        if events:
            is_final = events[-1]["type"] in FINAL_TYPES
        if not is_alive and (is_final or not events):
            return
        if not events:
            time.sleep(poll_seconds)
