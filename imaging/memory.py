"""Refuses an image that the computer's memory cannot hold, before anything is allocated for it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from imaging.errors import ImagingError

_BYTES_PER_GB = 1e9


def require_memory(size: Sequence[int], bytes_per_voxel: int) -> None:
    """Refuse an image whose values do not fit into the memory that is free.

    Parameters
    ----------
    size : sequence of int
        Voxels along each axis.
    bytes_per_voxel : int
        Of what will be held at once, working copies included.

    Raises
    ------
    ImagingError
        ``too_large``.
    """
    import psutil

    needed = math.prod(size) * bytes_per_voxel / _BYTES_PER_GB
    free = psutil.virtual_memory().available / _BYTES_PER_GB
    if needed > free:
        shape = " x ".join(map(str, size))
        raise ImagingError(
            "too_large",
            f"This image says that it has {shape} voxels, which need {needed:.3g} GB of memory, but {free:.3g} GB are "
            "free; close other programs, or check the file.",
        )
