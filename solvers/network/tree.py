"""The vessel as a lumped network: a trunk, and one branch with a Windkessel for every outlet.

All of it is linear, so that the periodic state is found harmonic by harmonic, without stepping through time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.network.waveform import PeriodicCurve, harmonics

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

N_SAMPLES = 1024


@dataclass(frozen=True)
class Segment:
    """Viscous resistance [Pa s/m3] and inertance [Pa s2/m3] of a vessel."""

    resistance: float = 0.0
    inertance: float = 0.0

    @staticmethod
    def of_vessel(arc_length: ArrayLike, radius: ArrayLike, density: float, viscosity: float) -> Segment:
        """The segment of a vessel whose radius [m] is given along its centerline (arc length [m]).

        Poiseuille: R = integral 8 mu / (pi r^4) ds, L = integral rho / (pi r^2) ds. Viscous losses of developed flow
        only: disturbed flow at bends, branches and narrowings loses more.
        """
        s, r = np.asarray(arc_length, dtype=float), np.asarray(radius, dtype=float)
        return Segment(
            float(np.trapezoid(8.0 * viscosity / (np.pi * r**4), s)), float(np.trapezoid(density / (np.pi * r**2), s))
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
    flows, compliance_pressures : (n, n_outlets)
        Into each outlet's Windkessel [m3/s]; over its compliance [Pa].
    """

    inlet_pressure: FloatArray
    flows: FloatArray
    compliance_pressures: FloatArray


def periodic_state(
    flow: PeriodicCurve, period: float, terminals: list[Terminal], trunk: Segment = NO_VESSEL, n: int = N_SAMPLES
) -> PeriodicState:
    """The periodic state of a network that a prescribed flow [m3/s] enters.

    In every harmonic the branches share one pressure behind the trunk: Q_k = P / Z_k with sum Q_k = Q; the steady part
    drains to the distal pressures.
    """
    inflow = harmonics(flow.sample(n))
    omega: FloatArray = np.linspace(0.0, len(inflow) - 1.0, len(inflow)) * (2.0 * np.pi / period)
    impedance = np.array([terminal.impedance(omega) for terminal in terminals])
    distal = np.zeros_like(impedance)
    distal[:, 0] = [terminal.p_distal for terminal in terminals]
    junction = (inflow + (distal / impedance).sum(axis=0)) / (1.0 / impedance).sum(axis=0)
    branch_flow = (junction - distal) / impedance
    compliance = np.array([terminal.compliance_impedance(omega) for terminal in terminals]) * branch_flow + distal
    inlet = junction + trunk.impedance(omega) * inflow
    return PeriodicState(_in_time(inlet, n), _in_time(branch_flow, n).T, _in_time(compliance, n).T)


def _in_time(amplitudes: ComplexArray, n: int) -> FloatArray:
    spectrum = amplitudes * n
    spectrum[..., 1:] *= 0.5
    if n % 2 == 0:
        spectrum[..., -1] *= 2.0
    return np.asarray(np.fft.irfft(spectrum, n=n, axis=-1))
