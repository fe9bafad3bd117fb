"""Assessment: the flow in the sac of an intracranial aneurysm beside that in its parent vessel."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from app.case.records import Case
from app.workflow.aneurysm import PROPOSED
from app.workflow.aneurysm_flow import REACH_DIAMETERS, SacFlow, sac_flow
from app.workflow.assessments.aneurysm import ASSESSMENT as SHAPE
from app.workflow.assessments.frame import (
    Assessed,
    Assessment,
    Figure,
    Held,
    Need,
    Rule,
    Table,
    patient_known,
    step_done,
)
from app.workflow.result_files import Quantity
from app.workflow.results import require_finished
from app.workflow.steps import Request
from app.workflow.units import M3_PER_ML, PA_PER_MMHG
from imaging.types import Progress
from solvers.indices.regions import LOW_SHARE, RegionStress


@dataclass(frozen=True)
class Parameters:
    """Nothing to choose: the neck plane is that of the answer about the shape."""


MOST_IMBALANCE = 0.1
"""Net flow through the neck by the inflow from which on it is told."""
_DIFFER = (
    "Groups that solved the same aneurysm differed by 23 % in the inflow and by 48 % in the mean wall shear stress of "
    "the sac (aneurysm CFD challenge of 2015): without this patient's measured inflow the absolute values are weak, "
    "those relative to the parent vessel less so."
)
_NO_MODEL = (
    "No probability of rupture is made of these numbers: the coefficients of published models were not verified."
)


_COLORED = (
    Quantity("tawss_by_parent", "Wall shear stress by the parent vessel's", "1", "means over the beat"),
    Quantity("tawss_pa", "Time-averaged wall shear stress", "Pa", "mean over the beat of its magnitude"),
    Quantity("osi", "Oscillatory shear index", "1", "0 to 0.5"),
    Quantity("part", "Part (0 vessel, 2 sac)", "1", "parted by the neck plane"),
)


def assess_flow(request: Request, progress: Progress) -> Assessed:
    """Wall shear stress, oscillation, energy and inflow of the sac."""
    from imaging.aneurysm.parent import parent_vessel
    from imaging.aneurysm.sac import NeckPlane, dome_beyond
    from imaging.surface.surface_io import read_model
    from solvers.contract.spec import read_spec

    folder = request.path("run", "spec").parent
    require_finished(folder)
    record = SHAPE.current(request.case)
    assert record is not None  # a need
    stored = json.loads((request.bundle / record.files["json"].path).read_text(encoding="utf-8"))
    neck = stored["details"]["neck"]
    plane = NeckPlane(np.array(neck["center_mm"]), np.array(neck["normal"]))
    spec = read_spec(folder)
    model = read_model(request.path("model", "surface").parent)
    top = model.surface.points[dome_beyond(model.surface, plane)]
    x, y, z = (float(value) for value in top)
    parent = parent_vessel(model.surface, model.centerlines, (x, y, z))
    found = sac_flow(folder, plane, parent, spec.fluid.density, spec.time.is_steady, progress)
    normalized = found.tawss_sac.mean / found.tawss_parent.mean
    low = f"{100.0 * found.low_share:.0f} % of its area below {100.0 * LOW_SHARE:.0f} % of it"
    return Assessed(
        f"Mean wall shear stress in the sac {found.tawss_sac.mean:.2f} Pa, {normalized:.2f} of the parent vessel's; "
        f"{low}; {100.0 * found.inflow_share:.0f} % of the parent's flow enters the sac.",
        tuple(_figures(found, spec.time.is_steady)),
        (_table(found, spec.time.is_steady),),
        reasons=(*_unbalanced(found), _DIFFER, PROPOSED, _NO_MODEL),
        surface=found.colored,
        colored=tuple(q for q in _COLORED if q.id in found.colored.point_data),
        details={
            "neck": neck,
            "neck_from": record.id,
            "impact_place_mm": [round(float(c), 3) for c in found.impact_place_mm],
            "run": request.record("run").id,
        },
    )


def _unbalanced(found: SacFlow) -> tuple[str, ...]:
    if found.neck_imbalance < MOST_IMBALANCE:
        return ()
    return (
        f"In and out of the sac differ by {100.0 * found.neck_imbalance:.0f} % of the inflow, which should be nothing: "
        "the inflow's figures are that weak on this mesh; take a finer one.",
    )


def _figures(found: SacFlow, is_steady: bool) -> list[Figure]:
    near = f"parent vessel: its anatomy within {REACH_DIAMETERS:g} diameters of the neck"
    stress, parent = found.tawss_sac, found.tawss_parent
    rows = [
        ("tawss_sac_pa", "Mean wall shear stress of the sac", "Pa", "mean over time and area", stress.mean, ""),
        ("tawss_parent_pa", "Mean wall shear stress of the parent", "Pa", "mean over time and area", parent.mean, near),
        (
            "tawss_normalized",
            "Mean wall shear stress, sac by parent",
            "1",
            "ratio of means",
            stress.mean / parent.mean,
            "",
        ),
        (
            "tawss_largest_normalized",
            "Largest wall shear stress of the sac by the parent's mean",
            "1",
            "largest at a vertex",
            stress.largest / parent.mean,
            "",
        ),
        (
            "low_shear_percent",
            f"Area of the sac below {100.0 * LOW_SHARE:.0f} % of the parent's mean",
            "%",
            "Xiang et al. 2011",
            100.0 * found.low_share,
            "",
        ),
        (
            "stress_concentration",
            "Share of the sac's shear force on a tenth of its area",
            "1",
            "0.1 where it is uniform",
            found.concentration,
            "",
        ),
        (
            "rrt_sac_1_pa",
            "Median relative residence time of the sac",
            "1/Pa",
            "1 / ((1 - 2 OSI) TAWSS)",
            found.rrt_sac.p50,
            "",
        ),
        ("energy_sac_j_m3", "Kinetic energy density in the sac", "J/m3", "rho u^2 / 2", found.energy_sac_j_m3, ""),
        (
            "energy_normalized",
            "Kinetic energy density, sac by parent",
            "1",
            "ratio of means",
            found.energy_sac_j_m3 / found.energy_parent_j_m3,
            "",
        ),
        (
            "inflow_ml_s",
            "Flow into the sac",
            "mL/s",
            "through the neck, mean over time",
            found.inflow_m3_s / M3_PER_ML,
            "",
        ),
        (
            "inflow_percent",
            "Of the parent's flow, what enters the sac",
            "%",
            "at the neck, by that before it",
            100.0 * found.inflow_share,
            f"parent: {found.parent_flow_m3_s / M3_PER_ML:.2f} mL/s",
        ),
        (
            "inflow_area_percent",
            "Part of the neck through which blood enters",
            "%",
            "by area, mean over time",
            100.0 * found.inflow_area_share,
            "",
        ),
        (
            "inflow_concentration",
            "Inflow concentration index",
            "1",
            "inflow's share of the flow over its share of the neck (Cebral et al. 2011)",
            found.inflow_concentration,
            "",
        ),
        (
            "impact_mmhg",
            "Pressure where the inflow strikes, over the sac's mean",
            "mmHg",
            "means over time",
            found.impact_pa / PA_PER_MMHG,
            "at ({:.1f}, {:.1f}, {:.1f}) mm".format(*found.impact_place_mm),
        ),
    ]
    if not is_steady:
        rows += [
            ("osi_sac", "Mean OSI of the sac", "1", "0 to 0.5", found.osi_sac.mean, ""),
            ("osi_largest", "Largest OSI of the sac", "1", "0 to 0.5", found.osi_sac.largest, ""),
            ("osi_parent", "Mean OSI of the parent", "1", "0 to 0.5", found.osi_parent.mean, ""),
        ]
    return [Figure(*row[:4], float(row[4]), about=row[5]) for row in rows]


def _table(found: SacFlow, is_steady: bool) -> Table:
    def row(name: str, values: RegionStress) -> tuple[float | str, ...]:
        kept = (values.mean, values.least, values.p05, values.p50, values.p95, values.largest)
        return (name, *(float(f"{value:.4g}") for value in kept))

    rows = [
        row("wall shear stress of the sac [Pa]", found.tawss_sac),
        row("wall shear stress of the parent [Pa]", found.tawss_parent),
        row("relative residence time of the sac [1/Pa]", found.rrt_sac),
    ]
    if not is_steady:
        rows += [row("OSI of the sac [1]", found.osi_sac), row("OSI of the parent [1]", found.osi_parent)]
    columns = ("quantity", "mean", "least", "5th percentile", "median", "95th percentile", "largest")
    return Table("Over the wall, by area", columns, tuple(rows))


def _neck_known() -> Need:
    def look(case: Case) -> Held:
        record = SHAPE.current(case)
        if record is None:
            return Held("missing", f"make the assessment {SHAPE.id} first, which sets the neck plane")
        if "model" in case.stale_inputs(record):
            return Held("missing", f"make the assessment {SHAPE.id} again, because the model changed since")
        return Held("met", "That of the answer about the shape.")

    return Need("Neck plane", look)


ASSESSMENT = Assessment(
    "aneurysm_flow",
    "Intracranial aneurysm: flow",
    "How does blood flow in this aneurysm beside its parent vessel?",
    (step_done("model"), step_done("run"), _neck_known(), patient_known("heart_rate_bpm", "cardiac_output_l_min")),
    (
        Rule(
            "Low wall shear stress",
            "Xiang et al. 2011, Stroke 42:144: less than a tenth of the parent vessel's mean",
            "119 aneurysms, 38 of them ruptured, of one center",
            ("It told ruptured from unruptured aneurysms at the time of the scan, not what would rupture.",),
        ),
    ),
    ("model", "run"),
    __name__,
    assess_flow,
)
