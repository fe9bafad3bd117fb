"""One set of conditions of a case, from which 0D, 1D and 3D models of its flow are made.

It is a view of what the case holds: the conditions of its current run (the very ones that the 3D engine solves, its
outlets as the run tuned them at last), or, before there is one, what `app.workflow.simulate` would prepare from the
patient, the chosen parameters and the files given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Case, Record
from app.workflow.parameters import build, declared
from app.workflow.patient import Assumption, patient_values
from app.workflow.patient_tree import PatientTree, patient_tree, vessels_of_outlets
from app.workflow.prepared import cuff_site, prepared_conditions
from app.workflow.steps import remembered_values
from app.workflow.units import pa_from_mmhg
from imaging.types import Patch, VesselModel
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Outlet, RcrOutlet, Waveform
from solvers.network.stenosis import DEFAULT_LAW
from solvers.network.stiffness import Stiffness

if TYPE_CHECKING:
    from app.workflow.calibrate import Calibration
    from app.workflow.stenosis_law import KeptLaw
    from solvers.contract.spec import RunSpec
    from solvers.network.zero_d.solve import Inflow

SCHEMA_VERSION = 1
ENTERING = ("inflow_shape", "inlet_share", "inflow", "inflow_unit", "inflow_sign")
"""Parameters of a run that say what enters; given to a reduced model, it has the conditions of a run with them."""
STEP = "reduced"
"""Under which a case remembers the parameters of its 0D and 1D models."""
OLUFSEN = "Olufsen 1999, Am. J. Physiol. 276:H257: E h / r of the larger systemic arteries, not of this patient"


@dataclass(frozen=True)
class ReducedParameters:
    """What only 0D and 1D models need."""

    stiffness: str = declared(
        "olufsen",
        help="Stiffness of the walls (olufsen: from the radius; wave_speed: one pulse wave speed; rigid)",
        choices=("olufsen", "wave_speed", "rigid"),
        source=OLUFSEN,
    )
    wave_speed_m_s: float = declared(
        6.0, help="Pulse wave speed of all vessels", unit="m/s", minimum=0.5, maximum=50.0, source="assumption"
    )
    junctions: str = declared(
        "total",
        help="What is equal where vessels meet: total pressure, or static pressure",
        choices=("total", "static"),
        source="assumption: nothing is lost where vessels part",
    )
    junction_loss: float = declared(
        0.0,
        help="Loss on the way into a daughter, in its own dynamic pressures",
        unit="1",
        minimum=0.0,
        maximum=5.0,
        source="assumption",
    )
    junction_model: str = declared(
        "none",
        help="Loss where vessels part, from angles and split (unified0d), besides the one above",
        choices=("none", "unified0d"),
        source="Mynard & Valen-Sendstad 2015; off because it was held against 3D in one fork only",
    )
    bends: str = declared(
        "none",
        help="What bends add to the friction (white: by the Dean number)",
        choices=("none", "white"),
        source="White 1929; off because it was held against 3D in one bend only",
    )
    law: str = declared(
        DEFAULT_LAW,
        help="Law of the pressure drop over a narrowing",
        choices=("young-tsai", "itu", "expansion"),
        source="solvers/network/stenosis.py",
    )
    own_laws: bool = declared(
        True,
        help="Take the patient's own laws of pressure drops where the case keeps some (stenosis-law)",
        source="identified from 3D runs of the patient",
    )


@dataclass(frozen=True)
class OutletSetup:
    """An outlet: its name and place (LPS, mm), the vessel that it closes, and what closes it (SI)."""

    name: str
    vessel: str
    position_mm: tuple[float, float, float]
    condition: Outlet


@dataclass(frozen=True)
class FlowSetup:
    """What drives the flow and what stands in for the rest of the body.

    Attributes
    ----------
    origin
        ``run``: the conditions of the case's current run; ``patient``: those that a run would be prepared with.
    inflow, period
        Into ``inlet`` [m3/s] over a beat [s].
    pressure_site
        Opening at which the cuff pressures shall hold.
    """

    origin: Literal["run", "patient"]
    inlet: str
    inflow: Waveform
    period: float
    outlets: tuple[OutletSetup, ...]
    fluid: Fluid
    stiffness: Stiffness
    heart_rate_bpm: float
    systolic_mmhg: float
    diastolic_mmhg: float
    cardiac_output_l_min: float
    pressure_site: str
    assumptions: tuple[Assumption, ...]
    schema_version: int = SCHEMA_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self)

    def closing(self) -> dict[str, Outlet]:
        """What closes each vessel that ends, by the vessel's name."""
        return {outlet.vessel: outlet.condition for outlet in self.outlets}

    def entering(self) -> Inflow:
        """The inflow as the lumped models take it."""
        from solvers.network.zero_d.solve import Inflow

        return Inflow(self.inflow, self.period)


@dataclass(frozen=True, eq=False)
class ReducedCase:
    """What a reduced model of a case is made from; with a calibration to 3D runs if the case has one.

    Attributes
    ----------
    flow
        Parameters that a run of the same conditions would be prepared with, where there is none.
    laws
        The patient's own pressure drops that the vessels of ``patient`` have.
    """

    setup: FlowSetup
    patient: PatientTree
    chosen: ReducedParameters
    calibration: Calibration | None = None
    flow: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    laws: tuple[KeptLaw, ...] = ()


def reduced_case(opened: OpenCase, given: dict[str, Any] | None = None) -> ReducedCase:
    """The conditions and the vessel tree of a case; see :func:`reduced_case_in`."""
    return reduced_case_in(opened.folder, opened.case, given)


def reduced_case_in(bundle: Path, case: Case, given: dict[str, Any] | None = None, run_id: str = "") -> ReducedCase:
    """The conditions and the vessel tree of a case.

    Parameters
    ----------
    given
        Values of `ReducedParameters`, and of `ENTERING`, over those that the case remembers. Where one of these is
        given, the conditions are those that a run would be prepared with, even if there is a run.
    run_id
        Of the run whose conditions are taken, even if the patient's values have changed since; otherwise those of the
        current run, if it is up to date.

    Raises
    ------
    CaseError, RunError
        When the case has no vessel model yet, or what does not fit together.
    """
    from app.workflow.calibrate import calibration_of
    from app.workflow.flow_losses import with_losses
    from app.workflow.stenosis_law import laws_of, with_laws
    from imaging.centerline.section_area import radius_of_area
    from imaging.surface.surface_io import read_model

    record = case.current("model")
    if record is None:
        raise CaseError("step_missing", "The case has no vessel model yet: run Model first.")
    run = _run_of(case, run_id) if run_id else case.current("run")
    model = read_model((bundle / record.files["surface"].path).parent)
    patient = patient_tree(model.centerlines, radius_of_area(model.surface, model.centerlines))
    entering = {name: value for name, value in (given or {}).items() if name in ENTERING}
    own = {name: value for name, value in (given or {}).items() if name not in ENTERING}
    chosen = build(ReducedParameters, {**case.parameters.get(STEP, {}), **own})
    flow = {**remembered_values(case, "simulate"), **entering}
    kind: Any = chosen.stiffness  # one of the declared choices
    stiffness = Stiffness(kind, chosen.wave_speed_m_s)
    if run is not None and not entering and (run_id or not case.stale_inputs(run)):
        setup = _of_run(case, run, model, patient, stiffness, (bundle / run.files["spec"].path).parent)
    else:
        setup = _of_patient(case, model, patient, stiffness, flow)
    laws = laws_of(case) if chosen.own_laws else ()
    setup = replace(setup, assumptions=(*setup.assumptions, *(law.assumption() for law in laws)))
    patient, lost = with_losses(setup, replace(patient, tree=with_laws(patient.tree, laws)), chosen)
    setup = replace(setup, assumptions=(*setup.assumptions, *lost))
    return ReducedCase(setup, patient, chosen, calibration_of(case), flow, laws)


def _run_of(case: Case, run_id: str) -> Record:
    """The run of that id, which must be of the present model."""
    runs = {record.id: record for record in case.records if record.kind == "run"}
    if run_id not in runs:
        raise CaseError("run_missing", f"The case has no run {run_id!r}; there are: {', '.join(runs) or 'none'}.")
    if runs[run_id].recipe.inputs.get("model") != case.input_digest("model"):
        raise CaseError("bad_run", f"The run {run_id} was solved in another vessel model than the present one.")
    return runs[run_id]


def _of_run(
    case: Case, run: Record, model: VesselModel, patient: PatientTree, stiffness: Stiffness, folder: Path
) -> FlowSetup:
    """The conditions of a prepared or finished run."""
    from solvers.contract.spec import read_spec

    spec = read_spec(folder)
    require_one_inlet([inlet.name for inlet in spec.inlets], [inlet.name for inlet in spec.pressure_inlets])
    conditions = {outlet.name: outlet for outlet in _as_tuned(spec, folder)}
    patches = tuple(patch for patch in model.patches if patch.name in conditions)
    if len(patches) != len(conditions):
        lost = ", ".join(sorted(set(conditions) - {patch.name for patch in patches}))
        raise CaseError("bad_pair", f"The run's outlets {lost} are no openings of the model: prepare the run again.")
    assumed = tuple(Assumption(**item) for item in run.facts.get("assumptions", ()))
    return _setup(
        *("run", case, spec.inlets[0].name, spec.inlets[0].flow, spec.time.period, patches),
        *([conditions[patch.name] for patch in patches], spec.fluid, model, patient, stiffness, assumed),
        spec.tuning.site if spec.tuning else cuff_site(spec.inlets[0].name, patches),
    )


def require_one_inlet(by_flow: Sequence[str], by_pressure: Sequence[str] = ()) -> None:
    """Refuse what a tree with one root cannot say (CaseError ``one_inlet``)."""
    if by_pressure:
        raise CaseError(
            "one_inlet",
            f"At the inlet {', '.join(by_pressure)} a pressure is given, but 0D and 1D models need an inlet whose "
            "flow is given: give a flow there, or solve in 3D.",
        )
    if len(by_flow) != 1:
        raise CaseError(
            "one_inlet",
            f"Blood enters at {len(by_flow)} places ({', '.join(by_flow)}), but 0D and 1D models of a case are trees "
            "that begin at one inlet: solve it in 3D, or make a model of the vessels behind one of them.",
        )


def _as_tuned(spec: RunSpec, folder: Path) -> tuple[Outlet, ...]:
    """The run's outlets, with the Windkessels that the run found last."""
    from solvers.contract.files import INDICES

    try:
        tuned = (json.loads((folder / INDICES).read_text(encoding="utf-8")).get("tuning") or {}).get("outlets", {})
    except (OSError, ValueError):
        tuned = {}
    return tuple(
        replace(outlet, **tuned[outlet.name]) if outlet.name in tuned and isinstance(outlet, RcrOutlet) else outlet
        for outlet in spec.outlets
    )


def _of_patient(
    case: Case, model: VesselModel, patient: PatientTree, stiffness: Stiffness, flow: Mapping[str, Any]
) -> FlowSetup:
    """The conditions that a run would be prepared with now."""
    from app.workflow.conditions import assumptions_of
    from app.workflow.further_inlets import sorted_openings
    from app.workflow.simulate import Parameters

    chosen = build(Parameters, flow)
    openings = sorted_openings(model.patches, chosen)
    made = prepared_conditions(case, model, openings, chosen)
    require_one_inlet([inlet.patch.name for inlet in made.inlets])
    return _setup(
        *("patient", case, made.inlets[0].patch.name, made.inflow, made.period, openings.outlets),
        *(list(made.outlets), made.fluid, model, patient, stiffness, assumptions_of(case, chosen)),
        made.pressure_site,
    )


def _setup(
    origin: Literal["run", "patient"],
    case: Case,
    inlet: str,
    inflow: Waveform,
    period: float,
    patches: tuple[Patch, ...],
    conditions: list[Outlet],
    fluid: Fluid,
    model: VesselModel,
    patient: PatientTree,
    stiffness: Stiffness,
    assumptions: tuple[Assumption, ...],
    site: str,
) -> FlowSetup:
    values = patient_values(case.patient)
    vessels = vessels_of_outlets(patient, model.centerlines, patches)
    walls = Assumption(
        "Stiffness of the walls in 0D and 1D models",
        f"{stiffness.wave_speed:g} m/s" if stiffness.kind == "wave_speed" else stiffness.kind,
        "",
        OLUFSEN if stiffness.kind == "olufsen" else "assumption",
    )
    return FlowSetup(
        origin,
        inlet,
        inflow,
        period,
        tuple(
            OutletSetup(patch.name, vessel, patch.center_mm, condition)
            for patch, vessel, condition in zip(patches, vessels, conditions, strict=True)
        ),
        fluid,
        stiffness,
        values.heart_rate_bpm,
        values.systolic_mmhg,
        values.diastolic_mmhg,
        values.cardiac_output_l_min,
        site,
        (*assumptions, walls),
    )


def mean_pressure_pa(setup: FlowSetup) -> float:
    """The mean of the cuff pressures, diastolic plus a third of the pulse [Pa]."""
    return pa_from_mmhg(setup.diastolic_mmhg + (setup.systolic_mmhg - setup.diastolic_mmhg) / 3.0)


def mean_inflow(setup: FlowSetup) -> float:
    """[m3/s]."""
    from solvers.network.waveform import PeriodicCurve

    return float(np.float64(PeriodicCurve(setup.inflow, setup.period).mean))
