"""What values of unknowns are likely, given measurements: particles led from all that is possible to what fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.case.errors import CaseError
from imaging.types import FloatArray, Progress, silent

MOVES = 20
"""Of each particle at each temperature."""
KEPT = 0.7
"""Effective part of the particles that a step in temperature leaves."""
WANTED_ACCEPTANCE = 0.25


def tempered_samples(
    log_likelihood: Callable[[FloatArray], FloatArray],
    n_dimensions: int,
    n_particles: int,
    seed: int,
    is_periodic: FloatArray,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> FloatArray:
    """Equally likely points (n_particles, n_dimensions) of the unit cube, evenly likely before the measurement.

    Sequential Monte Carlo (Del Moral, Doucet & Jasra 2006, J. R. Stat. Soc. B 68:411): the likelihood's power goes from
    0 to 1 in steps that leave ``KEPT`` of them; after each they are drawn anew and moved by Metropolis's rule with
    their own covariance.

    Parameters
    ----------
    is_periodic : (n_dimensions,) of bool
        Where 0 and 1 are the same.

    Raises
    ------
    CaseError
        ``cancelled``.
    """
    rng = np.random.default_rng(seed)
    points = rng.random((n_particles, n_dimensions))
    likely = log_likelihood(points)
    power, size = 0.0, 2.38 / np.sqrt(n_dimensions)
    while power < 1.0:
        if is_cancelled():
            raise CaseError("cancelled", "The fit was cancelled.")
        step = _step(likely, power)
        weights = np.exp(step * (likely - likely.max()))
        power += step
        places = (rng.random() + np.arange(n_particles)) / n_particles
        drawn = np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), places), n_particles - 1)
        points, likely = points[drawn], likely[drawn]
        root = np.linalg.cholesky(np.cov(points.T) + 1e-10 * np.eye(n_dimensions))
        for _ in range(MOVES):
            # most moves are of the size that fits the covariance, some far smaller: ridges may be bent
            scale = size * np.where(rng.random(n_particles) < 0.5, 1.0, 0.25)[:, None]
            tried = points + scale * (rng.standard_normal(points.shape) @ root.T)
            tried[:, is_periodic] %= 1.0
            inside = np.all((tried >= 0.0) & (tried <= 1.0), axis=1)
            there = np.full(n_particles, -np.inf)
            there[inside] = log_likelihood(tried[inside])
            taken = np.log(rng.random(n_particles)) < power * (there - likely)
            points[taken], likely[taken] = tried[taken], there[taken]
            size *= np.exp(0.3 * (taken.mean() - WANTED_ACCEPTANCE))
        progress(power, f"likelihood to the power of {power:.3g}")
    return points


def _step(likely: FloatArray, power: float) -> float:
    """How far the power may grow, at most to 1."""

    def effective(step: float) -> float:
        weights = np.exp(step * (likely - likely.max()))
        return float(weights.sum() ** 2 / (weights**2).sum())

    low, high = 0.0, 1.0 - power
    if effective(high) >= KEPT * len(likely):
        return high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= KEPT * len(likely) else (low, middle)
    return max(low, 1e-12)
