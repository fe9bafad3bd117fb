"""The exact centerlines of a phantom, with the radius of the largest inscribed sphere along them."""

from __future__ import annotations

import numpy as np

from imaging.types import Branch, CenterlineTree, FloatArray
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.vessel import Vessel

_RAYS = 192
_CANDIDATES = 24


def exact_centerlines(phantom: Phantom, step_mm: float = 1.0) -> CenterlineTree:
    """The centerlines, sampled about every ``step_mm``, with inscribed radii.

    A daughter's first point is its parent's point where it departs. The radius of the circular section itself is
    ``Vessel.radius``; the inscribed sphere is smaller where the vessel tapers and larger in a junction.
    """
    points: list[FloatArray] = []
    branches: list[Branch] = []
    index_of: dict[tuple[str, float], int] = {}
    for vessel in phantom.vessels:
        departures = [v.departs_at_mm for v in phantom.vessels if v.parent == vessel.name]
        s = _sampled(vessel.curve.length_mm, step_mm, departures)
        indices: list[int] = []
        if vessel.parent is not None:
            indices.append(index_of[vessel.parent, vessel.departs_at_mm])
            s = s[s > 0.0]
        for at in s:
            index_of[vessel.name, float(at)] = len(index_of)
            indices.append(index_of[vessel.name, float(at)])
        points.append(vessel.curve.position(s))
        branches.append(Branch(vessel.name, tuple(indices), vessel.parent))
    every_point = np.concatenate(points)
    return CenterlineTree(every_point, inscribed_radius_mm(phantom, every_point), tuple(branches))


def _sampled(length: float, step_mm: float, required: list[float]) -> FloatArray:
    s = np.linspace(0.0, length, max(2, round(length / step_mm) + 1))
    crowded = np.zeros(len(s), dtype=bool)
    for at in required:
        crowded |= np.abs(s - at) < 0.4 * step_mm
    crowded[[0, -1]] = False
    return np.unique(np.concatenate([s[~crowded], required]))


def exact_interval_mm(phantom: Phantom, name: str) -> tuple[float, float]:
    """Arc lengths of a vessel's longest piece whose sections are its own circles, untouched by any other part."""
    vessel = phantom.vessel(name)
    s = np.append(np.arange(0.0, vessel.curve.length_mm, 0.25), vessel.curve.length_mm)
    circles = _circles(vessel, s, 24)
    value = phantom.wall_implicit(circles.reshape(-1, 3)).reshape(len(s), -1)
    own = np.abs(value).max(axis=1) < 1e-6
    if not own.any():
        raise ValueError(f"no section of {name} is untouched by its neighbors")
    changes = np.flatnonzero(np.diff(np.concatenate([[False], own, [False]]).astype(int)))
    starts, stops = changes[::2], changes[1::2]
    longest = int(np.argmax(stops - starts))
    return float(s[starts[longest]]), float(s[stops[longest] - 1])


def _circles(vessel: Vessel, s: FloatArray, n_angles: int) -> FloatArray:
    """Points ``(len(s), n_angles, 3)`` on the circular sections of a vessel."""
    tangent = vessel.curve.tangent(s)
    u = np.cross(tangent, np.eye(3)[np.abs(tangent).argmin(axis=1)])
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(tangent, u)
    angle = np.linspace(0.0, 2.0 * np.pi, n_angles, endpoint=False)
    ring = np.cos(angle)[:, None] * u[:, None, :] + np.sin(angle)[:, None] * v[:, None, :]
    return np.asarray(vessel.curve.position(s)[:, None, :] + vessel.radius(s)[:, None, None] * ring)


def inscribed_radius_mm(phantom: Phantom, points: FloatArray) -> FloatArray:
    """Distance ``(n,)`` from points ``(n, 3)`` in the lumen to the wall.

    End planes are no wall: the lumen is taken as going on straight beyond them. Rays go out from each point in 192
    directions; the 24 nearest places where they meet the wall slide along it until they are nearest, which finds the
    distance to about 1e-4 mm.
    """
    k = np.arange(_RAYS) + 0.5
    polar, azimuth = np.arccos(1.0 - 2.0 * k / _RAYS), np.pi * (1.0 + 5.0**0.5) * k
    rays = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=1)
    reach = 3.0 * max([v.max_radius_mm for v in phantom.vessels] + [s.radius_mm for s in phantom.sacs])
    center, ray = np.repeat(points, _RAYS, axis=0), np.tile(rays, (len(points), 1))
    travelled = np.zeros(len(center))
    going = np.arange(len(center))
    while len(going):
        value = phantom.wall_implicit(center[going] + travelled[going, None] * ray[going])
        travelled[going] += np.maximum(-0.7 * value, 0.0)
        going = going[(value < -0.05) & (travelled[going] < reach)]
    nearest_rays = np.argsort(travelled.reshape(-1, _RAYS), axis=1)[:, :_CANDIDATES]
    chosen = (nearest_rays + _RAYS * np.arange(len(points))[:, None]).ravel()
    center = center[chosen]
    wall = _slid(phantom, center, phantom.to_wall(center + travelled[chosen, None] * ray[chosen]))
    return np.asarray(np.linalg.norm(wall - center, axis=1).reshape(-1, _CANDIDATES).min(axis=1))


def _slid(phantom: Phantom, center: FloatArray, wall: FloatArray) -> FloatArray:
    """The wall points moved along the wall to where they are nearest to their centers."""
    wall = wall.copy()
    step = np.full(len(wall), 0.7)
    moving = np.arange(len(wall))
    for _ in range(100):
        offset = wall[moving] - center[moving]
        normal = phantom.wall_gradient(wall[moving])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        along = offset - np.einsum("ij,ij->i", offset, normal)[:, None] * normal
        shift = step[moving, None] * along
        worth = np.linalg.norm(shift, axis=1) > 1e-4
        moving, shift, offset = moving[worth], shift[worth], offset[worth]
        if not len(moving):
            break
        moved = phantom.to_wall(wall[moving] - shift)
        nearer = np.linalg.norm(moved - center[moving], axis=1) < np.linalg.norm(offset, axis=1)
        wall[moving[nearer]] = moved[nearer]
        step[moving[~nearer]] *= 0.5
    return wall
