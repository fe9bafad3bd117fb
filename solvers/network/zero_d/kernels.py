"""Compiled solutions of lumped trees: steady states by Newton's method, beats by BDF2.

Both eliminate the tree from its leaves to the inlet, so that a solve costs a few operations for each vessel. Seen from
its inlet a vessel with all behind it is ``Q = g P + j``; ``g = 0`` is a flow that is given. Seen from its end it is
``P = a + b Q``, or a given flow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

JUNCTION, RCR, PRESSURE, CORONARY, SPLIT, RESISTANCE = 0, 1, 2, 3, 4, 5
MAX_NEWTON = 60
NEWTON_TOLERANCE = 1e-12
STEP_TOLERANCE = 1e-7
"""Largest change of a flow in the last iteration of a time step, relative to the largest flow."""
NO_RESISTANCE = 1e-100
"""Keeps a vessel without friction at rest from resisting nothing at all."""


@kernel
def steady_kernel(
    parent: IntArray,
    kind: IntArray,
    coefficients: FloatArray,
    ends: FloatArray,
    inlet: FloatArray,
    is_flow: bool,
    flow: FloatArray,
    pressure_in: FloatArray,
    pressure_out: FloatArray,
) -> int:
    """Steady states of many samples of one tree; returns how many samples did not converge.

    Parameters
    ----------
    parent, kind : (n,)
        Index of each vessel's parent, -1 at the inlet; what closes it.
    coefficients : (s, n, 4)
        R, K, L, C.
    ends : (s, n, 6)
        RCR: Rp, C, Rd, Pd. Resistance: R, 0, 0, Pd. Pressure: P. Coronary: Ra, Ca, Rm, Cm, Rv, Pv. Split: the share.
    inlet : (s,)
        Flow, or pressure where not ``is_flow``.
    flow, pressure_in, pressure_out : (s, n)
        Out.
    """
    samples, n = flow.shape
    g, j = np.empty(n), np.empty(n)
    sum_g, sum_j = np.empty(n), np.empty(n)
    q = np.empty(n)
    failed = 0
    for s in range(samples):
        for v in range(n):  # never at rest where there is no friction, or nothing would resist
            q[v] = inlet[s] if is_flow else (0.0 if coefficients[s, v, 0] > 0.0 else 1.0)
        converged = False
        for _ in range(MAX_NEWTON):
            sum_g[:] = 0.0
            sum_j[:] = 0.0
            for v in range(n - 1, -1, -1):
                a, b, given, is_given = 0.0, 0.0, 0.0, False
                if kind[v] == RCR or kind[v] == RESISTANCE:
                    a, b = ends[s, v, 3], ends[s, v, 0] + ends[s, v, 2]
                elif kind[v] == PRESSURE:
                    a = ends[s, v, 0]
                elif kind[v] == CORONARY:
                    a, b = ends[s, v, 5], ends[s, v, 0] + ends[s, v, 2] + ends[s, v, 4]
                elif kind[v] == SPLIT:
                    given, is_given = ends[s, v, 0] * inlet[s], True
                elif sum_g[v] > 0.0:
                    a, b = -sum_j[v] / sum_g[v], 1.0 / sum_g[v]
                else:
                    given, is_given = sum_j[v], True
                if is_given:
                    g[v], j[v] = 0.0, given
                else:
                    slope = coefficients[s, v, 0] + 2.0 * coefficients[s, v, 1] * abs(q[v]) + NO_RESISTANCE
                    offset = -coefficients[s, v, 1] * abs(q[v]) * q[v]
                    g[v] = 1.0 / (b + slope)
                    j[v] = -(a + offset) / (b + slope)
                if parent[v] >= 0:
                    sum_g[parent[v]] += g[v]
                    sum_j[parent[v]] += j[v]
            change, largest = 0.0, 0.0
            for v in range(n):
                if parent[v] >= 0:
                    pressure_in[s, v] = pressure_out[s, parent[v]]
                elif is_flow:
                    pressure_in[s, v] = (inlet[s] - j[v]) / g[v]
                else:
                    pressure_in[s, v] = inlet[s]
                new = inlet[s] if parent[v] < 0 and is_flow else g[v] * pressure_in[s, v] + j[v]
                slope = coefficients[s, v, 0] + 2.0 * coefficients[s, v, 1] * abs(q[v])
                pressure_out[s, v] = pressure_in[s, v] - slope * new + coefficients[s, v, 1] * abs(q[v]) * q[v]
                change = max(change, abs(new - q[v]))
                largest = max(largest, abs(new))
                q[v] = new
            if change <= NEWTON_TOLERANCE * largest + NO_RESISTANCE:
                converged = True
                break
        if not converged:
            failed += 1
        flow[s, :] = q
    return failed


@kernel
def beat_kernel(
    parent: IntArray,
    kind: IntArray,
    coefficients: FloatArray,
    ends: FloatArray,
    waves: FloatArray,
    inlet: FloatArray,
    is_flow: bool,
    dt: float,
    state: FloatArray,
    flow_in: FloatArray,
    flow_out: FloatArray,
    pressure_in: FloatArray,
    pressure_out: FloatArray,
) -> None:
    """One beat of a tree by BDF2, implicit; each step by Newton's method.

    Parameters
    ----------
    parent, kind : (n,)
        As in :func:`steady_kernel`.
    coefficients, ends : (n, 4), (n, 6)
        As there.
    waves : (n, steps)
        Prescribed pressures, or those of the heart muscle, at the ends of the steps.
    inlet : (steps,)
        Flow or pressure at the ends of the steps.
    state : (2, n, 5)
        In and out: at the newest and the older time P_c, Q_out, Q_in of each vessel and both pressures that its outlet
        stores.
    flow_in, flow_out, pressure_in, pressure_out : (steps, n)
        Out.
    """
    steps, n = flow_in.shape
    alpha = 1.5 / dt
    g, j = np.empty(n), np.empty(n)
    sum_g, sum_j = np.empty(n), np.empty(n)
    slope, offset, q = np.empty(n), np.empty(n), np.empty(n)
    history, known = np.empty((n, 5)), np.empty((n, 4))
    is_linear = True
    for v in range(n):
        if coefficients[v, 1] > 0.0:
            is_linear = False
    for step in range(steps):
        for v in range(n):
            for k in range(5):
                history[v, k] = (2.0 * state[0, v, k] - 0.5 * state[1, v, k]) / dt
            q[v] = 2.0 * state[0, v, 2] - state[1, v, 2]
        for _ in range(MAX_NEWTON):
            sum_g[:] = 0.0
            sum_j[:] = 0.0
            for v in range(n - 1, -1, -1):
                inertance, c = coefficients[v, 2], coefficients[v, 3]
                slope[v] = coefficients[v, 0] + 2.0 * coefficients[v, 1] * abs(q[v]) + NO_RESISTANCE
                offset[v] = -coefficients[v, 1] * abs(q[v]) * q[v]
                a, b, given, is_given = 0.0, 0.0, 0.0, False
                if kind[v] == RCR:
                    admittance = ends[v, 1] * alpha + 1.0 / ends[v, 2]
                    known[v, 0] = (ends[v, 1] * history[v, 3] + ends[v, 3] / ends[v, 2]) / admittance
                    known[v, 1] = 1.0 / admittance
                    a, b = known[v, 0], known[v, 1] + ends[v, 0]
                elif kind[v] == RESISTANCE:
                    a, b = ends[v, 3], ends[v, 0]
                elif kind[v] == PRESSURE:
                    a = waves[v, step]
                elif kind[v] == CORONARY:
                    micro, vein = 1.0 / ends[v, 2], 1.0 / ends[v, 4]
                    first, second = ends[v, 1] * alpha + micro, ends[v, 3] * alpha + micro + vein
                    k_first = ends[v, 1] * history[v, 3]
                    k_second = ends[v, 3] * (alpha * waves[v, step] + history[v, 4]) + ends[v, 5] * vein
                    determinant = first * second - micro * micro
                    known[v, 0] = (second * k_first + micro * k_second) / determinant
                    known[v, 1] = second / determinant
                    known[v, 2] = (first * k_second + micro * k_first) / determinant
                    known[v, 3] = micro / determinant
                    a, b = known[v, 0], known[v, 1] + ends[v, 0]
                elif kind[v] == SPLIT:
                    given, is_given = ends[v, 0] * inlet[step], True
                elif sum_g[v] > 0.0:
                    a, b = -sum_j[v] / sum_g[v], 1.0 / sum_g[v]
                else:
                    given, is_given = sum_j[v], True
                if is_given and c == 0.0:
                    g[v], j[v] = 0.0, given
                else:
                    if is_given:
                        a = (c * history[v, 0] - given) / (c * alpha)
                        b = 1.0 / (c * alpha)
                    else:
                        a -= inertance * history[v, 1]
                        b += inertance * alpha
                        shared = 1.0 + b * c * alpha
                        a = (a + b * c * history[v, 0]) / shared
                        b /= shared
                    g[v] = 1.0 / (b + slope[v])
                    j[v] = -(a + offset[v]) / (b + slope[v])
                if parent[v] >= 0:
                    sum_g[parent[v]] += g[v]
                    sum_j[parent[v]] += j[v]
            change, largest = 0.0, 0.0
            for v in range(n):
                if parent[v] >= 0:
                    p = pressure_out[step, parent[v]]
                elif is_flow:
                    p = (inlet[step] - j[v]) / g[v]
                else:
                    p = inlet[step]
                new = inlet[step] if parent[v] < 0 and is_flow else g[v] * p + j[v]
                inside = p - slope[v] * new - offset[v]
                out = new - coefficients[v, 3] * (alpha * inside - history[v, 0])
                pressure_in[step, v], flow_in[step, v] = p, new
                pressure_out[step, v] = inside - coefficients[v, 2] * (alpha * out - history[v, 1])
                flow_out[step, v] = out
                change, largest = max(change, abs(new - q[v])), max(largest, abs(new))
                q[v] = new
            if is_linear or change <= STEP_TOLERANCE * largest + NO_RESISTANCE:
                break
        for v in range(n):
            for k in range(5):
                state[1, v, k] = state[0, v, k]
            inside = pressure_in[step, v] - slope[v] * q[v] - offset[v]
            state[0, v, 0], state[0, v, 1], state[0, v, 2] = inside, flow_out[step, v], q[v]
            if kind[v] == RCR:
                state[0, v, 3] = known[v, 0] + known[v, 1] * flow_out[step, v]
            elif kind[v] == CORONARY:
                state[0, v, 3] = known[v, 0] + known[v, 1] * flow_out[step, v]
                state[0, v, 4] = known[v, 2] + known[v, 3] * flow_out[step, v] - waves[v, step]
