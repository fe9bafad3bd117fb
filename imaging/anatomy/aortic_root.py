"""The annulus of the aortic valve from three hinge points, and the sizes of the root above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from imaging.anatomy.hinges import hinge_circle
from imaging.anatomy.landmarks import HINGES, LANDMARKS
from imaging.anatomy.lumen_outline import centroid_mm, lumen_outline
from imaging.centerline.section_area import Outline
from imaging.errors import ImagingError
from imaging.surface.sections import plane_axes
from imaging.types import FloatArray, Progress, Volume, silent

_REACH_RADII = (0.5, 1.6)
"""Where the edge of the annulus is looked for, in radii of the circle through the hinge points."""
_STEP_MM = 1.0
_HIGHEST_MM = 60.0
_REACH_STEP = (0.6, 1.5)
"""Where a section's edge is looked for, in radii of the section below it."""
_TURN_MM = 10.0
"""Stretch of the middle line from which the direction of the next section is taken; below it the annulus' normal."""
_SINUS_MM = (3.0, 25.0)
_JUNCTION_REACH_MM = 25.0
_LEAST_DIP = 0.02
_SMOOTHING_MM = 1.5
_LARGEST_JUMP = 0.2
"""Relative change of area against the median of the last 10 mm that ends the way up above the sinuses: the edge of a
neighbor was taken."""
_NEAR_LEVEL_MM = 15.0


@dataclass(frozen=True, eq=False)
class Annulus:
    """The virtual ring through three hinge points.

    Attributes
    ----------
    center_mm, normal : (3,)
        Middle of the ring's area (LPS), and unit vector across it toward the aorta.
    ring : Outline
        The ring: the convex curve around the lumen's edge in the plane and the hinge points.
    """

    center_mm: FloatArray
    normal: FloatArray
    ring: Outline

    def figures(self) -> dict[str, float]:
        """Area, perimeter and diameters; names carry the unit.

        The derived diameters are those of the circles of equal area, ``2 sqrt(A / pi)``, and of equal perimeter,
        ``P / pi`` (Blanke et al., JACC Cardiovasc Imaging 12, 2019, 1).
        """
        least, largest = self.ring.diameters_mm()
        area, perimeter = self.ring.area_mm2, self.ring.perimeter_mm
        return {
            "annulus_area_mm2": area,
            "annulus_perimeter_mm": perimeter,
            "annulus_area_diameter_mm": 2.0 * float(np.sqrt(area / np.pi)),
            "annulus_perimeter_diameter_mm": perimeter / float(np.pi),
            "annulus_min_diameter_mm": least,
            "annulus_max_diameter_mm": largest,
            "annulus_tilt_deg": float(np.degrees(np.arccos(np.clip(self.normal[2], -1.0, 1.0)))),
        }


@dataclass(frozen=True, eq=False)
class RootMeasures:
    """What was measured at the root: figures by name (with unit), the annulus, the middle of each level, remarks."""

    figures: Mapping[str, float]
    annulus: Annulus
    levels_mm: Mapping[str, tuple[float, float, float]]
    notes: tuple[str, ...]


def annulus_of(volume: Volume, hinges_mm: FloatArray) -> Annulus:
    """The annulus that three hinge points (3, 3) in mm LPS span in a scan.

    The ring is convex: leaflets that the plane cuts dent the edge of the contrast medium, not the ring, and the
    hinge points lie on it.

    Raises
    ------
    ImagingError
        ``bad_hinges`` for points that span no plane or no annulus; ``no_lumen_edge``.
    """
    center, radius, normal = hinge_circle(hinges_mm)
    reach = (_REACH_RADII[0] * radius, _REACH_RADII[1] * radius)
    edge = lumen_outline(volume, center, normal, reach)
    ring = _convex(edge, hinges_mm)
    return Annulus(centroid_mm(ring), normal, ring)


def area_band_mm2(volume: Volume, annulus: Annulus, hinges_mm: FloatArray) -> tuple[float, float]:
    """Least and largest area of the annulus when each hinge point lies up to half a voxel higher or lower.

    A hinge point cannot be told more exactly than that from slices of the scan's largest spacing; the area of a root
    that widens above the plane follows it.
    """
    half = 0.5 * max(volume.grid.spacing_mm)
    areas = [annulus.ring.area_mm2]
    for signs in product((-1.0, 1.0), repeat=3):
        moved = hinges_mm + half * np.array(signs)[:, None] * annulus.normal
        areas.append(annulus_of(volume, moved).ring.area_mm2)
    return min(areas), max(areas)


def root_measures(
    volume: Volume, landmarks_mm: Mapping[str, tuple[float, float, float]], progress: Progress = silent
) -> RootMeasures:
    """Annulus, sinuses, sinotubular junction, ascending aorta and coronary heights.

    From the annulus the lumen is followed up in steps of 1 mm; every section is the edge of the lumen in the plane
    across the way that the middle took over the last 10 mm. The sinuses are measured where all three of their landmarks
    lie in the mean, else where the area is largest within 25 mm; the sinotubular junction at its landmark, else at the
    first narrowing above the sinuses; the ascending aorta at its landmark, else where it is widest above the junction.
    A coronary height is the distance of the ostium's landmark from the plane of the annulus. The area of the annulus
    comes with the band of `area_band_mm2`.

    Parameters
    ----------
    landmarks_mm
        By id, LPS; the three of ``HINGES`` at least.

    Raises
    ------
    ImagingError
        ``missing_landmark``, ``bad_hinges``, ``no_lumen_edge``.
    """
    missing = [LANDMARKS[name].title for name in HINGES if name not in landmarks_mm]
    if missing:
        raise ImagingError("missing_landmark", f"The annulus needs three hinge points; place: {', '.join(missing)}.")
    progress(0.0, "Finding the annulus")
    hinges = np.array([landmarks_mm[name] for name in HINGES])
    annulus = annulus_of(volume, hinges)
    figures, notes = annulus.figures(), list[str]()
    try:
        figures["annulus_area_low_mm2"], figures["annulus_area_high_mm2"] = area_band_mm2(volume, annulus, hinges)
    except ImagingError as error:
        notes.append(f"How far the annulus depends on the hinge points is not known. {error.message}")
    for side in ("right", "left"):
        place = landmarks_mm.get(f"{side}_coronary_ostium")
        if place is not None:
            figures[f"{side}_coronary_height_mm"] = float((np.asarray(place) - annulus.center_mm) @ annulus.normal)
    sections, ending = _way_up(volume, annulus, progress)
    levels: dict[str, int] = {}
    if len(sections) > _SINUS_MM[0] / _STEP_MM:
        levels, said = _levels(sections, landmarks_mm)
        notes += said
    if ending and "ascending" not in levels:
        notes.append(ending)
    for name, n in levels.items():
        least, largest = sections[n].diameters_mm()
        figures[f"{name}_area_mm2"] = sections[n].area_mm2
        figures[f"{name}_min_diameter_mm"], figures[f"{name}_max_diameter_mm"] = least, largest
    if "sinus" in levels:
        figures["sinus_height_mm"] = _STEP_MM * (levels["sinus"] + 1)
    if "junction" in levels:
        figures["junction_height_mm"] = _STEP_MM * (levels["junction"] + 1)
    progress(1.0, "Root measured")
    middles = {"annulus": annulus.center_mm} | {name: centroid_mm(sections[n]) for name, n in levels.items()}
    places = {name: (float(m[0]), float(m[1]), float(m[2])) for name, m in middles.items()}
    return RootMeasures(figures, annulus, places, tuple(notes))


def _convex(edge: Outline, further: FloatArray) -> Outline:
    """The convex curve around an outline and further points of its plane."""
    u, v = plane_axes(edge.normal)
    points = np.concatenate([edge.start, further])
    flat = np.stack([(points - edge.start[0]) @ u, (points - edge.start[0]) @ v], axis=1)
    hull = ConvexHull(flat)
    corners = points[hull.vertices]
    return Outline(corners, np.roll(corners, -1, axis=0), edge.normal, float(hull.volume))


def _way_up(volume: Volume, annulus: Annulus, progress: Progress) -> tuple[list[Outline], str]:
    """Sections above the annulus, 1 mm apart, and why there are no more."""
    centers: list[FloatArray] = [annulus.center_mm]
    found: list[Outline] = []
    normal, area = annulus.normal, annulus.ring.area_mm2
    n_most = round(_HIGHEST_MM / _STEP_MM)
    for n in range(n_most):
        progress(0.1 + 0.85 * n / n_most, "Following the root upward")
        radius = float(np.sqrt(area / np.pi))
        try:
            section = lumen_outline(
                volume, centers[-1] + _STEP_MM * normal, normal, (_REACH_STEP[0] * radius, _REACH_STEP[1] * radius)
            )
        except ImagingError as error:
            return found, f"The sections end {_STEP_MM * n:.0f} mm above the annulus. {error.message}"
        back = round(_TURN_MM / _STEP_MM)
        usual = float(np.median([before.area_mm2 for before in found[-back:]])) if found else area
        if n * _STEP_MM > _SINUS_MM[1] and abs(section.area_mm2 / usual - 1.0) > _LARGEST_JUMP:
            return found, f"The sections end {_STEP_MM * n:.0f} mm above the annulus, where the edge is lost."
        found.append(section)
        centers.append(centroid_mm(section))
        area = section.area_mm2
        if len(centers) > back:
            way = centers[-1] - centers[-1 - back]
            normal = way / np.linalg.norm(way)
    return found, ""


def _levels(
    sections: list[Outline], landmarks_mm: Mapping[str, tuple[float, float, float]]
) -> tuple[dict[str, int], list[str]]:
    """Which section is at the sinuses, the junction and the ascending aorta, and what could not be found."""
    centers = np.array([centroid_mm(section) for section in sections])
    area = np.asarray(
        ndimage.gaussian_filter1d([section.area_mm2 for section in sections], _SMOOTHING_MM / _STEP_MM), dtype=float
    )
    notes: list[str] = []

    def at(place: FloatArray, title: str) -> int | None:
        away = np.linalg.norm(centers - place, axis=1)
        n = int(away.argmin())
        if away[n] > _NEAR_LEVEL_MM:
            notes.append(f"The landmark {title} lies {away[n]:.0f} mm from the sections and is not used.")
            return None
        return n

    levels: dict[str, int] = {}
    sinuses = [
        landmarks_mm[name] for name in ("sinus_right", "sinus_left", "sinus_noncoronary") if name in landmarks_mm
    ]
    low, high = (round(mm / _STEP_MM) for mm in _SINUS_MM)
    sinus = at(np.mean(sinuses, axis=0), "sinuses") if len(sinuses) == 3 else None
    levels["sinus"] = sinus if sinus is not None else low + int(area[low : high + 1].argmax())
    if "sinotubular_junction" in landmarks_mm:
        junction = at(np.asarray(landmarks_mm["sinotubular_junction"]), "sinotubular junction")
    else:
        junction = _first_dip(area, levels["sinus"], round(_JUNCTION_REACH_MM / _STEP_MM))
        if junction is None:
            notes.append("No narrowing above the sinuses shows the sinotubular junction: place its landmark.")
    if junction is None:
        return levels, notes
    levels["junction"] = junction
    above = junction + round(_TURN_MM / _STEP_MM)
    if "ascending_level" in landmarks_mm:
        ascending = at(np.asarray(landmarks_mm["ascending_level"]), "level of the ascending aorta")
    else:
        ascending = above + int(area[above:].argmax()) if above < len(area) else None
    if ascending is not None:
        levels["ascending"] = ascending
    return levels, notes


def _first_dip(area: FloatArray, start: int, reach: int) -> int | None:
    """The first index behind ``start`` where the area is least among its neighbors and below that at the start."""
    for n in range(start + 1, min(start + reach, len(area) - 1)):
        if area[n] <= area[n - 1] and area[n] < area[n + 1] and area[n] < (1.0 - _LEAST_DIP) * area[start]:
            return n
    return None
