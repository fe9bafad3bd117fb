"""Where the entries of the wall's matrix are: three unknowns a node, then one mean stress a corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.wall.kernels import rank_of_neighbors
from solvers.wall.mesh import WallMesh

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WallPattern:
    """Compressed rows: row ``3 i + d`` is direction ``d`` of node ``i``, row ``3 n + v`` the mean stress of corner v.

    Attributes
    ----------
    starts : (3 n + corners + 1,), columns : (entries,)
        Columns ascend in a row: the displacements of the neighboring nodes, then the mean stresses of those that are
        corners.
    bases : (n + corners,)
        Where the first row of each node, then the row of each corner begins.
    lengths : (n, 2)
        How many neighbors a node has, and how many of them are corners.
    cell_ranks : (m, 10, 10), facet_ranks : (f, 6, 6)
        The place of node ``b`` among the neighbors of node ``a``.
    """

    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    bases: IntArray
    lengths: IntArray
    cell_ranks: NDArray[np.int32]
    facet_ranks: NDArray[np.int32]

    @property
    def n_unknowns(self) -> int:
        """Rows of the matrix."""
        return len(self.starts) - 1


def build_pattern(mesh: WallMesh) -> WallPattern:
    """The pattern of a mesh."""
    n, n_corners = len(mesh.points), mesh.n_corners
    owner = np.repeat(np.arange(mesh.n_cells), 10)
    member = sparse.csr_array((np.ones(len(owner), dtype=np.int8), (mesh.cells.ravel(), owner)), (n, mesh.n_cells))
    graph = (member.astype(np.int32) @ member.T.astype(np.int32)).tocsr()
    graph.sort_indices()
    starts, columns = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    n_neighbors = np.diff(starts)
    before = np.concatenate([[0], np.cumsum(columns < n_corners)])
    n_near_corners = before[starts[1:]] - before[starts[:-1]]
    row_lengths = 3 * n_neighbors + n_near_corners
    lengths_of_rows = np.concatenate([np.repeat(row_lengths, 3), row_lengths[:n_corners]])
    row_starts = np.concatenate([[0], np.cumsum(lengths_of_rows)])
    if row_starts[-1] > np.iinfo(np.int32).max:
        raise MemoryError
    all_columns = _all_columns(starts, columns, n_neighbors, n_near_corners, n, n_corners)
    cell_ranks = np.empty((mesh.n_cells, 10, 10), dtype=np.int32)
    rank_of_neighbors(mesh.cells, starts, columns, cell_ranks)
    facet_ranks = np.empty((len(mesh.loaded), 6, 6), dtype=np.int32)
    rank_of_neighbors(mesh.loaded, starts, columns, facet_ranks)
    return WallPattern(
        starts=row_starts.astype(np.int32),
        columns=all_columns,
        bases=np.concatenate([row_starts[0 : 3 * n : 3], row_starts[3 * n : 3 * n + n_corners]]),
        lengths=np.column_stack([n_neighbors, n_near_corners]).astype(np.int64),
        cell_ranks=cell_ranks,
        facet_ranks=facet_ranks,
    )


def _all_columns(
    starts: IntArray, columns: NDArray[np.int32], n_neighbors: IntArray, n_near: IntArray, n: int, n_corners: int
) -> NDArray[np.int32]:
    """The columns of all rows: those of a node's three rows are alike, and so are those of a corner's mean stress."""
    near = columns < n_corners
    of_node = np.repeat(np.arange(n), n_neighbors)
    one_start = np.concatenate([[0], np.cumsum(3 * n_neighbors + n_near)])
    one = np.empty(one_start[-1], dtype=np.int32)
    place = one_start[of_node] + 3 * (np.arange(len(columns)) - starts[of_node])
    for d in range(3):
        one[place + d] = 3 * columns + d
    first_near = (one_start[:-1] + 3 * n_neighbors)[of_node[near]]
    one[first_near + np.arange(len(columns))[near] - starts[of_node[near]]] = 3 * n + columns[near]
    parts = np.split(one, one_start[1:-1])
    return np.concatenate([part for whole in parts for part in (whole, whole, whole)] + parts[:n_corners])
