"""How a slice of a scan lies on the screen: which index axis runs where, and which letter stands at which edge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.frames import orientation_letters
from imaging.reformat.slab import THIN, Slab
from imaging.types import FloatArray, Grid

PlaneName = Literal["axial", "sagittal", "coronal"]
PLANE_NAMES: tuple[PlaneName, ...] = ("axial", "sagittal", "coronal")

# Patient axes (0 left, 1 posterior, 2 head) that run across the screen, down the screen, and through it.
_PATIENT_AXES = {"axial": (0, 1, 2), "sagittal": (1, 2, 0), "coronal": (0, 2, 1)}
# Whether the positive patient axis points right and down on the screen: radiological convention.
_SCREEN_SIGNS = {"axial": (1, 1), "sagittal": (1, -1), "coronal": (1, -1)}
# Scrolling up goes to the head, to the patient's left, and to the front.
_SCROLL_SIGN = {"axial": 1, "sagittal": 1, "coronal": -1}


@dataclass(frozen=True)
class SlicePlane:
    """One of the three planes of a grid, in the grid's own axes.

    An oblique grid is not resampled: each plane takes the index axes that are nearest to the patient's, and the
    letters tell the rest. Screen coordinates are mm from the top left corner of the image, x right, y down.
    """

    name: PlaneName
    grid: Grid
    across: int
    down: int
    through: int
    is_flipped_across: bool
    is_flipped_down: bool
    scroll_sign: int

    @classmethod
    def of(cls, name: PlaneName, grid: Grid) -> SlicePlane:
        """The plane of that name in a grid."""
        direction = np.asarray(grid.direction, dtype=float).reshape(3, 3)
        index_axis = max(permutations(range(3)), key=lambda axes: sum(abs(direction[n, axes[n]]) for n in range(3)))
        across, down, through = (index_axis[patient] for patient in _PATIENT_AXES[name])
        signs = [int(np.sign(direction[patient, index_axis[patient]])) for patient in _PATIENT_AXES[name]]
        screen = _SCREEN_SIGNS[name]
        return cls(
            name=name,
            grid=grid,
            across=across,
            down=down,
            through=through,
            is_flipped_across=signs[0] * screen[0] < 0,
            is_flipped_down=signs[1] * screen[1] < 0,
            scroll_sign=signs[2] * _SCROLL_SIGN[name],
        )

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return self.grid.size[self.through]

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height of the image."""
        size, spacing = self.grid.size, self.grid.spacing_mm
        return size[self.across] * spacing[self.across], size[self.down] * spacing[self.down]

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the left, top, right and bottom edge."""
        right, bottom, _ = self.axes
        return (
            orientation_letters(-right),
            orientation_letters(-bottom),
            orientation_letters(right),
            orientation_letters(bottom),
        )

    def slice_index(self, position_mm: Any) -> int:
        """The slice nearest to a position (LPS), kept inside the grid."""
        index = self.grid.to_index(position_mm)[self.through]
        return int(np.clip(np.rint(index), 0, self.n_slices - 1))

    @property
    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Unit vectors (LPS) that point right, down, and from slice to slice with rising index."""
        columns = np.asarray(self.grid.direction, dtype=float).reshape(3, 3).T
        right = columns[self.across] * (-1.0 if self.is_flipped_across else 1.0)
        down = columns[self.down] * (-1.0 if self.is_flipped_down else 1.0)
        return right, down, columns[self.through]

    def depth_mm(self, positions_mm: Any, slice_index: int) -> FloatArray:
        """How far positions (..., 3) lie behind a slice in the direction of rising index, mm."""
        index = self.grid.to_index(positions_mm)[..., self.through]
        return np.asarray((index - slice_index) * self.grid.spacing_mm[self.through], dtype=float)

    @property
    def is_oblique(self) -> bool:
        """That it is a plane of the grid."""
        return False

    @property
    def step_mm(self) -> float:
        """Distance of two slices."""
        return self.grid.spacing_mm[self.through]

    def stepped(self, position_mm: Any, notches: int) -> FloatArray:
        """The position some slices further up, in the middle of a slice, kept in the grid."""
        index = self.grid.to_index(position_mm)
        wanted = self.slice_index(position_mm) + notches * self.scroll_sign
        index[self.through] = np.clip(wanted, 0, self.n_slices - 1)
        return self.grid.to_lps(index)

    def image(
        self, array: NDArray[Any], slice_index: int, slab: Slab = THIN, *, is_label: bool = False
    ) -> NDArray[Any]:
        """The slice of ``array[k, j, i]`` as rows from the top and columns from the left of the screen.

        A thin one, and one of labels, is a view of the array.
        """
        axis = 2 - self.through
        where: list[Any] = [slice(None)] * 3
        half = 0 if is_label else slab.n_slices(self.step_mm) // 2
        if half:
            where[axis] = slice(max(0, slice_index - half), slice_index + half + 1)
            plane: NDArray[Any] = slab.reduced(array[tuple(where)], axis)
        else:
            where[axis] = slice_index
            plane = array[tuple(where)]
        if self.across > self.down:  # its rows run along the higher of the two other index axes
            plane = plane.T
        return plane[:: -1 if self.is_flipped_down else 1, :: -1 if self.is_flipped_across else 1]

    def to_screen_mm(self, positions_mm: Any) -> FloatArray:
        """Screen coordinates ``(..., 2)`` of positions ``(..., 3)`` in LPS."""
        index = self.grid.to_index(positions_mm)
        size, spacing = self.grid.size, self.grid.spacing_mm
        u, v = index[..., self.across], index[..., self.down]
        if self.is_flipped_across:
            u = size[self.across] - 1 - u
        if self.is_flipped_down:
            v = size[self.down] - 1 - v
        return np.stack([(u + 0.5) * spacing[self.across], (v + 0.5) * spacing[self.down]], axis=-1)

    def to_lps(self, x_mm: float, y_mm: float, slice_index: int) -> FloatArray:
        """The position (3,) in LPS under a point of the screen, in the middle of a slice."""
        size, spacing = self.grid.size, self.grid.spacing_mm
        u, v = x_mm / spacing[self.across] - 0.5, y_mm / spacing[self.down] - 0.5
        index = np.empty(3)
        index[self.across] = size[self.across] - 1 - u if self.is_flipped_across else u
        index[self.down] = size[self.down] - 1 - v if self.is_flipped_down else v
        index[self.through] = slice_index
        return self.grid.to_lps(index)
