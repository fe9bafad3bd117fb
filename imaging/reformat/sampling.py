"""Values of a scan between its voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.types import Volume

OUTSIDE = np.float32(np.nan)


def sampled(volume: Volume, positions_mm: Any) -> NDArray[np.float32]:
    """Values (...) of a scan at positions (..., 3) in mm LPS by trilinear interpolation; not a number outside it."""
    from scipy import ndimage

    ijk = volume.grid.to_index(positions_mm)
    values: NDArray[np.float32] = ndimage.map_coordinates(
        volume.array, np.moveaxis(ijk[..., ::-1], -1, 0), np.float32, order=1, mode="constant", cval=float(OUTSIDE)
    )
    return values
