"""The run's field files, read as ParaView would read them, and what is drawn through them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, IntArray

LONGEST_STREAMLINE_M = 0.15
STREAMLINE_STEP_M = 2e-3


class FlowFields:
    """A temporal grid of tetrahedra or triangles (VTKHDF), in meters.

    Attributes
    ----------
    points : (n, 3) m
    cells : (m, 4 or 3)
    times_s
        Of the frames, from the start of the cycle that the file holds.
    """

    def __init__(self, path: Path) -> None:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkIOHDF import vtkHDFReader

        self._reader = vtkHDFReader()
        self._reader.SetFileName(str(path))
        self._reader.UpdateInformation()
        self._reader.SetStep(0)
        self._reader.Update()
        grid = self._reader.GetOutputDataObject(0)
        self.points: FloatArray = vtk_to_numpy(grid.GetPoints().GetData()).astype(float)
        connectivity = vtk_to_numpy(grid.GetCells().GetConnectivityArray())
        self.cells: IntArray = connectivity.reshape(grid.GetNumberOfCells(), -1).astype(np.int64)
        self.times_s = _times(path)

    def grid(self, frame: int):  # type: ignore[no-untyped-def]
        """The VTK grid of a frame; valid until the next call."""
        self._reader.SetStep(frame)
        self._reader.Update()
        return self._reader.GetOutputDataObject(0)

    def array(self, name: str, frame: int) -> NDArray[np.float32]:
        """A point array of a frame, (n,) or (n, 3)."""
        from vtkmodules.util.numpy_support import vtk_to_numpy

        return np.array(vtk_to_numpy(self.grid(frame).GetPointData().GetArray(name)), dtype=np.float32)

    def vertices_at(self, points: FloatArray) -> IntArray:
        """Indices (k,) of the vertices that lie at given positions (k, 3) [m]."""
        from scipy.spatial import cKDTree

        distance, index = cKDTree(self.points).query(points)
        if float(np.max(distance)) > 1e-6:
            raise ValueError("a wall vertex is no vertex of the mesh")
        return np.asarray(index, dtype=np.int64)

    def interpolator(self, points: FloatArray) -> Callable[[str, int], FloatArray]:
        """A function (name, frame) to the values (k,) of a scalar or (k, 3) of a vector at fixed positions (k, 3) [m];
        NaN outside the mesh.
        """
        from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator

        grid = self.grid(0)
        locator = vtkStaticCellLocator()
        locator.SetDataSet(grid)
        locator.BuildLocator()
        weights = np.full((len(points), 4), np.nan)
        corners = np.zeros((len(points), 4), dtype=np.int64)
        for number, point in enumerate(points):
            cell = locator.FindCell(point)
            if cell >= 0:
                corners[number] = self.cells[cell]
                weights[number] = _barycentric(self.points[self.cells[cell]], point)

        def value(name: str, frame: int) -> FloatArray:
            corner = self.array(name, frame)[corners]
            return np.asarray((corner * (weights if corner.ndim == 2 else weights[..., None])).sum(axis=1))

        return value

    def streamlines(self, frame: int, seeds: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Streamlines of a frame through seeds (k, 3) [m]: points (n, 3) [m] and speed (n,) [m/s] of each."""
        from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkPoints
        from vtkmodules.vtkCommonDataModel import vtkPolyData
        from vtkmodules.vtkFiltersFlowPaths import vtkStreamTracer

        positions = vtkPoints()
        positions.SetData(numpy_to_vtk(np.ascontiguousarray(seeds), deep=True))
        source = vtkPolyData()
        source.SetPoints(positions)
        tracer = vtkStreamTracer()
        tracer.SetInputDataObject(self.grid(frame))
        tracer.SetSourceData(source)
        tracer.SetInputArrayToProcess(0, 0, 0, 0, "velocity_m_per_s")
        tracer.SetIntegrationDirectionToBoth()
        tracer.SetIntegratorTypeToRungeKutta4()
        tracer.SetIntegrationStepUnit(tracer.LENGTH_UNIT)
        tracer.SetInitialIntegrationStep(STREAMLINE_STEP_M)
        tracer.SetMaximumPropagation(LONGEST_STREAMLINE_M)
        tracer.SetTerminalSpeed(1e-3)
        tracer.SetComputeVorticity(False)
        tracer.Update()
        output = tracer.GetOutput()
        if output.GetNumberOfPoints() == 0:
            return []
        points = vtk_to_numpy(output.GetPoints().GetData()).astype(float)
        speed = np.linalg.norm(vtk_to_numpy(output.GetPointData().GetArray("velocity_m_per_s")), axis=1)
        lines = output.GetLines()
        offsets = vtk_to_numpy(lines.GetOffsetsArray())
        order = vtk_to_numpy(lines.GetConnectivityArray())
        parts = [order[a:b] for a, b in itertools.pairwise(offsets) if b - a > 1]
        return [(points[part], speed[part]) for part in parts]


def seed_points(fields: FlowFields, n: int) -> FloatArray:
    """``n`` cell centers (n, 3) [m], drawn with the cells' volumes as weights; always the same ones."""
    corner = fields.points[fields.cells]
    volume = np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1]))
    drawn = np.random.default_rng(0).choice(len(fields.cells), size=n, p=volume / volume.sum())
    return np.asarray(corner[drawn].mean(axis=1))


def _barycentric(corner: FloatArray, point: FloatArray) -> FloatArray:
    inner = np.linalg.solve((corner[1:] - corner[0]).T, point - corner[0])
    return np.concatenate([[1.0 - inner.sum()], inner])


def _times(path: Path) -> tuple[float, ...]:
    import h5py

    with h5py.File(path, "r") as file:
        return tuple(float(time) for time in file["VTKHDF/Steps/Values"])
