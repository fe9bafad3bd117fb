"""How fast memory can be read here, and how many bytes a step of the flow solver has to move at least."""

from __future__ import annotations

import time

import numba
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.flow.solver import FlowSolver

FloatArray = NDArray[np.float64]

N_NUMBERS = 1 << 24
"""128 MB a rank: far more than the caches hold."""


def _summed(numbers: FloatArray) -> float:
    total = 0.0
    for i in range(len(numbers)):
        total += numbers[i]
    return total


_total = numba.njit(_summed, cache=True, fastmath=True)
"""With the sum reordered, so that memory and not the latency of an addition is what limits it."""


def read_bandwidth(comm: MPI.Intracomm) -> float:
    """Bytes that all ranks together read from memory in a nanosecond (GB/s), the best of five."""
    numbers = np.ones(N_NUMBERS)
    _total(numbers[:16])
    best = np.inf
    for _ in range(5):
        comm.barrier()
        started = time.perf_counter()
        _total(numbers)
        comm.barrier()
        best = min(best, time.perf_counter() - started)
    return float(comm.allreduce(numbers.nbytes) / comm.allreduce(best, MPI.MAX) / 1e9)


def step_bytes(flow: FlowSolver, iterations: float) -> float:
    """Bytes of this rank that a step reads or writes at least, each array once a pass and nothing kept in a cache.

    A BiCGStab iteration passes twice over the matrix (8 bytes an entry, 4 its column), twice over its factors (4 and 4)
    and 27 times over vectors of three components; the first residual is one more pass over the matrix. Assembly writes
    the matrix from its constant part and adds to it once, and reads each cell's geometry, unknowns and positions.
    """
    pattern, mesh = flow.pattern, flow.mesh
    entries, vector = pattern.n_entries, 24 * mesh.velocity.n_owned
    solve = 12 * entries + 3 * vector + iterations * (2 * (12 + 8) * entries + 27 * vector)
    width = mesh.velocity.cells.shape[1]
    assembly = 24 * entries + mesh.n_cells * (72 + 8 + 8 + 8 + 4 * width + 8 * width + 16 + 4 * width**2) + 6 * vector
    divergence = mesh.n_cells * (72 + 8 + 4 * width + 16) + vector
    return float(solve + assembly + divergence)
