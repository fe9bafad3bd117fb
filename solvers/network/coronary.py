"""What a coronary outlet feeds: small arteries, and a microcirculation that the heart muscle squeezes.

Circuit: the outlet pressure P drives the flow Q through ``r_artery`` to the pressure Pa of ``c_artery``, on through
``r_micro`` to the pressure Pm of ``c_muscle``, whose other side is at the intramyocardial pressure Pim(t), and through
``r_vein`` to ``p_venous``::

    P = Pa + r_artery Q
    c_artery dPa/dt = Q - (Pa - Pm) / r_micro
    c_muscle d(Pm - Pim)/dt = (Pa - Pm) / r_micro - (Pm - p_venous) / r_vein

Kim, Vignon-Clementel, Coogan, Figueroa, Jansen & Taylor (2010), Ann. Biomed. Eng. 38:3195; written as svZeroDSolver's
open-loop coronary block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf

FloatArray = NDArray[np.float64]

RESISTANCE_SHARES = (0.32, 0.52, 0.16)
"""Of the arteries, the microcirculation and the veins in the total. An assumption: recalled from SimVascular's coronary
models without a source at hand."""
COMPLIANCE_SHARES = (0.11, 0.89)
"""Of the arteries and the muscle in the total. An assumption, as the shares of the resistance."""


@dataclass
class Coronary:
    """The circuit; ``memory`` (2, 2) holds Pa and Pm - Pim [Pa] at the last two times."""

    r_artery: float
    c_artery: float
    r_micro: float
    c_muscle: float
    r_vein: float
    p_venous: float
    p_initial: float
    p_muscle: PeriodicCurve
    memory: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        # at the start the flow is steady through the muscle, as if its pressure had always been what it is then
        flow = (self.p_initial - self.p_venous) / (self.r_micro + self.r_vein)
        stored = self.p_venous + self.r_vein * flow - float(self.p_muscle(0.0))
        self.memory = np.array([[self.p_initial, stored]] * 2)

    def initial_pressure(self) -> float:
        """See :class:`~solvers.network.windkessel.OutletModel`."""
        return self.p_initial

    def _compliances(self, bdf: Bdf, time: float) -> tuple[FloatArray, FloatArray]:
        """``offset`` and ``slope`` (2,) of (Pa, Pm) = offset + slope Q at the new time."""
        history = (bdf.newest * self.memory[0] + bdf.older * self.memory[1]) / bdf.dt
        micro, vein = 1.0 / self.r_micro, 1.0 / self.r_vein
        storing = bdf.alpha * np.array([self.c_artery, self.c_muscle])
        matrix = np.diag(storing + np.array([micro, micro + vein])) - micro * np.array([[0.0, 1.0], [1.0, 0.0]])
        known = np.array(
            [
                self.c_artery * history[0],
                self.c_muscle * (bdf.alpha * float(self.p_muscle(time)) + history[1]) + self.p_venous * vein,
            ]
        )
        solution = np.linalg.solve(matrix, np.column_stack([known, (1.0, 0.0)]))
        return solution[:, 0], solution[:, 1]

    def relation(self, bdf: Bdf, time: float) -> tuple[float, float]:
        """See :class:`~solvers.network.windkessel.OutletModel`."""
        offset, slope = self._compliances(bdf, time)
        return float(offset[0]), float(slope[0]) + self.r_artery

    def advance(self, bdf: Bdf, time: float, flow: float) -> None:
        """See :class:`~solvers.network.windkessel.OutletModel`."""
        offset, slope = self._compliances(bdf, time)
        newest = offset + slope * flow
        newest[1] -= float(self.p_muscle(time))
        self.memory = np.array([newest, self.memory[0]])

    def impedance(self, angular_frequency: FloatArray) -> NDArray[np.complex128]:
        """P / Q [Pa s/m3] at angular frequencies [rad/s] while the muscle's pressure is constant."""
        turn = 1j * np.asarray(angular_frequency)
        muscle = 1.0 / (turn * self.c_muscle + 1.0 / self.r_vein)
        return np.asarray(self.r_artery + 1.0 / (turn * self.c_artery + 1.0 / (self.r_micro + muscle)))
