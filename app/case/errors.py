"""What the case says to a user when something cannot be done."""

from __future__ import annotations


class CaseError(Exception):
    """A request that the case cannot meet, as one plain sentence.

    Parameters
    ----------
    code : str
        Stable short name of the cause, e.g. ``"case_locked"``.
    message : str
        What is wrong, where, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
