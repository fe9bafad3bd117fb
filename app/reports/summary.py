"""From the case's records to the content of a report: numbers, checks in words, assumptions, sources."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import __version__
from app.case.records import Case, Record
from app.reports.anatomy import Vessel, main_vessel
from app.reports.content import (
    LIMITS_OF_LUMEN,
    LIMITS_OF_PEAK_PRESSURE,
    LIMITS_OF_STEADY_FLOW,
    LIMITS_OF_SURFACE,
    LIMITS_OF_WALL_STRESS,
    Check,
    Content,
    Opening,
    Source,
    Target,
)
from app.reports.lineage import Lineage, out_of_date
from app.workflow.patient import entered_parameters
from app.workflow.prepared import PRESSURE_TOLERANCE_MMHG
from app.workflow.result_files import CapWaveform, ResultData

MASS_IMBALANCE_LIMIT = 1e-3
FEWEST_LAYERS = 3
MESH_VOLUME_LIMIT = 0.01
SURFACE_DEVIATION_LIMIT = 0.05
"""Of the narrowest opening's radius."""


@dataclass(frozen=True)
class SolverFacts:
    """What the run folder says beside its indices: how fine the steps were, and its warnings in words."""

    steps_per_cycle: int
    largest_cfl: float
    warnings: tuple[str, ...] = ()


def content_of(
    case: Case,
    lineage: Lineage,
    result: ResultData,
    vessels: tuple[Vessel, ...],
    solver: SolverFacts,
    made_utc: str,
) -> Content:
    """Everything that the report says."""
    facts = lineage.result.facts
    changed = out_of_date(case, lineage)
    return Content(
        title=case.title,
        case_id=case.id,
        made_utc=made_utc,
        version=__version__,
        scan=_beginning(lineage),
        openings=_openings(result, lineage, vessels),
        target=_target(facts.get("tuning")),
        lumen_volume_ml=float(lineage.model.facts["wall_volume_ml"]),
        narrowest=main_vessel(vessels).narrowest,
        heart_rate_bpm=None if result.is_steady else 60.0 / result.period_s,
        tawss_pa=facts["tawss_pa"],
        osi_max=facts.get("osi_max"),
        osi_p99=facts.get("osi_p99"),
        checks=_checks(lineage, solver, changed),
        entered=_entered(case, lineage.run),
        assumptions=tuple(
            (item["name"], value_text(item["value"], item["unit"]), item["source"])
            for item in lineage.run.facts.get("assumptions", ())
        ),
        definitions=tuple(
            (field.quantity.label, field.quantity.definition)
            for field in result.wall_fields.values()
            if field.quantity.id in ("tawss_pa", "osi")
        ),
        notes=_notes(lineage, solver),
        limits=(
            LIMITS_OF_WALL_STRESS,
            LIMITS_OF_STEADY_FLOW if result.is_steady else LIMITS_OF_PEAK_PRESSURE,
            LIMITS_OF_SURFACE if lineage.surface else LIMITS_OF_LUMEN,
        ),
        out_of_date=changed,
        sources=tuple(_source(record) for record in lineage.records),
        software=lineage.run.recipe.software,
    )


def _beginning(lineage: Lineage) -> str:
    """What the case begins with."""
    if lineage.image is not None:
        image = lineage.image.facts
        return f"{image['modality']} {_product(image['size'], '.0f')} voxels, {_product(image['spacing_mm'], '.3g')} mm"
    facts = lineage.surface.facts if lineage.surface is not None else {}
    return f"Imported surface, {_product(facts['size_mm'], '.0f')} mm (file in {facts['unit']})"


def words(name: str) -> str:
    """An identifier as people write it."""
    return name.replace("_", " ")


def value_text(value: Any, unit: str) -> str:
    """A value with its unit; the unit ``1`` is not written."""
    number = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{number} {unit}".rstrip() if unit != "1" else number


def _product(values: Any, spec: str) -> str:
    return " × ".join(f"{value:{spec}}" for value in values)


def _target(tuning: Mapping[str, Any] | None) -> Target | None:
    if not tuning:
        return None
    pressures = tuning["target_mmhg"]
    return Target(words(tuning["site"]), float(pressures["systolic"]), float(pressures["diastolic"]))


def _openings(result: ResultData, lineage: Lineage, vessels: tuple[Vessel, ...]) -> tuple[Opening, ...]:
    by_outlet = {vessel.outlet.name: vessel for vessel in vessels}
    radii = lineage.model.facts["cap_radius_mm"]
    shares = lineage.run.facts.get("flow_shares", {})
    facts = lineage.result.facts
    return tuple(
        _opening(number, wave, float(radii[wave.name]), shares.get(wave.name), by_outlet.get(wave.name), facts)
        for number, wave in enumerate(result.waveforms, start=1)
    )


def _opening(
    number: int,
    wave: CapWaveform,
    radius_mm: float,
    asked_share: float | None,
    vessel: Vessel | None,
    facts: Mapping[str, Any],
) -> Opening:
    pressure = facts["pressures_mmhg"][wave.name]
    return Opening(
        number=number,
        name=words(wave.name),
        kind=wave.kind,
        is_main=vessel is not None and vessel.is_main,
        radius_mm=radius_mm,
        mean_flow_ml_s=float(facts["mean_flow_ml_s"][wave.name]),
        peak_flow_ml_s=float(np.max(wave.flow_ml_s)) if "systolic" in pressure else None,
        share=facts["flow_split"].get(wave.name),
        asked_share=asked_share,
        systolic_mmhg=pressure.get("systolic"),
        diastolic_mmhg=pressure.get("diastolic"),
        mean_mmhg=float(pressure["mean"]),
        mean_drop_mmhg=facts["pressure_drop_mmhg"].get(wave.name),
        peak_flow_drop_mmhg=facts.get("pressure_drop_peak_flow_mmhg", {}).get(wave.name),
        narrowest=vessel.narrowest if vessel is not None else None,
    )


def _checks(lineage: Lineage, solver: SolverFacts, changed: tuple[str, ...]) -> tuple[Check, ...]:
    model, mesh, run = lineage.model, lineage.mesh.facts, lineage.result.facts["run"]
    is_steady = lineage.result.facts.get("flow") == "steady"
    period_limit = float(lineage.run.recipe.parameters["steady_limit" if is_steady else "periodicity_limit"])
    turn = "filling" if is_steady else "beat"
    period_error, imbalance = _number(run["periodicity_error"]), _number(run["mass_imbalance_rel"])
    volume_error, jacobian = _number(mesh["volume_error"]), _number(mesh["min_scaled_jacobian"])
    is_sound = bool(mesh["is_watertight"]) and bool(mesh["is_tagged"]) and mesh["n_pieces"] == 1
    layers = f"{mesh['n_boundary_layers']} on {100.0 * mesh['layered_wall_fraction']:.0f} % of the wall"
    across = mesh["cells_across"]
    return (
        _shape_check(model),
        Check("Surface closed", _yes(model.facts["is_watertight"]), "yes", _held(bool(model.facts["is_watertight"]))),
        Check("Mesh closed, in one piece, patches named", _yes(is_sound), "yes", _held(is_sound)),
        Check(
            "Mesh volume against the surface",
            _percent(volume_error),
            f"±{100.0 * MESH_VOLUME_LIMIT:g} %",
            _held(abs(volume_error) <= MESH_VOLUME_LIMIT),
        ),
        Check(
            "Boundary layers found",
            layers,
            f"at least {FEWEST_LAYERS}",
            _held(mesh["n_boundary_layers"] >= FEWEST_LAYERS),
        ),
        Check("Least scaled Jacobian", f"{jacobian:.2g}", "above 0", _held(jacobian > 0.0)),
        Check(
            "Cells",
            f"{mesh['n_cells']:,}".replace(",", " ")
            + f"; across the lumen {across[0]:.0f} (least), {across[1]:.0f} (median)",
            "",
            "noted",
        ),
        *(Check("Mesh finding", text, "", "finding") for text in mesh.get("findings", ())),
        Check(
            "Flow run",
            f"{run['status']} after {run['n_cycles']} {turn}s",
            "finished",
            _held(run["status"] == "finished"),
        ),
        Check(
            f"Change from {turn} to {turn}",
            _percent(period_error),
            f"{100.0 * period_limit:g} %",
            _held(period_error <= period_limit),
        ),
        *_tuning_check(lineage.result.facts.get("tuning")),
        *_cross_check(lineage.result.facts.get("cross_check")),
        Check(
            "Mass imbalance",
            _percent(abs(imbalance)),
            f"{100.0 * MASS_IMBALANCE_LIMIT:g} %",
            _held(abs(imbalance) <= MASS_IMBALANCE_LIMIT),
        ),
        Check(
            "Largest imbalance before the pressure correction",
            _percent(abs(_number(run.get("splitting_imbalance_rel")))) + " of the mean inflow",
            "",
            "noted",
        ),
        Check(
            "Time step",
            f"{run['dt_ms']:.3g} ms ({solver.steps_per_cycle} a {turn}), largest CFL {solver.largest_cfl:.2g}",
            "",
            "noted",
        ),
        Check("Solver", f"{run['n_ranks']} processes{_duration(_number(run['wall_s']))}", "", "noted"),
        Check("Case not changed since then", _yes(not changed), "yes", _held(not changed)),
    )


def _shape_check(model: Record) -> Check:
    """How true the model is to what it was made from."""
    if "surface_deviation_p95_mm" in model.facts:
        deviation = float(model.facts["surface_deviation_p95_mm"])
        limit = SURFACE_DEVIATION_LIMIT * min(float(radius) for radius in model.facts["cap_radius_mm"].values())
        return Check(
            "Wall against the imported surface (95 % within)",
            f"{deviation:.2g} mm",
            f"{limit:.2g} mm",
            _held(deviation <= limit),
        )
    limit = float(model.recipe.parameters.get("volume_change_limit", 0.02))
    change = float(model.facts["volume_change_relative"])
    return Check(
        "Volume of the surface, changed by smoothing",
        _percent(change),
        f"±{100.0 * limit:g} %",
        _held(abs(change) <= limit),
    )


def _tuning_check(tuning: Mapping[str, Any] | None) -> tuple[Check, ...]:
    if not tuning:
        return ()
    reached, target = tuning["reached_mmhg"], tuning["target_mmhg"]
    return (
        Check(
            f"Pressures at {words(tuning['site'])} and shares of the flow",
            f"{reached['systolic']:.0f}/{reached['diastolic']:.0f} mmHg",
            f"{target['systolic']:.0f}/{target['diastolic']:.0f} ± {PRESSURE_TOLERANCE_MMHG:.0f} mmHg",
            _held(bool(tuning["is_met"])),
        ),
    )


def _cross_check(found: Mapping[str, Any] | None) -> tuple[Check, ...]:
    """Alarms are a finding, not a miss: what a reduced model leaves out is no mistake of the run."""
    if not found:
        return ()
    name = "1D and 0D models of the same conditions"
    if "not_made" in found:
        return (Check(name, f"not compared: {found['not_made']}", "", "noted"),)
    if found["n_alarms"]:
        return (Check(name, f"1D and 0D differ from the run in {found['n_alarms']} places: page 2", "", "finding"),)
    return (Check(name, "within the limits of page 2", "page 2", "met"),)


def _held(holds: bool) -> Any:
    return "met" if holds else "missed"


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _number(value: Any) -> float:
    """A fact as a number; what is missing is NaN, which holds no limit."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def _percent(part: float) -> str:
    if not math.isfinite(part):
        return "not known"
    if abs(part) < 1e-5:
        return "below 0.001 %"
    return f"{100.0 * part:.2g} %".replace("-", "−")


def _duration(seconds: float) -> str:
    return f", {seconds:.0f} s" if math.isfinite(seconds) else ""


def _entered(case: Case, run: Record) -> tuple[tuple[str, str], ...]:
    """Values of the patient that the run used; they are known only while the case still holds the same ones."""
    if case.input_digest("patient") != run.recipe.inputs.get("patient"):
        return ()
    return tuple(
        (parameter.help, value_text(float(case.patient[parameter.name]), parameter.unit))
        for parameter in entered_parameters()
        if parameter.name in case.patient
    )


def _notes(lineage: Lineage, solver: SolverFacts) -> tuple[str, ...]:
    before = (record for record in lineage.records if record is not lineage.result)
    recorded = [note for record in before for note in record.facts.get("notes", ())]
    return tuple(dict.fromkeys([*recorded, *solver.warnings]))


def _source(record: Record) -> Source:
    hashes = {name: ref.sha256 for name, ref in record.files.items()}
    original = record.facts.get("source_sha256", "")
    return Source(
        id=record.id,
        title=record.title,
        made_utc=record.recipe.created_utc,
        parameters=record.recipe.parameters,
        sha256={**hashes, "imported_file": original} if original else hashes,
    )
