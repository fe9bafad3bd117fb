"""The plane and the circle through the three hinge points of the aortic valve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.errors import ImagingError
from imaging.types import FloatArray

_LEAST_RADIUS_MM, _LARGEST_RADIUS_MM = 5.0, 30.0
"""Radius of the circle through three hinge points outside which they are no annulus; adult annuli are 17 to 32 mm wide,
an assumption widened to either side for children and for points set a little off."""
_FLATTEST = 0.25
"""Least height of the triangle of hinge points relative to its longest side: below it the plane is not determined."""


def hinge_circle(
    hinges_mm: FloatArray | Sequence[Sequence[float]], inside_mm: FloatArray | None = None
) -> tuple[FloatArray, float, FloatArray]:
    """Center (3,), radius and unit normal (3,) of the circle through three points (3, 3), mm LPS.

    Parameters
    ----------
    inside_mm : (3,), optional
        A point of the aorta, to whose side the normal points. Without it the normal points to the patient's head,
        because the outflow of the left ventricle runs upward; only an aorta that leaves downward would contradict.

    Raises
    ------
    ImagingError
        ``bad_hinges`` for points that span no plane or no annulus.
    """
    points = np.asarray(hinges_mm, dtype=float)
    sides = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    a, b = points[0] - points[2], points[1] - points[2]
    across = np.cross(a, b)
    twice_area = float(np.linalg.norm(across))
    longest = float(sides.max())
    if longest == 0.0 or twice_area < _FLATTEST * longest**2:
        raise ImagingError(
            "bad_hinges",
            "The three hinge points lie almost on a line, so that they span no plane: set one on each cusp.",
        )
    center = points[2] + np.cross((a @ a) * b - (b @ b) * a, across) / (2.0 * twice_area**2)
    radius = float(np.linalg.norm(points[0] - center))
    if not _LEAST_RADIUS_MM <= radius <= _LARGEST_RADIUS_MM:
        raise ImagingError(
            "bad_hinges",
            f"The circle through the hinge points is {2.0 * radius:.0f} mm wide, which is no aortic annulus: set each "
            "at the lowest point of its cusp.",
        )
    normal = across / twice_area
    upward = normal[2] if inside_mm is None else float((inside_mm - center) @ normal)
    return center, radius, normal if upward >= 0.0 else -normal
