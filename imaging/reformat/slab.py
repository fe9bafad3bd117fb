"""Thick slices: several thin ones seen as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SlabMode = Literal["thin", "MIP", "MinIP", "mean"]
SLAB_MODES: tuple[SlabMode, ...] = ("thin", "MIP", "MinIP", "mean")


@dataclass(frozen=True)
class Slab:
    """How slices are put together, over which thickness in mm. A thin one is a single slice."""

    mode: SlabMode = "thin"
    thickness_mm: float = 10.0

    def n_slices(self, step_mm: float) -> int:
        """How many slices ``step_mm`` apart make the slab: the odd number whose thickness is nearest, at least one."""
        if self.mode == "thin":
            return 1
        return 2 * max(0, round((self.thickness_mm / step_mm - 1.0) / 2.0)) + 1

    def reduced(self, slices: NDArray[Any], axis: int) -> NDArray[Any]:
        """Slices along an axis as one."""
        if self.mode == "MIP":
            return np.asarray(slices.max(axis=axis))
        if self.mode == "MinIP":
            return np.asarray(slices.min(axis=axis))
        return np.asarray(slices.mean(axis=axis, dtype=np.float32))


THIN = Slab()
