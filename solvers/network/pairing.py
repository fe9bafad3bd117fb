"""Whether each outlet's condition stands at its own vessel: lists that are off by one are found by what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import CoronaryOutlet, Outlet, RcrOutlet, ResistanceOutlet

FloatArray = NDArray[np.float64]

OWN_WITHIN = 0.05
"""A condition's resistance and what was seen at its outlet agree within this part, or another one may belong there:
mean pressure over mean flow of a periodic beat is the resistance, up to what is left of the start. An assumption."""
LIKE = 0.95
UNLIKE = 0.5
"""Correlations, of outlets' conductances with their areas, that are like or unlike vessels. Assumptions."""


@dataclass(frozen=True)
class Exchange:
    """An outlet at which the resistance [Pa s/m3] of another one's condition was seen."""

    outlet: str
    seen: float
    own: float
    of: str
    theirs: float


def resistance_of(outlet: Outlet) -> tuple[float, float] | None:
    """Resistance from the outlet on [Pa s/m3] and the pressure behind it [Pa]; None where it has none."""
    if isinstance(outlet, RcrOutlet):
        return outlet.r_proximal + outlet.r_distal, outlet.p_distal
    if isinstance(outlet, ResistanceOutlet):
        return outlet.resistance, outlet.p_distal
    if isinstance(outlet, CoronaryOutlet):
        return outlet.r_artery + outlet.r_micro + outlet.r_vein, outlet.p_venous
    return None


def exchanged(outlets: Sequence[Outlet], flow: FloatArray, pressure: FloatArray) -> tuple[Exchange, ...]:
    """Outlets whose conditions acted at one another's vessels.

    Parameters
    ----------
    flow, pressure : (n,)
        Means over a periodic beat [m3/s, Pa] that were seen at each outlet.
    """
    from scipy.optimize import linear_sum_assignment

    closed = [resistance_of(outlet) for outlet in outlets]
    known = [k for k, one in enumerate(closed) if one is not None and flow[k] > 0.0]
    if len(known) < 2:
        return ()
    own = np.array([closed[k] for k in known], dtype=float)  # (m, 2)
    seen = (pressure[known][:, None] - own[None, :, 1]) / flow[known][:, None]  # at i, if j's pressure is behind it
    off = np.abs(np.log(np.maximum(seen, 1e-300) / own[None, :, 0]))
    at, of = linear_sum_assignment(off)
    if (np.diag(off) <= OWN_WITHIN).all() or (off[at, of] > OWN_WITHIN).any():
        return ()
    names = [outlets[k].name for k in known]
    return tuple(
        Exchange(names[i], float(seen[i, i]), float(own[i, 0]), names[j], float(own[j, 0]))
        for i, j in zip(at.tolist(), of.tolist(), strict=True)
        if i != j and off[i, i] > OWN_WITHIN
    )


def shifted(outlets: Sequence[Outlet], radius: FloatArray) -> tuple[int, float, float] | None:
    """By how many places the list of conditions fits the vessels' sizes far better, and both correlations.

    Of at least four outlets' conductances with their areas, on logarithmic scales; None where the list fits as it is,
    or nowhere.
    """
    closed = [resistance_of(outlet) for outlet in outlets]
    if len(closed) < 4 or any(one is None for one in closed):
        return None
    conductance = -np.log([one[0] for one in closed if one is not None])
    area = 2.0 * np.log(radius)
    if np.ptp(conductance) < 1e-9 or np.ptp(area) < 1e-9:
        return None
    fits = [float(np.corrcoef(np.roll(conductance, -k), area)[0, 1]) for k in range(len(closed))]
    best = int(np.argmax(fits))
    return (best, fits[0], fits[best]) if fits[0] <= UNLIKE and fits[best] >= LIKE else None
