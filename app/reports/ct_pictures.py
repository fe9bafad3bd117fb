"""CT slices with the outline of the segmented lumen, letters of orientation and a scale bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.reports import style
from app.reports.views import View
from imaging.frames import orientation_letters
from imaging.types import FloatArray, Grid, LabelMap, Volume

_AIR_HU = -1024.0
_MARGIN_MM = 18.0
_NARROWEST_MM = 40.0
_BARS_MM = (5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True)
class Window:
    """Which HU are shown, from black to white."""

    width_hu: float = 600.0
    level_hu: float = 200.0

    @property
    def limits_hu(self) -> tuple[float, float]:
        """Black and white."""
        return self.level_hu - self.width_hu / 2.0, self.level_hu + self.width_hu / 2.0


def slice_picture(
    volume: Volume,
    labels: LabelMap,
    view: View,
    shown_mm: FloatArray,
    window: Window,
    size_pt: tuple[float, float],
    mark_mm: FloatArray | None = None,
) -> Any:
    """A slice through the scan as a Matplotlib figure.

    Parameters
    ----------
    view
        How the slice is looked at.
    shown_mm : (n, 3)
        Positions that the picture must hold, LPS; the slice passes through their center.
    size_pt
        Width and height of the figure in points.
    mark_mm : (3,), optional
        A place to point at; the slice then passes through it.
    """
    flat = view.project(shown_mm)
    low, high = flat.min(axis=0) - _MARGIN_MM, flat.max(axis=0) + _MARGIN_MM
    middle = (low + high) / 2.0
    width, height = _filling(high - low, size_pt)
    depth = float((mark_mm if mark_mm is not None else shown_mm.mean(axis=0)) @ view.toward_viewer)
    step = min(volume.grid.spacing_mm) / 2.0
    across = np.arange(-width / 2.0, width / 2.0 + step / 2.0, step) + middle[0]
    above = np.arange(-height / 2.0, height / 2.0 + step / 2.0, step) + middle[1]
    points = (
        across[None, :, None] * view.right + above[:, None, None] * view.up + depth * view.toward_viewer
    )  # (n_above, n_across, 3)
    drawn = style.figure(*size_pt)
    axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
    black, white = window.limits_hu
    axes.imshow(
        _sampled(volume.array, volume.grid, points, _AIR_HU),
        extent=(across[0] - step / 2.0, across[-1] + step / 2.0, above[0] - step / 2.0, above[-1] + step / 2.0),
        origin="lower",
        cmap="gray",
        vmin=black,
        vmax=white,
        interpolation="bilinear",
    )
    lumen = _sampled((labels.array > 0).view(np.uint8), labels.grid, points, 0.0)
    if lumen.max() > 0.5 > lumen.min():
        axes.contour(across, above, lumen, levels=[0.5], colors=[style.OUTLINE], linewidths=0.7)
    axes.set(xlim=(across[0], across[-1]), ylim=(above[0], above[-1]), aspect="auto")
    axes.set_axis_off()
    if mark_mm is not None:
        _point_at(axes, view.project(mark_mm), width)
    _letters(axes, view)
    _scale_bar(axes, width)
    return drawn


def _filling(wanted: FloatArray, size_pt: tuple[float, float]) -> tuple[float, float]:
    """Width and height in mm that hold the wanted ones and have the figure's proportions."""
    height = max(float(wanted[1]), float(wanted[0]) * size_pt[1] / size_pt[0], _NARROWEST_MM * size_pt[1] / size_pt[0])
    return height * size_pt[0] / size_pt[1], height


def _sampled(array: Any, grid: Grid, points_mm: FloatArray, outside: float) -> FloatArray:
    from scipy.ndimage import map_coordinates

    index = np.moveaxis(grid.to_index(points_mm)[..., ::-1], -1, 0)
    values = map_coordinates(array, index, order=1, mode="constant", cval=outside, output=np.float32)
    return np.asarray(values)


def _point_at(axes: Any, place: FloatArray, width_mm: float) -> None:
    from matplotlib import patheffects

    reach = 0.09 * width_mm
    arrow = axes.annotate(
        "",
        xy=(place[0] + 0.35 * reach, place[1] - 0.35 * reach),
        xytext=(place[0] + 1.35 * reach, place[1] - 1.35 * reach),
        arrowprops={"arrowstyle": "-|>", "color": "white", "linewidth": 0.9, "mutation_scale": 6.0},
    )
    arrow.arrow_patch.set_path_effects([patheffects.withStroke(linewidth=2.0, foreground="black")])


def _letters(axes: Any, view: View) -> None:
    for x, y, direction, across, above in (
        (0.02, 0.5, -view.right, "left", "center"),
        (0.98, 0.5, view.right, "right", "center"),
        (0.5, 0.985, view.up, "center", "top"),
        (0.5, 0.015, -view.up, "center", "bottom"),
    ):
        _white(axes, x, y, orientation_letters(direction)[:2], across, above)


def _scale_bar(axes: Any, width_mm: float) -> None:
    from matplotlib import patheffects

    length = max(bar for bar in _BARS_MM if bar <= max(_BARS_MM[0], 0.35 * width_mm))
    share = length / width_mm
    (bar,) = axes.plot([0.97 - share, 0.97], [0.045, 0.045], color="white", linewidth=1.6, transform=axes.transAxes)
    bar.set_path_effects([patheffects.withStroke(linewidth=2.6, foreground="black")])
    _white(axes, 0.97, 0.06, f"{length:.0f} mm", "right", "bottom")


def _white(axes: Any, x: float, y: float, text: str, across: str, above: str) -> None:
    from matplotlib import patheffects

    axes.text(
        x,
        y,
        text,
        transform=axes.transAxes,
        color="white",
        fontsize=style.SMALLEST_PT + 0.5,
        fontweight="bold",
        ha=across,
        va=above,
        path_effects=[patheffects.withStroke(linewidth=1.2, foreground="black")],
    )
