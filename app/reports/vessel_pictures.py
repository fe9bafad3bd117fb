"""Figures of the rendered vessels: openings with their names, results with their color bars."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from app.reports import style
from app.reports.rendering import Bounds, Pictures, Renderings, Scale
from app.reports.tags import TAG_PT, PlacedTag, Silhouette, Tag, draw_tag, placed_tags, width_pt
from app.reports.views import View
from imaging.frames import orientation_letters

Bar = Literal["vertical", "horizontal"]
_BAR_ROOM_PT: dict[Bar, float] = {"vertical": 32.0, "horizontal": 21.0}
_MARKER_PT = 32.0
_NARROWER = tuple(np.arange(0.0, 0.61, 0.05).tolist())
_NARROWER_COST_PT = 350.0
_WHITE = 250
_WIDEST_TICK = 5
"""Characters of a number that fit beside an upright bar."""
_LONG_TICK = 4
"""Characters of a number that do not fit over the beginning of a bar."""
_MARKED = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])


def model_picture(renderings: Renderings, tags: Sequence[Tag], size_pt: tuple[float, float]) -> Any:
    """The model with its openings named at both sides, as a Matplotlib figure.

    The vessels are drawn smaller where that brings the names much nearer to what they name.
    """
    drawn = style.figure(*size_pt)
    axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
    widths = {tag: width_pt(drawn, tag) for tag in tags}
    bounds, placed = _arranged(renderings, widths, size_pt)
    mm_per_pt = (bounds[3] - bounds[2]) / size_pt[1]
    _show(axes, renderings, 0, bounds)
    for item in placed:
        draw_tag(axes, item, mm_per_pt * widths[item.tag], bounds, mm_per_pt)
    _draw_marker(axes, renderings.view, bounds, mm_per_pt)
    return drawn


def result_picture(
    renderings: Pictures, number: int, scale: Scale, unit: str, size_pt: tuple[float, float], bar: Bar
) -> Any:
    """A colored picture (of the results 1 pressure, 2 stress, 3 speed) with its color bar, as a Matplotlib figure.

    Parameters
    ----------
    bar
        ``vertical`` (at the right) or ``horizontal`` (below).
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    drawn = style.figure(*size_pt)
    (width, height), room = size_pt, _BAR_ROOM_PT[bar]
    if bar == "vertical":
        shown = (width - room, height)
        axes = drawn.add_axes((0.0, 0.0, shown[0] / width, 1.0))
        bar_axes = drawn.add_axes((1.0 - 0.94 * room / width, 0.06, 5.5 / width, 0.76))
    else:
        shown = (width, height - room)
        axes = drawn.add_axes((0.0, room / height, 1.0, shown[1] / height))
        bar_axes = drawn.add_axes((0.06, 10.5 / height, 0.59, 5.5 / height))
    _show(axes, renderings, number, _bounds(renderings, shown, 0.0))
    made = drawn.colorbar(
        ScalarMappable(Normalize(scale.low, scale.high), colormaps[scale.map_name]),
        cax=bar_axes,
        orientation=bar,
        extend="max" if scale.low == 0.0 else "both",
        extendfrac=0.05,
    )
    ticks = [scale.low, (scale.low + scale.high) / 2.0, scale.high]
    texts = [f"{value:.3g}" for value in ticks]
    made.set_ticks(ticks, labels=[text if len(text) <= _WIDEST_TICK else f"{float(text):.2g}" for text in texts])
    bar_axes.tick_params(labelsize=style.SMALLEST_PT, length=2.0, width=0.5, pad=1.0, colors=style.INK)
    if bar == "horizontal" and len(f"{scale.low:.3g}") > _LONG_TICK:
        bar_axes.get_xticklabels()[0].set_horizontalalignment("left")  # else the page's edge cuts it
    made.outline.set_linewidth(0.4)
    place = (0.0, 1.11) if bar == "vertical" else (1.09, 0.45)
    bar_axes.text(
        *place, unit, transform=bar_axes.transAxes, fontsize=style.SMALLEST_PT, fontweight="bold", va="center"
    )
    return drawn


def _arranged(
    renderings: Renderings, widths_pt: dict[Tag, float], size_pt: tuple[float, float]
) -> tuple[Bounds, tuple[PlacedTag, ...]]:
    """How large the vessels are drawn and where their names go; no names when there is no room for them."""
    bounds, placed, least = _bounds(renderings, size_pt, 0.0), tuple[PlacedTag, ...](), np.inf
    if not renderings.images:
        return bounds, placed
    silhouette = Silhouette((renderings.images[0] < _WHITE).any(axis=2), renderings.extent_mm)
    anchors = {tag: renderings.view.project(tag.position_mm) for tag in widths_pt}
    for narrower in _NARROWER:
        if _NARROWER_COST_PT * narrower >= least:
            break
        tried = _bounds(renderings, size_pt, narrower)
        found = placed_tags(anchors, widths_pt, silhouette, tried, (tried[3] - tried[2]) / size_pt[1], _MARKER_PT)
        if found is not None and found[1] + _NARROWER_COST_PT * narrower < least:
            bounds, placed, least = tried, found[0], found[1] + _NARROWER_COST_PT * narrower
    return bounds, placed


def _bounds(renderings: Pictures, size_pt: tuple[float, float], narrower: float) -> Bounds:
    """What a figure shows when the vessels fill it but for a part of its width and height."""
    left, right, bottom, top = renderings.extent_mm
    mm_per_pt = max((right - left) / size_pt[0], (top - bottom) / size_pt[1]) / (1.0 - narrower)
    half = mm_per_pt * size_pt[0] / 2.0, mm_per_pt * size_pt[1] / 2.0
    middle = (left + right) / 2.0, (bottom + top) / 2.0
    return middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1]


def _show(axes: Any, renderings: Pictures, number: int, bounds: Bounds) -> None:
    axes.set_axis_off()
    if renderings.images:
        axes.imshow(renderings.images[number], extent=renderings.extent_mm, interpolation="lanczos", aspect="auto")
    else:
        why = "\n".join(textwrap.wrap("No picture: this machine cannot draw in 3D.", 20))
        axes.text(
            0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=TAG_PT, color=style.MISSED
        )
    axes.set(xlim=bounds[:2], ylim=bounds[2:])


def _draw_marker(axes: Any, view: View, bounds: Bounds, mm_per_pt: float) -> None:
    """Arrows to the patient's left, front and head, at the lower left."""
    arrows = [view.project(direction) for direction in _MARKED]
    lowest = np.minimum(np.min(arrows, axis=0), 0.0)
    reach, beyond, edge = 12.0 * mm_per_pt, 5.0 * mm_per_pt, 4.0 * mm_per_pt
    origin = np.array([bounds[0], bounds[2]]) + edge - (reach + beyond) * lowest
    for direction, flat in zip(_MARKED, arrows, strict=True):
        length = float(np.linalg.norm(flat))
        if length < 0.2:
            continue
        axes.annotate(
            "",
            xy=origin + reach * flat,
            xytext=origin,
            arrowprops={
                "arrowstyle": "-|>",
                "color": style.MUTED,
                "linewidth": 0.7,
                "mutation_scale": 5,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        axes.text(
            *(origin + reach * flat + beyond * flat / length),
            orientation_letters(direction),
            fontsize=TAG_PT,
            color=style.MUTED,
            ha="center",
            va="center",
        )
