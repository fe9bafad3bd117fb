"""The edge of the lumen in a plane of the scan, found as the best closed curve around a point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from imaging.centerline.section_area import Outline
from imaging.errors import ImagingError
from imaging.reformat.sampling import sampled
from imaging.surface.partial_volume import WALL_HU
from imaging.surface.sections import plane_axes
from imaging.types import FloatArray, IntArray, Volume

_N_RAYS = 180
_STEP_VOXELS = 0.15
_EDGE_VOXELS = 0.5
"""Width of the filter that takes the slope along a ray: less than the scan's own blur."""
_STEEPEST = 4
"""Steps by which the curve may move from one ray to the next: 0.6 voxel in 2 degrees."""
_SMOOTHING_RAYS = 2.0
_ANCHOR_MM = 1.5
_OUTSIDE_MM = (1.5, 2.25, 3.0)
"""So far outside of the edge the surroundings are read: beyond the blur of a CT, not beyond a wall."""
_LEAST_DROP = 0.15
"""Least median fall at the edge relative to the brightness inside, below which there is no lumen to be seen."""


def lumen_outline(
    volume: Volume,
    center_mm: FloatArray,
    normal: FloatArray,
    reach_mm: tuple[float, float],
    anchors_mm: Sequence[FloatArray] = (),
) -> Outline:
    """The closed curve around a point along which the scan falls to half of the lumen's brightness.

    Rays of 2 degrees are sampled (trilinear), and the closed path of the largest sum of slopes is found by dynamic
    programming around the circle (as Sun and Appleton, IEEE PAMI 27, 2005, solve it: the path must end where it
    begins). Where a ray meets no edge the neighbors carry the curve across. The steepest place lies too far out where
    the wall is thin beside the scan's blur and fat or lung lies behind it, so that the curve is moved to the half
    maximum near it: halfway between the lumen and what lies just outside, which counts as wall where it is darker.

    Parameters
    ----------
    center_mm, normal : (3,)
        A point in the lumen, LPS, and the unit vector across the plane.
    reach_mm
        Least and largest distance of the edge from the point.
    anchors_mm
        Places that lie on the edge: in their rays the curve stays within 1.5 mm of them.

    Raises
    ------
    ImagingError
        ``no_lumen_edge`` when the plane leaves the scan there or nothing falls off.
    """
    voxel = float(min(volume.grid.spacing_mm))
    step = _STEP_VOXELS * voxel
    low, high = reach_mm
    radii = np.arange(max(low, step), high + step, step)
    u, v = plane_axes(normal)
    angles = 2.0 * np.pi * np.arange(_N_RAYS) / _N_RAYS
    ways = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
    values = np.asarray(sampled(volume, center_mm + ways[:, None, :] * radii[:, None]), dtype=float)
    where = f"at ({center_mm[0]:.0f}, {center_mm[1]:.0f}, {center_mm[2]:.0f} mm)"
    place = (float(center_mm[0]), float(center_mm[1]), float(center_mm[2]))
    if not np.isfinite(values).all():
        raise ImagingError(
            "no_lumen_edge", f"The plane {where} leaves the scan within {high:.0f} mm: the scan ends too soon.", place
        )
    slope = ndimage.gaussian_filter1d(values, _EDGE_VOXELS * voxel / step, axis=1, order=1, mode="nearest") / step
    gain = np.maximum(-slope, 0.0)
    for anchor in anchors_mm:
        away = np.asarray(anchor) - center_mm
        ray = round(float(np.arctan2(away @ v, away @ u)) / (2.0 * np.pi) * _N_RAYS) % _N_RAYS
        held = float(np.hypot(away @ u, away @ v))
        gain[ray, np.abs(radii - held) > _ANCHOR_MM] = -1e6
    path = _closed_path(gain)
    drop = float(np.median(gain[np.arange(_N_RAYS), path])) * voxel
    inside = float(np.median(values[:, 0]))
    floor = float(values.min())
    if drop < _LEAST_DROP * max(inside - floor, 1.0):
        raise ImagingError(
            "no_lumen_edge",
            f"No edge of the lumen is to be seen around the point {where}: is it in an enhanced vessel?",
            place,
        )
    found = ndimage.gaussian_filter1d(radii[path], _SMOOTHING_RAYS, mode="wrap")
    shown = ndimage.gaussian_filter1d(values, _SMOOTHING_RAYS, axis=0, mode="wrap")
    radius = _half_maximum(shown, radii, found, inside, WALL_HU if volume.modality == "CT" else floor, voxel)
    radius = ndimage.gaussian_filter1d(radius, _SMOOTHING_RAYS, mode="wrap")
    points = center_mm + radius[:, None] * ways
    following = np.roll(points, -1, axis=0)
    area = 0.5 * float(np.abs(np.cross(points - center_mm, following - center_mm) @ normal).sum())
    return Outline(points, following, normal, area)


def _half_maximum(
    values: FloatArray, radii: FloatArray, path_mm: FloatArray, lumen: float, darkest: float, voxel_mm: float
) -> FloatArray:
    """Radius (n_rays,) of the half maximum nearest to a path; the path's own where there is none within a voxel.

    Parameters
    ----------
    values : (n_rays, n_radii)
        The scan along the rays.
    lumen, darkest
        Its value in the lumen, and the least that counts as what lies around it.
    """
    step = radii[1] - radii[0]
    rays = np.arange(len(values))
    at = [np.clip(np.round((path_mm + out - radii[0]) / step), 0, len(radii) - 1).astype(int) for out in _OUTSIDE_MM]
    outside = np.maximum(np.min([values[rays, n] for n in at], axis=0), darkest)
    above = values - 0.5 * (lumen + outside)[:, None]
    falls = (above[:, :-1] > 0.0) & (above[:, 1:] <= 0.0)
    part = above[:, :-1] / np.where(falls, above[:, :-1] - above[:, 1:], 1.0)
    crossing = np.where(falls, radii[:-1] + part * step, np.inf)
    nearest = np.abs(crossing - path_mm[:, None]).argmin(axis=1)
    found = crossing[rays, nearest]
    return np.where(np.abs(found - path_mm) <= voxel_mm, found, path_mm)


def centroid_mm(outline: Outline) -> FloatArray:
    """The middle (3,) of the area that an outline encloses, mm LPS."""
    first = outline.start[0]
    a, b = outline.start - first, outline.end - first
    weight = np.cross(a, b) @ outline.normal
    middle: FloatArray = first + (weight[:, None] * (a + b)).sum(axis=0) / (3.0 * weight.sum())
    return middle


def _closed_path(gain: FloatArray) -> IntArray:
    """Index (n_rays,) along each ray of the closed path of the largest sum, steps bounded from ray to ray."""
    n_rays, n_radii = gain.shape
    places = np.arange(n_radii)
    windows = places[:, None] + np.arange(2 * _STEEPEST + 1)
    sums = np.full(n_radii + 2 * _STEEPEST, -np.inf)  # with a margin, so that no step leaves the ray
    sums[_STEEPEST:-_STEEPEST] = gain[0]
    came = np.zeros((2 * n_rays, n_radii), dtype=int)
    for ray in range(1, 2 * n_rays):
        came[ray] = sums[windows].argmax(axis=1) + places
        sums[_STEEPEST:-_STEEPEST] = sums[came[ray]] + gain[ray % n_rays]
    came -= _STEEPEST
    path = np.empty(2 * n_rays, dtype=int)
    path[-1] = int(sums[_STEEPEST:-_STEEPEST].argmax())
    for ray in range(2 * n_rays - 1, 0, -1):
        path[ray - 1] = came[ray, path[ray]]
    middle = path[n_rays // 2 : n_rays // 2 + n_rays]  # far from where the unrolled circle begins and ends
    return np.roll(middle, n_rays // 2)
