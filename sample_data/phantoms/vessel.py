"""One tube of circular sections around a curve, as an implicit function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.curves import Curve, Vector
from sample_data.phantoms.radii import RadiusProfile

ENDLESS_MM = 1e4
"""Longer than any image."""
STEEPEST = 1.5
"""Bound of the gradient's length at the wall; it exceeds 1 where a vessel tapers."""


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
    In the image, not in the truth, the lumen goes on straight beyond an open end by ``inlet_image_mm`` or
    ``outlet_image_mm``, as a vessel does that leaves the region of interest.
    """

    name: str
    curve: Curve
    radius: RadiusProfile
    parent: str | None = None
    departs_at_mm: float = 0.0
    inlet: str | None = None
    outlet: str | None = None
    inlet_image_mm: float = ENDLESS_MM
    outlet_image_mm: float = ENDLESS_MM

    def __post_init__(self) -> None:
        s = np.linspace(0.0, self.curve.length_mm, 400)
        radii = self.radius(s)
        if radii.min() <= 0.0:
            raise ValueError(f"{self.name}: the radius falls to {radii.min():.3g} mm")
        bend = radii * self.curve.curvature_per_mm(s)
        if bend.max() >= 0.95:
            n = int(bend.argmax())
            raise ValueError(f"{self.name}: a bend of {radii[n] / bend[n]:.3g} mm is too tight for {radii[n]:.3g} mm")
        taper = np.abs(np.gradient(radii, s)) / (1.0 - bend)
        if np.hypot(1.0, taper.max()) > STEEPEST:
            raise ValueError(f"{self.name}: the radius changes by {taper.max():.2g} mm per mm, too fast for its bends")

    @cached_property
    def max_radius_mm(self) -> float:
        """Largest radius along the vessel."""
        return float(self.radius(np.linspace(0.0, self.curve.length_mm, 400)).max())

    @cached_property
    def min_radius_mm(self) -> float:
        """Smallest radius along the vessel."""
        return float(self.radius(np.linspace(0.0, self.curve.length_mm, 400)).min())

    @cached_property
    def box_mm(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner of a box that holds the vessel between its ends."""
        points = self.curve.position(np.linspace(0.0, self.curve.length_mm, 400))
        return points.min(axis=0) - self.max_radius_mm - 0.1, points.max(axis=0) + self.max_radius_mm + 0.1

    def diameter_mm(self, s_mm: Any) -> FloatArray:
        """Exact diameter of the section normal to the centerline at arc lengths ``(...)``, away from junctions."""
        return np.asarray(2.0 * self.radius(s_mm))

    def implicit(
        self, points: FloatArray, inlet_overhang_mm: float = 0.0, outlet_overhang_mm: float = 0.0
    ) -> FloatArray:
        """Values ``(n,)`` in mm at ``points`` (n, 3); the overhangs add straight pieces beyond the open ends."""
        s, foot = self.curve.project(points)
        length = self.curve.length_mm
        offset = points - foot
        before = np.where(s <= 0.0, -offset @ self.curve.tangent(0.0), -s)
        after = np.where(s >= length, offset @ self.curve.tangent(length), s - length)
        axial_squared = np.zeros(len(points))
        beyond = np.full(len(points), -np.inf)
        for name, overrun, overhang in (
            (self.inlet, before, inlet_overhang_mm),
            (self.outlet, after, outlet_overhang_mm),
        ):
            if name:
                axial_squared = np.where(overrun > 0.0, overrun**2, axial_squared)
                beyond = np.maximum(beyond, overrun - overhang)
        offset_squared = np.einsum("ij,ij->i", offset, offset)
        lateral = np.sqrt(np.maximum(offset_squared - axial_squared, 0.0)) - self.radius(s)
        corner = (lateral > 0.0) & (beyond > 0.0)
        return np.asarray(np.where(corner, np.hypot(lateral, beyond), np.maximum(lateral, beyond)))

    def lower_bound(self, points: FloatArray, inlet_overhang_mm: float, outlet_overhang_mm: float) -> FloatArray:
        """A cheap bound ``(n,)`` from below of ``implicit``: the distance to the vessel's box, or minus its radius."""
        low, high = self.box_mm
        for name, s, reach in (
            (self.inlet, 0.0, -inlet_overhang_mm),
            (self.outlet, self.curve.length_mm, outlet_overhang_mm),
        ):
            if name and reach:
                far = self.curve.position(s) + reach * self.curve.tangent(s)
                low = np.minimum(low, far - self.max_radius_mm)
                high = np.maximum(high, far + self.max_radius_mm)
        outside = np.maximum(np.maximum(low - points, points - high), 0.0)
        distance = np.sqrt(np.einsum("ij,ij->i", outside, outside))
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
