"""What drives the boundary conditions: what is known of the patient, and what stands in for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.workflow.parameters import build, declared, describe

_AT_REST = "textbook value of an adult at rest"
VISCOSITY_NAME = "Blood viscosity (at a large shear rate)"


@dataclass(frozen=True)
class PatientValues:
    """Values that a user may enter; a default is a population value, reported as an assumption where it is used."""

    heart_rate_bpm: float = declared(
        70.0, help="Heart rate", unit="1/min", minimum=30.0, maximum=220.0, source=_AT_REST
    )
    systolic_mmhg: float = declared(
        120.0, help="Systolic pressure", unit="mmHg", minimum=60.0, maximum=260.0, source=_AT_REST
    )
    diastolic_mmhg: float = declared(
        80.0, help="Diastolic pressure", unit="mmHg", minimum=30.0, maximum=160.0, source=_AT_REST
    )
    cardiac_output_l_min: float = declared(
        5.0, help="Cardiac output", unit="L/min", minimum=1.0, maximum=15.0, source=_AT_REST
    )
    blood_density_kg_m3: float = declared(
        1060.0, help="Blood density", unit="kg/m3", minimum=1000.0, maximum=1100.0, source="textbook value"
    )
    blood_viscosity_mpa_s: float = declared(
        3.5,
        help=VISCOSITY_NAME,
        unit="mPa s",
        minimum=2.0,
        maximum=10.0,
        source="textbook value for large vessels at normal haematocrit",
    )


@dataclass(frozen=True)
class Assumption:
    """A number that was not measured in this patient, and where it comes from."""

    name: str
    value: float | str
    unit: str
    source: str


def patient_values(entered: Mapping[str, Any]) -> PatientValues:
    """Entered values over population values, checked against their bounds."""
    return build(PatientValues, entered)


def checked_values(entered: Mapping[str, Any]) -> dict[str, float]:
    """Entered values as numbers, checked against their bounds."""
    values = vars(build(PatientValues, entered))
    return {name: float(values[name]) for name in entered}


def patient_assumptions(entered: Mapping[str, float]) -> tuple[Assumption, ...]:
    """Every value that was not entered, with the population value that stands in for it."""
    values = dataclasses.asdict(patient_values(entered))
    return tuple(
        Assumption(parameter.help, values[parameter.name], parameter.unit, parameter.source)
        for parameter in describe(PatientValues)
        if parameter.name not in entered
    )
