"""The Solver Doctor on a case: what is wrong with its run, and doing what helps."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.parameters import describe
from app.workflow.simulate import run_folder, run_state
from app.workflow.steps import Outcome, Step, commit, path_of, prepare, run_step, step_of
from imaging.types import Progress, silent
from solvers.contract.errors import RunError
from solvers.doctor.diagnosis import Diagnosis, diagnose, diagnosis_of
from solvers.doctor.fixes import Fix, StepChange


def examine(opened: OpenCase) -> Diagnosis:
    """What is wrong with the case's current run; one that was not started yet is judged by the check before it.

    Raises
    ------
    CaseError
        ``step_missing`` when no run was prepared.
    """
    from app.workflow.preflight import check_run

    folder = run_folder(opened)
    if run_state(folder).status != "created":
        return diagnose(folder)
    errors = [finding for finding in check_run(opened) if finding.level == "error"]
    return diagnosis_of(errors[0].as_error()) if errors else diagnose(folder)


def first_fix(diagnosis: Diagnosis) -> Fix | None:
    """The best thing that the program can do by itself."""
    return next((fix for fix in diagnosis.fixes if fix.is_automatic), None)


def apply_fix(opened: OpenCase, fix: Fix, progress: Progress = silent) -> str:
    """Do what helps, up to a run that can be started or gone on with; returns a sentence that says so.

    Raises
    ------
    CaseError
        ``not_automatic`` for what only a person can do.
    """
    if fix.change is not None:
        folder = _changed_run(opened, fix)
        how = "go on with it" if fix.goes_on else "start it"
        return f"{fix.title}: the run {folder.name} was prepared; {how}."
    if fix.step is not None:
        for step_id, values in steps_to_redo(opened.case, fix.step):
            run_step(opened, step_id, values, progress)
        return f"{fix.title}: done, and the run {run_folder(opened).name} was prepared; start it."
    if fix.goes_on:
        return f"{fix.title}: the run {run_folder(opened).name} can be gone on with."
    raise CaseError("not_automatic", f"{fix.title}: the program cannot do this by itself.")


def _changed_run(opened: OpenCase, fix: Fix) -> Path:
    """A new run record with the spec changed and the same mesh; the old one stays as it is."""
    from solvers.contract.spec import read_spec, write_spec

    assert fix.change is not None
    step, old = step_of(opened.case, "simulate"), run_folder(opened)
    record = opened.case.current("run")
    assert record is not None
    started = time.perf_counter()
    request = prepare(opened, step, record.recipe.parameters)
    try:
        spec = read_spec(old)
    except RunError as error:
        raise CaseError(error.code, error.message) from error
    with opened.staging() as out:
        shutil.copyfile(old / spec.mesh.path, out / "mesh.npz")
        write_spec(out, fix.change(spec))
        files = {"spec": out / "spec.json", "mesh": out / "mesh.npz"}
        facts = {**record.facts, "fix": fix.id, "of_run": record.id}
        made = commit(opened, step, request, Outcome(record.title, files, facts), time.perf_counter() - started)
    folder = opened.folder / "runs" / made.id
    if fix.goes_on:
        for name in ("checkpoint", "frames"):
            if (old / name).is_dir():
                shutil.copytree(old / name, folder / name)
        for name in ("scalars.csv", "events.ndjson", "state.json"):
            if (old / name).is_file():
                shutil.copyfile(old / name, folder / name)
    return folder


def steps_to_redo(case: Case, change: StepChange) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The step with its setting changed, and every step after it up to the run: each with its parameters.

    Raises
    ------
    CaseError
        ``files_needed`` when the run took its conditions from files, whose places the case does not keep.
    """
    run = case.current("run")
    if run is not None and run.facts.get("from_files"):
        raise CaseError(
            "files_needed",
            f"The run took its {' and '.join(run.facts['from_files'])} from files, which the case does not keep: "
            "change the setting yourself, choose the files again, and start the run.",
        )
    step_of(case, change.step)
    path = list(path_of(case))
    planned = []
    for step_id in path[path.index(change.step) : path.index("simulate") + 1]:
        step = step_of(case, step_id)
        record = case.current(step.makes)
        values: dict[str, Any] = {**case.parameters.get(step_id, {})}
        if record is not None and record.recipe.step == step_id:
            values = {**record.recipe.parameters, **values}
        if step_id == change.step and change.parameter:
            values[change.parameter] = _multiplied(step, change, values)
        planned.append((step_id, values))
    return tuple(planned)


def _multiplied(step: Step, change: StepChange, values: dict[str, Any]) -> float | int:
    declared = {parameter.name: parameter for parameter in describe(step.module.Parameters)}
    parameter = declared[change.parameter]
    value = float(values.get(change.parameter, parameter.default)) * change.factor
    low, high = parameter.minimum, parameter.maximum
    value = min(max(value, value if low is None else low), value if high is None else high)
    return round(value) if parameter.kind is int else round(value, 4)
