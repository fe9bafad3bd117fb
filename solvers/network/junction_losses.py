"""What a junction costs, from the angles and the split of the flow: the method of Mynard and Valen-Sendstad.

Mynard & Valen-Sendstad 2015, Int. J. Numer. Meth. Biomed. Eng. 31:e02717 (Unified0D; as in the code that its authors
gave with it, which corrects the paper's text in two places). For blood that one vessel brings and several take away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.network.loss_estimates import Estimate
from solvers.network.vessel_tree import VesselShape, VesselTree

FloatArray = NDArray[np.float64]

REACH_RADII = 2.0
"""A vessel's direction at a junction is that of its centerline over so many of its radii. An assumption."""
NO_FLOW = 0.02
"""Share of the flow that hardly turns: below it the coefficient falls to nothing (in the authors' code)."""


def unified_0d(shares: FloatArray, areas: FloatArray, angles: FloatArray, area: float) -> FloatArray:
    """Coefficients C (m,) of the vessels that take the flow: the static pressure falls by C rho U^2, U their own speed.

    Parameters
    ----------
    shares, areas : (m,)
        Part of the flow that each takes, above 0 and summing to 1; its area [m2].
    angles : (m,)
        Between its direction and that of the vessel that brings the flow [rad]: 0 straight on, its sign the side.
    area
        Of the vessel that brings the flow [m2].
    """
    middle = float(np.mean(angles))
    if abs(middle) > 0.5 * np.pi:
        middle += np.pi  # where most turns back, as in the authors' code
    supplier = float(_wrapped(np.array(np.pi - middle)))
    turned = np.sign(supplier) * _wrapped(angles - middle)
    supplier = abs(supplier)
    transfer = (0.8 * (np.pi - supplier) * np.sign(turned) - 0.2) * (1.0 - shares)
    ratio = area / (1.0 - transfer) / areas
    phi = np.mod(supplier - turned, 2.0 * np.pi)
    turning = 1.0 - np.cos(0.75 * (np.pi - phi)) / (ratio * shares)
    return np.asarray((1.0 - np.exp(-shares / NO_FLOW)) * turning)


@dataclass(frozen=True, eq=False)
class _Parting:
    """Where a vessel parts into ``daughters`` (m): part of the flow and angle of each, its area once it has left the
    parent (before, its section is the parent's), the parent's ``area``, and the method's coefficients."""

    daughters: list[VesselShape]
    shares: FloatArray
    angles: FloatArray
    areas: FloatArray
    area: float
    factors: FloatArray


def _parting(
    tree: VesselTree, parent: VesselShape, points: Mapping[str, FloatArray], flows: Mapping[str, float]
) -> _Parting | None:
    """None where nothing parts or blood comes back."""
    daughters = [vessel for vessel in tree.vessels if vessel.parent == parent.name]
    taken = np.array([flows[vessel.name] for vessel in daughters])
    if len(daughters) < 2 or not taken.min() > 0.0:
        return None
    clear = float(parent.radius[-1])
    radius = [np.interp(min(clear, 0.5 * vessel.length), vessel.arc_length, vessel.radius) for vessel in daughters]
    shares, areas, area = taken / taken.sum(), np.pi * np.array(radius) ** 2, np.pi * clear**2
    angles = _angles(parent, daughters, points)
    return _Parting(daughters, shares, angles, areas, area, unified_0d(shares, areas, angles, area))


def entry_losses(
    tree: VesselTree, points: Mapping[str, FloatArray], flows: Mapping[str, float], is_total: bool
) -> dict[str, float]:
    """Of every vessel that begins at a junction: what its entry costs, in dynamic pressures of its own at its begin.

    Parameters
    ----------
    points : (n, 3) each
        Of the vessels' centerlines [m].
    flows
        Mean flow of each vessel [m3/s], from which the shares are; where blood comes back there is no loss.
    is_total
        Whether it is a loss of total pressure, in which what the method takes for pressure that becomes speed is left
        out, or of static pressure; what becomes speed behind the vessel's begin is left out in both. Where the method
        finds a gain the loss is 0, for a gain feeds itself in a model.
    """
    found: dict[str, float] = {}
    for parent in tree.vessels:
        at = _parting(tree, parent, points, flows)
        if at is None:
            continue
        begin = np.pi * np.array([vessel.radius[0] for vessel in at.daughters]) ** 2
        before = (begin / (at.shares * at.area)) ** 2 if is_total else 1.0
        costs = (2.0 * at.factors - 1.0) * (begin / at.areas) ** 2 + before
        found |= {vessel.name: max(float(cost), 0.0) for vessel, cost in zip(at.daughters, costs, strict=True)}
    return found


def junction_estimate(
    tree: VesselTree, points: Mapping[str, FloatArray], flows: Mapping[str, FloatArray], name: str, fluid: Fluid
) -> Estimate | None:
    """Total pressure [Pa] lost on the way into a vessel, gains included, less what its own ``entry_loss`` takes; None
    where nothing parts, blood comes back, or the centerlines are not known.

    Parameters
    ----------
    flows : (k,) each
        Of the vessels [m3/s]; losses are averaged over them, shares are those of their means.
    """
    own = tree.vessel(name)
    if own.parent is None or any(each not in points for each in (own.parent, *tree.names)):
        return None
    means = {each: float(np.mean(flow)) for each, flow in flows.items()}
    at = _parting(tree, tree.vessel(own.parent), points, means)
    if at is None:
        return None
    i = [vessel.name for vessel in at.daughters].index(name)
    inside, brought = flows[name], flows[name] / at.shares[i]
    half = 0.5 * fluid.density
    through = half * float(np.mean(np.abs(inside) * inside))
    more = (2.0 * at.factors[i] - 1.0) * through / at.areas[i] ** 2
    more += half * float(np.mean(np.abs(brought) * brought)) / at.area**2
    more -= own.entry_loss * through / (np.pi * own.radius[0] ** 2) ** 2
    words = (
        f"{100.0 * at.shares[i]:.0f} % of the flow turns by {np.degrees(abs(at.angles[i])):.0f} degrees into "
        f"{100.0 * at.areas[i] / at.area:.0f} % of the area"
    )
    return Estimate("junction", more, words)


def _angles(parent: VesselShape, daughters: list[VesselShape], points: Mapping[str, FloatArray]) -> FloatArray:
    """(m,) with a sign: on which side of the parent a daughter leaves, as seen along the one that leaves most."""
    reach = REACH_RADII * float(parent.radius[-1])
    along = _direction(parent, points[parent.name], parent.length - reach, parent.length)
    clear = float(parent.radius[-1])  # a daughter's centerline begins inside the parent
    ways = [_leaving(vessel, points[vessel.name], clear) for vessel in daughters]
    aside = np.array([way - (way @ along) * along for way in ways])
    widest = aside[int(np.linalg.norm(aside, axis=1).argmax())]
    sign = np.where(aside @ widest >= 0.0, 1.0, -1.0)
    return np.asarray(sign * np.arccos(np.clip([way @ along for way in ways], -1.0, 1.0)))


def _leaving(vessel: VesselShape, points: FloatArray, clear: float) -> FloatArray:
    first = min(clear, 0.5 * vessel.length)
    return _direction(vessel, points, first, first + REACH_RADII * float(vessel.radius[0]))


def _direction(vessel: VesselShape, points: FloatArray, first: float, last: float) -> FloatArray:
    """(3,) of length 1 between two places along a vessel [m]."""
    ends = [np.array([np.interp(at, vessel.arc_length, points[:, axis]) for axis in range(3)]) for at in (first, last)]
    way = ends[1] - ends[0]
    return np.asarray(way / max(float(np.linalg.norm(way)), 1e-300))


def _wrapped(angles: FloatArray) -> FloatArray:
    """From -pi to pi."""
    return np.asarray(np.mod(angles + np.pi, 2.0 * np.pi) - np.pi)
