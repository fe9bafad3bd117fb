"""Stiffness of vessel walls: the beta [Pa] of ``p = beta (sqrt(A/A0) - 1)`` from what is known of the wall.

For a thin, incompressible (Poisson's ratio 1/2), isotropic wall ``beta = (4/3) E h / r0`` (Formaggia, Lamponi &
Quarteroni 2003, J. Eng. Math. 47:251); the wave speed is ``c^2 = beta / (2 rho) sqrt(A/A0)``.
"""

from __future__ import annotations

import numpy as np


def beta_of_wall(young: float, thickness: float, radius: float) -> float:
    """From Young's modulus [Pa], thickness and reference radius [m]."""
    return 4.0 / 3.0 * young * thickness / radius


def beta_of_wave_speed(speed: float, density: float) -> float:
    """From the pulse wave speed [m/s] at the reference area."""
    return 2.0 * density * speed**2


def thickness_of_radius(radius: float) -> float:
    """Thickness [m] of an artery's wall for its radius [m]: h = r (a e^(b r) + c e^(d r)).

    Blanco, Watanabe, Dari, Passos & Feijoo (2014), Biomech. Model. Mechanobiol. 13:1303, fitted to Avolio's arteries;
    numbers as in openBF.
    """
    return float(radius * (0.2802 * np.exp(-505.3 * radius) + 0.1324 * np.exp(-11.14 * radius)))


def beta_of_olufsen(radius: float, k1: float = 2e6, k2: float = -2253.0, k3: float = 8.65e4) -> float:
    """From E h / r0 = k1 e^(k2 r0) + k3 [Pa; k2 in 1/m]; the numbers are for the larger systemic arteries.

    Olufsen (1999), Am. J. Physiol. 276:H257 (k1 = 2e7 g/(s2 cm), k2 = -22.53 1/cm, k3 = 8.65e5 g/(s2 cm)). Olufsen's
    pressure law is (4/3) (E h / r0) (1 - sqrt(A0/A)): beta gives the same wave speed at the reference area, not far
    from it.
    """
    return float(4.0 / 3.0 * (k1 * np.exp(k2 * radius) + k3))
