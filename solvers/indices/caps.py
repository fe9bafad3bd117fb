"""Indices of the caps over a cycle: flow split, mean pressure, pressure drop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CapIndices:
    """What a cycle tells of one cap; flows out of the vessel are positive at outlets, into it at inlets.

    Attributes
    ----------
    flow_fraction
        Mean flow over the sum of the mean flows of all outlets (or inlets).
    pressure_drop
        Mean pressure of the first inlet minus that of the cap [Pa].
    pressure_drop_peak
        The same at the instant of the largest inflow [Pa].
    """

    mean_flow: float
    peak_flow: float
    flow_fraction: float
    mean_pressure: float
    systolic_pressure: float
    diastolic_pressure: float
    pressure_drop: float
    pressure_drop_peak: float


def cap_indices(flow: FloatArray, pressure: FloatArray, n_inlets: int) -> list[CapIndices]:
    """Indices of all caps from a cycle at equal time steps.

    Parameters
    ----------
    flow, pressure : (t, n_caps)
        Flow [m3/s] out of the vessel, pressure [Pa]; the first ``n_inlets`` caps are inlets.
    """
    sign = np.where(np.arange(flow.shape[1]) < n_inlets, -1.0, 1.0)
    directed = flow * sign
    mean_flow = directed.mean(axis=0)
    mean_pressure = pressure.mean(axis=0)
    peak = int(np.argmax(directed[:, :n_inlets].sum(axis=1)))
    group_sum = np.array([mean_flow[:n_inlets].sum(), mean_flow[n_inlets:].sum()])
    total = group_sum[(np.arange(flow.shape[1]) >= n_inlets).astype(int)]
    return [
        CapIndices(
            mean_flow=float(mean_flow[cap]),
            peak_flow=float(directed[np.argmax(np.abs(directed[:, cap])), cap]),
            flow_fraction=float(mean_flow[cap] / total[cap]) if total[cap] != 0.0 else float("nan"),
            mean_pressure=float(mean_pressure[cap]),
            systolic_pressure=float(pressure[:, cap].max()),
            diastolic_pressure=float(pressure[:, cap].min()),
            pressure_drop=float(mean_pressure[0] - mean_pressure[cap]),
            pressure_drop_peak=float(pressure[peak, 0] - pressure[peak, cap]),
        )
        for cap in range(flow.shape[1])
    ]
