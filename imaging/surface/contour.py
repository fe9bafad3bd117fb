"""The wall as triangles: the 0.5 level of a lumen field."""

from __future__ import annotations

import numpy as np

from imaging.surface.lumen_field import LumenField
from imaging.surface.polydata import from_polydata
from imaging.surface.topology import areas_mm2, compact, enclosed_volume_mm3, triangle_pieces, vertex_normals
from imaging.types import FloatArray, IntArray

_LEVEL = 0.5
_CLEARANCE = 0.01


def contour(field: LumenField, volume_mm3: float) -> tuple[FloatArray, IntArray]:
    """The largest closed piece of the wall.

    Parameters
    ----------
    field : LumenField
    volume_mm3 : float
        The volume to enclose. The facets' chords cut off a little of a bent wall; it is given back evenly.

    Returns
    -------
    (points, triangles)
        (n, 3) in LPS mm and (m, 3), outward; none where the field nowhere reaches the level.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image = vtkImageData()
    image.SetDimensions(*field.grid.size)
    # A grid value at the level would give triangles without area; the shift moves the wall by a few percent of a cell.
    above = field.values - np.float32(_LEVEL)
    shifted = np.where(np.abs(above) < _CLEARANCE, np.copysign(np.float32(_CLEARANCE), above), above)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(shifted).ravel()))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.0)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    index, triangles = from_polydata(edges.GetOutput())
    if len(triangles) == 0:
        return index, triangles
    pieces = triangle_pieces(triangles, len(index))
    index, triangles = compact(index, triangles[pieces == np.bincount(pieces).argmax()])
    points = field.grid.to_lps(index)
    volume = enclosed_volume_mm3(points, triangles)
    if volume < 0:
        triangles, volume = triangles[:, ::-1].copy(), -volume
    missing_mm = (volume_mm3 - volume) / float(areas_mm2(points, triangles).sum())
    return points + missing_mm * vertex_normals(points, triangles), triangles
