"""The vessels in 3D, drawn off screen by a child process: the plain model, and the results on its wall, in one view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.reports import style
from app.reports.views import View
from app.workflow.result_files import ResultData
from imaging.isolated import IsolatedError, run_isolated
from imaging.types import FloatArray, Progress, Surface

Bounds = tuple[float, float, float, float]
"""Left, right, bottom and top of a picture in mm of the view."""
_PIXELS = 900
_TIMEOUT_S = 120.0
_MARGIN = 1.03


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` take a map's colors; what lies outside takes the end's color."""

    low: float
    high: float
    map_name: str

    @classmethod
    def of(cls, low: float, high: float, map_name: str) -> Scale:
        """A scale that is never empty."""
        return cls(low, max(high, low + 1e-3 * max(1.0, abs(low))), map_name)

    def rgb(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Colors (n, 3) of values (n,)."""
        from matplotlib import colormaps

        share = np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        return np.asarray(255.0 * colormaps[self.map_name](share)[:, :3], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one view, (height, width, 3) uint8 each.

    ``extent_mm`` is where they lie in the view; ``problem`` says why there are none.
    """

    view: View
    extent_mm: Bounds
    images: tuple[NDArray[np.uint8], ...]
    problem: str


@dataclass(frozen=True, eq=False)
class Renderings(Pictures):
    """Pictures of model, pressure, stress and speed."""

    pressure_mmhg: Scale
    stress_pa: Scale
    speed_m_s: Scale


def render(result: ResultData, stress_top_pa: float, view: View, progress: Progress, fraction: float) -> Renderings:
    """Draw the wall of a result four times: plain, by mean pressure, by TAWSS, and glassy with streamlines.

    The streamlines are those of the frame nearest to the largest inflow. Flow extensions are gray.

    Parameters
    ----------
    stress_top_pa
        Upper end of the colors of TAWSS.
    """
    from matplotlib.colors import to_rgb

    anatomy = result.wall_is_anatomy
    wall = result.wall_points_mm.astype(float)
    pressure = result.wall_fields["pressure_mean_mmhg"].values
    stress = result.wall_fields["tawss_pa"].values
    points, offsets, speed = streamlines_at_peak(result)
    low, high = np.percentile(pressure[anatomy], (1.0, 99.0))
    scales = (
        Scale.of(float(low), float(high), "cividis"),
        Scale.of(0.0, stress_top_pa, "viridis"),
        Scale.of(0.0, float(np.percentile(speed, 99.0)) if len(speed) else 1.0, "plasma"),
    )
    gray, lumen = (np.array(to_rgb(color)) * 255.0 for color in (style.EXTENSION, style.LUMEN))
    plain = np.where(anatomy[:, None], lumen, gray).astype(np.uint8)
    coats = [plain, scales[0].rgb(pressure), scales[1].rgb(stress), np.tile(gray.astype(np.uint8), (len(wall), 1))]
    for coat in coats:
        coat[~anatomy] = gray
    drawn = _drawn(
        view, wall, result.wall_triangles, coats, (points, offsets, scales[2].rgb(speed)), progress, fraction
    )
    return Renderings(*drawn, *scales)


def render_colored(
    surface: Surface, values: FloatArray, view: View, progress: Progress, fraction: float
) -> tuple[Pictures, Scale]:
    """Draw a surface by values (n,) at its points, from the 1st to their 99th percentile; gray where there is none."""
    from matplotlib.colors import to_rgb

    known = np.isfinite(values)
    low, high = np.percentile(values[known], (1.0, 99.0)) if known.any() else (0.0, 1.0)
    scale = Scale.of(float(low), float(high), "viridis")
    coat = np.tile(np.asarray(np.array(to_rgb(style.EXTENSION)) * 255.0, dtype=np.uint8), (len(values), 1))
    coat[known] = scale.rgb(values[known])
    nothing = np.empty((0, 3)), np.zeros(1, dtype=np.int64), np.empty((0, 3), dtype=np.uint8)
    points = np.asarray(surface.points, dtype=float)
    return Pictures(*_drawn(view, points, surface.triangles, [coat], nothing, progress, fraction)), scale


def _drawn(
    view: View,
    wall: FloatArray,
    triangles: NDArray[Any],
    coats: list[NDArray[np.uint8]],
    lines: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    progress: Progress,
    fraction: float,
) -> tuple[View, Bounds, tuple[NDArray[np.uint8], ...], str]:
    """What `Pictures` holds: the wall once in each coat; ``lines`` are points, offsets and colors."""
    flat = view.project(wall)
    middle, half = (flat.max(axis=0) + flat.min(axis=0)) / 2.0, _MARGIN * np.ptp(flat, axis=0) / 2.0
    width, height = (int(n) for n in np.maximum(np.round(_PIXELS * half / half.max()), 16))
    arrays = {
        "points": wall,
        "triangles": triangles,
        **{f"rgb_{number}": coat for number, coat in enumerate(coats)},
        **dict(zip(("line_points", "line_offsets", "line_rgb"), lines, strict=True)),
        "focal": view.place(middle, wall.mean(axis=0)),
        "toward_viewer": view.toward_viewer,
        "up": view.up,
    }
    options = {"width_px": width, "height_px": height, "half_height_mm": float(half[1]), "n_pictures": len(coats)}
    extent = (middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1])
    try:
        drawn = run_isolated(
            "app.reports.scene:draw", arrays, options, _TIMEOUT_S, progress, fraction, "Drawing the vessels"
        )
    except IsolatedError as error:
        return view, extent, (), str(error)
    return view, extent, tuple(drawn[f"picture_{n}"] for n in range(len(coats))), ""


def peak_flow_frame(result: ResultData) -> int:
    """The frame nearest to the largest inflow."""
    inflow = next(wave for wave in result.waveforms if wave.kind == "inlet").flow_ml_s
    peak = result.waveform_times_s[int(np.argmax(inflow))]
    return int(np.abs(np.asarray(result.times_s) - peak).argmin())


def streamlines_at_peak(result: ResultData) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Points (n, 3), offsets and speed (n,) of the streamlines at peak flow, cut where they leave the anatomy."""
    from scipy.spatial import cKDTree

    lines = result.streamlines
    wall = cKDTree(result.wall_points_mm)
    points, speed, offsets = [], [], [0]
    for line in np.flatnonzero(lines.frame == peak_flow_frame(result)):
        part = slice(lines.offsets[line], lines.offsets[line + 1])
        inside = result.wall_is_anatomy[wall.query(lines.points_mm[part])[1]]
        breaks = np.flatnonzero(np.diff(inside.astype(int))) + 1
        for piece in np.split(np.arange(len(inside)), breaks):
            if len(piece) > 1 and inside[piece[0]]:
                points.append(lines.points_mm[part][piece].astype(float))
                speed.append(lines.speed_m_s[part][piece].astype(float))
                offsets.append(offsets[-1] + len(piece))
    if not points:
        return np.empty((0, 3)), np.zeros(1, dtype=np.int64), np.empty(0)
    return np.concatenate(points), np.array(offsets), np.concatenate(speed)
