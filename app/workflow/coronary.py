"""Flow into a left coronary artery and what its outlets feed: aortic pressure drives it, the heart muscle squeezes it.

Nothing of it is measured: pressure and muscle have assumed shapes, the circuit is that of `solvers.network.coronary`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.workflow.inflow import aortic_inflow, muscle_pressure
from imaging.types import FloatArray

TIME_CONSTANT_S = 1.9
"""Total resistance times total compliance of an outlet: 5.8e5 dyn s/cm5 times 3.2e-6 cm5/dyn in Kim et al. 2010
(recalled, not looked up)."""
SOURCE = (
    "assumption: what an aortic pressure of the patient's systole and diastole drives through the coronary circuit "
    "(Kim et al. 2010; resistance from the mean flow, time constant 1.9 s, recalled)"
)
_RUNOFFS_S = np.geomspace(0.05, 20.0, 200)


@dataclass(frozen=True, eq=False)
class CoronaryDrive:
    """One beat: flow (n,) [m3/s] and pressure (n,) [Pa] at the ostium at times (n,) [s], and the total circuit."""

    times_s: FloatArray
    flow_m3_s: FloatArray
    pressure_pa: FloatArray
    resistance: float
    compliance: float


def coronary_drive(
    heart_rate_bpm: float, mean_m3_s: float, systolic_pa: float, diastolic_pa: float, n_samples: int = 200
) -> CoronaryDrive:
    """What the left coronary arteries carry at rest.

    Parameters
    ----------
    mean_m3_s
        Mean flow, which sets the resistance: mean pressure over mean flow, with no pressure in the veins.
    """
    times, pressure = aortic_pressure(heart_rate_bpm, systolic_pa, diastolic_pa, n_samples)
    _, muscle = muscle_pressure(heart_rate_bpm, systolic_pa, n_samples)
    resistance = float(pressure.mean()) / mean_m3_s
    compliance = TIME_CONSTANT_S / resistance
    flow = _flow(pressure, muscle, 60.0 / heart_rate_bpm, resistance, compliance)
    return CoronaryDrive(times, flow, pressure, resistance, compliance)


def aortic_pressure(
    heart_rate_bpm: float, systolic_pa: float, diastolic_pa: float, n_samples: int = 200
) -> tuple[FloatArray, FloatArray]:
    """Pressure in the aorta over a beat: the ejection of `aortic_inflow` into a two-element Windkessel.

    Its time constant is the one among 0.05 to 20 s whose pressure has the ratio of pulse to mean of the patient's (mean
    taken as diastolic plus 40 % of the pulse); it is then scaled to run from the diastolic to the systolic pressure.
    """
    times, flow = aortic_inflow(heart_rate_bpm, 1.0, n_samples)
    wished = (systolic_pa - diastolic_pa) / (diastolic_pa + 0.4 * (systolic_pa - diastolic_pa))
    turn = 2j * np.pi * np.arange(n_samples // 2 + 1) * heart_rate_bpm / 60.0
    shapes = [np.fft.irfft(np.fft.rfft(flow) / (1.0 + turn * runoff), n_samples) for runoff in _RUNOFFS_S]
    shape = min(shapes, key=lambda curve: abs(float(np.ptp(curve) / curve.mean()) - wished))
    unit = (shape - shape.min()) / np.ptp(shape)
    return times, diastolic_pa + (systolic_pa - diastolic_pa) * unit


def _flow(
    pressure: FloatArray, muscle: FloatArray, period_s: float, resistance: float, compliance: float
) -> FloatArray:
    """The periodic flow that the circuit takes at this pressure, harmonic by harmonic (venous pressure zero)."""
    from solvers.network.coronary import COMPLIANCE_SHARES, RESISTANCE_SHARES

    artery, micro, vein = (part * resistance for part in RESISTANCE_SHARES)
    c_artery, c_muscle = (part * compliance for part in COMPLIANCE_SHARES)
    driving, squeezing = np.fft.rfft(pressure), np.fft.rfft(muscle)
    turn = 2j * np.pi * np.arange(len(driving)) / period_s
    second = turn * c_muscle + 1.0 / micro + 1.0 / vein
    admittance = turn * c_artery + 1.0 / micro - 1.0 / (micro**2 * second)
    pushed = turn * c_muscle * squeezing / (micro * second)
    flow: FloatArray = np.fft.irfft((driving - pushed / admittance) / (1.0 / admittance + artery), len(pressure))
    return flow
