"""A vessel's line with a frame at every point that turns about the line as little as can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.centerline.curves import arc_length, resampled, smoothed, tangents
from imaging.errors import ImagingError
from imaging.types import FloatArray

_TANGENT_SMOOTHING_MM = 1.0
_LEFT, _BACK = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
_NEARLY_ALONG = 0.9


@dataclass(frozen=True, eq=False)
class VesselLine:
    """Evenly spaced points along a vessel, mm LPS, and at each a right-handed frame.

    Attributes
    ----------
    points : (n, 3)
    along_mm : (n,)
        Arc length from the first point.
    tangent, side, other : (n, 3)
        Unit vectors: along the vessel, and two across it.
    """

    points: FloatArray
    along_mm: FloatArray
    tangent: FloatArray
    side: FloatArray
    other: FloatArray

    @property
    def length_mm(self) -> float:
        """Arc length of the whole line."""
        return float(self.along_mm[-1])

    def at(self, along_mm: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Point, tangent, side and other (3,) at an arc length, which is kept within the line."""
        place = float(np.clip(along_mm, 0.0, self.length_mm))
        point = _between(self.along_mm, self.points, place)
        tangent = _unit(_between(self.along_mm, self.tangent, place))
        side = _between(self.along_mm, self.side, place)
        side = _unit(side - (side @ tangent) * tangent)
        return point, tangent, side, np.cross(tangent, side)

    def nearest(self, position_mm: FloatArray) -> tuple[float, float]:
        """Arc length of the line's place that is nearest to a position, and the distance from it, mm."""
        start, step = self.points[:-1], np.diff(self.points, axis=0)
        squared = np.maximum((step * step).sum(axis=1), 1e-18)
        part = np.clip(((np.asarray(position_mm) - start) * step).sum(axis=1) / squared, 0.0, 1.0)
        distance = np.linalg.norm(start + part[:, None] * step - position_mm, axis=1)
        n = int(distance.argmin())
        along = self.along_mm[n] + part[n] * (self.along_mm[n + 1] - self.along_mm[n])
        return float(along), float(distance[n])


def vessel_line(points: FloatArray, step_mm: float) -> VesselLine:
    """The line through points (n, 3) at equal steps, with rotation-minimizing frames.

    The frames follow from one another by two reflections (Wang, Juettler, Zheng, Liu: Computation of rotation
    minimizing frames, ACM Trans. Graph. 27, 2008); the first side is the patient's left, or the back
    where the vessel itself runs to the left. Tangents are taken from the line smoothed over 1 mm; its points stay.

    Raises
    ------
    ImagingError
        ``line_too_short`` for a line shorter than two steps.
    """
    points = np.asarray(points, dtype=float)
    total = float(arc_length(points)[-1]) if len(points) > 1 else 0.0
    if total < 2.0 * step_mm:
        raise ImagingError(
            "line_too_short",
            f"The vessel's line is {total:.2f} mm long, too short for steps of {step_mm:g} mm: choose a longer vessel, "
            "or a smaller step.",
        )
    line = resampled(points, step_mm)
    along = arc_length(line)
    tangent = tangents(smoothed(line, max(_TANGENT_SMOOTHING_MM, step_mm)))
    side = np.empty_like(line)
    first = _BACK if abs(float(tangent[0] @ _LEFT)) > _NEARLY_ALONG else _LEFT
    side[0] = _unit(first - (first @ tangent[0]) * tangent[0])
    for n in range(len(line) - 1):
        side[n + 1] = _carried(line[n], line[n + 1], tangent[n], tangent[n + 1], side[n])
    return VesselLine(line, along, tangent, side, np.cross(tangent, side))


def _carried(here: FloatArray, there: FloatArray, t0: FloatArray, t1: FloatArray, side: FloatArray) -> FloatArray:
    """The side vector at the next point: reflected in the plane between the points, then in that of the tangents."""
    v1 = there - here
    c1 = float(v1 @ v1)
    side_left, t_left = side - (2.0 / c1) * (v1 @ side) * v1, t0 - (2.0 / c1) * (v1 @ t0) * v1
    v2 = t1 - t_left
    c2 = float(v2 @ v2)
    carried = side_left - (2.0 / c2) * (v2 @ side_left) * v2 if c2 > 1e-18 else side_left
    return _unit(carried - (carried @ t1) * t1)


def _unit(vector: FloatArray) -> FloatArray:
    result: FloatArray = vector / np.linalg.norm(vector)
    return result


def _between(along: FloatArray, values: FloatArray, place: float) -> FloatArray:
    return np.array([np.interp(place, along, values[:, axis]) for axis in range(3)])
