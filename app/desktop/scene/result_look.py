"""A result on the screen: which quantity and instant are shown, in which colors, and the actors that show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from vtkmodules.vtkRenderingCore import vtkActor

from app.desktop import theme
from app.desktop.scene.actors import RGB, actor_of, lines_data, rgb_of, triangles_data
from app.desktop.scene.color_scale import ColorScale, draw_scale
from app.desktop.session.words import unit_text
from app.workflow.result_files import ResultData, WallField


@dataclass(frozen=True)
class ResultLook:
    """What of a result is shown."""

    field_id: str
    frame: int = 0
    streamlines: bool = False


class ResultColors:
    """Values, colors and legends of a result. Knows neither the window nor the renderer."""

    def __init__(self, result: ResultData) -> None:
        self.result = result
        self._scales: dict[str, ColorScale] = {}

    @property
    def first_look(self) -> ResultLook:
        """What is shown at first."""
        return ResultLook(next(iter(self.result.wall_fields), ""))

    @cached_property
    def speed_scale(self) -> ColorScale:
        """The colors of the streamlines."""
        return ColorScale.of("Speed", "m/s", self.result.streamlines.speed_m_s, "plasma")

    def field(self, look: ResultLook) -> WallField:
        """The quantity on the wall."""
        return self.result.wall_fields[look.field_id]

    def values(self, look: ResultLook) -> NDArray[Any]:
        """Its values (n,) at the look's instant."""
        field = self.field(look)
        values: NDArray[Any] = field.values[look.frame] if field.is_temporal else field.values
        return values

    def scale(self, look: ResultLook) -> ColorScale:
        """Its colors, from the anatomy over the whole cycle."""
        if look.field_id not in self._scales:
            field = self.field(look)
            quantity, anatomy = field.quantity, field.values[..., self.result.wall_is_anatomy]
            self._scales[look.field_id] = ColorScale.of(quantity.label, quantity.unit, anatomy)
        return self._scales[look.field_id]

    def wall_rgb(self, look: ResultLook) -> NDArray[np.uint8]:
        """RGB (n, 3) of the wall's points; flow extensions are gray."""
        colors = self.scale(look).rgb(self.values(look))
        colors[~self.result.wall_is_anatomy] = rgb_of(theme.EXTENSION)
        return colors

    def read(self, look: ResultLook, point_id: int) -> str:
        """The value at a point of the wall, with its unit."""
        quantity = self.field(look).quantity
        if not self.result.wall_is_anatomy[point_id]:
            return "Flow extension: not part of the patient"
        value = float(self.values(look)[point_id])
        when = f" at {self.result.times_s[look.frame]:.3f} s" if self.field(look).is_temporal else ""
        return f"{quantity.label}: {value:.4g} {unit_text(quantity.unit)}".rstrip() + when

    def paint_legend(self, look: ResultLook, painter: QPainter, area: QRectF) -> None:
        """Bars for what is colored."""
        height = min(280.0, (area.height() - 70.0) / (2.0 if look.streamlines else 1.0))
        draw_scale(painter, area, self.scale(look), area.top() + 10.0, height)
        if look.streamlines:
            draw_scale(painter, area, self.speed_scale, area.top() + 16.0 + height, height)


class ResultActors:
    """The actors of a result, made and changed in the rendering thread."""

    def __init__(self, colors: ResultColors) -> None:
        self.colors = colors
        result = colors.result
        self._wall = triangles_data(result.wall_points_mm, result.wall_triangles)
        self._wall.point_data[RGB] = colors.wall_rgb(colors.first_look)
        self._wall_actor = actor_of(self._wall)
        self._lines: dict[int, vtkActor | None] = {}

    def show(self, look: ResultLook) -> list[vtkActor]:
        """The actors for a look."""
        self._wall.point_data[RGB] = self.colors.wall_rgb(look)
        self._wall_actor.GetProperty().SetFrontfaceCulling(look.streamlines)  # lines in the vessel, which lies open
        lines = self._lines_of(look.frame) if look.streamlines else None
        return [self._wall_actor] if lines is None else [lines, self._wall_actor]

    def _lines_of(self, frame: int) -> vtkActor | None:
        if frame not in self._lines:
            lines = self.colors.result.streamlines
            chosen = np.flatnonzero(lines.frame == frame)
            self._lines[frame] = None
            if len(chosen):
                parts = [np.arange(lines.offsets[i], lines.offsets[i + 1]) for i in chosen]
                at, offsets = np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])
                data = lines_data(lines.points_mm[at], offsets)
                data.point_data[RGB] = self.colors.speed_scale.rgb(lines.speed_m_s[at])
                actor = actor_of(data)
                actor.GetProperty().SetLineWidth(2.0)
                actor.GetProperty().LightingOff()
                actor.PickableOff()
                self._lines[frame] = actor
        return self._lines[frame]


def changed_look(look: ResultLook, changes: dict[str, Any], n_frames: int) -> ResultLook:
    """A look after changes; the cycle repeats."""
    changed = replace(look, **changes)
    return replace(changed, frame=changed.frame % max(1, n_frames))
