"""Strain-energy laws of the aortic wall and of thrombus, isotropic and (nearly) incompressible.

All have the form ``W = a1 (I1 - 3) + a2 (I1 - 3)^2 + b1 (I2 - 3) + b2 (I2 - 3)^2 + U(J)`` with the invariants of the
left Cauchy-Green tensor of the volume-preserving part of the deformation, ``U = bulk/2 (J - 1)^2`` and all constants
in Pa.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """Constants [Pa] of the law above.

    Attributes
    ----------
    bulk
        Bulk modulus [Pa]; infinite for an incompressible material.
    source
        Where the constants come from, and how sure that is.
    """

    name: str
    a1: float
    a2: float
    b1: float
    b2: float
    bulk: float
    source: str

    @property
    def shear(self) -> float:
        """Shear modulus at rest [Pa]."""
        return 2.0 * (self.a1 + self.b1)

    def row(self) -> FloatArray:
        """a1, a2, b1, b2 and 1/bulk (5,), as the kernels read them."""
        return np.array([self.a1, self.a2, self.b1, self.b2, 1.0 / self.bulk])


def bulk_of(shear: float, poisson: float) -> float:
    """Bulk modulus [Pa] of a shear modulus [Pa] and Poisson's ratio (0.5: infinite)."""
    return np.inf if poisson >= 0.5 else 2.0 * shear * (1.0 + poisson) / (3.0 * (1.0 - 2.0 * poisson))


def linear_elastic(young: float, poisson: float) -> Material:
    """A law that is Hooke's for small strains: ``young`` [Pa]."""
    shear = young / (2.0 * (1.0 + poisson))
    return Material("linear elastic", shear / 2.0, 0.0, 0.0, 0.0, bulk_of(shear, poisson), "Hooke's law")


def raghavan_vorp(poisson: float = 0.499) -> Material:
    """Wall of abdominal aneurysms: ``W = a (I1 - 3) + b (I1 - 3)^2``, a = 17.4 N/cm2, b = 188.1 N/cm2."""
    return Material(
        *("Raghavan-Vorp wall", 174e3, 1.881e6, 0.0, 0.0, bulk_of(2.0 * 174e3, poisson)),
        "population mean of Raghavan and Vorp (2000), J. Biomech. 33:475",
    )


def wang_thrombus(poisson: float = 0.499) -> Material:
    """Thrombus inside an aneurysm: ``W = c1 (I2 - 3) + c2 (I2 - 3)^2``, c1 = c2 = 2.6 N/cm2."""
    return Material(
        *("Wang thrombus", 0.0, 0.0, 26e3, 26e3, bulk_of(2.0 * 26e3, poisson)),
        "assumption: about the mean of Wang et al. (2001), J. Biomech. Eng. 123:536, recalled and not seen in print",
    )
