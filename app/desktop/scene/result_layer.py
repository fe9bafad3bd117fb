"""A result in 3D: the wall in the colors of a quantity, streamlines in the colors of their speed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from vtkmodules.vtkRenderingCore import vtkActor

from app.desktop import theme
from app.desktop.scene.actors import RGB, actor_of, lines_data, rgb_of, triangles_data
from app.desktop.scene.color_scale import ColorScale, draw_scale
from app.workflow.result_files import ResultData, WallField

_GLASSY = 0.3


class ResultLayer:
    """Actors of a result; `show` changes their colors to an instant of the cycle."""

    def __init__(self, result: ResultData) -> None:
        self.result = result
        self.field_id = next(iter(result.wall_fields), "")
        self.frame = 0
        self.has_streamlines = False
        self._wall = triangles_data(result.wall_points_mm, result.wall_triangles)
        self._wall.point_data[RGB] = np.zeros((len(result.wall_points_mm), 3), dtype=np.uint8)
        self.wall_actor = actor_of(self._wall)
        self._line_actors: dict[int, vtkActor] = {}
        self._scales: dict[str, ColorScale] = {}

    @property
    def n_frames(self) -> int:
        """Instants of the cycle."""
        return len(self.result.times_s)

    @property
    def field(self) -> WallField:
        """The quantity that colors the wall."""
        return self.result.wall_fields[self.field_id]

    @property
    def scale(self) -> ColorScale:
        """Its colors."""
        if self.field_id not in self._scales:
            field = self.field
            anatomy = field.values[..., self.result.wall_is_anatomy]
            map_name = "cividis" if field.quantity.unit == "mmHg" else "viridis"
            self._scales[self.field_id] = ColorScale.of(field.quantity.label, field.quantity.unit, anatomy, map_name)
        return self._scales[self.field_id]

    @cached_property
    def speed_scale(self) -> ColorScale:
        """The colors of the streamlines."""
        return ColorScale.of("Speed", "m/s", self.result.streamlines.speed_m_s, "plasma")

    @property
    def actors(self) -> list[vtkActor]:
        """What is to be shown now."""
        lines = self._lines(self.frame) if self.has_streamlines else None
        return [self.wall_actor] if lines is None else [lines, self.wall_actor]

    def frame_at(self, time_s: float) -> int:
        """The frame nearest to a time of the cycle, which repeats."""
        period = self.result.period_s
        away = np.abs(np.asarray(self.result.times_s) - time_s % period)
        return int(np.argmin(np.minimum(away, period - away)))

    def show(self, *, field_id: str | None = None, frame: int | None = None, streamlines: bool | None = None) -> None:
        """Choose quantity, instant, streamlines."""
        self.field_id = self.field_id if field_id is None else field_id
        self.frame = self.frame if frame is None else frame % max(1, self.n_frames)
        self.has_streamlines = self.has_streamlines if streamlines is None else streamlines
        colors = self.scale.rgb(self._values())
        colors[~self.result.wall_is_anatomy] = rgb_of(theme.EXTENSION)
        self._wall.point_data[RGB][:] = colors
        self._wall.point_data[RGB] = self._wall.point_data[RGB]
        self._wall.Modified()
        looks = self.wall_actor.GetProperty()
        looks.SetOpacity(_GLASSY if self.has_streamlines else 1.0)
        looks.SetBackfaceCulling(self.has_streamlines)

    def read(self, point_id: int) -> str:
        """The value at a point of the wall, with its unit."""
        quantity = self.field.quantity
        if not self.result.wall_is_anatomy[point_id]:
            return "Flow extension: not part of the patient"
        value = float(self._values()[point_id])
        when = f" at {self.result.times_s[self.frame]:.3f} s" if self.field.is_temporal else ""
        return f"{quantity.label}: {value:.4g} {quantity.unit}{when}"

    def paint_legend(self, painter: QPainter, area: QRectF) -> None:
        """Bars for what is colored."""
        height = min(280.0, (area.height() - 70.0) / (2.0 if self.has_streamlines else 1.0))
        draw_scale(painter, area, self.scale, area.top() + 10.0, height)
        if self.has_streamlines:
            draw_scale(painter, area, self.speed_scale, area.top() + 16.0 + height, height)

    def _values(self) -> Any:
        field = self.field
        return field.values[self.frame] if field.is_temporal else field.values

    def _lines(self, frame: int) -> vtkActor | None:
        if frame not in self._line_actors:
            lines = self.result.streamlines
            chosen = np.flatnonzero(lines.frame == frame)
            if not len(chosen):
                return None
            parts = [np.arange(lines.offsets[i], lines.offsets[i + 1]) for i in chosen]
            offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
            at = np.concatenate(parts)
            data = lines_data(lines.points_mm[at], offsets)
            data.point_data[RGB] = self.speed_scale.rgb(lines.speed_m_s[at])
            actor = actor_of(data)
            actor.GetProperty().SetLineWidth(2.0)
            actor.GetProperty().LightingOff()
            actor.PickableOff()
            self._line_actors[frame] = actor
        return self._line_actors[frame]
