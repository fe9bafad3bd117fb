"""The wall as triangles: the 0.5 level of a lumen field."""

from __future__ import annotations

import numpy as np

from imaging.surface.lumen_field import LumenField
from imaging.surface.polydata import from_polydata
from imaging.surface.topology import compact, enclosed_volume_mm3, triangle_pieces
from imaging.types import FloatArray, IntArray


def contour(field: LumenField) -> tuple[FloatArray, IntArray]:
    """Points (n, 3) in LPS mm and outward triangles (m, 3) of the largest closed piece of the wall."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image = vtkImageData()
    image.SetDimensions(*field.grid.size)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(field.values).ravel()))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    index, triangles = from_polydata(edges.GetOutput())
    pieces = triangle_pieces(triangles, len(index))
    index, triangles = compact(index, triangles[pieces == np.bincount(pieces).argmax()])
    points = field.grid.to_lps(index)
    if enclosed_volume_mm3(points, triangles) < 0:
        triangles = triangles[:, ::-1].copy()
    return points, triangles
