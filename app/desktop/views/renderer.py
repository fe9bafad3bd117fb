"""VTK renders the 3D scene off screen. All of VTK's rendering lives in the one thread that calls this class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  registers the renderer
from numpy.typing import NDArray
from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator
from vtkmodules.vtkRenderingCore import vtkCellPicker, vtkProp3D, vtkRenderer, vtkRenderWindow

from app.desktop.views.camera import Camera
from imaging.types import FloatArray

_BACKGROUND = (0.055, 0.065, 0.08)
_DISTANCE_MM = 3000.0
_PICK_TOLERANCE = 0.002
_HIT_TOLERANCE_MM = 1e-4
_SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swr")


@dataclass(frozen=True, eq=False)
class Pick:
    """What lies under a place of the view: the layer and actor, the nearest point of the actor's data, and where."""

    layer: str
    actor: vtkProp3D
    point_id: int
    position_mm: FloatArray


class SceneRenderer:
    """Named layers of actors, and pictures of them."""

    def __init__(self) -> None:
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(*_BACKGROUND)
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._window.AddRenderer(self._renderer)
        self._layers: dict[str, tuple[vtkProp3D, ...]] = {}
        self._knows_hardware = False

    def set_layer(self, name: str, actors: Sequence[vtkProp3D]) -> None:
        """Replace the actors of a layer."""
        before, after = self._layers.get(name, ()), tuple(actors)
        for actor in before:
            if actor not in after:
                self._renderer.RemoveViewProp(actor)
        for actor in after:
            if actor not in before:
                self._renderer.AddViewProp(actor)
        self._layers[name] = after

    def actors_of(self, name: str) -> tuple[vtkProp3D, ...]:
        """The actors of a layer."""
        return self._layers.get(name, ())

    def box_of(self, name: str) -> FloatArray | None:
        """Lowest and highest corner (2, 3) of a layer in mm, or None when it shows nothing."""
        bounds = np.array([actor.GetBounds() for actor in self._layers.get(name, ())])
        if not len(bounds):
            return None
        return np.array([bounds[:, ::2].min(axis=0), bounds[:, 1::2].max(axis=0)])

    def picture(self, camera: Camera, width_px: int, height_px: int) -> NDArray[np.uint8]:
        """RGBX (height, width, 4) of the scene."""
        if tuple(self._window.GetSize()) != (width_px, height_px):
            self._window.SetSize(width_px, height_px)
        self._aim(camera)
        self._window.Render()
        if not self._knows_hardware:
            self._learn_hardware()
            self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width_px - 1, height_px - 1, 0, pixels)  # type: ignore[call-overload]
        rows = np.frombuffer(memoryview(pixels), dtype=np.uint8).reshape(height_px, width_px, 4)  # type: ignore[arg-type]
        return np.ascontiguousarray(rows[::-1])

    def pick(self, camera: Camera, x_px: float, y_px: float) -> Pick | None:
        """What a place of the last picture (from its lower left corner) shows, or None."""
        self._aim(camera)
        picker = vtkCellPicker()
        picker.SetTolerance(_PICK_TOLERANCE)
        picker.Pick(x_px, y_px, 0, self._renderer)
        actor = picker.GetViewProp()
        for name, actors in self._layers.items():
            if actor in actors:
                position = np.asarray(picker.GetPickPosition())
                if actor.GetProperty().GetFrontfaceCulling():
                    return _pick_behind(name, actor, position, camera)
                return Pick(name, actor, int(picker.GetPointId()), position)
        return None

    def close(self) -> None:
        """Free what the graphics library holds."""
        for name in tuple(self._layers):
            self.set_layer(name, ())
        self._window.Finalize()

    def _aim(self, camera: Camera) -> None:
        vtk_camera: Any = self._renderer.GetActiveCamera()
        vtk_camera.SetFocalPoint(*camera.focus)
        vtk_camera.SetPosition(*(camera.focus + _DISTANCE_MM * camera.toward))
        vtk_camera.SetViewUp(*camera.up)
        vtk_camera.SetParallelScale(camera.half_height_mm)
        self._renderer.ResetCameraClippingRange()

    def _learn_hardware(self) -> None:
        """Several samples a pixel where they are cheap; in software they would take five times as long."""
        self._knows_hardware = True
        capabilities = self._window.ReportCapabilities().lower()
        if any(name in capabilities for name in _SOFTWARE_RENDERERS):
            self._renderer.UseFXAAOn()
        else:
            self._window.SetMultiSamples(4)


def _pick_behind(layer: str, actor: Any, position_mm: FloatArray, camera: Camera) -> Pick | None:
    """The first place behind the given one where the surface shows its inside: its near side is not drawn."""
    data = actor.GetMapper().GetInput()
    locator = vtkStaticCellLocator()
    locator.SetDataSet(data)
    locator.BuildLocator()
    points, cells = vtkPoints(), vtkIdList()
    start, end = position_mm + camera.toward, position_mm - _DISTANCE_MM * camera.toward
    locator.IntersectWithLine(start.tolist(), end.tolist(), _HIT_TOLERANCE_MM, points, cells)
    hits = []
    for n in range(points.GetNumberOfPoints()):
        corners = data.GetCell(cells.GetId(n)).GetPoints()
        a, b, c = (np.asarray(corners.GetPoint(k)) for k in range(3))
        place = np.asarray(points.GetPoint(n))
        if np.cross(b - a, c - a) @ camera.toward < 0.0:
            hits.append((float((position_mm - place) @ camera.toward), place))
    if not hits:
        return None
    place = min(hits, key=lambda hit: hit[0])[1]
    return Pick(layer, actor, int(data.FindPoint(place)), place)
