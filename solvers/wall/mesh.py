"""Quadratic tetrahedra of a wall: what the solver works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.fem.reference import EDGES, TRIANGLE_EDGES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WallMesh:
    """Tetrahedra with ten nodes. The corners are numbered first, the midpoints of edges after.

    Attributes
    ----------
    points : (n, 3)
        Nodes [m].
    n_corners
        How many of them are corners.
    cells : (m, 10)
        Nodes in the order of ``solvers.fem.reference``.
    material : (m,)
        Index into the solver's list of materials.
    loaded : (f, 6)
        Facets that blood presses on: corners, then midpoints, midpoint ``k`` opposite corner ``k``; their normal
        (right-hand rule) points out of the solid.
    """

    points: FloatArray
    n_corners: int
    cells: IntArray
    material: IntArray
    loaded: IntArray

    @property
    def n_cells(self) -> int:
        """Tetrahedra."""
        return len(self.cells)

    def moved(self, points: FloatArray) -> WallMesh:
        """The same mesh with its nodes elsewhere."""
        return WallMesh(points, self.n_corners, self.cells, self.material, self.loaded)


def quadratic(points: FloatArray, tets: IntArray, loaded: IntArray, material: IntArray | None = None) -> WallMesh:
    """A mesh with nodes on the middles of edges, of tetrahedra (m, 4) of positive volume and loaded triangles (f, 3).

    Every point must be a corner of a tetrahedron.
    """
    n = len(points)
    ends = np.sort(tets[:, EDGES], axis=2)
    keys, inverse = np.unique(ends[:, :, 0] * n + ends[:, :, 1], return_inverse=True)
    low, high = keys // n, keys % n
    sides = np.sort(loaded[:, TRIANGLE_EDGES], axis=2)
    on_sides = np.searchsorted(keys, sides[:, :, 0] * n + sides[:, :, 1])
    return WallMesh(
        points=np.vstack([points, 0.5 * (points[low] + points[high])]),
        n_corners=n,
        cells=np.column_stack([tets, n + inverse.reshape(-1, 6)]),
        material=np.zeros(len(tets), dtype=np.int64) if material is None else material,
        loaded=np.column_stack([loaded, n + on_sides]),
    )
