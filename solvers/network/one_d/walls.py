"""The beta [Pa] of ``p = beta (sqrt(A/A0) - 1)`` from a wall's modulus and thickness, and an artery's thickness.

For a thin, incompressible (Poisson's ratio 1/2), isotropic wall ``beta = (4/3) E h / r0`` (Formaggia, Lamponi &
Quarteroni 2003, J. Eng. Math. 47:251); the wave speed is ``c^2 = beta / (2 rho) sqrt(A/A0)``.
"""

from __future__ import annotations

import numpy as np


def beta_of_wall(young: float, thickness: float, radius: float) -> float:
    """From Young's modulus [Pa], thickness and reference radius [m]."""
    return 4.0 / 3.0 * young * thickness / radius


def thickness_of_radius(radius: float) -> float:
    """Thickness [m] of an artery's wall for its radius [m]: h = r (a e^(b r) + c e^(d r)).

    Numbers as openBF takes them for the ADAN56 network of Boileau et al. (2015), Int. J. Numer. Method. Biomed. Eng.
    31:e02732, whose walls are those of the ADAN model.
    """
    return float(radius * (0.2802 * np.exp(-505.3 * radius) + 0.1324 * np.exp(-11.14 * radius)))
