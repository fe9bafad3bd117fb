"""What a FHIR file (R4 or R5: Patient, Observation, Bundle) says of the patient, checked before anything is taken.

Names, addresses and identifiers are dropped before the file is looked at; of the patient's id a fingerprint is kept, so
that a later file of another patient is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import SetParameters, SetPatientValues
from app.case.errors import CaseError
from app.workflow.patient import checked_values, entered_parameters, patient_values
from app.workflow.person import checked_person

STEP = "fhir"
"""Under which a case remembers whose values it took."""
SCHEMA_VERSION = 1
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
_IDENTIFYING = ("name", "telecom", "address", "photo", "contact", "identifier", "text", "note", "performer")
_TAKEN_STATUS = ("final", "amended", "corrected")

_PRESSURE = {"mm[Hg]": 1.0, "mmHg": 1.0, "mm Hg": 1.0, "kPa": 7.500616827, "Pa": 0.007500616827}
_PRESSURE |= {"cm[H2O]": 0.735559240, "cmH2O": 0.735559240, "cm H2O": 0.735559240, "hPa": 0.7500616827}
_PRESSURE |= {"mbar": 0.7500616827}
_LENGTH = {"cm": 1.0, "m": 100.0, "mm": 0.1, "[in_i]": 2.54, "in": 2.54, "[ft_i]": 30.48, "ft": 30.48}
_MASS = {"kg": 1.0, "g": 1e-3, "[lb_av]": 0.45359237, "lb": 0.45359237, "lbs": 0.45359237}
_PART = {"%": 1.0, "1": 100.0, "L/L": 100.0, "l/l": 100.0, "{fraction}": 100.0, "[pct]": 1.0}
_RATE = {"/min": 1.0, "1/min": 1.0, "{beats}/min": 1.0, "beats/minute": 1.0, "beats/min": 1.0, "bpm": 1.0}
_RATE |= {"{Beats}/min": 1.0, "/s": 60.0, "Hz": 60.0}
_FLOW = {"L/min": 1.0, "l/min": 1.0, "mL/min": 1e-3, "ml/min": 1e-3, "mL/s": 0.06, "dL/min": 0.1}

MEASURED: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "8867-4": ("heart_rate_bpm", _RATE),
    "8480-6": ("systolic_mmhg", _PRESSURE),
    "8462-4": ("diastolic_mmhg", _PRESSURE),
    "8302-2": ("height_cm", _LENGTH),
    "29463-7": ("weight_kg", _MASS),
    "3141-9": ("weight_kg", _MASS),
    "4544-3": ("hematocrit_percent", _PART),
    "20570-8": ("hematocrit_percent", _PART),
    "8741-1": ("cardiac_output_l_min", _FLOW),
    "8737-9": ("cardiac_output_l_min", _FLOW),
    "10230-1": ("ejection_fraction_percent", _PART),
    "18043-0": ("ejection_fraction_percent", _PART),
}
"""LOINC codes with the value that they set and the units (UCUM, or as people write them) by the factor to its own."""
SMOKING = "72166-2"
_SMOKES = {
    "266919005": "no",
    "8517006": "yes",
    "449868002": "yes",
    "428041000124106": "yes",
    "428071000124103": "yes",
    "428061000124105": "yes",
    "77176002": "yes",
}
"""SNOMED CT codes of the smoking status; others say nothing."""


@dataclass(frozen=True)
class Reading:
    """A value that an Observation holds: its name and value, when it was measured, what the file said."""

    name: str
    value: float | str
    when: str
    said: str


@dataclass(frozen=True)
class FhirRead:
    """What a file says: values that drive the flow, what else is known of the person, and what was not taken and why.

    ``fingerprint`` is of the patient's id; empty when the file names none.
    """

    values: dict[str, float]
    person: dict[str, float | str]
    taken: tuple[str, ...]
    not_taken: tuple[str, ...]
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "values": self.values,
            "person": self.person,
            "taken": list(self.taken),
            "not_taken": list(self.not_taken),
        }


def take_fhir(opened: OpenCase, path: Path, patient_id: str = "") -> FhirRead:
    """Take what a FHIR file says of the patient into a case: all of it, or nothing.

    Parameters
    ----------
    patient_id
        The id that the file's patient must have; empty: whichever the case took from before.

    Raises
    ------
    CaseError
        What `read_fhir` and `take_read` refuse.
    """
    found = read_fhir(path, patient_id)
    take_read(opened, found)
    return found


def take_read(opened: OpenCase, found: FhirRead) -> None:
    """Take what was read into a case: all of it, or nothing; CaseError ``other_patient``, ``bad_pressures``."""
    kept = opened.case.parameters.get(STEP, {}).get("fingerprint", "")
    if kept and found.fingerprint and kept != found.fingerprint:
        raise CaseError(
            "other_patient",
            "The file is of another patient than the one whose values the case holds: nothing was taken. Choose the "
            "right file, or the right case.",
        )
    combined = {**opened.case.patient, **found.values}
    _require_pulse(combined)
    opened.do(SetPatientValues(found.values, found.person))
    if found.fingerprint and not kept:
        told = {"schema_version": SCHEMA_VERSION, "fingerprint": found.fingerprint}
        opened.do(SetParameters(STEP, told, "Remember whose values these are"))


def read_fhir(path: Path, patient_id: str = "") -> FhirRead:
    """What a FHIR file says of one patient.

    Raises
    ------
    CaseError
        ``bad_fhir`` for what is no valid FHIR of these resources, ``mixed_patients``, ``other_patient``, ``bad_unit``,
        ``bad_parameter`` for a value that no patient has, ``nothing_taken``.
    """
    resources, not_taken = _resources(_document(path))
    patients = [one for kind, one in resources if kind == "Patient"]
    observations = [one for kind, one in resources if kind == "Observation"]
    whose = _whose(patients, observations, patient_id)
    readings: list[Reading] = []
    for one in observations:
        _read_observation(one, readings, not_taken)
    person: dict[str, float | str] = {}
    taken: list[str] = []
    latest = max((reading.when for reading in readings if reading.when), default="")
    for one in patients:
        _read_patient(one, latest, person, taken, not_taken)
    values: dict[str, float] = {}
    for reading in _newest(readings, not_taken):
        if isinstance(reading.value, str):
            person[reading.name] = reading.value
        else:
            values[reading.name] = reading.value
        taken.append(f"{_title(reading.name)}: {reading.said}{f', {reading.when[:10]}' if reading.when else ''}")
    _check_bounds(values)
    _require_pulse(values)
    person = checked_person(person)
    if not values and not person:
        told = f" {' '.join(not_taken)}" if not_taken else ""
        raise CaseError("nothing_taken", f"The file holds nothing of the patient that this program uses.{told}")
    fingerprint = hashlib.sha256(f"angiotwin {whose}".encode()).hexdigest()[:24] if whose else ""
    return FhirRead(values, person, tuple(taken), tuple(dict.fromkeys(not_taken)), fingerprint)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CaseError("bad_fhir", f"The file {path.name} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CaseError("bad_fhir", f"{path.name} is no JSON: export the patient's data as FHIR JSON.") from error
    kind = document.get("resourceType") if isinstance(document, dict) else None
    if kind not in ("Bundle", "Patient", "Observation"):
        raise CaseError(
            "bad_fhir",
            f"{path.name} is no FHIR Bundle, Patient or Observation"
            f"{f' but a {str(kind)[:40]}' if kind else ''}: export one of these as JSON.",
        )
    return dict(document)


def _resources(document: dict[str, Any]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Patients and Observations of a document, validated, and what was left out."""
    found: list[tuple[str, Any]] = []
    others: dict[str, int] = {}
    for place, plain in _plain_resources(document):
        kind = plain.get("resourceType", "resource without a type")
        if kind in ("Patient", "Observation"):
            found.append((kind, _validated(kind, plain, place)))
        else:
            others[str(kind)[:40]] = others.get(str(kind)[:40], 0) + 1
    left = [f"{count} {kind} not read: only Patient and Observation are." for kind, count in others.items()]
    return found, left


def _plain_resources(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if document["resourceType"] != "Bundle":
        yield "", document
        return
    entries = document.get("entry", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        plain = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(plain, dict):
            raise CaseError("bad_fhir", f"Entry {number} of the Bundle holds no resource: nothing was taken.")
        if plain.get("resourceType") == "Patient" and "id" not in plain and "fullUrl" in entry:
            plain = {**plain, "id": str(entry["fullUrl"]).rsplit(":", 1)[-1].rsplit("/", 1)[-1]}
        yield f" (entry {number} of the Bundle)", plain


def _validated(kind: str, plain: dict[str, Any], place: str) -> Any:
    """The resource by the classes of R5, or else R4B's; without what identifies a person."""
    import importlib

    from pydantic import ValidationError

    kept = {name: value for name, value in plain.items() if name.lstrip("_") not in _IDENTIFYING}
    first: ValidationError | None = None
    for package in ("fhir.resources", "fhir.resources.R4B"):
        model = getattr(importlib.import_module(f"{package}.{kind.lower()}"), kind)
        try:
            return model.model_validate(kept)
        except ValidationError as error:
            first = first or error
    assert first is not None
    where = ".".join(str(part) for part in first.errors()[0]["loc"]) or "resource"
    raise CaseError(
        "bad_fhir",
        f"The {kind}{place} is no valid FHIR R4 or R5: its {where} is missing or wrong. Nothing was taken.",
    )


def _whose(patients: list[Any], observations: list[Any], wanted: str) -> str:
    """The one patient's id; CaseError ``mixed_patients``, ``other_patient``."""
    ids = {str(one.id) for one in patients if one.id}
    for one in observations:
        reference = getattr(one.subject, "reference", None) if one.subject is not None else None
        if reference:
            ids.add(str(reference).rsplit(":", 1)[-1].rsplit("/", 1)[-1])
    if len(ids) > 1 or len(patients) > 1:
        many = max(len(ids), len(patients))
        raise CaseError(
            "mixed_patients",
            f"The file holds values of {many} patients: export those of one patient. Nothing was taken.",
        )
    whose = next(iter(ids), "")
    if wanted and whose != wanted:
        told = "of another patient than the one asked for" if whose else "without the patient's id"
        raise CaseError("other_patient", f"The file is {told}: nothing was taken.")
    return whose


def _read_patient(
    patient: Any, latest: str, person: dict[str, float | str], taken: list[str], not_taken: list[str]
) -> None:
    """Sex and age; the age is that at the newest value, or today."""
    if patient.gender in ("male", "female"):
        person["sex"] = patient.gender
        taken.append(f"{_title('sex')}: {patient.gender}")
    elif patient.gender is not None:
        not_taken.append(f"Sex: the file says {patient.gender!r}, which the scores and laws do not know.")
    if patient.birthDate is None:
        return
    born = patient.birthDate
    if not isinstance(born, date) or len(str(born)) < 10:
        not_taken.append("Age: the date of birth is not given to the day.")
        return
    then = date.fromisoformat(latest[:10]) if latest else datetime.now(UTC).date()
    age = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    if not 0 <= age <= 120:
        raise CaseError("bad_parameter", f"The date of birth gives an age of {age} years: correct it in the file.")
    person["age_years"] = float(age)
    taken.append(f"{_title('age_years')}: {age} years, from the date of birth")


def _read_observation(one: Any, readings: list[Reading], not_taken: list[str]) -> None:
    codes = _codes(one.code, LOINC)
    parts = [(_codes(part.code, LOINC), part) for part in one.component or ()]
    known = [(code, part) for found, part in [(codes, one), *parts] for code in found if code in MEASURED]
    if not known and SMOKING not in codes:
        label = next(iter(codes), "")
        not_taken.append(f"Observation {f'LOINC {label}' if label else 'without a LOINC code'}: not used here.")
        return
    what = ", ".join(_title(MEASURED[code][0]) for code, _ in known) or _title("smoking")
    if one.status not in _TAKEN_STATUS:
        not_taken.append(f"{what}: its status is {one.status}, so that it does not count.")
        return
    when = _when(one)
    if SMOKING in codes:
        answers = _codes(one.valueCodeableConcept, SNOMED) if one.valueCodeableConcept is not None else ()
        smokes = next((_SMOKES[code] for code in answers if code in _SMOKES), None)
        if smokes is None:
            not_taken.append("Smoking: the answer says neither yes nor no.")
        else:
            readings.append(Reading("smoking", smokes, when, smokes))
    for code, part in known:
        name, units = MEASURED[code]
        if part.valueQuantity is None or part.valueQuantity.value is None:
            not_taken.append(f"{_title(name)}: the file holds no number.")
            continue
        readings.append(_measured(name, units, part.valueQuantity, when))


def _measured(name: str, units: Mapping[str, float], quantity: Any, when: str) -> Reading:
    """A number in this program's unit; CaseError ``bad_unit``."""
    if quantity.comparator:
        raise CaseError(
            "bad_unit",
            f"{_title(name)} is given as {quantity.comparator} {quantity.value}, not as a number: nothing was taken.",
        )
    code = quantity.code if quantity.system in (None, UCUM) else None
    said = [unit.strip() for unit in (code, quantity.unit) if unit and unit.strip()]
    if not said:
        raise CaseError("bad_unit", f"{_title(name)} is given without a unit: state it in the file. Nothing was taken.")
    factors = [units.get(unit) for unit in said]
    if all(factor is None for factor in factors) or (code and factors[0] is None):
        raise CaseError(
            "bad_unit",
            f"{_title(name)} is given in {said[0]!r}, which is not one of its units ({', '.join(units)}): nothing was "
            "taken.",
        )
    if len({factor for factor in factors if factor is not None}) > 1:
        raise CaseError(
            "bad_unit",
            f"{_title(name)} is given in {said[0]!r} by its code but in {said[1]!r} by its text: nothing was taken.",
        )
    factor = next(factor for factor in factors if factor is not None)
    value = float(quantity.value) * factor
    return Reading(name, round(value, 2 if name == "cardiac_output_l_min" else 1), when, f"{quantity.value} {said[0]}")


def _newest(readings: list[Reading], not_taken: list[str]) -> list[Reading]:
    """One reading of each value, the newest; CaseError ``bad_fhir`` where it cannot be told which that is."""
    found = []
    for name in dict.fromkeys(reading.name for reading in readings):
        these = sorted((one for one in readings if one.name == name), key=lambda one: one.when)
        newest = these[-1]
        if any(one.value != newest.value and one.when == newest.when for one in these):
            raise CaseError(
                "bad_fhir",
                f"The file holds several values of {_title(name)} and does not say which is the newest: nothing was "
                "taken.",
            )
        if len(these) > 1:
            not_taken.append(f"{_title(name)}: {len(these) - 1} older of {len(these)} values.")
        found.append(newest)
    return found


def _when(one: Any) -> str:
    """When it was measured, in UTC as ISO writes it; empty when the file does not say."""
    moment = one.effectiveDateTime
    if moment is None and one.effectivePeriod is not None:
        moment = one.effectivePeriod.end or one.effectivePeriod.start
    moment = moment or one.effectiveInstant
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return moment.isoformat() if isinstance(moment, date) else ""


def _codes(concept: Any, system: str) -> tuple[str, ...]:
    return tuple(one.code for one in (concept.coding or ()) if one.system == system and one.code) if concept else ()


def _check_bounds(values: Mapping[str, float]) -> None:
    bounds = {parameter.name: parameter for parameter in entered_parameters()}
    for name, value in values.items():
        one = bounds[name]
        if one.minimum is None or one.maximum is None:
            continue
        if not math.isfinite(value) or not one.minimum <= value <= one.maximum:
            raise CaseError(
                "bad_parameter",
                f"{one.help} of {value:g} {one.unit} is implausible ({one.minimum:g} to {one.maximum:g} {one.unit}): "
                "check value and unit in the file. Nothing was taken.",
            )
    checked_values(values)


def _require_pulse(values: Mapping[str, float]) -> None:
    known = {"systolic_mmhg", "diastolic_mmhg"} <= set(values)
    used = patient_values({name: value for name, value in values.items() if not name.startswith("drug_")})
    if known and used.systolic_mmhg <= used.diastolic_mmhg:
        raise CaseError(
            "bad_pressures",
            f"A systolic pressure of {used.systolic_mmhg:g} mmHg is not above the diastolic {used.diastolic_mmhg:g} "
            "mmHg: check the file. Nothing was taken.",
        )


def _title(name: str) -> str:
    from app.workflow.parameters import describe
    from app.workflow.person import Person

    titles = {parameter.name: parameter.help for parameter in (*entered_parameters(), *describe(Person))}
    return titles[name]
