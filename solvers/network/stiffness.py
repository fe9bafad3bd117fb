"""How stiff the walls of a tree are: one statement for all its vessels.

For a thin, incompressible wall ``p = beta (sqrt(A/A0) - 1)`` with ``beta = (4/3) E h / r0``; the wave speed is
``c^2 = beta / (2 rho)`` and the compliance of a length ``dA/dp = 2 A0 / beta``, both at the reference area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.contract.openings import quantity

FloatArray = NDArray[np.float64]

K1, K2, K3 = 2e6, -2253.0, 8.65e4
"""Of Olufsen: E h / r0 = k1 e^(k2 r0) + k3 [Pa, 1/m, Pa] for the larger systemic arteries; Olufsen (1999), Am. J.
Physiol. 276:H257 (2e7 g/(s2 cm), -22.53 1/cm, 8.65e5 g/(s2 cm))."""


@dataclass(frozen=True)
class Stiffness:
    """Of all walls: none that gives way, one wave speed, or Olufsen's law of the radius.

    Attributes
    ----------
    kind
        ``rigid``, ``wave_speed``, ``olufsen``.
    wave_speed
        Of a pulse [m/s], where ``kind`` is ``wave_speed``.
    factor
        Multiple of the law's stiffness that the walls have.
    """

    kind: Literal["rigid", "wave_speed", "olufsen"] = "olufsen"
    wave_speed: float = quantity("m/s", 0.5, 50.0, "pulse wave speed", 6.0)
    factor: float = quantity("", 0.01, 100.0, "multiple of the law's stiffness", 1.0)

    def beta(self, radius: ArrayLike, density: float) -> FloatArray:
        """Stiffness [Pa] at reference radii [m]; infinite where the walls are rigid."""
        r = np.asarray(radius, dtype=float)
        if self.kind == "rigid":
            return np.full(r.shape, np.inf)
        if self.kind == "wave_speed":
            return np.full(r.shape, self.factor * 2.0 * density * self.wave_speed**2)
        return np.asarray(self.factor * 4.0 / 3.0 * (K1 * np.exp(K2 * r) + K3))

    def compliance(self, arc_length: ArrayLike, radius: ArrayLike, density: float) -> float:
        """Of a vessel [m3/Pa]: the integral of 2 A0 / beta along it."""
        r = np.asarray(radius, dtype=float)
        return float(np.trapezoid(2.0 * np.pi * r**2 / self.beta(r, density), np.asarray(arc_length, dtype=float)))
