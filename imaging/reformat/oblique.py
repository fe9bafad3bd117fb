"""Oblique slices of an array, thin or thick. VTK's reslicing reads the array in place and uses all cores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.reformat.slab import THIN, Slab
from imaging.types import FloatArray, Grid


class Reslicer:
    """Cuts planes out of one array ``[k, j, i]`` on a grid. The array is not copied unless it is not contiguous."""

    def __init__(self, array: NDArray[Any], grid: Grid) -> None:
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkImagingCore import vtkImageReslice

        self._array = np.ascontiguousarray(array)
        self._grid = grid
        image = vtkImageData()
        image.SetDimensions(*grid.size)
        image.GetPointData().SetScalars(numpy_to_vtk(self._array.reshape(-1), deep=False))
        self._filter: Any = vtkImageReslice()
        self._filter.SetInputData(image)
        self._filter.SetOutputDimensionality(2)
        self._low = float(self._array.min()) if self._array.dtype != np.uint8 else 0.0

    def plane(
        self,
        corner_mm: FloatArray,
        axes: tuple[FloatArray, FloatArray, FloatArray],
        pixel_mm: float,
        shape: tuple[int, int],
        slab: Slab = THIN,
        *,
        is_label: bool = False,
    ) -> NDArray[Any]:
        """Values (rows, columns) of a plane; the array's lowest value (0 of labels) outside the grid.

        Parameters
        ----------
        corner_mm : (3,)
            Center of the first pixel, mm LPS; in the middle of a slab.
        axes : three (3,)
            Unit vectors to the right, down, and through the plane.
        is_label
            Take the nearest voxel, of a thin plane, instead of interpolating.
        """
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        to_index = np.linalg.inv(self._grid.index_to_lps_matrix)
        matrix = vtkMatrix4x4()
        columns = [to_index @ axis for axis in axes]
        columns.append(to_index @ (np.asarray(corner_mm) - np.asarray(self._grid.origin_mm)))
        for column, vector in enumerate(columns):
            for row in range(3):
                matrix.SetElement(row, column, float(vector[row]))
        rows, n_columns = shape
        self._filter.SetResliceAxes(matrix)
        self._filter.SetOutputOrigin(0.0, 0.0, 0.0)
        self._filter.SetOutputSpacing(pixel_mm, pixel_mm, pixel_mm)
        self._filter.SetOutputExtent(0, n_columns - 1, 0, rows - 1, 0, 0)
        self._filter.SetBackgroundLevel(self._low)
        if is_label:
            self._filter.SetInterpolationModeToNearestNeighbor()
        else:
            self._filter.SetInterpolationModeToLinear()
        {
            "thin": self._filter.SetSlabModeToMean,
            "mean": self._filter.SetSlabModeToMean,
            "MIP": self._filter.SetSlabModeToMax,
            "MinIP": self._filter.SetSlabModeToMin,
        }[slab.mode]()
        self._filter.SetSlabNumberOfSlices(1 if is_label else slab.n_slices(pixel_mm))
        self._filter.Update()
        values = np.frombuffer(
            memoryview(self._filter.GetOutput().GetPointData().GetScalars()), dtype=self._array.dtype
        )
        return np.asarray(values.reshape(rows, n_columns)).copy()
