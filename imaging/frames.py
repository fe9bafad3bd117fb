"""The one place where an axis is flipped: LPS inside, RAS at the edges that need it, letters for the screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from imaging.types import FloatArray

_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))
_FLIP = np.array([-1.0, -1.0, 1.0])


def flip_lps_ras(points: Any) -> FloatArray:
    """RAS of LPS points ``(..., 3)``, or LPS of RAS points: the first two axes change sign."""
    flipped: FloatArray = np.asarray(points, dtype=float) * _FLIP
    return flipped


def orientation_letters(direction_lps: Any) -> str:
    """Letters of a direction in the patient, strongest first: ``"L"``, ``"LA"``, ``"HPR"``.

    Parameters
    ----------
    direction_lps : (3,) floats
        Any length but zero. Components below a quarter of the largest are not named.
    """
    vector = np.asarray(direction_lps, dtype=float)
    largest = float(np.abs(vector).max())
    if largest == 0.0:
        raise ValueError("a direction of length zero has no orientation letters")
    order = np.argsort(-np.abs(vector))
    return "".join(_LETTERS[axis][int(vector[axis] > 0)] for axis in order if abs(vector[axis]) >= 0.25 * largest)
