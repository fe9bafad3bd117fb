"""What drives the boundary conditions: what is known of the patient, what follows, what stands in for the rest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.workflow.parameters import Parameter, build, declared, describe

_AT_REST = "textbook value of an adult at rest"
VISCOSITY_NAME = "Blood viscosity (at a large shear rate)"
_CARDIAC_INDEX = 3.0
"""Cardiac output by body surface [L/min/m2]. An assumption: the middle of the textbooks' 2.5 to 4 at rest."""
_USUAL_HEMATOCRIT, _RELATIVE_VISCOSITY = 0.45, 3.2
"""Of blood in wide tubes, by plasma (Pries et al. 1992)."""


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


POPULATION_BANDS: Mapping[str, tuple[float, float]] = {
    "heart_rate_bpm": (50.0, 95.0),
    "systolic_mmhg": (95.0, 160.0),
    "diastolic_mmhg": (60.0, 100.0),
    "cardiac_output_l_min": (3.5, 7.5),
    "blood_density_kg_m3": (1045.0, 1070.0),
    "blood_viscosity_mpa_s": (2.8, 4.5),
}
"""Where 90 % of adults with vascular disease are taken to lie at rest. Assumptions, wide on purpose."""


@dataclass(frozen=True)
class BodyValues:
    """Values from which others follow; one that was not entered is not used."""

    height_cm: float = declared(
        170.0, help="Height", unit="cm", minimum=50.0, maximum=230.0, source="with the weight: body surface"
    )
    weight_kg: float = declared(
        75.0, help="Weight", unit="kg", minimum=3.0, maximum=300.0, source="with the height: body surface"
    )
    hematocrit_percent: float = declared(
        45.0, help="Hematocrit", unit="%", minimum=15.0, maximum=70.0, source="sets the viscosity: Pries et al. 1992"
    )
    ejection_fraction_percent: float = declared(
        60.0,
        help="Ejection fraction",
        unit="%",
        minimum=5.0,
        maximum=85.0,
        source="with volume and heart rate: cardiac output",
    )
    end_diastolic_ml: float = declared(
        130.0,
        help="Left ventricle at the end of diastole",
        unit="mL",
        minimum=30.0,
        maximum=500.0,
        source="assumption: an adult's, where only the ejection fraction is known",
    )
    drug_pressure_percent: float = declared(
        0.0,
        help="Pressures changed by drugs",
        unit="%",
        minimum=-50.0,
        maximum=50.0,
        source="as stated, of drugs given since they were measured (antihypertensives, nitrates); one antihypertensive "
        "drug at standard dose lowers about 9/5.5 mmHg (Law et al. 2003, BMJ 326:1427, recalled)",
    )
    drug_resistance_percent: float = declared(
        0.0,
        help="Resistance changed by drugs",
        unit="%",
        minimum=-60.0,
        maximum=60.0,
        source="as stated: the cardiac output changes with pressure by resistance",
    )


@dataclass(frozen=True)
class Assumption:
    """A number that was not measured in this patient, and where it comes from."""

    name: str
    value: float | str
    unit: str
    source: str


@dataclass(frozen=True)
class Derived:
    """A value that follows from others, and how; ``is_used`` is False where it cannot be."""

    value: float
    how: str
    is_used: bool = True


def entered_parameters() -> tuple[Parameter, ...]:
    """All that may be entered of what drives the flow."""
    return (*describe(PatientValues), *describe(BodyValues))


def body_surface_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface [m2] (Mosteller 1987, N Engl J Med 317:1098)."""
    return math.sqrt(height_cm * weight_kg / 3600.0)


def viscosity_of_hematocrit(hematocrit: float, usual_mpa_s: float) -> float:
    """Viscosity [mPa s] at a hematocrit (a part of 1) of blood that has ``usual_mpa_s`` at 0.45.

    The law of Pries et al. 1992, Am J Physiol 263:H1770, for tubes much wider than a cell, where its exponent is -0.8.
    """

    def relative(h: float) -> float:
        rise = (math.pow(1.0 - h, -0.8) - 1.0) / (math.pow(1.0 - _USUAL_HEMATOCRIT, -0.8) - 1.0)
        return 1.0 + (_RELATIVE_VISCOSITY - 1.0) * rise

    return usual_mpa_s * relative(hematocrit) / _RELATIVE_VISCOSITY


def derived_values(entered: Mapping[str, Any]) -> dict[str, Derived]:
    """What follows from the entered values, by the name of the value; one outside its bounds is told, not used."""
    base = build(PatientValues, {name: value for name, value in entered.items() if name in _DRIVING})
    body = build(BodyValues, {name: value for name, value in entered.items() if name not in _DRIVING})
    found: dict[str, tuple[float, str]] = {}
    if "cardiac_output_l_min" not in entered and "ejection_fraction_percent" in entered:
        stroke = 0.01 * body.ejection_fraction_percent * body.end_diastolic_ml
        is_known = "end_diastolic_ml" in entered
        volume = f"{body.end_diastolic_ml:g} mL" + ("" if is_known else " (not entered: an adult's, an assumption)")
        how = f"from an ejection fraction of {body.ejection_fraction_percent:g} %, {volume} and the heart rate"
        found["cardiac_output_l_min"] = 1e-3 * stroke * base.heart_rate_bpm, how
    elif "cardiac_output_l_min" not in entered and {"height_cm", "weight_kg"} <= set(entered):
        surface = body_surface_m2(body.height_cm, body.weight_kg)
        how = (
            f"from height and weight: {surface:.2f} m2 of body surface (Mosteller 1987, N Engl J Med 317:1098) times "
            f"{_CARDIAC_INDEX:g} L/min/m2 (assumption)"
        )
        found["cardiac_output_l_min"] = _CARDIAC_INDEX * surface, how
    if "blood_viscosity_mpa_s" not in entered and "hematocrit_percent" in entered:
        how = (
            f"from a hematocrit of {body.hematocrit_percent:g} %: Pries et al. 1992, Am J Physiol 263:H1770, for wide "
            f"tubes, {base.blood_viscosity_mpa_s:g} mPa s at 45 %"
        )
        value = viscosity_of_hematocrit(0.01 * body.hematocrit_percent, base.blood_viscosity_mpa_s)
        found["blood_viscosity_mpa_s"] = value, how
    pressure, resistance = 0.01 * body.drug_pressure_percent, 0.01 * body.drug_resistance_percent
    for name in ("systolic_mmhg", "diastolic_mmhg"):
        if pressure:
            known = "entered" if name in entered else "assumed"
            how = f"{getattr(base, name):g} mmHg ({known}), changed by {body.drug_pressure_percent:+g} % by drugs"
            found[name] = getattr(base, name) * (1.0 + pressure), how
    if pressure or resistance:
        before, how = found.get("cardiac_output_l_min", (base.cardiac_output_l_min, "as entered or assumed"))
        how += (
            f", then changed by drugs: pressure {body.drug_pressure_percent:+g} %, resistance "
            f"{body.drug_resistance_percent:+g} %"
        )
        found["cardiac_output_l_min"] = before * (1.0 + pressure) / (1.0 + resistance), how
    return {name: _within(_DRIVING[name], value, how) for name, (value, how) in found.items()}


_DRIVING = {parameter.name: parameter for parameter in describe(PatientValues)}


def _within(parameter: Parameter, value: float, how: str) -> Derived:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None and not low <= value <= high:
        told = f"{value:.3g} {parameter.unit} would follow {how}, but only {low:g} to {high:g} are plausible: not used"
        return Derived(value, told, is_used=False)
    return Derived(value, how)


def patient_values(entered: Mapping[str, Any]) -> PatientValues:
    """Entered values, and what follows from them, over population values, checked against their bounds."""
    direct = {name: value for name, value in entered.items() if name in _DRIVING}
    followed = {name: one.value for name, one in derived_values(entered).items() if one.is_used}
    return build(PatientValues, {**direct, **followed})


def checked_values(entered: Mapping[str, Any]) -> dict[str, float]:
    """Entered values as numbers, checked against their bounds."""
    known = {parameter.name for parameter in describe(BodyValues)}
    values = vars(build(PatientValues, {n: v for n, v in entered.items() if n not in known}))
    values = values | vars(build(BodyValues, {n: v for n, v in entered.items() if n in known}))
    return {name: float(values[name]) for name in entered}


def patient_assumptions(entered: Mapping[str, float]) -> tuple[Assumption, ...]:
    """Every value that was not entered as it is used, and what stands in for it or what it follows from."""
    values, followed = dataclasses.asdict(patient_values(entered)), derived_values(entered)
    found = []
    for parameter in describe(PatientValues):
        source = parameter.source
        if parameter.name in followed:
            one = followed[parameter.name]
            source = one.how if one.is_used else f"{parameter.source}; {one.how}"
        elif parameter.name in entered:
            continue
        value = values[parameter.name]
        found.append(Assumption(parameter.help, float(f"{value:.4g}"), parameter.unit, source))
    return tuple(found)
