"""What follows from the patient's values, and what is taken of FHIR files, refused or left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.cli import main
from app.workflow.fhir import read_fhir, take_fhir
from app.workflow.patient import (
    body_surface_m2,
    derived_values,
    patient_assumptions,
    patient_values,
    viscosity_of_hematocrit,
)

ANNA = "pat-1"
NAME = "Ilse Beispielfrau"


def test_output_and_viscosity_follow_from_body_heart_and_blood() -> None:
    assert body_surface_m2(180.0, 80.0) == pytest.approx(2.0)
    assert patient_values({"height_cm": 180.0, "weight_kg": 80.0}).cardiac_output_l_min == pytest.approx(6.0)
    heart = {"ejection_fraction_percent": 50.0, "end_diastolic_ml": 120.0, "heart_rate_bpm": 60.0}
    assert patient_values(heart).cardiac_output_l_min == pytest.approx(3.6)
    assert patient_values({**heart, "cardiac_output_l_min": 4.0}).cardiac_output_l_min == 4.0
    assert viscosity_of_hematocrit(0.45, 3.5) == pytest.approx(3.5)
    # by hand at 0.30: 1 + 2.2 (0.7^-0.8 - 1) / (0.55^-0.8 - 1) = 1 + 2.2 (0.33021 / 0.61328) = 2.18455
    assert viscosity_of_hematocrit(0.30, 3.2) == pytest.approx(2.18455, abs=1e-4)
    drugs = {"systolic_mmhg": 150.0, "drug_pressure_percent": -10.0, "drug_resistance_percent": -20.0}
    under = patient_values(drugs)
    assert (under.systolic_mmhg, under.cardiac_output_l_min) == pytest.approx((135.0, 5.0 * 0.9 / 0.8))
    told = {one.name: one.source for one in patient_assumptions(drugs)}
    assert "150 mmHg (entered), changed by -10 % by drugs" in told["Systolic pressure"]


def test_what_follows_but_cannot_be_is_told_and_not_used() -> None:
    heart = {"ejection_fraction_percent": 80.0, "end_diastolic_ml": 400.0, "heart_rate_bpm": 100.0}
    assert patient_values(heart).cardiac_output_l_min == 5.0
    assert "only 1 to 15 are plausible: not used" in derived_values(heart)["cardiac_output_l_min"].how


def _observation(code: str, value: Any, unit: str | None, **other: Any) -> dict[str, Any]:
    quantity = {"value": value, **({} if unit is None else {"unit": unit, "code": unit})}
    if unit is not None and other.pop("coded", True):
        quantity["system"] = "http://unitsofmeasure.org"
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{ANNA}"},
        "effectiveDateTime": "2025-03-01T10:00:00+01:00",
        "valueQuantity": quantity,
        **other,
    }


def _patient(**other: Any) -> dict[str, Any]:
    name = [{"family": NAME.split()[1], "given": [NAME.split()[0]]}]
    return {"resourceType": "Patient", "id": ANNA, "gender": "female", "birthDate": "1951-06-30", "name": name, **other}


def _pressures(systolic: float, diastolic: float, unit: str) -> dict[str, Any]:
    made = _observation("85354-9", 0.0, unit)
    quantity = made.pop("valueQuantity")
    parts = ((systolic, "8480-6"), (diastolic, "8462-4"))
    made["component"] = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {**quantity, "value": value},
        }
        for value, code in parts
    ]
    return made


def _file(folder: Path, *resources: dict[str, Any]) -> Path:
    path = folder / "patient.json"
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    path.write_text(json.dumps(bundle if len(resources) > 1 else resources[0]), encoding="utf-8")
    return path


@pytest.fixture
def case(tmp_path: Path) -> Iterator[OpenCase]:
    with OpenCase.create(tmp_path / "p.case", "phantom") as opened:
        yield opened


def test_a_bundle_sets_values_in_this_programs_units(case: OpenCase, tmp_path: Path) -> None:
    smoking = _observation("72166-2", 0.0, "1")
    del smoking["valueQuantity"]
    smoking["valueCodeableConcept"] = {"coding": [{"system": "http://snomed.info/sct", "code": "8517006"}]}
    path = _file(
        tmp_path,
        _patient(),
        _pressures(18.0, 10.0, "kPa"),
        _observation("8302-2", 1.68, "m"),
        _observation("29463-7", 150.0, "[lb_av]"),
        _observation("4544-3", 0.38, "L/L"),
        _observation("8867-4", 1.2, "/s", effectiveDateTime="2025-03-02"),
        _observation("8867-4", 99, "/min", effectiveDateTime="2025-03-01"),
        smoking,
        _observation("2160-0", 1.0, "mg/dL"),
        _observation("8741-1", 4.4, "L/min", status="entered-in-error"),
        {"resourceType": "Condition", "id": "c"},
    )
    found = take_fhir(case, path)
    assert case.case.patient == {
        "systolic_mmhg": 135.0,
        "diastolic_mmhg": 75.0,
        "height_cm": 168.0,
        "weight_kg": 68.0,
        "hematocrit_percent": 38.0,
        "heart_rate_bpm": 72.0,
    }
    assert case.case.person == {"sex": "female", "age_years": 73.0, "smoking": "yes"}
    told = " ".join(found.not_taken)
    for words in ("1 Condition not read", "LOINC 2160-0: not used", "status is entered-in-error", "1 older of 2"):
        assert words in told
    stored = "".join(one.read_text(encoding="utf-8") for one in case.folder.rglob("*") if one.is_file())
    assert ANNA not in stored and not any(part in stored for part in NAME.split()) and "1951" not in stored
    other = {**_observation("8867-4", 70, "/min"), "subject": {"reference": "Patient/pat-2"}}
    with pytest.raises(CaseError, match="another patient than the one whose values the case holds"):
        take_fhir(case, _file(tmp_path, other))
    assert case.case.patient["heart_rate_bpm"] == 72.0


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([_observation("8480-6", 12.0, "psi")], "given in 'psi', which is not one of its units"),
        ([_observation("8480-6", 12.0, None)], "given without a unit"),
        ([_observation("8480-6", 18.0, "mm[Hg]")], "Systolic pressure of 18 mmHg is implausible"),
        ([_observation("8302-2", 1.7, "cm")], "Height of 1.7 cm is implausible"),
        ([_pressures(80.0, 120.0, "mm[Hg]")], "80 mmHg is not above the diastolic 120"),
        ([_patient(), _patient(id="pat-2")], "values of 2 patients"),
        (
            [_patient(), {**_observation("8867-4", 70, "/min"), "subject": {"reference": "Patient/x"}}],
            "values of 2 patients",
        ),
        ([_observation("8867-4", 70, "/min", status="entered-in-error")], "status is entered-in-error"),
        ([_observation("8867-4", 70, "/min"), _observation("8867-4", 80, "/min")], "does not say which is the newest"),
        ([{"resourceType": "Observation", "code": {"text": "x"}}], "Observation is no valid FHIR R4 or R5: its status"),
        ([{"resourceType": "Encounter"}], "is no FHIR Bundle, Patient or Observation but a Encounter"),
        ([{"value": 3}], "is no FHIR Bundle, Patient or Observation"),
        ([_patient(birthDate="1851-06-30")], "gives an age of"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_in_a_sentence(
    case: OpenCase, tmp_path: Path, resources: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(CaseError, match=words) as refused:
        take_fhir(case, _file(tmp_path, *resources))
    assert not any(part in str(refused.value) for part in NAME.split())
    assert case.case.patient == {} == case.case.person


def test_a_unit_whose_code_and_text_differ_is_refused(tmp_path: Path) -> None:
    one = _observation("8480-6", 16.0, "kPa")
    one["valueQuantity"]["unit"] = "mmHg"
    with pytest.raises(CaseError, match="'kPa' by its code but in 'mmHg' by its text"):
        read_fhir(_file(tmp_path, one))
    one["valueQuantity"] = {"value": 120.0, "unit": "mmHg"}
    assert read_fhir(_file(tmp_path, one)).values == {"systolic_mmhg": 120.0}


def test_the_program_takes_a_file_of_the_right_patient(
    case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.close()
    path = _file(tmp_path, _patient(), _observation("4544-3", 30.0, "%"))
    assert main(["patient", str(case.folder), "--fhir", str(path), "--patient-id", "pat-9"]) == 1
    assert "another patient than the one asked for" in capsys.readouterr().err
    assert main(["patient", str(case.folder), "--fhir", str(path), "--patient-id", ANNA, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fhir"]["values"] == {"hematocrit_percent": 30.0} and said["entered"]["sex"] == "female"
    assert said["used"]["blood_viscosity_mpa_s"] < 2.6 and "Pries" in said["derived"]["blood_viscosity_mpa_s"]["how"]
