"""Wall indices and flow reduced over a region: a sac beside its parent vessel. SI; NumPy in, NumPy out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.indices.wall import weighted_percentiles

FloatArray = NDArray[np.float64]
LOW_SHARE = 0.1
"""Wall shear stress below this share of the parent vessel's mean counts as low (Xiang et al. 2011, Stroke 42:144)."""


@dataclass(frozen=True)
class RegionStress:
    """Area-weighted figures of a quantity over a region: mean, least, largest, percentiles."""

    mean: float
    least: float
    largest: float
    p05: float
    p50: float
    p95: float


def vertex_areas(points: FloatArray, triangles: NDArray[np.int64]) -> FloatArray:
    """A third of the area of the triangles around each vertex (n,)."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    found: FloatArray = np.bincount(triangles.ravel(), np.repeat(area, 3), len(points))
    return found


def over_region(values: FloatArray, area: FloatArray, region: NDArray[np.bool_]) -> RegionStress:
    """Figures of values (n,) over a region (n,) of vertices that stand for areas (n,)."""
    inside, weight = values[region], area[region]
    p05, p50, p95 = weighted_percentiles(inside, weight, np.array([5.0, 50.0, 95.0]))
    mean = float((inside * weight).sum() / weight.sum())
    return RegionStress(mean, float(inside.min()), float(inside.max()), float(p05), float(p50), float(p95))


def low_area_share(
    stress: FloatArray, area: FloatArray, region: NDArray[np.bool_], parent_mean: float, share: float = LOW_SHARE
) -> float:
    """Share of a region's area whose stress (n,) is below ``share`` of the parent vessel's mean."""
    low = region & (stress < share * parent_mean)
    return float(area[low].sum() / area[region].sum())


def stress_concentration(stress: FloatArray, area: FloatArray, region: NDArray[np.bool_], share: float = 0.1) -> float:
    """Share of a region's shear force (stress times area) that acts on the ``share`` of its area with the largest
    stress: ``share`` itself where the stress is uniform, toward 1 where a jet impinges.
    """
    order = np.argsort(-stress[region])
    weight, force = area[region][order], (stress * area)[region][order]
    reached = np.concatenate([[0.0], np.cumsum(weight)])
    held = np.concatenate([[0.0], np.cumsum(force)])
    return float(np.interp(share * reached[-1], reached, held) / held[-1])


def kinetic_energy_density(
    velocity: FloatArray, cells: NDArray[np.int64], volume: FloatArray, inside: NDArray[np.bool_], density: float
) -> float:
    """Mean of rho |u|^2 / 2 [J/m3] over tetrahedra (m,) of a region, of velocities (n, 3) at their corners.

    Exact for a velocity that is linear in each tetrahedron: the mean of a product of two linear functions over it is
    (sum_i u_i . u_i + |sum_i u_i|^2) / 20.
    """
    corner = velocity[cells[inside]]
    square = ((corner**2).sum(axis=(1, 2)) + (corner.sum(axis=1) ** 2).sum(axis=1)) / 20.0
    weight = volume[inside]
    return float(0.5 * density * (square * weight).sum() / weight.sum())


def inflow(normal_velocity: FloatArray, area: FloatArray) -> tuple[float, float]:
    """Flow [m3/s] that enters through a section, and the share of its area through which it enters.

    Parameters
    ----------
    normal_velocity : (k,)
        Into the sac at places of the section that stand for areas (k,).
    """
    entering = normal_velocity > 0.0
    return float((normal_velocity * area)[entering].sum()), float(area[entering].sum() / area.sum())
