"""Area and diameter along a vessel, and the outline of its lumen in a section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.centerline.section_area import LARGEST, section_areas
from imaging.reformat.vessel_line import VesselLine
from imaging.types import FloatArray, Surface


@dataclass(frozen=True, eq=False)
class VesselProfile:
    """What was measured along a vessel, (n,) each.

    Attributes
    ----------
    along_mm
        Arc length from the vessel's start.
    area_mm2
        Area of the lumen across the vessel; not a number where the section runs into a neighbor or is not closed.
    diameter_mm
        Diameter of the circle of that area.
    inscribed_mm
        Diameter of the largest inscribed sphere.
    """

    along_mm: FloatArray
    area_mm2: FloatArray
    diameter_mm: FloatArray
    inscribed_mm: FloatArray


def vessel_profile(
    surface: Surface, line: VesselLine, tree_points: FloatArray, tree_radius_mm: FloatArray, step_mm: float = 1.0
) -> VesselProfile:
    """The profile of a vessel every ``step_mm``.

    Parameters
    ----------
    surface
        The lumen's closed wall.
    tree_points, tree_radius_mm : (m, 3), (m,)
        Centerline points of this vessel with the radius of the inscribed sphere.
    """
    n = max(2, int(line.length_mm / step_mm) + 1)
    along = np.linspace(0.0, line.length_mm, n)
    inner = np.clip(along, min(0.1, 0.1 * line.length_mm), line.length_mm - min(0.1, 0.1 * line.length_mm))
    places = [line.at(place) for place in inner]  # the very ends lie in the caps, which are no sections
    area = section_areas(surface, np.array([p[0] for p in places]), np.array([p[1] for p in places]))
    from scipy.spatial import cKDTree

    nearest = np.asarray(cKDTree(tree_points).query(np.array([p[0] for p in places]))[1])
    inscribed = 2.0 * tree_radius_mm[nearest]
    diameter = 2.0 * np.sqrt(area / np.pi)
    merged = ~(diameter <= LARGEST * inscribed)
    area[merged] = diameter[merged] = np.nan
    return VesselProfile(along, area, diameter, inscribed)


def outlines(surface: Surface, center_mm: FloatArray, normal: FloatArray, reach_mm: float) -> FloatArray:
    """Segments (n, 2, 3) in which a plane cuts a surface within ``reach_mm`` of a point."""
    height = (surface.points - center_mm) @ normal
    above = height > 0.0
    corners = above[surface.triangles]
    cut = surface.triangles[corners.any(axis=1) & ~corners.all(axis=1)]
    near = np.linalg.norm(surface.points[cut].mean(axis=1) - center_mm, axis=1) <= reach_mm
    cut = cut[near]
    if not len(cut):
        return np.zeros((0, 2, 3))
    h = height[cut]
    positive = h > 0.0
    lone = np.where(positive.sum(axis=1) == 1, positive.argmax(axis=1), (~positive).argmax(axis=1))
    rows = np.arange(len(cut))
    ends = []
    for turn in (1, 2):
        a, b = cut[rows, lone], cut[rows, (lone + turn) % 3]
        part = height[a] / (height[a] - height[b])
        ends.append(surface.points[a] + part[:, None] * (surface.points[b] - surface.points[a]))
    return np.stack(ends, axis=1)
