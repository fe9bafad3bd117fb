"""What is wrong with a network, in a sentence, before anything is computed."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import NoReturn

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import CoronaryOutlet, Inlet, PressureInlet, PressureOutlet, Waveform
from solvers.network.one_d.network import Network1D, Reflection, Vessel1D
from solvers.network.stenosis import LAWS
from solvers.network.vessel_tree import PLAUSIBLE_RADIUS


def check_network(network: Network1D) -> None:
    """Refuse a network that cannot be solved.

    Raises
    ------
    RunError
        ``bad_network`` with a sentence that names vessel or node.
    """
    if not network.vessels:
        _refuse("The network has no vessel: give at least one.")
    for name, count in Counter(vessel.name for vessel in network.vessels).items():
        if count > 1:
            _refuse(f"There are {count} vessels named {name!r}: give each its own name.")
    for name, value in (("density", network.density), ("viscosity", network.viscosity), ("period", network.period)):
        if not (math.isfinite(value) and value >= 0.0) or (value == 0.0 and name != "viscosity"):
            _refuse(f"The {name} of the network is {value:g}: give a number above 0.")
    for vessel in network.vessels:
        _check_vessel(vessel)
    _check_terminals(network)
    _check_stenoses(network)


def _check_vessel(vessel: Vessel1D) -> None:
    who = f"Vessel {vessel.name!r}"
    numbers = (vessel.length, *vessel.radius, *vessel.beta, vessel.wall_viscosity, vessel.profile, vessel.p_external)
    if not all(math.isfinite(number) for number in numbers):
        _refuse(f"{who} has a number that is not finite: give its length, radii and stiffness.")
    if vessel.length <= 0.0:
        _refuse(f"{who} has the length {vessel.length:g} m: give a length above 0, or join its two nodes into one.")
    if vessel.start == vessel.end:
        _refuse(f"{who} starts and ends at node {vessel.start}: give it two nodes.")
    n = len(vessel.at)
    if n < 2 or len(vessel.radius) != n or len(vessel.beta) != n or (vessel.at[0], vessel.at[-1]) != (0.0, 1.0):
        _refuse(f"{who} needs a radius and a stiffness at each of its places, which go from 0 to 1.")
    if any(after <= before for before, after in pairwise(vessel.at)):
        _refuse(f"{who} has places that do not increase from 0 to 1: sort them.")
    low, high = PLAUSIBLE_RADIUS
    for place, radius in zip(vessel.at, vessel.radius, strict=True):
        where = {0.0: "at its start", 1.0: "at its end"}.get(place, f"{1e3 * place * vessel.length:.3g} mm on")
        if radius <= 0.0:
            _refuse(f"{who} has the radius {radius:g} m {where}: give a radius above 0.")
        if not low <= radius <= high:
            guess = f"if it is in {'mm' if radius > 0.5 else 'cm'}, convert it" if radius > high else "check its unit"
            _refuse(f"{who} has the radius {radius:g} m {where}, which no artery has ({low:g} to {high:g} m): {guess}.")
    if min(vessel.beta) <= 0.0:
        _refuse(f"{who} has the stiffness {min(vessel.beta):g} Pa: give one above 0.")
    if vessel.wall_viscosity < 0.0:
        _refuse(f"{who} has the wall viscosity {vessel.wall_viscosity:g} Pa s m: give 0 or more.")
    if vessel.profile < 1.0:
        _refuse(f"{who} has the profile exponent {vessel.profile:g}: give 2 (parabolic) to 9 (blunt).")


def _check_terminals(network: Network1D) -> None:
    meeting: Counter[int] = Counter()
    for vessel in network.vessels:
        meeting.update((vessel.start, vessel.end))
    given: dict[int, str] = {}
    for terminal in network.terminals:
        node, what = terminal.node, _kind(terminal.condition)
        if node not in meeting:
            _refuse(f"The {what} at node {node} has no vessel: no vessel starts or ends there.")
        if meeting[node] > 1:
            _refuse(f"The {what} at node {node} is at a junction of {meeting[node]} vessels: put it at a free end.")
        if node in given:
            _refuse(f"Node {node} has two conditions, {given[node]} and {what}: leave one.")
        given[node] = what
        condition = terminal.condition
        if isinstance(condition, Reflection) and not -1.0 <= condition.coefficient <= 1.0:
            _refuse(f"The reflection at node {node} is {condition.coefficient:g}: give one from -1 to 1.")
        waveform = _waveform(condition)
        problem = waveform.problem(network.period) if waveform else None
        if problem:
            _refuse(f"The waveform of the {what} at node {node} {problem}.")
    for node, count in sorted(meeting.items()):
        if count == 1 and node not in given:
            name = next(vessel.name for vessel in network.vessels if node in (vessel.start, vessel.end))
            _refuse(f"Nothing is attached to node {node}, the free end of vessel {name!r}: give an inlet or an outlet.")
    if not any(isinstance(terminal.condition, Inlet | PressureInlet) for terminal in network.terminals):
        _refuse("The network has no inlet: give a flow or a pressure at one of its free ends.")
    reached, border = set[int](), [network.vessels[0].start]
    neighbors: dict[int, set[int]] = {}
    for vessel in network.vessels:
        neighbors.setdefault(vessel.start, set()).add(vessel.end)
        neighbors.setdefault(vessel.end, set()).add(vessel.start)
    while border:
        node = border.pop()
        if node not in reached:
            reached.add(node)
            border += neighbors[node]
    for vessel in network.vessels:
        if vessel.start not in reached:
            first = network.vessels[0].name
            _refuse(f"Vessel {vessel.name!r} is not connected with vessel {first!r}: check the numbers of their nodes.")


def _check_stenoses(network: Network1D) -> None:
    by_name = {vessel.name: vessel for vessel in network.vessels}
    meeting: Counter[int] = Counter()
    for vessel in network.vessels:
        meeting.update((vessel.start, vessel.end))
    for stenosis in network.stenoses:
        if stenosis.vessel not in by_name:
            _refuse(f"A stenosis names vessel {stenosis.vessel!r}, which is not there: name one of the network.")
        vessel = by_name[stenosis.vessel]
        if meeting[vessel.end] < 2:
            _refuse(
                f"The stenosis of vessel {vessel.name!r} is at a free end: put it where the next vessel begins, or cut "
                "the vessel in two there."
            )
        if stenosis.law not in LAWS:
            _refuse(f"There is no stenosis law {stenosis.law!r}: take one of {', '.join(LAWS)}.")
        lesion = stenosis.lesion
        if not (0.0 < lesion.minimal_radius <= lesion.reference_radius and lesion.length >= 0.0):
            _refuse(
                f"The stenosis of vessel {vessel.name!r} has the radius {lesion.minimal_radius:g} m in an open vessel "
                f"of {lesion.reference_radius:g} m and the length {lesion.length:g} m: give a smaller radius above 0."
            )
    for name, count in Counter(stenosis.vessel for stenosis in network.stenoses).items():
        if count > 1:
            _refuse(f"Vessel {name!r} has {count} stenoses at its end: cut it and give each piece one.")


def _kind(condition: object) -> str:
    name = type(condition).__name__
    return {"RcrOutlet": "Windkessel", "PressureInlet": "pressure inlet", "PressureOutlet": "pressure outlet"}.get(
        name, name.removesuffix("Outlet").lower() + (" outlet" if name.endswith("Outlet") else "")
    )


def _waveform(condition: object) -> Waveform | None:
    if isinstance(condition, Inlet):
        return condition.flow
    if isinstance(condition, PressureInlet | PressureOutlet):
        return condition.pressure
    return condition.p_muscle if isinstance(condition, CoronaryOutlet) else None


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_network", what, exit_code=ExitCode.BAD_SPEC)
