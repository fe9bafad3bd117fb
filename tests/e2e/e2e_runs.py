"""Watching a run from outside, and taking its processes away."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from app.case.bundle import OpenCase
from app.workflow.simulate import run_folder
from solvers.contract.events import Event, read_events
from solvers.contract.state import read_state

PATIENCE_S = 120.0
"""Nothing is measured by it: a run that takes longer hangs."""


def current_run(case: Path) -> Path:
    with OpenCase.open(case, writable=False) as opened:
        return run_folder(opened)


def wait_for(what: Callable[[], bool], hope: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, f"never came: {hope}"
        time.sleep(0.05)


def last_step(folder: Path) -> int:
    return max((event["step"] for event in read_events(folder) if event["type"] == "step"), default=0)


def checkpoints(folder: Path) -> list[Event]:
    return [event for event in read_events(folder) if event["type"] == "checkpoint"]


def has_ended(folder: Path) -> bool:
    state = read_state(folder)
    return state is not None and state.has_ended


def kill_all_processes_of(folder: Path) -> None:
    """SIGKILL to the launcher of a run, its process group and whatever it has started."""
    state = read_state(folder)
    assert state is not None and state.pid is not None
    leader = psutil.Process(state.pid)
    family = [*leader.children(recursive=True), leader]
    assert os.getpgid(leader.pid) != os.getpgid(0), "a run has a process group of its own"
    os.killpg(os.getpgid(leader.pid), signal.SIGKILL)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    gone = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    wait_for(lambda: not any(p.is_running() and p.status() not in gone for p in family), "the end of a killed run")
