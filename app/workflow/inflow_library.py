"""Curves of flow over a heart beat at several places of the body, to be scaled to a patient's mean flow and heart rate.

Each curve says where it comes from. Scaling stretches the whole curve with the beat: an assumption, because systole
shortens less than diastole when a heart beats faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.case.errors import CaseError
from app.workflow.coronary import SOURCE as CORONARY_SOURCE
from app.workflow.coronary import coronary_drive
from app.workflow.inflow import EJECTION_SOURCE, aortic_inflow
from app.workflow.patient import PatientValues
from app.workflow.units import M3_PER_ML, m3_s_from_l_min, pa_from_mmhg
from imaging.types import FloatArray

BOILEAU = "Boileau et al. 2015, Int. J. Numer. Method. Biomed. Eng. 31:e02732"
INTERNAL_PULSE = 0.6
"""Variation of an internal carotid's flow about its mean over that of the common carotid's. An assumption."""
SCALED = "stretched with the beat and multiplied by the mean flow: an assumption"

_COMMON_CAROTID = (
    *(0.696, 0.641, 0.584, 0.707, 1.086, 1.578, 1.945, 2.039, 2.024, 1.968),
    *(1.864, 1.713, 1.517, 1.331, 1.175, 1.034, 0.932, 0.908, 0.955, 0.993),
    *(0.961, 0.882, 0.82, 0.788, 0.75, 0.699, 0.671, 0.677, 0.69, 0.681),
    *(0.664, 0.671, 0.688, 0.682, 0.663, 0.665, 0.679, 0.675, 0.653, 0.651),
)
_THORACIC = (
    *(0.013, 0.579, 2.026, 3.487, 4.254, 4.667, 4.899, 4.925, 4.786, 4.472),
    *(4.108, 3.669, 3.026, 2.376, 1.829, 1.261, 0.458, -0.425, -0.061, -0.017),
    *(-0.014, -0.015, -0.014, -0.013, -0.009, -0.002, 0.0, -0.002, -0.005, -0.005),
    *(-0.0, 0.005, 0.01, 0.01, 0.005, -0.002, -0.013, -0.019, -0.015, -0.005),
    *(0.0, -0.0, -0.002, -0.01, -0.024, -0.038, -0.045, -0.046, -0.04, -0.022),
)
_ABDOMINAL = (
    *(-0.066, -0.509, -0.928, -0.785, -0.259, 0.769, 2.305, 4.307, 6.947, 9.451),
    *(10.736, 10.826, 10.162, 8.94, 7.299, 5.312, 3.321, 1.489, -0.491, -2.074),
    *(-2.825, -3.0, -2.605, -2.029, -1.489, -0.87, -0.416, -0.222, -0.182, -0.213),
    *(-0.288, -0.532, -0.821, -0.968, -1.062, -1.04, -0.931, -0.805, -0.699, -0.622),
    *(-0.565, -0.697, -0.796, -0.786, -0.693, -0.493, -0.369, -0.262, -0.285, -0.19),
)
_ASCENDING = (
    *(0.0, 0.0, 0.867, 2.365, 3.576, 4.75, 5.027, 4.995, 4.689, 4.272),
    *(3.906, 3.407, 2.908, 2.551, 2.239, 1.928, 1.616, 1.353, 0.937, 0.314),
    *(-0.572, -1.128, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    *(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    *(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)
"""Flow over its mean at equal intervals from the start of the beat; read off the published inflow files."""


@dataclass(frozen=True)
class InflowShape:
    """A curve: name, place, source, whether it is assumed; flow over mean flow (n,), none where it is made anew.

    Attributes
    ----------
    share
        Part of the cardiac output that enters there unless something else is said; an assumption.
    """

    name: str
    place: str
    source: str
    is_assumed: bool
    share: float
    values: tuple[float, ...] = ()

    @property
    def summary(self) -> str:
        """Of the curve, in few words."""
        made = {"aortic": "sine-squared ejection", "coronary": "coronary, largest in diastole"}
        return made.get(self.name, f"{self.name.replace('-', ' ')}, from the library")


SHAPES: dict[str, InflowShape] = {
    shape.name: shape
    for shape in (
        InflowShape("aortic", "aortic valve", EJECTION_SOURCE, True, 1.0),
        InflowShape(
            "ascending-aorta",
            "aortic root, with the backflow that closes the valve",
            f"inflow of the ADAN56 network of {BOILEAU}, as distributed with openBF",
            False,
            1.0,
            _ASCENDING,
        ),
        InflowShape(
            "thoracic-aorta", "descending aorta", f"inflow of the thoracic aorta of {BOILEAU}", False, 0.7, _THORACIC
        ),
        InflowShape(
            "abdominal-aorta",
            "aorta below the renal arteries",
            f"inflow of the iliac bifurcation of {BOILEAU}",
            False,
            0.15,
            _ABDOMINAL,
        ),
        InflowShape(
            "common-carotid",
            "common carotid artery",
            f"inflow of the carotid of {BOILEAU}",
            False,
            0.08,
            _COMMON_CAROTID,
        ),
        InflowShape(
            "internal-carotid",
            "internal carotid artery",
            f"assumption: the common carotid's curve with {100 * INTERNAL_PULSE:.0f} % of its variation; no "
            "published curve could be verified",
            True,
            0.05,
            tuple(round(1.0 + INTERNAL_PULSE * (value - 1.0), 4) for value in _COMMON_CAROTID),
        ),
        InflowShape("coronary", "left coronary artery", CORONARY_SOURCE, True, 0.03),
    )
}


def inflow_curve(
    name: str, values: PatientValues, mean_ml_s: float | None = None, n_samples: int = 200
) -> tuple[FloatArray, FloatArray]:
    """A curve scaled to a patient.

    Parameters
    ----------
    mean_ml_s
        Mean flow [mL/s]; if not given, the shape's share of the cardiac output.

    Returns
    -------
    times_s, flow_m3_s : (n_samples,) arrays
        Over one beat; the mean of the samples is the mean flow.

    Raises
    ------
    CaseError
        ``no_shape``, ``bad_mean``.
    """
    if name not in SHAPES:
        raise CaseError("no_shape", f"There is no inflow {name!r} in the library; there are: {', '.join(SHAPES)}.")
    mean = mean_inflow_of(name, values) if mean_ml_s is None else mean_ml_s * M3_PER_ML
    return curve_of_mean(name, values, mean, n_samples)


def mean_inflow_of(name: str, values: PatientValues, share: float = 0.0) -> float:
    """A share of the patient's cardiac output [m3/s]; 0: what usually enters where the curve belongs."""
    return m3_s_from_l_min(values.cardiac_output_l_min) * (share or SHAPES[name].share)


def curve_of_mean(name: str, values: PatientValues, mean: float, n_samples: int = 200) -> tuple[FloatArray, FloatArray]:
    """As `inflow_curve`, of a curve that is there and a mean flow [m3/s]."""
    from scipy.interpolate import CubicSpline

    if not 1e-8 <= mean <= 5e-4:
        raise CaseError(
            "bad_mean", f"A mean flow of {mean / M3_PER_ML:g} mL/s is none of an artery: give 0.01 to 500 mL/s."
        )
    shape = SHAPES[name]
    if name == "aortic":
        return aortic_inflow(values.heart_rate_bpm, mean, n_samples)
    if name == "coronary":
        pressures = pa_from_mmhg(values.systolic_mmhg), pa_from_mmhg(values.diastolic_mmhg)
        drive = coronary_drive(values.heart_rate_bpm, mean, *pressures, n_samples)
        return drive.times_s, drive.flow_m3_s
    phase = np.linspace(0.0, 1.0, len(shape.values) + 1)
    spline = CubicSpline(phase, (*shape.values, shape.values[0]), bc_type="periodic")
    wave = spline(np.arange(n_samples) / n_samples)
    times: FloatArray = np.linspace(0.0, 60.0 / values.heart_rate_bpm, n_samples, endpoint=False)
    return times, np.asarray(wave * (mean / wave.mean()))


def write_inflow(path: Path, times_s: FloatArray, flow_m3_s: FloatArray, period_s: float) -> None:
    """Two columns, time [s] and flow [mL/s], that `simulate --inflow` takes; CaseError ``cannot_write``."""
    rows = zip((*times_s, period_s), (*flow_m3_s, flow_m3_s[0]), strict=True)
    text = "".join(f"{time:.6f} {flow / M3_PER_ML:.8g}\n" for time, flow in rows)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CaseError("cannot_write", f"The inflow cannot be written to {path} ({error.strerror}).") from error


def library() -> list[dict[str, Any]]:
    """What the library holds: a row for each curve."""
    return [
        {
            "name": shape.name,
            "place": shape.place,
            "share": shape.share,
            "assumed": shape.is_assumed,
            "source": shape.source,
            "scaling": SCALED,
        }
        for shape in SHAPES.values()
    ]
