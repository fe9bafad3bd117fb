"""Centerline curves with exact nearest points: straight line, circular arc, cubic spline by arc length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numba
import numpy as np
from scipy.interpolate import CubicSpline

from imaging.types import FloatArray

Vector = tuple[float, float, float]


def unit(vector: Any) -> FloatArray:
    """The vector ``(3,)`` scaled to length one."""
    array = np.asarray(vector, dtype=float)
    return np.asarray(array / np.linalg.norm(array))


def as_vector(point: Any) -> Vector:
    """The point ``(3,)`` as three plain floats."""
    x, y, z = point
    return float(x), float(y), float(z)


class Curve(Protocol):
    """A curve in mm LPS, parametrized by arc length from 0 to ``length_mm``."""

    @property
    def length_mm(self) -> float:
        """Arc length."""

    def curvature_per_mm(self, s_mm: Any) -> FloatArray:
        """Curvatures ``(...)`` at the arc lengths ``(...)``, 1/mm."""

    def position(self, s_mm: Any) -> FloatArray:
        """Points ``(..., 3)`` at the arc lengths ``(...)``."""

    def tangent(self, s_mm: Any) -> FloatArray:
        """Unit tangents ``(..., 3)`` at the arc lengths ``(...)``, in the direction of increasing arc length."""

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Arc length ``(n,)`` and position ``(n, 3)`` of the curve's point nearest to each of ``points`` (n, 3)."""


@dataclass(frozen=True)
class Line:
    """The straight segment from ``start`` to ``end``."""

    start: Vector
    end: Vector

    @cached_property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.subtract(self.end, self.start)))

    @cached_property
    def _direction(self) -> FloatArray:
        return unit(np.subtract(self.end, self.start))

    def curvature_per_mm(self, s_mm: Any) -> FloatArray:
        return np.zeros(np.shape(s_mm))

    def position(self, s_mm: Any) -> FloatArray:
        return np.asarray(np.asarray(self.start) + np.asarray(s_mm, dtype=float)[..., None] * self._direction)

    def tangent(self, s_mm: Any) -> FloatArray:
        return np.broadcast_to(self._direction, (*np.shape(s_mm), 3)).copy()

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        s = np.clip((points - np.asarray(self.start)) @ self._direction, 0.0, self.length_mm)
        return s, self.position(s)


@dataclass(frozen=True)
class Arc:
    """A piece of a circle: ``center + radius_mm (cos(a) u + sin(a) v)`` for ``a`` from 0 to ``sweep_rad`` (< 2 pi).

    ``u`` and ``v`` are orthogonal unit vectors.
    """

    center: Vector
    radius_mm: float
    u: Vector
    v: Vector
    sweep_rad: float

    @property
    def length_mm(self) -> float:
        return self.radius_mm * self.sweep_rad

    def curvature_per_mm(self, s_mm: Any) -> FloatArray:
        return np.full(np.shape(s_mm), 1.0 / self.radius_mm)

    def position(self, s_mm: Any) -> FloatArray:
        angle = np.asarray(s_mm, dtype=float)[..., None] / self.radius_mm
        ring = np.cos(angle) * np.asarray(self.u) + np.sin(angle) * np.asarray(self.v)
        return np.asarray(np.asarray(self.center) + self.radius_mm * ring)

    def tangent(self, s_mm: Any) -> FloatArray:
        angle = np.asarray(s_mm, dtype=float)[..., None] / self.radius_mm
        return np.asarray(-np.sin(angle) * np.asarray(self.u) + np.cos(angle) * np.asarray(self.v))

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        offset = points - np.asarray(self.center)
        angle = np.arctan2(offset @ np.asarray(self.v), offset @ np.asarray(self.u))
        middle = 0.5 * self.sweep_rad
        from_middle = np.mod(angle - middle + np.pi, 2.0 * np.pi) - np.pi
        s = self.radius_mm * (middle + np.clip(from_middle, -middle, middle))
        return s, self.position(s)


def _nearest_on_spline(
    points: FloatArray, knots: FloatArray, coefficients: FloatArray, s_out: FloatArray, foot_out: FloatArray
) -> None:
    """Nearest knot, then Newton's method on (x - C(s)) . C'(s) = 0 between its two neighbors.

    ``coefficients[segment, power, axis]`` holds powers 3, 2, 1, 0 of ``s - knots[segment]``.
    """
    n_segments = coefficients.shape[0]
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        nearest = 0
        best = 1e300
        for m in range(n_segments):
            dx = coefficients[m, 3, 0] - x
            dy = coefficients[m, 3, 1] - y
            dz = coefficients[m, 3, 2] - z
            square = dx * dx + dy * dy + dz * dz
            if square < best:
                best = square
                nearest = m
        low = knots[max(nearest - 1, 0)]
        high = knots[nearest + 1]
        s = knots[nearest]
        for _ in range(30):
            m = nearest
            if s < knots[nearest] and nearest > 0:
                m = nearest - 1
            t = s - knots[m]
            slope = 0.0
            change = 0.0
            for axis in range(3):
                c3 = coefficients[m, 0, axis]
                c2 = coefficients[m, 1, axis]
                c1 = coefficients[m, 2, axis]
                c0 = coefficients[m, 3, axis]
                offset = points[n, axis] - (((c3 * t + c2) * t + c1) * t + c0)
                first = (3.0 * c3 * t + 2.0 * c2) * t + c1
                second = 6.0 * c3 * t + 2.0 * c2
                slope += offset * first
                change += first * first - offset * second
            # Far on the inner side of a bend the distance is not convex; there Newton's step would go the wrong way.
            step = slope / change if change > 0.05 else slope
            moved = min(max(s + step, low), high)
            if abs(moved - s) < 1e-13 * (1.0 + abs(s)):
                s = moved
                break
            s = moved
        m = nearest - 1 if s < knots[nearest] and nearest > 0 else nearest
        t = s - knots[m]
        s_out[n] = s
        for axis in range(3):
            foot_out[n, axis] = (
                (coefficients[m, 0, axis] * t + coefficients[m, 1, axis]) * t + coefficients[m, 2, axis]
            ) * t + coefficients[m, 3, axis]


_nearest_on_spline_compiled = numba.njit(cache=True, nogil=True)(_nearest_on_spline)


@dataclass(frozen=True, eq=False)
class SplineCurve:
    """A C2 cubic spline near control points, with knots every ``knot_spacing_mm`` of arc length.

    The spline through the control points is resampled by arc length and interpolated again; the second spline is the
    curve. Its speed differs from one by about 1e-4 at most for anatomical curves, and ``length_mm`` is its last knot.

    Parameters
    ----------
    control_points : (n, 3) floats
        n >= 3, mm LPS.
    start_direction, end_direction : (3,) floats, optional
        Directions of travel at the two ends; when left out the curve ends without curvature.
    """

    control_points: FloatArray
    start_direction: FloatArray | None = None
    end_direction: FloatArray | None = None
    knot_spacing_mm: float = 2.5

    @cached_property
    def _spline(self) -> CubicSpline:
        chords = np.linalg.norm(np.diff(self.control_points, axis=0), axis=1)
        chord_length = np.concatenate([[0.0], np.cumsum(chords)])
        rough = CubicSpline(chord_length, self.control_points, bc_type=self._ends())
        fine = np.linspace(0.0, chord_length[-1], 40 * len(chord_length))
        nodes, weights = np.polynomial.legendre.leggauss(5)
        half = 0.5 * np.diff(fine)
        at = fine[:-1, None] + half[:, None] * (nodes + 1.0)
        lengths = half * (np.linalg.norm(rough(at, 1), axis=-1) @ weights)
        arc = np.concatenate([[0.0], np.cumsum(lengths)])
        n_segments = max(4, round(arc[-1] / self.knot_spacing_mm))
        s = np.linspace(0.0, arc[-1], n_segments + 1)
        by_arc = CubicSpline(arc, fine)
        return CubicSpline(s, rough(by_arc(s)), bc_type=self._ends())

    def _ends(self) -> Any:
        free = (2, np.zeros(3))
        directions = (self.start_direction, self.end_direction)
        return tuple(free if direction is None else (1, unit(direction)) for direction in directions)

    @cached_property
    def length_mm(self) -> float:
        return float(self._spline.x[-1])

    def curvature_per_mm(self, s_mm: Any) -> FloatArray:
        first, second = self._spline(np.asarray(s_mm, dtype=float), 1), self._spline(np.asarray(s_mm, dtype=float), 2)
        speed = np.linalg.norm(first, axis=-1)
        return np.asarray(np.linalg.norm(np.cross(first, second), axis=-1) / speed**3)

    @cached_property
    def _coefficients(self) -> FloatArray:
        return np.ascontiguousarray(self._spline.c.transpose(1, 0, 2))

    def position(self, s_mm: Any) -> FloatArray:
        return np.asarray(self._spline(np.asarray(s_mm, dtype=float)))

    def tangent(self, s_mm: Any) -> FloatArray:
        first = np.asarray(self._spline(np.asarray(s_mm, dtype=float), 1))
        return np.asarray(first / np.linalg.norm(first, axis=-1, keepdims=True))

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        points = np.ascontiguousarray(points, dtype=float)
        s, foot = np.empty(len(points)), np.empty((len(points), 3))
        _nearest_on_spline_compiled(points, np.asarray(self._spline.x), self._coefficients, s, foot)
        return s, foot
