"""Snapshots of the fields: kept one by one while a cycle is solved, put together when it is complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_atomically
from solvers.contract.files import FIELDS, FRAMES, WALL
from solvers.contract.mesh_file import MeshArrays
from solvers.run.vtkhdf import write_temporal_grid

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

VELOCITY, PRESSURE, WSS = "velocity_m_per_s", "pressure_Pa", "wss_Pa"
TAWSS, OSI, RRT, EXTENSION = "tawss_Pa", "osi", "rrt_per_Pa", "in_extension"


def frame_steps(steps_per_cycle: int, fields_per_cycle: int) -> frozenset[int]:
    """The steps of a cycle, counted from 1, at which a snapshot is taken; the last is the end of the cycle."""
    return frozenset(
        int(step) for step in np.ceil(steps_per_cycle * np.arange(1, fields_per_cycle + 1) / fields_per_cycle)
    )


class FrameStore:
    """The snapshots on disk (rank 0 only).

    Parameters
    ----------
    wall_vertices : (w,)
        Vertices of the mesh file that lie on the wall, ascending.
    """

    def __init__(
        self, run_dir: Path, mesh: MeshArrays, wall_patch_ids: tuple[int, ...], wall_vertices: IntArray
    ) -> None:
        self._run_dir, self._folder, self._mesh = run_dir, run_dir / FRAMES, mesh
        self._wall_points = mesh.points[wall_vertices]
        triangles = mesh.facets[np.isin(mesh.facet_patch, wall_patch_ids)]
        self._wall_triangles = np.searchsorted(wall_vertices, triangles)

    def put(self, step: int, velocity: FloatArray, pressure: FloatArray, stress: FloatArray) -> None:
        """Keep the fields at the end of a step: velocity (n, 3), pressure (n,) of all vertices, stress (w, 3)."""
        self._folder.mkdir(exist_ok=True)
        arrays = {VELOCITY: velocity, PRESSURE: pressure, WSS: stress}
        compact = {name: array.astype(np.float32) for name, array in arrays.items()}
        write_atomically(self._path(step), lambda stream: np.savez(stream, allow_pickle=False, **compact))

    def discard(self, before_step: int) -> None:
        """Remove snapshots of earlier steps."""
        for path in self._folder.glob("*.npz"):
            if int(path.stem) <= before_step:
                path.unlink()

    def discard_all(self) -> None:
        """Remove every snapshot."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def write_cycle(self, steps: list[int], phases: FloatArray, wall_static: dict[str, FloatArray]) -> None:
        """Write ``fields.vtkhdf`` and ``wall.vtkhdf`` from the snapshots of a cycle at times ``phases`` [s] in it."""
        present = [(step, phase) for step, phase in zip(steps, phases, strict=True) if self._path(step).exists()]
        times = np.array([phase for _, phase in present])

        def frames(names: tuple[str, ...]) -> Iterator[dict[str, NDArray[np.float32]]]:
            for step, _ in present:
                with np.load(self._path(step)) as archive:
                    yield {name: archive[name] for name in names}

        write_atomically(
            self._run_dir / FIELDS,
            lambda stream: write_temporal_grid(
                stream, self._mesh.points, self._mesh.tets, times, frames((VELOCITY, PRESSURE)), {}
            ),
        )
        static = {name: array.astype(np.float32) for name, array in wall_static.items()}
        write_atomically(
            self._run_dir / WALL,
            lambda stream: write_temporal_grid(
                stream, self._wall_points, self._wall_triangles, times, frames((WSS,)), static
            ),
        )

    def _path(self, step: int) -> Path:
        return self._folder / f"{step:08d}.npz"
