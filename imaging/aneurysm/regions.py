"""Connected regions of the vertices of a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.surface.topology import directed_edges
from imaging.types import IntArray


def regions_of(triangles: IntArray, chosen: NDArray[np.bool_]) -> IntArray:
    """Number (n,) of the connected region of each chosen vertex (n,), from 0; -1 for the others."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = directed_edges(triangles)
    edges = edges[chosen[edges].all(axis=1)]
    n = len(chosen)
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    numbers = np.full(n, -1, np.int64)
    if chosen.any():
        numbers[chosen] = np.unique(label[chosen], return_inverse=True)[1]
    return numbers
