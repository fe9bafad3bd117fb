"""Flow, mean pressure and mean speed on plane sections, from the whole velocity and not from its vertex values.

A plane cuts each tetrahedron in a triangle or a quadrangle. On it a quadratic velocity is quadratic, so a quadrature of
degree 2 gives its flow to rounding. Each rank cuts the cells that it owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.sections import Section
from solvers.fem.mesh import FlowMesh
from solvers.fem.reference import velocity_basis
from solvers.preflight.section import heights, section_piece

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ALONE: IntArray = np.array([[i, *(j for j in range(4) if j != i)] for i in range(4)])
_PAIRS: IntArray = np.array([(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2), (2, 3, 0, 1)])


class SectionMeasure:
    """Measures a flow on sections. All ranks must ask; rank 0 passes the mesh as the file has it, the others None.

    Attributes
    ----------
    area : (n_sections,)
        Of the sections [m2]; 0 where a plane does not meet the mesh.
    """

    def __init__(self, mesh: FlowMesh, arrays: MeshArrays | None, sections: Sequence[Section]) -> None:
        self._mesh, self._n = mesh, len(sections)
        centers = np.array([section.center for section in sections]).reshape(-1, 3)
        normals = np.array([section.normal for section in sections], dtype=float).reshape(-1, 3)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        pieces: list[IntArray] | None = None
        if arrays is not None:
            pieces = [np.sort(section_piece(arrays, c, n), axis=1) for c, n in zip(centers, normals, strict=True)]
        pieces = mesh.comm.bcast(pieces)
        assert pieces is not None
        degree, n_owned = mesh.velocity.degree, mesh.n_owned_cells
        corners = mesh.pressure.cells[:n_owned]
        names = _words(np.sort(mesh.pressure.keys[corners], axis=1))
        weights, values, pressures, velocity_nodes, pressure_nodes, which = [], [], [], [], [], []
        points, point_weights = basix.make_quadrature(basix.CellType.triangle, 2)
        in_triangle = np.column_stack([1.0 - points.sum(axis=1), points])
        for index, (piece, center, normal) in enumerate(zip(pieces, centers, normals, strict=True)):
            mine = np.flatnonzero(np.isin(names, _words(piece)))
            height = heights(mesh.pressure.points[corners[mine]].reshape(-1, 3), center, normal).reshape(-1, 4)
            cell, triangle = _triangles(height)
            corner = np.einsum("tka,tad->tkd", triangle, mesh.pressure.points[corners[mine][cell]])
            area = 0.5 * np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
            share = np.einsum("qk,tka->tqa", in_triangle, triangle).reshape(-1, 4)
            at = np.repeat(mine[cell], len(points))
            weights.append(np.outer(area, 2.0 * point_weights).ravel())
            values.append(velocity_basis(degree, share[:, 1:])[0])
            pressures.append(share)
            velocity_nodes.append(mesh.velocity.cells[at])
            pressure_nodes.append(corners[at])
            which.append(np.full(len(share), index))
        self._which = np.concatenate(which) if which else np.zeros(0, dtype=np.int64)
        self._weights = np.concatenate(weights) if weights else np.zeros(0)
        self._normals = normals[self._which] if self._n else np.zeros((0, 3))
        self._velocity = _matrix(values, velocity_nodes, mesh.velocity.n_local)
        self._pressure = _matrix(pressures, pressure_nodes, mesh.pressure.n_local)
        self.area = self._sum(self._weights)[0]

    def measure(self, velocity: FloatArray, pressure: FloatArray) -> FloatArray:
        """Flow along the normal, mean pressure and mean speed (3, n_sections), the pressure in the unit it is given in.

        Parameters
        ----------
        velocity, pressure : (n_local, 3), (n_local,)
            Ghosts included.
        """
        u = np.asarray(self._velocity @ velocity)
        through = np.einsum("qd,qd->q", u, self._normals)
        speed = np.sqrt(np.einsum("qd,qd->q", u, u))
        sums = self._sum(*(self._weights * each for each in (through, np.asarray(self._pressure @ pressure), speed)))
        sums[1:] /= np.where(self.area > 0.0, self.area, 1.0)
        sums[:, self.area == 0.0] = np.nan
        return sums

    def _sum(self, *parts: FloatArray) -> FloatArray:
        total = np.zeros((len(parts), self._n))
        for row, part in zip(total, parts, strict=True):
            np.add.at(row, self._which, part)
        self._mesh.comm.Allreduce(MPI.IN_PLACE, total)
        return total


def _words(rows: IntArray) -> NDArray[Any]:
    """Rows (n, 4) as single things that can be compared."""
    return np.ascontiguousarray(rows, dtype=np.int64).view(np.dtype((np.void, 32))).ravel()


def _matrix(values: list[FloatArray], nodes: list[Any], n_columns: int) -> Any:
    """What turns unknowns (n_columns,) into values at the points of the quadrature."""
    if not values:
        return csr_matrix((0, n_columns))
    table, columns = np.concatenate(values), np.concatenate(nodes)
    starts = np.arange(len(table) + 1) * table.shape[1]
    return csr_matrix((table.ravel(), columns.ravel().astype(np.int64), starts), shape=(len(table), n_columns))


def _triangles(height: FloatArray) -> tuple[IntArray, FloatArray]:
    """The triangles (t, 3, 4) that a plane cuts out of cells, as shares of the cells' corners, and the cell of each.

    Parameters
    ----------
    height : (n, 4)
        Of the corners above the plane, none of them zero.
    """
    above = height > 0.0
    n_above = above.sum(axis=1)
    cells, found = [], []

    def on_edge(rows: IntArray, a: IntArray, b: IntArray) -> FloatArray:
        """The point (k, 4) of the plane between corners ``a`` and ``b`` of the cells ``rows``."""
        k = np.arange(len(rows))
        high, low = height[rows, a], height[rows, b]
        share = np.zeros((len(rows), 4))
        share[k, b] = high / (high - low)
        share[k, a] = 1.0 - share[k, b]
        return share

    for is_above, count in ((True, 1), (False, 3)):
        rows = np.flatnonzero(n_above == count)
        order = _ALONE[np.argmax(above[rows] == is_above, axis=1)] if len(rows) else np.zeros((0, 4), dtype=np.int64)
        cells.append(rows)
        found.append(np.stack([on_edge(rows, order[:, 0], order[:, k]) for k in (1, 2, 3)], axis=1))
    rows = np.flatnonzero(n_above == 2)
    for pair in _PAIRS:
        mine = rows[above[rows][:, pair[:2]].all(axis=1)]
        a, b, c, d = (np.full(len(mine), corner) for corner in pair)
        loop = [on_edge(mine, *edge) for edge in ((a, c), (a, d), (b, d), (b, c))]
        for corners in ((0, 1, 2), (0, 2, 3)):
            cells.append(mine)
            found.append(np.stack([loop[k] for k in corners], axis=1))
    return np.concatenate(cells), np.concatenate(found)
