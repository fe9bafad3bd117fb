"""The inflow over one heart beat, made from heart rate and cardiac output when none was measured."""

from __future__ import annotations

import numpy as np

from imaging.types import FloatArray

EJECTION_SOURCE = (
    "ejection time 413 ms - 1.7 ms x heart rate (Weissler, Harris and Schoenfeld 1968, men, recalled); "
    "sine-squared shape without backflow is an assumption"
)


MUSCLE_SOURCE = (
    "assumption: sine-squared up to the systolic pressure, from 50 ms before the ejection to 50 ms after it; "
    "resistance and compliance are shared among arteries, muscle and veins as solvers/network/coronary.py says"
)
_ISOVOLUMIC_S = 0.05


def muscle_pressure(heart_rate_bpm: float, systolic_pa: float, n_samples: int = 200) -> tuple[FloatArray, FloatArray]:
    """Pressure of the muscle of the left ventricle on its vessels over one beat that begins with the ejection.

    Returns
    -------
    times_s, pressure_pa : (n_samples,) arrays
        ``systolic * sin(pi s)**2`` while the muscle contracts, ``s`` from 0 to 1 over the ejection and 50 ms before and
        after it, else zero; an assumption.
    """
    period = 60.0 / heart_rate_bpm
    contraction = ejection_time_s(heart_rate_bpm) + 2.0 * _ISOVOLUMIC_S
    times = np.linspace(0.0, period, n_samples, endpoint=False)
    since = np.mod(times + _ISOVOLUMIC_S, period)
    return times, np.where(since < contraction, systolic_pa * np.sin(np.pi * since / contraction) ** 2, 0.0)


def ejection_time_s(heart_rate_bpm: float) -> float:
    """Left-ventricular ejection time in s, by the regression of Weissler et al. (Circulation 1968) for men at rest.

    Kept between 15 % and 50 % of the beat, outside of which the regression means nothing.
    """
    period = 60.0 / heart_rate_bpm
    return float(np.clip(0.413 - 0.0017 * heart_rate_bpm, 0.15 * period, 0.50 * period))


def aortic_inflow(
    heart_rate_bpm: float, cardiac_output_m3_s: float, n_samples: int = 200
) -> tuple[FloatArray, FloatArray]:
    """Flow through the aortic valve over one beat.

    Parameters
    ----------
    heart_rate_bpm
        Beats per minute.
    cardiac_output_m3_s
        Mean flow in m3/s.
    n_samples
        Samples over the beat, the last one before the beat starts again.

    Returns
    -------
    times_s, flow_m3_s : (n_samples,) arrays
        ``flow = peak * sin(pi t / t_ejection)**2`` during ejection and zero after it. The mean is the cardiac output.
    """
    period = 60.0 / heart_rate_bpm
    ejection = ejection_time_s(heart_rate_bpm)
    times = np.linspace(0.0, period, n_samples, endpoint=False)
    shape = np.where(times < ejection, np.sin(np.pi * times / ejection) ** 2, 0.0)
    return times, shape * (cardiac_output_m3_s / shape.mean())
