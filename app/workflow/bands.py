"""The band of a computed number, the chance that it lies below a limit, and what most of the band comes from.

Inputs are declared distributions (`app.workflow.ensemble_plan.Spread`), drawn quasi-randomly (scrambled Sobol points)
in the pattern of Saltelli et al. 2010, Comput. Phys. Commun. 181:259, as `scipy.stats.sobol_indices` does it. Every
point of the pattern is a draw from the inputs' joint distribution, so all of them count for the band.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.case.errors import CaseError
from app.workflow.ensemble_plan import Spread
from imaging.types import FloatArray

BAND = (0.05, 0.95)
LEAST_SAMPLES = 64
MOST_FAILED = 0.1
"""Part of the samples that may have no result; with more there is no band."""


@dataclass(frozen=True)
class Band:
    """What is uncertain about a number.

    Attributes
    ----------
    low, middle, high
        5, 50 and 95 % quantile of the samples.
    chance_below
        Part of the samples below the limit; NaN without one.
    shares, totals
        Of each input by name: part of the variance that it causes alone (first-order Sobol index), and together with
        the others (total index). Nothing is clipped: below some hundred samples they are noisy and may be negative.
    n_samples, n_failed
        How many were solved, and how many of them had no result.
    """

    low: float
    middle: float
    high: float
    chance_below: float
    shares: dict[str, float]
    totals: dict[str, float]
    n_samples: int
    n_failed: int

    def sentence(self, value: float, limit: float | None = None, digits: int = 2, unit: str = "") -> str:
        """The number with its band in words."""
        unit = f" {unit}" if unit else ""
        low, high = (f"{bound:.{digits}f}" for bound in (self.low, self.high))
        told = f"{value:.{digits}f}{unit}, 90 % band {low} to {high}{unit}"
        if limit is not None:
            told += f", chance below {limit:.{digits}f}: {self.chance_below:.2f}"
        most = max(self.totals, key=lambda name: self.totals[name])
        return f"{told}; most of the band comes from {most}"


@dataclass(frozen=True)
class _Distribution:
    spread: Spread

    def ppf(self, q: Any) -> FloatArray:
        return self.spread.at(np.clip(np.asarray(q, dtype=float), 1e-9, 1.0 - 1e-9))


def bands_of(
    evaluate: Callable[[FloatArray], FloatArray],
    spreads: Sequence[Spread],
    n_samples: int,
    limit: float | None = None,
    seed: int = 0,
) -> list[Band]:
    """Bands of several numbers that follow from uncertain inputs.

    Parameters
    ----------
    evaluate
        Takes (d, n) inputs, a row for each spread, to (k, n) numbers; NaN where a sample has no result.
    n_samples
        About how many samples are solved: a power of two times (d + 2), not more than this.

    Raises
    ------
    CaseError
        ``bad_spread`` for no inputs, ``bad_plan`` for too few samples, ``no_band`` when too many have no result.
    """
    from scipy.stats import sobol_indices

    d = len(spreads)
    if d == 0 or len({spread.name for spread in spreads}) < d:
        raise CaseError("bad_spread", "A band needs inputs that vary, each named once: give one a spread above zero.")
    n = 1 << (max(n_samples, 1) // (d + 2)).bit_length() - 1 if n_samples >= d + 2 else 0
    if n_samples < LEAST_SAMPLES or n < 2:
        raise CaseError("bad_plan", f"A band of {d} inputs needs at least {LEAST_SAMPLES} samples, not {n_samples}.")
    kept: list[FloatArray] = []
    failed = 0

    def solved(x: FloatArray) -> FloatArray:
        nonlocal failed
        found = np.atleast_2d(evaluate(np.asarray(x, dtype=float)))
        there = np.isfinite(found).all(axis=0)
        failed += int((~there).sum())
        kept.append(found[:, there])
        middle = np.median(found[:, there], axis=1) if there.any() else np.zeros(len(found))
        return np.where(there, found, middle[:, None])  # a sample without a result tells nothing of its inputs

    distributions: list[Any] = [_Distribution(spread) for spread in spreads]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a number that does not vary has no shares
        found = sobol_indices(func=solved, n=n, dists=distributions, rng=np.random.default_rng(seed))
    samples = np.concatenate(kept, axis=1)
    whole = samples.shape[1] + failed
    if failed > MOST_FAILED * whole:
        raise CaseError("no_band", f"{failed} of {whole} samples have no result: no band follows; narrow the spreads.")
    first, total = (np.nan_to_num(np.atleast_2d(index)) for index in (found.first_order, found.total_order))
    names = [spread.name for spread in spreads]
    bands = []
    for k, row in enumerate(samples):
        low, middle, high = (float(value) for value in np.quantile(row, (BAND[0], 0.5, BAND[1])))
        chance = float(np.mean(row < limit)) if limit is not None else float("nan")
        shares = [dict(zip(names, map(float, index[k]), strict=True)) for index in (first, total)]
        bands.append(Band(low, middle, high, chance, shares[0], shares[1], whole, failed))
    return bands
