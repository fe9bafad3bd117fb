"""What an assessment is: what it needs, the published rule that it applies, what it found, each number with its band.

An assessment is one module of this package. It declares ``Parameters`` (a frozen dataclass of declared fields) and
``ASSESSMENT``; nothing else has to know it (:mod:`app.workflow.assessments.registry`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.case.errors import CaseError
from app.case.records import Case, Kind, Record
from app.workflow.parameters import Parameter, describe
from app.workflow.patient import POPULATION_BANDS, Assumption, PatientValues, derived_values, patient_values
from app.workflow.person import UNKNOWN, Person
from app.workflow.result_files import Quantity
from app.workflow.steps import Request, Step, path_of
from imaging.types import LabelMap, Progress, Surface

KIND: Kind = "assessment"
NeedState = Literal["met", "limited", "assumed", "missing"]
STATES: Mapping[NeedState, str] = {
    "met": "is there",
    "limited": "is there, with limits that are told with the result",
    "assumed": "is not known: a population value with a wide band stands in for it",
    "missing": "is missing: nothing can be computed",
}


@dataclass(frozen=True)
class Held:
    """How a case stands to a need: state, and a sentence on what is there or what to do."""

    state: NeedState
    sentence: str


@dataclass(frozen=True)
class Need:
    """Something that an assessment needs: its title, and how a case stands to it. Reads records only, no files."""

    title: str
    look: Callable[[Case], Held]


@dataclass(frozen=True)
class Rule:
    """A published rule: where it is from, in whom it was found, and where it does not hold."""

    name: str
    source: str
    population: str
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure(Quantity):
    """A number that was found, with its 90 % band (None: no band was computed, and ``about`` says why)."""

    value: float
    low: float | None = None
    high: float | None = None
    about: str = ""

    @property
    def text(self) -> str:
        """The number with its unit and band."""
        band = f", 90 % band {self.band_text}" if self.band_text else ""
        return f"{self.value_text}{band}"

    @property
    def value_text(self) -> str:
        """The number with its unit."""
        return f"{_number(self.value)}{_unit(self.unit)}"

    @property
    def band_text(self) -> str:
        """The band with its unit; empty without one."""
        if self.low is None or self.high is None:
            return ""
        return f"{_number(self.low)} to {_number(self.high)}{_unit(self.unit)}"


def _number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"


def cell_text(value: float | str | None) -> str:
    """A value of a table as window and report show it."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, str) else f"{value:.4g}".replace("-", "−")


def _unit(unit: str) -> str:
    return f" {unit}" if unit not in ("", "1") else ""


@dataclass(frozen=True)
class Table:
    """Rows of plain values under columns whose names carry the unit."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float | str | None, ...], ...]


@dataclass(frozen=True)
class Curve:
    """A line to plot: (n,) values over (n,) places, with what both axes are (unit in brackets).

    Curves with the same ``title`` share a plot; ``name`` tells them apart.
    """

    title: str
    name: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Span:
    """A stretch of the horizontal axis that is marked in the plot of a title: a lesion on its vessel."""

    title: str
    name: str
    from_x: float
    to_x: float


@dataclass(frozen=True, eq=False)
class Assessed:
    """What an assessment found.

    Attributes
    ----------
    headline
        The answer in one sentence, with its band.
    reasons
        Sentences on why it might be wrong.
    assumptions
        Numbers that were not measured in this patient.
    surface
        A surface (mm, LPS) whose point arrays color the answer in 3D.
    colored
        What the surface's arrays are, by their names.
    details
        What else a program may read, as JSON has it.
    labels
        What was found in the scan, voxel by voxel.
    """

    headline: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()
    spans: tuple[Span, ...] = ()
    reasons: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    surface: Surface | None = None
    colored: tuple[Quantity, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    labels: LabelMap | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; surface and labels are files of their own."""
        names = [one.name for one in dataclasses.fields(self) if one.name not in ("surface", "labels")]
        plain = {name: getattr(self, name) for name in names}
        for name in ("figures", "tables", "curves", "spans", "assumptions", "colored"):
            plain[name] = [dataclasses.asdict(one) for one in plain[name]]
        return plain


@dataclass(frozen=True)
class Assessment:
    """A declared assessment.

    Attributes
    ----------
    question
        What it answers, as a person would ask.
    inputs
        What its answer rests on: names that `Case.input_digest` knows. When one changes, the answer is stale.
    assess
        What it computes, from the files of the bundle; it changes nothing.
    landmarks
        Places that can be set for it, by id.
    """

    id: str
    title: str
    question: str
    needs: tuple[Need, ...]
    rules: tuple[Rule, ...]
    inputs: tuple[str, ...]
    module_name: str
    assess: Callable[[Request, Progress], Assessed]
    landmarks: tuple[str, ...] = ()

    @property
    def step(self) -> Step:
        """The step by which its answer becomes a record of the case."""
        return Step(f"assess.{self.id}", self.title, KIND, self.inputs, self.module_name)

    def held(self, case: Case) -> tuple[tuple[Need, Held], ...]:
        """How a case stands to each need."""
        return tuple((need, need.look(case)) for need in self.needs)

    def current(self, case: Case) -> Record | None:
        """Its newest answer in a case, or None."""
        made = (record for record in reversed(case.records) if record.kind == KIND)
        return next((record for record in made if record.recipe.step == self.step.id), None)


def require_needs(assessment: Assessment, case: Case) -> None:
    """Refuse what cannot be computed (CaseError ``need_missing``), with all that is missing in one sentence."""
    missing = [held.sentence.rstrip(".") for _, held in assessment.held(case) if held.state == "missing"]
    if missing:
        raise CaseError("need_missing", f"{assessment.title} cannot be assessed yet: {'; '.join(missing)}.")


def scan_fit(analysis_id: str) -> Need:
    """The scan is fit for an analysis of `imaging.fitness`; one that is not limits the answer, with the reasons."""
    from imaging.fitness import ANALYSES

    title = next(analysis.title for analysis in ANALYSES if analysis.id == analysis_id)

    def look(case: Case) -> Held:
        image = case.current("image")
        if image is None:
            return Held(
                "limited", "The vessels are a surface made elsewhere: how true it is to the patient is not known."
            )
        from imaging.fitness import ScanFigures, fitness_of

        x, y, z = image.facts["spacing_mm"]
        figures = ScanFigures(image.facts["modality"], max(x, y), z, z * image.facts["size"][2])
        found = next(one for one in fitness_of(figures) if one.analysis.id == analysis_id)
        if found.state == "yes":
            return Held("met", f"Voxels of {figures.resolution_mm:.2f} mm, {figures.coverage_mm:.0f} mm of the body.")
        return Held("limited", " ".join(found.reasons))

    return Need(f"Scan fit for: {title.lower()}", look)


def step_done(kind: Kind) -> Need:
    """A step of the path has its record: a model, a result."""

    def look(case: Case) -> Held:
        maker = next(step for step in path_of(case).values() if step.makes == kind)
        record = case.current(kind)
        if record is None:
            return Held("missing", f"run {maker.title} first")
        stale = case.stale_inputs(record)
        if stale:
            return Held("limited", f"{maker.title} is out of date ({', '.join(stale)} changed since): run it again.")
        return Held("met", f"{record.title} of {record.recipe.created_utc[:16].replace('T', ' ')} UTC.")

    names = {"model": "Vessel model with centerlines", "result": "Results of a 3D run", "mesh": "Mesh", "run": "3D run"}
    return Need(names.get(kind, kind.capitalize()), look)


def patient_known(*names: str, is_required: bool = False) -> Need:
    """Values of the patient or the person are entered; otherwise what stands in for them is told.

    Parameters
    ----------
    is_required
        Whether nothing may stand in for a value that is not known.
    """
    declarations = {p.name: p for declaration in (PatientValues, Person) for p in describe(declaration)}

    def look(case: Case) -> Held:
        used, followed = vars(patient_values(case.patient)), derived_values(case.patient)

        def taken_of(one: Parameter) -> str:
            value = f"{one.help.lower()} {used.get(one.name, one.default):.4g}{_unit(one.unit)}"
            if one.name in followed:
                return f"{value}, {followed[one.name].how}"
            band = POPULATION_BANDS.get(one.name)
            return value if band is None else f"{value} (90 % of people: {band[0]:g} to {band[1]:g}, an assumption)"

        unknown = [declarations[name] for name in names if name not in case.patient and name not in case.person]
        if not unknown:
            return Held("met", "Entered.")
        words = ", ".join(one.help.lower() for one in unknown)
        if is_required:
            return Held("missing", f"enter {words} of the patient")
        taken = "; ".join(taken_of(one) for one in unknown if isinstance(one.default, float))
        not_asked = [one.help.lower() for one in unknown if one.default == UNKNOWN]
        said = ([f"taken: {taken}"] if taken else []) + ([f"unknown: {', '.join(not_asked)}"] if not_asked else [])
        return Held("assumed", f"Not entered; {'; '.join(said)}.")

    titles = ", ".join(declarations[name].help for name in names)
    return Need(f"{titles[0]}{titles[1:].lower()}", look)
