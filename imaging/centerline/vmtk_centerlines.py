"""Centerlines by VMTK: minimal paths on the Voronoi diagram of the wall (Antiga et al., IEEE TMI 2003)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.isolated import run_isolated
from imaging.surface.polydata import to_polydata
from imaging.types import FloatArray, IntArray, Progress

_TIMEOUT_S = 120.0


def vmtk_centerlines(
    points: FloatArray, triangles: IntArray, source: int, targets: list[int], step_mm: float, progress: Progress
) -> list[FloatArray]:
    """One line from the source to each target.

    Parameters
    ----------
    points, triangles
        Closed wall, LPS mm.
    source, targets
        Vertices of the wall beside the ends.
    step_mm : float
        Distance between points of a line.

    Returns
    -------
    list of (n, 3)
        In the order of ``targets``, from the source on.

    Raises
    ------
    imaging.isolated.IsolatedError
        When VMTK fails, crashes or takes more than two minutes.
    """
    arrays = {"points": points, "triangles": triangles, "targets": np.asarray(targets)}
    options = {"source": source, "step_mm": step_mm}
    task = "imaging.centerline.vmtk_centerlines:compute"
    result = run_isolated(task, arrays, options, _TIMEOUT_S, progress, 0.35, "Finding the centerlines")
    return [result[f"line_{k}"] for k in range(len(targets))]


def compute(arrays: dict[str, NDArray[Any]], source: int, step_mm: float) -> dict[str, NDArray[Any]]:
    """The body of :func:`vmtk_centerlines`, run in a child process."""
    from vmtk import vtkvmtk
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkIdList
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals

    normals = vtkPolyDataNormals()
    normals.SetInputData(to_polydata(arrays["points"], arrays["triangles"]))
    normals.SplittingOff()
    normals.ConsistencyOff()
    normals.AutoOrientNormalsOff()
    normals.Update()
    sources, targets = vtkIdList(), vtkIdList()
    sources.InsertNextId(source)
    for target in arrays["targets"].tolist():
        targets.InsertNextId(target)
    lines = vtkvmtk.vtkvmtkPolyDataCenterlines()
    lines.SetInputData(normals.GetOutput())
    lines.SetSourceSeedIds(sources)
    lines.SetTargetSeedIds(targets)
    lines.SetRadiusArrayName("radius_mm")
    lines.SetCostFunction("1/R")
    lines.SetFlipNormals(0)
    lines.SetAppendEndPointsToCenterlines(0)
    lines.SetSimplifyVoronoi(0)
    lines.SetCenterlineResampling(1)
    lines.SetResamplingStepLength(step_mm)
    lines.Update()
    output = lines.GetOutput()
    n = output.GetNumberOfCells()
    if n != len(arrays["targets"]):
        raise RuntimeError(f"VMTK returned {n} lines for {len(arrays['targets'])} targets")
    positions = vtk_to_numpy(output.GetPoints().GetData()).astype(float)
    cells = output.GetLines()
    offsets, connectivity = vtk_to_numpy(cells.GetOffsetsArray()), vtk_to_numpy(cells.GetConnectivityArray())
    found = {}
    start = arrays["points"][source]
    for k in range(n):
        line = positions[connectivity[offsets[k] : offsets[k + 1]]]
        reversed_line = np.linalg.norm(line[0] - start) > np.linalg.norm(line[-1] - start)
        found[f"line_{k}"] = line[::-1] if reversed_line else line
    return found
