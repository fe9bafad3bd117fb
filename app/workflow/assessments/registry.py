"""All assessments there are, how a case stands to each, and how one is made and kept."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import pkgutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import NOT_FOR_DIAGNOSIS
from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case, Record
from app.workflow import assessments
from app.workflow.assessments.frame import Assessed, Assessment, require_needs
from app.workflow.steps import Outcome, Request, commit, prepare
from imaging.types import Progress, silent

SCHEMA_VERSION = 1


@functools.cache
def assessments_by_id() -> Mapping[str, Assessment]:
    """Every assessment: a module of this package that declares ``ASSESSMENT`` is one."""
    names = sorted(module.name for module in pkgutil.iter_modules(assessments.__path__))
    modules = [importlib.import_module(f"{assessments.__name__}.{name}") for name in names]
    declared = (getattr(module, "ASSESSMENT", None) for module in modules)
    return {one.id: one for one in declared if isinstance(one, Assessment)}


def assessment_of(name: str) -> Assessment:
    """The assessment of that id; CaseError ``no_assessment``."""
    known = assessments_by_id()
    if name not in known:
        raise CaseError("no_assessment", f"There is no assessment {name!r}; there are: {', '.join(known)}.")
    return known[name]


def standing(case: Case) -> list[dict[str, Any]]:
    """How a case stands to each assessment: what is there, what is missing, whether there is an answer."""
    rows = []
    for one in assessments_by_id().values():
        held, record = one.held(case), one.current(case)
        needs = [{"need": need.title, "state": state.state, "sentence": state.sentence} for need, state in held]
        rows.append(
            {
                "id": one.id,
                "title": one.title,
                "question": one.question,
                "can_be_made": all(state.state != "missing" for _, state in held),
                "needs": needs,
                "rules": [vars(rule) for rule in one.rules],
                "record": None if record is None else record.id,
                "headline": "" if record is None else record.facts["headline"],
                "stale_inputs": [] if record is None else list(case.stale_inputs(record)),
            }
        )
    return rows


def made_in(
    opened: OpenCase, name: str, values: Mapping[str, Any] | None, progress: Progress
) -> tuple[Request, Assessed]:
    """Make an assessment of a case, which is only read.

    Parameters
    ----------
    values
        Of its ``Parameters``; None takes those that the case remembers.

    Raises
    ------
    CaseError, ImagingError, RunError
        ``no_assessment``, ``need_missing``, ``bad_parameter``, and what the assessment refuses.
    """
    assessment = assessment_of(name)
    require_needs(assessment, opened.case)
    request = prepare(opened, assessment.step, values)
    found = assessment.assess(request, progress)
    caveats = tuple(
        f"{need.title}: {held.sentence}" for need, held in assessment.held(opened.case) if held.state == "limited"
    )
    progress(1.0, f"{assessment.title} assessed")
    return request, dataclasses.replace(found, reasons=(*found.reasons, *caveats))


def keep(opened: OpenCase, name: str, request: Request, found: Assessed, seconds: float) -> Record:
    """Take what was found into the case: ``assessment.json``, and surface and labels where there are such."""
    assessment = assessment_of(name)
    with opened.staging() as out:
        files = {"json": out / "assessment.json"}
        files["json"].write_text(json.dumps(plain_of(assessment, found), indent=1) + "\n", encoding="utf-8")
        if found.surface is not None:
            from imaging.surface.surface_io import write_surface

            files["surface"] = out / "assessment.vtp"
            write_surface(found.surface, files["surface"])
        if found.labels is not None:
            from imaging.volume_io import write_labels

            files["labels"] = out / "labels.nrrd"
            write_labels(found.labels, files["labels"])
        outcome = Outcome(assessment.title, files, {"headline": found.headline})
        return commit(opened, assessment.step, request, outcome, seconds)


def assess(
    opened: OpenCase, name: str, values: Mapping[str, Any] | None = None, progress: Progress = silent
) -> tuple[Assessed, Record | None]:
    """Make an assessment of a case, and keep its answer where the case may be changed."""
    started = time.perf_counter()
    request, found = made_in(opened, name, values, progress)
    seconds = time.perf_counter() - started
    return found, keep(opened, name, request, found, seconds) if opened.is_writable else None


def plain_of(assessment: Assessment, found: Assessed) -> dict[str, Any]:
    """An answer as JSON has it, with what it applies."""
    return {
        "schema_version": SCHEMA_VERSION,
        "notice": NOT_FOR_DIAGNOSIS,
        "id": assessment.id,
        "title": assessment.title,
        "question": assessment.question,
        "rules": [vars(rule) for rule in assessment.rules],
        **found.as_dict(),
    }


def kept_answers(bundle: Path, case: Case) -> list[dict[str, Any]]:
    """The newest answer of each assessment that a case keeps, as JSON has it, with ``stale_inputs``."""
    found = []
    for one in assessments_by_id().values():
        record = one.current(case)
        if record is not None:
            stored = json.loads((bundle / record.files["json"].path).read_text(encoding="utf-8"))
            found.append({**stored, "record": record.id, "stale_inputs": list(case.stale_inputs(record))})
    return found
