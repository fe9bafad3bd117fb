"""Undo and redo as a list of whole states: the states are small, frozen and share what did not change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.case.records import Case

MOST_ENTRIES = 100


@dataclass(frozen=True)
class Entry:
    """A state and the label of the command that led to it."""

    label: str
    utc: str
    case: Case


@dataclass(frozen=True)
class History:
    """States in order; ``cursor`` is the present one."""

    entries: tuple[Entry, ...]
    cursor: int

    @property
    def case(self) -> Case:
        """The present state."""
        return self.entries[self.cursor].case

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, or None."""
        return self.entries[self.cursor].label if self.cursor > 0 else None

    @property
    def redo_label(self) -> str | None:
        """What redo would bring back, or None."""
        return self.entries[self.cursor + 1].label if self.cursor + 1 < len(self.entries) else None

    def push(self, entry: Entry) -> History:
        """The history after a command; what was undone before is forgotten, and so is the far past."""
        entries = (*self.entries[: self.cursor + 1], entry)[-MOST_ENTRIES:]
        return History(entries, len(entries) - 1)

    def moved(self, by: int) -> History:
        """The history with the cursor ``by`` entries further."""
        return replace(self, cursor=self.cursor + by)
