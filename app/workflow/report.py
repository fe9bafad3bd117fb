"""Step 7: the report, one page, one for the cross-check and those of the assessments, with its numbers as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import NOT_FOR_DIAGNOSIS
from app.case.bundle import utc_now
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.cross_check_result import read_cross_check
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from app.reports.answer_pages import Section
    from app.reports.summary import SolverFacts

SCHEMA_VERSION = 1
_AUTOMATIC = "widest"


@dataclass(frozen=True)
class Parameters:
    """How the report's pictures are taken."""

    view: str = declared(
        _AUTOMATIC,
        help="From where the vessels are drawn (widest: where they cover the largest area)",
        choices=(_AUTOMATIC, "anterior", "left anterior oblique", "right anterior oblique", "left lateral"),
    )
    window_width_hu: float = declared(600.0, help="Window of the CT slices", unit="HU", minimum=1.0, maximum=5000.0)
    window_level_hu: float = declared(200.0, help="Level of the CT slices", unit="HU", minimum=-1000.0, maximum=3000.0)


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Write ``report.pdf`` and ``report.json`` about the case's current results.

    What is shown are the records that the results were computed from, even where the case holds newer ones; the report
    then says so.

    Raises
    ------
    CaseError
        ``source_missing`` or ``file_missing`` when the case no longer holds what the results were made from.
    """
    from app.reports.anatomy import vessels_of
    from app.reports.ct_pictures import Window
    from app.reports.lineage import file_of, lineage_of
    from app.reports.report import Sources, write_report
    from app.reports.summary import content_of
    from app.reports.views import NAMED_ANGLES_DEG, view_at
    from app.workflow.result_files import read_result
    from imaging.surface.surface_io import read_model
    from imaging.volume_io import read_labels, read_volume

    progress(0.0, "Reading the results")
    lineage = lineage_of(request.case, request.record("result"))

    def file(kind: str, name: str) -> Path:
        return file_of(request.bundle, getattr(lineage, kind), name)

    result = read_result(file("result", "arrays"), file("result", "curves"))
    model = read_model(file("model", "surface").parent)
    solver = _solver_facts(file("run", "spec").parent)
    content = content_of(request.case, lineage, result, vessels_of(model), solver, utc_now())
    if "cross_check" in lineage.result.files:
        content = dataclasses.replace(content, cross_check=read_cross_check(file("result", "cross_check")))
    sections = sections_of(request.bundle, request.case)
    content = dataclasses.replace(content, answers=tuple(section.answer for section in sections))
    progress(0.1, "Reading the scan")
    chosen: Parameters = request.parameters
    sources = Sources(
        scan=(read_volume(file("image", "volume")), read_labels(file("segmentation", "labels")))
        if lineage.image is not None
        else None,
        model=model,
        result=result,
        window=Window(chosen.window_width_hu, chosen.window_level_hu),
        view=None if chosen.view == _AUTOMATIC else view_at(NAMED_ANGLES_DEG[chosen.view]),
        sections=tuple(sections),
    )
    pdf, data = out / "report.pdf", out / "report.json"
    problem = write_report(content, sources, pdf, lambda fraction, text: progress(0.2 + 0.79 * fraction, text))
    written = {"schema_version": SCHEMA_VERSION, "notice": NOT_FOR_DIAGNOSIS, **dataclasses.asdict(content)}
    data.write_text(json.dumps(_plain(written), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    progress(1.0, "Report written")
    facts = {
        "n_checks": sum(check.state in ("met", "missed") for check in content.checks),
        "n_checks_missed": len(content.missed),
        "notes": [
            *(f"Check missed: {check.name}, {check.found}." for check in content.missed),
            *content.out_of_date,
            *([f"The vessels could not be drawn in 3D on this machine: {problem}"] if problem else []),
        ],
    }
    return Outcome("Report", {"pdf": pdf, "json": data}, facts)


def sections_of(bundle: Path, case: Case, name: str = "") -> list[Section]:
    """What the report says of the assessments that a case keeps: of all, or of that of an id."""
    from app.reports.answer_pages import Section
    from app.workflow.assessments.registry import kept_answers
    from imaging.surface.surface_io import read_surface

    found = []
    for answer in kept_answers(bundle, case):
        if name in ("", answer["id"]):
            record = case.record(answer["record"])
            surface = read_surface(bundle / record.files["surface"].path) if "surface" in record.files else None
            found.append(Section(answer, case.title, record.recipe.created_utc, record.digest, surface))
    return found


def write_answers(bundle: Path, case: Case, path: Path, name: str = "", progress: Progress = silent) -> str:
    """Write the kept answers of assessments, of all or of one id, as a PDF of their own, with or without a 3D run.

    Returns
    -------
    str
        Why the vessels could not be drawn in 3D; empty when they could.

    Raises
    ------
    CaseError
        ``no_answer`` when the case keeps none, ``cannot_write``.
    """
    from app.reports.answer_pages import write_sections

    sections = sections_of(bundle, case, name)
    if not sections:
        raise CaseError("no_answer", "The case keeps no answer to write: make an assessment first.")
    try:
        return write_sections(sections, path, progress)
    except OSError as error:
        raise CaseError("cannot_write", f"The answers cannot be written to {path}: {error.strerror}.") from error


def _solver_facts(folder: Path) -> SolverFacts:
    import numpy as np

    from app.reports.summary import SolverFacts
    from solvers.contract.events import read_events
    from solvers.contract.scalars import read_scalars
    from solvers.contract.spec import read_spec

    cfl = read_scalars(folder).get("cfl", np.empty(0))
    warnings = [event["text"] for event in read_events(folder) if event["type"] == "warning"]
    return SolverFacts(
        steps_per_cycle=read_spec(folder).time.steps_per_cycle,
        largest_cfl=float(cfl.max()) if len(cfl) else float("nan"),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _plain(value: Any) -> Any:
    """As JSON has it; a number that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
