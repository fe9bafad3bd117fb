"""Indices of the wall shear stress over a cycle.

With tau(t) the stress vector at a place of the wall, T the period:

* TAWSS = (1/T) integral |tau| dt [Pa]
* OSI = (1 - |integral tau dt| / integral |tau| dt) / 2, from 0 to 0.5 (Ku et al. (1985), Arteriosclerosis 5:293;
  with vectors He & Ku (1996), J. Biomech. Eng. 118:74)
* RRT = 1 / ((1 - 2 OSI) TAWSS) [1/Pa] (Himburg et al. (2004), Am. J. Physiol. 286:H1916)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def tawss(magnitude_integral: FloatArray, duration: float) -> FloatArray:
    """Time-averaged wall shear stress (n,) [Pa] of the integrals (n,) of |tau| over ``duration``."""
    return np.asarray(magnitude_integral / duration)


def osi(vector_integral: FloatArray, magnitude_integral: FloatArray) -> FloatArray:
    """Oscillatory shear index (n,) of the integrals of tau (n, 3) and |tau| (n,); 0 where there is no stress."""
    net = np.linalg.norm(vector_integral, axis=-1)
    total = np.where(magnitude_integral > 0.0, magnitude_integral, 1.0)
    index = 0.5 * (1.0 - net / total)
    return np.where(magnitude_integral > 0.0, np.clip(index, 0.0, 0.5), 0.0)


def rrt(osi_values: FloatArray, tawss_values: FloatArray) -> FloatArray:
    """Relative residence time (n,) [1/Pa]; infinite where the mean stress vanishes."""
    net = (1.0 - 2.0 * osi_values) * tawss_values
    return np.where(net > 0.0, 1.0 / np.where(net > 0.0, net, 1.0), np.inf)


def cycle_integrals(stress: FloatArray, times: FloatArray, period: float) -> tuple[FloatArray, FloatArray]:
    """Integrals of tau (n, 3) and |tau| (n,) over a period of samples (t, n, 3) at ``times`` (t,) of one period.

    Trapezoids over the closed cycle.
    """
    closed = np.concatenate([times, [times[0] + period]])
    values = np.concatenate([stress, stress[:1]])
    vector = np.trapezoid(values, closed, axis=0)
    magnitude = np.trapezoid(np.linalg.norm(values, axis=-1), closed, axis=0)
    return vector, magnitude


def weighted_percentiles(values: FloatArray, weights: FloatArray, percent: FloatArray) -> FloatArray:
    """Percentiles (k,) of values (n,) that stand for ``weights`` (n,) each, e.g. areas."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.asarray(np.interp(np.asarray(percent) / 100.0 * weights.sum(), share, values[order]))
