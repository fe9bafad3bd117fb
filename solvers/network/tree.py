"""The vessel as a lumped network: a trunk, and one branch with a Windkessel for every outlet.

Without losses that grow with the square of the flow the periodic state is found harmonic by harmonic; with them it is
stepped to from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.network.stepping import march
from solvers.network.waveform import PeriodicCurve, harmonics

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

N_SAMPLES = 1024
PERIODIC = 1e-7
"""Largest change of a pressure from period to period, relative to the largest pressure, that is periodic."""
MAX_PERIODS = 200


@dataclass(frozen=True)
class Segment:
    """A vessel: P_in - P_out = resistance Q + loss |Q| Q + inertance dQ/dt.

    Attributes
    ----------
    resistance
        Viscous [Pa s/m3].
    inertance
        [Pa s2/m3].
    loss
        Pressure turned into speed or lost in disturbed flow [Pa s2/m6].
    """

    resistance: float = 0.0
    inertance: float = 0.0
    loss: float = 0.0

    @staticmethod
    def of_vessel(arc_length: ArrayLike, radius: ArrayLike, density: float, viscosity: float) -> Segment:
        """The segment of a vessel whose radius [m] is given along its centerline (arc length [m]).

        Poiseuille: R = integral 8 mu / (pi r^4) ds, L = integral rho / (pi r^2) ds. Bernoulli: the pressure that makes
        the speed at its end, rho / (2 A^2), from a source that is wide beside it. Disturbed flow at bends, branches and
        narrowings loses more.
        """
        s, r = np.asarray(arc_length, dtype=float), np.asarray(radius, dtype=float)
        return Segment(
            float(np.trapezoid(8.0 * viscosity / (np.pi * r**4), s)),
            float(np.trapezoid(density / (np.pi * r**2), s)),
            float(density / (2.0 * (np.pi * r[-1] ** 2) ** 2)),
        )

    def impedance(self, angular_frequency: FloatArray) -> ComplexArray:
        """R + i omega L."""
        return np.asarray(self.resistance + 1j * angular_frequency * self.inertance)


NO_VESSEL = Segment()


@dataclass(frozen=True)
class Terminal:
    """An outlet: the branch that leads to it and its three-element Windkessel."""

    r_proximal: float
    c: float
    r_distal: float
    p_distal: float = 0.0
    branch: Segment = NO_VESSEL

    def compliance_impedance(self, angular_frequency: FloatArray) -> ComplexArray:
        """Of the compliance and the distal resistance."""
        return np.asarray(self.r_distal / (1.0 + 1j * angular_frequency * self.r_distal * self.c))

    def impedance(self, angular_frequency: FloatArray) -> ComplexArray:
        """Of the branch and the whole Windkessel."""
        own = self.branch.impedance(angular_frequency) + self.r_proximal
        return np.asarray(own + self.compliance_impedance(angular_frequency))


@dataclass(frozen=True, eq=False)
class PeriodicState:
    """One period of the network at ``n`` equal time steps from time 0.

    Attributes
    ----------
    inlet_pressure : (n,)
        At the inlet [Pa].
    flows, compliance_pressures, outlet_pressures : (n, n_outlets)
        Into each outlet's Windkessel [m3/s]; over its compliance and at the outlet itself [Pa].
    """

    inlet_pressure: FloatArray
    flows: FloatArray
    compliance_pressures: FloatArray
    outlet_pressures: FloatArray


def periodic_state(
    flow: PeriodicCurve, period: float, terminals: list[Terminal], trunk: Segment = NO_VESSEL, n: int = N_SAMPLES
) -> PeriodicState:
    """The periodic state of a network that a prescribed flow [m3/s] enters.

    In every harmonic the branches share one pressure behind the trunk: Q_k = P / Z_k with sum Q_k = Q; the steady part
    drains to the distal pressures. The trunk is linear: its ``loss`` is not asked for.
    """
    samples = flow.sample(n)
    inflow = harmonics(samples)
    omega: FloatArray = np.linspace(0.0, len(inflow) - 1.0, len(inflow)) * (2.0 * np.pi / period)
    impedance = np.array([terminal.impedance(omega) for terminal in terminals])
    distal = np.zeros_like(impedance)
    distal[:, 0] = [terminal.p_distal for terminal in terminals]
    junction = (inflow + (distal / impedance).sum(axis=0)) / (1.0 / impedance).sum(axis=0)
    branch_flow = (junction - distal) / impedance
    compliance = np.array([terminal.compliance_impedance(omega) for terminal in terminals]) * branch_flow + distal
    flows, stored = _in_time(branch_flow, n).T, _in_time(compliance, n).T
    at_junction = _in_time(junction, n)
    if any(terminal.branch.loss > 0.0 for terminal in terminals):
        flows, stored, at_junction = _stepped(samples, period / n, terminals, flows, stored)
    inlet = at_junction + _in_time(trunk.impedance(omega) * inflow, n)
    proximal = np.array([terminal.r_proximal for terminal in terminals])
    return PeriodicState(inlet, flows, stored, stored + proximal * flows)


def _stepped(
    inflow: FloatArray, dt: float, terminals: list[Terminal], flows: FloatArray, stored: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Flows, compliance pressures (n, m) and junction pressure (n,) with quadratic losses, from a start near them."""
    branches = np.array([(t.branch.resistance, t.branch.loss, t.branch.inertance) for t in terminals])
    outlets = np.array([(t.r_proximal, t.c, t.r_distal, t.p_distal) for t in terminals])
    flows, stored, junction = np.ascontiguousarray(flows), np.ascontiguousarray(stored), np.empty(len(inflow))
    ends = np.roll(inflow, -1)
    starts: list[FloatArray] = []
    changes: list[FloatArray] = []
    for _ in range(MAX_PERIODS):
        starts.append(stored[-1].copy())
        march(ends, dt, branches, outlets, flows, stored, junction)
        changes.append(stored[-1] - starts[-1])
        if np.abs(changes[-1]).max() <= PERIODIC * np.abs(stored).max():
            break
        stored += leap(starts, changes, len(stored[-1]))
    return np.roll(flows, 1, axis=0), np.roll(stored, 1, axis=0), np.roll(junction, 1)


def leap(starts: list[FloatArray], changes: list[FloatArray], most: int) -> FloatArray:
    """What to add to the pressures (m,) at the end of a period to come nearer to the periodic state at once.

    Anderson's acceleration (Walker & Ni 2011, SIAM J. Numer. Anal. 49:1715) of the map from the pressures at the start
    of a period to those at its end, over at most as many periods as there are outlets.
    """
    depth = min(len(starts) - 1, most)
    if depth == 0:
        return np.zeros_like(starts[-1])
    start_steps = np.diff(np.array(starts[-depth - 1 :]), axis=0).T
    change_steps = np.diff(np.array(changes[-depth - 1 :]), axis=0).T
    weights = np.linalg.lstsq(change_steps, changes[-1], rcond=1e-10)[0]
    return np.asarray(-(start_steps + change_steps) @ weights)


def _in_time(amplitudes: ComplexArray, n: int) -> FloatArray:
    spectrum = amplitudes * n
    spectrum[..., 1:] *= 0.5
    if n % 2 == 0:
        spectrum[..., -1] *= 2.0
    return np.asarray(np.fft.irfft(spectrum, n=n, axis=-1))
