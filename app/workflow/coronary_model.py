"""A case's coronary tree in memory: steady flow at rest and in hyperemia, its index at every point, treatments."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.coronary_parameters import (
    FLOW_OF_MUSCLE_ML_MIN_G,
    GIESSEN,
    MASS_EXPONENT,
    SIZE_COEFFICIENT,
    SIZE_EXPONENT,
    USUAL_MASS_G,
    Parameters,
)
from app.workflow.lesions import vessels_of
from app.workflow.patient import Assumption, patient_values
from app.workflow.patient_tree import PatientTree, patient_tree
from app.workflow.units import M3_PER_ML, M_PER_MM, ml_s_from_m3_s, mmhg_from_pa, pa_from_mmhg
from imaging.types import FloatArray, Progress, VesselModel, silent
from solvers.contract.fluid import Fluid
from solvers.network.pullback import Beds, Opened, Pullback, Stent, autoregulated, moved_in, pullbacks, treated
from solvers.network.tuning import fractions_of_radii
from solvers.network.vessel_tree import VesselTree
from solvers.network.zero_d.build import Options

if TYPE_CHECKING:
    from imaging.centerline.lesions import Lesion

LEAST_RADIUS_MM = 0.1
"""Below it a lumen counts as closed: no law of a narrowing holds there. An assumption."""
MOST_REDUCTION = 0.9
"""Of the diameter: a narrowing beyond it counts as closed. An assumption: where the laws' ranges end."""
END_NARROWED = 0.75
"""An end whose radius is below this part of the usual one before it lies inside a lesion. An assumption."""
END_DIAMETERS = 6.0
SIZE_DIAMETERS = 5.0
"""Length over which the size of the tree's first vessel is taken, and before an end that end's usual size."""


@dataclass(frozen=True)
class Conditions:
    """What drives a coronary tree (SI).

    Attributes
    ----------
    pressure, venous
        Mean in the aorta, and behind the bed [Pa].
    rest_flow
        Into the tree at rest [m3/s].
    split_exponent
        Of the outlets' diameters.
    hyperemia
        Resistance of the bed in hyperemia by that at rest.
    """

    pressure: float
    venous: float
    rest_flow: float
    split_exponent: float
    hyperemia: float
    fluid: Fluid

    def wanted(self, end_radius: Mapping[str, float]) -> dict[str, float]:
        """Flow at rest [m3/s] of each end of a tree, by the radii of the ends."""
        shares = fractions_of_radii(list(end_radius.values()), self.split_exponent)
        return {name: self.rest_flow * float(share) for name, share in zip(end_radius, shares, strict=True)}

    def beds(self, end_radius: Mapping[str, float]) -> Beds:
        """What the ends feed in hyperemia."""
        drive = self.pressure - self.venous
        flows = self.wanted(end_radius)
        return Beds({name: self.hyperemia * drive / flow for name, flow in flows.items()}, self.venous)


@dataclass(frozen=True)
class Place:
    """A place on a branch: millimeters along it."""

    branch: str
    along_mm: float


@dataclass(frozen=True, eq=False)
class CoronaryState:
    """The tree with its flow.

    Attributes
    ----------
    pullbacks
        Of each vessel by name.
    pressure
        In the aorta [Pa].
    """

    pullbacks: Mapping[str, Pullback]
    pressure: float

    @property
    def flow(self) -> float:
        """Into the tree [m3/s]."""
        return next(iter(self.pullbacks.values())).flow

    def index(self, one: Pullback) -> FloatArray:
        """(n,) static pressure by that in the aorta along a vessel."""
        return one.pressure / self.pressure

    def of_branch(self, branch: str) -> list[Pullback]:
        """The vessels of a branch, from its start."""
        return sorted((p for p in self.pullbacks.values() if p.branch == branch), key=lambda p: float(p.along[0]))

    def at(self, place: Place) -> tuple[float, float]:
        """Index and total pressure [Pa] at a place."""
        parts = self.of_branch(place.branch)
        along = place.along_mm * M_PER_MM
        part = next((one for one in parts if along <= one.along[-1]), parts[-1])
        index = float(np.interp(along, part.along, self.index(part)))
        return index, float(np.interp(along, part.along, part.total))


@dataclass(frozen=True, eq=False)
class CoronaryModel:
    """A case's coronary tree with what drives it.

    Attributes
    ----------
    ends_mm
        Where the anatomy of each branch ends [mm along it]; what follows is a flow extension.
    lesions
        Stenoses that were found, in the order of the tree.
    end_radius
        Usual radius at each end [m], by which the outlets share the flow.
    """

    patient: PatientTree
    model: VesselModel | None
    lesions: tuple[Lesion, ...]
    ends_mm: Mapping[str, float]
    end_radius: Mapping[str, float]
    conditions: Conditions
    options: Options
    read_behind_mm: float
    assumptions: tuple[Assumption, ...] = field(default=())

    @property
    def tree(self) -> VesselTree:
        """The vessels as they are."""
        return self.patient.tree

    @cached_property
    def hyperemia(self) -> CoronaryState:
        """As it is, in hyperemia."""
        return self.state()

    @cached_property
    def rest(self) -> CoronaryState:
        """As it is, at rest: each bed opens as far as it can to have its flow."""
        one = self.conditions
        wanted = one.wanted(self.end_radius)
        found, _ = autoregulated(self.tree, wanted, one.beds(self.end_radius), one.pressure, one.fluid, self.options)
        return CoronaryState(found, one.pressure)

    @cached_property
    def _nearest(self) -> NDArray[np.intp]:
        """(n,) of each point of the wall: the nearest point of a centerline, counted over all vessels."""
        from scipy.spatial import cKDTree

        assert self.model is not None
        at = np.concatenate([self.patient.points_m[name] for name in self.tree.names])
        found: Any = cKDTree(at / M_PER_MM).query(self.model.surface.points)[1]
        return np.asarray(found)

    def at_wall(self, state: CoronaryState) -> FloatArray:
        """(n,) index at each point of the model's wall: that of the nearest point of a centerline."""
        parts = []
        for name in self.tree.names:  # a treated tree has other points
            vessel, found = self.tree.vessel(name), state.pullbacks[name]
            parts.append(np.interp(vessel.start + vessel.arc_length, found.along, state.index(found)))
        return np.asarray(np.concatenate(parts)[self._nearest])

    def state(self, tree: VesselTree | None = None, conditions: Conditions | None = None) -> CoronaryState:
        """In hyperemia, with other vessels or conditions."""
        one = conditions or self.conditions
        found = pullbacks(tree or self.tree, one.beds(self.end_radius), one.pressure, one.fluid, self.options)
        return CoronaryState(found, one.pressure)

    def reading_place(self, lesion: Lesion) -> Place:
        """Where a lesion's index is read: behind it, but not beyond its branch nor into the next lesion."""
        behind = [other.from_mm for other in self.lesions if other.branch == lesion.branch]
        stop = min([self.ends_mm[lesion.branch], *(place for place in behind if place > lesion.to_mm)])
        return Place(lesion.branch, max(min(lesion.to_mm + self.read_behind_mm, stop), lesion.to_mm))

    def far_ends(self) -> dict[str, Place]:
        """Where the anatomy ends of each branch that ends."""
        branches = {vessel.name: vessel.branch for vessel in self.tree.vessels}
        return {branches[name]: Place(branches[name], self.ends_mm[branches[name]]) for name in self.tree.ends}

    def told_places(self) -> dict[str, Place]:
        """Where the index is told: behind each lesion, and at the far end of each branch without one."""
        found = {}
        for number, lesion in enumerate(self.lesions, 1):
            place = self.reading_place(lesion)
            behind = place.along_mm - lesion.to_mm
            found[f"{behind:.0f} mm behind lesion {number} of {_spoken(lesion.branch)}"] = place
        with_lesion = {lesion.branch for lesion in self.lesions}
        for branch, place in self.far_ends().items():
            if branch not in with_lesion:
                found[f"end of {_spoken(branch)}"] = place
        return found

    def without(self, numbers: Sequence[int]) -> tuple[Opened, ...]:
        """Lesions taken away, by their numbers from 1 on; CaseError ``no_lesion``."""
        found = []
        for number in numbers:
            if not 1 <= number <= len(self.lesions):
                there = f"there are 1 to {len(self.lesions)}" if self.lesions else "none was found"
                raise CaseError("no_lesion", f"There is no lesion {number}; {there}.")
            lesion = self.lesions[number - 1]
            found.append(Opened(lesion.branch, lesion.from_mm * M_PER_MM, lesion.to_mm * M_PER_MM))
        return tuple(found)

    def stent(self, branch: str, middle_mm: float, length_mm: float, diameter_mm: float) -> Stent:
        """A stent that fits into the tree.

        Raises
        ------
        CaseError
            ``bad_stent``: a branch that is not there, a stent longer than its vessel or beyond its ends, a diameter
            that no coronary stent has.
        """
        if branch not in self.ends_mm:
            raise CaseError("bad_stent", f"There is no vessel {branch!r}; there are: {', '.join(self.ends_mm)}.")
        whole = self.ends_mm[branch]
        if not all(map(math.isfinite, (middle_mm, length_mm, diameter_mm))) or length_mm <= 0.0:
            raise CaseError("bad_stent", "A stent needs a length above zero, a place and a diameter as numbers.")
        if length_mm > whole:
            raise CaseError(
                "bad_stent",
                f"A stent of {length_mm:g} mm is longer than {_spoken(branch)} with its {whole:.0f} mm: take a shorter "
                "one.",
            )
        if not 0.5 * length_mm <= middle_mm <= whole - 0.5 * length_mm:
            raise CaseError(
                "bad_stent",
                f"A stent of {length_mm:g} mm around {middle_mm:g} mm reaches out of {_spoken(branch)}, which goes "
                f"from 0 to {whole:.0f} mm: move it.",
            )
        if not 1.0 <= diameter_mm <= 8.0:
            raise CaseError("bad_stent", f"No coronary stent has a diameter of {diameter_mm:g} mm: give 1 to 8 mm.")
        return Stent(branch, middle_mm * M_PER_MM, length_mm * M_PER_MM, diameter_mm * M_PER_MM)

    def after(self, treatments: Sequence[Stent | Opened]) -> tuple[CoronaryState, float]:
        """In hyperemia after treatments, and how long the answer took [ms]."""
        started = time.perf_counter()
        state = self.state(treated(self.tree, treatments))
        return state, 1e3 * (time.perf_counter() - started)

    def varied(self, offset_m: float, conditions: Conditions) -> CoronaryState:
        """In hyperemia with the wall moved outward [m] and other conditions."""
        return self.state(moved_in(self.tree, offset_m, LEAST_RADIUS_MM * M_PER_MM), conditions)


def coronary_model(opened: OpenCase, chosen: Parameters, progress: Progress = silent) -> CoronaryModel:
    """The coronary model of an open case; see :func:`coronary_model_in`."""
    return coronary_model_in(opened.folder, opened.case, chosen, progress)


def coronary_model_in(bundle: Path, case: Case, chosen: Parameters, progress: Progress = silent) -> CoronaryModel:
    """The coronary model of a case.

    Raises
    ------
    CaseError, RunError
        ``step_missing`` without a vessel model, ``bad_pressures``, ``closed_lumen``, ``end_in_lesion``, ``bad_tree``.
    """
    from app.workflow.flow_setup import STEP, ReducedParameters
    from app.workflow.parameters import build
    from app.workflow.stenosis_law import laws_of, with_laws
    from imaging.centerline.section_area import radius_of_area
    from imaging.surface.surface_io import read_model

    record = case.current("model")
    if record is None:
        raise CaseError("step_missing", "The case has no vessel model yet: run Model first.")
    reduced = build(ReducedParameters, case.parameters.get(STEP, {}))
    progress(0.0, "Measuring the vessels")
    model = read_model((bundle / record.files["surface"].path).parent)
    patient = patient_tree(model.centerlines, radius_of_area(model.surface, model.centerlines))
    ends_mm = anatomy_ends_mm(model, patient.tree)
    require_open(patient.tree, ends_mm)
    lesions = tuple(one for _, found in vessels_of(model) for one in found if one.kind == "stenosis")
    laws = laws_of(case) if reduced.own_laws else ()
    patient = replace(patient, tree=with_laws(patient.tree, laws))
    conditions, assumed = conditions_of(case, patient.tree, chosen)
    progress(0.3, "Solving the flow")
    return CoronaryModel(
        patient,
        model,
        lesions,
        ends_mm,
        {name: usual_radius(patient.tree, name, ends_mm) for name in patient.tree.ends},
        conditions,
        Options(reduced.junctions, reduced.junction_loss, reduced.law),  # type: ignore[arg-type]
        chosen.read_behind_mm,
        (*assumed, *(law.assumption() for law in laws)),
    )


def require_open(tree: VesselTree, ends_mm: Mapping[str, float]) -> None:
    """Refuse a lumen that closes, and an end that lies inside a lesion (CaseError)."""
    for vessel in tree.vessels:
        s, r = vessel.arc_length, vessel.radius
        at = int(np.argmin(r))
        usual = float(np.percentile(r, 75.0))
        if r[at] < LEAST_RADIUS_MM * M_PER_MM or r[at] < (1.0 - MOST_REDUCTION) * usual:
            raise CaseError(
                "closed_lumen",
                f"The lumen of {_spoken(vessel.branch)} falls to {2e3 * r[at]:.2f} mm of diameter at "
                f"{1e3 * (vessel.start + s[at]):.0f} mm along it, which counts as closed: no index can be computed "
                "through an occlusion; correct the segmentation, or end the model before it.",
            )
        if vessel.name in tree.ends:
            usual = usual_radius(tree, vessel.name, ends_mm)
            end = float(np.interp(M_PER_MM * ends_mm[vessel.branch] - vessel.start, s, r))
            if end < END_NARROWED * usual:
                raise CaseError(
                    "end_in_lesion",
                    f"{_spoken(vessel.branch).capitalize()} ends inside a lesion: {2e3 * end:.1f} mm of diameter at "
                    f"its end, {2e3 * usual:.1f} mm before it. Place its end farther behind the lesion and make the "
                    "model again.",
                )


def usual_radius(tree: VesselTree, name: str, ends_mm: Mapping[str, float]) -> float:
    """Median radius [m] of a vessel over its last diameters, flow extensions left out."""
    vessel = tree.vessel(name)
    s, r = vessel.arc_length, vessel.radius
    end = M_PER_MM * ends_mm[vessel.branch] - vessel.start
    near = (s <= end + 1e-9) & (s >= end - END_DIAMETERS * 2.0 * float(np.median(r)))
    return float(np.median(r[near] if near.any() else r))


def anatomy_ends_mm(model: VesselModel, tree: VesselTree) -> dict[str, float]:
    """Where the anatomy of each branch ends [mm along it], before the flow extension if it has one."""
    found = {}
    for branch in dict.fromkeys(vessel.branch for vessel in tree.vessels):
        last = [vessel for vessel in tree.vessels if vessel.branch == branch][-1]
        found[branch] = 1e3 * (last.start + last.length)
        points = model.centerlines.points[list(model.centerlines.branch(branch).indices)]
        for patch in model.patches:
            begin = model.extension_start_mm.get(patch.id)
            is_end = patch.kind == "outlet" and np.linalg.norm(points[-1] - np.asarray(patch.center_mm)) < max(
                1.0, patch.radius_mm
            )
            if is_end and begin is not None:
                found[branch] -= float(np.linalg.norm(np.asarray(patch.center_mm) - np.asarray(begin)))
    return found


def conditions_of(case: Case, tree: VesselTree, chosen: Parameters) -> tuple[Conditions, tuple[Assumption, ...]]:
    """What drives the tree, and what of it was not measured; CaseError ``bad_pressures``."""
    values = patient_values(case.patient)
    if values.systolic_mmhg <= values.diastolic_mmhg:
        raise CaseError(
            "bad_pressures", "The systolic pressure must be above the diastolic: correct the patient's values."
        )
    mean = values.diastolic_mmhg + (values.systolic_mmhg - values.diastolic_mmhg) / 3.0
    if chosen.venous_mmhg >= 0.5 * mean:
        raise CaseError(
            "bad_pressures",
            f"A venous pressure of {chosen.venous_mmhg:g} mmHg is implausible beside {mean:.0f} mmHg in the aorta: "
            "correct it.",
        )
    flow, told = rest_flow(tree, chosen)
    fluid = Fluid(values.blood_density_kg_m3, values.blood_viscosity_mpa_s * 1e-3)
    pressure = pa_from_mmhg(mean)
    conditions = Conditions(
        *(pressure, pa_from_mmhg(chosen.venous_mmhg), flow, chosen.split_exponent, chosen.hyperemia_factor, fluid)
    )
    assumed = [
        Assumption(
            "Mean aortic pressure, also in hyperemia",
            round(mean, 1),
            "mmHg",
            "cuff: diastolic and a third of the pulse",
        ),
        told,
        Assumption("Outlets share the flow by diameter to the power", chosen.split_exponent, "1", GIESSEN),
        Assumption(
            "Resistance in hyperemia by that at rest",
            chosen.hyperemia_factor,
            "1",
            "Wilson et al. 1990, Circulation 82:1595, recalled",
        ),
        Assumption("Pressure behind the bed", chosen.venous_mmhg, "mmHg", "assumption"),
        Assumption("Steady flow", "mean of the beat", "", "assumption: pulse and moving walls are left out"),
    ]
    return conditions, tuple(assumed)


def rest_flow(tree: VesselTree, chosen: Parameters) -> tuple[float, Assumption]:
    """Flow into the tree at rest [m3/s], and where it is from."""
    name = "Flow into the tree at rest"
    if chosen.rest_flow_ml_s > 0.0:
        return chosen.rest_flow_ml_s * M3_PER_ML, Assumption(name, chosen.rest_flow_ml_s, "mL/s", "as given")
    if chosen.lv_mass_g > 0.0:
        ml_min = FLOW_OF_MUSCLE_ML_MIN_G * USUAL_MASS_G * (chosen.lv_mass_g / USUAL_MASS_G) ** MASS_EXPONENT
        flow = chosen.tree_share * ml_min / 60.0
        source = f"mass of {chosen.lv_mass_g:g} g: 0.9 mL/min for a gram at 130 g, power 0.75 (assumption)"
        return flow * M3_PER_ML, Assumption(name, round(flow, 3), "mL/s", source)
    root = tree.vessels[0]
    near = root.arc_length <= SIZE_DIAMETERS * 2.0 * float(np.median(root.radius))
    diameter = 2.0 * float(np.median(root.radius[near]))
    flow = SIZE_COEFFICIENT * diameter**SIZE_EXPONENT
    source = f"size: diameter of {1e3 * diameter:.2f} mm, {GIESSEN}"
    return flow, Assumption(name, round(ml_s_from_m3_s(flow), 3), "mL/s", source)


def _spoken(branch: str) -> str:
    return branch.replace("_", " ")


def state_dict(model: CoronaryModel, state: CoronaryState) -> dict[str, Any]:
    """A state as JSON has it: index along every branch, at every lesion and at the ends."""
    return {
        "flow_ml_s": round(ml_s_from_m3_s(state.flow), 4),
        "aortic_mmhg": round(mmhg_from_pa(state.pressure), 2),
        "ends": {name: round(state.at(place)[0], 4) for name, place in model.far_ends().items()},
        "lesions": [round(state.at(model.reading_place(lesion))[0], 4) for lesion in model.lesions],
        "branches": {branch: _curve(model, state, branch) for branch in model.ends_mm},
    }


def _curve(model: CoronaryModel, state: CoronaryState, branch: str) -> dict[str, list[float]]:
    along, index = branch_curve(model, state, branch)
    return {"along_mm": [round(float(s), 3) for s in along], "ffr_ct": [round(float(i), 5) for i in index]}


def branch_curve(model: CoronaryModel, state: CoronaryState, branch: str) -> tuple[FloatArray, FloatArray]:
    """(n,) millimeters along a branch and index there, flow extensions left out."""
    parts = state.of_branch(branch)
    along = 1e3 * np.concatenate([part.along for part in parts])
    index = np.concatenate([state.index(part) for part in parts])
    inside = along <= model.ends_mm[branch] + 1e-6
    return along[inside], index[inside]
