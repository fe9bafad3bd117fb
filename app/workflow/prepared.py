"""The conditions that a run is prepared with: inflow over a beat and what closes each outlet, tuned or from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.records import Case
from app.workflow.blood import blood_of
from app.workflow.boundary_files import mean_pressure_pa
from app.workflow.conditions import inflow_of_file, outlet_of, outlets_of_files
from app.workflow.inflow import aortic_inflow
from app.workflow.patient import patient_values
from app.workflow.steady import is_steady
from app.workflow.units import m3_s_from_l_min
from app.workflow.vessel_paths import paths_to
from imaging.types import Patch, VesselModel
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Outlet, Waveform

if TYPE_CHECKING:
    from app.workflow.simulate import Parameters


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inflow [m3/s] over a period [s], what closes the outlets in the order given, blood, where the cuff measures."""

    inflow: Waveform
    period: float
    outlets: tuple[Outlet, ...]
    fluid: Fluid
    pressure_site: str


def prepared_conditions(
    case: Case, model: VesselModel, inlet: Patch, outlets: tuple[Patch, ...], chosen: Parameters
) -> Prepared:
    """What `app.workflow.simulate` would write into a run's spec for one inlet.

    Raises
    ------
    CaseError, RunError
        For files that cannot be read and pressures that cannot be reached.
    """
    from app.workflow import simulate
    from solvers.network.tree import Terminal
    from solvers.network.waveform import PeriodicCurve

    values = patient_values(case.patient)
    output_m3_s = m3_s_from_l_min(values.cardiac_output_l_min) * chosen.inlet_share
    drive = simulate.coronary_inflow(chosen, values, output_m3_s)
    measured = inflow_of_file(chosen, inlet)
    if measured is None:
        times, flow = aortic_inflow(values.heart_rate_bpm, output_m3_s)
        if drive is not None:
            times, flow = drive.times_s, drive.flow_m3_s
        inflow, period = Waveform(tuple(times.tolist()), tuple(flow.tolist())), 60.0 / values.heart_rate_bpm
    else:
        inflow, period = Waveform(measured.times_s, measured.flow_m3_s), measured.period_s
    blocks = outlets_of_files(chosen, outlets)
    paths = paths_to(model.centerlines, outlets)
    shares = simulate.flow_shares(outlets, paths, chosen.main_share, chosen.split_exponent)
    given = [None if number == int(np.argmax(shares)) else float(share) for number, share in enumerate(shares)]
    site = simulate.cuff_site(outlets)
    mean = PeriodicCurve(inflow, period).mean
    if blocks:
        terminals: Sequence[Any] = blocks
        initial = [mean_pressure_pa(blocks, mean)] * len(blocks)
    elif drive is not None and chosen.outlet_model == "coronary":
        terminals = [Terminal(0.0, drive.compliance * share, drive.resistance / share) for share in shares]
        initial = [float(drive.pressure_pa[0])] * len(terminals)
    else:
        tuned = simulate.tuned_outlets(model, paths, shares, inflow, period, case, site)
        terminals, initial = tuned.terminals, [float(pressure) for pressure in tuned.p_initial]
    if is_steady(chosen):
        inflow = Waveform.constant(mean)
    return Prepared(
        inflow,
        period,
        tuple(
            outlet_of(outlet, terminal, start, share, None, chosen, values)
            for outlet, terminal, start, share in zip(outlets, terminals, initial, given, strict=True)
        ),
        blood_of(case.patient, chosen.rheology),
        inlet.name if site is None else outlets[site].name,
    )
