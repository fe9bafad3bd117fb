"""Windkessels of a case that meet the patient's pressures and the wished split of the flow in 0D, in 1D, after 3D."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.flow_setup import ENTERING, FlowSetup, ReducedCase, mean_pressure_pa, reduced_case
from app.workflow.parameters import declared
from app.workflow.stenosis_law import law_notes
from app.workflow.units import mmhg_from_pa, pa_from_mmhg
from app.workflow.what_if import lumped_network
from imaging.types import Progress, silent
from solvers.contract.openings import CoronaryOutlet, Outlet, RcrOutlet

if TYPE_CHECKING:
    from solvers.network.tuning_corrected import State
    from solvers.network.zero_d.network import Network
    from solvers.network.zero_d.tuning import Goal, TreeTarget

Level = Literal["0d", "1d", "3d"]
LEVELS: dict[str, str] = {
    "0d": "met in 0D",
    "1d": "tuned on 0D and corrected until they are met in 1D",
    "3d": "corrected once by the current run's last beat, with its outlets",
}

EXPONENTS = {"area": 2.0, "trees": 2.7, "murray": 3.0}
"""Powers of the radius by which outlets share the flow."""


@dataclass(frozen=True)
class Wish:
    """What shall be met.

    Attributes
    ----------
    systolic_mmhg, diastolic_mmhg
        None: the patient's cuff pressures.
    mean_mmhg
        None where only those two are known.
    exponent
        Outlets share the flow with this power of the radius where their vessels end: 2 by area, 7/3 and 2.7 by
        measured trees, 3 by Murray's law; None keeps the split of the case's present outlets.
    shares
        Of single outlets, by name; the others share the rest as before.
    """

    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    mean_mmhg: float | None = None
    exponent: float | None = None
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Parameters:
    """Outlets that meet the patient's pressures and a split of the flow."""

    level: str = declared(
        "1d", help="Model: " + "; ".join(f"{name}: {words}" for name, words in LEVELS.items()), choices=tuple(LEVELS)
    )
    systolic_mmhg: float = declared(
        0.0, help="Systolic pressure; 0: the patient's", unit="mmHg", minimum=0.0, maximum=300.0, source="the patient's"
    )
    diastolic_mmhg: float = declared(
        0.0,
        help="Diastolic pressure; 0: the patient's",
        unit="mmHg",
        minimum=0.0,
        maximum=300.0,
        source="the patient's",
    )
    mean_mmhg: float = declared(
        0.0, help="Mean pressure; 0: not known", unit="mmHg", minimum=0.0, maximum=300.0, source="not known"
    )
    split: str = declared(
        "present",
        help="Split of the flow: of the present outlets, or by a power of the radius (area: 2; trees, as measured: "
        "2.7; murray: 3)",
        choices=("present", *EXPONENTS),
        source="the present outlets",
    )

    @property
    def wish(self) -> Wish:
        """What they ask for."""
        systolic, diastolic, mean = (
            value or None for value in (self.systolic_mmhg, self.diastolic_mmhg, self.mean_mmhg)
        )
        return Wish(systolic, diastolic, mean, EXPONENTS.get(self.split))


@dataclass(frozen=True)
class TunedOutlets:
    """The outlets that come nearest.

    Attributes
    ----------
    goals
        Each target with what is reached in the model of ``level``, its band, and why it is not met.
    n_corrections
        By 1D or 3D.
    site
        Opening at which the pressures hold.
    vessels
        That the outlets close, in their order.
    notes
        What else is to be told, such as laws of the patient's own vessels that the models have.
    """

    level: Level
    site: str
    outlets: tuple[RcrOutlet, ...]
    goals: tuple[Goal, ...]
    n_corrections: int
    vessels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Target, reached and band in mmHg and parts of the flow."""
        rows = []
        for goal in self.goals:
            is_pressure = goal.kind == "pressure"
            numbers = [goal.wanted, goal.reached, goal.band]
            wanted, reached, band = (mmhg_from_pa(one) if is_pressure else one for one in numbers)
            rows.append(
                {
                    "target": f"{goal.what} pressure" if is_pressure else f"share of {goal.what}",
                    "wanted": wanted,
                    "reached": reached,
                    "band": band,
                    "unit": "mmHg" if is_pressure else "1",
                    "met": goal.is_met,
                    "why": "" if goal.is_met else goal.why,
                }
            )
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "level": self.level,
            "site": self.site,
            "corrections": self.n_corrections,
            "targets": self.rows(),
            "outlets": [dataclasses.asdict(outlet) for outlet in self.outlets],
            "notes": list(self.notes),
        }


def tune_case(
    opened: OpenCase,
    wish: Wish,
    level: Level = "1d",
    given: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> TunedOutlets:
    """Tune an open case's outlets; the case itself stays as it is.

    Raises
    ------
    CaseError, RunError
        ``bad_target``, ``no_outlet``, ``bad_outlet``, and for ``3d`` ``run_missing``, ``run_unfinished``,
        ``bad_parameter``.
    """
    if level == "3d" and not set(ENTERING).isdisjoint(given or {}):
        raise CaseError(
            "bad_parameter", "A run corrects the outlets for what entered in it: leave out the inflow, or tune in 1D."
        )
    progress(0.05, "Measuring the vessels")
    case = reduced_case(opened, given)
    if level != "3d":
        return tuned(case, wish, level, progress)
    from app.workflow.simulate import run_folder

    target = target_of(case, wish)
    return corrected_by_run(case, target, seen_in_run(run_folder(opened), case.setup, target))


def tuned(case: ReducedCase, wish: Wish, level: Level = "1d", progress: Progress = silent) -> TunedOutlets:
    """As `tune_case`, for the reduced model of a case, in 0D or 1D."""
    from solvers.network.tuning_corrected import tune_with, waves_of
    from solvers.network.zero_d.tuning import tune_tree

    progress(0.2, "Tuning in 0D")
    target, inflow, network = target_of(case, wish), case.setup.entering(), _tunable(case)
    if level == "0d":
        found = tune_tree(network, inflow, target, _distal(case.setup))
        return _result(case, "0d", found.network, found.goals, 0)
    setup, junctions = case.setup, case.chosen.junctions
    waves = waves_of(
        *(case.patient.tree, inflow, setup.fluid, setup.stiffness, mean_pressure_pa(setup), target.site),
        *(case.chosen.law, "static" if junctions == "static" else "total", case.chosen.junction_loss),
    )
    n_solved = 0

    def told(lumped: Network) -> State:
        nonlocal n_solved
        n_solved += 1
        progress(
            0.1 + 0.2 * n_solved, "Solving in 1D" if n_solved == 1 else f"Correction {n_solved - 1}: solving in 1D"
        )
        return waves(lumped)

    corrected = tune_with(network, inflow, target, told, _distal(setup))
    return _result(case, "1d", corrected.network, corrected.goals, corrected.n_corrections)


def corrected_by_run(case: ReducedCase, target: TreeTarget, seen: State) -> TunedOutlets:
    """The outlets corrected by what a 3D run with the case's present outlets reached; the goals hold what is expected
    of a run with the new ones.
    """
    from solvers.network.tuning_corrected import corrected_once

    found = corrected_once(_tunable(case), case.setup.entering(), target, seen, _distal(case.setup))
    return _result(case, "3d", found.network, found.goals, 1)


def seen_in_run(folder: Path, setup: FlowSetup, target: TreeTarget) -> State:
    """Pressures at the site and shares of the flow over the last beat of a finished run.

    Raises
    ------
    CaseError
        ``run_missing``, ``run_unfinished``, ``no_pulse``.
    """
    from app.workflow.calibrate import observation

    beat = observation(folder, setup)
    if len(beat.inlet_pressure) < 2:
        raise CaseError(
            "no_pulse", f"The run {folder.name} is steady: systole and diastole need a run over heart beats."
        )
    pressure = beat.inlet_pressure
    if target.site is not None:
        pressure = beat.pressures[:, beat.ends.index(target.site)]
    flow = beat.flows.mean(axis=0)
    shares = dict(zip(beat.ends, (flow / flow.sum()).tolist(), strict=True))
    return (float(pressure.max()), float(pressure.min()), float(pressure.mean())), shares


def target_of(case: ReducedCase, wish: Wish) -> TreeTarget:
    """A wish for a case; CaseError ``no_outlet``, ``bad_target``."""
    from solvers.network.zero_d.tuning import TreeTarget

    setup = case.setup
    systolic = setup.systolic_mmhg if wish.systolic_mmhg is None else wish.systolic_mmhg
    diastolic = setup.diastolic_mmhg if wish.diastolic_mmhg is None else wish.diastolic_mmhg
    site = next((outlet.vessel for outlet in setup.outlets if outlet.name == setup.pressure_site), None)
    return TreeTarget(
        pa_from_mmhg(systolic),
        pa_from_mmhg(diastolic),
        _shares(case, wish),
        None if wish.mean_mmhg is None else pa_from_mmhg(wish.mean_mmhg),
        site,
    )


def _shares(case: ReducedCase, wish: Wish) -> dict[str, float]:
    from solvers.network.tuning import fractions_of_radii
    from solvers.network.zero_d.solve import samples_of, steady

    setup = case.setup
    ends = [outlet.vessel for outlet in setup.outlets]
    if wish.exponent is None:
        network = lumped_network(case)
        flow = steady(samples_of(network, setup.entering())).flow[0, [network.names.index(name) for name in ends]]
        shares = flow / flow.sum()
    elif 1.0 <= wish.exponent <= 4.0:
        shares = fractions_of_radii([case.patient.tree.vessel(name).radius[-1] for name in ends], wish.exponent)
    else:
        raise CaseError("bad_target", f"The exponent of the split must be 1 to 4, not {wish.exponent:g}.")
    given = dict(wish.shares or {})
    vessel_of = {outlet.name: outlet.vessel for outlet in setup.outlets}
    for name in given:
        if name not in vessel_of:
            raise CaseError("no_outlet", f"There is no outlet {name!r}; there are: {', '.join(vessel_of)}.")
    found = dict(zip(ends, np.asarray(shares).tolist(), strict=True))
    stated = {vessel_of[name]: share for name, share in given.items()}
    rest = 1.0 - sum(stated.values())
    others = sum(share for name, share in found.items() if name not in stated)
    if min(stated.values(), default=1.0) <= 0.0 or (rest <= 0.0 if others else abs(rest) > 1e-6):
        raise CaseError(
            "bad_target", "The shares of the flow must be above 0 and leave something for the other outlets."
        )
    return {name: stated.get(name, share * rest / others if others else 0.0) for name, share in found.items()}


def _tunable(case: ReducedCase) -> Network:
    for outlet in case.setup.outlets:
        if isinstance(outlet.condition, CoronaryOutlet):
            raise CaseError(
                "bad_outlet",
                f"Tuning gives every outlet a Windkessel, but {outlet.name} feeds a heart muscle: leave it.",
            )
    return lumped_network(case)


def _distal(setup: FlowSetup) -> float:
    """The pressure behind the outlets: the lowest that one has."""
    return min((getattr(outlet.condition, "p_distal", 0.0) for outlet in setup.outlets), default=0.0)


def _result(
    case: ReducedCase, level: Level, network: Network, goals: tuple[Goal, ...], n_corrections: int
) -> TunedOutlets:
    by_vessel: dict[str, Outlet] = dict(network.outlets)
    named = {outlet.vessel: outlet.name for outlet in case.setup.outlets}
    outlets = []
    for outlet in case.setup.outlets:
        condition = by_vessel[outlet.vessel]
        assert isinstance(condition, RcrOutlet)
        outlets.append(replace(condition, name=outlet.name))
    told = tuple(replace(goal, what=named.get(goal.what, goal.what)) for goal in goals)
    notes = law_notes(case.laws, case.patient.tree)
    vessels = tuple(outlet.vessel for outlet in case.setup.outlets)
    return TunedOutlets(level, case.setup.pressure_site, tuple(outlets), told, n_corrections, vessels, notes)


def write_outlets(path: Path, outlets: tuple[RcrOutlet, ...]) -> None:
    """SimVascular's ``rcrt.dat`` with the outlets by name, in SI, which `simulate --outlets` takes.

    Raises
    ------
    CaseError
        ``cannot_write``, ``bad_pair``.
    """
    blocks = []
    for one in outlets:
        if one.name.split() != [one.name]:
            raise CaseError(
                "bad_pair", f"Outlet {one.name!r} has a blank in its name, which rcrt.dat cannot hold: rename it."
            )
        numbers = "\n".join(f"{value:.8g}" for value in (one.r_proximal, one.c, one.r_distal))
        blocks.append(f"2\n{one.name}\n{numbers}\n0.0 {one.p_distal:.8g}\n1.0 {one.p_distal:.8g}\n")
    try:
        path.write_text("2\n" + "".join(blocks), encoding="utf-8")
    except OSError as error:
        raise CaseError("cannot_write", f"The outlets cannot be written to {path} ({error.strerror}).") from error
