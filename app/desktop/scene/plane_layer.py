"""The three slices in the 3D view, as they are seen in the slice views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvista
from vtkmodules.vtkRenderingCore import vtkActor, vtkTexture

from app.desktop.scene.actors import actor_of
from app.desktop.views.oblique_plane import ObliquePlane
from app.desktop.views.slice_plane import SlicePlane
from app.desktop.views.window_level import Window, to_gray
from imaging.types import FloatArray, Volume


class SliceInScene:
    """One slice as a textured rectangle that follows the crosshair; used in the rendering thread."""

    def __init__(self, plane: SlicePlane | ObliquePlane) -> None:
        self._plane = plane
        self._data = pyvista.PolyData.from_regular_faces(np.zeros((4, 3), dtype=np.float32), np.array([[0, 1, 2, 3]]))
        self._data.active_texture_coordinates = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], dtype=np.float32)
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        self.actor: vtkActor = actor_of(self._data, "#ffffff")
        self.actor.SetTexture(self._texture)
        self.actor.GetProperty().LightingOff()
        self.actor.PickableOff()
        self._shown: tuple[float, Window] | None = None

    def show(self, volume: Volume, position_mm: FloatArray, window: Window) -> vtkActor:
        """The actor, showing the slice at a position."""
        index: Any = self._plane.slice_index(position_mm)
        if self._shown == (index, window):
            return self.actor
        self._shown = (index, window)
        gray = to_gray(self._plane.image(volume.array, index), window)
        rows, columns = gray.shape
        image = pyvista.ImageData(dimensions=(columns, rows, 1))
        image.point_data["gray"] = np.ascontiguousarray(gray[::-1]).ravel()
        self._texture.SetInputData(image)
        width, height = self._plane.extent_mm
        corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
        self._data.points = np.array([self._plane.to_lps(x, y, index) for x, y in corners], dtype=np.float32)
        return self.actor
