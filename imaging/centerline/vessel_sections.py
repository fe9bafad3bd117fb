"""Sections across the vessels of a model, and the shape of their centerlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.centerline.curves import arc_length, resampled, smoothed
from imaging.centerline.own_stretch import departures, own_stretch
from imaging.centerline.section_area import outline_at
from imaging.types import Branch, FloatArray, Progress, VesselModel, silent

STEP_RADII = 0.25
"""Distance of two sections relative to the median inscribed radius."""
LARGEST = 2.0
"""A section whose radius of equal area is so many times the inscribed one has run into a neighbor and is left out."""
_SMOOTHING_RADII = 0.5
_LEAST_BEND = 1e-3
"""Curvature times radius below which a line counts as straight, so that it has no torsion."""


@dataclass(frozen=True, eq=False)
class VesselSections:
    """Sections of one vessel away from its junctions, ends and flow extensions, in mm.

    Attributes
    ----------
    branch, parent
        Names in the centerline tree.
    along_mm : (n,)
        Arc length from the beginning of the branch; gaps where another vessel departs.
    center_mm, direction : (n, 3)
        Place on the centerline (LPS) and unit vector across which the section lies.
    area_mm2, min_diameter_mm, max_diameter_mm, hydraulic_diameter_mm : (n,)
        Of the outline: enclosed area, least and largest caliper diameter, four times the area over the perimeter.
    inscribed_radius_mm, curvature_per_mm, torsion_per_mm : (n,)
        Of the largest sphere in the lumen; of the centerline, smoothed over half a radius (Frenet-Serret; torsion is
        not a number where the line is straight).
    length_mm, tortuosity
        Arc length between the first and the last section, and that over their distance, minus 1.
    """

    branch: str
    parent: str | None
    along_mm: FloatArray
    center_mm: FloatArray
    direction: FloatArray
    area_mm2: FloatArray
    min_diameter_mm: FloatArray
    max_diameter_mm: FloatArray
    hydraulic_diameter_mm: FloatArray
    inscribed_radius_mm: FloatArray
    curvature_per_mm: FloatArray
    torsion_per_mm: FloatArray
    length_mm: float
    tortuosity: float

    @property
    def diameter_mm(self) -> FloatArray:
        """Diameter (n,) of the circle of the section's area."""
        found: FloatArray = np.sqrt(4.0 * self.area_mm2 / np.pi)
        return found


def vessel_sections(model: VesselModel, progress: Progress = silent) -> tuple[VesselSections, ...]:
    """Sections of every vessel of a model; a vessel too short to have three has none.

    Parameters
    ----------
    model : VesselModel
        Closed, with centerlines.
    progress : callable
    """
    branches = model.centerlines.branches
    found = []
    for number, branch in enumerate(branches):
        progress(number / len(branches), f"Cutting sections of {branch.name.replace('_', ' ')}")
        sections = _of_branch(model, branch)
        if sections is not None:
            found.append(sections)
    return tuple(found)


def _of_branch(model: VesselModel, branch: Branch) -> VesselSections | None:
    tree, indices = model.centerlines, np.array(branch.indices)
    points, radius = tree.points[indices], tree.radius_mm[indices]
    if len(indices) < 5:
        return None
    s = arc_length(points)
    low, high = own_stretch(model, branch, points, s, radius)
    typical = float(np.median(radius))
    step = STEP_RADII * typical
    if not high - low > 2.0 * step:
        return None
    line = resampled(points, min(step, float(s[-1]) / 20.0))
    line_s = arc_length(line)
    tangent, curvature, torsion = frenet(line, _SMOOTHING_RADII * typical, _LEAST_BEND / typical)
    clear = list(np.linspace(low, high, max(3, round((high - low) / step) + 1)))
    for where, away in departures(tree, branch, s, radius):
        clear = [at for at in clear if abs(at - where) >= away]
    rows = []
    for at in clear:
        center, direction = _at(points, s, at), _at(tangent, line_s, at)
        direction /= np.linalg.norm(direction)
        outline = outline_at(model.surface, center, direction)
        inscribed = float(np.interp(at, s, radius))
        if outline is None or outline.area_mm2 > np.pi * (LARGEST * inscribed) ** 2:
            continue
        shape = (outline.area_mm2, *outline.diameters_mm(), outline.hydraulic_diameter_mm, inscribed)
        bend = (float(np.interp(at, line_s, curvature)), float(torsion[int(np.abs(line_s - at).argmin())]))
        rows.append((at, *center, *direction, *shape, *bend))
    if len(rows) < 3:
        return None
    table = np.array(rows)
    between = float(table[-1, 0] - table[0, 0])
    chord = float(np.linalg.norm(table[-1, 1:4] - table[0, 1:4]))
    return VesselSections(
        branch.name,
        branch.parent,
        table[:, 0],
        table[:, 1:4],
        table[:, 4:7],
        area_mm2=table[:, 7],
        min_diameter_mm=table[:, 8],
        max_diameter_mm=table[:, 9],
        hydraulic_diameter_mm=table[:, 10],
        inscribed_radius_mm=table[:, 11],
        curvature_per_mm=table[:, 12],
        torsion_per_mm=table[:, 13],
        length_mm=between,
        tortuosity=between / max(chord, 1e-9) - 1.0,
    )


def frenet(line: FloatArray, sigma_mm: float, straight_per_mm: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit tangent (n, 3), curvature (n,) and torsion (n,) in 1/mm of an evenly spaced polyline (n, 3).

    With derivatives by arc length of the smoothed line: curvature ``|r' x r''| / |r'|^3``, torsion
    ``(r' x r'') . r''' / |r' x r''|^2`` (Frenet 1852, Serret 1851), not a number where the curvature is below
    ``straight_per_mm``. Within two ``sigma_mm`` of the ends the smoothing straightens the line.
    """
    smooth = smoothed(line, sigma_mm)
    step = float(np.linalg.norm(np.diff(smooth, axis=0), axis=1).mean())
    first = np.gradient(smooth, step, axis=0)
    second = np.gradient(first, step, axis=0)
    third = np.gradient(second, step, axis=0)
    speed = np.linalg.norm(first, axis=1)
    across = np.cross(first, second)
    size = np.linalg.norm(across, axis=1)
    curvature: FloatArray = size / np.maximum(speed, 1e-12) ** 3
    triple = np.einsum("ij,ij->i", across, third)
    torsion: FloatArray = np.where(curvature > straight_per_mm, triple / np.maximum(size, 1e-12) ** 2, np.nan)
    return first / np.maximum(speed, 1e-12)[:, None], curvature, torsion


def _at(values: FloatArray, s: FloatArray, place: float) -> FloatArray:
    return np.array([np.interp(place, s, values[:, axis]) for axis in range(values.shape[1])])
