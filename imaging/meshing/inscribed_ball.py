"""How much room the lumen leaves in front of each wall point: the largest ball that touches the wall there."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from imaging.surface.topology import unique_edges
from imaging.types import FloatArray, IntArray

_PASSES = 30
_SEPARATION = np.cos(np.deg2rad(30.0))


def inscribed_ball_radius_mm(points: FloatArray, normals: FloatArray, largest_mm: float) -> FloatArray:
    """Radius (n,) of the ball inside the lumen that touches the wall at each point and holds no other wall point.

    The shrinking-ball iteration (Ma, Bae and Choi, The Visual Computer 2012): the ball through the point and the sample
    nearest to its center replaces the ball until no sample is nearer. It stops when the new contact is seen from the
    center less than 30 degrees away from the point, which is the noise of the samples and not an opposite wall.

    Parameters
    ----------
    points, normals : (n, 3)
        Wall samples in mm and outward unit normals.
    largest_mm : float
        Radius to start from.
    """
    tree = cKDTree(points)
    radius = np.full(len(points), largest_mm)
    active = np.arange(len(points))
    for _ in range(_PASSES):
        here, normal = points[active], normals[active]
        center = here - radius[active, None] * normal
        distance, nearest = tree.query(center)
        offset = here - points[nearest]
        squared = np.einsum("ij,ij->i", offset, offset)
        facing = np.einsum("ij,ij->i", offset, normal)
        touches = (distance < radius[active] * (1.0 - 1e-6)) & (nearest != active) & (facing > 0)
        smaller = np.where(touches, squared / np.maximum(2.0 * facing, 1e-300), radius[active])
        new_center = here - smaller[:, None] * normal
        to_point, to_contact = here - new_center, points[nearest] - new_center
        apart = np.einsum("ij,ij->i", to_point, to_contact) < _SEPARATION * smaller**2
        go_on = touches & apart
        radius[active[go_on]] = smaller[go_on]
        active = active[go_on]
        if len(active) == 0:
            break
    return radius


def bending_radius_mm(points: FloatArray, triangles: IntArray, normals: FloatArray) -> FloatArray:
    """Radius (n,) of the sharpest bend of the wall at each point, inward or outward: distance over turn of the normal.

    The median over the neighborhood drops single rough points.
    """
    edges, _ = unique_edges(triangles)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    turn = 2.0 * np.arcsin(np.clip(np.linalg.norm(normals[edges[:, 0]] - normals[edges[:, 1]], axis=1) / 2.0, 0.0, 1.0))
    bend = turn / np.maximum(length, 1e-12)
    sharpest = np.zeros(len(points))
    np.maximum.at(sharpest, edges[:, 0], bend)
    np.maximum.at(sharpest, edges[:, 1], bend)
    return 1.0 / np.maximum(neighborhood_median(triangles, sharpest), 1e-9)


def neighborhood_median(triangles: IntArray, values: FloatArray) -> FloatArray:
    """The median (n,) of each point's value and its neighbors', which drops single wrong ones."""
    edges, _ = unique_edges(triangles)
    own = np.arange(len(values))
    here = np.concatenate([own, edges[:, 0], edges[:, 1]])
    there = np.concatenate([own, edges[:, 1], edges[:, 0]])
    order = np.lexsort((values[there], here))
    count = np.bincount(here, minlength=len(values))
    middle = np.concatenate([[0], np.cumsum(count)[:-1]]) + (count - 1) // 2
    median: FloatArray = values[there[order][middle]]
    return median
