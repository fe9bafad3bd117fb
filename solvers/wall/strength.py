"""Strength of the wall of abdominal aneurysms by regression on the patient, and what is set beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PA_PER_N_CM2 = 1e4
NORMAL_DIAMETER = 0.022
"""Of the infrarenal aorta [m], if the patient's own is not known; assumption of the regression's users."""
THROMBUS_RANGE, RATIO_RANGE = (0.0, 0.036), (1.0, 3.9)
"""The regression is not carried beyond these thicknesses [m] and diameter ratios: values outside take the bound."""


@dataclass(frozen=True)
class StrengthLaw:
    """``s = c0 - c1 (sqrt(thrombus in cm) - t0) - c2 (NORD - n0) - c3 HIST + c4 SEX`` in N/cm2.

    HIST is +1/2 with a family history of aneurysm and -1/2 without, SEX +1/2 for men and -1/2 for women, NORD the local
    diameter by that of the normal aorta.
    """

    name: str
    c0: float
    c1: float
    t0: float
    c2: float
    n0: float
    c3: float
    c4: float
    source: str

    def strength(
        self, thrombus: FloatArray, diameter_ratio: FloatArray, is_male: bool, has_history: bool
    ) -> FloatArray:
        """Strength [Pa] for thicknesses of thrombus [m] and ratios of diameters, of the same shape."""
        thickness = 100.0 * np.clip(thrombus, *THROMBUS_RANGE)
        ratio = np.clip(diameter_ratio, *RATIO_RANGE)
        sex, history = (0.5 if is_male else -0.5), (0.5 if has_history else -0.5)
        in_n_cm2 = self.c0 - self.c1 * (np.sqrt(thickness) - self.t0) - self.c2 * (ratio - self.n0)
        result: FloatArray = PA_PER_N_CM2 * (in_n_cm2 - self.c3 * history + self.c4 * sex)
        return result


VANDE_GEEST = StrengthLaw(
    *("Vande Geest 2006", 71.9, 37.9, 0.81, 15.6, 2.46, 21.3, 19.3),
    "Vande Geest et al. (2006), Ann. Biomed. Eng. 34:1098, as other open programs carry it",
)
VANDE_GEEST_ABSTRACT = StrengthLaw(
    *("Vande Geest 2006, other version", 72.9, 33.5, 0.79, 12.3, 2.31, 24.0, 15.0),
    "assumption: J. Biomech. 39:1324, recalled and not seen in print",
)
"""A second published version. It is computed beside the first, to show how much hangs on the choice."""


def laplace(pressure: float, diameter: float, thickness: float) -> tuple[float, float]:
    """Mean wall stress [Pa] of a thin sphere and of a thin tube under a pressure [Pa], by the law of Laplace."""
    return pressure * diameter / (4.0 * thickness), pressure * diameter / (2.0 * thickness)


DIAMETER_RULE_M = {True: 0.055, False: 0.050}
"""Diameter [m] from which repair is considered, for men and for women."""
DIAMETER_RULE_SOURCE = "repair from 55 mm in men and 50 mm in women: common guidance, recalled"
YEARLY_RISK: tuple[tuple[float, str], ...] = (
    (0.040, "0 %"),
    (0.050, "0.5 to 5 %"),
    (0.060, "3 to 15 %"),
    (0.070, "10 to 20 %"),
    (0.080, "20 to 40 %"),
    (np.inf, "30 to 50 %"),
)
"""Rupture in a year for diameters [m] below each bound."""
YEARLY_RISK_SOURCE = "Brewster et al. (2003), J. Vasc. Surg. 37:1106, for abdominal aneurysms"


def yearly_risk(diameter: float) -> str:
    """Published rupture risk in a year of an abdominal aneurysm of that diameter [m]."""
    return next(risk for bound, risk in YEARLY_RISK if diameter < bound)
