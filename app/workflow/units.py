"""The one file that converts between the solver's SI, imaging's millimetres and the units that people see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


M3_S_PER_FLOW_UNIT: Mapping[str, float] = {"mL/s": 1e-6, "L/min": 1e-3 / 60.0, "m3/s": 1.0}
"""What a flow of one unit is in m3/s."""


@dataclass(frozen=True)
class OutletUnits:
    """What one unit of resistance, compliance and pressure of a file is in Pa s/m3, m3/Pa and Pa."""

    resistance: float
    compliance: float
    pressure: float
    words: str


OUTLET_UNITS: Mapping[str, OutletUnits] = {
    "cgs": OutletUnits(1e5, 1e-5, 0.1, "dyn s/cm5, cm5/dyn, dyn/cm2"),
    "mmHg-mL": OutletUnits(PA_PER_MMHG / M3_PER_ML, M3_PER_ML / PA_PER_MMHG, PA_PER_MMHG, "mmHg s/mL, mL/mmHg, mmHg"),
    "SI": OutletUnits(1.0, 1.0, 1.0, "Pa s/m3, m3/Pa, Pa"),
}
