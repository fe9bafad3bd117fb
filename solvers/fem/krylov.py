"""BiCGStab for one matrix and the three velocity components at once, preconditioned with incomplete factors.

The three systems share every pass over the matrix and its factors, which is what such a solve costs (memory traffic):
measured against three PETSc solves in docs/theory-flow.md. The preconditioner is an ILU(0) of each rank's own block.
The residual is taken in double precision; the correction that it asks for is found in single precision, four numbers a
row (the fourth is zero) so that one vector instruction does a row, and refined where that does not suffice.

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
SAFE_REDUCTION = 1e-4
"""How far the residual of a correction in single precision may go down before it is taken anew."""
EXTRA_ITERATIONS = 6
"""With so many more iterations than fresh factors would need, old ones are given up: about what new ones cost."""


ONE = np.uint32(1)
WIDTH = 4
"""Numbers a row has in single precision."""


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
        self._values, self._factors = (np.empty(pattern.n_entries, dtype=np.float32) for _ in range(2))
        self._work = np.empty(pattern.n_entries)
        self._is_factored = False
        self._fresh_pace = 0.0
        """Iterations that fresh factors needed for each e-fold of the residual."""
        owned, local = ((n, WIDTH) for n in (n_owned, n_local))
        self._r, self._r0, self._s, self._v, self._t, self._p = (np.zeros(owned, np.float32) for _ in range(6))
        self._change = np.zeros(owned, np.float32)
        self._p_hat, self._s_hat = np.zeros(local, np.float32), np.zeros(local, np.float32)

    def residual(self) -> FloatArray:
        """What the last solve left of its equations (n_owned, 3)."""
        return self._r[:, :3].astype(np.float64)

    def forget_factors(self) -> None:
        """Compute new factors before the next solve."""
        self._is_factored = False

    def solve(self, values: FloatArray, b: FloatArray, x: FloatArray, reduction: float = 0.0) -> SolveReport:
        """Improve ``x`` (n_local, 3), whose prescribed rows hold their values; returns how it went.

        The residual goes down to the tolerance, or only to ``reduction`` times what it was if that is more. Old
        factors that do not serve as well as fresh ones did are renewed.
        """
        self._halo.update(x)
        norm, iterations, target = 0.0, 0, 0.0
        while True:
            squared = self._residual(values, b, x)
            scale = max(float(squared[:3].sum()), float(squared[3:].sum()))
            norm = float(squared[:3].max())
            if not np.isfinite(scale):
                return SolveReport(iterations, float("nan"), False)
            if iterations == 0:
                target = max(self._tolerance**2 * scale, reduction**2 * norm)
            if norm <= target or iterations >= MAX_ITERATIONS:
                break
            wanted = max(target, SAFE_REDUCTION**2 * norm)
            taken, norm = self._correct(values, squared[:3], wanted, MAX_ITERATIONS - iterations)
            iterations += taken
            x[: self._halo.n_owned] += self._change[:, :3]
            self._halo.update(x)
            if not np.isfinite(norm):
                return SolveReport(iterations, float("nan"), False)
            if norm <= target == wanted:
                break
        return SolveReport(iterations, float(np.sqrt(norm / scale)) if scale > 0.0 else 0.0, norm <= target)

    def _residual(self, values: FloatArray, b: FloatArray, x: FloatArray) -> FloatArray:
        """Set ``r`` and the matrix in single precision; squares of the residuals and right sides (6,)."""
        pattern, local = self._pattern, np.zeros(6)
        _start(pattern.starts, pattern.columns, values, x, b, self._r, self._values, local)
        return self._sum(local)

    def _correct(self, values: FloatArray, squared: FloatArray, target: float, most: int) -> tuple[int, float]:
        """Find the change of the solution that takes ``r`` down to a target; iterations and squared residual."""
        folds = 0.5 * float(np.log(squared.max() / target))
        self._change[:] = 0.0
        wasted = 0
        if self._is_factored:
            allowed = min(most, int(np.ceil(self._fresh_pace * folds)) + EXTRA_ITERATIONS)
            wasted, norm = self._iterate(squared, target, allowed)
            if norm <= target:
                return wasted, norm
            squared = self._sum(np.square(self._r[:, :3], dtype=np.float64).sum(axis=0))
        self._factor(values)
        iterations, norm = self._iterate(squared, target, most)
        self._fresh_pace = iterations / max(0.5 * float(np.log(squared.max() / target)), 1.0)
        return iterations + wasted, norm

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

    def _precondition(self, source: Float32Array, result: Float32Array) -> None:
        pattern = self._pattern
        _back_substitute(
            pattern.starts, pattern.columns, pattern.diagonal, pattern.owned_end, self._factors, source, result
        )
        self._halo.update(result)

    def _multiply(self, x: Float32Array, y: Float32Array, z: Float32Array, dots: FloatArray) -> None:
        _multiply(self._pattern.starts, self._pattern.columns, self._values, x, y)
        _dot(y, z, dots)

    def _iterate(self, squared: FloatArray, target: float, most: int) -> tuple[int, float]:
        """Add to ``change`` what takes ``r``, of these squared norms (3,), down; iterations and largest square."""
        r, r0, p, s, v, t = self._r, self._r0, self._p, self._s, self._v, self._t
        r0[:], p[:] = r, r
        rho, r_r = squared.copy(), squared
        active = rho > target
        rho[~active] = 1.0
        dots, none = np.zeros(6), np.zeros(WIDTH, np.float32)
        for iteration in range(1, most + 1):
            self._precondition(p, self._p_hat)
            self._multiply(self._p_hat, v, r0, dots)
            r0_v = self._sum(dots[:3])
            alpha = np.where(active, rho / np.where(r0_v == 0.0, 1.0, r0_v), 0.0)
            _half_step(r, v, _wide(alpha), s, dots)
            s_s = self._sum(dots[:3])
            if s_s[active].max() <= target:
                _advance(self._change, self._p_hat, self._p_hat, _wide(alpha), none, s, t, r, r0, dots)
                return iteration, float(s_s.max())
            self._precondition(s, self._s_hat)
            self._multiply(self._s_hat, t, s, dots)
            t_s_t_t = self._sum(dots)
            omega = np.where(active, t_s_t_t[:3] / np.where(t_s_t_t[3:] == 0.0, 1.0, t_s_t_t[3:]), 0.0)
            _advance(self._change, self._p_hat, self._s_hat, _wide(alpha), _wide(omega), s, t, r, r0, dots)
            r0_r_r_r = self._sum(dots)
            r_r = r0_r_r_r[3:]
            if not np.isfinite(r_r).all():
                return iteration, float("nan")
            if r_r.max() <= target:
                return iteration, float(r_r.max())
            beta = np.where(active, r0_r_r_r[:3] / rho * alpha / np.where(omega == 0.0, 1.0, omega), 0.0)
            active = r_r > target
            beta[~active] = 0.0
            rho = np.where(active & (r0_r_r_r[:3] != 0.0), r0_r_r_r[:3], 1.0)
            _turn(p, r, v, _wide(beta), _wide(omega))
        return most, float(r_r.max())


def _wide(three: FloatArray) -> Float32Array:
    wide = np.zeros(WIDTH, np.float32)
    wide[:3] = three
    return wide


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
    b: Float32Array,
    x: Float32Array,
) -> None:
    n_rows = len(diagonal)
    for row in range(n_rows):
        a0, a1, a2, a3 = b[row, 0], b[row, 1], b[row, 2], b[row, 3]
        for k in range(starts[row], diagonal[row]):
            j, factor = columns[k], factors[k]
            a0 -= factor * x[j, 0]
            a1 -= factor * x[j, 1]
            a2 -= factor * x[j, 2]
            a3 -= factor * x[j, 3]
        x[row, 0], x[row, 1], x[row, 2], x[row, 3] = a0, a1, a2, a3
    for step in range(n_rows):
        row = n_rows - 1 - step
        a0, a1, a2, a3 = x[row, 0], x[row, 1], x[row, 2], x[row, 3]
        for k in range(diagonal[row] + ONE, owned_end[row]):
            j, factor = columns[k], factors[k]
            a0 -= factor * x[j, 0]
            a1 -= factor * x[j, 1]
            a2 -= factor * x[j, 2]
            a3 -= factor * x[j, 3]
        pivot = factors[diagonal[row]]
        x[row, 0], x[row, 1], x[row, 2], x[row, 3] = a0 * pivot, a1 * pivot, a2 * pivot, a3 * pivot


@kernel
def _start(
    starts: Index,
    columns: Index,
    values: FloatArray,
    x: FloatArray,
    b: FloatArray,
    r: Float32Array,
    short_values: Float32Array,
    dots: FloatArray,
) -> None:
    """r = b - A x; short_values = values; dots = (r.r, b.b)."""
    dots[:] = 0.0
    for row in range(len(r)):
        a0, a1, a2 = b[row, 0], b[row, 1], b[row, 2]
        dots[3] += a0 * a0
        dots[4] += a1 * a1
        dots[5] += a2 * a2
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            short_values[k] = value
            a0 -= value * x[j, 0]
            a1 -= value * x[j, 1]
            a2 -= value * x[j, 2]
        r[row, 0], r[row, 1], r[row, 2] = a0, a1, a2
        dots[0] += a0 * a0
        dots[1] += a1 * a1
        dots[2] += a2 * a2


@kernel
def _multiply(starts: Index, columns: Index, values: Float32Array, x: Float32Array, y: Float32Array) -> None:
    """y = A x."""
    zero = np.float32(0.0)
    for row in range(len(y)):
        a0, a1, a2, a3 = zero, zero, zero, zero
        for k in range(starts[row], starts[row + 1]):
            j, value = columns[k], values[k]
            a0 += value * x[j, 0]
            a1 += value * x[j, 1]
            a2 += value * x[j, 2]
            a3 += value * x[j, 3]
        y[row, 0], y[row, 1], y[row, 2], y[row, 3] = a0, a1, a2, a3


@kernel
def _dot(y: Float32Array, z: Float32Array, dots: FloatArray) -> None:
    """dots = (z.y, y.y)."""
    dots[:] = 0.0
    for row in range(len(y)):
        for d in range(3):
            value = np.float64(y[row, d])
            dots[d] += value * np.float64(z[row, d])
            dots[3 + d] += value * value


@kernel
def _half_step(r: Float32Array, v: Float32Array, alpha: Float32Array, s: Float32Array, dots: FloatArray) -> None:
    """s = r - alpha v; dots[:3] = s.s."""
    dots[:] = 0.0
    for row in range(len(r)):
        for d in range(3):
            value = r[row, d] - alpha[d] * v[row, d]
            s[row, d] = value
            dots[d] += np.float64(value) * np.float64(value)


@kernel
def _advance(
    x: Float32Array,
    p_hat: Float32Array,
    s_hat: Float32Array,
    alpha: Float32Array,
    omega: Float32Array,
    s: Float32Array,
    t: Float32Array,
    r: Float32Array,
    r0: Float32Array,
    dots: FloatArray,
) -> None:
    """x += alpha p_hat + omega s_hat; r = s - omega t; dots = (r0.r, r.r)."""
    dots[:] = 0.0
    for row in range(len(r)):
        for d in range(3):
            x[row, d] += alpha[d] * p_hat[row, d] + omega[d] * s_hat[row, d]
            value = s[row, d] - omega[d] * t[row, d]
            r[row, d] = value
            dots[d] += np.float64(r0[row, d]) * np.float64(value)
            dots[3 + d] += np.float64(value) * np.float64(value)


@kernel
def _turn(p: Float32Array, r: Float32Array, v: Float32Array, beta: Float32Array, omega: Float32Array) -> None:
    """p = r + beta (p - omega v)."""
    for row in range(len(r)):
        for d in range(3):
            p[row, d] = r[row, d] + beta[d] * (p[row, d] - omega[d] * v[row, d])
