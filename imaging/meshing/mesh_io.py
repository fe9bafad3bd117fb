"""A mesh as files: ``volume.vtu`` and ``boundary.vtp`` (mm, ParaView opens them) and ``mesh.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from imaging.errors import ImagingError
from imaging.surface.polydata import from_polydata, to_polydata
from imaging.surface.surface_io import patch_from_dict
from imaging.types import TetMesh
from imaging.vtk_files import write_vtk

SCHEMA_VERSION = 1
_VTK_TETRA = 10


def write_mesh(mesh: TetMesh, folder: str | Path) -> None:
    """Write a mesh into a folder, which is made when missing; arrays ``layer`` and ``patch`` as in :class:`TetMesh`."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter, vtkXMLUnstructuredGridWriter

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    grid = vtkUnstructuredGrid()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.points, dtype=np.float64), deep=True))
    grid.SetPoints(points)
    cells = vtkCellArray()
    cells.SetData(4, numpy_to_vtkIdTypeArray(np.ascontiguousarray(mesh.tets, dtype=np.int64).ravel(), deep=True))
    grid.SetCells(_VTK_TETRA, cells)
    grid.GetCellData().AddArray(_named("layer", mesh.layer))
    boundary = to_polydata(mesh.points, mesh.facets)
    boundary.GetCellData().AddArray(_named("patch", mesh.facet_patch))
    for writer, data, name in (
        (vtkXMLUnstructuredGridWriter(), grid, "volume.vtu"),
        (vtkXMLPolyDataWriter(), boundary, "boundary.vtp"),
    ):
        write_vtk(writer, data, folder / name)
    record = {
        "schema_version": SCHEMA_VERSION,
        "unit": "mm",
        "frame": "LPS",
        "patches": [asdict(patch) for patch in mesh.patches],
        "notes": list(mesh.notes),
    }
    (folder / "mesh.json").write_text(json.dumps(record, indent=1))


def read_mesh(folder: str | Path) -> TetMesh:
    """Read what :func:`write_mesh` wrote.

    Raises
    ------
    ImagingError
        ``mesh_unreadable``.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLUnstructuredGridReader

    folder = Path(folder)
    try:
        record = json.loads((folder / "mesh.json").read_text(encoding="utf-8"))
        if record["schema_version"] != SCHEMA_VERSION:
            raise ImagingError("mesh_unreadable", "This mesh was written by another version of the program.")
        patches = tuple(patch_from_dict(patch) for patch in record["patches"])
        volume, boundary = vtkXMLUnstructuredGridReader(), vtkXMLPolyDataReader()
        for reader, name in ((volume, "volume.vtu"), (boundary, "boundary.vtp")):
            if not (folder / name).exists():
                raise FileNotFoundError(name)
            reader.SetFileName(str(folder / name))
            reader.Update()
        grid = volume.GetOutput()
        tets = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, 4).astype(np.int64)
        layer = vtk_to_numpy(grid.GetCellData().GetArray("layer")).astype(np.int8)
        points = vtk_to_numpy(grid.GetPoints().GetData()).astype(np.float64)
        _, facets = from_polydata(boundary.GetOutput())
        patch = vtk_to_numpy(boundary.GetOutput().GetCellData().GetArray("patch")).astype(np.int32)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImagingError("mesh_unreadable", "The mesh files are missing or damaged: make the mesh again.") from error
    return TetMesh(points, tets, facets, patch, layer, patches, tuple(record["notes"]))


def _named(name: str, values: Any) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
    array.SetName(name)
    return array
