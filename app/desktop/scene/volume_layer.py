"""The scan itself in the 3D view, with presets, a crop box and a cut plane. Rays are cast on the processor's cores, in
the rendering thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  registers what the mapper draws with
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction, vtkPlane
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

from app.desktop.views.slice_plane import PlaneName
from imaging.types import FloatArray, Volume

Curve = tuple[tuple[float, float, tuple[float, float, float]], ...]
"""HU, opacity in a unit of 1 mm, color."""

PRESETS: dict[str, tuple[str, Curve]] = {
    "cta": (
        "CT angiography",
        (
            (130.0, 0.0, (0.45, 0.08, 0.06)),
            (220.0, 0.08, (0.75, 0.18, 0.12)),
            (350.0, 0.45, (0.93, 0.42, 0.30)),
            (600.0, 0.75, (1.0, 0.82, 0.66)),
            (1200.0, 0.95, (1.0, 0.98, 0.94)),
        ),
    ),
    "bone": (
        "Bone",
        (
            (220.0, 0.0, (0.70, 0.52, 0.36)),
            (450.0, 0.35, (0.90, 0.80, 0.64)),
            (1000.0, 0.85, (0.98, 0.95, 0.88)),
            (2000.0, 0.95, (1.0, 1.0, 1.0)),
        ),
    ),
}
"""Assumption: curves by eye for enhanced CT; they are a look, and nothing is measured on them."""

MOST_VOXELS = 16_000_000
"""A larger scan is drawn from every second (third ...) voxel: the mapper keeps 3 bytes a voxel of its own."""


@dataclass(frozen=True)
class VolumeLook:
    """How the scan is drawn: a preset (an empty text: not at all), what part of it, and where it is cut open.

    ``crop`` holds the lowest and highest share (0 to 1) of the scan that is kept along each index axis.
    """

    preset: str = ""
    crop: tuple[float, float, float, float, float, float] = (0.0, 1.0, 0.0, 1.0, 0.0, 1.0)
    cut: PlaneName | Literal[""] = ""
    is_flipped: bool = False


class VolumeInScene:
    """The scan as a prop of the scene; used in the rendering thread."""

    def __init__(self, volume: Volume) -> None:
        self._stride = stride_of(volume)
        array = np.ascontiguousarray(volume.array[:: self._stride, :: self._stride, :: self._stride])
        grid = volume.grid
        spacing = np.asarray(grid.spacing_mm) * self._stride
        image = vtkImageData()
        image.SetDimensions(*array.shape[::-1])
        image.SetSpacing(*spacing)
        image.GetPointData().SetScalars(numpy_to_vtk(array.reshape(-1), deep=False))
        self._kept = array  # the image points into it
        self._extent_mm = (np.asarray(array.shape[::-1]) - 1) * spacing
        self._mapper: Any = vtkFixedPointVolumeRayCastMapper()
        self._mapper.SetInputData(image)
        self._mapper.SetAutoAdjustSampleDistances(1)
        self._mapper.CroppingOn()
        self._mapper.SetCroppingRegionFlagsToSubVolume()
        self.prop: Any = vtkVolume()
        self.prop.SetMapper(self._mapper)
        self.prop.PickableOff()
        place = vtkMatrix4x4()
        direction = np.asarray(grid.direction, dtype=float).reshape(3, 3)
        for row in range(3):
            for column in range(3):
                place.SetElement(row, column, float(direction[row, column]))
            place.SetElement(row, 3, float(grid.origin_mm[row]))
        self.prop.SetUserMatrix(place)
        self._preset = ""
        self._plane = vtkPlane()

    def show(self, look: VolumeLook, position_mm: FloatArray, normal: FloatArray | None) -> Any:
        """The prop in a look; ``normal`` (LPS) is that of the cut through a position, or None."""
        if look.preset != self._preset:
            self._preset = look.preset
            self.prop.SetProperty(_property(PRESETS[look.preset][1]))
        low, high = np.asarray(look.crop[::2]) * self._extent_mm, np.asarray(look.crop[1::2]) * self._extent_mm
        self._mapper.SetCroppingRegionPlanes(*np.stack([low, np.maximum(high, low + 1e-3)], axis=1).ravel().tolist())
        self._mapper.RemoveAllClippingPlanes()
        if normal is not None:
            self._plane.SetOrigin(*position_mm)
            self._plane.SetNormal(*(-normal if look.is_flipped else normal))
            self._mapper.AddClippingPlane(self._plane)
        return self.prop


def stride_of(volume: Volume) -> int:
    """Every how many-th voxel along each axis is drawn."""
    return max(1, int(np.ceil((volume.array.size / MOST_VOXELS) ** (1.0 / 3.0))))


def _property(curve: Curve) -> Any:
    opacity, color = vtkPiecewiseFunction(), vtkColorTransferFunction()
    for hu, alpha, rgb in curve:
        opacity.AddPoint(hu, alpha)
        color.AddRGBPoint(hu, *rgb)
    made = vtkVolumeProperty()
    made.SetScalarOpacity(opacity)
    made.SetColor(color)
    made.SetInterpolationTypeToLinear()
    made.ShadeOn()
    made.SetAmbient(0.25)
    made.SetDiffuse(0.75)
    made.SetSpecular(0.15)
    return made
