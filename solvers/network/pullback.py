"""Steady flow in a tree of vessels behind a given pressure, and the pressure at every point of it.

Along a vessel total pressure falls by friction (Poiseuille); over a narrowing by the friction and the loss of its law,
the loss between throat and end. Static pressure is total pressure less the dynamic pressure of the mean speed: it dips
in a throat and recovers behind it as far as the law lets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.contract.openings import ResistanceOutlet, Waveform
from solvers.network.stenosis import Lesion, poiseuille, segment_of
from solvers.network.vessel_tree import VesselShape, VesselTree, lesions_of
from solvers.network.zero_d.build import PLAIN, RIGID, Options, build
from solvers.network.zero_d.solve import Inflow, samples_of, steady

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Beds:
    """What the ends of a tree feed: a resistance [Pa s/m3] for each vessel that ends, by name, to a pressure [Pa]."""

    resistance: Mapping[str, float]
    p_distal: float

    def scaled(self, factor: float) -> Beds:
        """With all resistances multiplied."""
        return replace(self, resistance={name: factor * value for name, value in self.resistance.items()})


@dataclass(frozen=True, eq=False)
class Pullback:
    """Pressure along one vessel.

    Attributes
    ----------
    name, branch
        Of the vessel, and of the branch that it is a part of.
    along : (n,)
        Along the branch [m].
    radius, pressure, total : (n,)
        [m]; static and total pressure [Pa].
    flow
        [m3/s].
    """

    name: str
    branch: str
    along: FloatArray
    radius: FloatArray
    pressure: FloatArray
    total: FloatArray
    flow: float


def pullbacks(
    tree: VesselTree, beds: Beds, pressure: float, fluid: Fluid, options: Options = PLAIN
) -> dict[str, Pullback]:
    """Steady flow driven by a pressure [Pa] at the inlet (total, or static as ``options`` say), of each vessel.

    Raises
    ------
    RunError
        ``bad_outlet``, ``no_steady_state``.
    """
    outlets = {
        name: ResistanceOutlet(number, name, resistance, beds.p_distal)
        for number, (name, resistance) in enumerate(beds.resistance.items())
    }
    network = build(tree, outlets, fluid, RIGID, options)
    state = steady(samples_of(network, Inflow(Waveform.constant(pressure), is_flow=False)))
    found = {}
    for k, name in enumerate(state.names):
        flow = float(state.flow[0, k])
        entering = float(state.pressure_in[0, k]) + network.vessels[k].kinetic_in * abs(flow) * flow
        found[name] = _along(tree.vessel(name), entering, flow, fluid, options)
    return found


def _along(shape: VesselShape, entering: float, flow: float, fluid: Fluid, options: Options) -> Pullback:
    """``entering``: total pressure at the vessel's start, before what is lost on the way into it."""
    s, r = shape.arc_length, shape.radius
    dynamic = 0.5 * fluid.density * flow**2 / (np.pi * r**2) ** 2
    is_total = options.junctions == "total"
    if not is_total:
        entering += float(dynamic[0])
    lost = _friction(s, r, fluid.viscosity) * flow + shape.bends.resistance * flow * s / s[-1]
    lost += shape.bends.loss * flow**2 * s / s[-1]
    if shape.parent is not None:
        lost += (options.junction_loss + shape.entry_loss) * float(dynamic[0])
    for start, lesion in lesions_of(shape):
        law = segment_of(lesion, fluid, options.law)
        along, radius = lesion.curve()
        own = poiseuille(along, radius, fluid.viscosity)
        throat = start + float(along[int(np.argmin(radius))])
        end = start + float(along[-1])
        expanding = np.clip((s - throat) / max(end - throat, 1e-12), 0.0, 1.0)
        # at a step of the radius the point before the step has nothing of what lies behind it
        friction = _friction(s, r, fluid.viscosity, (start, end)) / own
        lost += (law.resistance - own) * flow * friction + law.loss * flow**2 * expanding
    total = entering - lost
    return Pullback(shape.name, shape.branch, shape.start + s, r, total - dynamic, total, flow)


def _friction(
    s: FloatArray, r: FloatArray, viscosity: float, within: tuple[float, float] = (-np.inf, np.inf)
) -> FloatArray:
    """(n,) Poiseuille's resistance from the first point to each, counted between two places only."""
    inside = (s[:-1] >= within[0] - 1e-12) & (s[1:] <= within[1] + 1e-12)
    area = np.pi * r**2
    steps = 8.0 * np.pi * viscosity * 0.5 * (area[1:] ** -2 + area[:-1] ** -2) * np.diff(s)
    return np.concatenate([[0.0], np.cumsum(np.where(inside, steps, 0.0))])


def autoregulated(
    tree: VesselTree,
    wanted: Mapping[str, float],
    least: Beds,
    pressure: float,
    fluid: Fluid,
    options: Options = PLAIN,
) -> tuple[dict[str, Pullback], Beds]:
    """Flow at rest: each bed takes its wanted flow [m3/s] by opening as far as it can (``least``).

    The beds' resistances are found by fixed-point iteration: what lies behind the tree is far larger than the tree.
    """
    resistance = {name: (pressure - least.p_distal) / flow for name, flow in wanted.items()}
    beds = Beds(resistance, least.p_distal)
    for _ in range(50):
        found = pullbacks(tree, beds, pressure, fluid, options)
        after = {
            name: max(least.resistance[name], (float(found[name].pressure[-1]) - least.p_distal) / flow)
            for name, flow in wanted.items()
        }
        change = max(abs(after[name] / beds.resistance[name] - 1.0) for name in after)
        beds = replace(beds, resistance=after)
        if change < 1e-6:
            break
    return pullbacks(tree, beds, pressure, fluid, options), beds


@dataclass(frozen=True)
class Stent:
    """A stent: where its middle lies along a branch [m], its length and the diameter of the lumen in it [m]."""

    branch: str
    middle: float
    length: float
    diameter: float


@dataclass(frozen=True)
class Opened:
    """A stretch of a branch [m] whose lumen becomes that between the radii at its ends: a lesion that is taken away."""

    branch: str
    start: float
    end: float


BLEND = 1.0
"""Length over which the edge of a stent goes over into the vessel, in its diameters. An assumption."""


def treated(tree: VesselTree, treatments: Sequence[Stent | Opened]) -> VesselTree:
    """The tree with stents in it and lesions taken away.

    A stent never narrows: where the vessel is wider than it, the vessel stays. A law of the patient's own of a stretch
    that is touched is left out.
    """
    for treatment in treatments:
        parts = [
            _stented(part, treatment) if isinstance(treatment, Stent) else _opened(part, treatment)
            for part in tree.vessels
            if part.branch == treatment.branch
        ]
        for part in parts:
            tree = tree.with_vessel(part)
    return tree


def _stented(part: VesselShape, stent: Stent) -> VesselShape:
    low, high = (stent.middle + sign * 0.5 * stent.length - part.start for sign in (-1.0, 1.0))
    blend = BLEND * stent.diameter
    if high + blend <= 0.0 or part.length <= low - blend:
        return part
    s = _refined(part, low - blend, high + blend)
    own = np.interp(s, part.arc_length, part.radius)
    away = np.clip(np.maximum(low - s, s - high) / blend, 0.0, 1.0)
    weight = 0.5 * (1.0 + np.cos(np.pi * away))
    return _touched(part, s, own + weight * np.maximum(0.5 * stent.diameter - own, 0.0), low - blend, high + blend)


def _opened(part: VesselShape, stretch: Opened) -> VesselShape:
    low, high = stretch.start - part.start, stretch.end - part.start
    if high <= 0.0 or part.length <= low:
        return part
    s = _refined(part, low, high)
    own = np.interp(s, part.arc_length, part.radius)
    ends = [float(np.interp(place, part.arc_length, part.radius)) for place in (low, high)]
    # where the stretch goes beyond the part, the end that lies inside says how wide it is
    before, behind = (ends[0] if low >= 0.0 else ends[1]), (ends[1] if high <= part.length else ends[0])
    between = np.interp(s, [low, high], [before, behind])
    radius = np.where((s > low) & (s < high), np.maximum(own, between), own)
    return _touched(part, s, radius, low, high)


def _refined(part: VesselShape, low: float, high: float) -> FloatArray:
    s = np.union1d(part.arc_length, np.linspace(low, high, 41))
    return np.asarray(s[(s >= 0.0) & (s <= part.length)])


def _touched(part: VesselShape, s: FloatArray, r: FloatArray, low: float, high: float) -> VesselShape:
    kept = tuple(law for law in part.own_laws if law.end <= low or high <= law.start)
    return replace(part, arc_length=s, radius=r, own_laws=kept)


def moved_in(tree: VesselTree, offset: float, least: float) -> VesselTree:
    """The tree with its wall moved outward by ``offset`` [m] (inward if negative), no radius below ``least`` [m]."""

    def moved(vessel: VesselShape) -> VesselShape:
        radius = np.maximum(vessel.radius + offset, least)
        laws = []
        for law in vessel.own_laws:
            inside = (vessel.arc_length >= law.start) & (vessel.arc_length <= law.end)
            laws.append(law.scaled(float(radius[inside].min() / vessel.radius[inside].min())) if inside.any() else law)
        return replace(vessel, radius=radius, own_laws=tuple(laws))

    return VesselTree(tuple(moved(vessel) for vessel in tree.vessels))


def single_vessel(lesion: Lesion, name: str = "vessel") -> VesselTree:
    """One vessel that is nothing but a narrowing of constant throat, with a step at both ends."""
    s = np.array([0.0, 0.0, lesion.length, lesion.length])
    big, small = lesion.reference_radius, lesion.minimal_radius
    return VesselTree((VesselShape(name, None, name, 0.0, s, np.array([big, small, small, big])),))
