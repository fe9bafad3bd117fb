"""A surface around a vessel as one radius per ray: the least cost over all rays, neighbors kept alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.types import IntArray

Costs = NDArray[np.float32]
_NEAR = 3
"""Steps by which two neighbors may differ at most."""


def smooth_surface(costs: Costs, per_step: float) -> IntArray:
    """The step (n, m) of a surface on each of n x m rays, m of them around a closed section.

    Costs are gathered along both directions of both families of lines (around, with the last ray beside the first, and
    along the vessel), and each ray takes the step of the least sum: semi-global matching (Hirschmüller 2008, IEEE Trans
    Pattern Anal Mach Intell 30:328) of a cylinder.

    Parameters
    ----------
    costs : (n, m, k)
        What it costs that the surface crosses a ray at a step.
    per_step
        What a difference of one step between neighbors costs; they differ by three steps at most.
    """
    total = np.zeros_like(costs)
    around = np.ascontiguousarray(np.moveaxis(costs, 1, 0))
    for way in (1, -1):
        total += np.moveaxis(_gathered(around[::way], per_step, is_closed=True)[::way], 0, 1)
        total += _gathered(costs[::way], per_step, is_closed=False)[::way]
    return np.asarray(total.argmin(axis=2), dtype=np.int64)


def _gathered(costs: Costs, per_step: float, is_closed: bool) -> Costs:
    """Least cost (n, m, k) of a line of rays that ends at each ray, over the line's steps before it."""
    n = len(costs)
    found = np.empty_like(costs)
    last = np.zeros_like(costs[0])
    for at in range(-n if is_closed else 0, n):
        best = last + 0.0
        for step in range(1, _NEAR + 1):
            dearer = last + np.float32(step * per_step)
            np.minimum(best[:, step:], dearer[:, :-step], out=best[:, step:])
            np.minimum(best[:, :-step], dearer[:, step:], out=best[:, :-step])
        last = costs[at] + best - best.min(axis=1, keepdims=True)
        if at >= 0:
            found[at] = last
    return found
