"""One thing that was found out about a run before it is started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from solvers.contract.errors import ExitCode, RunError

Level = Literal["error", "warning", "info"]
Place = tuple[float, float, float]
PA_PER_MMHG = 133.322387415
ORDER: tuple[Level, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """A finding of the well-posedness check.

    Attributes
    ----------
    code
        Stable short name; the Doctor's table (solvers/doctor) knows a cause for every code of an error.
    level
        ``error``: the run is refused. ``warning``: it runs, but its numbers may be worth little. ``info``: a figure.
    sentence
        What is wrong, where, and what to do.
    quantity, value, unit, low, high
        The number behind it and the range in which nothing would have been said; the unit is the one people read.
    source
        Where the range comes from.
    place
        In the mesh [m].
    patch
        Name of the opening that it is about.
    about_mesh
        Whether the mesh has to be changed rather than the conditions.
    """

    code: str
    level: Level
    sentence: str
    quantity: str = ""
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    source: str = ""
    place: Place | None = None
    patch: str | None = None
    about_mesh: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def as_error(self) -> RunError:
        """The refusal of a run with this finding."""
        exit_code = ExitCode.BAD_MESH if self.about_mesh else ExitCode.BAD_SPEC
        return RunError(self.code, self.sentence, self.place, exit_code)


def of_error(error: RunError) -> Finding:
    """The finding that a refusal by the contract amounts to."""
    return Finding(
        error.code, "error", error.message, place=error.place, about_mesh=error.exit_code == ExitCode.BAD_MESH
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings, then the rest."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.level)))


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raise the first error, if there is one, as a RunError."""
    for finding in findings:
        if finding.level == "error":
            raise finding.as_error()
