"""How viscous blood is at a shear rate: the laws behind ``Fluid.law``.

With ``g = sqrt(2 D:D)`` the shear rate [1/s], D the symmetric velocity gradient:

* **Carreau-Yasuda**: ``mu = mu_inf + (mu_0 - mu_inf) (1 + (lambda g)^a)^((n - 1) / a)`` (Yasuda, Armstrong & Cohen
  (1981), Rheol. Acta 20:163; a = 2 is the law of Carreau (1972), Trans. Soc. Rheol. 16:99). Bounded at any shear rate.
* **Casson**: ``sqrt(mu) = sqrt(mu_p) + sqrt(tau_y / g) (1 - exp(-sqrt(m g)))`` (Casson 1959; the exponential is the
  regularization of Papanastasiou (1987), J. Rheol. 31:385, in its form for Casson's law). Without it no blood flows
  where the stress is below tau_y; with it such blood creeps at a viscosity of at most
  ``(sqrt(mu_p) + sqrt(tau_y m))^2``.

Blood was measured at shear rates from about 0.1 to 1000 1/s, and both laws hold there only. Neither knows of the time
that blood needs to thin or to thicken (thixotropy), nor of its elasticity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import CarreauYasuda, Casson, Fluid
from solvers.fem.viscous import ViscosityLaw

FloatArray = NDArray[np.float64]


def viscosity_law(fluid: Fluid) -> ViscosityLaw | None:
    """Dynamic viscosity [Pa s] as a function of the shear rate [1/s], array to array; None for a Newtonian fluid."""
    law = fluid.law
    if law is None:
        return None
    if isinstance(law, CarreauYasuda):
        return lambda shear_rate: carreau_yasuda(law, shear_rate)
    return lambda shear_rate: casson(law, shear_rate)


def carreau_yasuda(law: CarreauYasuda, shear_rate: FloatArray) -> FloatArray:
    """Viscosity [Pa s] at shear rates [1/s], of the same shape."""
    a = law.transition
    scaled = law.time_constant * shear_rate
    thinning = (1.0 + (scaled * scaled if a == 2.0 else scaled**a)) ** ((law.power_index - 1.0) / a)
    return np.asarray(law.infinite_viscosity + (law.zero_viscosity - law.infinite_viscosity) * thinning)


def casson(law: Casson, shear_rate: FloatArray) -> FloatArray:
    """Viscosity [Pa s] at shear rates [1/s], of the same shape."""
    scaled = np.sqrt(law.regularization * shear_rate)
    small = scaled < 1e-8  # there (1 - exp(-s)) / s is 1 to rounding
    fraction = np.where(small, 1.0, -np.expm1(-scaled) / np.where(small, 1.0, scaled))
    root = np.sqrt(law.plastic_viscosity) + np.sqrt(law.yield_stress * law.regularization) * fraction
    return np.asarray(root * root)
