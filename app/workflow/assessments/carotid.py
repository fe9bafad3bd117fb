"""Assessment: how narrow is an internal carotid artery, by its sections and by the velocities of a 3D run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.workflow.assessments.frame import (
    Assessed,
    Assessment,
    Figure,
    Rule,
    Table,
    patient_known,
    scan_fit,
    step_done,
)
from app.workflow.carotid import COMMON_FROM_DIAMETERS, COMMON_TO_DIAMETERS, CarotidFlow, CarotidVessels
from app.workflow.result_files import Quantity
from app.workflow.results import require_finished
from app.workflow.steps import Request
from app.workflow.units import PA_PER_MMHG
from imaging.centerline.lesions import Lesion
from imaging.types import Progress
from solvers.contract.files import INDICES
from solvers.risk.carotid_grades import GRADES, NOT_BY_VELOCITY, TABLE, Grade, graded

CM = 100.0


@dataclass(frozen=True)
class Parameters:
    """Nothing to choose: the vessels are known by their names."""


_COLORED = (
    Quantity("tawss_pa", "Time-averaged wall shear stress", "Pa", "mean over the beat of its magnitude"),
    Quantity("pressure_at_peak_mmhg", "Pressure at peak velocity", "mmHg", "at the frame of the largest speed"),
)


def assess_carotid(request: Request, progress: Progress) -> Assessed:
    """Grades by sections (NASCET, ECST, area) and by velocities (consensus of 2003)."""
    from app.workflow.carotid import carotid_flow, carotid_vessels
    from imaging.surface.surface_io import read_model
    from solvers.contract.spec import read_spec

    folder = request.path("run", "spec").parent
    require_finished(folder)
    spec = read_spec(folder)
    model = read_model(request.path("model", "surface").parent)
    vessels = carotid_vessels(model, lambda fraction, text: progress(0.4 * fraction, text))
    cycle = json.loads((folder / INDICES).read_text(encoding="utf-8"))["cycle"]
    flow = carotid_flow(
        folder, spec, model, vessels, cycle, lambda fraction, text: progress(0.4 + 0.6 * fraction, text)
    )
    worst = vessels.worst
    end_diastolic = None if spec.time.is_steady else CM * flow.end_diastolic
    grade = graded(CM * flow.peak_systolic, worst is not None, flow.ratio, end_diastolic)
    by_section = (
        "no stenosis on the sections" if worst is None else f"NASCET {worst.nascet_percent:.0f} % on the sections"
    )
    return Assessed(
        f"Internal carotid artery: {by_section}; {grade.grade} by the consensus on velocities "
        f"({CM * flow.peak_systolic:.0f} cm/s, {flow.ratio:.1f} times the common carotid's).",
        tuple(_figures(worst, flow, spec.time.is_steady)),
        (_lesions(vessels), _consensus(flow, worst, grade, end_diastolic)),
        reasons=tuple(_reasons(flow, worst, grade, spec.time.is_steady)),
        surface=flow.colored,
        colored=_COLORED,
        details={
            "grade": vars(grade),
            "peak_place_mm": [round(float(c), 2) for c in flow.peak_place_mm],
            "common_carotid_read_mm": list(vessels.common_mm),
            "run": request.record("run").id,
        },
    )


def _figures(worst: Lesion | None, flow: CarotidFlow, is_steady: bool) -> list[Figure]:
    rows: list[tuple[str, str, str, str, float, str]] = []
    if worst is not None:
        by = "sections across the centerline"
        if worst.nascet_percent is not None and worst.ecst_percent is not None:
            rows += [
                ("nascet_percent", "NASCET", "%", "1 - least by the artery beyond", worst.nascet_percent, by),
                (
                    "ecst_percent",
                    "ECST",
                    "%",
                    "1 - least by the original lumen",
                    worst.ecst_percent,
                    "original lumen interpolated, because the outer wall is not segmented",
                ),
            ]
        rows.append(("area_percent", "Stenosis by area", "%", "against the reference segments", worst.area_percent, by))
    steady = "of the steady flow" if is_steady else "largest over the beat"
    rows += [
        ("psv_cm_s", "Peak systolic velocity, internal carotid", "cm/s", steady, CM * flow.peak_systolic, ""),
        (
            "cca_psv_cm_s",
            "Peak systolic velocity, common carotid",
            "cm/s",
            f"{COMMON_FROM_DIAMETERS:g} to {COMMON_TO_DIAMETERS:g} diameters before the bifurcation",
            CM * flow.common_peak_systolic,
            "",
        ),
        (
            "psv_ratio",
            "Ratio of the two",
            "1",
            "peak velocities",
            flow.ratio,
            f"continuity gives {flow.expected_ratio:.2f} for mean velocities, the run {flow.mean_ratio:.2f}",
        ),
        ("drop_mmhg", "Pressure drop across the stenosis", "mmHg", "mean over time", flow.drop / PA_PER_MMHG, ""),
        (
            "flow_share_percent",
            "Share of the common carotid's flow",
            "%",
            "at the largest inflow",
            100.0 * flow.flow_share,
            "follows from the outlets' conditions, which stand for the brain",
        ),
    ]
    if not is_steady:
        rows += [
            (
                "edv_cm_s",
                "End-diastolic velocity, internal carotid",
                "cm/s",
                "at the least inflow",
                CM * flow.end_diastolic,
                "",
            ),
            ("drop_peak_mmhg", "Pressure drop at peak velocity", "mmHg", "", flow.drop_at_peak / PA_PER_MMHG, ""),
        ]
    if flow.shoulder_tawss == flow.shoulder_tawss:
        rows.append(
            (
                "shoulder_tawss_pa",
                "Largest wall shear stress on the upstream shoulder",
                "Pa",
                "mean over time",
                flow.shoulder_tawss,
                "",
            )
        )
    return [Figure(*row[:4], float(row[4]), about=row[5]) for row in rows]


def _lesions(vessels: CarotidVessels) -> Table:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    columns = ("at [mm]", "length [mm]", "diameter [mm]", "reference [mm]", "NASCET [%]", "ECST [%]", "area [%]")
    rows = tuple(
        tuple(
            rounded(value)
            for value in (
                *(one.at_mm, one.length_mm, one.diameter_mm, one.reference_mm),
                *(one.nascet_percent, one.ecst_percent, one.area_percent),
            )
        )
        for one in vessels.lesions
        if one.kind == "stenosis"
    )
    return Table(f"Stenoses of {vessels.sections.branch.replace('_', ' ')}", columns, rows)


def _consensus(flow: CarotidFlow, worst: Lesion | None, grade: Grade, end_diastolic: float | None) -> Table:
    here = (
        "this run",
        f"{CM * flow.peak_systolic:.0f}",
        "narrowing seen" if worst is not None else "none seen",
        f"{flow.ratio:.2f}",
        "steady" if end_diastolic is None else f"{end_diastolic:.0f}",
    )
    rows = [(f"→ {name}" if name == grade.grade else name, *TABLE[name]) for name in GRADES]
    columns = ("grade", "peak systolic [cm/s]", "plaque", "ICA/CCA ratio [1]", "end diastolic [cm/s]")
    return Table("Consensus of 2003", columns, (*rows, here))


def _reasons(flow: CarotidFlow, worst: Lesion | None, grade: Grade, is_steady: bool) -> list[str]:
    told = [
        "The consensus is of velocities by Doppler ultrasound, which reads higher by the width of its spectrum "
        "and by its angle; here they are the largest of a computed flow.",
        "The velocities are proportional to the inflow: where it was not measured, so are they assumed.",
        f"By the consensus, {NOT_BY_VELOCITY}.",
    ]
    if not grade.agrees:
        told.append(
            f"The velocities do not agree among themselves: by the ratio {grade.by_ratio}, by the end-diastolic "
            f"velocity {grade.by_end_diastolic or 'not known'}; the peak systolic velocity decides."
        )
    if abs(flow.mean_ratio / flow.expected_ratio - 1.0) > 0.1:
        told.append(
            f"The run's ratio of mean velocities ({flow.mean_ratio:.2f}) differs from continuity "
            f"({flow.expected_ratio:.2f}) by more than a tenth: the mesh is too coarse at the throat, or the section "
            "is cut askew."
        )
    if is_steady:
        told.append("The flow is steady: its velocity is no peak systolic one, and the grade is only of this flow.")
    if worst is None:
        told.append("No stenosis was found on the sections; plaque that does not narrow the lumen is not seen.")
    return told


ASSESSMENT = Assessment(
    "carotid",
    "Carotid stenosis",
    "How narrow is this carotid artery, and how fast does blood flow through it?",
    (
        step_done("model"),
        step_done("run"),
        scan_fit("carotid"),
        patient_known("heart_rate_bpm", "cardiac_output_l_min"),
    ),
    (
        Rule(
            "Consensus of the Society of Radiologists in Ultrasound",
            "Grant et al. 2003, Radiology 229:340",
            "a panel's reading of the literature on Doppler ultrasound of internal carotid arteries",
            ("It was not made for velocities of computed flow.",),
        ),
    ),
    ("model", "run"),
    __name__,
    assess_carotid,
)
