"""The inflow over one heart beat, made from heart rate and cardiac output when none was measured."""

from __future__ import annotations

import numpy as np

from imaging.types import FloatArray

EJECTION_SOURCE = (
    "ejection time 413 ms - 1.7 ms x heart rate (Weissler, Harris and Schoenfeld 1968, men, recalled); "
    "sine-squared shape without backflow is an assumption"
)


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
