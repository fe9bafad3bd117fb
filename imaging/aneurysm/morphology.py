"""The shape of a sac: sizes and the published ratios made of them.

With V and S the volume and the area of the wall without the neck, Vh and Sh those of the convex hull, Dn the neck's
diameter, H the height across the neck plane, Hmax the largest distance from the neck's center, W the width and Dp the
parent vessel's diameter (Dhar et al. 2008, Neurosurgery 63:185; Raghavan et al. 2005, J Neurosurg 102:355):

* aspect ratio H / Dn, size ratio Hmax / Dp, bottleneck ratio W / Dn, height to width H / W
* undulation index 1 - V / Vh
* nonsphericity index 1 - (18 pi)^(1/3) V^(2/3) / S, ellipticity index the same of the hull
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from imaging.aneurysm.parent import ParentVessel
from imaging.aneurysm.sac import Sac
from imaging.surface.sections import plane_axes
from imaging.surface.topology import directed_edges
from imaging.types import FloatArray

_SLICES = 60
_CALIPERS = 90
_AT_A_TIME = 500


@dataclass(frozen=True)
class Morphology:
    """What is measured of a sac; ratios are 1, angles degrees.

    Attributes
    ----------
    size_mm
        Largest distance between two places of the sac, its neck included.
    neck_mm, neck_least_mm, neck_largest_mm
        Diameter of the neck: twice the mean distance of its rim from its center; least and largest caliper diameter.
    height_mm, height_from_center_mm
        Largest height over the neck plane; largest distance from the neck's center.
    width_mm
        Largest caliper diameter of a section along the neck plane.
    parent_mm
        Diameter of the parent vessel beside the neck.
    inflow_angle_deg
        Between the flow in the parent vessel and the line from the neck's center to the farthest place of the dome: 90
        where the sac stands upright on the vessel, 0 where it points along the flow.
    """

    size_mm: float
    neck_mm: float
    neck_least_mm: float
    neck_largest_mm: float
    neck_area_mm2: float
    height_mm: float
    height_from_center_mm: float
    width_mm: float
    volume_mm3: float
    area_mm2: float
    aspect_ratio: float
    bottleneck_ratio: float
    height_to_width: float
    undulation_index: float
    nonsphericity_index: float
    ellipticity_index: float
    parent_mm: float = float("nan")
    size_ratio: float = float("nan")
    inflow_angle_deg: float = float("nan")

    def as_dict(self) -> dict[str, float]:
        """By name."""
        return {one.name: float(getattr(self, one.name)) for one in fields(self)}


def morphology_of(sac: Sac, parent: ParentVessel | None = None) -> Morphology:
    """Measure a sac; without its parent vessel what needs it is not a number."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(sac.points)
    center, normal = sac.neck_center_mm, sac.plane.normal
    from_center = np.linalg.norm(sac.points - center, axis=1)
    height = float(((sac.points - center) @ normal).max())
    farthest = int(from_center.argmax())
    neck = _rim_diameter(sac.rim, center)
    rim_calipers = _calipers(sac.rim, normal)
    width = _width(sac, height)
    hull_area = float(hull.area) - _flat_hull_area(sac)
    parent_mm = size_ratio = angle = float("nan")
    if parent is not None:
        beside = parent.beside(center)
        parent_mm = beside.diameter_mm
        size_ratio = float(from_center[farthest]) / parent_mm
        toward = sac.points[farthest] - center
        angle = float(np.degrees(np.arccos(np.clip(beside.flow @ toward / np.linalg.norm(toward), -1.0, 1.0))))
    return Morphology(
        size_mm=_largest_distance(sac.points[hull.vertices]),
        neck_mm=neck,
        neck_least_mm=float(rim_calipers.min()),
        neck_largest_mm=float(rim_calipers.max()),
        neck_area_mm2=sac.neck_area_mm2,
        height_mm=height,
        height_from_center_mm=float(from_center[farthest]),
        width_mm=width,
        volume_mm3=sac.volume_mm3,
        area_mm2=sac.area_mm2,
        aspect_ratio=height / neck,
        bottleneck_ratio=width / neck,
        height_to_width=height / width,
        undulation_index=1.0 - sac.volume_mm3 / float(hull.volume),
        nonsphericity_index=_nonsphericity(sac.volume_mm3, sac.area_mm2),
        ellipticity_index=_nonsphericity(float(hull.volume), hull_area),
        parent_mm=parent_mm,
        size_ratio=size_ratio,
        inflow_angle_deg=angle,
    )


def _largest_distance(points: FloatArray) -> float:
    from scipy.spatial.distance import cdist

    parts = np.array_split(points, 1 + len(points) // _AT_A_TIME)
    return max(float(cdist(part, points).max()) for part in parts)


def _nonsphericity(volume: float, area: float) -> float:
    return float(1.0 - (18.0 * np.pi) ** (1.0 / 3.0) * volume ** (2.0 / 3.0) / area)


def _rim_diameter(rim: FloatArray, center: FloatArray) -> float:
    """Twice the mean distance of the rim from its center, each piece by its length."""
    following = np.roll(rim, -1, axis=0)
    length = np.linalg.norm(following - rim, axis=1)
    distance = np.linalg.norm((rim + following) / 2.0 - center, axis=1)
    return float(2.0 * (length * distance).sum() / length.sum())


def _calipers(points: FloatArray, normal: FloatArray) -> FloatArray:
    """Distances (90,) between two parallel lines that hold points (n, 3) between them, seen along a normal."""
    u, v = plane_axes(normal)
    angle = np.arange(_CALIPERS) * np.pi / _CALIPERS
    across = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    widths: FloatArray = np.ptp(points @ across.T, axis=0)
    return widths


def _width(sac: Sac, height: float) -> float:
    """Largest caliper diameter of the sections along the neck plane, the neck included."""
    heights = (sac.points - sac.plane.center_mm) @ sac.plane.normal
    a, b = directed_edges(sac.triangles).T
    widest = float(_calipers(sac.rim, sac.plane.normal).max())
    for level in np.linspace(0.0, height, _SLICES + 1)[1:-1]:
        over = (heights[a] > level) & (heights[b] <= level)
        if not over.any():
            continue
        up, down = a[over], b[over]
        part = (heights[up] - level) / (heights[up] - heights[down])
        curve = sac.points[up] + part[:, None] * (sac.points[down] - sac.points[up])
        widest = max(widest, float(_calipers(curve, sac.plane.normal).max()))
    return widest


def _flat_hull_area(sac: Sac) -> float:
    """Area of the convex hull's face in the neck plane."""
    from scipy.spatial import ConvexHull

    u, v = plane_axes(sac.plane.normal)
    return float(ConvexHull(np.column_stack([sac.rim @ u, sac.rim @ v])).volume)
