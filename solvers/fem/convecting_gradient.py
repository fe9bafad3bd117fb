"""The part of convection that acts on the convecting velocity's gradient, made implicit at the nodes.

With the convecting velocity ``w`` known, ``(w.grad) u`` leaves out how an error of ``w`` acts on the gradient of the
flow, and that limits the time step. Newton's linearization adds ``((u - w).grad) w``. As ``u - w`` is of second order
in the time step, this term may be integrated as cheaply as one likes: it is lumped to the nodes, where it is a 3 x 3
block ``m_i grad w_i`` on ``u_i - w_i``. See docs/theory-flow.md, section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.reference import EDGES

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]

MIDPOINT: NDArray[np.int64] = np.zeros((4, 4), dtype=np.int64)
"""The quadratic node between two corners."""
for _node, (_a, _b) in enumerate(EDGES.tolist()):
    MIDPOINT[_a, _b] = MIDPOINT[_b, _a] = 4 + _node
HYPERBOLIC = 0.5
"""Share of the time derivative that a node's largest rate of straining may undo: the rest is added to its diagonal."""


class ConvectingGradient:
    """Blocks of the owned velocity unknowns.

    Attributes
    ----------
    blocks : (n_owned, 9)
        Row by row, single precision; zero where the velocity is prescribed.
    """

    def __init__(self, mesh: FlowMesh, is_prescribed: NDArray[np.bool_]) -> None:
        self._mesh = mesh
        is_linear = mesh.velocity.degree == 1
        # The diagonal of the mass matrix scaled to the cell's volume (Hinton, Rock & Zienkiewicz 1976).
        share = np.full(4, 0.25) if is_linear else np.concatenate([np.full(4, 1.0 / 36.0), np.full(6, 4.0 / 27.0)])
        self._share = share
        n_owned = mesh.velocity.n_owned
        mass = np.zeros(mesh.velocity.n_local)
        np.add.at(mass, mesh.velocity.cells, np.multiply.outer(mesh.determinant / 6.0, share))
        mass[is_prescribed] = 0.0
        self._mass = mass[:n_owned]
        self._sums = np.zeros((n_owned, 9))
        self.blocks: Float32Array = np.zeros((n_owned, 9), dtype=np.float32)

    def linearize(self, nodal: FloatArray, alpha: float, right_side: FloatArray) -> None:
        """Set ``blocks`` for the convecting velocity in ``nodal`` (n_local, >= 3), and add ``blocks w``.

        Parameters
        ----------
        alpha
            Coefficient of the new velocity in the time derivative [1/s].
        right_side : (n_local, 3)
        """
        mesh = self._mesh
        _add_gradients(
            mesh.velocity.cells,
            mesh.inverse_jacobian,
            mesh.determinant,
            nodal,
            self._share,
            EDGES,
            MIDPOINT,
            self._mass,
            self._sums,
        )
        _bound(self._sums, self._mass, HYPERBOLIC * alpha, nodal, self.blocks, right_side)


@kernel
def _add_gradients(
    cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    nodal: FloatArray,
    share: FloatArray,
    edges: NDArray[np.int64],
    midpoint: NDArray[np.int64],
    mass: FloatArray,
    sums: FloatArray,
) -> None:
    """sums = lumped mass times the mean gradient d w_a / d x_b of the cells around a node.

    The gradient of a quadratic velocity is linear in the cell, so at a midpoint it is the mean of two corners. At a
    corner ``c`` it is the sum of ``v_j grad L_j``, ``v_c = 3 w_c``, ``v_j = 4 w_cj - w_j``, ``w_cj`` at a midpoint.
    """
    sums[:] = 0.0
    n_owned, width = len(mass), len(share)
    gradient, values = np.empty((4, 9)), np.empty((4, 3))
    for cell in range(len(determinant)):
        inverse, volume = inverse_jacobian[cell], determinant[cell] / 6.0
        for corner in range(4):
            for j in range(4):
                node = nodal[cells[cell, j]]
                if width == 4:
                    for a in range(3):
                        values[j, a] = node[a]
                elif j == corner:
                    for a in range(3):
                        values[j, a] = 3.0 * node[a]
                else:
                    between = nodal[cells[cell, midpoint[corner, j]]]
                    for a in range(3):
                        values[j, a] = 4.0 * between[a] - node[a]
            for a in range(3):
                v1, v2, v3 = values[1, a] - values[0, a], values[2, a] - values[0, a], values[3, a] - values[0, a]
                for b in range(3):
                    gradient[corner, 3 * a + b] = v1 * inverse[0, b] + v2 * inverse[1, b] + v3 * inverse[2, b]
        for i in range(width):
            row = cells[cell, i]
            if row < n_owned:
                weight = volume * share[i]
                if i < 4:
                    for k in range(9):
                        sums[row, k] += weight * gradient[i, k]
                else:
                    first, second = edges[i - 4, 0], edges[i - 4, 1]
                    for k in range(9):
                        sums[row, k] += 0.5 * weight * (gradient[first, k] + gradient[second, k])


@kernel
def _bound(
    sums: FloatArray,
    mass: FloatArray,
    most: float,
    nodal: FloatArray,
    blocks: Float32Array,
    right_side: FloatArray,
) -> None:
    """Blocks whose rate of growth, sqrt(tr(G G) / 2) for a plane strain, is at most ``most`` [1/s]."""
    for row in range(len(mass)):
        if mass[row] == 0.0:
            continue
        g = sums[row]
        trace = g[0] * g[0] + g[4] * g[4] + g[8] * g[8]
        trace += 2.0 * (g[1] * g[3] + g[2] * g[6] + g[5] * g[7])
        excess = np.sqrt(max(0.0, 0.5 * trace)) - most * mass[row]
        for a in range(9):
            blocks[row, a] = g[a]
        if excess > 0.0:
            for a in range(3):
                blocks[row, 4 * a] = g[4 * a] + excess
        w = nodal[row]
        for a in range(3):
            right_side[row, a] += (
                blocks[row, 3 * a] * w[0] + blocks[row, 3 * a + 1] * w[1] + blocks[row, 3 * a + 2] * w[2]
            )
