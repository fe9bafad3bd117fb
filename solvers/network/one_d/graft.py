"""A patient's vessels in the place of some vessels of a published network.

The patient's inlet takes the node where the replaced vessels begin, and each place where they went on into vessels that
stay takes the end of one patient's vessel. The host's junction law holds there, as at every node. What closed the
patient's joined ends is dropped; the ends that join nothing keep it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import Inlet, PressureInlet, Waveform
from solvers.network.one_d.network import Network1D, Stenosis, Terminal, Vessel1D

LARGEST_STEP = 2.0
"""Largest ratio of two radii that are joined: more of a step is another vessel. An assumption."""
SAME_BLOOD = 0.25
"""Largest relative difference of density or viscosity; the host's are taken. An assumption."""


def grafted(
    host: Network1D, patient: Network1D, replaced: Sequence[str], joins: Mapping[str, str], prefix: str = "patient "
) -> Network1D:
    """The host with the patient's vessels in the place of some of its own.

    Parameters
    ----------
    patient
        One tree with one inlet, as `solvers.network.one_d.patient.network_of_tree` makes it.
    replaced
        Names of the host's vessels that go.
    joins
        For each vessel of the host that would be cut off: the name of the patient's vessel that goes on into it.
    prefix
        Before the names of the patient's vessels.

    Raises
    ------
    RunError
        ``bad_graft``: names that are not there, vessels that do not hang together, ends that join nothing, sizes or
        blood that do not fit.
    """
    _known("The network", [vessel.name for vessel in host.vessels], replaced)
    _known("The network", [vessel.name for vessel in host.vessels], joins)
    _known("The patient", [vessel.name for vessel in patient.vessels], joins.values())
    gone = [vessel for vessel in host.vessels if vessel.name in replaced]
    kept = [vessel for vessel in host.vessels if vessel.name not in replaced]
    if not gone:
        _refuse("Name the vessels of the network that the patient's replace.")
    if not kept:
        _refuse("All of the network's vessels would be replaced: solve the patient's alone.")
    begin = _beginning(gone)
    cut = _cut_off(host, gone, kept, begin)
    for name in joins:
        if name not in {vessel.name for vessel in cut}:
            _refuse(f"Vessel {name!r} does not begin where a replaced one ends, so that nothing can be joined to it.")
    for vessel in cut:
        if vessel.name not in joins:
            _refuse(f"Vessel {vessel.name!r} would be cut off: name the patient's vessel that goes on into it.")
    _check_blood(host, patient)
    entry = next(terminal for terminal in patient.terminals if isinstance(terminal.condition, Inlet | PressureInlet))
    shift = 1 + max(max(vessel.start, vessel.end) for vessel in host.vessels)
    node_of = {entry.node: begin}
    for vessel in cut:
        end = _end_of(patient, joins[vessel.name])
        if node_of.setdefault(end.end, vessel.start) != vessel.start:
            _refuse(f"The patient's vessel {end.name!r} cannot go on into vessels that begin at two places.")
        siblings = [other for other in cut if other.start == vessel.start]
        _check_size(end, siblings)
    root = next(vessel for vessel in patient.vessels if vessel.start == entry.node)
    before = [vessel for vessel in kept if vessel.end == begin]
    if before:
        _check_sizes(root.name, root.radius[0], before[0].name, before[0].radius[-1])

    def moved(node: int) -> int:
        return node_of.get(node, node + shift)

    own = tuple(
        replace(vessel, name=prefix + vessel.name, start=moved(vessel.start), end=moved(vessel.end))
        for vessel in patient.vessels
    )
    ends = tuple(
        Terminal(moved(terminal.node), _in_period(terminal, host, patient).condition)
        for terminal in patient.terminals
        if terminal.node not in node_of
    )
    left = {node for vessel in kept for node in (vessel.start, vessel.end)} | {begin}
    narrowings = tuple(Stenosis(prefix + one.vessel, one.lesion, one.law) for one in patient.stenoses)
    return replace(
        host,
        vessels=(*kept, *own),
        terminals=(*(terminal for terminal in host.terminals if terminal.node in left), *ends),
        stenoses=(*(one for one in host.stenoses if one.vessel not in replaced), *narrowings),
        name=f"the patient's vessels in {host.name}",
    )


def _beginning(gone: list[Vessel1D]) -> int:
    starts = {vessel.start for vessel in gone} - {vessel.end for vessel in gone}
    if len(starts) != 1:
        names = ", ".join(vessel.name for vessel in gone)
        _refuse(
            f"The vessels {names} begin at {len(starts)} places, but the patient's inlet is one: choose a "
            "connected tree."
        )
    return next(iter(starts))


def _cut_off(host: Network1D, gone: list[Vessel1D], kept: list[Vessel1D], begin: int) -> list[Vessel1D]:
    """The vessels that stay and begin where a replaced one ends; what stays must not end there."""
    inside = {vessel.end for vessel in gone}
    for vessel in kept:
        if vessel.end in inside:
            _refuse(f"Vessel {vessel.name!r} flows into the replaced ones on the way: replace it as well.")
    closed = {terminal.node for terminal in host.terminals}
    if begin not in closed and not any(vessel.end == begin for vessel in kept):
        _refuse("Nothing flows into the replaced vessels: choose others.")
    return [vessel for vessel in kept if vessel.start in inside]


def _end_of(patient: Network1D, name: str) -> Vessel1D:
    last = [one for one in patient.vessels if one.name.split(" behind lesion ")[0] == name.split(" behind lesion ")[0]][
        -1
    ]
    if any(vessel.start == last.end for vessel in patient.vessels):
        _refuse(f"The patient's vessel {name!r} goes on into others of the patient's: join one that ends.")
    return last


def _check_size(end: Vessel1D, into: list[Vessel1D]) -> None:
    """The end against the vessels that it goes on into: against one circle with all their area."""
    together = math.sqrt(sum(vessel.radius[0] ** 2 for vessel in into))
    _check_sizes(end.name, end.radius[-1], " and ".join(vessel.name for vessel in into), together)


def _check_sizes(name: str, radius: float, other: str, other_radius: float) -> None:
    if not 1.0 / LARGEST_STEP <= radius / other_radius <= LARGEST_STEP:
        _refuse(
            f"The patient's vessel {name!r} has a radius of {1e3 * radius:.3g} mm where it joins {other!r} of "
            f"{1e3 * other_radius:.3g} mm: they are not the same vessel; check names and units."
        )


def _check_blood(host: Network1D, patient: Network1D) -> None:
    for what in ("density", "viscosity"):
        mine, theirs = getattr(patient, what), getattr(host, what)
        if abs(mine / theirs - 1.0) > SAME_BLOOD:
            _refuse(
                f"The blood's {what} is {mine:g} in the patient and {theirs:g} (SI) in the network: make them alike."
            )


def _in_period(terminal: Terminal, host: Network1D, patient: Network1D) -> Terminal:
    """The terminal, if what it holds does not depend on another beat than the host's."""
    waves = [value for value in vars(terminal.condition).values() if isinstance(value, Waveform) and len(value.t) > 1]
    if waves and abs(patient.period / host.period - 1.0) > 1e-6:
        _refuse(
            f"An outlet of the patient changes over a beat of {patient.period:g} s, but the network's lasts "
            f"{host.period:g} s: give the patient the network's heart rate."
        )
    return terminal


def _known(who: str, there: Sequence[str], names: object) -> None:
    for name in names:  # type: ignore[attr-defined]  # any collection of names
        if name not in there:
            some = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
            _refuse(f"{who} has no vessel {name!r}; there are: {some}.")


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_graft", what, exit_code=ExitCode.BAD_SPEC)
