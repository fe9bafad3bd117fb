"""A neck plane proposed: where the sac departs from its parent vessel, or where it is narrowest just above."""

from __future__ import annotations

import numpy as np

from imaging.aneurysm.parent import DEPARTED, ParentVessel
from imaging.aneurysm.sac import NeckPlane, SacCutter, local_surface
from imaging.errors import ImagingError
from imaging.surface.topology import directed_edges
from imaging.types import FloatArray, Surface

HIGHEST_RADII = 1.0
"""How far above the place where the sac departs a narrowing counts as its neck, by the median radius (assumption)."""
_STEP_RADII = 0.125
_MOST_OF_HEIGHT = 0.5
_STEEPEST_DEG = 20.0
_TILT_STEPS_DEG = (10.0, 5.0, 2.5)


def proposed_neck(surface: Surface, parent: ParentVessel, cutter: SacCutter) -> NeckPlane:
    """The neck plane.

    The plane that fits the curve along which the sac departs from the parent vessel is moved toward the dome by up to
    ``HIGHEST_RADII`` and tilted by up to 20 degrees so that the section is least at each place. The first place at
    which the section is least is the neck; a sac without a narrowing there has its neck where it departs.

    Raises
    ------
    ImagingError
        ``no_neck`` where no such plane parts the sac from the vessel.
    """
    start = _departing(surface, parent)
    near = np.linalg.norm(surface.points - start.center_mm, axis=1)
    reach = 1.5 * float(near[parent.is_sac].max()) + 2.0 * parent.typical_mm
    local, used = local_surface(surface, near <= reach)
    fast = SacCutter(local, int(np.searchsorted(used, parent.dome)), cutter.is_opening[used])
    top = float(((surface.points[parent.is_sac] - start.center_mm) @ start.normal).max())
    highest = min(HIGHEST_RADII * parent.typical_mm, _MOST_OF_HEIGHT * top)
    found: list[tuple[float, NeckPlane]] = []
    for along in np.arange(0.0, highest + 1e-9, _STEP_RADII * parent.typical_mm):
        least = _least_tilted(fast, start.moved(float(along)))
        if least is not None:
            found.append(least)
    if not found:
        raise ImagingError(
            "no_neck",
            "No plane near the foot of the sac parts it from the vessel: give the neck plane yourself (neck_center, "
            "neck_normal).",
        )
    areas = [area for area, _ in found]
    narrow = (k for k in range(1, len(areas) - 1) if areas[k] < areas[k - 1] and areas[k] <= areas[k + 1])
    plane = found[next(narrow, 0)][1]
    return NeckPlane(cutter.cut(plane).neck_center_mm, plane.normal)


def _departing(surface: Surface, parent: ParentVessel) -> NeckPlane:
    """The plane that fits the curve along which the sac departs."""
    edges = directed_edges(surface.triangles)
    edges = np.concatenate([edges, edges[:, ::-1]])
    level = DEPARTED * parent.typical_mm
    departure = parent.departure_mm
    over = edges[parent.is_sac[edges[:, 0]] & (departure[edges[:, 1]] <= level)]
    a, b = over.T
    part = (departure[a] - level) / (departure[a] - departure[b])
    curve: FloatArray = surface.points[a] + part[:, None] * (surface.points[b] - surface.points[a])
    center = curve.mean(axis=0)
    normal = np.linalg.svd(curve - center, full_matrices=False)[2][2]
    sign = np.sign((surface.points[parent.is_sac].mean(axis=0) - center) @ normal) or 1.0
    return NeckPlane(center, sign * normal)


def _least_tilted(cutter: SacCutter, plane: NeckPlane) -> tuple[float, NeckPlane] | None:
    """The least section through a place, and its plane, by a pattern search over two tilts."""
    best = cutter.section_area_mm2(plane)
    tilt = (0.0, 0.0)
    for step in _TILT_STEPS_DEG:
        improved = True
        while improved:
            improved = False
            for way in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)):
                tried = (tilt[0] + way[0], tilt[1] + way[1])
                if np.hypot(*tried) > _STEEPEST_DEG:
                    continue
                area = cutter.section_area_mm2(plane.moved(0.0, tried))
                if area is not None and (best is None or area < 0.9995 * best):
                    best, tilt, improved = area, tried, True
                    break
    return None if best is None else (best, plane.moved(0.0, tilt))
