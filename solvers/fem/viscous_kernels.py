"""Compiled kernels of the viscous term with a viscosity that varies; what they compute is said in ``viscous``.

As in ``momentum_kernels``, ``LANES`` cells are worked on together. A row of ``left`` and ``right`` belongs to a point
and a direction of the gradient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import Index
from solvers.fem.momentum_kernels import COMPONENTS, LANES, NODES, ROW, contract_matrix, contract_vector

FloatArray = NDArray[np.float64]

POINTS = np.uint64(4)
ROWS = POINTS * COMPONENTS
LAST_ROW = ROWS - np.uint64(1)
TENSOR = COMPONENTS * COMPONENTS


@kernel
def measure_shear_rate(
    cells: Index, inverse_jacobian: FloatArray, velocity: FloatArray, slopes: FloatArray, shear_rate: FloatArray
) -> None:
    """Shear rate sqrt(2 D:D) in each cell at the points of ``slopes`` (q, 3, n), into ``shear_rate`` (n_cells, q)."""
    n_nodes = cells.shape[1]
    gradient = np.empty((3, 3))
    nodal = np.empty((3, n_nodes))
    for cell in range(len(cells)):
        inverse = inverse_jacobian[cell]
        for i in range(n_nodes):
            u = velocity[cells[cell, i]]
            for d in range(3):
                nodal[d, i] = u[d]
        for q in range(len(slopes)):
            for d in range(3):
                s0, s1, s2 = 0.0, 0.0, 0.0
                for i in range(n_nodes):
                    s0 += slopes[q, 0, i] * nodal[d, i]
                    s1 += slopes[q, 1, i] * nodal[d, i]
                    s2 += slopes[q, 2, i] * nodal[d, i]
                for e in range(3):
                    gradient[d, e] = s0 * inverse[0, e] + s1 * inverse[1, e] + s2 * inverse[2, e]
            squared = 0.0
            for d in range(3):
                squared += 2.0 * gradient[d, d] * gradient[d, d]
                for e in range(d):
                    shear = gradient[d, e] + gradient[e, d]
                    squared += shear * shear
            shear_rate[cell, q] = np.sqrt(squared)


@kernel
def add_viscous(
    cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    velocity: FloatArray,
    viscosity: FloatArray,
    least: float,
    damping: float,
    weights: FloatArray,
    slopes: FloatArray,
    fit: FloatArray,
    positions: Index,
    values: FloatArray,
    right_side: FloatArray,
    residual: FloatArray,
) -> None:
    """Add stiffness and transposed part of quadratic velocities.

    ``viscosity`` (n_cells, 4) is that at the points, ``least`` the smallest anywhere; a linear fit to the values at the
    points has the reference slopes ``fit`` (4, 3). ``residual`` (n_cells, 3) is set to (grad w + grad w^T) grad nu at
    the cells' centers.
    """
    n_cells, n_lanes = len(determinant), int(LANES)
    inverse = np.empty(TENSOR * LANES)
    nodal = np.empty(NODES * COMPONENTS * LANES)
    factor, excess = np.empty(POINTS * LANES), np.empty(POINTS * LANES)
    gradient = np.empty(POINTS * TENSOR * LANES)
    left, right = np.empty(ROWS * ROW), np.empty(ROWS * ROW)
    source = np.empty(ROWS * COMPONENTS * LANES)
    matrix, vector = np.empty(NODES * ROW), np.empty(COMPONENTS * ROW)
    total, change = np.empty((3, 3)), np.empty(3)
    for first in range(0, n_cells, n_lanes):
        for lane in range(LANES):
            cell = first + int(lane)
            if cell >= n_cells:
                cell = n_cells - 1
            for b in range(COMPONENTS):
                for e in range(COMPONENTS):
                    inverse[(COMPONENTS * b + e) * LANES + lane] = inverse_jacobian[cell, b, e]
            for i in range(NODES):
                u = velocity[cells[cell, i]]
                for d in range(COMPONENTS):
                    nodal[(COMPONENTS * i + d) * LANES + lane] = u[d]
            for q in range(POINTS):
                nu = viscosity[cell, q]
                implicit = nu + damping * (nu - least)
                factor[q * LANES + lane] = weights[q] * determinant[cell] * implicit
                excess[q * LANES + lane] = (nu - least) / implicit
        for q in range(POINTS):
            for e in range(COMPONENTS):
                row = (q * COMPONENTS + e) * ROW
                b0, b1, b2 = e * LANES, (COMPONENTS + e) * LANES, (np.uint64(6) + e) * LANES
                for i in range(NODES):
                    s0, s1, s2 = slopes[q, 0, i], slopes[q, 1, i], slopes[q, 2, i]
                    at, f = row + i * LANES, q * LANES
                    for lane in range(LANES):
                        slope = s0 * inverse[b0 + lane] + s1 * inverse[b1 + lane] + s2 * inverse[b2 + lane]
                        right[at + lane] = slope
                        left[at + lane] = factor[f + lane] * slope
                for d in range(COMPONENTS):
                    out = (q * TENSOR + COMPONENTS * d + e) * LANES
                    for lane in range(LANES):
                        gradient[out + lane] = 0.0
                    for i in range(NODES):
                        at, u_at = row + i * LANES, (COMPONENTS * i + d) * LANES
                        for lane in range(LANES):
                            gradient[out + lane] += right[at + lane] * nodal[u_at + lane]
        for q in range(POINTS):
            for e in range(COMPONENTS):
                for d in range(COMPONENTS):
                    transposed = (q * TENSOR + COMPONENTS * e + d) * LANES
                    straight = (q * TENSOR + COMPONENTS * d + e) * LANES
                    out, f = ((q * COMPONENTS + e) * COMPONENTS + d) * LANES, q * LANES
                    for lane in range(LANES):
                        known = gradient[transposed + lane] - damping * gradient[straight + lane]
                        source[out + lane] = -excess[f + lane] * known
        contract_matrix(left, right, matrix, LAST_ROW)
        contract_vector(left, source, vector, LAST_ROW)
        for lane in range(min(LANES, np.uint64(n_cells - first))):
            cell = first + int(lane)
            for k in range(NODES * NODES):
                values[positions[cell, k]] += matrix[k * LANES + lane]
            for i in range(NODES):
                target = cells[cell, i]
                for d in range(COMPONENTS):
                    right_side[target, d] += vector[(COMPONENTS * i + d) * LANES + lane]
            total[:] = 0.0
            for d in range(COMPONENTS):
                change[d] = 0.0
            for q in range(POINTS):
                for d in range(COMPONENTS):
                    for e in range(COMPONENTS):
                        mine = (q * TENSOR + COMPONENTS * d + e) * LANES
                        other = (q * TENSOR + COMPONENTS * e + d) * LANES
                        total[d, e] += 0.25 * (gradient[mine + lane] + gradient[other + lane])
                        change[e] += viscosity[cell, q] * fit[q, d] * inverse_jacobian[cell, d, e]
            for d in range(COMPONENTS):
                residual[cell, d] = total[d, 0] * change[0] + total[d, 1] * change[1] + total[d, 2] * change[2]


@kernel
def add_linear_viscous(
    cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    velocity: FloatArray,
    excess: FloatArray,
    damping: float,
    slopes: FloatArray,
    right_side: FloatArray,
) -> None:
    """Add the known parts of linear velocities; ``excess`` (n_cells,) is the viscosity over the smallest anywhere."""
    gradient, basis = np.empty((3, 3)), np.empty((4, 3))
    for cell in range(len(determinant)):
        inverse = inverse_jacobian[cell]
        gradient[:] = 0.0
        for i in range(4):
            u = velocity[cells[cell, i]]
            for e in range(3):
                slope = slopes[0, i] * inverse[0, e] + slopes[1, i] * inverse[1, e] + slopes[2, i] * inverse[2, e]
                basis[i, e] = slope
                for d in range(3):
                    gradient[d, e] += u[d] * slope
        factor = excess[cell] * determinant[cell] / 6.0
        for i in range(4):
            row = cells[cell, i]
            for d in range(3):
                known = 0.0
                for e in range(3):
                    known += basis[i, e] * (gradient[e, d] - damping * gradient[d, e])
                right_side[row, d] -= factor * known
