"""Assessment: does a coronary stenosis limit the flow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.case.records import Case
from app.workflow.assessments.frame import (
    Assessed,
    Assessment,
    Curve,
    Figure,
    Rule,
    Span,
    Table,
    patient_known,
    scan_fit,
    step_done,
)
from app.workflow.coronary_parameters import Parameters
from app.workflow.ensemble_plan import Spread
from app.workflow.person import person_values
from app.workflow.result_files import Quantity
from app.workflow.steps import Request
from imaging.types import FloatArray, Progress, Surface

if TYPE_CHECKING:
    from app.workflow.bands import Band
    from app.workflow.coronary_model import Conditions, CoronaryModel, CoronaryState, Place

LIMIT, GREY = 0.80, (0.75, 0.80)
RELIABILITY = (
    "per vessel, CT-derived indices agreed with invasive FFR at 0.80 in 79.2 % (1050 vessels of three trials, Xu et "
    "al. 2015, Medicine 94:e1963); near the limit in about half (Cook et al. 2017, JAMA Cardiol., recalled)"
)
USUAL_VOXEL_MM = 0.4
WIDER = 2.0
"""Factor on the spread of what was not entered. An assumption."""
DIFFUSE = "hyperemia, lesions' own losses added back: the diffuse part"
DEFINITION = "mean static pressure by mean aortic pressure in steady hyperemia, by the reduced model"
WALL, PRESSURE, FLOW, HYPEREMIA, VISCOSITY, SPLIT = (
    "where the wall is",
    "aortic pressure",
    "flow at rest",
    "hyperemic flow",
    "viscosity",
    "split of the outlets",
)


def assess_coronary(request: Request, progress: Progress) -> Assessed:
    """Index at every point, lesions one by one, flow reserve, and the band of what matters."""
    from app.workflow.coronary_model import coronary_model_in, state_dict
    from app.workflow.units import ml_s_from_m3_s

    chosen: Parameters = request.parameters
    model = coronary_model_in(request.bundle, request.case, chosen, lambda f, text: progress(0.3 * f, text))
    places = model.told_places()
    progress(0.3, "Solving the samples")
    bands, band_note = bands_at(model, places, chosen, request.case, progress)
    state, rest = model.hyperemia, model.rest
    figures = []
    for number, (title, place) in enumerate(places.items()):
        value, band = state.at(place)[0], bands[number] if bands else None
        about = f"{_zone(value)}; {band.sentence(value, LIMIT)}" if band else f"{_zone(value)}; {band_note}"
        low, high = (band.low, band.high) if band else (None, None)
        figures.append(Figure(f"ffr_ct_{number}", f"FFR-like index, {title}", "1", DEFINITION, value, low, high, about))
    first = range(len(model.lesions) or len(figures))  # far ends count where there is no lesion
    worst = min(first, key=lambda n: figures[n].value)
    reserve = state.flow / rest.flow
    reserve_band = bands[-1] if bands else None
    figures += [
        Figure(
            *("flow_reserve", "Flow reserve of the tree", "1", "hyperemic by resting flow", reserve),
            *((reserve_band.low, reserve_band.high) if reserve_band else (None, None)),
        ),
        *(
            Figure(f"flow_{name}", f"Flow into the tree {words}", "mL/s", "by the reduced model", ml_s_from_m3_s(flow))
            for name, words, flow in (("rest", "at rest", rest.flow), ("hyperemia", "in hyperemia", state.flow))
        ),
    ]
    title, value = list(places)[worst], figures[worst].value
    told = bands[worst].sentence(value, LIMIT) if bands else f"{value:.2f}, {band_note}"
    grey = f" It lies in the grey zone {GREY[0]:.2f} to {GREY[1]:.2f}." if GREY[0] <= value <= GREY[1] else ""
    return Assessed(
        f"FFR-like index {told} ({title}).{grey}",
        tuple(figures),
        (*_in_3d_table(request.case, model), _lesion_table(model), _end_table(model), *_share_table(bands, worst)),
        tuple(_curves(model)),
        tuple(_spans(model)),
        (*_reasons(request.case, model, chosen), *_unused(request.case)),
        model.assumptions,
        _colored(model),
        (Quantity("ffr_ct", "FFR-like index", "1", DEFINITION),),
        {"hyperemia": state_dict(model, state), "rest": state_dict(model, rest)},
    )


def spreads_of(chosen: Parameters, entered: Collection[str]) -> tuple[Spread, ...]:
    """The declared distributions: offsets for wall [voxel], pressure [mmHg] and exponent, else factors.

    Parameters
    ----------
    entered
        Names of what is known of the patient; what is not spreads wider.
    """
    is_known = {"systolic_mmhg", "diastolic_mmhg"} <= set(entered)
    by_size = chosen.rest_flow_ml_s == 0.0 and chosen.lv_mass_g == 0.0
    knows_blood = {"blood_viscosity_mpa_s", "hematocrit_percent"} & set(entered)
    viscosity = chosen.viscosity_sd * (1.0 if knows_blood else WIDER)
    all_of_them = (
        Spread(WALL, "normal", 0.0, chosen.wall_sd_voxels, "assumption"),
        Spread(PRESSURE, "normal", 0.0, chosen.pressure_sd_mmhg * (1.0 if is_known else WIDER), "assumption"),
        Spread(FLOW, "lognormal", 1.0, chosen.flow_sd * (WIDER if by_size else 1.0), "assumption"),
        Spread(HYPEREMIA, "lognormal", 1.0, chosen.hyperemia_sd, "assumption"),
        Spread(VISCOSITY, "normal", 1.0, viscosity, "assumption"),
        Spread(SPLIT, "normal", 0.0, chosen.split_sd, "assumption"),
    )
    return tuple(one for one in all_of_them if one.second > 0.0)


def sampled(model: CoronaryModel, factors: dict[str, float], voxel_mm: float) -> tuple[CoronaryState, Conditions]:
    """In hyperemia with the inputs of one sample; RunError and CaseError where there is no flow."""
    from app.workflow.units import M_PER_MM, pa_from_mmhg

    one = model.conditions
    conditions = replace(
        one,
        pressure=one.pressure + pa_from_mmhg(factors.get(PRESSURE, 0.0)),
        rest_flow=one.rest_flow * factors.get(FLOW, 1.0),
        split_exponent=one.split_exponent + factors.get(SPLIT, 0.0),
        hyperemia=min(one.hyperemia * factors.get(HYPEREMIA, 1.0), 1.0),
        fluid=replace(one.fluid, viscosity=one.fluid.viscosity * factors.get(VISCOSITY, 1.0)),
    )
    return model.varied(factors.get(WALL, 0.0) * voxel_mm * M_PER_MM, conditions), conditions


def bands_at(
    model: CoronaryModel, places: dict[str, Place], chosen: Parameters, case: Case, progress: Progress
) -> tuple[list[Band], str]:
    """Bands of the index at each place and of the flow reserve; or none and why."""
    from app.case.errors import CaseError
    from app.workflow.bands import bands_of
    from solvers.contract.errors import RunError

    spreads = spreads_of(chosen, case.patient)
    if chosen.samples == 0 or not spreads:
        return [], "no band was asked for"
    voxel, done = voxel_of(case, chosen), 0

    def evaluate(x: FloatArray) -> FloatArray:
        nonlocal done
        rows = []
        for column in x.T:
            factors = {spread.name: float(value) for spread, value in zip(spreads, column, strict=True)}
            try:
                state, conditions = sampled(model, factors, voxel)
                indices = [state.at(place)[0] for place in places.values()]
                rows.append([*indices, state.flow / conditions.rest_flow])
            except (CaseError, RunError):
                rows.append([float("nan")] * (len(places) + 1))
            done += 1
            progress(0.3 + 0.65 * min(done / chosen.samples, 1.0), f"{done} samples")
        return np.array(rows).T

    return bands_of(evaluate, spreads, chosen.samples, LIMIT), ""


def voxel_of(case: Case, chosen: Parameters) -> float:
    """Size of a voxel in the scan's plane [mm], or an assumed one."""
    image = case.current("image")
    if chosen.voxel_mm > 0.0:
        return chosen.voxel_mm
    return float(max(image.facts["spacing_mm"][:2])) if image is not None else USUAL_VOXEL_MM


def _zone(value: float) -> str:
    if GREY[0] <= value <= GREY[1]:
        return f"grey zone {GREY[0]:.2f} to {GREY[1]:.2f}"
    return f"below {GREY[0]:.2f}" if value < GREY[0] else f"above {GREY[1]:.2f}"


def _in_3d_table(case: Case, model: CoronaryModel) -> tuple[Table, ...]:
    """The same places in 3D, where `confirm` has solved them with this model and these conditions."""
    from app.workflow.coronary_3d import confirmation_of

    kept = confirmation_of(case, model)
    if kept is None:
        return ()
    rows = tuple(
        (place["title"], round(place["reduced"], 3), round(place["in_3d"], 3), round(place["difference"], 3))
        for place in kept["places"]
    )
    title = f"Confirmed by a steady 3D run in hyperemia ({kept['n_cells']} cells, fluttering by {kept['flutter']:.3f})"
    return (Table(title, ("where", "reduced model", "3D", "difference"), rows),)


def _lesion_table(model: CoronaryModel) -> Table:
    """Lesions one by one: what each takes, and what would be there without it or with it alone."""
    from app.workflow.coronary_model import Place
    from app.workflow.units import mmhg_from_pa

    rows: list[tuple[float | str | None, ...]] = []
    everyone = range(1, len(model.lesions) + 1)
    for number, lesion in enumerate(model.lesions, 1):
        place = model.reading_place(lesion)
        ends = [Place(lesion.branch, along) for along in (lesion.from_mm, lesion.to_mm)]
        before, behind = (model.hyperemia.at(end)[1] for end in ends)
        removed = model.after(model.without([number]))[0].at(place)[0]
        alone = model.after(model.without([n for n in everyone if n != number]))[0].at(place)[0]
        index = model.hyperemia.at(place)[0]
        rows.append(
            (
                number,
                _spoken(lesion.branch),
                round(lesion.at_mm, 1),
                round(lesion.length_mm, 1),
                round(lesion.diameter_mm, 2),
                round(lesion.diameter_percent),
                round(mmhg_from_pa(before - behind), 1),
                round(index, 3),
                round(model.rest.at(place)[0], 3),
                round(removed, 3),
                round(alone, 3),
                _zone(index),
            )
        )
    columns = (
        *("lesion", "vessel", "at [mm]", "length [mm]", "diameter [mm]", "narrowing [%]", "own loss [mmHg]"),
        *("index behind it", "resting index", "index without it", "index with it alone", "zone"),
    )
    return Table("Lesions, in hyperemia", columns, tuple(rows))


def _end_table(model: CoronaryModel) -> Table:
    """Vessels to their far ends: flow, reserve, and which part of the loss no lesion takes."""
    from app.workflow.units import ml_s_from_m3_s, mmhg_from_pa

    rows: list[tuple[float | str | None, ...]] = []
    branch_of = {vessel.name: vessel.branch for vessel in model.tree.vessels}
    for name in model.tree.ends:
        branch = branch_of[name]
        place = model.far_ends()[branch]
        index, total = model.hyperemia.at(place)
        own = _own_loss(model, _branches_to(model, name))
        drop = model.hyperemia.pressure - total
        flows = [state.pullbacks[name].flow for state in (model.hyperemia, model.rest)]
        rows.append(
            (
                _spoken(branch),
                round(index, 3),
                round(model.rest.at(place)[0], 3),
                round(mmhg_from_pa(drop), 1),
                round(mmhg_from_pa(drop - own), 1),
                round(ml_s_from_m3_s(flows[1]), 3),
                round(ml_s_from_m3_s(flows[0]), 3),
                round(flows[0] / flows[1], 2),
            )
        )
    columns = (
        *("to the end of", "index", "resting index", "loss [mmHg]", "diffuse part [mmHg]"),
        *("flow at rest [mL/s]", "flow in hyperemia [mL/s]", "flow reserve"),
    )
    return Table("Vessels to their ends", columns, tuple(rows))


def _branches_to(model: CoronaryModel, end: str) -> dict[str, float]:
    """Branches on the way to an end, and how far along each the way goes [mm]."""
    found: dict[str, float] = {}
    name: str | None = end
    while name is not None:
        vessel = model.tree.vessel(name)
        found.setdefault(vessel.branch, 1e3 * (vessel.start + vessel.length))
        name = vessel.parent
    return found


def _own_loss(model: CoronaryModel, way: Mapping[str, float]) -> float:
    """Total pressure [Pa] that the lesions take in hyperemia on a way that goes so far along its branches [mm]."""
    from app.workflow.coronary_model import Place

    def total(branch: str, along_mm: float) -> float:
        return model.hyperemia.at(Place(branch, along_mm))[1]

    return sum(
        total(lesion.branch, lesion.from_mm) - total(lesion.branch, min(lesion.to_mm, way[lesion.branch]))
        for lesion in model.lesions
        if lesion.from_mm < way.get(lesion.branch, 0.0)
    )


def _share_table(bands: list[Band], worst: int) -> tuple[Table, ...]:
    if not bands:
        return ()
    band = bands[worst]
    rows = tuple(
        (name, round(100.0 * band.shares[name], 1), round(100.0 * band.totals[name], 1))
        for name in sorted(band.totals, key=lambda name: -band.totals[name])
    )
    columns = ("uncertain input", "alone [% of the variance]", "with the others [% of the variance]")
    return (Table("What the band of the index named first comes from (Sobol)", columns, rows),)


def _curves(model: CoronaryModel) -> list[Curve]:
    """The index along each branch, those with lesions first, and what of the loss no lesion takes."""
    from app.workflow.coronary_model import branch_curve

    found = []
    axes = "along the vessel [mm]", "pressure by aortic pressure"
    with_lesion = [lesion.branch for lesion in model.lesions]  # first
    for branch in dict.fromkeys((*with_lesion, *model.ends_mm)):
        for name, state in (("hyperemia", model.hyperemia), ("rest", model.rest)):
            along, index = branch_curve(model, state, branch)
            curve = tuple(map(float, along.round(3))), tuple(map(float, index.round(5)))
            found.append(Curve(pullback_title(branch), name, *axes, *curve))
        if model.lesions:
            along, left = _diffuse(model, branch)
            curve = tuple(map(float, along.round(3))), tuple(map(float, left.round(5)))
            found.append(Curve(pullback_title(branch), DIFFUSE, *axes, *curve))
    return found


def _diffuse(model: CoronaryModel, branch: str) -> tuple[FloatArray, FloatArray]:
    """(n,) millimeters along a branch, and total by aortic pressure there with the lesions' own losses added back."""
    from app.workflow.coronary_model import Place, branch_curve

    along, _ = branch_curve(model, model.hyperemia, branch)
    way = _branches_to(model, [vessel.name for vessel in model.tree.vessels if vessel.branch == branch][-1])
    left = [model.hyperemia.at(Place(branch, s))[1] + _own_loss(model, {**way, branch: s}) for s in along]
    return along, np.array(left) / model.hyperemia.pressure


def _spans(model: CoronaryModel) -> list[Span]:
    return [
        Span(pullback_title(lesion.branch), f"lesion {number}", round(lesion.from_mm, 2), round(lesion.to_mm, 2))
        for number, lesion in enumerate(model.lesions, 1)
    ]


def pullback_title(branch: str) -> str:
    """Title of the plot of a branch."""
    return f"Pullback of {_spoken(branch)}"


def _colored(model: CoronaryModel) -> Surface | None:
    """The wall with the index of the nearest point of a centerline."""
    if model.model is None:
        return None
    surface = model.model.surface
    return Surface(surface.points, surface.triangles, {"ffr_ct": model.at_wall(model.hyperemia).astype(np.float32)})


def _reasons(case: Case, model: CoronaryModel, chosen: Parameters) -> list[str]:
    from solvers.network.stenosis import LAWS
    from solvers.network.vessel_tree import lesions_of

    told = [
        "Flow and microcirculation are not this patient's: a bed that answers less to adenosine has a higher index.",
        f"The reduced model's narrowings follow {LAWS[model.options.law].title}; a 3D run of the same lumen shows its "
        "error.",
        f"At an index near {LIMIT:.2f} the answer is uncertain: {RELIABILITY}.",
        "The resting index is the mean over the whole beat, not over the wave-free period.",
    ]
    for vessel in model.tree.vessels:
        for _, lesion in lesions_of(vessel):
            if lesion.own is None:
                law, flow = LAWS[model.options.law], model.hyperemia.pullbacks[vessel.name].flow
                told += [
                    f"{_spoken(vessel.branch)}: {words}" for words in law.outside(lesion, model.conditions.fluid, flow)
                ]
    person = person_values(case.person)
    if person.nitrates != "yes":
        told.append(
            "Nitrates for the scan: "
            f"{person.nitrates}. Without them the arteries are narrower than in the catheter laboratory."
        )
    if person.adenosine == "yes":
        told.append("Adenosine was given for the scan: entered pressures and heart rate may be those of hyperemia.")
    if person.antihypertensives == "yes":
        told.append("The pressures were measured under antihypertensive drugs: the index holds under them.")
    return told


def _unused(case: Case) -> list[str]:
    from app.workflow.flow_setup import STEP, ReducedParameters
    from app.workflow.parameters import build

    reduced = build(ReducedParameters, case.parameters.get(STEP, {}))
    unused = [name for name in ("junction_model", "bends") if getattr(reduced, name) != "none"]
    return [f"The case's setting of {' and '.join(unused)} is not used here."] if unused else []


def _spoken(branch: str) -> str:
    return branch.replace("_", " ")


ASSESSMENT = Assessment(
    "coronary",
    "Coronary stenosis",
    "Does this stenosis limit the flow?",
    (
        step_done("model"),
        scan_fit("coronary"),
        patient_known("systolic_mmhg", "diastolic_mmhg"),
        patient_known("blood_viscosity_mpa_s"),
        patient_known("nitrates", "adenosine", "antihypertensives"),
    ),
    (
        Rule(
            "FFR-like index 0.80, grey zone 0.75 to 0.80",
            "Tonino et al. 2009, N Engl J Med 360:213; Pijls et al. 1996, N Engl J Med 334:1703 (0.75); recalled",
            "adults with stable disease and stenoses of single epicardial arteries, index measured by pressure wire",
            (
                f"A computed index is not a measured one: {RELIABILITY}.",
                "Not validated here in patients: no measured FFR is at hand.",
            ),
        ),
    ),
    ("model", "patient", "person"),
    __name__,
    assess_coronary,
)
