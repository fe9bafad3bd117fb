"""VTK's image files (VTI). They say where the voxels lie, but not which way the axes run in the patient."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.frames import flip_lps_ras
from imaging.isolated import IsolatedError, run_isolated
from imaging.memory import require_memory
from imaging.types import Grid, Progress

FRAMES = ("LPS", "RAS")
_HEAD_BYTES = 16384
_TIMEOUT_S = 120.0
_BYTES_PER_VOXEL = 12
"""The child's image, the file between both and the array here, of float32 each."""


def read_vti(path: Path, frame: str, progress: Progress) -> tuple[NDArray[Any], Grid]:
    """Values ``[k, j, i]`` and the grid of a VTI file in LPS. The file is read in a process of its own, because VTK's
    reader ends the program over some damaged files.

    Parameters
    ----------
    frame
        What the file's axes mean: ``"LPS"`` or ``"RAS"``.

    Raises
    ------
    ImagingError
        ``frame_unknown`` when no frame is stated; ``not_an_image``, ``not_3d``, ``color_image``, ``too_large``,
        ``damaged_file``.
    """
    if frame.upper() not in FRAMES:
        raise ImagingError(
            "frame_unknown",
            "A VTI file does not say which way its axes run, so left and right could be exchanged: state its frame, "
            "LPS (to the patient's left, back, head) or RAS (right, front, head).",
        )
    extent = _stated_extent(path)
    size = [int(extent[2 * n + 1] - extent[2 * n] + 1) for n in range(3)]
    if min(size) < 2:
        shape = " x ".join(map(str, size))
        raise ImagingError("not_3d", f"This file holds {shape} voxels; choose one three-dimensional scan.")
    require_memory(size, _BYTES_PER_VOXEL)
    try:
        found = run_isolated(f"{__name__}:read_arrays", {}, {"path": str(path)}, _TIMEOUT_S, progress, 0.1, "Reading")
    except IsolatedError:
        raise ImagingError(
            "damaged_file", "This VTI file is damaged or cut short: copy or export it again from its source."
        ) from None
    values, origin, spacing = found["values"], found["origin"], found["spacing"]
    direction = found["direction"].reshape(3, 3)
    if len(found["n_components"]) == 0:
        raise ImagingError("not_an_image", "This VTI file holds no values at its points: choose the scan itself.")
    if int(found["n_components"][0]) != 1:
        raise ImagingError(
            "color_image", f"This image has {int(found['n_components'][0])} values a voxel: choose a scan."
        )
    if values.size != int(np.prod(size)):
        raise ImagingError(
            "damaged_file", "This VTI file holds another number of voxels than it says: export it again."
        )
    if frame.upper() == "RAS":
        origin, direction = flip_lps_ras(origin), flip_lps_ras(direction.T).T
    x, y, z = (float(c) for c in origin)
    steps = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    grid = Grid((size[0], size[1], size[2]), steps, (x, y, z), tuple(float(c) for c in direction.ravel()))
    return values.reshape(grid.array_shape), grid


def read_arrays(arrays: dict[str, Any], path: str) -> dict[str, NDArray[Any]]:
    """What the child process does: values of the points (the active scalars, else the first array), origin of the
    extent's corner, spacing, direction."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    reader = vtkXMLImageDataReader()
    reader.SetFileName(path)
    reader.Update()
    if reader.GetErrorCode():
        raise ValueError("the file is damaged")
    image = reader.GetOutput()
    data = image.GetPointData()
    scalars = data.GetScalars() or (data.GetArray(0) if data.GetNumberOfArrays() else None)
    matrix = image.GetDirectionMatrix()
    corner = np.zeros(3)
    image.TransformIndexToPhysicalPoint(*image.GetExtent()[::2], corner)
    return {
        "values": vtk_to_numpy(scalars) if scalars is not None else np.zeros(0),
        "n_components": np.array([scalars.GetNumberOfComponents()] if scalars is not None else [], dtype=int),
        "origin": corner,
        "spacing": np.array(image.GetSpacing()),
        "direction": np.array([matrix.GetElement(row, column) for row in range(3) for column in range(3)]),
    }


def _stated_extent(path: Path) -> list[int]:
    """The six numbers of the extent that the file's head states, read without VTK."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    tag = re.search(rb"<ImageData\b[^>]*>", head)
    try:
        found = ElementTree.fromstring(tag.group().rstrip(b"/>") + b"/>").get("WholeExtent", "") if tag else ""
        extent = [int(word) for word in found.split()]
    except (ElementTree.ParseError, ValueError):
        extent = []
    if len(extent) != 6:
        raise ImagingError("not_an_image", "This file is named .vti but holds no such image: choose the scan itself.")
    return extent
