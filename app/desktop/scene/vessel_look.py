"""A case's vessels colored by a number for each of their ends, with the chosen one ringed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.desktop import theme
from app.desktop.scene.actors import RGB, actor_of, rgb_of, triangles_data
from app.desktop.scene.anatomy_layers import is_extension
from app.desktop.scene.color_scale import ColorScale, draw_scale
from app.desktop.session.words import unit_text
from app.desktop.views.scene_view import Caption
from app.workflow.patient_tree import patient_tree
from app.workflow.vessel_places import VesselPlaces, middle_mm, vessel_places
from imaging.types import FloatArray, IntArray, VesselModel

_TALLEST_SCALE = 280.0
_SHELL_OPACITY = 0.25


class VesselWall:
    """The wall of a model, each of its points given to a vessel. Made off the window's thread."""

    def __init__(self, model: VesselModel) -> None:
        surface, patient = model.surface, patient_tree(model.centerlines)
        self.model = model
        self.points_mm, self.triangles = surface.points, np.asarray(surface.triangles)
        self.places: VesselPlaces = vessel_places(surface.points, model.centerlines, patient)
        self.is_extension = is_extension(surface.points, model.patches, model.extension_start_mm)
        self.middles = {name: middle_mm(model.centerlines, patient, name) for name in self.places.names}
        self._lines, self._patient = model.centerlines, patient

    @property
    def names(self) -> tuple[str, ...]:
        """Of the vessels."""
        return self.places.names

    def place_mm(self, vessel: str, fraction: float) -> FloatArray:
        """Where (3,) on its centerline a vessel is at a part of its length."""
        return middle_mm(self._lines, self._patient, vessel, fraction)

    def vessel_at(self, point_id: int) -> str:
        """The vessel of a point of the wall."""
        return self.names[int(self.places.vessel[point_id])]

    def rim_of(self, vessel: str) -> NDArray[np.intp]:
        """Points of a vessel that touch another one."""
        is_own = self.places.vessel == self.names.index(vessel)
        own = is_own[self.triangles]
        mixed = self.triangles[own.any(axis=1) & ~own.all(axis=1)]
        return np.unique(mixed)


@dataclass(frozen=True, eq=False)
class VesselLook:
    """What is shown: a number for both ends of each vessel (NaN: gray), its colors, the chosen vessel, captions, and
    what is told of each vessel; or numbers (n,) at the points of the wall, which are then what is told. ``shell`` is
    seen through: points (m, 3), mm, and triangles."""

    at_start: FloatArray
    at_end: FloatArray
    scale: ColorScale
    chosen: str = ""
    captions: tuple[Caption, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)
    at_points: FloatArray | None = None
    shell: tuple[FloatArray, IntArray] | None = None

    def told_at(self, wall: VesselWall, point_id: int) -> str:
        """What is said of a point of the wall."""
        if self.at_points is None:
            return self.told.get(wall.vessel_at(point_id), "")
        if wall.is_extension[point_id]:
            return "Flow extension: not part of the patient"
        return f"{self.scale.label}: {self.at_points[point_id]:.3g} {unit_text(self.scale.unit)}".rstrip()

    def paint_legend(self, painter: QPainter, area: QRectF) -> None:
        """The bar of colors."""
        draw_scale(painter, area, self.scale, area.top() + 10.0, min(_TALLEST_SCALE, area.height() - 60.0))


class VesselActors:
    """The actor of a wall, made and changed in the rendering thread."""

    def __init__(self, wall: VesselWall) -> None:
        self.wall = wall
        self._data = triangles_data(wall.points_mm, wall.triangles)
        self._data.point_data[RGB] = np.zeros((len(wall.points_mm), 3), dtype=np.uint8)
        self._actor = actor_of(self._data)
        self._shell: tuple[Any, Any] | None = None

    def show(self, look: VesselLook) -> list[Any]:
        """The actors for a look."""
        wall = self.wall
        values = wall.places.between(look.at_start, look.at_end) if look.at_points is None else look.at_points
        colors = look.scale.rgb(values)
        colors[wall.is_extension | ~np.isfinite(values)] = rgb_of(theme.EXTENSION)
        if look.chosen in wall.names:
            colors[wall.rim_of(look.chosen)] = rgb_of("#ffffff")
        self._data.point_data[RGB] = colors
        if look.shell is None:
            return [self._actor]
        if self._shell is None or self._shell[0] is not look.shell:
            shell = actor_of(triangles_data(*look.shell), theme.VESSEL_WALL, opacity=_SHELL_OPACITY)
            shell.PickableOff()
            self._shell = look.shell, shell
        return [self._actor, self._shell[1]]
