"""Why did the run fail, and what helps? The Doctor reads the run's folder in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from app.desktop.session.task_owner import TaskOwner
from imaging.types import Progress
from solvers.doctor.fixes import FIXES, Fix

Place = tuple[float, float, float]
_MM_PER_M = 1000.0


@dataclass(frozen=True)
class Told:
    """A diagnosis as it comes from another process: fixes by their names, the place in mm (LPS)."""

    code: str
    sentence: str
    cause: str
    place_mm: Place | None
    fix_ids: tuple[str, ...]

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """What helps, the best first."""
        return tuple(FIXES[name] for name in self.fix_ids)


def read_diagnosis(folder: Path, progress: Progress) -> Told:
    """What the child process does."""
    from solvers.doctor.diagnosis import diagnose

    progress(0.0, "Looking for the cause")
    found = diagnose(folder)
    place = None if found.place is None else tuple(_MM_PER_M * c for c in found.place)
    return Told(found.code, found.sentence, found.cause, place, tuple(fix.id for fix in found.fixes))  # type: ignore[arg-type]


class RunDoctor(TaskOwner):
    """``told`` is None where no run has failed, or where its folder says nothing."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.told: Told | None = None
        self.refused.connect(lambda refusal: self._keep(None))

    def examine(self, folder: Path) -> None:
        """Read why the run in this folder failed."""
        self.cancel()
        self._start(read_diagnosis, (folder,), self._keep)

    def forget(self) -> None:
        """There is no failed run any more."""
        self.cancel()
        if self.told is not None:
            self._keep(None)

    def _keep(self, told: Told | None) -> None:
        self.told = told
        self.changed.emit()
