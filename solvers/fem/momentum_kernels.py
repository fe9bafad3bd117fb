"""Compiled kernels of the momentum equation; what they compute is said in ``solvers.fem.momentum``.

``LANES`` cells are worked on together: the innermost loops run over contiguous numbers of one flat array each, with
unsigned indices and constant distances, which is what lets the compiler use vector instructions (measured: three times
faster than cell by cell).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import Index

FloatArray = NDArray[np.float64]

LANES = np.uint64(32)
NODES = np.uint64(10)
COMPONENTS = np.uint64(3)
FIELDS = np.uint64(6)
FOUR = np.uint64(4)
TWO = np.uint64(2)
ROW = NODES * LANES
"""Distance of two quadrature points in the test and trial arrays."""
NODE = FIELDS * LANES
"""Distance of two nodes in the nodal array."""
VISCOUS_DAMPING = 768.0
"""tau**-2 holds VISCOUS_DAMPING nu**2 G:G, G the metric of the cell: 9 (4 nu / h**2)**2, h the node distance."""
ADVECTIVE_DAMPING = 16.0
"""tau**-2 holds ADVECTIVE_DAMPING w.G w: (2 |w| / h)**2 for h the node distance."""


@kernel
def add_stiffness(
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    viscosity: FloatArray,
    stiffness: FloatArray,
    positions: Index,
    values: FloatArray,
) -> None:
    metric = np.empty((3, 3))
    for cell in range(len(determinant)):
        inverse = inverse_jacobian[cell]
        for d in range(3):
            for e in range(3):
                metric[d, e] = (
                    viscosity[cell]
                    * determinant[cell]
                    * (inverse[d, 0] * inverse[e, 0] + inverse[d, 1] * inverse[e, 1] + inverse[d, 2] * inverse[e, 2])
                )
        for i in range(10):
            for j in range(10):
                total = 0.0
                for d in range(3):
                    for e in range(3):
                        total += metric[d, e] * stiffness[d, e, i, j]
                values[positions[cell, 10 * i + j]] += total


@kernel
def add_cells(
    cells: Index,
    pressure_cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    laplacian: FloatArray,
    metric_squared: FloatArray,
    nodal: FloatArray,
    pressure: FloatArray,
    alpha: float,
    viscosity: FloatArray,
    residual: FloatArray,
    inverse_dt_squared: float,
    supg: bool,
    weights: FloatArray,
    basis: FloatArray,
    slopes: FloatArray,
    positions: Index,
    values: FloatArray,
    right_side: FloatArray,
    speed_squared: FloatArray,
) -> None:
    """Add all but the viscous stiffness to the matrix values and the right sides; the number of points is 4 n - 1.

    ``viscosity`` is that of each cell; ``residual`` (n_cells, 3), if it is not empty, a part of the strong viscous
    term that is known.
    """
    n_cells, n_points = len(determinant), np.uint64(len(weights))
    n_lanes = int(LANES)
    fields = np.empty(NODES * NODE)
    point = np.empty(np.uint64(9) * LANES)
    cell_data = np.empty(np.uint64(6) * LANES)
    test = np.empty((n_points + np.uint64(1)) * ROW)
    trial = np.empty((n_points + np.uint64(1)) * ROW)
    source = np.zeros((n_points + np.uint64(1)) * COMPONENTS * LANES)
    matrix = np.empty(NODES * ROW)
    vector = np.empty(COMPONENTS * ROW)
    last = n_points * ROW
    has_residual = len(residual) > 0
    for first in range(0, n_cells, n_lanes):
        for lane in range(LANES):
            cell = first + int(lane)
            if cell >= n_cells:
                cell = n_cells - 1
            inverse = inverse_jacobian[cell]
            p0 = pressure[pressure_cells[cell, 0]]
            p1 = pressure[pressure_cells[cell, 1]] - p0
            p2 = pressure[pressure_cells[cell, 2]] - p0
            p3 = pressure[pressure_cells[cell, 3]] - p0
            for d in range(COMPONENTS):
                cell_data[d * LANES + lane] = inverse[0, d] * p1 + inverse[1, d] * p2 + inverse[2, d] * p3
            cell_data[COMPONENTS * LANES + lane] = determinant[cell]
            nu = viscosity[cell]
            cell_data[FOUR * LANES + lane] = inverse_dt_squared + VISCOUS_DAMPING * nu * nu * metric_squared[cell]
            if has_residual:
                for d in range(COMPONENTS):
                    source[(n_points * COMPONENTS + d) * LANES + lane] = residual[cell, d]
            for i in range(NODES):
                node = nodal[cells[cell, i]]
                at = i * NODE + lane
                for d in range(COMPONENTS):
                    fields[at + d * LANES] = inverse[d, 0] * node[0] + inverse[d, 1] * node[1] + inverse[d, 2] * node[2]
                    fields[at + (d + COMPONENTS) * LANES] = node[d + COMPONENTS]
                trial[last + i * LANES + lane] = -nu * laplacian[cell, i]
        _evaluate(fields, cell_data, alpha, supg, weights, basis, slopes, point, test, trial, source)
        contract_matrix(test, trial, matrix, n_points)
        contract_vector(test, source, vector, n_points)
        for lane in range(min(LANES, np.uint64(n_cells - first))):
            cell = first + int(lane)
            speed_squared[cell] = cell_data[np.uint64(5) * LANES + lane]
            for k in range(NODES * NODES):
                values[positions[cell, k]] += matrix[k * LANES + lane]
            for i in range(NODES):
                row = cells[cell, i]
                for d in range(COMPONENTS):
                    right_side[row, d] += vector[(COMPONENTS * i + d) * LANES + lane]


@kernel
def _evaluate(
    fields: FloatArray,
    cell_data: FloatArray,
    alpha: float,
    supg: bool,
    weights: FloatArray,
    basis: FloatArray,
    slopes: FloatArray,
    point: FloatArray,
    test: FloatArray,
    trial: FloatArray,
    source: FloatArray,
) -> None:
    """Test and trial functions and the source of ``LANES`` cells at the quadrature points.

    ``cell_data`` holds the pressure gradient, the determinant, the constant part of tau**-2 and, on return, the largest
    squared speed. The point after the last carries the viscous part of the residual, whose trial function the caller
    has set: it is constant in the cell, so that its test function is the integral of the streamline part.
    """
    n_points = np.uint64(len(weights))
    last = n_points * ROW
    for k in range(ROW):
        test[last + k] = 0.0
    for lane in range(LANES):
        cell_data[np.uint64(5) * LANES + lane] = 0.0
    for q in range(n_points):
        n = basis[q]
        n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 = n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9]
        for k in range(NODE):
            point[k] = (
                n0 * fields[k]
                + n1 * fields[k + NODE]
                + n2 * fields[k + np.uint64(2) * NODE]
                + n3 * fields[k + np.uint64(3) * NODE]
                + n4 * fields[k + np.uint64(4) * NODE]
                + n5 * fields[k + np.uint64(5) * NODE]
                + n6 * fields[k + np.uint64(6) * NODE]
                + n7 * fields[k + np.uint64(7) * NODE]
                + n8 * fields[k + np.uint64(8) * NODE]
                + n9 * fields[k + np.uint64(9) * NODE]
            )
        at = q * COMPONENTS * LANES
        for k in range(COMPONENTS * LANES):
            source[at + k] = point[k + COMPONENTS * LANES] - cell_data[k]
        for lane in range(LANES):
            squared = point[lane] ** 2 + point[lane + LANES] ** 2 + point[lane + TWO * LANES] ** 2
            fastest = lane + np.uint64(5) * LANES
            cell_data[fastest] = max(cell_data[fastest], squared)
            weight = weights[q] * cell_data[lane + COMPONENTS * LANES]
            point[lane + FIELDS * LANES] = weight
            damping = cell_data[lane + FOUR * LANES] + ADVECTIVE_DAMPING * squared
            point[lane + np.uint64(7) * LANES] = weight / np.sqrt(damping) if supg else 0.0
        for i in range(NODES):
            d0, d1, d2 = slopes[q, 0, i], slopes[q, 1, i], slopes[q, 2, i]
            value = n[i]
            alpha_value = alpha * value
            at = q * ROW + i * LANES
            integral = last + i * LANES
            for lane in range(LANES):
                along = point[lane] * d0 + point[lane + LANES] * d1 + point[lane + TWO * LANES] * d2
                streamline = point[lane + np.uint64(7) * LANES] * along
                trial[at + lane] = alpha_value + along
                test[at + lane] = value * point[lane + FIELDS * LANES] + streamline
                test[integral + lane] += streamline


@kernel
def contract_matrix(left: FloatArray, right: FloatArray, result: FloatArray, n_points: np.uint64) -> None:
    """result[i, j] = sum over the points of left[q, i] right[q, j], two columns at a time."""
    for i in range(NODES):
        for half in range(NODES // TWO):
            j = TWO * half
            out = i * ROW + j * LANES
            for k in range(TWO * LANES):
                result[out + k] = 0.0
            for quarter in range((n_points + np.uint64(1)) // FOUR):
                a = FOUR * quarter * ROW + i * LANES
                b = FOUR * quarter * ROW + j * LANES
                for lane in range(LANES):
                    x, y, z = a + lane, b + lane, out + lane
                    a0, a1, a2, a3 = left[x], left[x + ROW], left[x + TWO * ROW], left[x + np.uint64(3) * ROW]
                    result[z] += (
                        a0 * right[y]
                        + a1 * right[y + ROW]
                        + a2 * right[y + TWO * ROW]
                        + a3 * right[y + np.uint64(3) * ROW]
                    )
                    result[z + LANES] += (
                        a0 * right[y + LANES]
                        + a1 * right[y + ROW + LANES]
                        + a2 * right[y + TWO * ROW + LANES]
                        + a3 * right[y + np.uint64(3) * ROW + LANES]
                    )


@kernel
def contract_vector(left: FloatArray, right: FloatArray, result: FloatArray, n_points: np.uint64) -> None:
    """result[i, d] = sum over the points of left[q, i] right[q, d], d over the three components."""
    step = COMPONENTS * LANES
    for i in range(NODES):
        for d in range(COMPONENTS):
            out = (COMPONENTS * i + d) * LANES
            for lane in range(LANES):
                result[out + lane] = 0.0
            for quarter in range((n_points + np.uint64(1)) // FOUR):
                a = FOUR * quarter * ROW + i * LANES
                b = FOUR * quarter * step + d * LANES
                for lane in range(LANES):
                    x, y = a + lane, b + lane
                    result[out + lane] += (
                        left[x] * right[y]
                        + left[x + ROW] * right[y + step]
                        + left[x + TWO * ROW] * right[y + TWO * step]
                        + left[x + np.uint64(3) * ROW] * right[y + np.uint64(3) * step]
                    )


@kernel
def add_backflow(
    nodes: Index,
    area: FloatArray,
    positions: Index,
    velocity: FloatArray,
    beta: float,
    weights: FloatArray,
    basis: FloatArray,
    values: FloatArray,
) -> None:
    """Add beta/2 |w.n|_- u v over the facets, with w.n < 0 where fluid enters."""
    n_nodes = nodes.shape[1]
    for facet in range(len(nodes)):
        for q in range(len(weights)):
            through = 0.0
            for i in range(n_nodes):
                node = velocity[nodes[facet, i]]
                through += basis[q, i] * (
                    node[0] * area[facet, 0] + node[1] * area[facet, 1] + node[2] * area[facet, 2]
                )
            if through < 0.0:
                factor = -0.5 * beta * weights[q] * through
                for i in range(n_nodes):
                    for j in range(n_nodes):
                        values[positions[facet, n_nodes * i + j]] += factor * basis[q, i] * basis[q, j]


@kernel
def add_outlet_pressure(
    nodes: Index,
    corners: Index,
    area: FloatArray,
    load: FloatArray,
    pressure: FloatArray,
    behind: FloatArray,
    right_side: FloatArray,
) -> None:
    """Add <v.n, p - P> over the facets: with the pressure gradient in the cells this makes P act on the outlet."""
    for facet in range(len(nodes)):
        for i in range(nodes.shape[1]):
            excess = 0.0
            for a in range(3):
                excess += load[i, a] * (pressure[corners[facet, a]] - behind[facet])
            for d in range(3):
                right_side[nodes[facet, i], d] += excess * area[facet, d]
