"""Paragraphs in columns of one height, as low as they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Placed = list[tuple[Any, float]]
"""Paragraphs with the distance of their lower edges from the top of their column, in points."""
_STEP_PT = 2.0
_HIGHEST_PT = 700.0


def balanced(paragraphs: Callable[[], Sequence[Any]], n_columns: int, width: float) -> tuple[list[Placed], float]:
    """Fill columns with paragraphs, in order, and return them with the least height that holds all.

    Parameters
    ----------
    paragraphs
        Makes them anew for every try, since a paragraph remembers how it was split. Those whose style has
        ``keepWithNext`` are never last in a column.
    """
    lines = sum(paragraph.wrap(width, _HIGHEST_PT)[1] for paragraph in paragraphs())
    height = lines / n_columns
    while height < _HIGHEST_PT:
        columns = _filled(paragraphs(), n_columns, width, height)
        if columns is not None:
            return columns, height
        height += _STEP_PT
    raise ValueError("the text does not fit in columns of a page's height")


def _filled(paragraphs: Sequence[Any], n_columns: int, width: float, height: float) -> list[Placed] | None:
    waiting = list(paragraphs)
    columns: list[Placed] = []
    for _ in range(n_columns):
        columns.append(_column(waiting, width, height))
    return None if waiting else columns


def _column(waiting: list[Any], width: float, height: float) -> Placed:
    """Take from ``waiting`` what fits into one column."""
    placed: Placed = []
    used = 0.0
    while waiting:
        text = waiting[0]
        style = text.style
        gap = style.spaceBefore if placed else 0.0
        needed = text.wrap(width, height)[1]
        behind = 2.0 * style.leading if text.getKeepWithNext() else 0.0
        if used + gap + needed + behind <= height:
            used += gap + needed
            placed.append((waiting.pop(0), used))
            continue
        parts = [] if text.getKeepWithNext() else text.split(width, height - used - gap)
        if len(parts) == 2:
            used += gap + parts[0].wrap(width, height)[1]
            placed.append((parts[0], used))
            waiting[0] = parts[1]
        break
    return placed
