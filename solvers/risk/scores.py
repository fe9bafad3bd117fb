"""Points of a published score, and scores of whom not everything is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Score:
    """A score: its parts by name with their points, and what the publication found at this sum.

    Attributes
    ----------
    risks_percent
        By what is risked, e.g. rupture in five years.
    """

    parts: Mapping[str, int]
    risks_percent: Mapping[str, float]

    @property
    def points(self) -> int:
        """The sum."""
        return sum(self.parts.values())


def extremes(
    score: Callable[..., Score], known: Mapping[str, object], unknown: Mapping[str, Sequence[object]]
) -> tuple[Score, Score]:
    """The least and the greatest score that are possible when some answers are not known.

    Parameters
    ----------
    known
        Answers by argument.
    unknown
        For each argument that is not known, the answers that it may have.
    """
    all_of_them = [
        score(**known, **dict(zip(unknown, answers, strict=True))) for answers in itertools.product(*unknown.values())
    ]
    return min(all_of_them, key=lambda one: one.points), max(all_of_them, key=lambda one: one.points)


def points_above(value: float, table: Sequence[tuple[float, int]]) -> int:
    """Points of the last row (least value, points) that a value reaches."""
    return next(points for least, points in reversed(table) if value >= least)
