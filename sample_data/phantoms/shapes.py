"""Simple bodies for the surroundings of a vessel. Their functions grow by at most 1 mm a mm, as rasterizing assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.curves import Vector
from sample_data.phantoms.vessel import Shape


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid with semi-axes along x, y, z."""

    center_mm: Vector
    semi_axes_mm: Vector

    def implicit(self, points: FloatArray) -> FloatArray:
        scaled = (points - np.asarray(self.center_mm)) / np.asarray(self.semi_axes_mm)
        return np.asarray((np.linalg.norm(scaled, axis=1) - 1.0) * min(self.semi_axes_mm))


@dataclass(frozen=True)
class Column:
    """An elliptic cylinder along z, between two heights."""

    center_xy_mm: tuple[float, float]
    semi_axes_mm: tuple[float, float]
    z_range_mm: tuple[float, float] = (-1e4, 1e4)

    def implicit(self, points: FloatArray) -> FloatArray:
        scaled = (points[:, :2] - np.asarray(self.center_xy_mm)) / np.asarray(self.semi_axes_mm)
        lateral = (np.linalg.norm(scaled, axis=1) - 1.0) * min(self.semi_axes_mm)
        low, high = self.z_range_mm
        return np.asarray(np.maximum(lateral, np.maximum(low - points[:, 2], points[:, 2] - high)))


@dataclass(frozen=True)
class Stack:
    """The columns of ``cell`` repeated along z every ``period_mm``, each ``height_mm`` high: vertebral bodies."""

    cell: Column
    period_mm: float
    height_mm: float
    phase_mm: float = 0.0

    def implicit(self, points: FloatArray) -> FloatArray:
        z = np.mod(points[:, 2] - self.phase_mm, self.period_mm) - 0.5 * self.period_mm
        return np.maximum(self.cell.implicit(points), np.abs(z) - 0.5 * self.height_mm)


@dataclass(frozen=True)
class HalfSpace:
    """Everything on the side of a plane to which ``normal`` (a unit vector) points."""

    point_mm: Vector
    normal: Vector

    def implicit(self, points: FloatArray) -> FloatArray:
        return np.asarray(-((points - np.asarray(self.point_mm)) @ np.asarray(self.normal)))


@dataclass(frozen=True)
class Inset:
    """What of a body lies more than ``depth_mm`` below its surface."""

    shape: Shape
    depth_mm: float

    def implicit(self, points: FloatArray) -> FloatArray:
        return self.shape.implicit(points) + self.depth_mm


@dataclass(frozen=True)
class Without:
    """A body without another."""

    body: Shape
    removed: Shape

    def implicit(self, points: FloatArray) -> FloatArray:
        return np.maximum(self.body.implicit(points), -self.removed.implicit(points))
