"""Temporal unstructured grids as VTKHDF 2.2, which VTK 9.4+ and ParaView 5.13+ open.

Format: the VTK user's guide, "VTKHDF file format". The mesh does not change in time; arrays given once are static.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TETRAHEDRON = 10
TRIANGLE = 5


def write_temporal_grid(
    stream: BinaryIO,
    points: FloatArray,
    cells: IntArray,
    times: FloatArray,
    frames: Iterator[Mapping[str, NDArray[np.float32]]],
    static: Mapping[str, NDArray[np.float32]],
) -> None:
    """Write a grid of tetrahedra or triangles with point arrays at several times.

    Parameters
    ----------
    stream
        A binary file opened for writing.
    points : (n, 3)
        Vertices [m].
    cells : (m, 4 or 3)
        Tetrahedra or triangles.
    times : (t,)
        Time values [s].
    frames
        ``t`` mappings of the same names to arrays (n,) or (n, 3).
    static
        Arrays that hold for all times.
    """
    n_points, n_cells, width = len(points), len(cells), cells.shape[1]
    n_times = len(times)
    with h5py.File(stream, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = np.array([2, 2], dtype=np.int64)
        root.attrs.create("Type", b"UnstructuredGrid", dtype="S16")
        root["NumberOfPoints"] = np.array([n_points])
        root["NumberOfCells"] = np.array([n_cells])
        root["NumberOfConnectivityIds"] = np.array([cells.size])
        root["Points"] = points.astype(np.float32)
        root["Connectivity"] = cells.ravel().astype(np.int64)
        root["Offsets"] = width * np.arange(n_cells + 1)
        root["Types"] = np.full(n_cells, TETRAHEDRON if width == 4 else TRIANGLE, dtype=np.uint8)
        steps = root.create_group("Steps")
        steps.attrs["NSteps"] = np.int64(n_times)
        steps["Values"] = np.asarray(times, dtype=np.float64)
        steps["PartOffsets"] = np.zeros(n_times, dtype=np.int64)
        steps["NumberOfParts"] = np.ones(n_times, dtype=np.int64)
        steps["PointOffsets"] = np.zeros(n_times, dtype=np.int64)
        steps["CellOffsets"] = np.zeros((n_times, 1), dtype=np.int64)
        steps["ConnectivityIdOffsets"] = np.zeros((n_times, 1), dtype=np.int64)
        data, offsets = root.create_group("PointData"), steps.create_group("PointDataOffsets")
        for name, array in static.items():
            data[name] = array.astype(np.float32)
            offsets[name] = np.zeros(n_times, dtype=np.int64)
        for index, frame in enumerate(frames):
            for name, array in frame.items():
                if name not in data:
                    data.create_dataset(name, (n_times * n_points, *array.shape[1:]), dtype=np.float32)
                    offsets[name] = n_points * np.arange(n_times)
                data[name][index * n_points : (index + 1) * n_points] = array
