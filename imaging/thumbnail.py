"""A small gray picture of a slice, to recognize a series by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE = 96
_WINDOW_HU = (-160.0, 440.0)
"""Assumption: shows fat, soft tissue and enhanced vessels at once."""


def thumbnail(slice_: NDArray[Any], aspect: float = 1.0, *, is_hu: bool = True) -> NDArray[np.uint8]:
    """A square picture of a slice (rows, columns), letter-boxed with black.

    Parameters
    ----------
    aspect : float
        Distance between rows over that between columns.
    is_hu : bool
        Show a CT window; else from the 1st to the 99th percentile.
    """
    values = np.asarray(slice_, dtype=float)
    low, high = _WINDOW_HU if is_hu else (float(x) for x in np.percentile(values, [1.0, 99.0]))
    height, width = values.shape[0] * aspect, float(values.shape[1])
    scale = EDGE / max(height, width, 1.0)
    n_rows, n_columns = max(1, round(height * scale)), max(1, round(width * scale))
    rows = np.minimum((np.arange(n_rows) + 0.5) * values.shape[0] / n_rows, values.shape[0] - 1).astype(int)
    columns = np.minimum((np.arange(n_columns) + 0.5) * values.shape[1] / n_columns, values.shape[1] - 1).astype(int)
    gray = np.clip((values[np.ix_(rows, columns)] - low) / max(high - low, 1e-9), 0.0, 1.0) * 255.0
    picture = np.zeros((EDGE, EDGE), dtype=np.uint8)
    top, left = (EDGE - n_rows) // 2, (EDGE - n_columns) // 2
    picture[top : top + n_rows, left : left + n_columns] = np.nan_to_num(gray).astype(np.uint8)
    return picture
