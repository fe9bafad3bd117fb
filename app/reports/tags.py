"""Names beside a picture of vessels: where they go, so that none covers the vessels or another name."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.reports import style
from app.reports.rendering import Bounds
from imaging.types import FloatArray

TAG_PT = style.SMALLEST_PT
_LETTERS = 17
_LINES = 2
_GAP_PT = 5.0
_STEP_PT = 2.0
_SIDEWAYS = 0.25


@dataclass(frozen=True)
class Tag:
    """A name beside the vessels, with a line to the place it names."""

    number: int
    name: str
    position_mm: tuple[float, float, float]

    @property
    def lines(self) -> list[str]:
        """The number and the name on at most two short lines."""
        return textwrap.wrap(f"{self.number} {self.name}", _LETTERS, max_lines=_LINES, placeholder="…")


@dataclass(frozen=True)
class PlacedTag:
    """A tag at the left or right edge of a figure; ``center`` is its height in mm of the view."""

    tag: Tag
    anchor: tuple[float, float]
    is_left: bool
    center: float


@dataclass(frozen=True, eq=False)
class Silhouette:
    """Where a picture shows vessels: (rows from the top, columns), and the mm of the view that it covers."""

    is_vessel: NDArray[np.bool_]
    extent_mm: Bounds

    def covered(self, center: float, height: float) -> tuple[float, float]:
        """Where the vessels begin and end from left to right within a band of heights; the middle when nowhere."""
        left, right, bottom, top = self.extent_mm
        n_rows, n_columns = self.is_vessel.shape
        first, last = (
            int(np.clip((top - y) / (top - bottom) * n_rows, 0, n_rows - 1))
            for y in (center + height / 2.0, center - height / 2.0)
        )
        columns = np.flatnonzero(self.is_vessel[first : last + 1].any(axis=0))
        if not len(columns):
            return (left + right) / 2.0, (left + right) / 2.0
        return left + (right - left) * columns[0] / n_columns, left + (right - left) * (columns[-1] + 1) / n_columns


def width_pt(drawn: Any, tag: Tag) -> float:
    """Width of a tag as a Matplotlib figure draws it."""
    from matplotlib.font_manager import FontProperties

    renderer, properties = drawn.canvas.get_renderer(), FontProperties(size=TAG_PT)
    widest = max(renderer.get_text_width_height_descent(line, properties, False)[0] for line in tag.lines)
    return float(widest) * style.POINTS_PER_INCH / style.DOTS_PER_INCH


def placed_tags(
    anchors: Mapping[Tag, FloatArray],
    widths_pt: Mapping[Tag, float],
    silhouette: Silhouette,
    bounds: Bounds,
    mm_per_pt: float,
    corner_pt: float,
) -> tuple[tuple[PlacedTag, ...], float] | None:
    """Put tags at both edges of a figure, as near to their anchors as the vessels leave room.

    Parameters
    ----------
    anchors
        What each tag names, (2,) in mm of the view.
    corner_pt
        Height at the lower left that is kept free.

    Returns
    -------
    tags, cost
        The cost is the sum of their distances in points; None when there is no way.
    """
    step = _STEP_PT * mm_per_pt
    places = np.arange(bounds[3], bounds[2], -step)
    heights = {tag: mm_per_pt * TAG_PT * (1.2 * len(tag.lines) + 0.4) for tag in anchors}

    def costs_at(tag: Tag, is_left: bool) -> FloatArray:
        floor = bounds[2] + (mm_per_pt * corner_pt if is_left else 0.0)
        needed = mm_per_pt * (widths_pt[tag] + _GAP_PT)
        inner = bounds[0] + needed if is_left else bounds[1] - needed
        sideways = _SIDEWAYS * abs(float(anchors[tag][0]) - inner) / mm_per_pt
        cost = np.full(len(places), np.inf)
        for number, center in enumerate(places):
            if center + heights[tag] / 2.0 > bounds[3] or center - heights[tag] / 2.0 < floor:
                continue
            first, last = silhouette.covered(float(center), heights[tag])
            if (is_left and inner <= first) or (not is_left and inner >= last):
                cost[number] = abs(center - float(anchors[tag][1])) / mm_per_pt + sideways
        return cost

    cost = {(tag, is_left): costs_at(tag, is_left) for tag in anchors for is_left in (True, False)}
    by_x = sorted(anchors, key=lambda tag: float(anchors[tag][0]))
    best: tuple[tuple[PlacedTag, ...], float] | None = None
    for n_left in range(len(by_x) + 1):
        found: list[PlacedTag] = []
        total = 0.0
        for is_left, side in ((True, by_x[:n_left]), (False, by_x[n_left:])):
            column = sorted(side, key=lambda tag: -float(anchors[tag][1]))
            chosen = stacked([cost[tag, is_left] for tag in column], [heights[tag] / step for tag in column])
            if chosen is None:
                break
            total += sum(float(cost[tag, is_left][place]) for tag, place in zip(column, chosen, strict=True))
            for tag, place in zip(column, chosen, strict=True):
                x, y = (float(value) for value in anchors[tag])
                found.append(PlacedTag(tag, (x, y), is_left, float(places[place])))
        else:
            if best is None or total < best[1]:
                best = tuple(found), total
    return best


def stacked(costs: Sequence[FloatArray], heights: Sequence[float]) -> list[int] | None:
    """Places for intervals one below the other, without overlap, at the least total cost.

    Parameters
    ----------
    costs : n arrays (m,)
        Of interval ``i`` centered at place ``j``, from the top down; infinite where it may not be.
    heights : (n,)
        Of the intervals, in places.

    Returns
    -------
    list of int, or None when there is no way.
    """
    if not costs:
        return []
    total, behind = costs[0], []
    for number in range(1, len(costs)):
        apart = int(np.ceil((heights[number - 1] + heights[number]) / 2.0))
        before = np.full(len(total), np.inf)
        before[apart:] = np.minimum.accumulate(total)[: max(len(total) - apart, 0)]
        behind.append((total, apart))
        total = costs[number] + before
    if not np.isfinite(total).any():
        return None
    places = [int(total.argmin())]
    for above, apart in reversed(behind):
        places.append(int(above[: places[-1] - apart + 1].argmin()))
    return places[::-1]


def draw_tag(axes: Any, placed: PlacedTag, width_mm: float, bounds: Bounds, mm_per_pt: float) -> None:
    """Draw a tag of some width with the line to its anchor."""
    color = style.opening_color(placed.tag.number)
    edge = bounds[0] + mm_per_pt if placed.is_left else bounds[1] - mm_per_pt
    inner = edge + (1 if placed.is_left else -1) * (width_mm + 2.0 * mm_per_pt)
    axes.plot([inner, placed.anchor[0]], [placed.center, placed.anchor[1]], color=color, linewidth=0.6)
    axes.plot(*placed.anchor, marker="o", markersize=2.6, color=color)
    axes.text(
        edge,
        placed.center,
        "\n".join(placed.tag.lines),
        fontsize=TAG_PT,
        color=color,
        linespacing=1.05,
        ha="left" if placed.is_left else "right",
        va="center",
    )
