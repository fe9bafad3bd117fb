"""A direct solver for a sparse symmetric positive definite matrix that never changes, distributed over ranks by rows.

The unknowns are split again and again across their longest extent, so that the halves meet in few of them
(:func:`dissect`). Each such set is eliminated as one dense block, children first::

    F = [F_oo F_ob; F_bo F_bb],   D = inverse of F_oo,   M = D F_ob,   what is left for the parent: F_bb - F_bo M

with ``o`` the block's own unknowns and ``b`` its border. Between the ranks stand those unknowns that have a neighbor on
a higher rank; the other ones of each rank are eliminated without talking, and what all leave for these few is summed,
inverted as a whole and kept by every rank. A solve is two passes over ``D`` and ``M`` with one sum over the ranks
between them. Nothing depends on the order in which messages come in: the same matrix and right side on the same number
of ranks give the same bits.

George (1973), SIAM J. Numer. Anal. 10:345 (nested dissection); Duff & Reid (1983), ACM Trans. Math. Softw. 9:302
(fronts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.jit import kernel, summing_kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEAF = 24
"""Unknowns that are not split any further: fewer make many small blocks, more store zeros."""


@dataclass(frozen=True)
class Rows:
    """Rows that this rank owns, compressed; columns are global, ranks own them one after another."""

    starts: IntArray
    columns: IntArray
    values: FloatArray
    first: int

    @property
    def n(self) -> int:
        """Rows of this rank."""
        return len(self.starts) - 1

    def pairs(self) -> tuple[IntArray, IntArray]:
        """Local row and global column of each entry."""
        return np.repeat(np.arange(self.n), np.diff(self.starts)), self.columns


def between_ranks(comm: MPI.Intracomm, rows: Rows) -> IntArray:
    """Global numbers, ascending, of all unknowns with a neighbor on a higher rank."""
    row, column = rows.pairs()
    mine = rows.first + np.unique(row[column >= rows.first + rows.n])
    return np.concatenate(comm.allgather(mine))


class BlockFactors:
    """Factors of a matrix, and solves with them. All ranks must ask.

    Parameters
    ----------
    rows
        Of a symmetric positive definite matrix.
    between
        What :func:`between_ranks` says of it.
    points : (n, 3)
        Where this rank's unknowns sit; only the size of the factors depends on them.

    Attributes
    ----------
    is_whole
        Whether all numbers of the factors are finite, on every rank.
    """

    def __init__(self, comm: MPI.Intracomm, rows: Rows, between: IntArray, points: FloatArray) -> None:
        self._comm = comm
        row, column = rows.pairs()
        is_between = np.zeros(rows.n, dtype=bool)
        self._mine = (between >= rows.first) & (between < rows.first + rows.n)
        self._between_rows = between[self._mine] - rows.first
        is_between[self._between_rows] = True
        inner = np.flatnonzero(~is_between)
        number = np.full(rows.n, -1)
        number[inner] = np.arange(len(inner))
        local = column - rows.first
        is_local = (local >= 0) & (local < rows.n)
        to_inner = np.where(is_local, number[np.where(is_local, local, 0)], -1)
        inside = (number[row] >= 0) & (to_inner >= 0)
        blocks = dissect(points[inner], number[row[inside]], to_inner[inside])
        order = np.concatenate([np.zeros(0, dtype=np.int64), *(own for own, _ in blocks)])
        self._rows_in_order = inner[order]
        position = np.empty(len(inner), dtype=np.int64)
        position[order] = np.arange(len(inner))
        # columns by their place in the elimination: inner ones in order, those between the ranks after them
        place = len(inner) + np.searchsorted(between, column)
        place[to_inner >= 0] = position[to_inner[to_inner >= 0]]
        chosen = number[row] >= 0
        at = position[number[row[chosen]]]
        by_place = np.lexsort((place[chosen], at))
        starts = np.searchsorted(at[by_place], np.arange(len(inner) + 1))
        entries = place[chosen][by_place], rows.values[chosen][by_place]
        schur = np.zeros((len(between), len(between)))
        among = ~chosen & (to_inner < 0) & np.isin(column, between)
        among_rows = np.searchsorted(between, rows.first + row[among])
        schur[among_rows, np.searchsorted(between, column[among])] = rows.values[among]
        self._eliminate(blocks, starts, *entries, schur)
        comm.Allreduce(MPI.IN_PLACE, schur)
        is_finite = bool(np.isfinite(self._numbers).all() and np.isfinite(schur).all())
        self._schur_inverse = _inverse(schur)
        self.is_whole = bool(comm.allreduce(is_finite, MPI.LAND))
        self._x = np.zeros(len(inner) + len(between))
        self._work = np.zeros(1 + max((len(border) for border in self._border_of), default=0))

    def _eliminate(
        self,
        blocks: list[tuple[IntArray, list[int]]],
        starts: IntArray,
        columns: IntArray,
        values: FloatArray,
        schur: FloatArray,
    ) -> None:
        n_inner = len(starts) - 1
        numbers: list[FloatArray] = []
        borders: list[IntArray] = []
        left: dict[int, FloatArray] = {}
        first = 0
        for index, (own, children) in enumerate(blocks):
            last = first + len(own)
            children = [child for child in children if child in left]
            entry = slice(starts[first], starts[last])
            found = np.concatenate([columns[entry], *(borders[child] for child in children)])
            border = np.unique(found[found >= last])
            n_own = len(own)
            front = np.zeros((n_own + len(border), n_own + len(border)))
            row = np.repeat(np.arange(n_own), np.diff(starts[first : last + 1]))
            later = columns[entry] >= first
            at = _places(columns[entry][later], first, n_own, border)
            front[row[later], at] = values[entry][later]
            front[n_own:, :n_own] = front[:n_own, n_own:].T
            for child in children:
                at = _places(borders[child], first, n_own, border)
                front[np.ix_(at, at)] += left.pop(child)
            inverse = _inverse(front[:n_own, :n_own])
            weights = inverse @ front[:n_own, n_own:]
            numbers += [inverse.ravel(), weights.ravel()]
            rest = front[n_own:, n_own:] - front[n_own:, :n_own] @ weights
            if border.size and border[0] >= n_inner:  # nothing of this rank is left to eliminate
                schur[np.ix_(border - n_inner, border - n_inner)] += rest
            else:
                left[index] = rest
            borders.append(border)
            first = last
        self._border_of = borders
        self._numbers = np.concatenate([np.zeros(0), *numbers])
        self._borders = np.concatenate([np.zeros(0, dtype=np.int64), *borders]).astype(np.uint32)
        self._n_own = np.array([len(own) for own, _ in blocks], dtype=np.uint32)
        self._n_border = np.array([len(border) for border in borders], dtype=np.uint32)

    @property
    def n_numbers(self) -> int:
        """Stored numbers of this rank."""
        return len(self._numbers) + self._schur_inverse.size

    def solve(self, b: FloatArray) -> FloatArray:
        """The solution (n,) for a right side (n,), each of this rank's rows."""
        n_inner = len(self._rows_in_order)
        x = self._x
        x[:n_inner] = b[self._rows_in_order]
        x[n_inner:] = 0.0
        sizes = self._n_own, self._n_border
        _forward(*sizes, self._borders, self._numbers, x, self._work)
        if len(self._schur_inverse):
            x[n_inner:][self._mine] += b[self._between_rows]
            total = x[n_inner:].copy()
            self._comm.Allreduce(MPI.IN_PLACE, total)
            x[n_inner:] = self._schur_inverse @ total
        _backward(*sizes, self._borders, self._numbers, x, self._work)
        result = np.empty(len(b))
        result[self._rows_in_order] = x[:n_inner]
        result[self._between_rows] = x[n_inner:][self._mine]
        return result


def _inverse(matrix: FloatArray) -> FloatArray:
    """Of a symmetric positive definite matrix; not-a-number if it is none."""
    try:
        root = np.linalg.inv(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)
    return np.asarray(root.T @ root)


def _places(columns: IntArray, first: int, n_own: int, border: IntArray) -> IntArray:
    """Where columns stand in a front: its own unknowns, then its border."""
    return np.where(columns < first + n_own, columns - first, n_own + np.searchsorted(border, columns))


def dissect(points: FloatArray, row: IntArray, column: IntArray) -> list[tuple[IntArray, list[int]]]:
    """Blocks of unknowns in the order of elimination, each with the numbers of its children.

    Parameters
    ----------
    points : (n, 3)
        Where the unknowns sit.
    row, column
        Pairs of unknowns that are coupled, row by row.
    """
    n = len(points)
    starts = np.searchsorted(row, np.arange(n + 1))
    blocks: list[tuple[IntArray, list[int]]] = []
    is_far = np.zeros(n, dtype=bool)

    def neighbors(of: IntArray) -> tuple[IntArray, IntArray]:
        counts = starts[of + 1] - starts[of]
        at = np.repeat(starts[of] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        return np.repeat(np.arange(len(of)), counts), column[at]

    def split(nodes: IntArray) -> int:
        """Append the blocks of some unknowns; returns the number of the last, which all the others lead to."""
        if len(nodes) <= LEAF:
            blocks.append((nodes, []))
            return len(blocks) - 1
        local = points[nodes] - points[nodes].mean(axis=0)
        best: tuple[IntArray, IntArray, IntArray] | None = None
        for axis in np.linalg.eigh(local.T @ local)[1].T[::-1]:
            order = np.argsort(local @ axis, kind="stable")
            near, far = nodes[order[: len(nodes) // 2]], nodes[order[len(nodes) // 2 :]]
            is_far[far] = True
            of, neighbor = neighbors(near)
            meets = np.zeros(len(near), dtype=bool)
            meets[of[is_far[neighbor]]] = True
            is_far[far] = False
            if best is None or meets.sum() < len(best[2]):
                best = near[~meets], far, near[meets]
        assert best is not None
        children = [split(half) for half in best[:2] if len(half)]
        blocks.append((best[2], children))
        return len(blocks) - 1

    if n:
        split(np.arange(n))
    return blocks


@kernel
def _forward(
    n_own: NDArray[np.uint32],
    n_border: NDArray[np.uint32],
    borders: NDArray[np.uint32],
    numbers: FloatArray,
    x: FloatArray,
    work: FloatArray,
) -> None:
    """Take each block's own unknowns out of the right sides of its border."""
    first, border, at = np.uint64(0), np.uint64(0), np.uint64(0)
    for block in range(len(n_own)):
        own, rest = np.uint64(n_own[block]), np.uint64(n_border[block])
        at += own * own
        work[:rest] = 0.0
        for i in range(own):
            factor = x[first + i]
            for k in range(rest):
                work[k] += factor * numbers[at + k]
            at += rest
        for k in range(rest):
            x[borders[border + k]] -= work[k]
        first += own
        border += rest


@summing_kernel
def _backward(
    n_own: NDArray[np.uint32],
    n_border: NDArray[np.uint32],
    borders: NDArray[np.uint32],
    numbers: FloatArray,
    x: FloatArray,
    work: FloatArray,
) -> None:
    """Find each block's own unknowns from those of its border."""
    first, border, at = np.uint64(0), np.uint64(len(borders)), np.uint64(len(numbers))
    for block in range(len(n_own)):
        first += np.uint64(n_own[block])
    own_part = np.empty(int(n_own.max()) if len(n_own) else 0)
    for step in range(len(n_own)):
        block = len(n_own) - 1 - step
        own, rest = np.uint64(n_own[block]), np.uint64(n_border[block])
        first -= own
        border -= rest
        at -= own * (own + rest)
        for k in range(rest):
            work[k] = x[borders[border + k]]
        for i in range(own):
            here = at + own * own + i * rest
            total = 0.0
            for k in range(rest):
                total += numbers[here + k] * work[k]
            own_part[i] = -total
        for i in range(own):
            here = at + i * own
            total = 0.0
            for k in range(own):
                total += numbers[here + k] * x[first + k]
            own_part[i] += total
        for i in range(own):
            x[first + i] = own_part[i]
