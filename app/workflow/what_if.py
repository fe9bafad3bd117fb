"""What a change would do: pressure and flow of every vessel before and after, by the 0D model, in milliseconds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.flow_setup import ReducedCase, reduced_case
from app.workflow.outlet_changes import FACTORS, at_pace, closed, paced, resisting, storing
from app.workflow.stenosis_law import digest_of_losses, law_notes
from app.workflow.units import ml_s_from_m3_s, mmhg_from_pa, pa_from_mmhg
from imaging.types import FloatArray
from solvers.contract.openings import Outlet, Waveform
from solvers.network.vessel_tree import VesselTree, with_radius, with_stenosis

if TYPE_CHECKING:
    from app.workflow.calibrate import Calibration
    from solvers.network.zero_d.network import Network
    from solvers.network.zero_d.solve import Inflow

PLAUSIBLE_MMHG = (20.0, 300.0)
"""Mean pressures at an inlet that a person has."""
HEART_RATES_BPM = (30.0, 220.0)


@dataclass(frozen=True)
class Stenosis:
    """A narrowing to put in: ``percent`` of the diameter, ``position`` 0 to 1 along the branch, length [mm] or 0 for
    four radii.
    """

    branch: str
    percent: float
    position: float
    length_mm: float = 0.0


@dataclass(frozen=True)
class Change:
    """What is changed.

    Attributes
    ----------
    radii
        Factor on the radius of a branch, by its name.
    outlets, compliances
        Factor on the resistance, and on the compliance, behind an outlet, by its name.
    closed
        Outlets that let nothing through.
    pressure_mmhg
        Mean pressure that is held at the inlet; None holds the inflow.
    holds_pressure
        Whether the pressure that the inlet had before is held in place of the inflow.
    stroke
        Factor on the volume that enters in a beat.
    heart_rate_bpm
        Beats in a minute, each of the same volume; None: as it is. The curve of a beat keeps its shape (an assumption:
        of a real heart diastole shortens more than systole).
    """

    stenoses: tuple[Stenosis, ...] = ()
    radii: Mapping[str, float] | None = None
    outlets: Mapping[str, float] | None = None
    compliances: Mapping[str, float] | None = None
    closed: tuple[str, ...] = ()
    pressure_mmhg: float | None = None
    holds_pressure: bool = False
    stroke: float = 1.0
    heart_rate_bpm: float | None = None


@dataclass(frozen=True)
class VesselState:
    """Of a vessel in the mean: flow [mL/s] and static pressure at both ends [mmHg]; over a beat with a pulse."""

    name: str
    branch: str
    flow_ml_s: float
    pressure_in_mmhg: float
    pressure_out_mmhg: float
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None


@dataclass(frozen=True)
class Answer:
    """The vessels before and after a change, and how long the answer took [ms]."""

    before: tuple[VesselState, ...]
    after: tuple[VesselState, ...]
    milliseconds: float
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [
            {"name": a.name, "branch": a.branch, "before": _numbers(b), "after": _numbers(a)}
            for b, a in zip(self.before, self.after, strict=True)
        ]
        return {"vessels": rows, "milliseconds": round(self.milliseconds, 2), "notes": list(self.notes)}


class WhatIf:
    """The 0D model of a case in memory.

    Parameters
    ----------
    has_pulse
        Whether beats are solved, for systolic and diastolic pressures; otherwise the mean flow.
    """

    def __init__(self, case: ReducedCase, has_pulse: bool = False) -> None:
        self.case, self._has_pulse = case, has_pulse
        self._tree = case.patient.tree
        self._outlets = case.setup.closing()
        self._inflow = case.setup.entering()
        self._branches = {vessel.name: vessel.branch for vessel in self._tree.vessels}
        self.network = self._network(self._tree, self._outlets)
        self.before = self._solved(self.network, self._inflow)

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the branches, in the order of the tree."""
        return tuple(dict.fromkeys(self._branches.values()))

    def answer(self, change: Change) -> Answer:
        """Every vessel before and after a change.

        Raises
        ------
        CaseError, RunError
            For a vessel or an outlet that is not there and values that cannot be.
        """
        started = time.perf_counter()
        tree = self._tree
        for branch, factor in (change.radii or {}).items():
            tree = with_radius(tree, branch, factor)
        for one in change.stenoses:
            length = one.length_mm * 1e-3 if one.length_mm else None
            tree = with_stenosis(tree, one.branch, one.percent / 100.0, one.position, length)
        outlets = dict(self._outlets)
        for factors, scaled in ((change.outlets, resisting), (change.compliances, storing)):
            for name, factor in (factors or {}).items():
                vessel = self._vessel_of(name)
                outlets[vessel] = scaled(outlets[vessel], factor)
        shut = {self._vessel_of(name) for name in change.closed}
        outlets |= {vessel: closed(outlets[vessel]) for vessel in shut}
        if len(shut) == len(outlets):
            raise CaseError("no_outlet", "All outlets are closed, so that no blood can leave: leave one open.")
        pace = self._pace(change)
        if pace != 1.0:
            outlets = {vessel: at_pace(outlet, pace) for vessel, outlet in outlets.items()}
        network = self.network if tree is self._tree and outlets == self._outlets else self._network(tree, outlets)
        after = self._solved(network, self._entering(change, pace))
        milliseconds = 1e3 * (time.perf_counter() - started)
        return Answer(self.before, after, milliseconds, self._notes(tree, after))

    def beside(self, answer: Answer, other: Change) -> Answer:
        """The answer with the vessels after another change in the place of those before."""
        return replace(answer, before=self.answer(other).after)

    def _vessel_of(self, outlet: str) -> str:
        for one in self.case.setup.outlets:
            if outlet in (one.name, one.vessel):
                return one.vessel
        names = ", ".join(one.name for one in self.case.setup.outlets)
        raise CaseError("no_outlet", f"There is no outlet {outlet!r}; there are: {names}.")

    @property
    def heart_rate_bpm(self) -> float:
        """Of the beats that enter."""
        return 60.0 / self._inflow.period

    def _pace(self, change: Change) -> float:
        """How many beats there are now for one before."""
        if change.heart_rate_bpm is None:
            return 1.0
        low, high = HEART_RATES_BPM
        if not low <= change.heart_rate_bpm <= high:
            raise CaseError(
                "bad_heart_rate",
                f"A heart rate of {change.heart_rate_bpm:g} 1/min is none of a person, {low:g} to {high:g} 1/min: give "
                "another.",
            )
        return change.heart_rate_bpm / self.heart_rate_bpm

    def _entering(self, change: Change, pace: float) -> Inflow:
        low, high = FACTORS
        if not low <= change.stroke <= high:
            raise CaseError(
                "bad_inflow",
                f"The volume of a beat can be made {low:g} to {high:g} times its own, not {change.stroke:g} times.",
            )
        if change.pressure_mmhg is None and not change.holds_pressure:
            if pace == change.stroke == 1.0:
                return self._inflow
            return replace(
                self._inflow,
                curve=paced(self._inflow.curve, pace, change.stroke * pace),
                period=self._inflow.period / pace,
            )
        low, high = PLAUSIBLE_MMHG
        wanted = self.before[0].pressure_in_mmhg if change.pressure_mmhg is None else change.pressure_mmhg
        if not low <= wanted <= high:
            raise CaseError(
                "bad_pressure",
                f"A mean pressure of {wanted:g} mmHg at the inlet is outside what a person has, {low:g} to {high:g} "
                "mmHg: give another.",
            )
        held = Waveform.constant(pa_from_mmhg(wanted))
        return replace(self._inflow, curve=held, period=self._inflow.period / pace, is_flow=False)

    def _network(self, tree: VesselTree, outlets: Mapping[str, Outlet]) -> Network:
        return lumped_network(self.case, tree, outlets)

    def _solved(self, network: Network, inflow: Inflow) -> tuple[VesselState, ...]:
        from solvers.network.zero_d.solve import periodic, samples_of, steady

        if not self._has_pulse:
            state = steady(samples_of(network, inflow))
            return self._states(network.names, state.flow[0], state.pressure_in[0], state.pressure_out[0])
        beat = periodic(network, inflow, 256)
        means = (beat.flow_in.mean(axis=0), beat.pressure_in.mean(axis=0), beat.pressure_out.mean(axis=0))
        return self._states(network.names, *means, beat.pressure_in)

    def _states(
        self,
        names: Sequence[str],
        flow: FloatArray,
        before: FloatArray,
        behind: FloatArray,
        pulse: FloatArray | None = None,
    ) -> tuple[VesselState, ...]:
        return tuple(
            VesselState(
                name,
                self._branches[name],
                ml_s_from_m3_s(float(flow[k])),
                mmhg_from_pa(float(before[k])),
                mmhg_from_pa(float(behind[k])),
                None if pulse is None else mmhg_from_pa(float(pulse[:, k].max())),
                None if pulse is None else mmhg_from_pa(float(pulse[:, k].min())),
            )
            for k, name in enumerate(names)
        )

    def _notes(self, tree: VesselTree, after: Sequence[VesselState]) -> tuple[str, ...]:
        """What of the narrowings lies outside their law's range, and pressures that no one has."""
        from solvers.network.stenosis import LAWS
        from solvers.network.vessel_tree import lesions_of

        law, told = LAWS[self.case.chosen.law], []
        flows = {state.name: state.flow_ml_s * 1e-6 for state in after}
        for vessel in tree.vessels:
            for _, lesion in lesions_of(vessel):
                if lesion.own is not None:
                    continue
                told += [
                    f"{vessel.branch}: {sentence}"
                    for sentence in law.outside(lesion, self.case.setup.fluid, flows[vessel.name])
                ]
        told += law_notes(self.case.laws, tree, flows)
        kept = _calibration(self.case)
        if kept is None and self.case.calibration is not None:
            told.append(
                "The case's calibration is not used: it was made with another pressure at the junctions, or other laws "
                "or losses of the vessels. Calibrate again."
            )
        if kept is not None:
            inflow = after[0].flow_ml_s
            told.append(
                f"Calibrated to {', '.join(kept.runs)} at inflows from {kept.low_ml_s:.3g} to {kept.high_ml_s:.3g} mL/s"
                + ("." if kept.low_ml_s <= inflow <= kept.high_ml_s else f", but now {inflow:.3g} mL/s flow.")
            )
        highest = max(state.pressure_in_mmhg for state in after)
        if highest > PLAUSIBLE_MMHG[1]:
            told.append(
                f"The inflow would need {highest:.0f} mmHg, which no heart gives: hold the pressure, not the flow."
            )
        return tuple(dict.fromkeys(told))


def lumped_network(
    case: ReducedCase, tree: VesselTree | None = None, outlets: Mapping[str, Outlet] | None = None
) -> Network:
    """The 0D model of a case, or of other vessels and outlets in its place.

    What the case's calibration found beyond the shapes' coefficients is added to each vessel.
    """
    from solvers.network.zero_d.build import Options, build

    chosen, setup = case.chosen, case.setup
    junctions: Any = chosen.junctions
    options = Options(junctions, chosen.junction_loss, chosen.law)
    shapes, closing = tree or case.patient.tree, setup.closing() if outlets is None else outlets
    network, kept = build(shapes, closing, setup.fluid, setup.stiffness, options), _calibration(case)
    if kept is None:
        return network
    vessels = []
    for vessel in network.vessels:
        r, k, inertance, r_found, k_found, l_found = kept.coefficients.get(vessel.name, (0.0,) * 6)
        vessels.append(
            replace(
                vessel,
                resistance=max(vessel.resistance + r_found - r, 0.0),
                loss=max(vessel.loss + k_found - k, 0.0),
                inertance=max(vessel.inertance + l_found - inertance, 0.0),
            )
        )
    return replace(network, vessels=tuple(vessels))


def _calibration(case: ReducedCase) -> Calibration | None:
    """The case's calibration, if it was made with the same pressure at the junctions and the same losses."""
    kept = case.calibration
    made_with = None if kept is None else (kept.junctions, kept.losses)
    return kept if made_with == (case.chosen.junctions, digest_of_losses(case)) else None


def what_if(opened: OpenCase, change: Change, has_pulse: bool = False, given: dict[str, Any] | None = None) -> Answer:
    """The answer of a case's 0D model to a change.

    Parameters
    ----------
    given
        Values of `app.workflow.flow_setup.ReducedParameters` over those that the case remembers.
    """
    return WhatIf(reduced_case(opened, given), has_pulse).answer(change)


def _numbers(state: VesselState) -> dict[str, float]:
    found = {
        "flow_ml_s": state.flow_ml_s,
        "pressure_in_mmhg": state.pressure_in_mmhg,
        "pressure_out_mmhg": state.pressure_out_mmhg,
        "systolic_mmhg": state.systolic_mmhg,
        "diastolic_mmhg": state.diastolic_mmhg,
    }
    return {name: round(value, 4) for name, value in found.items() if value is not None}
