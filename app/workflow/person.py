"""What is known of the person and drives no flow by itself: age, history, drugs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.workflow.parameters import build, declared

UNKNOWN = "unknown"
_YES_NO = (UNKNOWN, "yes", "no")


def _history(what: str) -> Any:
    return declared(UNKNOWN, help=what, choices=_YES_NO, source="not asked")


@dataclass(frozen=True)
class Person:
    """Values that a user may enter; what was not entered is unknown, and an age stands in for an unknown one."""

    age_years: float = declared(
        60.0, help="Age", unit="years", minimum=0.0, maximum=120.0, source="assumption: an adult with vascular disease"
    )
    sex: str = declared(UNKNOWN, help="Sex", choices=(UNKNOWN, "male", "female"), source="not asked")
    ancestry: str = declared(
        UNKNOWN,
        help="Population that the person belongs to, as scores of aneurysms count it",
        choices=(UNKNOWN, "north_american_or_european", "japanese", "finnish"),
        source="not asked",
    )
    hypertension: str = _history("Hypertension")
    diabetes: str = _history("Diabetes")
    smoking: str = _history("Smoking, now or earlier")
    dyslipidemia: str = _history("Dyslipidemia")
    atrial_fibrillation: str = _history("Atrial fibrillation (a beat then stands for many that differ)")
    coronary_disease: str = _history("Known coronary artery disease, earlier infarction or intervention")
    earlier_subarachnoid_hemorrhage: str = _history("Earlier subarachnoid hemorrhage from another aneurysm")
    aneurysm_site: str = declared(
        UNKNOWN,
        help="Artery that the aneurysm sits on",
        choices=(UNKNOWN, "ica", "mca", "aca", "acom", "pcom", "posterior"),
        source="not asked",
    )
    aneurysm_irregular: str = _history("Aneurysm of irregular shape (lobes, daughter sacs)")
    n_aneurysms: float = declared(
        1.0, help="Intracranial aneurysms in all", minimum=1.0, maximum=20.0, source="assumption: no other"
    )
    earlier_aneurysm_mm: float = declared(
        0.0, help="Size in an earlier scan (0: none)", unit="mm", minimum=0.0, maximum=60.0, source="not asked"
    )
    earlier_aneurysm_years: float = declared(
        0.0, help="Years since that earlier scan", unit="years", minimum=0.0, maximum=60.0, source="not asked"
    )
    family_aneurysm: str = _history("Aneurysm in a first-degree relative")
    nitrates: str = _history("Nitrates given for the scan")
    antihypertensives: str = _history("Antihypertensive drugs taken when the pressures were measured")
    adenosine: str = _history("Adenosine or another drug that widens the coronary bed given for the scan")


def person_values(entered: Mapping[str, Any]) -> Person:
    """Entered values over what stands in for them, checked against their bounds."""
    return build(Person, entered)


def checked_person(entered: Mapping[str, Any]) -> dict[str, float | str]:
    """Entered values, checked; one that is entered as unknown stays unknown."""
    values = vars(person_values(entered))
    return {name: values[name] for name in entered if values[name] != UNKNOWN}
