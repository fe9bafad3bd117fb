"""Meshes and exact solutions of walls with simple shapes: tube, sphere, cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from solvers.wall.layers import Coat, bent, layered
from solvers.wall.materials import Material
from solvers.wall.mesh import WallMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BULGED_LENGTH = 0.12


def sheet(n_u: int, n_v: int) -> tuple[FloatArray, IntArray]:
    """The unit square as triangles: points (n, 2) and triangles (m, 3), counter-clockwise, diagonals alternating."""
    u, v = np.meshgrid(np.linspace(0.0, 1.0, n_u + 1), np.linspace(0.0, 1.0, n_v + 1), indexing="ij")
    index = np.arange(u.size).reshape(u.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    even = (np.add.outer(np.arange(n_u), np.arange(n_v)) % 2 == 0)[..., None]
    first = np.where(even, np.stack([a, b, c], -1), np.stack([a, b, d], -1))
    second = np.where(even, np.stack([a, c, d], -1), np.stack([b, c, d], -1))
    triangles = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    return np.column_stack([u.ravel(), v.ravel()]), triangles


def quarter_tube(inner: float, outer: float, length: float, n: tuple[int, int, int]) -> WallMesh:
    """A quarter of a thick tube along z, with round sides; ``n`` cells around, along and across."""
    flat, triangles = sheet(n[0], n[1])
    angle = 0.5 * np.pi * flat[:, 0]
    ray = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))])
    points = inner * ray + length * flat[:, 1:] * (0.0, 0.0, 1.0)
    return bent(layered(points, triangles, [Coat((outer - inner) * ray, n[2])]), _on_circles)


def _on_circles(a: FloatArray, b: FloatArray) -> FloatArray:
    middle = 0.5 * (a + b)
    radius = 0.5 * (np.hypot(a[:, 0], a[:, 1]) + np.hypot(b[:, 0], b[:, 1]))
    middle[:, :2] *= (radius / np.hypot(middle[:, 0], middle[:, 1]))[:, None]
    return middle


def bulged_tube(n: tuple[int, int, int]) -> WallMesh:
    """A quarter of a tube 120 mm long with a bulge of 55 mm inside and a wall of 1.9 mm, as the scan shows it."""
    mesh = quarter_tube(0.011, 0.0129, BULGED_LENGTH, n)
    points = mesh.points.copy()
    radius = np.hypot(points[:, 0], points[:, 1])
    profile = 0.011 + 0.0165 * np.exp(-(((points[:, 2] - 0.5 * BULGED_LENGTH) / 0.025) ** 2))
    points[:, :2] *= ((profile + radius - 0.011) / radius)[:, None]
    return mesh.moved(points)


def eighth_sphere(inner: float, outer: float, n: int, n_layers: int) -> WallMesh:
    """An eighth of a thick sphere, with round sides; ``n`` cells along each of its edges."""
    rows = [(i, k) for i in range(n + 1) for k in range(n + 1 - i)]
    number = {row: at for at, row in enumerate(rows)}
    flat = np.array([(n - i - k, i, k) for i, k in rows], dtype=float)
    ray = flat / np.linalg.norm(flat, axis=1)[:, None]
    up = [(number[i, k], number[i + 1, k], number[i, k + 1]) for i in range(n) for k in range(n - i)]
    down = [(number[i + 1, k], number[i + 1, k + 1], number[i, k + 1]) for i in range(n) for k in range(n - i - 1)]
    return bent(layered(inner * ray, np.array(up + down), [Coat((outer - inner) * ray, n_layers)]), _on_spheres)


def _on_spheres(a: FloatArray, b: FloatArray) -> FloatArray:
    middle = 0.5 * (a + b)
    radius = 0.5 * (np.linalg.norm(a, axis=1) + np.linalg.norm(b, axis=1))
    result: FloatArray = middle * (radius / np.linalg.norm(middle, axis=1))[:, None]
    return result


def cube(n: int) -> WallMesh:
    """The unit cube, loaded nowhere."""
    flat, triangles = sheet(n, n)
    points = np.column_stack([flat, np.zeros(len(flat))])
    mesh = layered(points, triangles, [Coat(np.tile((0.0, 0.0, 1.0), (len(points), 1)), n)])
    return WallMesh(mesh.points, mesh.n_corners, mesh.cells, mesh.material, mesh.loaded[:0])


@dataclass(frozen=True)
class LameTube:
    """A thick tube in plane strain under an inner pressure, small strains (Lamé); SI."""

    inner: float
    outer: float
    pressure: float
    young: float
    poisson: float

    @property
    def _k(self) -> float:
        return self.pressure * self.inner**2 / (self.outer**2 - self.inner**2)

    def displacement(self, radius: FloatArray) -> FloatArray:
        """Radial displacement [m]."""
        ratio = (self.outer / radius) ** 2
        factor = (1.0 + self.poisson) / self.young * self._k
        return np.asarray(factor * radius * (1.0 - 2.0 * self.poisson + ratio))

    def hoop(self, radius: FloatArray) -> FloatArray:
        """Stress around [Pa]."""
        return np.asarray(self._k * (1.0 + (self.outer / radius) ** 2))

    def radial(self, radius: FloatArray) -> FloatArray:
        """Stress across the wall [Pa]."""
        return np.asarray(self._k * (1.0 - (self.outer / radius) ** 2))


@dataclass(frozen=True)
class Balloon:
    """A thick incompressible sphere under an inner pressure: radii at rest [m] and its material.

    The stretch at a point that was at R is (1 + (a^3 - A^3)/R^3)^(1/3), with ``a`` the inner radius and ``A`` that at
    rest; the pressure is the integral of ``2 s / (stretch (stretch^3 - 1))`` over the stretch, from outside to inside,
    with ``s`` the stress around less that across.
    """

    inner: float
    outer: float
    material: Material

    def stress_difference(self, stretch: float) -> float:
        """Stress around less stress across [Pa] where the wall is stretched by ``stretch`` in both directions."""
        return equibiaxial(self.material, stretch)

    def pressure(self, inner_stretch: float) -> float:
        """Pressure [Pa] at which the inner radius is ``inner_stretch`` times that at rest."""
        added = (inner_stretch**3 - 1.0) * self.inner**3
        outer_stretch = float(np.cbrt(1.0 + added / self.outer**3))

        def per_stretch(stretch: float) -> float:
            return 2.0 * self.stress_difference(stretch) / (stretch * (stretch**3 - 1.0))

        return float(quad(per_stretch, outer_stretch, inner_stretch)[0])

    def inner_stretch(self, pressure: float) -> float:
        """The stretch of the inner radius at a pressure [Pa]."""
        return float(brentq(lambda stretch: self.pressure(stretch) - pressure, 1.0 + 1e-9, 1.5))


def uniaxial(material: Material, stretch: float) -> float:
    """Cauchy stress [Pa] of an incompressible bar pulled to ``stretch`` times its length."""
    i1, i2 = stretch**2 + 2.0 / stretch, 2.0 * stretch + 1.0 / stretch**2
    w1, w2 = _slopes(material, i1, i2)
    return 2.0 * (stretch**2 - 1.0 / stretch) * (w1 + w2 / stretch)


def equibiaxial(material: Material, stretch: float) -> float:
    """Cauchy stress [Pa] of an incompressible sheet pulled to ``stretch`` times its length in two directions."""
    i1, i2 = 2.0 * stretch**2 + stretch**-4, stretch**4 + 2.0 * stretch**-2
    w1, w2 = _slopes(material, i1, i2)
    return 2.0 * (stretch**2 - stretch**-4) * (w1 + w2 * stretch**2)


def _slopes(material: Material, i1: float, i2: float) -> tuple[float, float]:
    return material.a1 + 2.0 * material.a2 * (i1 - 3.0), material.b1 + 2.0 * material.b2 * (i2 - 3.0)
