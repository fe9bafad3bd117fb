"""The band of a rupture potential index by the linear short cut, and what most of it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.workflow.wall_parameters import WallParameters
from imaging.types import FloatArray

SEED = 7
THICKNESS_FACTORS = (0.6, 1.0, 1.6)
"""Of the nominal thickness, at which the linear short cut is solved."""
LEAST_PRESSURE_SHARE = 0.2


@dataclass(frozen=True)
class StressByThickness:
    """A stress at ``THICKNESS_FACTORS``; between them its logarithm is quadratic in that of the factor."""

    stress: tuple[float, float, float]

    def relative(self, factor: FloatArray) -> FloatArray:
        """Stress at thicknesses of ``factor`` times the nominal one, by that at the nominal one."""
        x, y = np.log(THICKNESS_FACTORS), np.log(self.stress)
        result: FloatArray = np.exp(np.polyval(np.polyfit(x, y, 2), np.log(factor)) - y[1])
        return result


def index_band(
    nominal: float, pressure_mmhg: float, by_thickness: StressByThickness, chosen: WallParameters
) -> dict[str, object]:
    """Quantiles of the index and shares of its band.

    The nonlinear index at the nominal values is scaled: with pressure, as the linear short cut's stress is proportional
    to it; with thickness, as the linear short cut says; with strength, by which it is divided. The samples are
    quasi-random (scrambled Sobol points). A share is that of the logarithm's variance, in which the factors add up.

    Parameters
    ----------
    nominal
        Index at the nominal values.
    """
    from scipy.stats import norm, qmc

    points = qmc.Sobol(3, seed=SEED).random(1 << int(np.ceil(np.log2(chosen.samples))))[: chosen.samples]
    normal = norm.ppf(np.clip(points, 1e-9, 1.0 - 1e-9))
    thickness = _log_normal(normal[:, 0], chosen.thickness_cv)
    pressure = np.maximum(1.0 + normal[:, 1] * chosen.pressure_sd_mmhg / pressure_mmhg, LEAST_PRESSURE_SHARE)
    strength = _log_normal(normal[:, 2], chosen.strength_cv)
    factors = {"thickness": by_thickness.relative(thickness), "pressure": pressure, "strength": 1.0 / strength}
    index = nominal * np.prod(list(factors.values()), axis=0)
    parts = {name: float(np.var(np.log(factor))) for name, factor in factors.items()}
    whole = sum(parts.values())
    low, middle, high = (float(value) for value in np.quantile(index, (0.05, 0.5, 0.95)))
    shares = {name: round(part / whole, 3) if whole > 0.0 else 0.0 for name, part in parts.items()}
    most = max(shares, key=lambda name: shares[name])
    return {
        "n_samples": chosen.samples,
        "p05": round(low, 4),
        "p50": round(middle, 4),
        "p95": round(high, 4),
        "chance_above_1": round(float(np.mean(index > 1.0)), 4),
        "shares": shares,
        "sentence": f"{nominal:.2f}, 90 % band {low:.2f} to {high:.2f}; most of the band comes from the {most}.",
    }


def _log_normal(normal: FloatArray, cv: float) -> FloatArray:
    """Samples of mean 1 and a standard deviation of ``cv`` from standard normal ones."""
    spread = np.sqrt(np.log1p(cv**2))
    result: FloatArray = np.exp(spread * normal - 0.5 * spread**2)
    return result
