"""Triangles between NumPy and VTK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, IntArray

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData


def to_polydata(points: FloatArray, triangles: IntArray) -> vtkPolyData:
    """A vtkPolyData that owns copies of ``points`` (n, 3) and ``triangles`` (m, 3)."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    vtk_points = vtkPoints()
    vtk_points.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=True))
    cells = vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(triangles, dtype=np.int64).ravel(), deep=True))
    polydata = vtkPolyData()
    polydata.SetPoints(vtk_points)
    polydata.SetPolys(cells)
    return polydata


def from_polydata(polydata: Any) -> tuple[FloatArray, IntArray]:
    """Points (n, 3) and triangles (m, 3) of a vtkPolyData that holds triangles only."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if polydata.GetNumberOfPolys() == 0:
        return np.empty((0, 3)), np.empty((0, 3), np.int64)
    points = vtk_to_numpy(polydata.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(polydata.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    return points, triangles


class SignedDistance:
    """Distance in mm from points to a triangle surface, negative inside (by the surface's normals)."""

    def __init__(self, points: FloatArray, triangles: IntArray) -> None:
        from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

        self._distance = vtkImplicitPolyDataDistance()
        self._distance.SetInput(to_polydata(points, triangles))

    def __call__(self, xyz_mm: NDArray[Any]) -> FloatArray:
        """Signed distance of LPS positions ``(n, 3)``."""
        from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkDoubleArray

        queries = numpy_to_vtk(np.ascontiguousarray(xyz_mm, dtype=np.float64), deep=True)
        values = vtkDoubleArray()
        self._distance.FunctionValue(queries, values)
        distance: FloatArray = vtk_to_numpy(values).astype(np.float64)
        return distance
