"""The patient's own law of a narrowing: dP = a Q + b Q |Q| between two places, from a few steady 3D runs.

A case keeps the laws of its vessels: 0D and 1D models, what-ifs and the cross-check take them between the two places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import nnls

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Case, digest_of
from app.workflow.calibrate import require_finished
from app.workflow.patient import Assumption
from app.workflow.units import M3_PER_ML, ml_s_from_m3_s, mmhg_from_pa
from imaging.types import FloatArray
from solvers.network.stenosis import OwnLaw
from solvers.network.vessel_tree import VesselTree
from solvers.network.zero_d.calibration import DISTINCT

if TYPE_CHECKING:
    from app.workflow.flow_setup import ReducedCase
    from solvers.contract.spec import RunSpec

STEP = "stenosis_laws"
"""Under which a case remembers the laws of its vessels."""
SAME_FLOW = 0.03
"""Part by which the flows at both places may differ: more, and a branch leaves between them. An assumption."""
FARTHEST_RADII = 3.0
"""A section farther from the vessel on which the run says it lies than this many radii belongs to another model."""


@dataclass(frozen=True)
class StenosisLaw:
    """A law with where it comes from and where it holds.

    Attributes
    ----------
    linear, quadratic
        a [Pa s/m3] and b [Pa s2/m6].
    start, end
        Openings or sections between which the static pressure falls.
    low, high
        Smallest and largest flow that it was identified at [m3/s].
    miss
        Largest part of a run's drop that it leaves; with two runs it passes through both, and this says nothing.
    """

    linear: float
    quadratic: float
    start: str
    end: str
    low: float
    high: float
    miss: float
    runs: tuple[str, ...]

    def drop(self, flow: FloatArray | float) -> FloatArray:
        """Pressure drop [Pa] of steady flows [m3/s], any shape."""
        q = np.asarray(flow, dtype=float)
        return np.asarray(self.linear * q + self.quadratic * np.abs(q) * q)

    def holds_at(self, flow: float) -> bool:
        """Whether a flow [m3/s] lies where the law was identified."""
        return self.low <= flow <= self.high

    def as_dict(self, flows_ml_s: Sequence[float] = ()) -> dict[str, Any]:
        """Plain data for JSON, with the drops at some flows."""
        return {
            "linear_mmhg_s_ml": mmhg_from_pa(self.linear) * M3_PER_ML,
            "quadratic_mmhg_s2_ml2": mmhg_from_pa(self.quadratic) * M3_PER_ML**2,
            "from": self.start,
            "to": self.end,
            "low_ml_s": ml_s_from_m3_s(self.low),
            "high_ml_s": ml_s_from_m3_s(self.high),
            "miss": self.miss,
            "runs": list(self.runs),
            "source": "identified from the runs named, by non-negative least squares of the relative misses",
            "drops": [
                {
                    "flow_ml_s": flow,
                    "drop_mmhg": mmhg_from_pa(float(self.drop(flow * M3_PER_ML))),
                    "holds": self.holds_at(flow * M3_PER_ML),
                }
                for flow in flows_ml_s
            ],
        }


def identified(flows: FloatArray, drops: FloatArray, start: str, end: str, runs: Sequence[str]) -> StenosisLaw:
    """The law of steady flows (n,) [m3/s] and the drops (n,) [Pa] that go with them.

    Raises
    ------
    CaseError
        ``too_few_runs`` for fewer than two distinct flows, ``no_drop`` where the pressure does not fall.
    """
    if len(flows) < 2 or np.ptp(flows) < DISTINCT * np.abs(flows).max():
        raise CaseError(
            "too_few_runs",
            f"Friction and loss cannot be told apart by {len(flows)} run(s) at "
            f"{', '.join(f'{ml_s_from_m3_s(float(q)):.3g}' for q in flows)} mL/s: give two or three steady runs whose "
            f"flows differ by at least {100 * DISTINCT:.0f} %.",
        )
    if flows.min() <= 0.0 or drops.min() <= 0.0:
        raise CaseError(
            "no_drop",
            f"The pressure does not fall from {start} to {end} along the flow in every run: exchange the two.",
        )
    terms = np.column_stack([flows, flows**2]) / drops[:, None]
    size = terms.max(axis=0)
    a, b = nnls(terms / size, np.ones(len(flows)))[0] / size
    miss = float(np.abs(terms @ np.array([a, b]) - 1.0).max())
    return StenosisLaw(float(a), float(b), start, end, float(flows.min()), float(flows.max()), miss, tuple(runs))


@dataclass(frozen=True)
class KeptLaw:
    """A law that a case keeps.

    Attributes
    ----------
    vessel, start_m, end_m
        The stretch that it stands for, along the vessel.
    resistance, loss, viscosity
        Of the total pressure (SI): what `law` says of the static one, less what goes into speed between the two areas.
    """

    vessel: str
    start_m: float
    end_m: float
    resistance: float
    loss: float
    viscosity: float
    law: StenosisLaw

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as the case keeps it."""
        return dataclasses.asdict(self) | {"law": dataclasses.asdict(self.law) | {"runs": list(self.law.runs)}}

    def overlaps(self, other: KeptLaw) -> bool:
        """Whether both are of one piece of vessel."""
        return self.vessel == other.vessel and self.start_m < other.end_m and other.start_m < self.end_m

    def sentence(self, flow_m3_s: float | None = None) -> str:
        """That it is used, where it comes from, where it holds, and whether a flow is outside that."""
        law = self.law
        low, high = (ml_s_from_m3_s(flow) for flow in (law.low, law.high))
        told = (
            f"{self.vessel}: its own pressure drop from {law.start} to {law.end}, identified from "
            f"{', '.join(law.runs)}, for {low:.3g} to {high:.3g} mL/s"
        )
        if flow_m3_s is None or law.holds_at(abs(flow_m3_s)):
            return f"{told}."
        return f"{told}, but now {ml_s_from_m3_s(abs(flow_m3_s)):.3g} mL/s flow: outside its range."

    def assumption(self) -> Assumption:
        """As a line of the conditions."""
        law = self.law
        a, b = mmhg_from_pa(law.linear) * M3_PER_ML, mmhg_from_pa(law.quadratic) * M3_PER_ML**2
        return Assumption(
            f"Pressure drop from {law.start} to {law.end} in 0D and 1D models",
            f"{a:.4g} Q + {b:.4g} Q |Q|",
            "mmHg, mL/s",
            f"identified from {', '.join(law.runs)} for {ml_s_from_m3_s(law.low):.3g} to "
            f"{ml_s_from_m3_s(law.high):.3g} mL/s",
        )


def laws_of(case: Case) -> tuple[KeptLaw, ...]:
    """The laws that a case keeps of its present model."""
    stored = case.parameters.get(STEP)
    if not stored or stored["model"] != case.input_digest("model"):
        return ()
    return tuple(
        KeptLaw(**{**one, "law": StenosisLaw(**{**one["law"], "runs": tuple(one["law"]["runs"])})})
        for one in stored["laws"]
    )


def keep_law(opened: OpenCase, folders: Sequence[Path], start: str, end: str) -> KeptLaw:
    """Identify the law between two places of one vessel of a case and keep it, in the place of any law of that piece.

    Raises
    ------
    CaseError, RunError
        As :func:`law_of_runs`; ``bad_stretch`` for places that are not on one vessel in the direction of the flow, or
        between which blood leaves; what a reduced model of the case refuses.
    """
    from app.workflow.flow_setup import reduced_case

    case = reduced_case(opened, {"own_laws": False})
    found = _located(case, folders, start, end)
    others = [one for one in laws_of(opened.case) if not one.overlaps(found)]
    _store(opened, [*others, found], f"Keep the pressure drop from {start} to {end}")
    return found


def forget_law(opened: OpenCase, vessel: str) -> int:
    """Forget the laws of a vessel; how many there were.

    Raises
    ------
    CaseError
        ``no_law``.
    """
    kept = laws_of(opened.case)
    left = [one for one in kept if one.vessel != vessel]
    if len(left) == len(kept):
        names = ", ".join(dict.fromkeys(one.vessel for one in kept)) or "none"
        raise CaseError("no_law", f"The case keeps no law of a vessel {vessel!r}; it keeps those of: {names}.")
    _store(opened, left, f"Forget the pressure drop of {vessel}")
    return len(kept) - len(left)


def with_laws(tree: VesselTree, laws: Sequence[KeptLaw]) -> VesselTree:
    """The tree whose vessels have their own laws."""
    for shape in tree.vessels:
        own = tuple(
            OwnLaw(one.start_m, one.end_m, one.resistance, one.loss, one.viscosity)
            for one in laws
            if one.vessel == shape.name
        )
        if own:
            tree = tree.with_vessel(replace(shape, own_laws=own))
    return tree


def law_notes(laws: Sequence[KeptLaw], tree: VesselTree, flows: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """What is to be told of a case's laws where a model has these vessels and, if given, carries these flows [m3/s]."""
    told = []
    for one in laws:
        if any(law.start == one.start_m and law.end == one.end_m for law in tree.vessel(one.vessel).own_laws):
            told.append(one.sentence(None if flows is None else flows[one.vessel]))
        else:
            told.append(
                f"{one.vessel}: its own pressure drop from {one.law.start} to {one.law.end} is not used, because the "
                "vessel was made narrower there: a published law stands in its place."
            )
    return tuple(told)


def digest_of_losses(case: ReducedCase) -> str:
    """Changes when a law of a vessel, or what bends and junctions cost, changes; empty where there is none of that."""
    chosen = (case.chosen.junction_model, case.chosen.bends)
    if not case.laws and chosen == ("none", "none"):
        return ""
    return digest_of([[one.as_dict() for one in case.laws], chosen])


def law_of_runs(folders: Sequence[Path], start: str, end: str) -> StenosisLaw:
    """The law between two openings or sections, from folders of finished steady runs of one model.

    Raises
    ------
    CaseError
        ``run_missing``, ``run_unfinished``, ``not_steady``, ``no_place``, ``too_few_runs``, ``no_drop``.
    """
    flows, drops, _ = _seen_in(folders, start, end)
    return identified(flows, drops, start, end, [folder.name for folder in folders])


def _located(case: ReducedCase, folders: Sequence[Path], start: str, end: str) -> KeptLaw:
    """The law with the stretch of the case's vessels that it stands for."""
    from solvers.contract.spec import read_spec

    flows, drops, before = _seen_in(folders, start, end)
    names = [folder.name for folder in folders]
    law = identified(flows, drops, start, end, names)
    specs = [read_spec(folder) for folder in folders]
    places = {name: _on_tree(case, specs[0], name) for name in (start, end)}
    (vessel, first), (other, last) = places[start], places[end]
    if vessel != other:
        raise CaseError(
            "bad_stretch",
            f"{start} lies on {vessel} and {end} on {other}, between which vessels part: choose two places of one "
            "vessel between junctions.",
        )
    if not last > first:
        raise CaseError("bad_stretch", f"{end} does not lie behind {start} on {vessel}: choose two places along it.")
    worst = float(np.abs(np.abs(before) / flows - 1.0).max())
    if worst > SAME_FLOW:
        raise CaseError(
            "bad_stretch",
            f"The flows at {start} and {end} differ by {100 * worst:.0f} %, so that blood leaves between them: choose "
            "two places with no branch between.",
        )
    shape, fluid = case.patient.tree.vessel(vessel), case.setup.fluid
    wide, narrow = ((np.pi * np.interp(at, shape.arc_length, shape.radius) ** 2) for at in (first, last))
    total = drops + 0.5 * fluid.density * flows**2 * (1.0 / wide**2 - 1.0 / narrow**2)
    lost = identified(flows, total, start, end, names)
    return KeptLaw(vessel, first, last, lost.linear, lost.quadratic, specs[0].fluid.viscosity, law)


def _on_tree(case: ReducedCase, spec: RunSpec, name: str) -> tuple[str, float]:
    """The vessel on which an opening or a section of a run lies, and how far along it [m]."""
    setup, tree = case.setup, case.patient.tree
    if name == setup.inlet:
        return tree.vessels[0].name, 0.0
    outlet = next((one for one in setup.outlets if one.name == name), None)
    if outlet is not None:
        return outlet.vessel, tree.vessel(outlet.vessel).length
    for section in (one for one in spec.sections if one.name == name):
        for part in (one for one in tree.vessels if one.branch == section.branch):
            along = section.arc_length - part.start
            s, points = part.arc_length, case.patient.points_m[part.name]
            place = np.array([np.interp(along, s, points[:, axis]) for axis in range(3)])
            reach = FARTHEST_RADII * float(np.interp(along, s, part.radius))
            away = float(np.linalg.norm(place - np.asarray(section.center)))
            if 0.0 <= along <= part.length and away <= reach:
                return part.name, along
    raise CaseError("bad_stretch", f"{name} lies on no vessel of the case's model: take runs of the present model.")


def _store(opened: OpenCase, laws: Sequence[KeptLaw], told: str) -> None:
    model = opened.case.input_digest("model")
    opened.do(SetParameters(STEP, {"model": model, "laws": [one.as_dict() for one in laws]}, told))


def _seen_in(folders: Sequence[Path], start: str, end: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of each run: flow at the end, drop of static pressure, flow at the start, (n,) each (SI)."""
    if not folders:
        raise CaseError("too_few_runs", "Name the folders of two or three finished steady runs of one model.")
    seen = np.array([_seen(folder, start, end) for folder in folders])
    return seen[:, 0], seen[:, 1], seen[:, 2]


def _seen(folder: Path, start: str, end: str) -> tuple[float, float, float]:
    """Flow at the end [m3/s], drop of pressure [Pa] and flow at the start of a steady run at its last step."""
    from solvers.contract.scalars import read_scalars
    from solvers.contract.sections import read_sections
    from solvers.contract.spec import read_spec

    require_finished(folder)
    if not read_spec(folder).time.is_steady:
        raise CaseError("not_steady", f"The run {folder.name} is not steady: the law is identified from steady runs.")
    written = read_scalars(folder), read_sections(folder)

    def last(what: str, place: str) -> float:
        for table in written:
            if f"{what}[{place}]" in table:
                return float(table[f"{what}[{place}]"][-1])
        names = sorted({name[9:-1] for table in written for name in table if name.startswith("pressure[")})
        raise CaseError(
            "no_place", f"The run {folder.name} has no opening or section {place!r}; it has: {', '.join(names)}."
        )

    return last("flow", end), last("pressure", start) - last("pressure", end), last("flow", start)
