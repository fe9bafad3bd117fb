"""Values of unknowns that other ranks own, and fields in an order that does not depend on the number of ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Halo:
    """Brings owned values to the ranks that hold them as ghosts.

    Parameters
    ----------
    index_map
        A DOLFINx index map: owned indices first, ghosts after.
    """

    def __init__(self, index_map: Any) -> None:
        self._comm = index_map.comm
        self.n_owned = int(index_map.size_local)
        self.n_local = self.n_owned + int(index_map.num_ghosts)
        owners, ghosts = np.asarray(index_map.owners), np.asarray(index_map.ghosts)
        first = int(index_map.local_range[0])
        wanted = [ghosts[owners == rank] for rank in range(self._comm.size)]
        asked = self._comm.alltoall(wanted)
        self._receive = [
            (rank, self.n_owned + np.flatnonzero(owners == rank))
            for rank in range(self._comm.size)
            if len(wanted[rank])
        ]
        self._send = [(rank, asked[rank] - first) for rank in range(self._comm.size) if len(asked[rank])]

    def update(self, array: NDArray[Any]) -> None:
        """Fill the ghost rows of ``array`` (n_local, ...) from their owners, in place."""
        if not (self._send or self._receive):
            return
        width = array.shape[1:]
        incoming = [np.empty((len(rows), *width), dtype=array.dtype) for _, rows in self._receive]
        outgoing = [array[rows] for _, rows in self._send]
        requests = [self._comm.Irecv(buffer, rank) for (rank, _), buffer in zip(self._receive, incoming, strict=True)]
        requests += [self._comm.Isend(buffer, rank) for (rank, _), buffer in zip(self._send, outgoing, strict=True)]
        MPI.Request.Waitall(requests)
        for (_, rows), buffer in zip(self._receive, incoming, strict=True):
            array[rows] = buffer


class CanonicalOrder:
    """Gathers owned values on rank 0 sorted by a key, and deals them out again.

    Parameters
    ----------
    keys : (n_owned,) int
        Numbers that are different for all unknowns of all ranks, and do not depend on the number of ranks.
    """

    def __init__(self, comm: Any, keys: IntArray) -> None:
        self._comm = comm
        self._n_owned = len(keys)
        counts = comm.gather(self._n_owned)
        gathered = comm.gather(np.ascontiguousarray(keys))
        if comm.rank == 0:
            self._counts = np.array(counts)
            self._order = np.argsort(np.concatenate(gathered), kind="stable")

    def gather(self, owned: FloatArray) -> FloatArray | None:
        """All values (n_global, ...) in canonical order on rank 0, None elsewhere."""
        flat = np.ascontiguousarray(owned, dtype=np.float64)
        width = flat.shape[1:]
        per_row = int(np.prod(width, dtype=int))
        if self._comm.rank != 0:
            self._comm.Gatherv(flat, None)
            return None
        everything = np.empty((int(self._counts.sum()), *width))
        self._comm.Gatherv(flat, (everything, self._counts * per_row))
        return np.ascontiguousarray(everything[self._order])

    def scatter(self, everything: FloatArray | None, width: tuple[int, ...]) -> FloatArray:
        """The owned values (n_owned, *width) of what rank 0 holds in canonical order."""
        mine = np.empty((self._n_owned, *width))
        if self._comm.rank != 0:
            self._comm.Scatterv(None, mine)
            return mine
        assert everything is not None
        by_rank = np.empty_like(everything, dtype=np.float64)
        by_rank[self._order] = everything
        self._comm.Scatterv((by_rank, self._counts * int(np.prod(width, dtype=int))), mine)
        return mine
