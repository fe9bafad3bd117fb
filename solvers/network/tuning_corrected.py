"""Outlets tuned on the lumped tree and corrected by what a better model (1D, 3D) of the same vessels makes of them.

The lumped tree serves as the better model's derivative (space mapping; Bandler et al. 1994, IEEE Trans. Microw. Theory
Tech. 42:2536): it is tuned anew to what it had plus what the better model still misses. Where that stalls, though the
lumped tree met its own targets, all outlets' resistance, time constant and proximal share are changed by the better
model's own answers (Broyden 1965, Math. Comput. 19:577), with the lumped tree's derivatives to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import Outlet, RcrOutlet
from solvers.network.stenosis import DEFAULT_LAW
from solvers.network.zero_d.network import Network
from solvers.network.zero_d.solve import Inflow, periodic
from solvers.network.zero_d.tuning import (
    PROXIMAL_BOUNDS,
    STEPS,
    Goal,
    TreeTarget,
    check_target,
    goals_of,
    search,
    state_of,
)

if TYPE_CHECKING:
    from solvers.contract.fluid import Fluid
    from solvers.network.one_d.network import Junctions
    from solvers.network.stiffness import Stiffness
    from solvers.network.vessel_tree import VesselTree

CORRECTIONS = 3
STEPS_BEYOND = 4
DIFFERENCES = (0.02, 0.05, 0.05)
"""Changes of the logarithms of resistance, time constant and proximal share for the lumped tree's derivatives."""
LONGEST_STEP = 0.7
"""Of such a logarithm: no more than halved or doubled at once."""
CLOSE, GAIN = 0.5, 0.8
"""Part of the bands within which a correction is no longer worth its run; part of a miss that one may leave."""
SPACING = 0.01
"""Of the 1D cells [m] while tuning: on 5 mm the pressures of random trees moved by 0.1 mmHg at most."""
SMALLEST_SHARE = 1e-3

FloatArray = NDArray[np.float64]
State = tuple[tuple[float, float, float], Mapping[str, float]]
"""Systolic, diastolic and mean pressure at the site [Pa], and each outlet's share of the flow."""


@dataclass(frozen=True, eq=False)
class CorrectedTree:
    """The outlets with which the better model comes nearest to its targets.

    Attributes
    ----------
    network
        The lumped tree with them.
    goals
        Each target with what the better model reaches.
    first
        What the better model reached with the outlets of the lumped tree alone.
    n_corrections
        How often they were corrected after that.
    """

    network: Network
    goals: tuple[Goal, ...]
    first: State
    n_corrections: int

    @property
    def misses(self) -> tuple[str, ...]:
        """A sentence for each target that is not met, and why."""
        return tuple(goal.sentence for goal in self.goals if not goal.is_met)


def tune_with(
    tree: Network,
    inflow: Inflow,
    target: TreeTarget,
    better: Callable[[Network], State],
    p_distal: float = 0.0,
    corrections: int = CORRECTIONS,
) -> CorrectedTree:
    """Windkessels with which a better model meets a target.

    Parameters
    ----------
    better
        Solves the vessels with the outlets of a lumped tree.
    corrections
        By space mapping at most; where they stall, up to ``STEPS_BEYOND`` more by the better model's own answers.

    Raises
    ------
    RunError
        ``bad_target``, and what the better model raises.
    """
    check_target(tree, inflow, target, p_distal)
    aim, first, best = target, None, None
    for number in range(corrections + 1):
        tuned = search(tree, inflow, aim, p_distal)
        seen = better(tuned.network)
        first = first or seen
        goals = goals_of(target, *seen, _why(tuned.goals))
        miss = largest_miss(goals)
        has_stalled = best is not None and miss > GAIN * best[0]
        if best is None or miss < best[0]:
            best = miss, CorrectedTree(tuned.network, goals, first, number)
        if miss <= CLOSE or has_stalled:
            break
        aim = moved(target, (tuned.reached, tuned.shares), seen)
    assert best is not None
    has_met = largest_miss(tuned.goals) <= 1.0
    return _beyond(best[1], inflow, target, better) if best[0] > 1.0 and has_met else best[1]


def _beyond(
    found: CorrectedTree, inflow: Inflow, target: TreeTarget, better: Callable[[Network], State]
) -> CorrectedTree:
    """The outlets changed by what the better model itself answers, as long as it misses a target."""
    begun, before = found.network, found.n_corrections
    rows = [0, 1] if target.mean is None else [0, 1, 2]
    wanted = np.array([target.systolic, target.diastolic, target.mean or 0.0])[rows]

    def lumped(x: FloatArray) -> FloatArray:
        network = _changed(begun, x)
        return np.array(state_of(network, periodic(network, inflow, STEPS), target.site)[0])[rows]

    at = lumped(np.zeros(3))
    answer = np.column_stack([(lumped(h * np.eye(3)[k]) - at) / h for k, h in enumerate(DIFFERENCES)])
    x, seen = np.zeros(3), np.array([goal.reached for goal in found.goals if goal.kind == "pressure"])
    for number in range(1, STEPS_BEYOND + 1):
        step = np.linalg.lstsq(answer, wanted - seen, rcond=1e-3)[0]
        step = np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        state = better(_changed(begun, x + step))
        change = np.array(state[0])[rows] - seen
        answer += np.outer(change - answer @ step, step) / max(float(step @ step), 1e-300)
        x, seen = x + step, seen + change
        goals = goals_of(target, *state, _why(found.goals))
        if largest_miss(goals) < largest_miss(found.goals):
            found = CorrectedTree(_changed(begun, x), goals, found.first, before + number)
        if largest_miss(goals) <= CLOSE:
            break
    return found


def _changed(tree: Network, x: FloatArray) -> Network:
    """The tree whose outlets' resistance, time constant and proximal share are multiplied by exp(x), x (3,)."""
    outlets: list[tuple[str, Outlet]] = []
    by_total, by_time, by_share = np.exp(x).tolist()
    for name, outlet in tree.outlets:
        assert isinstance(outlet, RcrOutlet)  # tuned before
        total = outlet.r_proximal + outlet.r_distal
        share = float(np.clip(outlet.r_proximal / total * by_share, *PROXIMAL_BOUNDS))
        distal = (1.0 - share) * total * by_total
        constant = outlet.c * outlet.r_distal * by_time
        outlets.append(
            (name, replace(outlet, r_proximal=share * total * by_total, r_distal=distal, c=constant / distal))
        )
    return replace(tree, outlets=tuple(outlets))


def corrected_once(
    tree: Network, inflow: Inflow, target: TreeTarget, seen: State, p_distal: float = 0.0
) -> CorrectedTree:
    """The outlets corrected by one solution of a better model, which had the outlets that ``tree`` has now.

    The goals hold what is expected of the better model with the new outlets: that it differs from the lumped tree as
    much as before.
    """
    check_target(tree, inflow, target, p_distal)
    had = state_of(tree, periodic(tree, inflow, STEPS), target.site)
    tuned = search(tree, inflow, moved(target, had, seen), p_distal)
    systolic, diastolic, mean = (tuned.reached[k] + seen[0][k] - had[0][k] for k in range(3))
    reached = systolic, diastolic, mean
    shares = {name: tuned.shares[name] + seen[1][name] - had[1][name] for name in target.shares}
    return CorrectedTree(tuned.network, goals_of(target, reached, shares, _why(tuned.goals)), seen, 1)


def moved(target: TreeTarget, had: State, seen: State) -> TreeTarget:
    """What the lumped tree, which ``had`` this, must aim at so that the better model, which has ``seen`` that, comes to
    the target.
    """
    systolic, diastolic, mean = had[0]
    shares = {name: max(had[1][name] + share - seen[1][name], SMALLEST_SHARE) for name, share in target.shares.items()}
    whole = sum(shares.values())
    return replace(
        target,
        systolic=systolic + target.systolic - seen[0][0],
        diastolic=diastolic + target.diastolic - seen[0][1],
        mean=None if target.mean is None else mean + target.mean - seen[0][2],
        shares={name: share / whole for name, share in shares.items()},
    )


def largest_miss(goals: tuple[Goal, ...]) -> float:
    """In bands."""
    return max(abs(goal.reached - goal.wanted) / goal.band for goal in goals)


def waves_of(
    shapes: VesselTree,
    inflow: Inflow,
    fluid: Fluid,
    stiffness: Stiffness,
    reference_pressure: float,
    site: str | None = None,
    law: str = DEFAULT_LAW,
    junctions: Junctions = "total",
    junction_loss: float = 0.0,
) -> Callable[[Network], State]:
    """The 1D model of a tree's vessels as the better model.

    Raises
    ------
    RunError
        By the model it returns: ``bad_network``, ``collapsed``, ``supercritical``.
    """
    from solvers.contract.openings import Inlet
    from solvers.network.one_d.patient import network_of_tree
    from solvers.network.one_d.solver import Scheme, solve_network

    def solved(lumped: Network) -> State:
        network = network_of_tree(
            *(shapes, Inlet(0, "inlet", inflow.curve), dict(lumped.outlets), fluid, inflow.period, stiffness),
            *(reference_pressure, 2.0, law, junctions, junction_loss),
        )
        found = solve_network(network, Scheme(SPACING, periodic_within=2e-3))
        last = {name.split(" behind lesion ")[0]: k for k, name in enumerate(found.names)}
        pressure = found.pressure[:, 0, 0] if site is None else found.pressure[:, last[site], 4]
        ends = [name for name, _ in lumped.outlets]
        flow = found.flow[:, [last[name] for name in ends], 4].mean(axis=0)
        shares = dict(zip(ends, (flow / flow.sum()).tolist(), strict=True))
        return (float(pressure.max()), float(pressure.min()), float(pressure.mean())), shares

    return solved


def _why(goals: tuple[Goal, ...]) -> dict[str, str]:
    """The lumped tree's reasons; where it has none the two models differ by more than corrections make good."""
    pulse = next((goal.why for goal in goals if goal.kind == "pressure" and goal.why), "")
    told = pulse or "the corrections did not settle"
    return {"larger": told, "smaller": told} | {
        goal.what: goal.why for goal in goals if goal.kind == "share" and goal.why
    }
