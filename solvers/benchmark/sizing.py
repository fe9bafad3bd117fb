"""How long the cells of a tube are along it: the sizing rule of the benchmarks, in terms of the local radius only.

* Across: ``n_rings`` cells from the axis to the wall everywhere, so cells are smaller where the vessel is narrower;
  they get thinner towards the wall, where the last is ``stretch`` times the mean thickness.
* Along: ``along`` local radii.
* A jet: where the vessel is at least ``narrowing`` narrower than upstream and widens again, the throat's length is kept
  for ``jet_diameters`` throat diameters downstream.
* From one place to the next a length changes by at most ``growth`` times the way.

These numbers belong to no case: the same ones serve tapered, curved and branching vessels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

N_SAMPLES = 2401


@dataclass(frozen=True)
class Sizing:
    """The numbers of the rule; see the module."""

    n_rings: int = 5
    stretch: float = 0.4
    along: float = 0.35
    narrowing: float = 0.9
    jet_diameters: float = 5.0
    jet_growth: float = 0.05
    growth: float = 0.15


def lengths(z: FloatArray, radius: FloatArray, sizing: Sizing) -> FloatArray:
    """Cell length [m] at places ``z`` (n,) along a vessel of a ``radius`` (n,) [m] whose flow goes towards larger z."""
    size = sizing.along * radius
    inner = (radius[1:-1] <= radius[:-2]) & (radius[1:-1] < radius[2:])
    widest_upstream = np.maximum.accumulate(radius)[1:-1]
    for throat in 1 + np.flatnonzero(inner & (radius[1:-1] < sizing.narrowing * widest_upstream)):
        beyond = z - z[throat] - sizing.jet_diameters * 2.0 * radius[throat]
        jet = sizing.along * radius[throat] + sizing.jet_growth * np.maximum(0.0, beyond)
        size = np.where(z >= z[throat], np.minimum(size, jet), size)
    for order in (range(1, len(z)), range(len(z) - 2, -1, -1)):
        for here in order:
            before = here - 1 if order.step > 0 else here + 1
            size[here] = min(size[here], size[before] + sizing.growth * abs(z[here] - z[before]))
    return size


def sections(length: float, radius: Callable[[FloatArray], FloatArray], sizing: Sizing) -> FloatArray:
    """Places [m] of the sections of a vessel of this ``length`` [m]."""
    z = np.linspace(0.0, length, N_SAMPLES)
    per_length = 1.0 / lengths(z, radius(z), sizing)
    count = np.concatenate([[0.0], np.cumsum(0.5 * (per_length[1:] + per_length[:-1]) * np.diff(z))])
    return np.interp(np.linspace(0.0, count[-1], int(np.ceil(count[-1])) + 1), count, z)
