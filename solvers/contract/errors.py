"""The one error that a run shows its user, and the exit codes of ``python -m solvers.run``."""

from __future__ import annotations

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
