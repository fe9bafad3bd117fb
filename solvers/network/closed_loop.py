"""A three-dimensional vessel as a piece of a closed circulation that svZeroDSolver solves.

The circulation is given as svZeroDSolver's input (heart, lungs, vessels); each way through the vessel, from its inlet
to one of its outlets, is a ``BloodVessel`` in it. In turn

1. the circulation is solved to its periodic state with the ways as lumped segments,
2. the vessel is solved with the flow that enters it and the pressures behind its outlets from there,
3. the segments are fitted to the flows and pressures that it has shown (:mod:`solvers.network.calibration`),

until the flow that enters no longer changes: then the circulation and the vessel agree on flows and pressures as far as
the segments can say what the vessel does. It is a quasi-Newton iteration on whole beats, with the segments as the model
of the vessel. svZeroDSolver's Python interface solves whole runs and cannot be stepped together with another solver.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.network.calibration import calibrated
from solvers.network.tree import Segment

FloatArray = NDArray[np.float64]

MAX_ROUNDS = 12
FINE_STEPS = 400
"""Time steps that svZeroDSolver takes in a beat at least: with 100 the cardiac output of the check's heart is 10 % too
large, with 200 2 %, with 400 0.3 %."""


@dataclass(frozen=True)
class Units:
    """What the circulation's numbers mean: Pa and m3/s in one of its units of pressure and flow; time in s."""

    pressure: float = 133.322
    flow: float = 1e-6


@dataclass(frozen=True, eq=False)
class Beat:
    """A beat at equal time steps, beginning one step after time 0.

    Attributes
    ----------
    inlet_pressure : (n,)
        [Pa].
    flows, outlet_pressures : (n, n_outlets)
        Out of the vessel [m3/s] and at its outlets [Pa].
    """

    inlet_pressure: FloatArray
    flows: FloatArray
    outlet_pressures: FloatArray

    @property
    def inflow(self) -> FloatArray:
        """(n,) [m3/s]."""
        return np.asarray(self.flows.sum(axis=1))


class Circulation:
    """The circulation around a vessel.

    Parameters
    ----------
    description
        svZeroDSolver's input.
    ways
        Names of the ``BloodVessel`` blocks that stand for the ways to the outlets, in the order of the outlets.
    n_steps
        Time steps of a beat.
    n_beats
        Beats until it is periodic.

    Raises
    ------
    RunError
        ``bad_circulation``: it lacks a way or a period.
    """

    def __init__(
        self, description: Mapping[str, Any], ways: tuple[str, ...], units: Units, n_steps: int, n_beats: int = 40
    ) -> None:
        self._units, self._ways, self.n_steps = units, ways, n_steps
        self._finer = -(-FINE_STEPS // n_steps)
        self._description: dict[str, Any] = copy.deepcopy(dict(description))
        self._vessels = {vessel["vessel_name"]: vessel for vessel in self._description.get("vessels", [])}
        self._ports = [self._ports_of(way) for way in ways]
        blocks = self._description.get("closed_loop_blocks", [])
        if len(blocks) != 1 or "cardiac_cycle_period" not in blocks[0]:
            _refuse("has no heart with a period: give one closed_loop_blocks entry with cardiac_cycle_period")
        self.period = float(blocks[0]["cardiac_cycle_period"])
        self._description["simulation_parameters"].update(
            number_of_cardiac_cycles=n_beats,
            number_of_time_pts_per_cardiac_cycle=self._finer * n_steps + 1,
            output_all_cycles=False,
            output_variable_based=True,
        )

    def _ports_of(self, way: str) -> tuple[str, str]:
        """The names of the unknowns at both ends of a block."""
        if way not in self._vessels:
            _refuse(f"has no vessel {way!r}: name one of {', '.join(self._vessels)}")
        vessel = self._vessels[way]
        ends = vessel.get("boundary_conditions", {})
        number, before, behind = vessel["vessel_id"], ends.get("inlet"), ends.get("outlet")
        for junction in self._description.get("junctions", []):
            if number in junction["outlet_vessels"]:
                before = junction["junction_name"]
            if number in junction["inlet_vessels"]:
                behind = junction["junction_name"]
        for block in self._description.get("closed_loop_blocks", []):
            if way in block["outlet_blocks"]:
                before = "J_heart_outlet"
        if before is None or behind is None:
            _refuse(f"does not connect both ends of vessel {way!r}")
        return f"{before}:{way}", f"{way}:{behind}"

    def solve(self, segments: tuple[Segment, ...]) -> Beat:
        """Its periodic beat with the vessel's ways as these segments.

        Raises
        ------
        RunError
            ``bad_circulation``: svZeroDSolver refuses it or does not converge.
        """
        import svzerod

        p, q = self._units.pressure, self._units.flow
        for way, segment in zip(self._ways, segments, strict=True):
            self._vessels[way]["zero_d_element_values"] = {
                "R_poiseuille": segment.resistance * q / p,
                "L": segment.inertance * q / p,
                "stenosis_coefficient": segment.loss * q**2 / p,
                "C": 0.0,
            }
        try:
            solver = svzerod.Solver(self._description)
            solver.run()
        except RuntimeError as error:
            _refuse(f"cannot be solved ({error})")

        def found(quantity: str, port: str) -> FloatArray:
            values = np.asarray(solver.get_single_result(f"{quantity}:{port}"), dtype=np.float64).ravel()
            return values[self._finer :: self._finer]

        inlet = np.mean([p * found("pressure", before) for before, _ in self._ports], axis=0)
        flows = np.column_stack([q * found("flow", behind) for _, behind in self._ports])
        return Beat(inlet, flows, np.column_stack([p * found("pressure", behind) for _, behind in self._ports]))


@dataclass(frozen=True, eq=False)
class Agreement:
    """What circulation and vessel agree on.

    Attributes
    ----------
    change
        Of the inflow in the last round (relative L2 norm).
    pressure_miss
        Inlet pressure of the vessel against that of the circulation (L2 norm, relative to the drop's): what the
        segments cannot say.
    """

    circulation: Beat
    vessel: Beat
    segments: tuple[Segment, ...]
    rounds: int
    change: float
    pressure_miss: float


def agree(
    circulation: Circulation,
    solve_vessel: Callable[[FloatArray, FloatArray], Beat],
    segments: tuple[Segment, ...],
    limit: float = 1e-3,
) -> Agreement:
    """Iterate until circulation and vessel agree.

    Parameters
    ----------
    solve_vessel
        The vessel's periodic beat for an inflow (n,) [m3/s] and pressures (n, n_outlets) [Pa] behind its outlets.
    segments
        A first guess of the vessel's ways.
    limit
        Largest change of the inflow from round to round.

    Raises
    ------
    RunError
        ``no_agreement`` after ``MAX_ROUNDS`` rounds.
    """
    before = circulation.solve(segments)
    for number in range(1, MAX_ROUNDS + 1):
        vessel = solve_vessel(before.inflow, before.outlet_pressures)
        dt = circulation.period / circulation.n_steps
        segments = calibrated(vessel.flows, vessel.outlet_pressures, vessel.inlet_pressure, dt)
        after = circulation.solve(segments)
        change = _norm(after.inflow - before.inflow) / _norm(before.inflow)
        if change <= limit:
            drop = vessel.inlet_pressure - vessel.outlet_pressures.mean(axis=1)
            miss = _norm(vessel.inlet_pressure - after.inlet_pressure) / _norm(drop)
            return Agreement(after, vessel, segments, number, change, miss)
        before = after
    raise RunError(
        "no_agreement",
        f"The circulation and the vessel still change each other's flow by {100.0 * change:.2g} % after {MAX_ROUNDS} "
        "rounds: solve more beats of the vessel in a round, or allow a larger change.",
    )


def _norm(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_circulation", f"The circulation {what}.", exit_code=ExitCode.BAD_SPEC)
