"""VTK actors for triangles, lines and spheres."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvista
from numpy.typing import NDArray
from PySide6.QtGui import QColor
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from imaging.types import FloatArray, LabelMap

RGB = "rgb"


def rgb_of(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    parsed = QColor(color)
    return parsed.red(), parsed.green(), parsed.blue()


def triangles_data(points: Any, triangles: Any, *, is_smooth: bool = True) -> pyvista.PolyData:
    """Triangles as VTK data; smooth ones get normals at their points."""
    data = pyvista.PolyData.from_regular_faces(np.asarray(points, dtype=np.float32), np.asarray(triangles))
    if is_smooth:
        data.compute_normals(
            cell_normals=False, point_normals=True, split_vertices=False, consistent_normals=False, inplace=True
        )
    return data


def lines_data(points: Any, offsets: NDArray[Any]) -> pyvista.PolyData:
    """Polylines as VTK data: line ``i`` has the points ``offsets[i]:offsets[i + 1]``."""
    counts = np.diff(offsets)
    cells = np.empty(len(points) + len(counts), dtype=np.int64)
    starts = offsets[:-1] - offsets[0] + np.arange(len(counts))
    is_count = np.zeros(len(cells), dtype=bool)
    is_count[starts] = True
    cells[is_count] = counts
    cells[~is_count] = np.arange(len(points))
    return pyvista.PolyData(np.asarray(points, dtype=np.float32), lines=cells)


def actor_of(
    data: pyvista.PolyData, color: str | None = None, *, opacity: float = 1.0, edge_color: str | None = None
) -> vtkActor:
    """An actor in one color, or in the colors of the array `RGB` of its points or else its cells."""
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    if color is None:
        if RGB in data.point_data:
            mapper.SetScalarModeToUsePointFieldData()
        else:
            mapper.SetScalarModeToUseCellFieldData()
        mapper.SelectColorArray(RGB)
        mapper.SetColorModeToDirectScalars()
    else:
        mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    looks = actor.GetProperty()
    if color is not None:
        looks.SetColor(*(value / 255.0 for value in rgb_of(color)))
    looks.SetOpacity(opacity)
    looks.SetAmbient(0.25)
    looks.SetDiffuse(0.8)
    looks.SetSpecular(0.1)
    if opacity < 1.0:
        looks.BackfaceCullingOn()  # one layer of wall at a time needs no sorting
    if edge_color is not None:
        looks.EdgeVisibilityOn()
        looks.SetEdgeColor(*(value / 255.0 for value in rgb_of(edge_color)))
        looks.SetLineWidth(1.0)
    return actor


def sphere_actor(center_mm: Any, radius_mm: float, color: str) -> vtkActor:
    """A ball."""
    data = pyvista.Sphere(radius=radius_mm, center=tuple(center_mm), theta_resolution=20, phi_resolution=20)
    return actor_of(data, color)


def label_surface(labels: LabelMap) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]] | None:
    """A quick smooth surface of the labels: points (n, 3) LPS mm, triangles (m, 3), label value (m,) of each."""
    from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

    inside = np.argwhere(labels.array > 0)
    if not len(inside):
        return None
    low, high = np.maximum(inside.min(axis=0) - 2, 0), inside.max(axis=0) + 3
    region = np.ascontiguousarray(labels.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    image = pyvista.ImageData(dimensions=region.shape[::-1])
    image.point_data["label"] = region.ravel()
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    nets.SetInputArrayToProcess(0, 0, 0, 0, "label")
    for n, value in enumerate(np.unique(region[region > 0])):
        nets.SetLabel(n, float(value))
    nets.SetOutputMeshTypeToTriangles()
    nets.SmoothingOn()
    nets.Update()
    made = pyvista.wrap(nets.GetOutput())
    if made.n_cells == 0:
        return None
    points = labels.grid.to_lps(np.asarray(made.points, dtype=float) + low[::-1])
    sides = np.asarray(made.cell_data["BoundaryLabels"])
    value = np.where(sides[:, 0] > 0, sides[:, 0], sides[:, 1]).astype(np.int64)
    return points, made.regular_faces.astype(np.int64), value
