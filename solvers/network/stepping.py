"""Stepping a lumped network through time, for losses that grow with the square of the flow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel

FloatArray = NDArray[np.float64]


@kernel
def march(
    inflow: FloatArray,
    dt: float,
    branches: FloatArray,
    outlets: FloatArray,
    flow: FloatArray,
    compliance_pressure: FloatArray,
    junction: FloatArray,
) -> None:
    """One period of branches that share a junction, each with a three-element Windkessel; BDF2, implicit.

    In each branch ``P = R Q + K |Q| Q + L dQ/dt + Rp Q + Pc`` and ``C dPc/dt = Q - (Pc - Pd) / Rd``, and the flows add
    up to the inflow. ``|Q|`` is extrapolated, so that a step is one division for each branch.

    Parameters
    ----------
    inflow : (n,)
        At the ends of the steps [m3/s].
    branches : (m, 3)
        R [Pa s/m3], K [Pa s2/m6], L [Pa s2/m3].
    outlets : (m, 4)
        Rp, C, Rd, Pd.
    flow, compliance_pressure : (n, m)
        In: the period before, of which the last two rows count. Out: this period.
    junction : (n,)
        Out: the pressure at the junction [Pa].
    """
    n, m = flow.shape
    before_flow, before_pressure = flow[n - 2 :].copy(), compliance_pressure[n - 2 :].copy()
    slope, offset, known, admittance = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    for step in range(n):
        for k in range(m):
            r, loss, inertance = branches[k, 0], branches[k, 1], branches[k, 2]
            r_proximal, c, r_distal, p_distal = outlets[k, 0], outlets[k, 1], outlets[k, 2], outlets[k, 3]
            q1 = flow[step - 1, k] if step > 0 else before_flow[1, k]
            q2 = flow[step - 2, k] if step > 1 else before_flow[step, k]
            p1 = compliance_pressure[step - 1, k] if step > 0 else before_pressure[1, k]
            p2 = compliance_pressure[step - 2, k] if step > 1 else before_pressure[step, k]
            admittance[k] = 1.5 * c / dt + 1.0 / r_distal
            known[k] = (c * (2.0 * p1 - 0.5 * p2) / dt + p_distal / r_distal) / admittance[k]
            slope[k] = r + loss * abs(2.0 * q1 - q2) + 1.5 * inertance / dt + r_proximal + 1.0 / admittance[k]
            offset[k] = known[k] - inertance * (2.0 * q1 - 0.5 * q2) / dt
        total, conductance = inflow[step], 0.0
        for k in range(m):
            total += offset[k] / slope[k]
            conductance += 1.0 / slope[k]
        junction[step] = total / conductance
        for k in range(m):
            flow[step, k] = (junction[step] - offset[k]) / slope[k]
            compliance_pressure[step, k] = known[k] + flow[step, k] / admittance[k]
