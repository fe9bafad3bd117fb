"""From the tree of a patient's vessels to a one-dimensional network, with the same choices as the lumped one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Inlet, Outlet, PressureInlet, SplitOutlet
from solvers.network.one_d.network import Junctions, Network1D, Reflection, Stenosis, Terminal, Vessel1D
from solvers.network.stenosis import DEFAULT_LAW, Lesion
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, VesselTree, lesions_of

FloatArray = NDArray[np.float64]

SHORTEST = 1e-3
"""Length [m] of open vessel that is kept before and behind a lesion at a vessel's end."""


def network_of_tree(
    tree: VesselTree,
    inlet: Inlet | PressureInlet,
    outlets: Mapping[str, Outlet | Reflection],
    fluid: Fluid,
    period: float,
    stiffness: Stiffness,
    reference_pressure: float = 0.0,
    profile: float = 2.0,
    law: str = DEFAULT_LAW,
    junctions: Junctions = "total",
    junction_loss: float = 0.0,
) -> Network1D:
    """The network of a tree; each lesion is taken out of its vessel, and a stenosis law stands in its place.

    Parameters
    ----------
    outlets
        What closes each vessel that ends, by the vessel's name.
    period
        Of inlet and outlets [s].
    reference_pressure
        [Pa] at which the vessels have the tree's radii: about the mean pressure for a CT that was not triggered.
    junction_loss
        On the way into each daughter, in its dynamic pressures, besides its own.
    profile
        Exponent of the velocity profile; see :class:`~solvers.network.one_d.network.Vessel1D`.

    Raises
    ------
    RunError
        ``bad_network``: rigid walls, several vessels at the inlet, an outlet with no vessel, a vessel with no outlet,
        an outlet of a given share.
    """
    if stiffness.kind == "rigid":
        _refuse("A one-dimensional network needs walls that give way: choose a wave speed or Olufsen's law.")
    roots = [vessel.name for vessel in tree.vessels if vessel.parent is None]
    if len(roots) != 1:
        _refuse(f"The inlet feeds {len(roots)} vessels ({', '.join(roots)}): let the tree begin with one trunk.")
    for name in outlets:
        if name not in tree.ends:
            why = "has no free end" if name in tree.names else "is not in the tree"
            _refuse(f"The outlet of vessel {name!r} has no vessel: {name!r} {why}; there are: {', '.join(tree.ends)}.")
    terminals = [Terminal(0, inlet)]
    vessels: list[Vessel1D] = []
    stenoses: list[Stenosis] = []
    end_of: dict[str, int] = {}
    n_nodes = 1
    for vessel in tree.vessels:
        node = 0 if vessel.parent is None else end_of[vessel.parent]
        pieces, lesions = cut_at_lesions(vessel)
        for number, (s, r) in enumerate(pieces):
            name = vessel.name if number == 0 else f"{vessel.name} behind lesion {number}"
            length = float(s[-1] - s[0])
            at = (s - s[0]) / length
            beta = stiffness.beta(r, fluid.density)
            part, enters = length / vessel.length, number == 0 and vessel.parent is not None
            dynamic = fluid.density / (2.0 * (np.pi * float(vessel.radius[0]) ** 2) ** 2)
            into = (junction_loss + vessel.entry_loss) * dynamic if enters else 0.0
            vessels.append(
                Vessel1D(
                    *(name, node, n_nodes, length, tuple(r.tolist()), tuple(beta.tolist()), 0.0, profile),
                    *(reference_pressure, (*at[:-1].tolist(), 1.0)),
                    *(part * vessel.bends.resistance, part * vessel.bends.loss, into),
                )
            )
            if number < len(lesions):
                stenoses.append(Stenosis(name, lesions[number], law))
            node, n_nodes = n_nodes, n_nodes + 1
        end_of[vessel.name] = node
    for name in tree.ends:
        if name not in outlets:
            _refuse(f"Vessel {name!r} ends without an outlet: give it one.")
        outlet = outlets[name]
        if isinstance(outlet, SplitOutlet):
            _refuse(
                f"The outlet of vessel {name!r} is a share of the flow: give it a pressure, resistance or Windkessel."
            )
        terminals.append(Terminal(end_of[name], outlet))
    return Network1D(
        *(tuple(vessels), tuple(terminals), period, fluid.density, fluid.viscosity, tuple(stenoses), junctions)
    )


def cut_at_lesions(vessel: VesselShape) -> tuple[list[tuple[FloatArray, FloatArray]], list[Lesion]]:
    """The open pieces of a vessel (arc length and radius each), and the lesions between them."""
    s, r = vessel.arc_length, vessel.radius
    keep = min(SHORTEST, 0.25 * vessel.length)
    pieces, lesions, begin = [], [], float(s[0])
    for start, lesion in lesions_of(vessel):
        first = max(start, begin + keep)
        last = min(start + lesion.length, float(s[-1]) - keep)
        if first >= last:
            continue
        pieces.append(_piece(s, r, begin, first))
        lesions.append(lesion)
        begin = last
    pieces.append(_piece(s, r, begin, float(s[-1])))
    return pieces, lesions


def _piece(s: FloatArray, r: FloatArray, first: float, last: float) -> tuple[FloatArray, FloatArray]:
    inside = s[(s > first) & (s < last)]
    places = np.unique(np.concatenate([[first], inside, [last]]))
    return places, np.interp(places, s, r)


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_network", what, exit_code=ExitCode.BAD_SPEC)
