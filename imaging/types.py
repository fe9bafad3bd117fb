"""What imaging hands on: frozen records in mm and LPS (x to the patient's left, y to the back, z to the head)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a short text; it raises to cancel."""


def silent(fraction: float, text: str) -> None:
    """Progress that nobody watches."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part of some work, from 0 to 1, as progress of the whole, from ``start`` to ``end``."""
    return lambda fraction, text: progress(start + (end - start) * fraction, text)


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an image lie in the patient.

    Attributes
    ----------
    size : (n_i, n_j, n_k)
        Voxels along each index axis; arrays are indexed ``[k, j, i]``.
    spacing_mm, origin_mm
        Distance between voxel centers; center of voxel (0, 0, 0) in LPS.
    direction
        3 x 3, row-major; column ``a`` is the unit vector of index axis ``a`` in LPS.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def index_to_lps_matrix(self) -> FloatArray:
        """The 3 x 3 matrix that takes a voxel index offset (i, j, k) to an offset in mm (LPS)."""
        matrix: FloatArray = np.asarray(self.direction, dtype=float).reshape(3, 3) * np.asarray(self.spacing_mm)
        return matrix

    @property
    def array_shape(self) -> tuple[int, int, int]:
        """Shape ``(n_k, n_j, n_i)`` of an array on this grid."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def to_lps(self, ijk: Any) -> FloatArray:
        """LPS position in mm of voxel indices ``(..., 3)`` ordered (i, j, k); fractions allowed."""
        position: FloatArray = np.asarray(ijk, dtype=float) @ self.index_to_lps_matrix.T + np.asarray(self.origin_mm)
        return position

    def to_index(self, xyz_mm: Any) -> FloatArray:
        """Fractional voxel index ``(..., 3)``, ordered (i, j, k), of LPS positions in mm."""
        offset = np.asarray(xyz_mm, dtype=float) - np.asarray(self.origin_mm)
        index: FloatArray = offset @ np.linalg.inv(self.index_to_lps_matrix).T
        return index

    def contains(self, xyz_mm: Any) -> NDArray[np.bool_]:
        """Whether LPS positions ``(..., 3)`` lie within the outer voxel borders."""
        index = self.to_index(xyz_mm)
        inside: NDArray[np.bool_] = np.all((index >= -0.5) & (index <= np.asarray(self.size) - 0.5), axis=-1)
        return inside


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan: ``array[k, j, i]`` in ``unit`` on ``grid``."""

    array: NDArray[Any]
    grid: Grid
    modality: Literal["CT", "MR", "XA", "unknown"] = "CT"
    unit: str = "HU"


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Which voxel belongs to what: ``array[k, j, i]`` of uint8, 0 is background, ``names[value]`` names a value."""

    array: NDArray[np.uint8]
    grid: Grid
    names: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles: ``points`` (n, 3) in mm LPS, ``triangles`` (m, 3) counter-clockwise seen from outside."""

    points: FloatArray
    triangles: IntArray
    point_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    triangle_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """One vessel of a tree: the indices of its centerline points from its start (upstream) to its end.

    A daughter's first point is the point of its parent where it departs.
    """

    name: str
    indices: tuple[int, ...]
    parent: str | None = None


@dataclass(frozen=True, eq=False)
class CenterlineTree:
    """Centerlines: ``points`` (n, 3) mm LPS, ``radius_mm`` (n,) of the largest inscribed sphere, and the branches."""

    points: FloatArray
    radius_mm: FloatArray
    branches: tuple[Branch, ...]

    def branch(self, name: str) -> Branch:
        """The branch of that name; KeyError if there is none."""
        for branch in self.branches:
            if branch.name == name:
                return branch
        raise KeyError(name)


@dataclass(frozen=True)
class Patch:
    """A named part of the boundary. ``normal`` points out of the lumen; area and radius are those of caps (wall: 0)."""

    id: int
    name: str
    kind: Literal["wall", "inlet", "outlet"]
    center_mm: tuple[float, float, float]
    normal: tuple[float, float, float]
    area_mm2: float
    radius_mm: float


WALL_PATCH_ID = 1


@dataclass(frozen=True)
class VesselEnd:
    """Where a vessel tree is to open: the model is cut across the vessel at ``position_mm`` (LPS, in the lumen).

    ``normal`` is the unit vector out of the model across the plane to cut in, where the anatomy tells one.
    """

    name: str
    kind: Literal["inlet", "outlet"]
    position_mm: tuple[float, float, float]
    normal: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class VesselModel:
    """The closed lumen surface whose ``triangle_data["patch"]`` names each triangle's patch, and its centerlines.

    The wall is patch 1, the inlet 2, the outlets follow. ``extension_start_mm`` tells for each cap patch id where the
    anatomy ends and the artificial flow extension begins (its center, LPS). ``figures`` holds what was measured while
    building (names carry units), ``notes`` what a reader of the model must know (methods used, corrections made).
    """

    surface: Surface
    patches: tuple[Patch, ...]
    centerlines: CenterlineTree
    extension_start_mm: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TetMesh:
    """Tetrahedra: ``points`` (n, 3) mm LPS, ``tets`` (m, 4) of positive volume, boundary ``facets`` (f, 3), outward.

    ``facet_patch`` (f,) gives each facet's patch id; ``layer`` (m,) is 1, 2, 3 ... for boundary layers counted from the
    wall and 0 for the core. ``notes`` lists the repairs that were needed to make the mesh.
    """

    points: FloatArray
    tets: IntArray
    facets: IntArray
    facet_patch: NDArray[np.int32]
    layer: NDArray[np.int8]
    patches: tuple[Patch, ...]
    notes: tuple[str, ...] = ()
