"""BiCGStab for the velocity, one matrix for its three components, preconditioned with incomplete factors.

The three systems share every pass over the matrix and its factors, which is what such a solve costs (memory traffic):
measured against three PETSc solves in docs/theory-flow.md. The preconditioner is an ILU(0) of each rank's own block,
kept in single precision, with the 3 x 3 blocks that couple the components added to its pivots: with ``L`` and ``U`` the
triangles and ``D`` the pivots of the scalar matrix, it is ``(L + D + B) (D + B)^-1 (D + B + U)``.

Algorithm: van der Vorst (1992), SIAM J. Sci. Stat. Comput. 13:631; ILU(0): Saad (2003), Iterative Methods, ch. 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.halo import Halo
from solvers.fem.jit import kernel
from solvers.fem.mesh import Index
from solvers.fem.pattern import Pattern

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]

MAX_ITERATIONS = 200
EXTRA_ITERATIONS = 3
"""With so many more iterations than fresh factors needed, old ones are given up."""


ONE = np.uint32(1)


@dataclass(frozen=True)
class SolveReport:
    """How a solve went: iterations, largest relative residual of a component, and whether that suffices."""

    iterations: int
    residual: float
    converged: bool


class VelocitySolver:
    """Solves ``matrix x = b`` for (n, 3) right sides; the matrix lives in the pattern's value array."""

    def __init__(self, comm: MPI.Intracomm, pattern: Pattern, halo: Halo, tolerance: float) -> None:
        self._comm, self._pattern, self._halo, self._tolerance = comm, pattern, halo, tolerance
        n_owned, n_local = halo.n_owned, halo.n_local
        self._factors = np.empty(pattern.n_entries, dtype=np.float32)
        self._work = np.empty(pattern.n_entries)
        self._is_factored = self._is_changing = False
        self._fresh_iterations = 0
        self._r, self._r0, self._s, self._v, self._t = (np.empty((n_owned, 3)) for _ in range(5))
        self._p = np.empty((n_owned, 3))
        self._no_blocks = np.zeros((n_owned, 9), dtype=np.float32)
        self._pivots = np.empty((n_owned, 9), dtype=np.float32)
        self._is_inverted = False
        self._p_hat, self._s_hat = np.zeros((n_local, 3)), np.zeros((n_local, 3))

    def forget_factors(self) -> None:
        """Compute new factors before the next solve, and try to keep them."""
        self._is_factored = self._is_changing = False

    def solve(
        self, values: FloatArray, b: FloatArray, x: FloatArray, blocks: Float32Array | None = None
    ) -> SolveReport:
        """Improve ``x`` (n_local, 3), whose prescribed rows hold their values; returns how it went.

        ``blocks`` (n_owned, 9) are 3 x 3 matrices added to the diagonal, which couple the components of a row.

        Old factors that do not serve as well as fresh ones did are renewed, then and for every following solve until
        :meth:`forget_factors` is called.
        """
        wasted = 0
        self._is_inverted = False
        blocks = self._no_blocks if blocks is None else blocks
        if self._is_factored and not self._is_changing:
            report = self._iterate(values, blocks, b, x, self._fresh_iterations + EXTRA_ITERATIONS)
            if report.converged:
                self._halo.update(x)
                return report
            self._is_changing = True
            wasted = report.iterations
        self._factor(values)
        report = self._iterate(values, blocks, b, x, MAX_ITERATIONS)
        self._fresh_iterations = report.iterations
        self._halo.update(x)
        return SolveReport(report.iterations + wasted, report.residual, report.converged)

    def _factor(self, values: FloatArray) -> None:
        pattern = self._pattern
        _factorize(
            pattern.starts, pattern.columns, pattern.diagonal, pattern.owned_end, values, self._work, self._factors
        )
        self._is_factored = True
        self._is_inverted = False

    def _sum(self, local: FloatArray) -> list[float]:
        self._comm.Allreduce(MPI.IN_PLACE, local)
        numbers: list[float] = local.tolist()
        return numbers

    def _precondition(self, source: FloatArray, result: FloatArray) -> None:
        pattern = self._pattern
        _back_substitute(
            pattern.starts,
            pattern.columns,
            pattern.diagonal,
            pattern.owned_end,
            self._factors,
            self._pivots,
            source,
            result,
        )
        self._halo.update(result)

    def _iterate(
        self, values: FloatArray, blocks: Float32Array, b: FloatArray, x: FloatArray, most: int
    ) -> SolveReport:
        pattern = self._pattern
        r, r0, p, s, v, t = self._r, self._r0, self._p, self._s, self._v, self._t
        self._halo.update(x)
        if not self._is_inverted:
            _invert_pivots(pattern.diagonal, self._factors, blocks, self._pivots)
            self._is_inverted = True
        dots = np.zeros(2)
        _start(pattern.starts, pattern.columns, values, blocks, x, b, r, r0, p, dots)
        rho, b_b = self._sum(dots)
        scale = max(rho, b_b)
        target = self._tolerance**2 * scale
        if not np.isfinite(scale):
            return SolveReport(0, float("nan"), False)
        if rho <= target:
            return SolveReport(0, _relative(rho, scale), True)
        r_r = rho
        for iteration in range(1, most + 1):
            self._precondition(p, self._p_hat)
            _multiply(pattern.starts, pattern.columns, values, blocks, self._p_hat, v, r0, dots)
            r0_v = self._sum(dots)[0]
            alpha = rho / (r0_v or 1.0)
            _half_step(r, v, alpha, s, dots)
            s_s = self._sum(dots)[0]
            if s_s <= target:
                _advance(x, self._p_hat, self._p_hat, alpha, 0.0, s, t, r, r0, dots)
                return SolveReport(iteration, _relative(s_s, scale), True)
            self._precondition(s, self._s_hat)
            _multiply(pattern.starts, pattern.columns, values, blocks, self._s_hat, t, s, dots)
            t_s, t_t = self._sum(dots)
            omega = t_s / (t_t or 1.0)
            _advance(x, self._p_hat, self._s_hat, alpha, omega, s, t, r, r0, dots)
            r0_r, r_r = self._sum(dots)
            if not np.isfinite(r_r):
                return SolveReport(iteration, float("nan"), False)
            if r_r <= target:
                return SolveReport(iteration, _relative(r_r, scale), True)
            _turn(p, r, v, r0_r / rho * alpha / (omega or 1.0), omega)
            rho = r0_r or 1.0
        return SolveReport(most, _relative(r_r, scale), False)


def _relative(squared: float, scale: float) -> float:
    return float(np.sqrt(squared / scale)) if scale > 0.0 else 0.0


@kernel
def _factorize(
    starts: Index,
    columns: Index,
    diagonal: Index,
    owned_end: Index,
    values: FloatArray,
    work: FloatArray,
    factors: Float32Array,
) -> None:
    """ILU(0) of the owned block in ``factors``: lower part times the pivots, upper part, reciprocal diagonal."""
    n_rows = len(diagonal)
    where = np.full(n_rows, -1, dtype=np.int32)
    for row in range(n_rows):
        for k in range(starts[row], owned_end[row]):
            where[columns[k]] = k
            work[k] = values[k]
        for k in range(starts[row], diagonal[row]):
            pivot = columns[k]
            multiplier = work[k] * work[diagonal[pivot]]
            work[k] = multiplier
            for m in range(diagonal[pivot] + ONE, owned_end[pivot]):
                at = where[columns[m]]
                if at >= 0:
                    work[at] -= multiplier * work[m]
        work[diagonal[row]] = 1.0 / work[diagonal[row]]
        for k in range(starts[row], owned_end[row]):
            where[columns[k]] = -1
            factors[k] = work[k]
        for k in range(starts[row], diagonal[row]):
            factors[k] = work[k] / work[diagonal[columns[k]]]


@kernel
def _back_substitute(
    starts: Index,
    columns: Index,
    diagonal: Index,
    owned_end: Index,
    factors: Float32Array,
    pivots: Float32Array,
    b: FloatArray,
    x: FloatArray,
) -> None:
    n_rows = len(diagonal)
    for row in range(n_rows):
        a0, a1, a2 = b[row, 0], b[row, 1], b[row, 2]
        for k in range(starts[row], diagonal[row]):
            j, factor = columns[k], factors[k]
            a0 -= factor * x[j, 0]
            a1 -= factor * x[j, 1]
            a2 -= factor * x[j, 2]
        p = pivots[row]
        x[row, 0] = p[0] * a0 + p[1] * a1 + p[2] * a2
        x[row, 1] = p[3] * a0 + p[4] * a1 + p[5] * a2
        x[row, 2] = p[6] * a0 + p[7] * a1 + p[8] * a2
    for step in range(n_rows):
        row = n_rows - 1 - step
        a0, a1, a2 = 0.0, 0.0, 0.0
        for k in range(diagonal[row] + ONE, owned_end[row]):
            j, factor = columns[k], factors[k]
            a0 += factor * x[j, 0]
            a1 += factor * x[j, 1]
            a2 += factor * x[j, 2]
        p = pivots[row]
        x[row, 0] -= p[0] * a0 + p[1] * a1 + p[2] * a2
        x[row, 1] -= p[3] * a0 + p[4] * a1 + p[5] * a2
        x[row, 2] -= p[6] * a0 + p[7] * a1 + p[8] * a2


@kernel
def _invert_pivots(diagonal: Index, factors: Float32Array, blocks: Float32Array, pivots: Float32Array) -> None:
    for row in range(len(diagonal)):
        d = 1.0 / np.float64(factors[diagonal[row]])
        b = blocks[row]
        m00, m01, m02 = d + b[0], b[1], b[2]
        m10, m11, m12 = b[3], d + b[4], b[5]
        m20, m21, m22 = b[6], b[7], d + b[8]
        c00, c01, c02 = m11 * m22 - m12 * m21, m12 * m20 - m10 * m22, m10 * m21 - m11 * m20
        scale = 1.0 / (m00 * c00 + m01 * c01 + m02 * c02)
        pivots[row, 0] = c00 * scale
        pivots[row, 1] = (m02 * m21 - m01 * m22) * scale
        pivots[row, 2] = (m01 * m12 - m02 * m11) * scale
        pivots[row, 3] = c01 * scale
        pivots[row, 4] = (m00 * m22 - m02 * m20) * scale
        pivots[row, 5] = (m02 * m10 - m00 * m12) * scale
        pivots[row, 6] = c02 * scale
        pivots[row, 7] = (m01 * m20 - m00 * m21) * scale
        pivots[row, 8] = (m00 * m11 - m01 * m10) * scale


@kernel
def _start(
    starts: Index,
    columns: Index,
    values: FloatArray,
    blocks: Float32Array,
    x: FloatArray,
    b: FloatArray,
    r: FloatArray,
    r0: FloatArray,
    p: FloatArray,
    dots: FloatArray,
) -> None:
    """r = r0 = p = b - (A + B) x; dots = (r.r, b.b)."""
    r_r, b_b = 0.0, 0.0
    for row in range(len(r)):
        a0, a1, a2 = b[row, 0], b[row, 1], b[row, 2]
        b_b += a0 * a0 + a1 * a1 + a2 * a2
        x0, x1, x2 = x[row, 0], x[row, 1], x[row, 2]
        a0 -= blocks[row, 0] * x0 + blocks[row, 1] * x1 + blocks[row, 2] * x2
        a1 -= blocks[row, 3] * x0 + blocks[row, 4] * x1 + blocks[row, 5] * x2
        a2 -= blocks[row, 6] * x0 + blocks[row, 7] * x1 + blocks[row, 8] * x2
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            a0 -= value * x[j, 0]
            a1 -= value * x[j, 1]
            a2 -= value * x[j, 2]
        r[row, 0], r[row, 1], r[row, 2] = a0, a1, a2
        r0[row, 0], r0[row, 1], r0[row, 2] = a0, a1, a2
        p[row, 0], p[row, 1], p[row, 2] = a0, a1, a2
        r_r += a0 * a0 + a1 * a1 + a2 * a2
    dots[0], dots[1] = r_r, b_b


@kernel
def _multiply(
    starts: Index,
    columns: Index,
    values: FloatArray,
    blocks: Float32Array,
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    dots: FloatArray,
) -> None:
    """y = (A + B) x; dots = (z.y, y.y)."""
    z_y, y_y = 0.0, 0.0
    for row in range(len(y)):
        x0, x1, x2 = x[row, 0], x[row, 1], x[row, 2]
        a0 = blocks[row, 0] * x0 + blocks[row, 1] * x1 + blocks[row, 2] * x2
        a1 = blocks[row, 3] * x0 + blocks[row, 4] * x1 + blocks[row, 5] * x2
        a2 = blocks[row, 6] * x0 + blocks[row, 7] * x1 + blocks[row, 8] * x2
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            a0 += value * x[j, 0]
            a1 += value * x[j, 1]
            a2 += value * x[j, 2]
        y[row, 0], y[row, 1], y[row, 2] = a0, a1, a2
        z_y += a0 * z[row, 0] + a1 * z[row, 1] + a2 * z[row, 2]
        y_y += a0 * a0 + a1 * a1 + a2 * a2
    dots[0], dots[1] = z_y, y_y


@kernel
def _half_step(r: FloatArray, v: FloatArray, alpha: float, s: FloatArray, dots: FloatArray) -> None:
    """s = r - alpha v; dots = (s.s, 0)."""
    s_s = 0.0
    for row in range(len(r)):
        for d in range(3):
            value = r[row, d] - alpha * v[row, d]
            s[row, d] = value
            s_s += value * value
    dots[0], dots[1] = s_s, 0.0


@kernel
def _advance(
    x: FloatArray,
    p_hat: FloatArray,
    s_hat: FloatArray,
    alpha: float,
    omega: float,
    s: FloatArray,
    t: FloatArray,
    r: FloatArray,
    r0: FloatArray,
    dots: FloatArray,
) -> None:
    """x += alpha p_hat + omega s_hat; r = s - omega t; dots = (r0.r, r.r)."""
    r0_r, r_r = 0.0, 0.0
    for row in range(len(r)):
        for d in range(3):
            x[row, d] += alpha * p_hat[row, d] + omega * s_hat[row, d]
            value = s[row, d] - omega * t[row, d]
            r[row, d] = value
            r0_r += r0[row, d] * value
            r_r += value * value
    dots[0], dots[1] = r0_r, r_r


@kernel
def _turn(p: FloatArray, r: FloatArray, v: FloatArray, beta: float, omega: float) -> None:
    """p = r + beta (p - omega v)."""
    for row in range(len(r)):
        for d in range(3):
            p[row, d] = r[row, d] + beta * (p[row, d] - omega * v[row, d])
