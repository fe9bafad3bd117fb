"""Flow through a plane section of the lumen, from a velocity at places that stand for equal areas of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.workflow.units import M_PER_MM
from imaging.surface.sections import plane_axes
from imaging.types import FloatArray
from solvers.indices import regions

_ACROSS = 40


@dataclass(frozen=True, eq=False)
class PlaneSection:
    """Places (k, 3) [mm] of a plane section that stand for equal areas ``cell_m2``, and its unit normal (3,)."""

    points_mm: FloatArray
    normal: FloatArray
    cell_m2: float

    @classmethod
    def within(cls, rim_mm: FloatArray, center_mm: FloatArray, normal: FloatArray) -> PlaneSection:
        """What a closed curve (n, 3) around a center encloses."""
        from matplotlib.path import Path as Outline

        u, v = plane_axes(normal)
        rim = np.column_stack([(rim_mm - center_mm) @ u, (rim_mm - center_mm) @ v])
        grid, cell = _grid(float(np.abs(rim).max()))
        inside = grid[Outline(rim).contains_points(grid)]
        return cls(center_mm + inside[:, :1] * u + inside[:, 1:] * v, normal, cell)

    @classmethod
    def of_disk(cls, center_mm: FloatArray, normal: FloatArray, radius_mm: float) -> PlaneSection:
        """A disk, which may be larger than the lumen."""
        u, v = plane_axes(normal)
        grid, cell = _grid(radius_mm)
        inside = grid[np.hypot(*grid.T) <= radius_mm]
        return cls(center_mm + inside[:, :1] * u + inside[:, 1:] * v, normal, cell)

    def flow(self, velocity: FloatArray) -> float:
        """Flow [m3/s] along the normal of velocities (k, 3); places outside the lumen are not numbers."""
        return float(np.nansum(velocity @ self.normal) * self.cell_m2)

    def exchange(self, velocity: FloatArray) -> tuple[float, float, float]:
        """What enters [m3/s], through which share of the section, and the net flow [m3/s].

        Blood that enters a sac leaves it again, so what enters is taken as the mean of both ways.
        """
        along = velocity @ self.normal
        along = along[np.isfinite(along)]
        entering, share = regions.inflow(along, np.full(len(along), self.cell_m2))
        net = float(along.sum() * self.cell_m2)
        return entering - 0.5 * net, share, net


def _grid(half_mm: float) -> tuple[FloatArray, float]:
    """Centers (k, 2) of square cells that fill a square [mm], and the area of one [m2]."""
    step = 2.0 * half_mm / _ACROSS
    line = (np.arange(_ACROSS) + 0.5) * step - half_mm
    grid: FloatArray = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid, (step * M_PER_MM) ** 2
