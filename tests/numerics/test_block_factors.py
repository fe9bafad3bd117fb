"""The direct solver of the pressure solves, stores no more than its ordering allows, and says what it cannot factor."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, identity, kron
from scipy.sparse.linalg import spsolve

from solvers.fem.block_factors import BlockFactors, Rows, between_ranks, dissect

N = 11


def _laplacian(shift: float) -> tuple[csr_matrix, NDArray[np.float64]]:
    """Seven-point differences on a cube of N**3 points, plus ``shift`` times the identity; and the points."""
    line = diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(N, N))
    one = identity(N)
    cube = kron(kron(line, one), one) + kron(kron(one, line), one) + kron(kron(one, one), line)
    points = np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return csr_matrix(cube + shift * identity(N**3)), points.astype(float)


def _factors(matrix: csr_matrix, points: NDArray[np.float64]) -> BlockFactors:
    rows = Rows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data, 0)
    return BlockFactors(MPI.COMM_SELF, rows, between_ranks(MPI.COMM_SELF, rows), points)


def test_it_solves_to_rounding_and_always_alike() -> None:
    matrix, points = _laplacian(0.0)
    b = np.random.default_rng(5).normal(size=N**3)
    factors = _factors(matrix, points)
    x = factors.solve(b)
    assert factors.is_whole
    wanted = spsolve(matrix.tocsc(), b)
    assert np.abs(x - wanted).max() <= 1e-12 * np.abs(wanted).max()
    # a second set of factors, and after another right side: the same bits
    factors.solve(np.ones(N**3))
    assert np.array_equal(factors.solve(b), x)
    assert np.array_equal(_factors(matrix, points).solve(b), x)
    # the whole inverse would have N**6; nested dissection of a cube stores of the order of N**4
    assert factors.n_numbers < 8 * N**4


def test_blocks_hold_each_unknown_once_and_halves_do_not_touch() -> None:
    matrix, points = _laplacian(0.0)
    row, column = matrix.nonzero()
    blocks = dissect(points, row, column)
    assert sorted(np.concatenate([own for own, _ in blocks]).tolist()) == list(range(N**3))
    below: list[set[int]] = []
    coupled = {(int(i), int(j)) for i, j in zip(row, column, strict=True)}
    for own, children in blocks:
        halves = [below[child] for child in children]
        if len(halves) == 2:
            assert not any((i, j) in coupled for i in halves[0] for j in halves[1] if abs(i - j) <= N * N)
        below.append(set(own.tolist()).union(*halves))


def test_a_matrix_that_is_not_definite_is_not_whole() -> None:
    assert not _factors(*_laplacian(-3.0)).is_whole
