"""A vessel tree whose lumen is known exactly: an implicit function made of centerline curves and radius functions.

For one vessel the function is ``|x - C(s)| - R(s)`` at the nearest point C(s) of its centerline, so that every section
normal to the centerline is a circle of radius R(s). Where vessels join, the functions are united by a smooth minimum
with a declared blend radius. That function is the truth: negative inside, in mm, its zero set is the wall. Open ends
are cut flat by the plane normal to the centerline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray
from sample_data.phantoms.curves import Vector, as_vector
from sample_data.phantoms.vessel import ENDLESS_MM, Shape, Sphere, Vessel

_GRADIENT_STEP_MM = 1e-4


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

    def implicit(self, points: FloatArray, overhang_mm: float = 0.0) -> FloatArray:
        """The lumen's function ``(n,)`` in mm at ``points`` (n, 3).

        Parameters
        ----------
        overhang_mm : float
            0 for the truth, cut flat at the open ends; else the length of straight pieces added beyond every open end.
        """
        return self._united(points, [(overhang_mm, overhang_mm)] * len(self.vessels))

    def image_implicit(self, points: FloatArray) -> FloatArray:
        """As ``implicit``, for the lumen that the image shows, which goes on beyond the open ends."""
        return self._united(points, [(vessel.inlet_image_mm, vessel.outlet_image_mm) for vessel in self.vessels])

    def _united(self, points: FloatArray, overhangs: list[tuple[float, float]]) -> FloatArray:
        value = self.vessels[0].implicit(points, *overhangs[0])
        for vessel, overhang in zip(self.vessels[1:], overhangs[1:], strict=True):
            near = vessel.lower_bound(points, *overhang) < value + self.blend_mm
            value[near] = _smooth_minimum(value[near], vessel.implicit(points[near], *overhang), self.blend_mm)
        for sac in self.sacs:
            value = _smooth_minimum(value, sac.implicit(points), self.blend_mm)
        return value

    def wall_implicit(self, points: FloatArray) -> FloatArray:
        """As ``implicit`` without any end: its zero set is the wall, going on straight beyond the open ends."""
        return self.implicit(points, ENDLESS_MM)

    def wall_gradient(self, points: FloatArray) -> FloatArray:
        """Gradient ``(n, 3)`` of ``wall_implicit`` by central differences (error about 1e-8 where it is smooth)."""
        steps = _GRADIENT_STEP_MM * np.vstack([np.eye(3), -np.eye(3)])
        value = self.wall_implicit((points[None, :, :] + steps[:, None, :]).reshape(-1, 3)).reshape(6, -1)
        return np.asarray(((value[:3] - value[3:]) / (2.0 * _GRADIENT_STEP_MM)).T)

    def to_wall(self, points: FloatArray, within_planes: FloatArray | None = None) -> FloatArray:
        """Points ``(n, 3)`` moved onto the wall (endless, off by less than 1e-9 mm) by Newton's method.

        Parameters
        ----------
        within_planes : (n, 3) floats, optional
            Unit normals; each point then moves only within the plane through it with that normal.
        """
        moved = np.array(points, dtype=float)
        active = np.arange(len(moved))
        for _ in range(12):
            value = self.wall_implicit(moved[active])
            off = np.abs(value) > 1e-9
            active, value = active[off], value[off]
            if not len(active):
                break
            gradient = self.wall_gradient(moved[active])
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

    def jittered_seeds(self, jitter_mm: float, rng_seed: int) -> dict[str, Vector]:
        """The seeds, each moved at random by up to ``jitter_mm`` but not out of the lumen that the image shows."""
        rng = np.random.default_rng(rng_seed)
        moved: dict[str, Vector] = {}
        for role, seed in self.seeds.items():
            direction = rng.normal(size=3)
            reach = jitter_mm * rng.uniform() ** (1.0 / 3.0)
            offset = reach * direction / np.linalg.norm(direction)
            while self.image_implicit(np.asarray(seed)[None] + offset)[0] > -0.5:
                offset = 0.8 * offset
            moved[role] = as_vector(np.asarray(seed) + offset)
        return moved


def _end(name: str, kind: Literal["inlet", "outlet"], vessel: Vessel, s: float, normal: FloatArray) -> End:
    center = vessel.curve.position(s)
    return End(name, kind, as_vector(center), as_vector(normal), float(vessel.radius(s)))


def _smooth_minimum(a: FloatArray, b: FloatArray, blend_mm: float) -> FloatArray:
    """The minimum of a and b, rounded (C2) where they differ by less than ``blend_mm``: at most blend / 6 lower."""
    if blend_mm == 0.0:
        return np.minimum(a, b)
    closeness = np.maximum(blend_mm - np.abs(a - b), 0.0) / blend_mm
    return np.asarray(np.minimum(a, b) - closeness**3 * (blend_mm / 6.0))
