"""A tree of vessels as lumped segments, plain data in SI, checked before anything is solved.

Each vessel is the circuit of svZeroDSolver's ``BloodVessel``: resistance and loss, then the compliance to ground, then
the inertance::

    P_in - P_c = (R + K |Q_in|) Q_in,   C dP_c/dt = Q_in - Q_out,   P_c - P_out = L dQ_out/dt

At a junction the pressures are equal and the flows add up. Whether "pressure" is static or total pressure is a matter
of how the coefficients were made (:mod:`solvers.network.zero_d.build`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import Outlet, SplitOutlet


@dataclass(frozen=True)
class Vessel:
    """A vessel from one junction to the next.

    Attributes
    ----------
    parent
        Name of the vessel from whose end it begins; None for the one at the inlet.
    resistance, loss, inertance, compliance
        R [Pa s/m3], K [Pa s2/m6], L [Pa s2/m3], C [m3/Pa].
    kinetic_in, kinetic_out
        What turns total into static pressure at its ends: P_static = P - kinetic |Q| Q [Pa s2/m6]; 0 where the
        network's pressure is static already.
    """

    name: str
    parent: str | None
    resistance: float
    loss: float = 0.0
    inertance: float = 0.0
    compliance: float = 0.0
    kinetic_in: float = 0.0
    kinetic_out: float = 0.0


@dataclass(frozen=True)
class Network:
    """A tree: its vessels, each after its parent, and what closes each vessel that ends, by the vessel's name.

    Attributes
    ----------
    is_total
        Whether pressures at the junctions are total ones.
    """

    vessels: tuple[Vessel, ...]
    outlets: tuple[tuple[str, Outlet], ...]
    is_total: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of the vessels, in order."""
        return tuple(vessel.name for vessel in self.vessels)

    def vessel(self, name: str) -> Vessel:
        """The vessel of that name.

        Raises
        ------
        RunError
            ``no_vessel``.
        """
        for vessel in self.vessels:
            if vessel.name == name:
                return vessel
        refuse(f"There is no vessel {name!r}; there are: {', '.join(self.names)}.", "no_vessel")

    def outlet(self, name: str) -> Outlet:
        """What closes the vessel of that name; RunError ``no_vessel`` if nothing does."""
        for vessel, outlet in self.outlets:
            if vessel == name:
                return outlet
        refuse(f"Nothing closes the vessel {name!r}: it does not end in an outlet.", "no_vessel")


def network(vessels: Sequence[Vessel], outlets: Sequence[tuple[str, Outlet]], is_total: bool = False) -> Network:
    """A checked network, its vessels sorted so that each comes after its parent.

    Raises
    ------
    RunError
        ``bad_tree``: a name used twice, a loop, no inlet or several, a negative coefficient; ``bad_outlet``: an outlet
        with no vessel, two outlets on a vessel, an end without an outlet, an outlet where the vessel goes on.
    """
    ordered = in_order({vessel.name: vessel.parent for vessel in vessels}, [vessel.name for vessel in vessels])
    by_name = {vessel.name: vessel for vessel in vessels}
    for vessel in vessels:
        for what in ("resistance", "loss", "inertance", "compliance"):
            value = getattr(vessel, what)
            if not math.isfinite(value) or value < 0.0:
                refuse(
                    f"The {what} of vessel {vessel.name!r} is {value:g}, which no vessel has: check its lengths and "
                    "radii."
                )
    _check_outlets(by_name, outlets)
    return Network(tuple(by_name[name] for name in ordered), tuple(outlets), is_total)


def in_order(parents: dict[str, str | None], names: Sequence[str]) -> tuple[str, ...]:
    """The names of a tree's vessels so that each comes after its parent.

    Raises
    ------
    RunError
        ``bad_tree``.
    """
    for name in names:
        if names.count(name) > 1:
            refuse(f"Two vessels are named {name!r}: give every vessel a name of its own.")
    roots = [name for name in names if parents[name] is None]
    if not names:
        refuse("The tree has no vessel: build the vessel model first.")
    if len(roots) > 1:
        refuse(f"Several vessels begin at no other ({', '.join(roots)}), but blood enters at one: join them.")
    for name, parent in parents.items():
        if parent is not None and parent not in parents:
            refuse(f"Vessel {name!r} begins at {parent!r}, which is no vessel: correct its parent.")
    found: list[str] = list(roots)
    for name in found:
        found += [child for child in names if parents[child] == name]
    loop = [name for name in names if name not in found]
    if loop:
        refuse(
            f"The vessels {', '.join(sorted(loop))} run in a loop, which this model cannot solve because it needs a "
            "tree: cut the loop open at one of them."
        )
    return tuple(found)


def _check_outlets(vessels: dict[str, Vessel], outlets: Sequence[tuple[str, Outlet]]) -> None:
    closed = [name for name, _ in outlets]
    goes_on = {vessel.parent for vessel in vessels.values()}
    for name, outlet in outlets:
        if name not in vessels:
            refuse(
                f"Outlet {outlet.name!r} closes {name!r}, which is no vessel of the tree: name one of "
                f"{', '.join(sorted(set(vessels) - goes_on))}.",
                "bad_outlet",
            )
        if closed.count(name) > 1:
            both = " and ".join(repr(other.name) for vessel, other in outlets if vessel == name)
            refuse(f"The outlets {both} both close vessel {name!r}: a vessel has one end.", "bad_outlet")
        if name in goes_on:
            refuse(
                f"Outlet {outlet.name!r} closes vessel {name!r}, which goes on into others: close those.", "bad_outlet"
            )
    for name in vessels:
        if name not in goes_on and name not in closed:
            refuse(f"Vessel {name!r} ends, but no outlet closes it: give it one.", "bad_outlet")
    if outlets and all(isinstance(outlet, SplitOutlet) for _, outlet in outlets):
        refuse(
            "Every outlet takes a given share of the flow, so that nothing sets the pressure: close one of them by a "
            "resistance, a Windkessel or a pressure.",
            "bad_outlet",
        )


def refuse(sentence: str, code: str = "bad_tree") -> NoReturn:
    """Raise a refusal."""
    raise RunError(code, sentence, exit_code=ExitCode.BAD_SPEC)
