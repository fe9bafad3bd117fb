"""Which part of a wall belongs to the artificial flow extensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def in_extension(points: FloatArray, start: FloatArray, cap_center: FloatArray, cap_radius: float) -> NDArray[np.bool_]:
    """Whether points (n, 3) lie on the straight extension from ``start`` (3,) to the cap's center (3,).

    They do when they are beyond the plane of the start and within one and a half cap radii of the axis.
    """
    axis = cap_center - start
    length = float(np.linalg.norm(axis))
    if length == 0.0:
        return np.zeros(len(points), dtype=bool)
    along = (points - start) @ (axis / length)
    beside = np.linalg.norm(points - start - along[:, None] * axis / length, axis=1)
    return np.asarray((along > 0.0) & (along <= length + 0.5 * cap_radius) & (beside <= 1.5 * cap_radius))
