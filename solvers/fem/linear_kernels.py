"""Compiled kernel of the momentum equation for a linear velocity; what it computes is said in ``solvers.fem.momentum``.

Gradients are constant in a cell, so all integrals are exact and no quadrature is needed. As in
``solvers.fem.momentum_kernels``, ``LANES`` cells are worked on together. With ``g_i`` the gradients of the basis, ``V``
the volume, ``w_i`` the nodal and ``W`` the mean convecting velocity, the matrix of a cell is::

    V/20 (1 + d_ij) alpha + V/20 (4 W + w_i).g_j + tau V (W.g_i) (alpha/4 + W.g_j) + nu V g_i.g_j
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import Index

FloatArray = NDArray[np.float64]

LANES = np.uint64(32)
NODES = np.uint64(4)
COMPONENTS = np.uint64(3)
TWO = np.uint64(2)
VISCOUS_DAMPING = 48.0
"""tau**-2 holds VISCOUS_DAMPING nu**2 G:G, G the metric of the cell: 9 (4 nu / h**2)**2, h the edge."""
ADVECTIVE_DAMPING = 4.0
"""tau**-2 holds ADVECTIVE_DAMPING W.G W: (2 |W| / h)**2 for h the edge."""
NODE = np.uint64(6) * LANES
"""Distance of two nodes in the nodal array."""
VECTOR = COMPONENTS * LANES
"""Distance of two vectors of ``LANES`` cells."""


@kernel
def add_linear_cells(
    cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    metric_squared: FloatArray,
    nodal: FloatArray,
    pressure: FloatArray,
    alpha: float,
    viscosity: FloatArray,
    inverse_dt_squared: float,
    supg: bool,
    positions: Index,
    values: FloatArray,
    right_side: FloatArray,
    speed_squared: FloatArray,
) -> None:
    """Add the cells' matrices to the values and their right sides; ``viscosity`` (n_cells,) is the kinematic one."""
    n_cells, n_lanes = len(determinant), int(LANES)
    fields = np.empty(NODES * NODE)
    slopes = np.empty(NODES * VECTOR)
    cell_data = np.empty(np.uint64(7) * LANES)
    matrix = np.empty(NODES * NODES * LANES)
    vector = np.empty(NODES * VECTOR)
    for first in range(0, n_cells, n_lanes):
        for lane in range(LANES):
            cell = first + int(lane)
            if cell >= n_cells:
                cell = n_cells - 1
            inverse = inverse_jacobian[cell]
            p0 = pressure[cells[cell, 0]]
            p1 = pressure[cells[cell, 1]] - p0
            p2 = pressure[cells[cell, 2]] - p0
            p3 = pressure[cells[cell, 3]] - p0
            for d in range(COMPONENTS):
                at = d * LANES + lane
                cell_data[at] = inverse[0, d] * p1 + inverse[1, d] * p2 + inverse[2, d] * p3
                slopes[at] = -inverse[0, d] - inverse[1, d] - inverse[2, d]
                slopes[at + VECTOR] = inverse[0, d]
                slopes[at + TWO * VECTOR] = inverse[1, d]
                slopes[at + COMPONENTS * VECTOR] = inverse[2, d]
            nu = viscosity[cell]
            cell_data[COMPONENTS * LANES + lane] = determinant[cell] / 120.0
            cell_data[NODES * LANES + lane] = inverse_dt_squared + VISCOUS_DAMPING * nu * nu * metric_squared[cell]
            cell_data[np.uint64(6) * LANES + lane] = nu * determinant[cell] / 6.0
            for i in range(NODES):
                node = nodal[cells[cell, i]]
                at = i * NODE + lane
                for d in range(np.uint64(6)):
                    fields[at + d * LANES] = node[d]
        _integrate(fields, slopes, cell_data, alpha, supg, matrix, vector)
        for lane in range(min(LANES, np.uint64(n_cells - first))):
            cell = first + int(lane)
            speed_squared[cell] = cell_data[np.uint64(5) * LANES + lane]
            for k in range(NODES * NODES):
                values[positions[cell, k]] += matrix[k * LANES + lane]
            for i in range(NODES):
                row = cells[cell, i]
                for d in range(COMPONENTS):
                    right_side[row, d] += vector[i * VECTOR + d * LANES + lane]


@kernel
def _integrate(
    fields: FloatArray,
    slopes: FloatArray,
    cell_data: FloatArray,
    alpha: float,
    supg: bool,
    matrix: FloatArray,
    vector: FloatArray,
) -> None:
    """Matrices and right sides of ``LANES`` cells.

    ``cell_data`` holds the pressure gradient, a twentieth of the volume, the constant part of tau**-2, a place for the
    largest squared nodal speed in reference coordinates, and viscosity times volume.
    """
    mean = np.empty(NODE)
    along = np.empty(NODES * LANES)
    streamline = np.empty(LANES)
    for k in range(NODE):
        mean[k] = 0.25 * (fields[k] + fields[k + NODE] + fields[k + TWO * NODE] + fields[k + COMPONENTS * NODE])
    for j in range(NODES):
        g = j * VECTOR
        for lane in range(LANES):
            along[j * LANES + lane] = (
                mean[lane] * slopes[g + lane]
                + mean[lane + LANES] * slopes[g + lane + LANES]
                + mean[lane + TWO * LANES] * slopes[g + lane + TWO * LANES]
            )
    for lane in range(LANES):
        squared = along[lane + LANES] ** 2 + along[lane + TWO * LANES] ** 2 + along[lane + COMPONENTS * LANES] ** 2
        damping = cell_data[lane + NODES * LANES] + ADVECTIVE_DAMPING * squared
        streamline[lane] = 20.0 * cell_data[lane + COMPONENTS * LANES] / np.sqrt(damping) if supg else 0.0
        cell_data[lane + np.uint64(5) * LANES] = 0.0
    for i in range(NODES):
        w, gi = i * NODE, i * VECTOR
        for j in range(NODES):
            g, out = j * VECTOR, (NODES * i + j) * LANES
            mass = 2.0 * alpha if i == j else alpha
            for lane in range(LANES):
                x, y, z = g + lane, g + lane + LANES, g + lane + TWO * LANES
                own = (
                    fields[w + lane] * slopes[x]
                    + fields[w + lane + LANES] * slopes[y]
                    + fields[w + lane + TWO * LANES] * slopes[z]
                )
                grad_grad = (
                    slopes[gi + lane] * slopes[x]
                    + slopes[gi + lane + LANES] * slopes[y]
                    + slopes[gi + lane + TWO * LANES] * slopes[z]
                )
                a = along[j * LANES + lane]
                matrix[out + lane] = (
                    cell_data[lane + COMPONENTS * LANES] * (mass + 4.0 * a + own)
                    + streamline[lane] * along[i * LANES + lane] * (0.25 * alpha + a)
                    + cell_data[lane + np.uint64(6) * LANES] * grad_grad
                )
        for lane in range(LANES):
            squared = 0.0
            for b in range(np.uint64(1), NODES):
                g = b * VECTOR + lane
                own = (
                    fields[w + lane] * slopes[g]
                    + fields[w + lane + LANES] * slopes[g + LANES]
                    + fields[w + lane + TWO * LANES] * slopes[g + TWO * LANES]
                )
                squared += own * own
            fastest = lane + np.uint64(5) * LANES
            cell_data[fastest] = max(cell_data[fastest], squared)
        for d in range(COMPONENTS):
            source, pressure = (COMPONENTS + d) * LANES, d * LANES
            for lane in range(LANES):
                average, slope = mean[source + lane], cell_data[pressure + lane]
                vector[gi + d * LANES + lane] = cell_data[lane + COMPONENTS * LANES] * (
                    4.0 * average + fields[w + source + lane] - 5.0 * slope
                ) + streamline[lane] * along[i * LANES + lane] * (average - slope)
