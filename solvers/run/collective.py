"""What must happen on all ranks alike: leaving with an error, and noticing that somebody wants the run to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from mpi4py import MPI

from solvers.contract.errors import RunError, writing_failed
from solvers.contract.files import STOP


def on_rank_0[Result](comm: MPI.Intracomm, action: Callable[[], Result]) -> Result | None:
    """Do something on rank 0 only; if it fails with a RunError or cannot write, that is raised on every rank.

    Returns what the action returned on rank 0, None elsewhere.
    """
    result: Result | None = None
    error: RunError | None = None
    if comm.rank == 0:
        try:
            result = action()
        except RunError as raised:
            error = raised
        except OSError as raised:
            error = writing_failed(raised)
    parts = comm.bcast((error.code, error.message, error.place, error.exit_code) if error else None)
    if parts is not None:
        raise RunError(*parts)
    return result


class StopRequest:
    """A STOP file in the run folder, or a signal to any rank."""

    def __init__(self, comm: MPI.Intracomm, run_dir: Path) -> None:
        self._comm, self._path = comm, run_dir / STOP
        self._signalled = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._signalled = True

    def is_made(self) -> bool:
        """Whether the run shall stop: the same answer on all ranks, which must all ask."""
        mine = self._signalled or (self._comm.rank == 0 and self._path.exists())
        return bool(self._comm.allreduce(int(mine), op=MPI.MAX))

    def clear(self) -> None:
        """The request was followed."""
        if self._comm.rank == 0:
            self._path.unlink(missing_ok=True)
