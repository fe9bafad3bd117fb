"""Assessment: is the wall of an aorta near its strength."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.workflow.assessments.frame import Assessed, Assessment, Figure, Rule, Table, patient_known, scan_fit, step_done
from app.workflow.patient import Assumption, patient_values
from app.workflow.person import UNKNOWN, Person, person_values
from app.workflow.result_files import Quantity
from app.workflow.steps import Request
from app.workflow.wall import LIMITS, wall_of_model
from app.workflow.wall_parameters import WallParameters
from imaging.types import Progress

Parameters = WallParameters


_COLORED = (
    Quantity("rupture_index", "Rupture potential index", "1", "stress by strength"),
    Quantity("von_mises_kpa", "Von Mises stress", "kPa", "hyperelastic or linear wall by finite elements"),
    Quantity("principal_kpa", "Greatest principal stress", "kPa", "hyperelastic or linear wall by finite elements"),
    Quantity("strength_kpa", "Strength of the wall", "kPa", "Vande Geest et al. 2006, Ann Biomed Eng 34:1098"),
    Quantity("thickness_mm", "Thickness of the wall", "mm", "as stated or mapped"),
)


def assess_wall_of(request: Request, progress: Progress) -> Assessed:
    """Stress, strength and rupture potential index of the wall; see `app.workflow.wall`."""
    from imaging.surface.surface_io import read_model

    chosen = _of_person(request.parameters, person_values(request.case.person))
    model = read_model(request.path("model", "surface").parent)
    pressure = chosen.pressure_mmhg or patient_values(request.case.patient).systolic_mmhg
    facts, surface = wall_of_model(model, chosen, pressure, progress)
    index, diameter = facts["rupture_index"], facts["diameter"]
    band = index["band"]
    told = band["sentence"] if band["n_samples"] else f"{index['p99']:.2f}; no band was asked for."
    source = index["definition"]
    figures = (
        Figure(
            *("rupture_index", "Rupture potential index, 99th percentile", "1", source, index["p99"]),
            *(band.get("p05"), band.get("p95"), band["sentence"]),
        ),
        *(
            Figure(name, label, "kPa", "hyperelastic or linear wall by finite elements", facts[name]["p99"])
            for name, label in (
                ("von_mises_kpa", "Von Mises stress, 99th percentile"),
                ("principal_kpa", "Greatest principal stress, 99th percentile"),
            )
        ),
        Figure(
            *("outer_diameter_mm", "Largest outer diameter", "mm", "across the centerline, wall and thrombus included"),
            diameter["largest_outer_mm"],
            about=f"repair is considered from {diameter['rule_mm']:g} mm ({diameter['rule_source']})",
        ),
    )
    shares = (
        Table(
            "What the band comes from",
            ("source", "share [%]"),
            tuple((n, 100.0 * s) for n, s in band["shares"].items()),
        )
        if band["n_samples"]
        else None
    )
    return Assessed(
        f"Rupture potential index {told}",
        figures,
        *((shares,) if shares else (),),
        reasons=tuple(facts["limits"]),
        assumptions=tuple(_assumptions(facts["inputs"])),
        surface=surface,
        colored=_COLORED,
        details=facts,
    )


def _of_person(chosen: WallParameters, person: Person) -> WallParameters:
    """The parameters with what is known of the person in the place of what is assumed."""
    if person.sex != UNKNOWN:
        chosen = replace(chosen, sex=person.sex)
    if person.family_aneurysm != UNKNOWN:
        chosen = replace(chosen, family_history=person.family_aneurysm == "yes")
    return chosen


def _assumptions(inputs: dict[str, Any]) -> list[Assumption]:
    sources = inputs["sources"]
    plain = {name: inputs[name] for name in sources if isinstance(inputs.get(name), (int, float, str))}
    return [Assumption(name.replace("_", " "), value, "", sources[name]) for name, value in plain.items()]


ASSESSMENT = Assessment(
    "wall",
    "Stress in the wall of an aorta",
    "Is this wall near its strength?",
    (
        step_done("model"),
        scan_fit("wall"),
        patient_known("systolic_mmhg"),
        patient_known("sex", "family_aneurysm"),
    ),
    (
        Rule(
            "Rupture potential index",
            "strength: Vande Geest et al. 2006, Ann Biomed Eng 34:1098, as other open programs carry it",
            "walls of abdominal aortic aneurysms",
            LIMITS,
        ),
    ),
    ("model", "patient", "person"),
    __name__,
    assess_wall_of,
)
