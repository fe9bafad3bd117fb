"""What a solved cycle says of the vessel: each way from the inlet to an outlet as a lumped segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from solvers.network.tree import Segment

FloatArray = NDArray[np.float64]


def calibrated(flows: FloatArray, pressures: FloatArray, inlet_pressure: FloatArray, dt: float) -> tuple[Segment, ...]:
    """Segments that explain the pressure drops of a solved flow best: P_in - P_k = R Q + K |Q| Q + L dQ/dt.

    Least squares with non-negative coefficients over the steps of a cycle.

    Parameters
    ----------
    flows, pressures : (n, n_outlets)
        Out of each outlet [m3/s] and at it [Pa], at the ends of the steps.
    inlet_pressure : (n,)
        [Pa].
    """
    segments = []
    for flow, pressure in zip(flows.T, pressures.T, strict=True):
        terms = np.column_stack([flow, np.abs(flow) * flow, np.gradient(flow, dt)])
        size = np.maximum(np.abs(terms).max(axis=0), np.finfo(float).tiny)
        resistance, loss, inertance = (nnls(terms / size, inlet_pressure - pressure)[0] / size).tolist()
        segments.append(Segment(resistance, inertance, loss))
    return tuple(segments)
