"""The tree of a patient's vessels as radius profiles between junctions: what 0D and 1D models are made from. SI."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.network.stenosis import Lesion, OwnLaw, narrowed
from solvers.network.tree import NO_VESSEL, Segment
from solvers.network.zero_d.network import in_order, refuse

FloatArray = NDArray[np.float64]

PLAUSIBLE_RADIUS = (5e-5, 0.06)
"""From the smallest artery on an angiogram to the largest aneurysm [m]; what lies outside is in another unit."""
LESION_FROM = 0.2
"""Part of the diameter that a narrowing must take to count as a lesion. An assumption."""
LESION_EDGE = 0.05
"""Part of the diameter by which a lesion begins and ends. An assumption."""


@dataclass(frozen=True, eq=False)
class VesselShape:
    """A vessel between two junctions.

    Attributes
    ----------
    name, parent
        Its own name; the vessel from whose end it begins, None at the inlet.
    branch, start
        The anatomical branch that it is a part of, and where on it it begins [m].
    arc_length, radius : (n,)
        Along its centerline, from 0 on [m].
    own_laws
        How pressure falls along stretches of it where 3D runs of the patient have shown it.
    entry_loss
        On the way into it from its parent, in its own dynamic pressures there.
    bends
        What its bends add to the friction of a straight tube.
    """

    name: str
    parent: str | None
    branch: str
    start: float
    arc_length: FloatArray
    radius: FloatArray
    own_laws: tuple[OwnLaw, ...] = ()
    entry_loss: float = 0.0
    bends: Segment = NO_VESSEL

    @property
    def length(self) -> float:
        """[m]."""
        return float(self.arc_length[-1])

    def scaled(self, factor: float) -> VesselShape:
        """The vessel with its radius multiplied."""
        own = tuple(law.scaled(factor) for law in self.own_laws)
        less = factor**-4
        bends = Segment(less * self.bends.resistance, 0.0, less * self.bends.loss)
        return replace(self, radius=self.radius * factor, own_laws=own, bends=bends)


@dataclass(frozen=True, eq=False)
class VesselTree:
    """A checked tree, each vessel after its parent."""

    vessels: tuple[VesselShape, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the vessels."""
        return tuple(vessel.name for vessel in self.vessels)

    @property
    def ends(self) -> tuple[str, ...]:
        """Names of the vessels that go on into no other."""
        parents = {vessel.parent for vessel in self.vessels}
        return tuple(name for name in self.names if name not in parents)

    def vessel(self, name: str) -> VesselShape:
        """The vessel of that name; RunError ``no_vessel``."""
        for vessel in self.vessels:
            if vessel.name == name:
                return vessel
        refuse(f"There is no vessel {name!r}; there are: {', '.join(self.names)}.", "no_vessel")

    def at(self, branch: str, fraction: float) -> tuple[VesselShape, float]:
        """The vessel at a fraction of a branch's length and the arc length in it [m]; RunError ``no_vessel``."""
        parts = [vessel for vessel in self.vessels if vessel.branch == branch or vessel.name == branch]
        if not parts:
            names = dict.fromkeys(vessel.branch for vessel in self.vessels)
            refuse(f"There is no vessel {branch!r}; there are: {', '.join(names)}.", "no_vessel")
        whole = sum(part.length for part in parts)
        place = fraction * whole
        for part in parts:
            if place <= part.length or part is parts[-1]:
                return part, min(place, part.length)
            place -= part.length
        raise AssertionError

    def with_vessel(self, vessel: VesselShape) -> VesselTree:
        """The tree with another shape of one vessel."""
        return VesselTree(tuple(vessel if other.name == vessel.name else other for other in self.vessels))


def vessel_tree(vessels: Sequence[VesselShape]) -> VesselTree:
    """A checked tree of vessels.

    Raises
    ------
    RunError
        ``bad_tree``: a loop, a name used twice, a vessel of no length, a radius that is none or in another unit.
    """
    ordered = in_order({vessel.name: vessel.parent for vessel in vessels}, [vessel.name for vessel in vessels])
    for vessel in vessels:
        s, r = vessel.arc_length, vessel.radius
        if len(s) < 2 or len(s) != len(r) or not (np.isfinite(s).all() and np.isfinite(r).all()):
            refuse(f"Vessel {vessel.name!r} needs at least two finite points with a radius each: trace it again.")
        if not vessel.length > 0.0 or (np.diff(s) < 0.0).any():
            refuse(f"Vessel {vessel.name!r} has no length: join it with its neighbor or trace it again.")
        low, high = PLAUSIBLE_RADIUS
        if r.min() <= 0.0:
            refuse(f"The radius of vessel {vessel.name!r} falls to {r.min():g} m, so that it is closed there.")
        if np.median(r) > high or np.median(r) < low:
            refuse(
                f"The radius of vessel {vessel.name!r} is {np.median(r):.3g} m, which no artery has (it lies from "
                f"{low:g} to {high:g} m): it seems to be in another unit; convert it to meters."
            )
    by_name = {vessel.name: vessel for vessel in vessels}
    return VesselTree(tuple(by_name[name] for name in ordered))


def with_stenosis(
    tree: VesselTree, branch: str, reduction: float, fraction: float, length: float | None = None
) -> VesselTree:
    """The tree with a cosine-shaped narrowing. The vessel's own law of a stretch that it touches is left out.

    Parameters
    ----------
    reduction
        Of the diameter there, from 0 to 0.95.
    fraction
        Where its throat lies along the branch, from 0 to 1.
    length
        [m]; four radii if not given.

    Raises
    ------
    RunError
        ``no_vessel``, ``bad_stenosis``.
    """
    if not 0.0 <= reduction <= 0.95:
        refuse(f"A stenosis of {100 * reduction:g} % of the diameter cannot be solved: give 0 to 95 %.", "bad_stenosis")
    if not 0.0 <= fraction <= 1.0:
        refuse(
            f"A stenosis must lie from 0 to 1 along its vessel, as a part of its length, not at {fraction:g}.",
            "bad_stenosis",
        )
    part, place = tree.at(branch, fraction)
    radius = float(np.interp(place, part.arc_length, part.radius))
    long = min(4.0 * radius if length is None else length, part.length)
    if not long > 0.0:
        refuse("The length of a stenosis must be above zero.", "bad_stenosis")
    center = min(max(place, 0.5 * long), part.length - 0.5 * long)
    s = np.union1d(part.arc_length, np.linspace(center - 0.5 * long, center + 0.5 * long, 41))
    s = s[(s >= 0.0) & (s <= part.length)]
    r = np.interp(s, part.arc_length, part.radius) * narrowed(s, center, long, reduction)
    low, high = center - 0.5 * long, center + 0.5 * long
    kept = tuple(law for law in part.own_laws if law.end <= low or high <= law.start)
    return tree.with_vessel(replace(part, arc_length=s, radius=r, own_laws=kept if reduction else part.own_laws))


def with_radius(tree: VesselTree, branch: str, factor: float) -> VesselTree:
    """The tree with a branch whose radius is multiplied; RunError ``no_vessel``, ``bad_radius``."""
    if not 0.1 <= factor <= 10.0:
        refuse(f"The radius can be made 0.1 to 10 times what it is, not {factor:g} times.", "bad_radius")
    tree.at(branch, 0.0)
    return VesselTree(
        tuple(vessel.scaled(factor) if branch in (vessel.branch, vessel.name) else vessel for vessel in tree.vessels)
    )


def lesions_of(vessel: VesselShape) -> tuple[tuple[float, Lesion], ...]:
    """The narrowings of a vessel: where each begins [m], and what it is; stretches with a law of their own among them.

    The healthy radius at a place is the smaller one of the largest upstream and the largest downstream. A lesion is a
    stretch that lies at least 5 % below it and somewhere 20 %.
    """
    s, r = vessel.arc_length, vessel.radius
    healthy = np.minimum(np.maximum.accumulate(r), np.maximum.accumulate(r[::-1])[::-1])
    below = r < (1.0 - LESION_EDGE) * healthy
    edges = np.flatnonzero(np.diff(np.concatenate([[False], below, [False]]).astype(int)))
    found = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        first, last = max(first - 1, 0), min(stop, len(r) - 1)
        throat = first + int((r[first : last + 1] / healthy[first : last + 1]).argmin())
        if r[throat] <= (1.0 - LESION_FROM) * healthy[throat] and not math.isclose(s[last], s[first]):
            profile = s[first : last + 1] - s[first], r[first : last + 1]
            lesion = Lesion(float(healthy[throat]), float(r[throat]), float(profile[0][-1]), profile)
            if all(law.end <= s[first] or s[last] <= law.start for law in vessel.own_laws):
                found.append((float(s[first]), lesion))
    found += [(law.start, _with_own_law(vessel, law)) for law in vessel.own_laws]
    return tuple(sorted(found, key=lambda one: one[0]))


def _with_own_law(vessel: VesselShape, law: OwnLaw) -> Lesion:
    inside = vessel.arc_length[(vessel.arc_length > law.start) & (vessel.arc_length < law.end)]
    s = np.concatenate([[law.start], inside, [law.end]])
    r = np.interp(s, vessel.arc_length, vessel.radius)
    return Lesion(float(r.max()), float(r.min()), float(s[-1] - s[0]), (s - s[0], r), law)
