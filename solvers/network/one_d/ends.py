"""The compiled solution at the ends of vessels: outlets, inlets and junctions.

At an end the vessel sends the invariant ``w + 4 c = W`` out of itself (w the speed out of the vessel, c the wave
speed; exact for ``p = p_external + B (s - s0)`` with s = sqrt(A), c^2 = B s / (2 rho)). With ``kappa = sqrt(B / (2
rho))``::

    w(s) = W - 4 kappa sqrt(s),   q(s) = s^2 w,   dq/ds = 2 s (w - c),   d(p + rho w^2 / 2)/ds = 2 rho c (c - w) / s

What stands at the end or meets there gives the equation for s, solved by Newton's method.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.network.one_d.layout import CORONARY, RCR, RESISTANCE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NEWTON_STEPS = 50
CLOSE = 1e-9
"""Last relative change of Newton's method: the error left is of the order of its square."""


@kernel
def of_table(table: FloatArray, time: float, period: float) -> float:
    """A waveform at a time."""
    n = len(table) - 1
    place = (time / period - math.floor(time / period)) * n
    index = min(int(place), n - 1)
    return float(table[index] + (place - index) * (table[index + 1] - table[index]))


@kernel
def root_at_flow(flow_out: float, s: float, kappa: float, sent: float) -> float:
    """s where the flow out of the vessel is ``flow_out``; NaN if there is none."""
    for _ in range(NEWTON_STEPS):
        c = kappa * math.sqrt(s)
        w = sent - 4.0 * c
        change = (flow_out - s * s * w) / (2.0 * s * (w - c))
        s = max(s + change, 0.5 * s)
        if abs(change) <= CLOSE * s:
            return s
    return math.nan


@kernel
def root_at_relation(
    offset: float, slope: float, s: float, kappa: float, sent: float, stiffness: float, reference: float
) -> float:
    """s where p = offset + slope q; ``reference`` is p at s = 0."""
    for _ in range(NEWTON_STEPS):
        c = kappa * math.sqrt(s)
        w = sent - 4.0 * c
        miss = reference + stiffness * s - offset - slope * s * s * w
        change = -miss / (stiffness - slope * 2.0 * s * (w - c))
        s = max(s + change, 0.5 * s)
        if abs(change) <= CLOSE * s:
            return s
    return math.nan


@kernel
def outlet_relation(
    kind: int, numbers: FloatArray, memory: FloatArray, outside: float, dt: float
) -> tuple[float, float]:
    """``offset`` and ``slope`` of P = offset + slope Q in the middle of a step, for an outlet with resistances.

    A Windkessel's compliance is solved exactly for a flow that is constant in the step, a coronary outlet's two by the
    implicit midpoint rule; both are of second order.
    """
    if kind == RESISTANCE:
        return numbers[1], numbers[0]
    if kind == RCR:
        r_proximal, c, r_distal, p_distal = numbers[0], numbers[1], numbers[2], numbers[3]
        left = math.exp(-0.5 * dt / (r_distal * c)) if c > 0.0 else 0.0
        return p_distal + (memory[0] - p_distal) * left, r_proximal + r_distal * (1.0 - left)
    known, per_flow, _, _ = coronary_middle(numbers, memory, outside, dt)
    return known, numbers[0] + per_flow


@kernel
def coronary_middle(
    numbers: FloatArray, memory: FloatArray, outside: float, dt: float
) -> tuple[float, float, float, float]:
    """Offsets and slopes of Pa and of Pm - Pim over the flow, in the middle of a step."""
    c_artery, r_micro, c_muscle, r_vein, p_venous = numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
    a, m = 2.0 * c_artery / dt, 2.0 * c_muscle / dt
    g, v = 1.0 / r_micro, 1.0 / r_vein
    # (a + g) Pa - g S = a Pa0 + Q + g Pim;  -g Pa + (m + g + v) S = m S0 + v p_venous - (g + v) Pim
    first, second = a * memory[0] + g * outside, m * memory[1] + v * p_venous - (g + v) * outside
    det = (a + g) * (m + g + v) - g * g
    return (
        ((m + g + v) * first + g * second) / det,
        (m + g + v) / det,
        (g * first + (a + g) * second) / det,
        g / det,
    )


@kernel
def advance_outlet(kind: int, numbers: FloatArray, memory: FloatArray, outside: float, dt: float, flow: float) -> None:
    """Take the compliances of an outlet to the end of a step through which ``flow`` has passed."""
    if kind == RCR:
        c, r_distal, p_distal = numbers[1], numbers[2], numbers[3]
        left = math.exp(-dt / (r_distal * c)) if c > 0.0 else 0.0
        resting = p_distal + r_distal * flow
        memory[0] = resting + (memory[0] - resting) * left
    elif kind == CORONARY:
        artery, per_artery, muscle, per_muscle = coronary_middle(numbers, memory, outside, dt)
        memory[0] = 2.0 * (artery + per_artery * flow) - memory[0]
        memory[1] = 2.0 * (muscle + per_muscle * flow) - memory[1]


@kernel
def solve_junction(
    count: int,
    s: FloatArray,
    kappa: FloatArray,
    sent: FloatArray,
    stiffness: FloatArray,
    reference: FloatArray,
    losses: FloatArray,
    density: float,
    is_static: bool,
) -> bool:
    """The s (count,) of vessels that meet: flows out of them add up to nothing, pressures behind losses are equal.

    ``losses`` (count, 4): dp = R q + K |q| q + L dq/dt with dq/dt = the last column's slope q + offset folded in by
    the caller: columns R', K, offset.
    """
    h, slope = np.empty(count), np.empty(count)
    q, q_slope = np.empty(count), np.empty(count)
    for _ in range(NEWTON_STEPS):
        total, weight, size = 0.0, 0.0, 0.0
        for k in range(count):
            c = kappa[k] * math.sqrt(s[k])
            w = sent[k] - 4.0 * c
            q[k] = s[k] * s[k] * w
            q_slope[k] = 2.0 * s[k] * (w - c)
            h[k] = reference[k] + stiffness[k] * s[k]
            slope[k] = stiffness[k]
            if not is_static:
                h[k] += 0.5 * density * w * w
                slope[k] = 2.0 * density * c * (c - w) / s[k]
            h[k] -= losses[k, 0] * q[k] + losses[k, 1] * abs(q[k]) * q[k] + losses[k, 2]
            slope[k] -= (losses[k, 0] + 2.0 * losses[k, 1] * abs(q[k])) * q_slope[k]
            total += q[k] - q_slope[k] * h[k] / slope[k]
            weight += q_slope[k] / slope[k]
        common = -total / weight
        for k in range(count):
            change = (common - h[k]) / slope[k]
            s[k] = max(s[k] + change, 0.5 * s[k])
            size = max(size, abs(change) / s[k])
        if size <= CLOSE:
            return True
    return False
