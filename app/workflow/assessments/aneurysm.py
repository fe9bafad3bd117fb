"""Assessment: the shape of an intracranial aneurysm, and published scores of its rupture and growth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.workflow.aneurysm import NECK_MOVES_MM, NECK_TILTS_DEG, PROPOSED, FoundSac, NeckParameters, find_sac
from app.workflow.assessments.frame import (
    Assessed,
    Assessment,
    Figure,
    Rule,
    Table,
    patient_known,
    scan_fit,
    step_done,
)
from app.workflow.patient import Assumption
from app.workflow.person import UNKNOWN, Person, person_values
from app.workflow.result_files import Quantity
from app.workflow.steps import Request
from imaging.types import Progress
from solvers.risk.aneurysm_scores import GROWTH_3Y, GROWTH_5Y, RUPTURE_5Y, SITES, elapss, phases
from solvers.risk.scores import Score, extremes

Parameters = NeckParameters

_SHAPE = "definitions of Dhar et al. 2008 and Raghavan et al. 2005"
_UIATS = "the treatment score of Etminan et al. 2015 counts it as irregular above {}; the number stands for itself"
QUANTITIES: tuple[tuple[str, str, str, str], ...] = (
    ("size_mm", "Size (largest dimension, neck included)", "mm", ""),
    ("neck_mm", "Neck diameter", "mm", "twice the mean distance of its rim from its center"),
    ("neck_least_mm", "Neck, least diameter", "mm", ""),
    ("neck_largest_mm", "Neck, largest diameter", "mm", ""),
    ("height_mm", "Height over the neck plane", "mm", ""),
    ("height_from_center_mm", "Largest distance from the neck's center", "mm", ""),
    ("width_mm", "Width along the neck plane", "mm", ""),
    ("parent_mm", "Parent vessel's diameter", "mm", "of the tube that stands for it without the sac"),
    ("aspect_ratio", "Aspect ratio (height by neck)", "1", _UIATS.format("1.6")),
    ("size_ratio", "Size ratio (distance from the neck's center by parent)", "1", _UIATS.format("3")),
    ("bottleneck_ratio", "Bottleneck ratio (width by neck)", "1", ""),
    ("height_to_width", "Height by width", "1", ""),
    ("volume_mm3", "Volume of the sac", "mm3", ""),
    ("area_mm2", "Area of the sac's wall without the neck", "mm2", ""),
    ("undulation_index", "Undulation index", "1", "0 where the sac is convex"),
    ("nonsphericity_index", "Nonsphericity index", "1", "0 for a hemisphere on its neck"),
    ("ellipticity_index", "Ellipticity index", "1", "nonsphericity of the convex hull"),
    ("inflow_angle_deg", "Inflow angle", "deg", "between the parent's flow and the sac's axis; 90 is upright"),
)
NO_MODEL = (
    "No probability of rupture from shape and flow is shown, and no percentile: the coefficients of the published "
    "models (Xiang 2011 and 2015, Detmer 2018) and the distributions to compare with could not be verified."
)


_COLORED = (
    Quantity("part", "Part (0 vessel, 1 neck, 2 sac)", "1", "parted by the neck plane"),
    Quantity("distance_from_parent_mm", "Distance from the parent vessel", "mm", "imaging/aneurysm/parent.py"),
)


def assess_aneurysm(request: Request, progress: Progress) -> Assessed:
    """Sac, shape, scores."""
    from imaging.surface.surface_io import read_model

    model = read_model(request.path("model", "surface").parent)
    found = find_sac(model, request.parameters, progress)
    person = person_values(request.case.person)
    blur_mm = _boundary_mm(request)
    figures = [_figure(found, *quantity) for quantity in QUANTITIES if _is_known(found.shape[quantity[0]])]
    scores, tables = _scores(found.shape["size_mm"], blur_mm, person)
    figures += scores
    growth = _growth(found.shape["size_mm"], blur_mm, person)
    figures += [growth] if growth else []
    moved = Table(
        f"With the neck moved by {NECK_MOVES_MM:g} mm or tilted by {NECK_TILTS_DEG:g} degrees",
        ("quantity", "unit", "value", "least", "largest"),
        tuple(
            (label, unit, *(float(f"{v:.4g}") for v in (found.shape[name], *found.moved[name])))
            for name, label, unit, _ in QUANTITIES
            if _is_known(found.shape[name])
        ),
    )
    reasons = [*found.notes, PROPOSED, NO_MODEL]
    if found.n_moved < 6:
        reasons.append(f"Of the six planes beside the neck plane {found.n_moved} part the sac from the vessel.")
    if person.n_aneurysms > 1.0:
        reasons.append(
            f"The patient has {person.n_aneurysms:.0f} aneurysms: PHASES and ELAPSS tell of one at a time, so the "
            "risk of the patient is larger than that of this aneurysm."
        )
    shape = found.shape
    phases_figure = next(one for one in scores if one.id == "phases_points")
    return Assessed(
        f"Aneurysm of {shape['size_mm']:.1f} mm with a neck of {shape['neck_mm']:.1f} mm, aspect ratio "
        f"{shape['aspect_ratio']:.2f}; PHASES {_points_text(phases_figure)}.",
        tuple(figures),
        (*tables, moved),
        reasons=tuple(reasons),
        assumptions=tuple(_assumptions(person)),
        surface=found.colored,
        colored=tuple(q for q in _COLORED if q.id in found.colored.point_data),
        details={
            "neck": {
                "center_mm": [round(float(c), 4) for c in found.center_mm],
                "normal": [round(float(c), 6) for c in found.normal],
            },
            "shape": dict(found.shape),
            "parts_of_the_wall": {"0": "vessel", "1": "neck", "2": "sac"},
            "model": request.record("model").id,
        },
    )


def _is_known(value: float) -> bool:
    return value == value


def _figure(found: FoundSac, name: str, label: str, unit: str, about: str) -> Figure:
    low, high = found.moved[name]
    span = f"{round(low, 6) + 0.0:.3g} to {round(high, 6) + 0.0:.3g} with the neck moved"
    return Figure(name, label, unit, _SHAPE, found.shape[name], about=f"{about}; {span}" if about else span)


def _boundary_mm(request: Request) -> float:
    """By how much a diameter changes when the boundary is half a voxel off on both sides; 0 for a surface."""
    image = request.case.current("image")
    return 0.0 if image is None else float(max(image.facts["spacing_mm"]))


def _scores(size_mm: float, blur_mm: float, person: Person) -> tuple[list[Figure], list[Table]]:
    """PHASES and ELAPSS as points and risks, from the least to the greatest that is possible."""
    sizes = tuple(max(size_mm + change, 0.1) for change in (0.0, -blur_mm, blur_mm))
    yes_no = {"hypertension": person.hypertension, "earlier_hemorrhage": person.earlier_subarachnoid_hemorrhage}
    answers: dict[str, tuple[Any, ...]] = {
        name: (False, True) if value == UNKNOWN else (value == "yes",) for name, value in yes_no.items()
    }
    populations = ("north_american_or_european", "japanese", "finnish")
    answers["population"] = populations if person.ancestry == UNKNOWN else (person.ancestry,)
    answers["site"] = tuple(SITES) if person.aneurysm_site == UNKNOWN else (person.aneurysm_site,)
    answers["size_mm"] = sizes
    answers["irregular"] = (
        (False, True) if person.aneurysm_irregular == UNKNOWN else (person.aneurysm_irregular == "yes",)
    )
    wanted: dict[str, tuple[Callable[..., Score], tuple[str, ...], tuple[str, ...]]] = {
        "PHASES": (phases, ("population", "hypertension", "size_mm", "earlier_hemorrhage", "site"), (RUPTURE_5Y,)),
        "ELAPSS": (
            elapss,
            ("population", "size_mm", "earlier_hemorrhage", "site", "irregular"),
            (GROWTH_3Y, GROWTH_5Y),
        ),
    }
    figures, tables = [], []
    for title, (score, names, risks) in wanted.items():
        of_score = {name: answers[name] for name in names}
        known = {"age_years": person.age_years}
        best: Score = score(**known, **{name: values[0] for name, values in of_score.items()})
        low, high = extremes(score, known, of_score)
        is_open = low.points != high.points
        about = f"{low.points} to {high.points} by what is not known" if is_open else "all of it is known"
        key = title.lower()
        figures.append(Figure(f"{key}_points", f"{title} points", "1", title, float(best.points), about=about))
        for risk in risks:
            span = f"{low.risks_percent[risk]:g} to {high.risks_percent[risk]:g} %" if is_open else about
            figures.append(
                Figure(
                    f"{key}_{risk.replace(' ', '_')}_percent",
                    f"{title}: {risk}, of the groups that it was made from",
                    "%",
                    title,
                    best.risks_percent[risk],
                    about=span,
                )
            )
        rows = tuple((part, points, low.parts[part], high.parts[part]) for part, points in best.parts.items())
        tables.append(Table(f"{title}, points", ("part", "points", "least", "largest"), rows))
    return figures, tables


def _points_text(figure: Figure) -> str:
    open_words = f" ({figure.about})" if "not known" in figure.about else ""
    return f"{figure.value:.0f} points{open_words}"


def _growth(size_mm: float, blur_mm: float, person: Person) -> Figure | None:
    if not person.earlier_aneurysm_mm or not person.earlier_aneurysm_years:
        return None
    change = size_mm - person.earlier_aneurysm_mm
    about = f"{change:+.1f} mm since {person.earlier_aneurysm_mm:g} mm"
    if blur_mm:
        within = "within" if abs(change) <= blur_mm else "beyond"
        about += f", {within} the {blur_mm:.2g} mm of half a voxel on both sides"
    source = "difference of two sizes"
    return Figure("growth_mm_year", "Growth", "mm/year", source, change / person.earlier_aneurysm_years, about=about)


def _assumptions(person: Person) -> list[Assumption]:
    counted = {
        "ancestry": "no points for the population",
        "hypertension": "no points for hypertension",
        "earlier_subarachnoid_hemorrhage": "no earlier hemorrhage",
        "aneurysm_site": f"the site with the fewest points: {SITES['ica']}",
        "aneurysm_irregular": "regular",
    }
    return [
        Assumption(name.replace("_", " "), words, "", "not entered; the range tells what else it may be")
        for name, words in counted.items()
        if getattr(person, name) == UNKNOWN
    ]


ASSESSMENT = Assessment(
    "aneurysm",
    "Intracranial aneurysm: shape and scores",
    "How large is this aneurysm, how is it shaped, and what became of aneurysms like it?",
    (
        step_done("model"),
        scan_fit("intracranial"),
        patient_known("age_years"),
        patient_known("ancestry", "hypertension", "earlier_subarachnoid_hemorrhage"),
        patient_known("aneurysm_site", "aneurysm_irregular", "n_aneurysms"),
    ),
    (
        Rule(
            "PHASES",
            "Greving et al. 2014, Lancet Neurol 13:59",
            "8382 patients of six cohorts in North America, Europe and Japan",
            ("Most cohorts were selected, followed for a short time, and lost the aneurysms that were treated.",),
        ),
        Rule(
            "ELAPSS",
            "Backes et al. 2017, Neurology 88:1600",
            "unruptured aneurysms that were only watched",
            (
                "Growth is not rupture.",
                "In 1072 other patients its c-statistic was 0.69 at three years (Sánchez van Kammen et al. 2019, "
                "J Stroke 21:340).",
            ),
        ),
    ),
    ("model", "person"),
    __name__,
    assess_aneurysm,
)
