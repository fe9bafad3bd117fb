"""BiCGStab for one matrix and the three velocity components at once, preconditioned with incomplete factors.

The three systems share every pass over the matrix and its factors, which is what such a solve costs (memory traffic):
measured against three PETSc solves in docs/theory-flow.md. The preconditioner is an ILU(0) of each rank's own block,
kept in single precision.

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
EXTRA_ITERATIONS, EXTRA_WHEN_KEPT = 3, 6
"""With so many more iterations than fresh factors would need, old ones are given up; 6 are about what new ones cost."""


ONE = np.uint32(1)


@dataclass(frozen=True)
class SolveReport:
    """How a solve went: iterations, largest relative residual of a component, and whether that suffices."""

    iterations: int
    residual: float
    converged: bool


class VelocitySolver:
    """Solves ``matrix x = b`` for (n, 3) right sides; the matrix lives in the pattern's value array."""

    def __init__(
        self, comm: MPI.Intracomm, pattern: Pattern, halo: Halo, tolerance: float, keeps_factors: bool = False
    ) -> None:
        self._keeps_factors, self._is_changing = keeps_factors, False
        self._comm, self._pattern, self._halo, self._tolerance = comm, pattern, halo, tolerance
        n_owned, n_local = halo.n_owned, halo.n_local
        self._factors = np.empty(pattern.n_entries, dtype=np.float32)
        self._work = np.empty(pattern.n_entries)
        self._is_factored = False
        self._folds = 1.0
        """By how many e-folds the last solve had to take the residual down."""
        self._fresh_pace = 0.0
        """Iterations that fresh factors needed for each of them."""
        self._r, self._r0, self._s, self._v, self._t = (np.empty((n_owned, 3)) for _ in range(5))
        self._p = np.empty((n_owned, 3))
        self._p_hat, self._s_hat = np.zeros((n_local, 3)), np.zeros((n_local, 3))

    def residual(self) -> FloatArray:
        """What the last solve left of its equations (n_owned, 3)."""
        return self._r

    def forget_factors(self) -> None:
        """Compute new factors before the next solve."""
        self._is_factored = self._is_changing = False

    def solve(self, values: FloatArray, b: FloatArray, x: FloatArray, reduction: float = 0.0) -> SolveReport:
        """Improve ``x`` (n_local, 3), whose prescribed rows hold their values; returns how it went.

        The residual goes down to the tolerance, or only to ``reduction`` times what it was if that is more.

        Old factors that do not serve as well as fresh ones did are renewed, and unless they are to be kept, then also
        for every solve until :meth:`forget_factors`: many iterations carry rounding far.
        """
        wasted = 0
        if self._is_factored and not self._is_changing:
            report = self._iterate(values, b, x, reduction, self._fresh_pace)
            if report.converged:
                self._halo.update(x)
                return report
            self._is_changing = not self._keeps_factors
            wasted = report.iterations
        self._factor(values)
        report = self._iterate(values, b, x, reduction, None)
        self._fresh_pace = report.iterations / max(self._folds, 1.0)
        self._halo.update(x)
        return SolveReport(report.iterations + wasted, report.residual, report.converged)

    def _factor(self, values: FloatArray) -> None:
        pattern = self._pattern
        _factorize(
            pattern.starts, pattern.columns, pattern.diagonal, pattern.owned_end, values, self._work, self._factors
        )
        self._is_factored = True

    def _sum(self, *parts: FloatArray) -> FloatArray:
        total = np.concatenate(parts)
        self._comm.Allreduce(MPI.IN_PLACE, total)
        return total

    def _precondition(self, source: FloatArray, result: FloatArray) -> None:
        pattern = self._pattern
        _back_substitute(
            pattern.starts, pattern.columns, pattern.diagonal, pattern.owned_end, self._factors, source, result
        )
        self._halo.update(result)

    def _iterate(
        self, values: FloatArray, b: FloatArray, x: FloatArray, reduction: float, pace: float | None
    ) -> SolveReport:
        """As :meth:`solve`; gives up far behind a ``pace`` [iterations for an e-fold of the residual]."""
        pattern = self._pattern
        r, r0, p, s, v, t = self._r, self._r0, self._p, self._s, self._v, self._t
        self._halo.update(x)
        local = np.zeros(6)
        _start(pattern.starts, pattern.columns, values, x, b, r, r0, p, local)
        squared = self._sum(local)
        scale = max(float(squared[:3].sum()), float(squared[3:].sum()))
        rho = squared[:3].copy()
        target = max(self._tolerance**2 * scale, reduction**2 * float(rho.max()))
        if not np.isfinite(scale):
            return SolveReport(0, float("nan"), False)
        if rho.max() <= target:
            return SolveReport(0, _relative(rho, scale), True)
        self._folds = 0.5 * float(np.log(rho.max() / target))
        extra = EXTRA_WHEN_KEPT if self._keeps_factors else EXTRA_ITERATIONS
        expected = np.inf if pace is None else np.ceil(pace * self._folds) + extra
        most = int(min(MAX_ITERATIONS, expected))
        active = rho > target
        rho[~active] = 1.0
        dots = np.zeros(6)
        for iteration in range(1, most + 1):
            self._precondition(p, self._p_hat)
            _multiply(pattern.starts, pattern.columns, values, self._p_hat, v, r0, dots)
            r0_v = self._sum(dots[:3])
            alpha = np.where(active, rho / np.where(r0_v == 0.0, 1.0, r0_v), 0.0)
            _half_step(r, v, alpha, s, dots)
            s_s = self._sum(dots[:3])
            if s_s[active].max() <= target:
                _advance(x, self._p_hat, self._p_hat, alpha, np.zeros(3), s, t, r, r0, dots)
                return SolveReport(iteration, _relative(s_s, scale), True)
            self._precondition(s, self._s_hat)
            _multiply(pattern.starts, pattern.columns, values, self._s_hat, t, s, dots)
            t_s_t_t = self._sum(dots)
            omega = np.where(active, t_s_t_t[:3] / np.where(t_s_t_t[3:] == 0.0, 1.0, t_s_t_t[3:]), 0.0)
            _advance(x, self._p_hat, self._s_hat, alpha, omega, s, t, r, r0, dots)
            r0_r_r_r = self._sum(dots)
            r_r = r0_r_r_r[3:]
            if not np.isfinite(r_r).all():
                return SolveReport(iteration, float("nan"), False)
            if r_r.max() <= target:
                return SolveReport(iteration, _relative(r_r, scale), True)
            beta = np.where(active, r0_r_r_r[:3] / rho * alpha / np.where(omega == 0.0, 1.0, omega), 0.0)
            active = r_r > target
            beta[~active] = 0.0
            rho = np.where(active & (r0_r_r_r[:3] != 0.0), r0_r_r_r[:3], 1.0)
            _turn(p, r, v, beta, omega)
        return SolveReport(most, _relative(r_r, scale), False)


def _relative(squared: FloatArray, scale: float) -> float:
    return float(np.sqrt(squared.max() / scale)) if scale > 0.0 else 0.0


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
    """ILU(0) of the owned block in ``factors``: unit lower part, upper part, reciprocal diagonal."""
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


@kernel
def _back_substitute(
    starts: Index,
    columns: Index,
    diagonal: Index,
    owned_end: Index,
    factors: Float32Array,
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
        x[row, 0], x[row, 1], x[row, 2] = a0, a1, a2
    for step in range(n_rows):
        row = n_rows - 1 - step
        a0, a1, a2 = x[row, 0], x[row, 1], x[row, 2]
        for k in range(diagonal[row] + ONE, owned_end[row]):
            j, factor = columns[k], factors[k]
            a0 -= factor * x[j, 0]
            a1 -= factor * x[j, 1]
            a2 -= factor * x[j, 2]
        pivot = factors[diagonal[row]]
        x[row, 0], x[row, 1], x[row, 2] = a0 * pivot, a1 * pivot, a2 * pivot


@kernel
def _start(
    starts: Index,
    columns: Index,
    values: FloatArray,
    x: FloatArray,
    b: FloatArray,
    r: FloatArray,
    r0: FloatArray,
    p: FloatArray,
    dots: FloatArray,
) -> None:
    """r = r0 = p = b - A x; dots = (r.r, b.b)."""
    dots[:] = 0.0
    for row in range(len(r)):
        a0, a1, a2 = b[row, 0], b[row, 1], b[row, 2]
        dots[3] += a0 * a0
        dots[4] += a1 * a1
        dots[5] += a2 * a2
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            a0 -= value * x[j, 0]
            a1 -= value * x[j, 1]
            a2 -= value * x[j, 2]
        r[row, 0], r[row, 1], r[row, 2] = a0, a1, a2
        r0[row, 0], r0[row, 1], r0[row, 2] = a0, a1, a2
        p[row, 0], p[row, 1], p[row, 2] = a0, a1, a2
        dots[0] += a0 * a0
        dots[1] += a1 * a1
        dots[2] += a2 * a2


@kernel
def _multiply(
    starts: Index,
    columns: Index,
    values: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    dots: FloatArray,
) -> None:
    """y = A x; dots = (z.y, y.y)."""
    dots[:] = 0.0
    for row in range(len(y)):
        a0, a1, a2 = 0.0, 0.0, 0.0
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            a0 += value * x[j, 0]
            a1 += value * x[j, 1]
            a2 += value * x[j, 2]
        y[row, 0], y[row, 1], y[row, 2] = a0, a1, a2
        dots[0] += a0 * z[row, 0]
        dots[1] += a1 * z[row, 1]
        dots[2] += a2 * z[row, 2]
        dots[3] += a0 * a0
        dots[4] += a1 * a1
        dots[5] += a2 * a2


@kernel
def _half_step(r: FloatArray, v: FloatArray, alpha: FloatArray, s: FloatArray, dots: FloatArray) -> None:
    """s = r - alpha v; dots[:3] = s.s."""
    dots[:] = 0.0
    for row in range(len(r)):
        for d in range(3):
            value = r[row, d] - alpha[d] * v[row, d]
            s[row, d] = value
            dots[d] += value * value


@kernel
def _advance(
    x: FloatArray,
    p_hat: FloatArray,
    s_hat: FloatArray,
    alpha: FloatArray,
    omega: FloatArray,
    s: FloatArray,
    t: FloatArray,
    r: FloatArray,
    r0: FloatArray,
    dots: FloatArray,
) -> None:
    """x += alpha p_hat + omega s_hat; r = s - omega t; dots = (r0.r, r.r)."""
    dots[:] = 0.0
    for row in range(len(r)):
        for d in range(3):
            x[row, d] += alpha[d] * p_hat[row, d] + omega[d] * s_hat[row, d]
            value = s[row, d] - omega[d] * t[row, d]
            r[row, d] = value
            dots[d] += r0[row, d] * value
            dots[3 + d] += value * value


@kernel
def _turn(p: FloatArray, r: FloatArray, v: FloatArray, beta: FloatArray, omega: FloatArray) -> None:
    """p = r + beta (p - omega v)."""
    for row in range(len(r)):
        for d in range(3):
            p[row, d] = r[row, d] + beta[d] * (p[row, d] - omega[d] * v[row, d])
