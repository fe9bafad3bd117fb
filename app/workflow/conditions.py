"""What drives a run and what stands in for the rest of the body: from files, from the patient, from assumptions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.blood import blood_assumptions
from app.workflow.boundary_files import Inflow, OutletBlock, check_inflow_speed, paired, read_inflow, read_outlets
from app.workflow.further_inlets import further_assumptions
from app.workflow.inflow import MUSCLE_SOURCE, muscle_pressure
from app.workflow.inflow_library import SCALED, SHAPES
from app.workflow.patient import VISCOSITY_NAME, Assumption, PatientValues, patient_assumptions
from app.workflow.steady import is_steady
from app.workflow.units import M_PER_MM, pa_from_mmhg
from imaging.types import Patch

if TYPE_CHECKING:
    from app.workflow.simulate import Parameters
    from solvers.contract.openings import MeasuredProfile, Outlet

ASSUMED = "assumption, without a source"


def outlet_of(
    patch: Patch,
    terminal: Any,
    p_initial: float,
    share: float | None,
    extension_start: tuple[float, float, float] | None,
    chosen: Parameters,
    values: PatientValues,
) -> Outlet:
    """What closes an outlet: a Windkessel, or a resistance or coronary circulation of the same resistance.

    With outlets of given shares it takes its ``share`` of the inflow; the outlet that has none stays a Windkessel. In
    steady flow there are no others than resistances and given shares.
    """
    from solvers.contract.openings import CoronaryOutlet, RcrOutlet, ResistanceOutlet, SplitOutlet, Waveform
    from solvers.network.coronary import COMPLIANCE_SHARES, RESISTANCE_SHARES

    if chosen.outlet_model == "split" and share is not None:
        return SplitOutlet(patch.id, patch.name, share, extension_start)
    if chosen.outlet_model == "resistance" or is_steady(chosen):
        resistance = terminal.r_proximal + terminal.r_distal
        return ResistanceOutlet(patch.id, patch.name, resistance, terminal.p_distal, extension_start)
    if chosen.outlet_model != "coronary":
        return RcrOutlet(
            patch.id,
            patch.name,
            r_proximal=terminal.r_proximal,
            c=terminal.c,
            r_distal=terminal.r_distal,
            p_initial=p_initial,
            p_distal=terminal.p_distal,
            extension_start=extension_start,
        )
    times, pressure = muscle_pressure(values.heart_rate_bpm, pa_from_mmhg(values.systolic_mmhg))
    artery, micro, vein = (share * (terminal.r_proximal + terminal.r_distal) for share in RESISTANCE_SHARES)
    return CoronaryOutlet(
        patch.id,
        patch.name,
        Waveform(tuple(times.tolist()), tuple(pressure.tolist())),
        r_artery=artery,
        c_artery=COMPLIANCE_SHARES[0] * terminal.c,
        r_micro=micro,
        c_muscle=COMPLIANCE_SHARES[1] * terminal.c,
        r_vein=vein,
        p_initial=p_initial,
        p_venous=terminal.p_distal,
        extension_start=extension_start,
    )


def inflow_of_file(chosen: Parameters, inlet: Patch) -> Inflow | None:
    """The inflow of the file that was given, if one was; it must fit the inlet."""
    if not chosen.inflow:
        return None
    inflow = read_inflow(Path(chosen.inflow), chosen.inflow_unit, chosen.inflow_sign)
    check_inflow_speed(inflow, inlet.area_mm2 * M_PER_MM**2)
    return inflow


def profile_of_file(chosen: Parameters, out: Path) -> MeasuredProfile | None:
    """The measured velocities of the file that was given, copied beside the spec, if one was."""
    from solvers.contract.openings import MeasuredProfile

    if not chosen.measured_profile:
        return None
    source = Path(chosen.measured_profile)
    try:
        data = source.read_bytes()
    except OSError:
        raise CaseError(
            "no_profile", f"The file of measured velocities {source} cannot be read: choose another."
        ) from None
    path = out / f"measured{source.suffix.lower()}"
    path.write_bytes(data)
    return MeasuredProfile(path.name, hashlib.sha256(data).hexdigest())


def outlets_of_files(chosen: Parameters, outlets: tuple[Patch, ...]) -> tuple[OutletBlock, ...]:
    """What the files that were given say of each outlet, in the order of the outlets; empty without files."""
    if not chosen.outlets:
        return ()
    files = [Path(name.strip()) for name in chosen.outlets.split(",")]
    return paired(read_outlets(files, chosen.units), outlets, chosen.pairs)


_REPLACED = {"inflow": ("Heart rate", "Cardiac output"), "outlets": ("Systolic pressure", "Diastolic pressure")}
"""What of the patient is not used when a file says it."""


def assumptions_of(case: Case, chosen: Parameters) -> tuple[Assumption, ...]:
    """Everything that was not measured in this patient, and where it comes from."""
    from solvers.network.tuning import PROXIMAL_FRACTION

    unused = [name for which, names in _REPLACED.items() if getattr(chosen, which) for name in names]
    if chosen.rheology != "newtonian":
        unused.append(VISCOSITY_NAME)  # the law says it
    of_patient = [a for a in patient_assumptions(case.patient) if a.name not in unused]
    shape = SHAPES[chosen.inflow_shape]
    inflow = Assumption(
        "Inflow curve", shape.summary, "", f"{shape.source}; {SCALED}" if shape.values else shape.source
    )
    if chosen.inflow:
        inflow = Assumption(
            "Inflow curve", "from a file", "", f"the file given, its unit stated as {chosen.inflow_unit}"
        )
    if is_steady(chosen):
        inflow = replace(inflow, value=f"steady, the mean of: {inflow.value}")
    tuned: tuple[Assumption, ...] = (
        Assumption("Share of flow through the main vessel's end", chosen.main_share, "1", ASSUMED),
        Assumption("Other outlets share by radius to the power", chosen.split_exponent, "1", "assumption"),
    )
    if chosen.inflow_shape != "coronary" or chosen.inflow or chosen.outlet_model != "coronary":
        tuned += (
            Assumption(
                "Windkessel proximal over total resistance",
                f"at most {PROXIMAL_FRACTION:g}",
                "",
                "assumption; halved while it alone makes a larger pulse than the patient's",
            ),
            Assumption(
                "Cuff pressures hold where the blood leaves the model",
                "no difference to the arm",
                "",
                "assumption: the pulse grows on its way to the arm, more so in the young",
            ),
        )
    if chosen.outlets:
        tuned = (Assumption("Outlets", "from files", "", f"the files given, their units stated as {chosen.units}"),)
    if is_steady(chosen):
        tuned = tuple(item for item in tuned if "Windkessel" not in item.name)
        tuned += (Assumption("Outlets in steady flow", "the Windkessels' total resistances", "", "keep mean flows"),)
    elif chosen.outlet_model == "coronary":
        tuned += (Assumption("Pressure of the heart muscle on its vessels", "ventricle's", "", MUSCLE_SOURCE),)
    elif chosen.outlet_model == "resistance":
        tuned += (Assumption("Outlets store no blood", "resistances only", "", "assumption: right for steady flow"),)
    if chosen.outlet_model == "split":
        tuned += (Assumption("Flow shares at every instant", "as the mean shares", "", "assumption"),)
    share = chosen.inlet_share or shape.share
    if not chosen.inflow and share != 1.0:
        tuned += (Assumption("Part of the cardiac output that enters", share, "1", "assumption"),)
    return (
        *of_patient,
        inflow,
        *further_assumptions(chosen),
        *tuned,
        Assumption("Inlet velocity profile", "measured", "", "the file given, placed by centroid, plane and area")
        if chosen.measured_profile
        else Assumption("Inlet velocity profile", chosen.inlet_profile, "", "assumption"),
        Assumption("Wall", "rigid", "", "assumption: pressure waves and wall motion are left out"),
        *blood_assumptions(case.patient, chosen.rheology),
    )
