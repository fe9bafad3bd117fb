"""From the shapes of vessels to a lumped network.

Of each vessel: ``R`` is the integral of 8 mu / (pi r^4), ``L`` that of rho / (pi r^2), ``C`` that of 2 pi r^2 / beta;
over a lesion a stenosis law, or the patient's own, takes the place of the friction and adds its loss. With junctions of
equal total pressure the unknown pressure is total pressure, P + rho / 2 (Q / A)^2: tapering then needs no term of its
own, and an outlet, whose condition is static, gets the loss rho / (2 A^2) at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.contract.openings import Outlet
from solvers.network.stenosis import DEFAULT_LAW, LAWS, poiseuille, segment_of
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, VesselTree, lesions_of
from solvers.network.zero_d.network import Network, Vessel, network, refuse

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """How a network is made.

    Attributes
    ----------
    junctions
        What is equal where vessels meet: ``total`` or ``static`` pressure (svZeroDSolver's normal junction).
    junction_loss
        Loss on the way into each daughter, in dynamic pressures of the daughter, besides the daughter's own; 0 leaves
        it out.
    law
        Of narrowings, one of ``solvers.network.stenosis.LAWS``.
    """

    junctions: Literal["total", "static"] = "total"
    junction_loss: float = 0.0
    law: str = DEFAULT_LAW


PLAIN = Options()
RIGID = Stiffness("rigid")


def build(
    tree: VesselTree,
    outlets: Mapping[str, Outlet],
    fluid: Fluid,
    stiffness: Stiffness = RIGID,
    options: Options = PLAIN,
) -> Network:
    """The lumped network of a tree.

    Parameters
    ----------
    outlets
        What closes each vessel that ends, by the vessel's name.

    Raises
    ------
    RunError
        ``bad_tree``, ``bad_outlet``, ``bad_option``.
    """
    if options.law not in LAWS:
        refuse(f"There is no stenosis law {options.law!r}; there are: {', '.join(LAWS)}.", "bad_option")
    if options.junction_loss < 0.0:
        refuse("The loss at junctions must not be negative.", "bad_option")
    vessels = [segment(shape, fluid, stiffness, options, shape.name in outlets) for shape in tree.vessels]
    return network(vessels, tuple(outlets.items()), options.junctions == "total")


def segment(shape: VesselShape, fluid: Fluid, stiffness: Stiffness, options: Options, is_end: bool) -> Vessel:
    """The lumped vessel of a shape."""
    s, r = shape.arc_length, shape.radius
    resistance = poiseuille(s, r, fluid.viscosity)
    inertance = float(np.trapezoid(fluid.density / (np.pi * r**2), s))
    loss = 0.0
    for _, lesion in lesions_of(shape):
        law = segment_of(lesion, fluid, options.law)
        along, radius = lesion.curve()
        resistance += law.resistance - poiseuille(along, radius, fluid.viscosity)
        inertance += law.inertance - float(np.trapezoid(fluid.density / (np.pi * radius**2), along))
        loss += law.loss
    resistance, loss = resistance + shape.bends.resistance, loss + shape.bends.loss
    begin, end = (fluid.density / (2.0 * (np.pi * radius**2) ** 2) for radius in (r[0], r[-1]))
    if shape.parent is not None:
        loss += (options.junction_loss + shape.entry_loss) * begin
    is_total = options.junctions == "total"
    if is_total and is_end:
        loss += end
    return Vessel(
        shape.name,
        shape.parent,
        max(resistance, 0.0),
        loss,
        max(inertance, 0.0),
        stiffness.compliance(s, r, fluid.density),
        begin if is_total else 0.0,
        end if is_total and not is_end else 0.0,
    )
