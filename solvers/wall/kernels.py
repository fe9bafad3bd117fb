"""Compiled kernels of the wall: the laws' stress and tangent, and the element matrices of quadratic tetrahedra.

A nodal displacement (n, 3) is quadratic, the mean stress ``p`` (corners,) linear (Taylor-Hood). The *forward* problem
has its mesh in the unloaded shape X, ``F = I + grad u``, and the weak form ::

    int P : grad v dX = load,      int q (J - 1 - p/bulk) dX = 0.

The *inverse* problem has its mesh in the loaded shape x, ``X = x - u``, ``F = (I - grad u)^-1``, and ::

    int sigma : grad v dx = load,  int q (J - 1 - p/bulk) / J dx = 0

(Govindjee and Mihalic (1996), Comput. Methods Appl. Mech. Eng. 136:47). Both are written in the same points of
quadrature, so that the forward solution from the unloaded shape found is the loaded mesh, up to the solver's tolerance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Bools = NDArray[np.bool_]


@kernel
def invert(a: FloatArray, inverse: FloatArray) -> float:
    """The inverse of a 3 x 3 matrix, and its determinant."""
    c0 = a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1]
    c1 = a[1, 2] * a[2, 0] - a[1, 0] * a[2, 2]
    c2 = a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0]
    determinant = a[0, 0] * c0 + a[0, 1] * c1 + a[0, 2] * c2
    inverse[0, 0], inverse[1, 0], inverse[2, 0] = c0 / determinant, c1 / determinant, c2 / determinant
    inverse[0, 1] = (a[0, 2] * a[2, 1] - a[0, 1] * a[2, 2]) / determinant
    inverse[1, 1] = (a[0, 0] * a[2, 2] - a[0, 2] * a[2, 0]) / determinant
    inverse[2, 1] = (a[0, 1] * a[2, 0] - a[0, 0] * a[2, 1]) / determinant
    inverse[0, 2] = (a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1]) / determinant
    inverse[1, 2] = (a[0, 2] * a[1, 0] - a[0, 0] * a[1, 2]) / determinant
    inverse[2, 2] = (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]) / determinant
    return float(determinant)


@kernel
def respond(
    f: FloatArray,
    f_inverse: FloatArray,
    j: float,
    p: float,
    law: FloatArray,
    with_tangent: bool,
    stress: FloatArray,
    tangent: FloatArray,
) -> None:
    """First Piola-Kirchhoff stress (3, 3) and, if it is asked for, its derivative (9, 9) by the gradient ``f``.

    With G = F^-T, c = J^-2/3, d = J^-4/3 the gradients of the two invariants are g1 = c (2 F - 2/3 I1 G) and
    g2 = d (2 (I1 F - F C) - 4/3 I2 G).
    """
    c = np.empty((3, 3))
    b = np.empty((3, 3))
    for i in range(3):
        for k in range(3):
            c[i, k] = f[0, i] * f[0, k] + f[1, i] * f[1, k] + f[2, i] * f[2, k]
            b[i, k] = f[i, 0] * f[k, 0] + f[i, 1] * f[k, 1] + f[i, 2] * f[k, 2]
    i1 = c[0, 0] + c[1, 1] + c[2, 2]
    squared = 0.0
    for i in range(3):
        for k in range(3):
            squared += c[i, k] * c[i, k]
    i2 = 0.5 * (i1 * i1 - squared)
    scale1 = j ** (-2.0 / 3.0)
    scale2 = scale1 * scale1
    w1 = law[0] + 2.0 * law[1] * (scale1 * i1 - 3.0)
    w2 = law[2] + 2.0 * law[3] * (scale2 * i2 - 3.0)
    w11, w22 = 2.0 * law[1], 2.0 * law[3]
    s = np.empty((3, 3))
    g1 = np.empty((3, 3))
    g2 = np.empty((3, 3))
    for i in range(3):
        for k in range(3):
            fc = f[i, 0] * c[0, k] + f[i, 1] * c[1, k] + f[i, 2] * c[2, k]
            g = f_inverse[k, i]
            s[i, k] = 2.0 * (i1 * f[i, k] - fc)
            g1[i, k] = scale1 * (2.0 * f[i, k] - 2.0 / 3.0 * i1 * g)
            g2[i, k] = scale2 * (s[i, k] - 4.0 / 3.0 * i2 * g)
            stress[i, k] = w1 * g1[i, k] + w2 * g2[i, k] + p * j * g
    if not with_tangent:
        return
    for i in range(3):
        for k in range(3):
            g_ik = f_inverse[k, i]
            for m in range(3):
                for n in range(3):
                    g_mn = f_inverse[n, m]
                    crossed = f_inverse[n, i] * f_inverse[k, m]
                    same = 0.0
                    if i == m and k == n:
                        same = 1.0
                    h1 = 2.0 * same - 4.0 / 3.0 * f[m, n] * g_ik + 2.0 / 3.0 * i1 * crossed
                    h2 = 2.0 * f[m, n] * f[i, k] + i1 * same - f[i, n] * f[m, k]
                    if i == m:
                        h2 -= c[n, k]
                    if k == n:
                        h2 -= b[i, m]
                    h2 = 2.0 * h2 - 4.0 / 3.0 * s[m, n] * g_ik + 4.0 / 3.0 * i2 * crossed
                    tangent[3 * i + k, 3 * m + n] = (
                        w11 * g1[i, k] * g1[m, n]
                        + w22 * g2[i, k] * g2[m, n]
                        + w1 * (scale1 * h1 - 2.0 / 3.0 * g_mn * g1[i, k])
                        + w2 * (scale2 * h2 - 4.0 / 3.0 * g_mn * g2[i, k])
                        + p * j * (g_mn * g_ik - crossed)
                    )


@kernel
def to_loaded_shape(
    f: FloatArray,
    f_inverse: FloatArray,
    j: float,
    with_tangent: bool,
    is_symmetric: bool,
    stress: FloatArray,
    tangent: FloatArray,
    work: FloatArray,
) -> None:
    """Turn ``respond``'s results into Cauchy stress and its derivative by grad u of the inverse problem, dF = F du F.

    With ``is_symmetric`` the derivative is that of the forward problem, dF = du F at a fixed unloaded volume, which is
    near it for small strains and symmetric: its factors are what the linear systems are preconditioned with.
    """
    cauchy = np.empty((3, 3))
    for i in range(3):
        for k in range(3):
            cauchy[i, k] = (stress[i, 0] * f[k, 0] + stress[i, 1] * f[k, 1] + stress[i, 2] * f[k, 2]) / j
    if not with_tangent:
        stress[:] = cauchy
        return
    for i in range(3):
        for k in range(3):
            for m in range(3):
                for n in range(3):
                    pushed = (
                        tangent[3 * i, 3 * m + n] * f[k, 0]
                        + tangent[3 * i + 1, 3 * m + n] * f[k, 1]
                        + tangent[3 * i + 2, 3 * m + n] * f[k, 2]
                    )
                    if not is_symmetric:
                        if k == m:
                            pushed += stress[i, n]
                        pushed -= j * f_inverse[n, m] * cauchy[i, k]
                    work[3 * i + k, 3 * m + n] = pushed / j
    half = np.empty((9, 9))
    if is_symmetric:
        half[:] = work
    else:
        for row in range(9):
            for k in range(3):
                for n in range(3):
                    half[row, 3 * k + n] = (
                        work[row, n] * f[0, k] + work[row, 3 + n] * f[1, k] + work[row, 6 + n] * f[2, k]
                    )
    for row in range(9):
        for k in range(3):
            for m in range(3):
                tangent[row, 3 * k + m] = (
                    half[row, 3 * k] * f[m, 0] + half[row, 3 * k + 1] * f[m, 1] + half[row, 3 * k + 2] * f[m, 2]
                )
    stress[:] = cauchy


@kernel
def gradients_at(nodes: FloatArray, slopes: FloatArray, gradient: FloatArray) -> float:
    """Gradients (10, 3) of a cell's basis at a point with reference gradients (10, 3); returns its Jacobian."""
    jacobian = np.zeros((3, 3))
    inverse = np.empty((3, 3))
    for a in range(10):
        for d in range(3):
            for e in range(3):
                jacobian[d, e] += nodes[a, d] * slopes[a, e]
    determinant = invert(jacobian, inverse)
    for a in range(10):
        for d in range(3):
            gradient[a, d] = slopes[a, 0] * inverse[0, d] + slopes[a, 1] * inverse[1, d] + slopes[a, 2] * inverse[2, d]
    return float(determinant)


@kernel
def assemble_cells(
    points: FloatArray,
    cells: IntArray,
    material: IntArray,
    laws: FloatArray,
    displacement: FloatArray,
    mean_stress: FloatArray,
    is_inverse: bool,
    with_matrix: bool,
    is_symmetric: bool,
    weights: FloatArray,
    slopes: FloatArray,
    linear: FloatArray,
    bases: IntArray,
    lengths: IntArray,
    ranks: NDArray[np.int32],
    values: FloatArray,
    force: FloatArray,
    constraint: FloatArray,
) -> float:
    """Add all cells to the matrix, the force (n, 3) and the constraint (corners,); returns the least Jacobian of F.

    ``bases`` and ``lengths`` are those of ``solvers.wall.pattern``. A least Jacobian of zero or less means that a cell
    turned inside out: then nothing that was added is of use.
    """
    n_points = len(points)
    least = np.inf
    nodes = np.empty((10, 3))
    u = np.empty((10, 3))
    gradient = np.empty((10, 3))
    f, f_inverse = np.empty((3, 3)), np.empty((3, 3))
    stress, tangent, work = np.empty((3, 3)), np.empty((9, 9)), np.empty((9, 9))
    to_p, from_p = np.empty((3, 3)), np.empty((3, 3))
    product = np.empty((9, 3))
    matrix = np.empty((30, 30))
    up, pu, pp = np.empty((30, 4)), np.empty((4, 30)), np.empty((4, 4))
    local_force, local_constraint = np.empty((10, 3)), np.empty(4)
    for cell in range(len(cells)):
        law = laws[material[cell]]
        compliance = law[4]
        for a in range(10):
            node = cells[cell, a]
            for d in range(3):
                nodes[a, d], u[a, d] = points[node, d], displacement[node, d]
        matrix[:] = 0.0
        up[:] = 0.0
        pu[:] = 0.0
        pp[:] = 0.0
        local_force[:] = 0.0
        local_constraint[:] = 0.0
        for q in range(len(weights)):
            weight = weights[q] * gradients_at(nodes, slopes[q], gradient)
            sign = -1.0 if is_inverse else 1.0
            for d in range(3):
                for e in range(3):
                    total = 0.0
                    for a in range(10):
                        total += u[a, d] * gradient[a, e]
                    f[d, e] = sign * total
                f[d, d] += 1.0
            j = invert(f, f_inverse)
            if is_inverse:
                j = 1.0 / j
                for d in range(3):
                    for e in range(3):
                        f[d, e], f_inverse[d, e] = f_inverse[d, e], f[d, e]
            least = min(least, j)
            if not j > 0.0:
                return float(least)
            p = 0.0
            for a in range(4):
                p += linear[q, a] * mean_stress[cells[cell, a]]
            respond(f, f_inverse, j, p, law, with_matrix, stress, tangent)
            gap = j - 1.0 - p * compliance
            slack = -compliance
            if is_inverse:
                to_loaded_shape(f, f_inverse, j, with_matrix, is_symmetric, stress, tangent, work)
                gap /= j
                slack /= j
            for d in range(3):
                for e in range(3):
                    if is_inverse:
                        from_p[d, e] = 1.0 if d == e else 0.0
                        to_p[d, e] = from_p[d, e] if is_symmetric else (1.0 + p * compliance) / j * f[e, d]
                    else:
                        from_p[d, e] = j * f_inverse[e, d]
                        to_p[d, e] = from_p[d, e]
            for a in range(4):
                local_constraint[a] += weight * linear[q, a] * gap
            for a in range(10):
                g0, g1, g2 = weight * gradient[a, 0], weight * gradient[a, 1], weight * gradient[a, 2]
                for d in range(3):
                    local_force[a, d] += g0 * stress[d, 0] + g1 * stress[d, 1] + g2 * stress[d, 2]
            if not with_matrix:
                continue
            for a in range(4):
                for b in range(4):
                    pp[a, b] += weight * slack * linear[q, a] * linear[q, b]
            for b in range(10):
                h0, h1, h2 = gradient[b, 0], gradient[b, 1], gradient[b, 2]
                for row in range(9):
                    for k in range(3):
                        product[row, k] = weight * (
                            tangent[row, 3 * k] * h0 + tangent[row, 3 * k + 1] * h1 + tangent[row, 3 * k + 2] * h2
                        )
                for a in range(10):
                    g0, g1, g2 = gradient[a, 0], gradient[a, 1], gradient[a, 2]
                    for d in range(3):
                        for k in range(3):
                            matrix[3 * a + d, 3 * b + k] += (
                                g0 * product[3 * d, k] + g1 * product[3 * d + 1, k] + g2 * product[3 * d + 2, k]
                            )
                for d in range(3):
                    out = weight * (from_p[d, 0] * h0 + from_p[d, 1] * h1 + from_p[d, 2] * h2)
                    into = weight * (to_p[d, 0] * h0 + to_p[d, 1] * h1 + to_p[d, 2] * h2)
                    for a in range(4):
                        up[3 * b + d, a] += out * linear[q, a]
                        pu[a, 3 * b + d] += into * linear[q, a]
        for a in range(10):
            node = cells[cell, a]
            for d in range(3):
                force[node, d] += local_force[a, d]
        for a in range(4):
            constraint[cells[cell, a]] += local_constraint[a]
        if not with_matrix:
            continue
        for a in range(10):
            node = cells[cell, a]
            n_neighbors = lengths[node, 0]
            row_length = 3 * n_neighbors + lengths[node, 1]
            for d in range(3):
                start = bases[node] + d * row_length
                for b in range(10):
                    at = start + 3 * ranks[cell, a, b]
                    for k in range(3):
                        values[at + k] += matrix[3 * a + d, 3 * b + k]
                for b in range(4):
                    values[start + 3 * n_neighbors + ranks[cell, a, b]] += up[3 * a + d, b]
        for a in range(4):
            node = cells[cell, a]
            start = bases[n_points + node]
            for b in range(10):
                at = start + 3 * ranks[cell, a, b]
                for k in range(3):
                    values[at + k] += pu[a, 3 * b + k]
            for b in range(4):
                values[start + 3 * lengths[node, 0] + ranks[cell, a, b]] += pp[a, b]
    return float(least)


@kernel
def add_pressure(
    points: FloatArray,
    loaded: IntArray,
    pressure: float,
    with_matrix: bool,
    weights: FloatArray,
    basis: FloatArray,
    slopes: FloatArray,
    bases: IntArray,
    lengths: IntArray,
    ranks: NDArray[np.int32],
    values: FloatArray,
    force: FloatArray,
) -> None:
    """Add a pressure on facets whose nodes are at ``points``, and, if they move, how it follows them."""
    t0, t1 = np.empty(3), np.empty(3)
    for facet in range(len(loaded)):
        for q in range(len(weights)):
            t0[:] = 0.0
            t1[:] = 0.0
            for a in range(6):
                for d in range(3):
                    t0[d] += slopes[q, a, 0] * points[loaded[facet, a], d]
                    t1[d] += slopes[q, a, 1] * points[loaded[facet, a], d]
            scale = pressure * weights[q]
            for a in range(6):
                share = scale * basis[q, a]
                node = loaded[facet, a]
                force[node, 0] += share * (t0[1] * t1[2] - t0[2] * t1[1])
                force[node, 1] += share * (t0[2] * t1[0] - t0[0] * t1[2])
                force[node, 2] += share * (t0[0] * t1[1] - t0[1] * t1[0])
                if not with_matrix:
                    continue
                row_length = 3 * lengths[node, 0] + lengths[node, 1]
                for b in range(6):
                    at = bases[node] + 3 * ranks[facet, a, b]
                    s0, s1 = share * slopes[q, b, 0], share * slopes[q, b, 1]
                    for d in range(3):
                        e, g = (d + 1) % 3, (d + 2) % 3
                        # the column e of (unit vector x t1) s0 + (t0 x unit vector) s1 in row d, and the column g
                        values[at + d * row_length + e] += s0 * t1[g] - s1 * t0[g]
                        values[at + d * row_length + g] += s1 * t0[e] - s0 * t1[e]


@kernel
def rank_of_neighbors(nodes: IntArray, starts: IntArray, columns: NDArray[np.int32], ranks: NDArray[np.int32]) -> None:
    """For each group of nodes (g, k), at what place of the row of node ``a`` the node ``b`` stands: (g, k, k)."""
    for group in range(len(nodes)):
        for a in range(nodes.shape[1]):
            row = nodes[group, a]
            for b in range(nodes.shape[1]):
                low, high, wanted = starts[row], starts[row + 1], nodes[group, b]
                while low + 1 < high:
                    middle = (low + high) // 2
                    if columns[middle] <= wanted:
                        low = middle
                    else:
                        high = middle
                ranks[group, a, b] = low - starts[row]


@kernel
def hold(
    starts: NDArray[np.int32], columns: NDArray[np.int32], is_held: Bools, scale: float, values: FloatArray
) -> None:
    """Take held unknowns out of the matrix: their rows and columns become ``scale`` times those of the identity."""
    for row in range(len(is_held)):
        for k in range(starts[row], starts[row + 1]):
            if is_held[row] or is_held[columns[k]]:
                values[k] = scale if columns[k] == row else 0.0


@kernel
def cauchy_at_corners(
    points: FloatArray,
    cells: IntArray,
    material: IntArray,
    laws: FloatArray,
    displacement: FloatArray,
    mean_stress: FloatArray,
    is_inverse: bool,
    is_linear: bool,
    slopes: FloatArray,
    to_corners: FloatArray,
    stress: FloatArray,
) -> None:
    """Cauchy stress at the four corners of each cell, (cells, 4, 3, 3), from its values at inner points.

    ``slopes`` (4, 10, 3) are the basis' gradients at four points, ``to_corners`` (4, 4) extrapolates from them. The
    mean stress, which is linear, is taken at the corners themselves.
    """
    nodes, gradient = np.empty((10, 3)), np.empty((10, 3))
    f, f_inverse, first = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    tangent, inner = np.empty((9, 9)), np.empty((4, 3, 3))
    for cell in range(len(cells)):
        law = laws[material[cell]]
        for a in range(10):
            for d in range(3):
                nodes[a, d] = points[cells[cell, a], d]
        for q in range(4):
            gradients_at(nodes, slopes[q], gradient)
            for d in range(3):
                for e in range(3):
                    total = 0.0
                    for a in range(10):
                        total += displacement[cells[cell, a], d] * gradient[a, e]
                    f[d, e] = total
            if is_linear:
                third = (f[0, 0] + f[1, 1] + f[2, 2]) / 3.0
                shear = 2.0 * (law[0] + law[2])
                for d in range(3):
                    for e in range(3):
                        inner[q, d, e] = shear * (f[d, e] + f[e, d])
                    inner[q, d, d] -= 2.0 * shear * third
                continue
            for d in range(3):
                for e in range(3):
                    f[d, e] = -f[d, e] if is_inverse else f[d, e]
                f[d, d] += 1.0
            j = invert(f, f_inverse)
            if is_inverse:
                j = 1.0 / j
                for d in range(3):
                    for e in range(3):
                        f[d, e], f_inverse[d, e] = f_inverse[d, e], f[d, e]
            respond(f, f_inverse, j, 0.0, law, False, first, tangent)
            for d in range(3):
                for e in range(3):
                    inner[q, d, e] = (first[d, 0] * f[e, 0] + first[d, 1] * f[e, 1] + first[d, 2] * f[e, 2]) / j
        for corner in range(4):
            for d in range(3):
                for e in range(3):
                    total = 0.0
                    for q in range(4):
                        total += to_corners[corner, q] * inner[q, d, e]
                    stress[cell, corner, d, e] = total
                stress[cell, corner, d, d] += mean_stress[cells[cell, corner]]
