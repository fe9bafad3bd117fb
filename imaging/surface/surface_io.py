"""Surfaces, centerlines and models as files: VTP in mm (LPS), arrays named with units, and JSON for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.surface.polydata import from_polydata, to_polydata
from imaging.types import Branch, CenterlineTree, Patch, Surface, VesselModel
from imaging.vtk_files import write_vtk

SCHEMA_VERSION = 1


def write_surface(surface: Surface, path: str | Path) -> None:
    """Write a surface with its arrays as VTP."""
    polydata = to_polydata(surface.points, surface.triangles)
    _add_arrays(polydata.GetPointData(), surface.point_data)
    _add_arrays(polydata.GetCellData(), surface.triangle_data)
    _write(polydata, path)


def read_surface(path: str | Path) -> Surface:
    """Read a surface of triangles from VTP.

    Raises
    ------
    ImagingError
        ``surface_unreadable``.
    """
    polydata = _read(path)
    points, triangles = from_polydata(polydata)
    if len(triangles) == 0:
        raise ImagingError("surface_unreadable", "The surface file is missing, damaged or holds no triangles.")
    return Surface(points, triangles, _arrays(polydata.GetPointData()), _arrays(polydata.GetCellData()))


def write_centerlines(tree: CenterlineTree, path: str | Path) -> None:
    """Write a tree as VTP: one polyline a branch, point array ``radius_mm``, cell arrays ``name`` and ``parent``."""
    from vtkmodules.vtkCommonCore import vtkStringArray
    from vtkmodules.vtkCommonDataModel import vtkCellArray

    polydata = to_polydata(tree.points, np.empty((0, 3), np.int64))
    lines = vtkCellArray()
    names, parents = vtkStringArray(), vtkStringArray()
    names.SetName("name")
    parents.SetName("parent")
    for branch in tree.branches:
        lines.InsertNextCell(len(branch.indices), branch.indices)
        names.InsertNextValue(branch.name)
        parents.InsertNextValue(branch.parent or "")
    polydata.SetLines(lines)
    _add_arrays(polydata.GetPointData(), {"radius_mm": tree.radius_mm})
    polydata.GetCellData().AddArray(names)
    polydata.GetCellData().AddArray(parents)
    _write(polydata, path)


def read_centerlines(path: str | Path) -> CenterlineTree:
    """Read a centerline tree that :func:`write_centerlines` wrote.

    Raises
    ------
    ImagingError
        ``surface_unreadable``.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    polydata = _read(path)
    try:
        points = vtk_to_numpy(polydata.GetPoints().GetData()).astype(np.float64)
        radius = vtk_to_numpy(polydata.GetPointData().GetArray("radius_mm")).astype(np.float64)
        cells = polydata.GetLines()
        offsets, ids = vtk_to_numpy(cells.GetOffsetsArray()), vtk_to_numpy(cells.GetConnectivityArray())
        names = polydata.GetCellData().GetAbstractArray("name")
        parents = polydata.GetCellData().GetAbstractArray("parent")
        branches = tuple(
            Branch(
                names.GetValue(k),
                tuple(int(i) for i in ids[offsets[k] : offsets[k + 1]]),
                parents.GetValue(k) or None,
            )
            for k in range(cells.GetNumberOfCells())
        )
    except (AttributeError, TypeError) as error:
        raise ImagingError(
            "surface_unreadable", "The centerline file is missing, damaged or of another kind."
        ) from error
    return CenterlineTree(points, radius, branches)


def write_model(model: VesselModel, folder: str | Path) -> None:
    """Write a model into a folder: ``surface.vtp``, ``centerlines.vtp``, ``model.json``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_surface(model.surface, folder / "surface.vtp")
    write_centerlines(model.centerlines, folder / "centerlines.vtp")
    record = {
        "schema_version": SCHEMA_VERSION,
        "unit": "mm",
        "frame": "LPS",
        "patches": [asdict(patch) for patch in model.patches],
        "extension_start_mm": {str(number): list(place) for number, place in model.extension_start_mm.items()},
        "figures": dict(model.figures),
        "notes": list(model.notes),
    }
    (folder / "model.json").write_text(json.dumps(record, indent=1))


def read_model(folder: str | Path) -> VesselModel:
    """Read a model that :func:`write_model` wrote.

    Raises
    ------
    ImagingError
        ``surface_unreadable``.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if record["schema_version"] != SCHEMA_VERSION:
            raise ImagingError("surface_unreadable", "This model was written by another version of the program.")
        starts = {int(number): _triple(place) for number, place in record["extension_start_mm"].items()}
        patches = tuple(patch_from_dict(patch) for patch in record["patches"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImagingError(
            "surface_unreadable", "The model files are missing or damaged: build the model again."
        ) from error
    surface = read_surface(folder / "surface.vtp")
    tree = read_centerlines(folder / "centerlines.vtp")
    return VesselModel(surface, patches, tree, starts, record["figures"], tuple(record["notes"]))


def patch_from_dict(record: Mapping[str, Any]) -> Patch:
    """A patch from what ``dataclasses.asdict`` made of it and JSON carried."""
    return Patch(**{**record, "center_mm": _triple(record["center_mm"]), "normal": _triple(record["normal"])})


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _add_arrays(data: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    for name, values in arrays.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        data.AddArray(array)


def _arrays(data: Any) -> dict[str, NDArray[Any]]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return {data.GetArrayName(k): vtk_to_numpy(data.GetArray(k)).copy() for k in range(data.GetNumberOfArrays())}


def _write(polydata: Any, path: str | Path) -> None:
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    write_vtk(vtkXMLPolyDataWriter(), polydata, Path(path))


def _read(path: str | Path) -> Any:
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    if not Path(path).exists():
        raise ImagingError("surface_unreadable", "The surface file is missing: build the model again.")
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()
