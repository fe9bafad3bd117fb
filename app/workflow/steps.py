"""One way to run a step: a frozen request in, files and facts out, one command into the case.

`compute` is pure: it reads the bundle's files and writes only into the folder it is given, so it runs here or in a
child process alike. `commit` is the only part that changes the case.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, cast

from app import __version__
from app.case.bundle import OpenCase, utc_now
from app.case.commands import AddRecord
from app.case.errors import CaseError
from app.case.records import Case, Kind, Recipe, Record
from app.workflow.parameters import build, describe
from imaging.types import Progress, silent

_NAMED_SOFTWARE = ("numpy", "SimpleITK", "vtk", "vmtk", "tetgen", "dolfinx-solver-real", "mpich", "numba")


@dataclass(frozen=True)
class Request:
    """What a step works on: the case as it is, where its files lie, and the chosen parameters."""

    bundle: Path
    case: Case
    parameters: Any

    def record(self, kind: Kind) -> Record:
        """The current record of a kind; the step was not started without it."""
        record = self.case.current(kind)
        assert record is not None
        return record

    def path(self, kind: Kind, name: str) -> Path:
        """Where a file of the current record of a kind lies."""
        return self.bundle / self.record(kind).files[name].path


@dataclass(frozen=True)
class Outcome:
    """What a step made: files (in the folder it was given) by name, facts for the record, a title for people.

    ``further_inputs`` are names as in `Step.inputs` on which just this outcome rests as well.
    """

    title: str
    files: dict[str, Path]
    facts: dict[str, Any]
    further_inputs: tuple[str, ...] = ()


class StepModule(Protocol):
    """What the module of a step offers. ``Parameters`` is a frozen dataclass of declared fields."""

    Parameters: type[Any]

    def compute(self, request: Request, out: Path, progress: Progress) -> Outcome: ...


@dataclass(frozen=True)
class Step:
    """A step of the path from scan to paper.

    ``inputs`` are names that `Case.input_digest` knows; the step's record is stale when one of them changes.
    """

    id: str
    title: str
    makes: Kind
    inputs: tuple[str, ...]
    module_name: str

    @property
    def module(self) -> StepModule:
        """The step's module, imported when it is first used because it pulls heavy libraries."""
        return cast(StepModule, importlib.import_module(self.module_name))

    @property
    def folder(self) -> str:
        """The bundle's folder for what the step makes."""
        return "meshes" if self.makes == "mesh" else f"{self.makes}s"


STEPS: Mapping[str, Step] = {
    step.id: step
    for step in (
        Step("import", "Import", "image", (), "app.workflow.import_study"),
        Step("segment", "Segment", "segmentation", ("image", "points"), "app.workflow.segment"),
        Step("model", "Model", "model", ("image", "segmentation", "points"), "app.workflow.model"),
        Step("mesh", "Mesh", "mesh", ("model",), "app.workflow.mesh"),
        Step("simulate", "Simulate", "run", ("mesh", "model", "patient"), "app.workflow.simulate"),
        Step("results", "Results", "result", ("run", "model"), "app.workflow.results"),
        Step("report", "Report", "report", ("result", "assessment"), "app.workflow.report"),
    )
}

SURFACE_IMPORT = Step("import", "Import", "surface", (), "app.workflow.import_surface")
_OF_SURFACE = {
    "import": SURFACE_IMPORT,
    "model": Step("model", "Model", "model", ("surface",), "app.workflow.model_of_surface"),
}


def path_of(case: Case) -> Mapping[str, Step]:
    """The steps that lead from a case's beginning to its report: from a surface there is nothing to segment."""
    if case.current("surface") is None:
        return STEPS
    return {step_id: _OF_SURFACE.get(step_id, step) for step_id, step in STEPS.items() if step_id != "segment"}


def ways_of(step_id: str) -> tuple[Step, ...]:
    """The ways in which a step can be done, which depend on how the case begins."""
    return tuple(step for step in (STEPS[step_id], _OF_SURFACE.get(step_id)) if step is not None)


def step_of(case: Case, step_id: str) -> Step:
    """A step of the case's path.

    Raises
    ------
    CaseError
        ``no_such_step``.
    """
    path = path_of(case)
    if step_id not in path:
        raise CaseError(
            "no_such_step",
            f"A case made from a surface has no step {STEPS[step_id].title}: go on with Model.",
        )
    return path[step_id]


def remembered_values(case: Case, step_id: str) -> dict[str, Any]:
    """What was chosen for a step in a case, over what is usual for the anatomy that was segmented."""
    segmentation = case.current("segmentation")
    usual: dict[str, Any] = {}
    if step_id == "simulate" and segmentation is not None and "usual_inflow_shape" in segmentation.facts:
        usual["inflow_shape"] = segmentation.facts["usual_inflow_shape"]
    return {**usual, **case.parameters.get(step_id, {})}


def software_versions() -> dict[str, str]:
    """Versions of this program and of the libraries that decide its numbers."""
    found = {"angiotwin": __version__}
    for name in _NAMED_SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def prepare(opened: OpenCase, step: Step, values: Mapping[str, Any] | None = None) -> Request:
    """A request for a step, with its inputs checked.

    Raises
    ------
    CaseError
        ``step_missing`` when an earlier step has no result yet, ``file_missing`` or ``bad_parameter``.
    """
    makers = {maker.makes: maker for maker in path_of(opened.case).values()}
    for name in step.inputs:
        maker = makers.get(cast(Kind, name))
        if maker is None:
            continue
        record = opened.case.current(maker.makes)
        if record is None:
            raise CaseError("step_missing", f"{step.title} needs the result of {maker.title}: run {maker.title} first.")
        for ref in record.files.values():
            opened.path_of(ref)
    chosen = remembered_values(opened.case, step.id) if values is None else values
    return Request(opened.folder, opened.case, build(step.module.Parameters, chosen))


def commit(opened: OpenCase, step: Step, request: Request, outcome: Outcome, seconds: float) -> Record:
    """Take a step's outcome into the case; its staged files move into the bundle."""
    record_id = f"{step.makes}-{uuid.uuid4().hex[:8]}"
    destination = f"{step.folder}/{record_id}"
    private = {parameter.name for parameter in describe(step.module.Parameters) if parameter.is_private}
    chosen = {name: value for name, value in dataclasses.asdict(request.parameters).items() if name not in private}
    digests = {name: request.case.input_digest(name) or "" for name in (*step.inputs, *outcome.further_inputs)}
    recipe = Recipe(
        step=step.id,
        parameters=chosen,
        inputs=digests,
        software=software_versions(),
        created_utc=utc_now(),
        seconds=round(seconds, 3),
    )
    try:
        refs = opened.take_in(outcome.files, destination)
        record = Record(
            id=record_id, kind=step.makes, title=outcome.title, files=refs, facts=outcome.facts, recipe=recipe
        )
        opened.do(AddRecord(record))
    except BaseException:
        opened.give_back(destination)
        raise
    return record


def run_step(
    opened: OpenCase, step_id: str | Step, values: Mapping[str, Any] | None = None, progress: Progress = silent
) -> Record:
    """Run a step in this process and take its result into the case.

    Parameters
    ----------
    step_id
        A step of the case's path, or the step itself where the case has no path yet.
    values
        Chosen parameters by name; None takes `remembered_values`.
    """
    step = step_id if isinstance(step_id, Step) else step_of(opened.case, step_id)
    request = prepare(opened, step, values)
    started = time.perf_counter()
    with opened.staging() as out:
        outcome = step.module.compute(request, out, progress)
        return commit(opened, step, request, outcome, time.perf_counter() - started)
