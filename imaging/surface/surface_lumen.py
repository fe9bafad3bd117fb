"""The lumen inside a closed surface, as the field and distance that cuts and centerlines are found with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.surface.lumen import Lumen
from imaging.surface.lumen_field import LumenField
from imaging.surface.polydata import SignedDistance, to_polydata
from imaging.types import FloatArray, Grid, IntArray

_VOXELS_PER_RADIUS = 5.0
_MAX_VOXELS = 12_000_000
_MARGIN_VOXELS = 4
_BAND_VOXELS = 2


def lumen_of_surface(points: FloatArray, triangles: IntArray, smallest_radius_mm: float) -> Lumen:
    """The lumen inside a closed outward surface (mm).

    The field is exact to second order beside the wall: there its values come from the signed distance, linear from 1 to
    0 over two voxels. A voxel is a fifth of the narrowest opening's radius, or as small as 12 million of them allow.
    """
    extent = np.ptp(points, axis=0)
    voxel = max(smallest_radius_mm / _VOXELS_PER_RADIUS, float(np.cbrt(np.prod(extent) / _MAX_VOXELS)))
    size = np.ceil(extent / voxel).astype(int) + 2 * _MARGIN_VOXELS + 1
    x, y, z = (float(c) for c in points.min(axis=0) - _MARGIN_VOXELS * voxel)
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), (voxel, voxel, voxel), (x, y, z))
    inside = _inside(points, triangles, grid)
    distance = SignedDistance(points, triangles)
    band = ndimage.binary_dilation(inside, iterations=_BAND_VOXELS)
    band &= ~ndimage.binary_erosion(inside, iterations=_BAND_VOXELS)
    values = inside.astype(np.float32)
    kji = np.argwhere(band)
    signed = distance(grid.to_lps(kji[:, ::-1]))
    values[band] = np.clip(0.5 - signed / (2.0 * voxel), 0.0, 1.0)
    step = float(np.clip(voxel, 0.1, 0.75))
    return Lumen(LumenField(values, grid), points, triangles, distance, voxel, step)


def _inside(points: FloatArray, triangles: IntArray, grid: Grid) -> NDArray[np.bool_]:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(to_polydata(points, triangles))
    stencil.SetOutputOrigin(*grid.origin_mm)
    stencil.SetOutputSpacing(*grid.spacing_mm)
    n_i, n_j, n_k = grid.size
    stencil.SetOutputWholeExtent(0, n_i - 1, 0, n_j - 1, 0, n_k - 1)
    image = vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    flat = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    inside: NDArray[np.bool_] = flat.reshape(grid.array_shape).astype(bool)
    return inside
