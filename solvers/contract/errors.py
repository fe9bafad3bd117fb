"""The one error that a run shows its user, and the exit codes of ``python -m solvers.run``."""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """How a run ended, for the process that started it."""

    FINISHED = 0
    BAD_SPEC = 2
    BAD_MESH = 3
    DIVERGED = 4
    NOT_PERIODIC = 5
    CANCELLED = 6
    INTERNAL = 70


class RunError(Exception):
    """A run that cannot start or go on, in words for a radiologist.

    Parameters
    ----------
    code : str
        Stable short name of the cause, e.g. ``"diverged"``; callers switch on it, never on the text.
    message : str
        One plain sentence: what is wrong, where, and what to do.
    place : tuple of 3 floats, optional
        Where in the mesh [m], in the frame of its points.
    exit_code : ExitCode
        What the process returns.
    """

    def __init__(
        self,
        code: str,
        message: str,
        place: tuple[float, float, float] | None = None,
        exit_code: ExitCode = ExitCode.INTERNAL,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.exit_code = exit_code


def out_of_memory() -> RunError:
    """What to tell a user when a process of the run got no more memory."""
    return RunError(
        "out_of_memory",
        "The run needs more memory than it may have: close other programs, take fewer processes, or mesh the vessel "
        "more coarsely, and start it again.",
    )


def writing_failed(error: OSError) -> RunError:
    """What to tell a user when a file of the run could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(
            "disk_full",
            "The disk is full: the run stopped, its last checkpoint is whole; free some space and restart the run.",
        )
    return RunError(
        "cannot_write",
        f"The run folder cannot be written ({error.strerror}); make it writable and restart the run.",
    )
