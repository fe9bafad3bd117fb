"""Where in a scan the vessels are seen best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, LabelMap


def widest_place(labels: LabelMap) -> FloatArray | None:
    """The middle (LPS mm) of the widest vessel in the slice that has the most labeled voxels, or None without any."""
    areas = np.count_nonzero(labels.array, axis=(1, 2))
    k = int(areas.argmax())
    if not areas[k]:
        return None
    core = np.pad(labels.array[k] > 0, 1)
    while (smaller := _eroded(core)).any():
        core = smaller
    middle = np.argwhere(core)
    j, i = middle[len(middle) // 2] - 1
    return labels.grid.to_lps((i, j, k))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask (n, m) with a clear edge without its outermost pixels."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return inner
