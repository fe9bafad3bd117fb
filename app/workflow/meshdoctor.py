"""The Mesh Doctor on a case: what is wrong with its model's surface, repairs, and meshes of three sizes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.steps import Outcome, Request, commit, prepare, run_step, step_of
from imaging.surface.finding import FIXES, SurfaceFinding, SurfaceFix
from imaging.types import Progress, VesselModel, silent


@dataclass(frozen=True, eq=False)
class Offer:
    """A repair of a finding that can be chosen by its number."""

    number: int
    finding: SurfaceFinding
    fix: SurfaceFix
    bound_mm: float


@dataclass(frozen=True, eq=False)
class SurfaceDiagnosis:
    """What was found on the surface of a model's record, and what can be done about it."""

    model_id: str
    findings: tuple[SurfaceFinding, ...]
    offers: tuple[Offer, ...]

    def offers_for(self, finding: SurfaceFinding) -> tuple[Offer, ...]:
        """The repairs of one finding, the mildest first."""
        return tuple(offer for offer in self.offers if offer.finding is finding)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "model": self.model_id,
            "findings": [
                {
                    "code": finding.code,
                    "level": finding.level,
                    "sentence": finding.sentence,
                    "place_mm": [round(c, 2) for c in finding.place_mm],
                    "n_triangles": len(finding.triangles),
                    "fixes": [
                        {
                            "number": offer.number,
                            "fix": offer.fix.id,
                            "title": offer.fix.title,
                            "moves_at_most_mm": round(offer.bound_mm, 3),
                        }
                        for offer in self.offers_for(finding)
                    ],
                }
                for finding in self.findings
            ],
        }

    def lines(self) -> list[str]:
        """In words."""
        if not self.findings:
            return ["Nothing is wrong with the surface of the model."]
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.level}: {finding.sentence}")
            for offer in self.offers_for(finding):
                lines.append(
                    f"  - {offer.fix.title}, moves the wall by at most {offer.bound_mm:.2f} mm (--fix {offer.number})"
                )
        return lines


def diagnose(model: VesselModel, model_id: str = "") -> SurfaceDiagnosis:
    """The findings of a model with numbered repairs."""
    from imaging.meshing.surface_fixes import bound_mm, usable
    from imaging.surface.surface_findings import surface_findings

    findings = surface_findings(model)
    wished = [(finding, FIXES[fix]) for finding in findings for fix in finding.fixes if usable(fix)]
    offers = [Offer(n, finding, fix, bound_mm(fix.id, model)) for n, (finding, fix) in enumerate(wished, start=1)]
    return SurfaceDiagnosis(model_id, findings, tuple(offers))


def examine(opened: OpenCase, progress: Progress = silent) -> SurfaceDiagnosis:
    """What is wrong with the surface of the case's current model.

    Raises
    ------
    CaseError
        ``step_missing`` when no model was built.
    """
    from imaging.surface.surface_io import read_model

    record = opened.case.current("model")
    if record is None:
        raise CaseError("step_missing", "The Mesh Doctor looks at the vessel model: run Model first.")
    progress(0.1, "Looking at the surface")
    found = diagnose(read_model(opened.path_of(record.files["surface"]).parent), record.id)
    progress(1.0, "Examined")
    return found


def examine_request(request: Request, progress: Progress) -> SurfaceDiagnosis:
    """The same of the model in a request, for a process of its own."""
    from imaging.surface.surface_io import read_model

    progress(0.1, "Looking at the surface")
    return diagnose(read_model(request.path("model", "surface").parent), request.record("model").id)


def repair_request(request: Request, out: Path, progress: Progress, number: int) -> Outcome:
    """Repair the model in a request by the fix of that number, and write the new model.

    Raises
    ------
    CaseError
        ``no_such_fix``.
    ImagingError
        ``fix_failed``, ``fix_moves_too_far``.
    """
    from app.workflow.model import facts_of
    from imaging.meshing.surface_fixes import repaired
    from imaging.surface.surface_io import read_model, write_model

    model = read_model(request.path("model", "surface").parent)
    offers = {offer.number: offer for offer in diagnose(model).offers}
    if number not in offers:
        known = ", ".join(str(n) for n in offers) or "none"
        raise CaseError("no_such_fix", f"There is no fix {number} for this model; there are: {known}.")
    offer = offers[number]
    done = repaired(model, offer.finding, offer.fix.id, progress)
    write_model(done.model, out)
    facts = facts_of(done.model)
    fix = {"fix": offer.fix.id, "finding": offer.finding.code, "moved_mm": round(done.moved_mm, 4)}
    facts["repair"] = {**fix, "at_most_mm": round(done.bound_mm, 4)}
    return Outcome("Vessel model, repaired", {path.stem: path for path in sorted(out.iterdir())}, facts)


def apply_fix(
    opened: OpenCase, diagnosis: SurfaceDiagnosis, number: int, progress: Progress = silent
) -> dict[str, Any]:
    """Apply a repair as a new model of the case, which Undo takes back; returns what was done.

    Raises
    ------
    CaseError
        ``no_such_fix``; ``model_changed`` when the model is not the examined one.
    """
    record = opened.case.current("model")
    if record is None or record.id != diagnosis.model_id:
        raise CaseError("model_changed", "The model has changed since it was examined: examine it again.")
    step = step_of(opened.case, "model")
    request = prepare(opened, step, record.recipe.parameters)
    started = time.perf_counter()
    with opened.staging() as out:
        outcome = repair_request(request, out, progress, number)
        made = commit(opened, step, request, outcome, time.perf_counter() - started)
    repair = made.facts["repair"]
    left = examine(opened)
    sentence = (
        f"{FIXES[repair['fix']].title}: done, the wall moved by at most {repair['moved_mm']:.3f} mm; "
        f"{len(left.findings)} finding(s) are left."
    )
    return {**repair, "model": made.id, "n_findings_left": len(left.findings), "sentence": sentence}


def mesh_family(opened: OpenCase, progress: Progress = silent) -> list[dict[str, Any]]:
    """Meshes of the model at every level of resolution, coarse to fine; the finest one is the current mesh."""
    from imaging.meshing.parameters import LEVELS

    remembered = opened.case.parameters.get("mesh", {})
    rows = []
    for number, level in enumerate(LEVELS):

        def part(fraction: float, text: str, number: int = number, level: str = level) -> None:
            progress((number + fraction) / len(LEVELS), f"{level}: {text}")

        record = run_step(opened, "mesh", {**remembered, "level": level}, part)
        facts = record.facts
        rows.append(
            {
                "level": level,
                "record": record.id,
                "n_cells": facts["n_cells"],
                "min_scaled_jacobian": facts["min_scaled_jacobian"],
                "cells_across": facts["cells_across"][0],
                "volume_error": facts["volume_error"],
                "findings": list(facts["findings"]),
                "notes": list(facts["notes"]),
            }
        )
    return rows
