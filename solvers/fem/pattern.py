"""Where the entries of the velocity matrix are: compressed rows of the owned unknowns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import Index, Space


@dataclass(frozen=True, eq=False)
class Pattern:
    """Compressed sparse rows of the unknowns that this rank owns; columns are local unknowns, ascending.

    Attributes
    ----------
    starts : (n_owned + 1,)
    columns : (n_entries,)
    diagonal : (n_owned,)
        Position of each row's diagonal entry.
    owned_end : (n_owned,)
        Position after the last owned column of each row; ghost columns follow.
    cell_positions : (n_cells, 100 or 16)
        Position of each entry of each cell's matrix; entries of rows that are prescribed or owned elsewhere point at
        ``n_entries``, one place beyond the last, so that kernels add without asking.
    """

    starts: Index
    columns: Index
    diagonal: Index
    owned_end: Index
    cell_positions: Index

    @property
    def n_entries(self) -> int:
        """Stored entries."""
        return len(self.columns)


def build_pattern(space: Space, is_prescribed: NDArray[np.bool_]) -> Pattern:
    """The pattern of a scalar operator on ``space``; rows where ``is_prescribed`` (n_local,) are not assembled."""
    starts, columns = _rows(space.cells, space.n_owned, space.n_local)
    diagonal, owned_end = _landmarks(starts, columns, space.n_owned)
    positions = _positions(space.cells, starts, columns, is_prescribed, space.n_owned)
    return Pattern(starts, columns, diagonal, owned_end, positions)


@kernel
def _rows(cells: Index, n_owned: int, n_local: int) -> tuple[Index, Index]:
    n_cells, width = cells.shape
    first = np.zeros(n_local + 1, dtype=np.int32)
    for cell in range(n_cells):
        for i in range(width):
            first[np.int64(cells[cell, i]) + 1] += 1
    for row in range(n_local):
        first[row + 1] += first[row]
    fill = first[:-1].copy()
    cells_of = np.empty(first[n_local], dtype=np.int32)
    for cell in range(n_cells):
        for i in range(width):
            node = cells[cell, i]
            cells_of[fill[node]] = cell
            fill[node] += 1
    starts = np.zeros(n_owned + 1, dtype=np.uint32)
    seen = np.full(n_local, -1, dtype=np.int32)
    for row in range(n_owned):
        count = 0
        for k in range(first[row], first[row + 1]):
            for j in range(width):
                node = cells[cells_of[k], j]
                if seen[node] != row:
                    seen[node] = row
                    count += 1
        starts[row + 1] = starts[row] + count
    columns = np.empty(starts[n_owned], dtype=np.uint32)
    seen[:] = -1
    for row in range(n_owned):
        at = np.int64(starts[row])
        for k in range(first[row], first[row + 1]):
            for j in range(width):
                node = cells[cells_of[k], j]
                if seen[node] != row:
                    seen[node] = row
                    columns[at] = node
                    at += 1
        columns[starts[row] : at].sort()
    return starts, columns


@kernel
def _landmarks(starts: Index, columns: Index, n_owned: int) -> tuple[Index, Index]:
    diagonal = np.empty(n_owned, dtype=np.uint32)
    owned_end = np.empty(n_owned, dtype=np.uint32)
    for row in range(n_owned):
        owned_end[row] = starts[row + 1]
        for k in range(starts[row], starts[row + 1]):
            if columns[k] == row:
                diagonal[row] = k
            if columns[k] >= n_owned:
                owned_end[row] = k
                break
    return diagonal, owned_end


@kernel
def _positions(cells: Index, starts: Index, columns: Index, is_prescribed: NDArray[np.bool_], n_owned: int) -> Index:
    n_cells, width = cells.shape
    positions = np.full((n_cells, width * width), len(columns), dtype=np.uint32)
    for cell in range(n_cells):
        for i in range(width):
            row = np.int64(cells[cell, i])
            if row < n_owned and not is_prescribed[row]:
                for j in range(width):
                    low, high, wanted = np.int64(starts[row]), np.int64(starts[row + 1]), cells[cell, j]
                    while low + 1 < high:
                        middle = (low + high) // 2
                        if columns[middle] <= wanted:
                            low = middle
                        else:
                            high = middle
                    positions[cell, i * width + j] = low
    return positions
