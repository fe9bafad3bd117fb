"""A slice at any angle, with the interface of `SlicePlane`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.desktop.views.slice_plane import PlaneName, SlicePlane
from imaging.frames import orientation_letters
from imaging.reformat.slab import THIN, Slab
from imaging.types import FloatArray, Grid

if TYPE_CHECKING:
    from imaging.reformat.oblique import Reslicer

_MOST_KEPT = 3


class Reslicers:
    """The reslicers of the arrays that are shown; the newest few are kept."""

    def __init__(self) -> None:
        self._kept: list[tuple[NDArray[Any], Reslicer]] = []

    def of(self, array: NDArray[Any], grid: Grid) -> Reslicer:
        """The reslicer of an array."""
        from imaging.reformat.oblique import Reslicer

        for known, reslicer in self._kept:
            if known is array:
                return reslicer
        made = Reslicer(array, grid)
        self._kept = [*self._kept[-_MOST_KEPT + 1 :], (array, made)]
        return made

    def clear(self) -> None:
        """Forget all arrays."""
        self._kept = []


@dataclass(frozen=True, eq=False)
class ObliquePlane:
    """A plane through the whole grid: ``axes`` point right, down, and through it in the direction of rising index.

    Screen coordinates are mm from the top left corner of the picture, x right, y down. A slice index counts steps of
    the smallest voxel edge from the grid's middle, fractions allowed.
    """

    name: PlaneName
    grid: Grid
    axes: tuple[FloatArray, FloatArray, FloatArray]
    scroll_sign: int
    reslicers: Reslicers

    @classmethod
    def of(cls, plane: SlicePlane, reslicers: Reslicers) -> ObliquePlane:
        """The plane that shows what an orthogonal one shows."""
        return cls(plane.name, plane.grid, plane.axes, plane.scroll_sign, reslicers)

    @staticmethod
    def turned(
        planes: Mapping[PlaneName, ObliquePlane], name: PlaneName, angle_deg: float
    ) -> dict[PlaneName, ObliquePlane]:
        """The planes after the other two were turned in one of them, clockwise as it is seen; it stays as it is."""
        right, down, _ = planes[name].axes
        normal, angle = np.cross(right, down), np.deg2rad(angle_deg)

        def turn(v: FloatArray) -> FloatArray:
            across = np.cross(normal, v)
            rotated: FloatArray = (
                np.cos(angle) * v + np.sin(angle) * across + (1 - np.cos(angle)) * (normal @ v) * normal
            )
            return rotated

        return {
            key: plane
            if key == name
            else replace(plane, axes=(turn(plane.axes[0]), turn(plane.axes[1]), turn(plane.axes[2])))
            for key, plane in planes.items()
        }

    @property
    def is_oblique(self) -> bool:
        """That it is no plane of the grid."""
        return True

    @property
    def step_mm(self) -> float:
        """Distance of two slices, and size of a pixel."""
        return float(min(self.grid.spacing_mm))

    @property
    def n_slices(self) -> int:
        """Number of slices through the grid."""
        low, high = self._reach[2]
        return int((high - low) / self.step_mm) + 1

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height of the picture."""
        rows, columns = self._shape
        return columns * self.step_mm, rows * self.step_mm

    @cached_property
    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the left, top, right and bottom edge."""
        right, down, _ = self.axes
        return tuple(orientation_letters(way) for way in (-right, -down, right, down))  # type: ignore[return-value]

    def slice_index(self, position_mm: Any) -> float:
        """Where a position lies through the plane."""
        low, high = self._reach[2]
        depth = float((np.asarray(position_mm, dtype=float) - self._middle) @ self.axes[2])
        return float(np.clip(depth, low, high)) / self.step_mm

    def depth_mm(self, positions_mm: Any, slice_index: float) -> FloatArray:
        """How far positions (..., 3) lie behind a slice in the direction of rising index, mm."""
        offset = np.asarray(positions_mm, dtype=float) - self._middle
        return np.asarray(offset @ self.axes[2] - slice_index * self.step_mm, dtype=float)

    def stepped(self, position_mm: Any, notches: int) -> FloatArray:
        """The position some slices further up, kept in the grid."""
        low, high = self._reach[2]
        depth = float((np.asarray(position_mm, dtype=float) - self._middle) @ self.axes[2])
        wanted = float(np.clip(depth + notches * self.scroll_sign * self.step_mm, low, high))
        return np.asarray(position_mm + (wanted - depth) * self.axes[2], dtype=float)

    def image(
        self, array: NDArray[Any], slice_index: float, slab: Slab = THIN, *, is_label: bool = False
    ) -> NDArray[Any]:
        """The slice of ``array[k, j, i]``, thin or thick."""
        corner = self.to_lps(0.5 * self.step_mm, 0.5 * self.step_mm, slice_index)
        reslicer = self.reslicers.of(array, self.grid)
        return reslicer.plane(corner, self.axes, self.step_mm, self._shape, slab, is_label=is_label)

    def to_screen_mm(self, positions_mm: Any) -> FloatArray:
        """Screen coordinates ``(..., 2)`` of positions ``(..., 3)`` in LPS."""
        offset = np.asarray(positions_mm, dtype=float) - self._middle
        width, height = self.extent_mm
        return np.stack([offset @ self.axes[0] + width / 2.0, offset @ self.axes[1] + height / 2.0], axis=-1)

    def to_lps(self, x_mm: float, y_mm: float, slice_index: float) -> FloatArray:
        """The position (3,) in LPS under a point of the screen, in a slice."""
        width, height = self.extent_mm
        right, down, through = self.axes
        position: FloatArray = (
            self._middle
            + (x_mm - width / 2.0) * right
            + (y_mm - height / 2.0) * down
            + slice_index * self.step_mm * through
        )
        return position

    @cached_property
    def _middle(self) -> FloatArray:
        return self.grid.to_lps((np.asarray(self.grid.size) - 1) / 2.0)

    @cached_property
    def _shape(self) -> tuple[int, int]:
        rows, columns = (int(np.ceil(2.0 * self._reach[axis][1] / self.step_mm)) | 1 for axis in (1, 0))
        return rows, columns

    @cached_property
    def _reach(self) -> tuple[tuple[float, float], ...]:
        """How far the grid reaches along each axis to both sides of its middle, mm."""
        corners = np.array(list(product(*((-0.5, n - 0.5) for n in self.grid.size))))
        away = self.grid.to_lps(corners) - self._middle
        return tuple((float((away @ axis).min()), float((away @ axis).max())) for axis in self.axes)
