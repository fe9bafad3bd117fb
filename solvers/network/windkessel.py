"""What an outlet feeds, implicit in time: a three-element Windkessel, a resistance, a prescribed pressure or share.

The coronary microcirculation is in solvers/network/coronary.py.

Circuit: the outlet pressure P drives the flow Q through ``r_proximal`` to the pressure Pc of the compliance ``c``,
which drains through ``r_distal`` to ``p_distal``::

    P = Pc + r_proximal Q,    c dPc/dt = Q - (Pc - p_distal) / r_distal

Westerhof, Lankhaar & Westerhof (2009), Med. Biol. Eng. Comput. 47:131. Impedance ``Z(w) = Rp + Rd / (1 + i w Rd c)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Bdf:
    """Backward differentiation: df/dt at the new time = (leading f_new - newest f_n - older f_(n-1)) / dt."""

    dt: float
    leading: float
    newest: float
    older: float

    @staticmethod
    def euler(dt: float) -> Bdf:
        """First order, to start with."""
        return Bdf(dt, 1.0, 1.0, 0.0)

    @staticmethod
    def second(dt: float) -> Bdf:
        """Second order."""
        return Bdf(dt, 1.5, 2.0, -0.5)

    @property
    def alpha(self) -> float:
        """Coefficient of the new value [1/s]."""
        return self.leading / self.dt


class OutletModel(Protocol):
    """What the flow solver asks of an outlet."""

    memory: FloatArray
    """(2,) or (2, n) newest and older state, for a checkpoint."""

    def initial_pressure(self) -> float:
        """The outlet's pressure [Pa] before anything flows."""

    def relation(self, bdf: Bdf, time: float) -> tuple[float, float]:
        """``offset`` and ``slope`` of P = offset + slope Q at the new ``time``, Q positive out of the vessel."""

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """Go to the new ``time`` with the flow [m3/s] that was found."""


@dataclass
class Windkessel:
    """A three-element Windkessel; ``memory`` holds the compliance pressure [Pa] at the last two times."""

    r_proximal: float
    c: float
    r_distal: float
    p_distal: float
    p_initial: float
    memory: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.memory = np.full(2, self.p_initial)

    def initial_pressure(self) -> float:
        """See :class:`OutletModel`."""
        return self.p_initial

    def become(self, r_proximal: float, c: float, r_distal: float) -> None:
        """Take other values, at the present pressure."""
        self.r_proximal, self.c, self.r_distal = r_proximal, c, r_distal

    def _compliance(self, bdf: Bdf) -> tuple[float, float]:
        """``offset`` and ``slope`` of Pc = offset + slope Q at the new time."""
        history = (bdf.newest * self.memory[0] + bdf.older * self.memory[1]) / bdf.dt
        admittance = self.c * bdf.alpha + 1.0 / self.r_distal
        return float((self.c * history + self.p_distal / self.r_distal) / admittance), 1.0 / admittance

    def relation(self, bdf: Bdf, time: float) -> tuple[float, float]:
        """See :class:`OutletModel`."""
        offset, slope = self._compliance(bdf)
        return offset, slope + self.r_proximal

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """See :class:`OutletModel`."""
        offset, slope = self._compliance(bdf)
        self.memory = np.array([offset + slope * flow, self.memory[0]])

    def impedance(self, angular_frequency: FloatArray) -> NDArray[np.complex128]:
        """Z(w) [Pa s/m3] at angular frequencies [rad/s]."""
        time_constant = self.r_distal * self.c
        return np.asarray(self.r_proximal + self.r_distal / (1.0 + 1j * angular_frequency * time_constant))


class PrescribedPressure:
    """An outlet at a given pressure; it has no memory."""

    def __init__(self, pressure: PeriodicCurve) -> None:
        self._pressure = pressure
        self.memory = np.zeros(2)

    def initial_pressure(self) -> float:
        """See :class:`OutletModel`."""
        return float(self._pressure(0.0))

    def relation(self, bdf: Bdf, time: float) -> tuple[float, float]:
        """See :class:`OutletModel`."""
        return float(self._pressure(time)), 0.0

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """See :class:`OutletModel`."""


class Resistance:
    """An outlet behind a resistance [Pa s/m3] that ends at ``p_distal`` [Pa]; it has no memory."""

    def __init__(self, resistance: float, p_distal: float) -> None:
        self._resistance, self._p_distal = resistance, p_distal
        self.memory = np.zeros(2)

    def initial_pressure(self) -> float:
        """See :class:`OutletModel`."""
        return self._p_distal

    def relation(self, bdf: Bdf, time: float) -> tuple[float, float]:
        """See :class:`OutletModel`."""
        return self._p_distal, self._resistance

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """See :class:`OutletModel`."""


class FlowShare:
    """An outlet through which ``share`` of all that leaves the vessel flows, whatever pressure that needs."""

    def __init__(self, share: float, p_initial: float) -> None:
        self.share, self._p_initial = share, p_initial
        self.memory = np.zeros(2)

    def initial_pressure(self) -> float:
        """See :class:`OutletModel`."""
        return self._p_initial

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """See :class:`OutletModel`."""
