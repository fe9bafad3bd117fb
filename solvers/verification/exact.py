"""Exact solutions that the flow solver is checked against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


bessel: Any = special.jv
"""Its published types know no complex arguments."""


@dataclass(frozen=True)
class EthierSteinman:
    """Unsteady three-dimensional Navier-Stokes flow in a cube, density 1.

    Ethier & Steinman (1994), Int. J. Numer. Methods Fluids 19:369, with a = pi/4, d = pi/2.
    """

    viscosity: float
    a: float = np.pi / 4.0
    d: float = np.pi / 2.0

    def velocity(self, points: FloatArray, time: float) -> FloatArray:
        """(n, 3) at points (n, 3)."""
        x, y, z = points.T
        a, d = self.a, self.d
        decay = -a * np.exp(-(d**2) * self.viscosity * time)
        result: FloatArray = decay * np.column_stack(
            [
                np.exp(a * x) * np.sin(a * y + d * z) + np.exp(a * z) * np.cos(a * x + d * y),
                np.exp(a * y) * np.sin(a * z + d * x) + np.exp(a * x) * np.cos(a * y + d * z),
                np.exp(a * z) * np.sin(a * x + d * y) + np.exp(a * y) * np.cos(a * z + d * x),
            ]
        )
        return result

    def pressure(self, points: FloatArray, time: float) -> FloatArray:
        """(n,) at points (n, 3)."""
        x, y, z = points.T
        a, d = self.a, self.d
        total = np.exp(2 * a * x) + np.exp(2 * a * y) + np.exp(2 * a * z)
        total += 2 * np.sin(a * x + d * y) * np.cos(a * z + d * x) * np.exp(a * (y + z))
        total += 2 * np.sin(a * y + d * z) * np.cos(a * x + d * y) * np.exp(a * (z + x))
        total += 2 * np.sin(a * z + d * x) * np.cos(a * y + d * z) * np.exp(a * (x + y))
        result: FloatArray = -0.5 * a**2 * np.exp(-2 * d**2 * self.viscosity * time) * total
        return result


@dataclass(frozen=True)
class TaylorGreen:
    """Decaying vortices that do not depend on z, density 1.

    Taylor & Green (1937), Proc. R. Soc. A 158:499, in two dimensions, with wave number ``k``.
    """

    viscosity: float
    k: float = np.pi / 2.0

    def velocity(self, points: FloatArray, time: float) -> FloatArray:
        """(n, 3) at points (n, 3)."""
        x, y = self.k * points[:, 0], self.k * points[:, 1]
        decay = np.exp(-2.0 * self.k**2 * self.viscosity * time)
        result: FloatArray = decay * np.column_stack([-np.cos(x) * np.sin(y), np.sin(x) * np.cos(y), 0.0 * x])
        return result

    def pressure(self, points: FloatArray, time: float) -> FloatArray:
        """(n,) at points (n, 3)."""
        x, y = self.k * points[:, 0], self.k * points[:, 1]
        decay = np.exp(-4.0 * self.k**2 * self.viscosity * time)
        result: FloatArray = -0.25 * decay * (np.cos(2.0 * x) + np.cos(2.0 * y))
        return result


@dataclass(frozen=True)
class Poiseuille:
    """Steady flow in a circular tube. Lengths in m, flow in m3/s."""

    radius: float
    flow: float
    viscosity: float

    def pressure_drop(self, length: float) -> float:
        """8 mu L Q / (pi R^4) [Pa]."""
        return 8.0 * self.viscosity * length * self.flow / (np.pi * self.radius**4)

    @property
    def wall_shear(self) -> float:
        """4 mu Q / (pi R^3) [Pa]."""
        return 4.0 * self.viscosity * self.flow / (np.pi * self.radius**3)


@dataclass(frozen=True)
class Womersley:
    """Pulsatile flow in a circular tube driven by -dp/dx = Re(K exp(i omega t)); complex amplitudes.

    Womersley (1955), J. Physiol. 127:553.
    """

    radius: float
    density: float
    viscosity: float
    angular_frequency: float
    gradient: complex

    @staticmethod
    def of_flow(flow: complex, radius: float, density: float, viscosity: float, angular_frequency: float) -> Womersley:
        """The solution that carries a flow Re(flow exp(i omega t)) [m3/s]."""
        unit = Womersley(radius, density, viscosity, angular_frequency, 1.0)
        return Womersley(radius, density, viscosity, angular_frequency, flow / unit.flow)

    @property
    def number(self) -> float:
        """alpha = R sqrt(omega rho / mu)."""
        return float(self.radius * np.sqrt(self.angular_frequency * self.density / self.viscosity))

    @property
    def _lambda(self) -> complex:
        return complex(1j**1.5 * self.number)

    def velocity(self, r: ArrayLike) -> ComplexArray:
        """Axial velocity at radii [m]."""
        ratio = bessel(0.0, self._lambda * np.asarray(r) / self.radius) / bessel(0.0, self._lambda)
        return np.asarray(self.gradient / (1j * self.density * self.angular_frequency) * (1.0 - ratio))

    @property
    def flow(self) -> complex:
        """Volume flow [m3/s]."""
        shape = 1.0 - 2.0 * bessel(1.0, self._lambda) / (self._lambda * bessel(0.0, self._lambda))
        area = np.pi * self.radius**2
        return complex(area * self.gradient / (1j * self.density * self.angular_frequency) * shape)

    @property
    def wall_shear(self) -> complex:
        """Traction on the wall, in the direction of the flow [Pa]."""
        return complex(
            self.gradient * self.radius / self._lambda * bessel(1.0, self._lambda) / bessel(0.0, self._lambda)
        )
