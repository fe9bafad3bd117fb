"""Curved planar reformations: a scan along a vessel, stretched or straightened, and across it. All in true mm.

The kinds are those of Kanitsar, Fleischmann, Wegenkittl, Felkel, Groeller: CPR - Curved Planar Reformation, IEEE
Visualization 2002. In a straightened picture the rows are what lies across the vessel, so lengths along the vessel and
widths across it are true. A stretched picture unrolls the surface that a fixed direction sweeps along the vessel,
without distortion: lengths on that surface are true, and the vessel keeps its curves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.frames import orientation_letters
from imaging.reformat.sampling import sampled
from imaging.reformat.vessel_line import VesselLine
from imaging.types import FloatArray, Grid, Volume

CurvedKind = Literal["straightened", "stretched"]
_MOST_PIXELS = 4096


@dataclass(frozen=True, eq=False)
class CurvedPicture:
    """A picture along a vessel: rows follow the vessel from its start, columns go across; square pixels.

    Attributes
    ----------
    values : (n_rows, n_columns) float32
        In the scan's unit; not a number outside the scan.
    pixel_mm
        Size of a pixel both ways.
    along_mm : (n_rows,)
        Arc length of the vessel at each row.
    axis_mm : (n_rows,)
        Where the vessel's line is in each row, mm from the left edge's pixel center.
    across : (n_rows, 3)
        Unit vector (LPS) that points right in each row.
    origin_mm : (n_rows, 3)
        Position (LPS) of the first pixel of each row.
    """

    kind: CurvedKind
    values: NDArray[np.float32]
    pixel_mm: float
    along_mm: FloatArray
    axis_mm: FloatArray
    across: FloatArray
    origin_mm: FloatArray

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height."""
        rows, columns = self.values.shape
        return columns * self.pixel_mm, rows * self.pixel_mm

    def place_of(self, along_mm: float) -> tuple[float, float]:
        """Where the vessel's line is at an arc length: mm right and down from the picture's upper left corner."""
        row = float(np.interp(along_mm, self.along_mm, np.arange(len(self.along_mm))))
        column_mm = float(np.interp(along_mm, self.along_mm, self.axis_mm))
        return column_mm + 0.5 * self.pixel_mm, (row + 0.5) * self.pixel_mm

    def along_at(self, down_mm: float) -> float:
        """Arc length at a height of the picture."""
        row = down_mm / self.pixel_mm - 0.5
        return float(np.interp(row, np.arange(len(self.along_mm)), self.along_mm))

    def to_lps(self, right_mm: float, down_mm: float) -> FloatArray:
        """The position (3,) in LPS that a place of the picture shows."""
        rows = np.arange(len(self.along_mm))
        row = down_mm / self.pixel_mm - 0.5
        origin = np.array([np.interp(row, rows, self.origin_mm[:, axis]) for axis in range(3)])
        across = np.array([np.interp(row, rows, self.across[:, axis]) for axis in range(3)])
        position: FloatArray = origin + (right_mm - 0.5 * self.pixel_mm) * across / np.linalg.norm(across)
        return position

    def letters_at(self, along_mm: float) -> tuple[str, str]:
        """Orientation letters of left and right where the vessel is at an arc length."""
        across = self.across[int(np.abs(self.along_mm - along_mm).argmin())]
        return orientation_letters(-across), orientation_letters(across)

    def as_volume(self, volume: Volume) -> Volume:
        """The picture as a volume one voxel thick; no place in the patient. Outside the scan: its lowest value."""
        rows, columns = self.values.shape
        size = (columns, rows, 1)
        return Volume(
            _filled(self.values)[None], Grid(size, (self.pixel_mm,) * 3, (0.0,) * 3), volume.modality, volume.unit
        )


def straightened(
    volume: Volume, line: VesselLine, half_width_mm: float, pixel_mm: float, angle_deg: float = 0.0
) -> CurvedPicture:
    """The scan on the band across the vessel in the direction that is ``angle_deg`` from the frame's side vector.

    Parameters
    ----------
    half_width_mm : float
        How far the picture reaches to either side of the vessel's line.
    """
    angle = np.deg2rad(angle_deg)
    n = _n_pixels(line.length_mm, pixel_mm)
    along = np.asarray(np.arange(n) * pixel_mm, dtype=float)
    points, side, other = (_along(line, values, along) for values in (line.points, line.side, line.other))
    across = np.cos(angle) * side + np.sin(angle) * other
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    half = max(1, round(half_width_mm / pixel_mm))
    offset = np.arange(-half, half + 1) * pixel_mm
    positions = points[:, None] + offset[None, :, None] * across[:, None]
    axis = np.full(n, half * pixel_mm)
    origin = points - half * pixel_mm * across
    return CurvedPicture("straightened", sampled(volume, positions), pixel_mm, along, axis, across, origin)


def stretched(
    volume: Volume, line: VesselLine, half_width_mm: float, pixel_mm: float, angle_deg: float = 0.0
) -> CurvedPicture:
    """The scan on the surface that a fixed direction sweeps along the vessel, unrolled.

    The direction lies across the vessel's main direction, ``angle_deg`` about it from the patient's left (or back).
    Rows are even in the length of the vessel as seen along that direction, so the unrolled surface is true to scale; in
    a piece that runs along the direction itself the surface turns back on its own line, and the picture shows that
    piece within one row.
    """
    way = sweep_direction(line, angle_deg)
    reach = line.points @ way
    seen = line.points - reach[:, None] * way
    unrolled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(seen, axis=0), axis=1))])
    unrolled += np.arange(len(unrolled)) * 1e-9  # strictly rising, for the inverse
    rows = np.arange(_n_pixels(float(unrolled[-1]), pixel_mm)) * pixel_mm
    along = np.interp(rows, unrolled, line.along_mm)
    points = _along(line, line.points, along)
    beside = points @ way
    low = float(reach.min()) - half_width_mm
    n_columns = _n_pixels(float(reach.max()) + half_width_mm - low, pixel_mm) + 1
    origin = points + (low - beside)[:, None] * way
    positions = origin[:, None] + (np.arange(n_columns) * pixel_mm)[None, :, None] * way
    across = np.broadcast_to(way, points.shape).copy()
    return CurvedPicture("stretched", sampled(volume, positions), pixel_mm, along, beside - low, across, origin)


def sweep_direction(line: VesselLine, angle_deg: float) -> FloatArray:
    """The unit vector (3,) that sweeps a stretched picture's surface; it points right in the picture."""
    main = np.linalg.svd(line.points - line.points.mean(axis=0), full_matrices=False)[2][0]
    helper = np.array([0.0, 1.0, 0.0]) if abs(main[0]) > 0.9 else np.array([1.0, 0.0, 0.0])
    side = helper - (helper @ main) * main
    side /= np.linalg.norm(side)
    angle = np.deg2rad(angle_deg)
    way: FloatArray = np.cos(angle) * side + np.sin(angle) * np.cross(main, side)
    return way


@dataclass(frozen=True, eq=False)
class CrossSection:
    """The scan across a vessel: ``values`` (n, n) float32 around ``center_mm``, right is ``side``, down is ``down``."""

    values: NDArray[np.float32]
    pixel_mm: float
    center_mm: FloatArray
    side: FloatArray
    down: FloatArray

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height."""
        return self.values.shape[1] * self.pixel_mm, self.values.shape[0] * self.pixel_mm

    def to_lps(self, right_mm: float, down_mm: float) -> FloatArray:
        """The position (3,) in LPS at a place of the picture, mm from its upper left corner."""
        width, height = self.extent_mm
        position: FloatArray = (
            self.center_mm + (right_mm - width / 2.0) * self.side + (down_mm - height / 2.0) * self.down
        )
        return position

    def to_picture(self, positions_mm: FloatArray) -> FloatArray:
        """Places (..., 2) in the picture, mm from its upper left corner, of positions (..., 3)."""
        width, height = self.extent_mm
        offset = np.asarray(positions_mm) - self.center_mm
        return np.stack([offset @ self.side + width / 2.0, offset @ self.down + height / 2.0], axis=-1)

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the left, top, right and bottom edge."""
        return (
            orientation_letters(-self.side),
            orientation_letters(-self.down),
            orientation_letters(self.side),
            orientation_letters(self.down),
        )


def cross_section(
    volume: Volume, line: VesselLine, along_mm: float, half_width_mm: float, pixel_mm: float, angle_deg: float = 0.0
) -> CrossSection:
    """The scan in the plane across the vessel at an arc length, seen along the flow; its right is that of the
    straightened picture of the same angle."""
    point, tangent, side, other = line.at(along_mm)
    angle = np.deg2rad(angle_deg)
    right = np.cos(angle) * side + np.sin(angle) * other
    down = np.cross(tangent, right)
    half = max(1, round(half_width_mm / pixel_mm))
    offset = np.arange(-half, half + 1) * pixel_mm
    positions = point + offset[None, :, None] * right + offset[:, None, None] * down
    return CrossSection(sampled(volume, positions), pixel_mm, point, right, down)


def straightened_volume(volume: Volume, line: VesselLine, half_width_mm: float, pixel_mm: float) -> Volume:
    """The vessel straightened in space: ``array[k, j, i]`` with i along the frame's side, j along its other vector and
    k along the vessel, cubic voxels. It is no place in the patient: its origin is the vessel's start on its axis.
    """
    along = np.asarray(np.arange(_n_pixels(line.length_mm, pixel_mm)) * pixel_mm, dtype=float)
    points, side, other = (_along(line, values, along) for values in (line.points, line.side, line.other))
    half = max(1, round(half_width_mm / pixel_mm))
    offset = np.arange(-half, half + 1) * pixel_mm
    array = np.empty((len(along), len(offset), len(offset)), dtype=np.float32)
    for k in range(len(along)):
        plane = points[k] + offset[None, :, None] * side[k] + offset[:, None, None] * other[k]
        array[k] = sampled(volume, plane)
    size = (len(offset), len(offset), len(along))
    grid = Grid(size, (pixel_mm, pixel_mm, pixel_mm), (-half * pixel_mm, -half * pixel_mm, 0.0))
    return Volume(_filled(array), grid, volume.modality, volume.unit)


def _n_pixels(length_mm: float, pixel_mm: float) -> int:
    n = max(2, int(length_mm / pixel_mm + 1e-9) + 1)
    if n > _MOST_PIXELS:
        raise ImagingError(
            "picture_too_large",
            f"A picture of {length_mm:.0f} mm with pixels of {pixel_mm:g} mm would have {n} of them: "
            f"at most {_MOST_PIXELS} are made; choose larger pixels.",
        )
    return n


def _along(line: VesselLine, values: FloatArray, along_mm: FloatArray) -> FloatArray:
    return np.stack([np.interp(along_mm, line.along_mm, values[:, axis]) for axis in range(3)], axis=1)


def _filled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values with the lowest one where the scan does not reach."""
    is_known = np.isfinite(values)
    low = values[is_known].min() if is_known.any() else np.float32(0.0)
    filled: NDArray[np.float32] = np.where(is_known, values, low).astype(np.float32)
    return filled
