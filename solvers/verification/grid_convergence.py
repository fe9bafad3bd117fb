"""Observed order and grid convergence index of a number computed on three meshes.

Celik, Ghia, Roache, Freitas, Coleman & Raad (2008), J. Fluids Eng. 130:078001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAFETY = 1.25
"""Safety factor of the index where three meshes are used."""


@dataclass(frozen=True)
class GridConvergence:
    """What three meshes say of a number.

    Attributes
    ----------
    order
        Observed order p; NaN where the differences give none.
    extrapolated
        Richardson's value from the two finest meshes.
    error
        Approximate relative error of the finest value, |(f1 - f2) / f1|.
    index
        Grid convergence index of the finest value, as a part of it.
    is_monotone
        Whether the values approach their limit from one side; if not, the index is no bound.
    """

    order: float
    extrapolated: float
    error: float
    index: float
    is_monotone: bool


def cell_size(volume: float, n_cells: int) -> float:
    """Representative size [m] of the cells of a mesh that fills a volume [m3]: (V/N)**(1/3)."""
    return float((volume / n_cells) ** (1.0 / 3.0))


def grid_convergence(sizes: tuple[float, float, float], values: tuple[float, float, float]) -> GridConvergence:
    """Order, Richardson value and index.

    The order is the fixed point of ``p = |ln|e32/e21| + q(p)| / ln r21`` with
    ``q = ln((r21**p - s) / (r32**p - s))`` and ``s = sign(e32/e21)`` (eq. 3 there).

    Parameters
    ----------
    sizes
        Cell sizes, finest first.
    values
        The number on these meshes.
    """
    fine, medium, coarse = sizes
    if not 0.0 < fine < medium < coarse:
        raise ValueError("the cell sizes must grow from the first mesh to the last")
    r21, r32 = medium / fine, coarse / medium
    e21, e32 = values[1] - values[0], values[2] - values[1]
    error = abs(e21 / values[0])
    if e21 == 0.0 or e32 == 0.0:
        return GridConvergence(float("nan"), values[0], error, float("nan"), e32 == e21)
    sign = float(np.sign(e32 / e21))
    order = abs(np.log(abs(e32 / e21))) / np.log(r21)
    for _ in range(500):
        low, high = r21**order - sign, r32**order - sign
        if low <= 0.0 or high <= 0.0:
            order = float("nan")
            break
        new = abs(np.log(abs(e32 / e21)) + np.log(low / high)) / np.log(r21)
        if abs(new - order) < 1e-12:
            break
        order = 0.5 * (order + new)
    gain = r21**order - 1.0
    extrapolated = (r21**order * values[0] - values[1]) / gain
    return GridConvergence(float(order), float(extrapolated), error, float(SAFETY * error / gain), sign > 0.0)
