"""A vessel tree whose lumen is known exactly: an implicit function made of centerline curves and radius functions.

For one vessel the function is ``|x - C(s)| - R(s)`` at the nearest point C(s) of its centerline, so that every section
normal to the centerline is a circle of radius R(s). Where vessels join, the functions are united by a smooth minimum
with a declared blend radius. That function is the truth: negative inside, in mm, its zero set is the wall. Open ends
are cut flat by the plane normal to the centerline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.types import Branch, CenterlineTree, FloatArray
from sample_data.phantoms.curves import Curve, Vector
from sample_data.phantoms.radii import RadiusProfile

_GRADIENT_STEP_MM = 1e-4
_BEYOND_EVERYTHING_MM = 1e4


class Shape(Protocol):
    """A body given by an implicit function."""

    def implicit(self, points: FloatArray) -> FloatArray:
        """Values ``(n,)`` in mm at ``points`` (n, 3): negative inside, close to the distance near the surface."""


@dataclass(frozen=True)
class Sphere:
    """A ball, as a shape or as the sac of an aneurysm."""

    center_mm: Vector
    radius_mm: float

    def implicit(self, points: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(points - np.asarray(self.center_mm), axis=1) - self.radius_mm)


@dataclass(frozen=True)
class Vessel:
    """A tube of circular sections around a curve.

    ``inlet`` and ``outlet`` name an open end at the start or the end of the curve; an end without a name is rounded and
    lies within the vessel that it joins. A daughter's curve starts on its parent's curve, ``departs_at_mm`` along it.
    In the image, not in the truth, the lumen goes on straight beyond an open end by ``inlet_continues_mm`` and
    ``outlet_continues_mm``, as a vessel does that leaves the region of interest.
    """

    name: str
    curve: Curve
    radius: RadiusProfile
    parent: str | None = None
    departs_at_mm: float = 0.0
    inlet: str | None = None
    outlet: str | None = None
    inlet_continues_mm: float = _BEYOND_EVERYTHING_MM
    outlet_continues_mm: float = _BEYOND_EVERYTHING_MM

    def __post_init__(self) -> None:
        s = np.linspace(0.0, self.curve.length_mm, 400)
        radii = self.radius(s)
        if radii.min() <= 0.0:
            raise ValueError(f"{self.name}: the radius falls to {radii.min():.3g} mm")
        if radii.max() * self.curve.max_curvature_per_mm >= 0.95:
            tightest = 1.0 / self.curve.max_curvature_per_mm
            raise ValueError(f"{self.name}: a bend of radius {tightest:.3g} mm is too tight for {radii.max():.3g} mm")

    @cached_property
    def max_radius_mm(self) -> float:
        """Largest radius along the vessel."""
        return float(self.radius(np.linspace(0.0, self.curve.length_mm, 400)).max())

    @cached_property
    def box_mm(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner of a box that holds the vessel between its ends."""
        points = self.curve.position(np.linspace(0.0, self.curve.length_mm, 400))
        return points.min(axis=0) - self.max_radius_mm - 0.1, points.max(axis=0) + self.max_radius_mm + 0.1

    @cached_property
    def _continued_box_mm(self) -> tuple[FloatArray, FloatArray]:
        low, high = self.box_mm
        length = self.curve.length_mm
        for name, s, reach in (
            (self.inlet, 0.0, -self.inlet_continues_mm),
            (self.outlet, length, self.outlet_continues_mm),
        ):
            if name:
                far = self.curve.position(s) + reach * self.curve.tangent(s)
                low = np.minimum(low, far - self.max_radius_mm)
                high = np.maximum(high, far + self.max_radius_mm)
        return low, high

    def diameter_mm(self, s_mm: Any) -> FloatArray:
        """Exact diameter of the section normal to the centerline at arc lengths ``(...)``, away from junctions."""
        return np.asarray(2.0 * self.radius(s_mm))

    def beyond_ends(self, points: FloatArray) -> FloatArray:
        """How far points ``(n, 3)`` lie beyond the nearer open end plane, mm: negative before it."""
        s, foot = self.curve.project(points)
        before, after = self._overruns(points, s, foot)
        never = np.full(len(points), -np.inf)
        return np.asarray(np.maximum(before if self.inlet else never, after if self.outlet else never))

    def _overruns(self, points: FloatArray, s: FloatArray, foot: FloatArray) -> tuple[FloatArray, FloatArray]:
        length = self.curve.length_mm
        start_tangent, end_tangent = self.curve.tangent(0.0), self.curve.tangent(length)
        before = np.where(s <= 0.0, -(points - foot) @ start_tangent, -s)
        after = np.where(s >= length, (points - foot) @ end_tangent, s - length)
        return before, after

    def implicit(self, points: FloatArray, continued: bool = False) -> FloatArray:
        """Values ``(n,)`` in mm at ``points`` (n, 3); ``continued`` adds the straight pieces beyond the open ends."""
        s, foot = self.curve.project(points)
        before, after = self._overruns(points, s, foot)
        offset_squared = np.einsum("ij,ij->i", points - foot, points - foot)
        axial_squared = np.zeros(len(points))
        beyond = np.full(len(points), -np.inf)
        for name, overrun, reach in (
            (self.inlet, before, self.inlet_continues_mm),
            (self.outlet, after, self.outlet_continues_mm),
        ):
            if name:
                axial_squared = np.where(overrun > 0.0, overrun**2, axial_squared)
                beyond = np.maximum(beyond, overrun - (reach if continued else 0.0))
        lateral = np.sqrt(np.maximum(offset_squared - axial_squared, 0.0)) - self.radius(s)
        corner = (lateral > 0.0) & (beyond > 0.0)
        return np.asarray(np.where(corner, np.hypot(lateral, beyond), np.maximum(lateral, beyond)))

    def lower_bound(self, points: FloatArray, continued: bool) -> FloatArray:
        """A cheap bound ``(n,)`` from below of ``implicit``: the distance to the vessel's box, or minus its radius."""
        low, high = self._continued_box_mm if continued else self.box_mm
        outside = np.maximum(np.maximum(low - points, points - high), 0.0)
        distance = np.linalg.norm(outside, axis=1)
        return np.asarray(np.where(distance > 0.0, distance, -self.max_radius_mm))

    @cached_property
    def volume_mm3(self) -> float:
        """Volume of the tube between its end planes: the integral of pi R(s)^2 (Pappus; exact also along a bend)."""
        nodes, weights = np.polynomial.legendre.leggauss(8)
        edges = np.linspace(0.0, self.curve.length_mm, 401)
        half = 0.5 * np.diff(edges)
        s = edges[:-1, None] + half[:, None] * (nodes + 1.0)
        step = 1e-4
        inner = np.clip(s, step, self.curve.length_mm - step)
        ahead, behind = self.curve.position(inner + step), self.curve.position(inner - step)
        speed = np.linalg.norm(ahead - behind, axis=-1) / (2.0 * step)
        return float(np.pi * np.sum(half[:, None] * weights * self.radius(s) ** 2 * speed))


@dataclass(frozen=True)
class End:
    """A flat open end of the lumen; ``normal`` points out of the lumen."""

    name: str
    kind: Literal["inlet", "outlet"]
    center_mm: Vector
    normal: Vector
    radius_mm: float


@dataclass(frozen=True)
class Tissue:
    """A neighbor in the image.

    Its HU is ``hu`` without contrast medium, plus ``enhancement`` times what the medium adds in the lumen. The wall of
    the vessel is painted over it, so that a neighbor that reaches into the vessel touches the lumen with just the wall
    between; ``opens_wall`` paints it over the wall, for a chamber or vessel that the lumen opens into.
    """

    name: str
    shape: Shape
    hu: float
    enhancement: float = 0.0
    opens_wall: bool = False


@dataclass(frozen=True)
class Plaque:
    """A calcified ball in the wall; it displaces wall, never lumen."""

    center_mm: Vector
    radius_mm: float
    hu: float = 1000.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """A vessel tree with exact geometry and what surrounds it in the image.

    Attributes
    ----------
    vessels
        The root first, parents before daughters. ``label_names`` numbers them from 1 in this order.
    sacs
        Aneurysm sacs, united with the vessels; they belong to the root's label.
    blend_mm
        Radius of the smooth minimum where parts join; it changes the lumen only where two parts' functions differ by
        less than it.
    seeds
        Points in the lumen by role, mm LPS.
    tissues
        Neighbors, painted in this order before the lumen.
    background_hu
        HU of what nothing else covers.
    wall_mm
        Thickness of the vessel wall in the image.
    margin_mm
        How far an image reaches beyond the lumen when nothing else is asked for.
    """

    kind: str
    vessels: tuple[Vessel, ...]
    seeds: Mapping[str, Vector]
    sacs: tuple[Sphere, ...] = ()
    blend_mm: float = 0.0
    tissues: tuple[Tissue, ...] = ()
    plaques: tuple[Plaque, ...] = ()
    background_hu: float = -90.0
    wall_mm: float = 1.0
    margin_mm: float = 10.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def vessel(self, name: str) -> Vessel:
        """The vessel of that name; KeyError if there is none."""
        for vessel in self.vessels:
            if vessel.name == name:
                return vessel
        raise KeyError(name)

    @property
    def label_names(self) -> dict[int, str]:
        """Label value to vessel name."""
        return {value: vessel.name for value, vessel in enumerate(self.vessels, start=1)}

    def implicit(self, points: FloatArray, continued: bool = False) -> FloatArray:
        """The lumen's function ``(n,)`` in mm at ``points`` (n, 3).

        Parameters
        ----------
        continued : bool
            False for the truth, cut flat at the open ends; True for the lumen as the image shows it.
        """
        value = self.vessels[0].implicit(points, continued)
        for vessel in self.vessels[1:]:
            near = vessel.lower_bound(points, continued) < value + self.blend_mm
            value[near] = _smooth_minimum(value[near], vessel.implicit(points[near], continued), self.blend_mm)
        for sac in self.sacs:
            value = _smooth_minimum(value, sac.implicit(points), self.blend_mm)
        return value

    def gradient(self, points: FloatArray, continued: bool = False) -> FloatArray:
        """Gradient ``(n, 3)`` of ``implicit``, by central differences (error about 1e-8 where it is smooth)."""
        steps = _GRADIENT_STEP_MM * np.eye(3)
        return np.stack(
            [
                (self.implicit(points + step, continued) - self.implicit(points - step, continued))
                / (2.0 * _GRADIENT_STEP_MM)
                for step in steps
            ],
            axis=1,
        )

    def to_wall(self, points: FloatArray, within_planes: FloatArray | None = None) -> FloatArray:
        """Points ``(n, 3)`` moved onto the wall of the continued lumen by Newton's method along the gradient.

        Parameters
        ----------
        within_planes : (n, 3) floats, optional
            Unit normals; each point then moves only within the plane through it with that normal.
        """
        moved = np.array(points, dtype=float)
        active = np.arange(len(moved))
        for _ in range(12):
            value = self.implicit(moved[active], continued=True)
            off = np.abs(value) > 1e-9
            active, value = active[off], value[off]
            if not len(active):
                break
            gradient = self.gradient(moved[active], continued=True)
            if within_planes is not None:
                normals = within_planes[active]
                gradient = gradient - np.einsum("ij,ij->i", gradient, normals)[:, None] * normals
            moved[active] -= (value / np.einsum("ij,ij->i", gradient, gradient))[:, None] * gradient
        return moved

    def label_at(self, points: FloatArray) -> NDArray[np.uint8]:
        """Label values ``(n,)`` of points in the lumen: the first vessel that holds a point, else the nearest one."""
        values = np.stack([vessel.implicit(points) for vessel in self.vessels])
        for sac in self.sacs:
            values[0] = np.minimum(values[0], sac.implicit(points))
        inside = values < 0.0
        chosen = np.where(inside.any(axis=0), inside.argmax(axis=0), values.argmin(axis=0))
        return (chosen + 1).astype(np.uint8)

    @cached_property
    def ends(self) -> tuple[End, ...]:
        """The open ends, inlets before outlets."""
        inlets, outlets = [], []
        for vessel in self.vessels:
            length = vessel.curve.length_mm
            if vessel.inlet:
                inlets.append(_end(vessel.inlet, "inlet", vessel, 0.0, -vessel.curve.tangent(0.0)))
            if vessel.outlet:
                outlets.append(_end(vessel.outlet, "outlet", vessel, length, vessel.curve.tangent(length)))
        return tuple(inlets + outlets)

    @cached_property
    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner of a box around the lumen, mm LPS."""
        lows = [vessel.box_mm[0] for vessel in self.vessels] + [
            np.subtract(s.center_mm, s.radius_mm) for s in self.sacs
        ]
        highs = [vessel.box_mm[1] for vessel in self.vessels] + [np.add(s.center_mm, s.radius_mm) for s in self.sacs]
        return np.min(lows, axis=0), np.max(highs, axis=0)

    @property
    def exact_volume_mm3(self) -> float | None:
        """Volume of the lumen between its end planes, where a closed form exists (a single tube); else None."""
        return self.vessels[0].volume_mm3 if len(self.vessels) == 1 and not self.sacs else None

    def exact_interval_mm(self, name: str) -> tuple[float, float]:
        """Arc lengths between which the sections of a vessel are its own circles, untouched by any other part."""
        vessel = self.vessel(name)
        s = np.arange(0.0, vessel.curve.length_mm, 0.25)
        ring = self._ring(vessel, s, 24)
        value = self.implicit(ring.reshape(-1, 3), continued=True).reshape(len(s), -1)
        own = np.abs(value).max(axis=1) < 1e-6
        if not own.any():
            raise ValueError(f"no section of {name} is untouched by its neighbors")
        changes = np.flatnonzero(np.diff(np.concatenate([[False], own, [False]]).astype(int)))
        starts, stops = changes[::2], changes[1::2]
        longest = int(np.argmax(stops - starts))
        return float(s[starts[longest]]), float(s[stops[longest] - 1])

    @staticmethod
    def _ring(vessel: Vessel, s: FloatArray, n_angles: int) -> FloatArray:
        """Points ``(len(s), n_angles, 3)`` on the circles of a vessel."""
        tangent = vessel.curve.tangent(s)
        other = np.eye(3)[np.abs(tangent).argmin(axis=1)]
        u = np.cross(tangent, other)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        v = np.cross(tangent, u)
        angle = np.linspace(0.0, 2.0 * np.pi, n_angles, endpoint=False)
        ring = np.cos(angle)[:, None] * u[:, None, :] + np.sin(angle)[:, None] * v[:, None, :]
        return np.asarray(vessel.curve.position(s)[:, None, :] + vessel.radius(s)[:, None, None] * ring)

    def inscribed_radius_mm(self, points: FloatArray) -> FloatArray:
        """Distance ``(n,)`` from points in the lumen to the wall (of the continued lumen: end planes are no wall).

        From each point rays go out in 96 directions; where they meet the wall, the meeting points slide along it to the
        nearest place.
        """
        n_rays = 96
        k = np.arange(n_rays) + 0.5
        polar, azimuth = np.arccos(1.0 - 2.0 * k / n_rays), np.pi * (1.0 + 5.0**0.5) * k
        rays = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=1)
        reach = 3.0 * max([v.max_radius_mm for v in self.vessels] + [s.radius_mm for s in self.sacs])
        center = np.repeat(points, n_rays, axis=0)
        ray = np.tile(rays, (len(points), 1))
        travelled = np.zeros(len(center))
        open_ray = np.arange(len(center))
        for _ in range(60):
            value = self.implicit(center[open_ray] + travelled[open_ray, None] * ray[open_ray], continued=True)
            travelled[open_ray] += np.maximum(-0.7 * value, 0.0)
            open_ray = open_ray[(value < -0.02) & (travelled[open_ray] < reach)]
        met = travelled < reach
        owner = np.repeat(np.arange(len(points)), n_rays)[met]
        center = center[met]
        wall = self.to_wall(center + travelled[met, None] * ray[met])
        distance = np.linalg.norm(wall - center, axis=1)
        nearest = np.full(len(points), np.inf)
        np.minimum.at(nearest, owner, distance)
        promising = distance < 1.15 * nearest[owner] + 0.05
        wall, center, owner = wall[promising], center[promising], owner[promising]
        for _ in range(80):
            normal = self.gradient(wall, continued=True)
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
            offset = wall - center
            along = offset - np.einsum("ij,ij->i", offset, normal)[:, None] * normal
            wall = self.to_wall(wall - 0.5 * along)
            if np.abs(along).max() < 1e-6:
                break
        np.minimum.at(nearest, owner, np.linalg.norm(wall - center, axis=1))
        return nearest

    def centerlines(self, step_mm: float = 1.0) -> CenterlineTree:
        """The exact centerlines, sampled about every ``step_mm``, with inscribed radii.

        A daughter's first point is its parent's point where it departs. The radius of the circular section itself is
        ``Vessel.radius``; the inscribed sphere is smaller where the vessel tapers and larger in a junction.
        """
        points: list[FloatArray] = []
        branches: list[Branch] = []
        index_of: dict[tuple[str, float], int] = {}
        n_points = 0
        for vessel in self.vessels:
            length = vessel.curve.length_mm
            departures = [v.departs_at_mm for v in self.vessels if v.parent == vessel.name]
            s = np.linspace(0.0, length, max(2, round(length / step_mm) + 1))
            crowded = np.zeros(len(s), dtype=bool)
            for at in departures:
                crowded |= np.abs(s - at) < 0.4 * step_mm
            crowded[[0, -1]] = False
            s = np.unique(np.concatenate([s[~crowded], departures]))
            indices: list[int] = []
            if vessel.parent is not None:
                indices.append(index_of[vessel.parent, vessel.departs_at_mm])
                s = s[s > 0.0]
            for at in s:
                index_of[vessel.name, float(at)] = n_points
                indices.append(n_points)
                n_points += 1
            points.append(vessel.curve.position(s))
            branches.append(Branch(vessel.name, tuple(indices), vessel.parent))
        every_point = np.concatenate(points)
        return CenterlineTree(every_point, self.inscribed_radius_mm(every_point), tuple(branches))

    def jittered_seeds(self, jitter_mm: float, rng_seed: int) -> dict[str, Vector]:
        """The seeds, each moved at random by up to ``jitter_mm`` but not out of the lumen that the image shows."""
        rng = np.random.default_rng(rng_seed)
        moved: dict[str, Vector] = {}
        for role, seed in self.seeds.items():
            direction = rng.normal(size=3)
            reach = jitter_mm * rng.uniform() ** (1.0 / 3.0)
            offset = reach * direction / np.linalg.norm(direction)
            while self.implicit(np.asarray(seed)[None] + offset, continued=True)[0] > -0.5:
                offset = 0.8 * offset
            x, y, z = np.asarray(seed) + offset
            moved[role] = (float(x), float(y), float(z))
        return moved

    def without_surroundings(self) -> Phantom:
        """The same lumen in plain background: no tissues, no plaques, no wall."""
        return replace(self, tissues=(), plaques=(), wall_mm=0.0)


def _end(name: str, kind: Literal["inlet", "outlet"], vessel: Vessel, s: float, normal: FloatArray) -> End:
    x, y, z = vessel.curve.position(s)
    a, b, c = normal
    return End(name, kind, (float(x), float(y), float(z)), (float(a), float(b), float(c)), float(vessel.radius(s)))


def _smooth_minimum(a: FloatArray, b: FloatArray, blend_mm: float) -> FloatArray:
    """The minimum of a and b, rounded (C2) where they differ by less than ``blend_mm``: at most blend / 6 lower."""
    if blend_mm == 0.0:
        return np.minimum(a, b)
    closeness = np.maximum(blend_mm - np.abs(a - b), 0.0) / blend_mm
    return np.asarray(np.minimum(a, b) - closeness**3 * (blend_mm / 6.0))
