"""The one file that converts between the solver's SI, imaging's millimetres and the units that people see."""

from __future__ import annotations

PA_PER_MMHG = 133.322387415
M_PER_MM = 1e-3
M3_PER_ML = 1e-6


def mmhg_from_pa(pascal: float) -> float:
    """Pressure in mmHg."""
    return pascal / PA_PER_MMHG


def pa_from_mmhg(mmhg: float) -> float:
    """Pressure in Pa."""
    return mmhg * PA_PER_MMHG


def ml_s_from_m3_s(flow: float) -> float:
    """Flow in mL/s."""
    return flow / M3_PER_ML


def m3_s_from_l_min(flow_l_min: float) -> float:
    """Flow in m3/s."""
    return flow_l_min * 1e-3 / 60.0
