"""Surfaces that another program made: read, freed of doubled points, checked, their unit judged by their size.

VTP, STL, OBJ and PLY files carry no unit of length. VTP files of the Vascular Model Repository carry the arrays
``ModelFaceID`` (a number for each face of the model, walls and caps) or ``CapID`` (above 0 on caps).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.surface.checks import position_text, triple
from imaging.surface.topology import (
    areas_mm2,
    compact,
    directed_edges,
    enclosed_volume_mm3,
    open_loops,
    self_intersections,
    triangle_pieces,
    unique_edges,
)
from imaging.types import FloatArray, IntArray

SUFFIXES = (".vtp", ".stl", ".obj", ".ply")
MM_PER_UNIT: Mapping[str, float] = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
FACE_ARRAYS = ("CapID", "ModelFaceID")

PLAUSIBLE_LENGTH_MM = (20.0, 800.0)
PLAUSIBLE_RADIUS_MM = (0.6, 25.0)
"""Diagonal, and radius of the widest opening, from a short piece of coronary artery to a whole aorta with its legs."""
POSSIBLE_LENGTH_MM = (5.0, 1500.0)
POSSIBLE_RADIUS_MM = (0.3, 45.0)
"""What no vessel model leaves, whatever unit was stated."""
_SAME_POINT = 1e-6
_CRUMB_AREA = 0.01
_HEAD_BYTES = 4096


@dataclass(frozen=True, eq=False)
class ForeignSurface:
    """Triangles in the file's own unit, outward where they are closed, and the face (m,) of each, 0 where unknown.

    ``face_array`` is the array that the faces come from, empty when the file has none.
    """

    points: FloatArray
    triangles: IntArray
    face: IntArray
    face_array: str
    notes: tuple[str, ...]

    @property
    def length(self) -> float:
        """Diagonal of the bounding box in the file's unit."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))


def read_foreign_surface(path: Path) -> ForeignSurface:
    """Read a surface and check that it can bound a lumen.

    Raises
    ------
    ImagingError
        ``surface_unreadable``, ``surface_branches`` (more than two triangles at an edge), ``surface_in_pieces``,
        ``surface_inside_out`` (neighboring triangles face opposite sides), ``self_crossing``.
    """
    points, triangles, arrays = _read(path)
    points, triangles, kept = _merged(points, triangles)
    if len(triangles) == 0:
        raise ImagingError(
            "surface_unreadable",
            f"{path.name} holds no triangle with an area, or points out of all bounds: export it again.",
        )
    notes: list[str] = []
    face_array = next((name for name in FACE_ARRAYS if name in arrays), "")
    face = np.asarray(arrays[face_array]).astype(np.int64)[kept] if face_array else np.zeros(len(triangles), np.int64)
    _check_edges(points, triangles)
    pieces = triangle_pieces(triangles, len(points))
    if pieces.max() > 0:
        area = np.bincount(pieces, weights=areas_mm2(points, triangles))
        main = int(area.argmax())
        others = np.delete(area, main)
        if others.max() > _CRUMB_AREA * area[main]:
            raise ImagingError(
                "surface_in_pieces",
                f"The surface is in {len(area)} separate pieces: join them, or save the one that blood flows through "
                "as a file of its own.",
            )
        notes.append(f"{len(others)} crumb(s) of surface apart from the vessel were left out.")
        face = face[pieces == main]
        points, triangles = compact(points, triangles[pieces == main])
    if not _borders(triangles) and enclosed_volume_mm3(points, triangles) < 0:
        triangles = triangles[:, ::-1].copy()
        notes.append("The surface faced inward and was turned.")
    bad = self_intersections(points, triangles)
    if len(bad):
        place = triple(points[triangles[bad[0]]].mean(axis=0))
        raise ImagingError(
            "self_crossing",
            f"The surface crosses itself at {len(bad)} triangles, first near {position_text(place)[:-3]} in the "
            "file's own unit: repair it in the program that made it.",
            place,
        )
    return ForeignSurface(points, triangles, face, face_array, tuple(notes))


def unit_for(length: float, radius: float, stated: str) -> str:
    """The unit of a surface: the one stated, or mm when the size speaks for mm alone.

    Parameters
    ----------
    length, radius
        Diagonal of the surface and radius of its widest opening, in the file's unit.
    stated
        ``mm``, ``cm``, ``m``, or empty.

    Raises
    ------
    ImagingError
        ``unit_unknown``: nothing was stated, and the size does not speak for mm alone. ``bad_unit``. ``surface_size``:
        with the stated unit no vessel has that size.
    """
    if stated and stated not in MM_PER_UNIT:
        raise ImagingError("bad_unit", f"The unit of a surface is mm, cm or m, not {stated!r}.")
    if stated:
        scale = MM_PER_UNIT[stated]
        if not _within(length * scale, POSSIBLE_LENGTH_MM) or not _within(radius * scale, POSSIBLE_RADIUS_MM):
            raise ImagingError(
                "surface_size",
                f"In {stated} the model would be {_size_text(length, radius, scale)}, which no vessel model is "
                f"({_sizes_text(length, radius)}): state another unit.",
            )
        return stated
    if plausible_units(length, radius) == ("mm",):
        return "mm"
    raise ImagingError(
        "unit_unknown",
        f"The file does not say its unit of length, and its size does not settle it: {_sizes_text(length, radius)}. "
        "State the unit: mm, cm or m.",
    )


def plausible_units(length: float, radius: float) -> tuple[str, ...]:
    """The units that give a vessel model's size."""
    return tuple(
        unit
        for unit, scale in MM_PER_UNIT.items()
        if _within(length * scale, PLAUSIBLE_LENGTH_MM) and _within(radius * scale, PLAUSIBLE_RADIUS_MM)
    )


def size_text(length: float, radius: float, unit: str) -> str:
    """How large the model is if the file's unit is this one."""
    return _size_text(length, radius, MM_PER_UNIT[unit])


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _sizes_text(length: float, radius: float) -> str:
    return ", ".join(f"in {unit} it is {_size_text(length, radius, scale)}" for unit, scale in MM_PER_UNIT.items())


def _size_text(length: float, radius: float, scale: float) -> str:
    return f"{_mm_text(length * scale)} long with an opening of {_mm_text(2.0 * radius * scale)} across"


def _mm_text(value: float) -> str:
    return f"{value:.0f} mm" if value >= 100.0 else f"{value:.3g} mm"


def _read(path: Path) -> tuple[FloatArray, IntArray, dict[str, NDArray[Any]]]:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkObject
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter
    from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
    from vtkmodules.vtkIOPLY import vtkPLYReader
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    readers = {".vtp": vtkXMLPolyDataReader, ".stl": vtkSTLReader, ".obj": vtkOBJReader, ".ply": vtkPLYReader}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise ImagingError("surface_unreadable", f"{path.name} is not a surface: give a {', '.join(SUFFIXES)} file.")
    if not path.is_file():
        raise ImagingError("surface_unreadable", f"There is no file {path.name}: check the name.")
    _require_length(path, suffix)
    reader: Any = readers[suffix]()
    reader.SetFileName(str(path))
    before = vtkObject.GetGlobalWarningDisplay()
    vtkObject.GlobalWarningDisplayOff()
    try:
        reader.Update()
        _require_known_points(reader.GetOutput(), path)
        filtered = vtkTriangleFilter()
        filtered.SetInputConnection(reader.GetOutputPort())
        filtered.PassLinesOff()
        filtered.PassVertsOff()
        filtered.Update()
    finally:
        vtkObject.SetGlobalWarningDisplay(before)
    data = filtered.GetOutput()
    if data.GetNumberOfPolys() == 0:
        raise ImagingError("surface_unreadable", f"{path.name} is damaged or holds no triangles: export it again.")
    points = vtk_to_numpy(data.GetPoints().GetData()).astype(np.float64)
    if not np.isfinite(points).all():
        raise ImagingError("surface_unreadable", f"{path.name} holds points that are not finite: export it again.")
    triangles = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    cells = data.GetCellData()
    arrays = {
        cells.GetArrayName(k): vtk_to_numpy(cells.GetArray(k)).copy()
        for k in range(cells.GetNumberOfArrays())
        if cells.GetArray(k) is not None and cells.GetArray(k).GetNumberOfTuples() == len(triangles)
    }
    return points, triangles, arrays


def _require_known_points(data: Any, path: Path) -> None:
    """Refuse cells that use points which are not there, before a filter follows them."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for cells in (data.GetPolys(), data.GetStrips(), data.GetLines(), data.GetVerts()):
        if cells.GetNumberOfCells():
            used = vtk_to_numpy(cells.GetConnectivityArray())
            ends = vtk_to_numpy(cells.GetOffsetsArray())
            is_sound = np.all(np.diff(ends) >= 0) and ends[0] == 0 and ends[-1] == len(used)
            if not is_sound or len(used) == 0 or used.min() < 0 or used.max() >= data.GetNumberOfPoints():
                raise ImagingError(
                    "surface_unreadable", f"{path.name} is damaged or holds no triangles: export it again."
                )


def _require_length(path: Path, suffix: str) -> None:
    """Refuse a file that is shorter than what it says it holds: the readers would take what is there, or run away."""
    size = path.stat().st_size
    damaged = ImagingError("surface_unreadable", f"{path.name} is damaged or holds no triangles: export it again.")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if suffix == ".stl" and head.lstrip()[:5].lower() != b"solid":
        if size < 84 or size < 84 + 50 * int.from_bytes(head[80:84], "little"):
            raise damaged
    elif suffix == ".stl":
        with path.open("rb") as file:
            file.seek(max(0, size - _HEAD_BYTES))
            is_binary = size >= 84 and size == 84 + 50 * int.from_bytes(head[80:84], "little")
            if b"endsolid" not in file.read().lower() and not is_binary:
                raise damaged
    elif suffix == ".vtp":
        counts = [int(n) for n in re.findall(rb'NumberOf(?:Points|Polys|Lines|Verts|Strips)\s*=\s*"(-?\d+)"', head)]
        if any(not 0 <= n <= size for n in counts):  # packed points take more than a byte each
            raise damaged


def _merged(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Points nearer than a millionth of the size become one; triangles without area go. Which triangles were kept."""
    cell = _SAME_POINT * max(float(np.linalg.norm(np.ptp(points, axis=0))), 1e-300)
    _, first, inverse = np.unique(np.round(points / cell), axis=0, return_index=True, return_inverse=True)
    triangles = inverse.reshape(-1)[triangles]
    kept = np.flatnonzero(
        (triangles[:, 0] != triangles[:, 1])
        & (triangles[:, 1] != triangles[:, 2])
        & (triangles[:, 2] != triangles[:, 0])
    )
    compacted, numbered = compact(points[first], triangles[kept])
    return compacted, numbered, kept


def _check_edges(points: FloatArray, triangles: IntArray) -> None:
    edges, counts = unique_edges(triangles)
    if counts.max() > 2:
        place = triple(points[edges[counts.argmax()]].mean(axis=0))
        raise ImagingError(
            "surface_branches",
            f"More than two triangles meet at {int((counts > 2).sum())} edges of the surface, first near "
            f"{position_text(place)[:-3]} in the file's own unit: repair it in the program that made it.",
            place,
        )
    directed = directed_edges(triangles)
    if len(np.unique(directed, axis=0)) != len(directed):
        raise ImagingError(
            "surface_inside_out",
            "Neighboring triangles of the surface face opposite sides: make its normals consistent in the program "
            "that made it.",
        )


def _borders(triangles: IntArray) -> list[IntArray]:
    try:
        return open_loops(triangles)
    except ValueError as error:
        raise ImagingError(
            "surface_branches", "Two openings of the surface touch each other: repair it in the program that made it."
        ) from error
