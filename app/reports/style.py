"""Colors and type of the printed page: light, told apart by color-blind readers and on a black-and-white printer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST_PT = 6.5
DOTS_PER_INCH = 250
POINTS_PER_INCH = 72.0

INK = "#1a1f24"
MUTED = "#5b6670"
RULE = "#c4ccd3"
TILE = "#eef2f5"
ACCENT = "#0b4f7d"
BANNER = "#7a4b00"
BANNER_INK = "#ffffff"
FINDING = "#8a5a00"
MET = "#00694c"
MISSED = "#b3261e"
MISSED_TINT = "#fbe9e7"
MET_TINT = "#e6f3ee"
LUMEN = "#c9675b"
EXTENSION = "#c3c8cd"
OUTLINE = "#ffd23f"

# Okabe and Ito's palette without its yellow, which vanishes on paper; beyond seven the dashes change.
_OUTLETS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a")
_DASHES = ("-", "--", ":")


def opening_color(number: int) -> str:
    """The color of an opening by its number on the page; 1 is the inlet."""
    return INK if number == 1 else _OUTLETS[(number - 2) % len(_OUTLETS)]


def opening_dashes(number: int) -> str:
    """The line style of an opening, as Matplotlib names it."""
    return "-" if number == 1 else _DASHES[(number - 2) // len(_OUTLETS) % len(_DASHES)]


def figure(width_pt: float, height_pt: float) -> Any:
    """An empty Matplotlib figure that is drawn without any window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width_pt / POINTS_PER_INCH, height_pt / POINTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(made)
    return made


def image_of(drawn: Any) -> Image:
    """What a figure looks like."""
    import numpy as np
    from PIL.Image import fromarray

    drawn.canvas.draw()
    return fromarray(np.asarray(drawn.canvas.buffer_rgba())[..., :3].copy())
