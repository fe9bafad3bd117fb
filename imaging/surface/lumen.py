"""The uncut lumen that a model is built from, whether it came from labels or from a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.surface.lumen_field import LumenField
from imaging.surface.polydata import SignedDistance
from imaging.types import FloatArray, IntArray, LabelMap


@dataclass(frozen=True, eq=False)
class Lumen:
    """Its field, closed wall (n, 3) and (m, 3), signed distance, and the labels to ask for names, if there are any."""

    field: LumenField
    points: FloatArray
    triangles: IntArray
    distance: SignedDistance
    voxel_mm: float
    step_mm: float
    labels: LabelMap | None = None

    @property
    def label_names(self) -> dict[int, str]:
        """Names of vessels by label value; none without labels."""
        return {int(v): name for v, name in self.labels.names.items() if v} if self.labels is not None else {}

    def label_at(self, xyz_mm: FloatArray) -> IntArray:
        """Label value (n,) along a line; background between takes the value before it. Without labels it is 1."""
        if self.labels is None:
            return np.ones(len(xyz_mm), np.int64)
        index = self.labels.grid.to_index(xyz_mm)[:, ::-1].T
        values = ndimage.map_coordinates(self.labels.array, index, order=0, mode="constant").astype(np.int64)
        known = np.flatnonzero(values)
        if len(known) == 0:
            return values
        last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
        return values[known[np.maximum(last, 0)]]
