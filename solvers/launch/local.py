"""Runs on this machine: start, watch, stop, find again, restart.

A run is a process group of its own, so that it outlives the program that started it and can be stopped as a whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from solvers.contract.errors import RunError
from solvers.contract.files import CONSOLE, EVENTS, QUEUE, STATE, STOP
from solvers.contract.state import RunState, read_state, write_state

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Runs that this program has started: it must take notice of their end, or they stay in the process table."""
KILLED = "The run ended without a word (it was killed, or the computer was switched off)"


@dataclass(frozen=True)
class RunHandle:
    """A run of this machine, alive or not.

    Attributes
    ----------
    pid, pid_started
        The process that leads it and when that was created [s since the epoch].
    """

    run_dir: Path
    pid: int
    pid_started: float

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        process = _process(self.pid, self.pid_started)
        return process is not None

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait until the process is gone and return the final state; TimeoutError if that takes too long."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_alive:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"The run still goes after {timeout:g} s.")
            time.sleep(0.05)
        return settle(self.run_dir)


def start(run_dir: Path, n_ranks: int) -> RunHandle:
    """Start a prepared run from the beginning on ``n_ranks`` processes.

    Raises
    ------
    RunError
        ``already_running``; ``no_mpiexec``: the environment has no MPI.
    """
    _refuse_if_running(run_dir)
    (run_dir / EVENTS).unlink(missing_ok=True)
    (run_dir / STATE).unlink(missing_ok=True)
    return _launch(run_dir, n_ranks, [])


def restart(run_dir: Path, n_ranks: int) -> RunHandle:
    """Start a run again from its newest checkpoint; RunError as :func:`start`, or ``no_checkpoint``."""
    _refuse_if_running(run_dir)
    if not can_restart(run_dir):
        raise RunError("no_checkpoint", "The run has no checkpoint to go on from; start it from the beginning.")
    return _launch(run_dir, n_ranks, ["--restart"])


def can_restart(run_dir: Path) -> bool:
    """Whether the run has written a checkpoint."""
    return any((run_dir / "checkpoint").glob("[0-9]*.npz"))


def reattach(run_dir: Path) -> RunHandle | None:
    """The handle of a run that is alive, None otherwise; a run that was killed is then marked so."""
    state = read_state(run_dir)
    if state is None or state.pid is None or state.pid_started is None or state.has_ended:
        return None
    handle = RunHandle(run_dir, state.pid, state.pid_started)
    if handle.is_alive:
        return handle
    settle(run_dir)
    return None


def settle(run_dir: Path) -> RunState:
    """The state of a run whose process is gone; one that ended without a word is marked ``killed``."""
    state = read_state(run_dir) or RunState()
    if state.has_ended:
        return state
    offer = (
        "restart it to go on from its last checkpoint."
        if can_restart(run_dir)
        else "it had not reached its first checkpoint: start it from the beginning."
    )
    return write_state(run_dir, replace(state, status="killed", code="killed", message=f"{KILLED}; {offer}"))


def cancel(handle: RunHandle, grace_seconds: float = 60.0, term_seconds: float = 10.0) -> RunState:
    """Ask a run to stop with a checkpoint; if it does not within the grace time, terminate it, then kill it."""
    (handle.run_dir / STOP).touch()
    with contextlib.suppress(TimeoutError):
        return handle.wait(grace_seconds)
    for number, seconds in ((signal.SIGTERM, term_seconds), (signal.SIGKILL, 10.0)):
        _signal_all(handle, number)
        with contextlib.suppress(TimeoutError):
            return handle.wait(seconds)
    raise RunError("cannot_stop", "The run could not be stopped; end its processes with the system's own tools.")


def _signal_all(handle: RunHandle, number: int) -> None:
    """Signal the whole process group, and descendants that have left it."""
    process = _process(handle.pid, handle.pid_started)
    if process is None:
        return
    with contextlib.suppress(psutil.Error):
        for child in process.children(recursive=True):
            child.send_signal(number)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgid(handle.pid), number)


def _refuse_if_running(run_dir: Path) -> None:
    if reattach(run_dir) is not None:
        raise RunError("already_running", "This run is going on already; wait for it or stop it first.")


def _launch(run_dir: Path, n_ranks: int, options: list[str]) -> RunHandle:
    mpiexec = find_mpiexec()
    (run_dir / STOP).unlink(missing_ok=True)
    (run_dir / QUEUE).unlink(missing_ok=True)
    command = [mpiexec, "-n", str(n_ranks), sys.executable, "-m", "solvers.run", str(run_dir), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (run_dir / CONSOLE).open("ab") as console:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    _children[child.pid] = child
    process = psutil.Process(child.pid)
    handle = RunHandle(run_dir, child.pid, process.create_time())
    previous = read_state(run_dir) or RunState()
    state = replace(
        previous,
        status="running",
        code=None,
        message=None,
        exit_code=None,
        n_ranks=n_ranks,
        pid=handle.pid,
        pid_started=handle.pid_started,
    )
    try:
        write_state(run_dir, state)
    except OSError:  # a run that nobody could find again must not go on
        _signal_all(handle, signal.SIGKILL)
        raise
    return handle


def find_mpiexec() -> str:
    """The program's own ``mpiexec``; RunError ``no_mpiexec`` if there is none."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise RunError("no_mpiexec", "The program's MPI is missing (no mpiexec beside Python); install it again.")
    return found


def _process(pid: int, started: float) -> psutil.Process | None:
    """The process of that id if it is the one that was created then and has not ended."""
    if pid in _children and _children[pid].poll() is not None:
        del _children[pid]
    try:
        process = psutil.Process(pid)
        is_other = abs(process.create_time() - started) > 1.0
        return None if is_other or process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None
