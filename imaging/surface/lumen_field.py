"""A smooth lumen field on a fine grid whose 0.5 level is the sub-voxel wall.

The occupancy of each voxel (the label, or the partial volume that the scan shows) is low-pass filtered with a kernel
that keeps the second moment, so that convex vessels do not shrink to first order, refined by cubic interpolation, and
shifted locally so that the volume inside the 0.5 level stays that of the label or, with a scan, that of the partial
volumes: a label counts whole voxels, which on a thin tube along an axis can be a tenth too many.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.types import FloatArray, Grid

FloatField = NDArray[np.float32]

_MARGIN_VOXELS = 6
_MAX_FINE_VOXELS = 16_000_000
_VOLUME_PASSES = 8
_WIDER = ((2.5, 1.35), (6.5, 1.8), (8.5, 2.2))
_GAP_CEILING = 0.4
_GAP_REACH = 4
_VOLUME_TOLERANCE = 0.0005
_BAND = 0.01
"""Samples nearer than this to 0 or 1 lie too far from the wall to be moved across it. Our choice."""


@dataclass(frozen=True, eq=False)
class LumenField:
    """Occupancy ``values[k, j, i]`` (1 inside, 0 outside, 0.5 on the wall) on ``grid``."""

    values: FloatField
    grid: Grid

    def sample(self, xyz_mm: FloatArray) -> FloatArray:
        """Occupancy at LPS positions ``(..., 3)``, trilinear; 0 outside the grid."""
        index = self.grid.to_index(xyz_mm)[..., ::-1]
        flat = index.reshape(-1, 3).T
        values: FloatArray = ndimage.map_coordinates(self.values, flat, order=1, mode="constant", cval=0.0)
        return values.reshape(index.shape[:-1]).astype(float)


def crop_to_lumen(mask: NDArray[np.bool_], grid: Grid) -> tuple[tuple[slice, ...], NDArray[np.bool_], Grid]:
    """The lumen with a margin of background on every side (also where it touches the border of the scan).

    Returns
    -------
    (region, mask, grid)
        The slices of the input that hold the lumen, the padded mask, and its grid.
    """
    occupied = np.argwhere(mask)
    first, last = occupied.min(axis=0), occupied.max(axis=0) + 1
    region = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    padded = np.pad(mask[region], _MARGIN_VOXELS)
    return region, padded, _window(grid, first - _MARGIN_VOXELS, padded.shape)


def lumen_field(
    mask: NDArray[np.bool_],
    occupancy: FloatField,
    grid: Grid,
    smoothing_voxels: float,
    window_voxels: float,
    content: FloatField | None = None,
) -> LumenField:
    """Smooth, refine and volume-correct an occupancy.

    Parameters
    ----------
    mask : (n_k, n_j, n_i) bool
        The label, with a margin of background.
    occupancy : (n_k, n_j, n_i) float32
        Part of each voxel that is lumen, 0 to 1; the mask itself when there is no scan.
    grid : Grid
        Of both.
    smoothing_voxels : float
        Standard deviation of the filter in voxels along each axis.
    window_voxels : float
        Standard deviation of the neighborhood in which the volume is kept.
    content : (n_k, n_j, n_i) float32, optional
        Part of each voxel whose volume is kept; the label's when left out.
    """
    smooth = _smooth(mask, occupancy, smoothing_voxels)
    factors = _refinement(grid, occupancy.shape)
    kept = mask.astype(np.float32) if content is None else content
    fine, gaps = _refine(smooth, factors), _gaps(mask)
    ceiling = None
    if gaps.any():
        ceiling = _refine_linear(np.where(gaps, _GAP_CEILING, 2.0 - _GAP_CEILING).astype(np.float32), factors)
        np.minimum(fine, ceiling, out=fine)
    band = _Band(fine, ceiling, factors)
    for _ in range(_VOLUME_PASSES):
        shift, missing = band.correction(kept, window_voxels)
        if abs(missing) < _VOLUME_TOLERANCE * float(kept.sum()):
            break
        band.move(shift)
    n_k, n_j, n_i = fine.shape
    d_i, d_j, d_k = (s / f for s, f in zip(grid.spacing_mm, factors[::-1], strict=True))
    return LumenField(fine, replace(grid, size=(n_i, n_j, n_k), spacing_mm=(d_i, d_j, d_k)))


def _window(grid: Grid, first_kji: NDArray[np.int64], shape: tuple[int, ...]) -> Grid:
    x, y, z = (float(c) for c in grid.to_lps(first_kji[::-1]))
    n_k, n_j, n_i = shape
    return replace(grid, size=(n_i, n_j, n_k), origin_mm=(x, y, z))


def _smooth(mask: NDArray[np.bool_], occupancy: FloatField, smoothing_voxels: float) -> FloatField:
    """Low-pass, wider where the vessel is: what is noise on a wide vessel can be the whole of a narrow one."""
    smooth = _low_pass(occupancy, smoothing_voxels)
    depth = ndimage.distance_transform_edt(mask)
    for radius_voxels, factor in _WIDER:
        if depth.max() < radius_voxels:
            break
        ball_centers = depth >= radius_voxels
        reached = ndimage.distance_transform_edt(~ball_centers) <= radius_voxels + 2.0
        weight = ndimage.gaussian_filter(reached.astype(np.float32), 1.0)
        smooth += weight * (_low_pass(occupancy, factor * smoothing_voxels) - smooth)
    return smooth


def _gaps(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Background voxels that alone keep two pieces of lumen apart; smoothing must not close them.

    They touch two pieces of lumen that do not meet within four voxels: the end of a fold, or the cleft behind a small
    bulge, is left to the smoothing.
    """
    between = np.zeros_like(mask)
    for offset in itertools.product((-1, 0, 1), repeat=3):
        if offset > (0, 0, 0):
            between |= np.roll(mask, offset, (0, 1, 2)) & np.roll(mask, tuple(-o for o in offset), (0, 1, 2))
    gaps = np.zeros_like(mask)
    by_faces = ndimage.generate_binary_structure(3, 1)
    for voxel in np.argwhere(between & ~mask):
        first = np.maximum(voxel - _GAP_REACH, 0)
        window = tuple(slice(a, b) for a, b in zip(first, voxel + _GAP_REACH + 1, strict=True))
        pieces, _ = ndimage.label(mask[window], by_faces)
        k, j, i = voxel - first
        beside = pieces[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2]
        gaps[tuple(voxel)] = len(np.unique(beside[beside > 0])) > 1
    return gaps


def _low_pass(occupancy: FloatField, sigma_voxels: float) -> FloatField:
    # Twice the Gaussian minus its square: the transfer function 2g - g^2 = 1 - (1 - g)^2 is flat at zero frequency.
    once = ndimage.gaussian_filter(occupancy, sigma_voxels, mode="nearest")
    smooth: FloatField = 2.0 * once - ndimage.gaussian_filter(once, sigma_voxels, mode="nearest")
    return smooth


def _refinement(grid: Grid, shape: tuple[int, ...]) -> tuple[int, int, int]:
    spacing = np.asarray(grid.spacing_mm[::-1])
    target = max(spacing.min() / 2.0, float(np.cbrt(np.prod(spacing) * np.prod(shape) / _MAX_FINE_VOXELS)))
    k, j, i = (int(f) for f in np.maximum(1, np.round(spacing / target)))
    return k, j, i


def _refine(values: FloatField, factors: tuple[int, int, int]) -> FloatField:
    for axis, factor in enumerate(factors):
        if factor > 1:
            values = _interpolate_axis(values, axis, factor)
    return values.copy()


def _interpolate_axis(values: FloatField, axis: int, factor: int) -> FloatField:
    # Cubic convolution (Keys 1981, a = -1/2): third-order accurate, and local, so that no ringing crosses a gap.
    moved = np.moveaxis(values, axis, 0)
    n = moved.shape[0]
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    fine = np.empty(((n - 1) * factor + 1, *moved.shape[1:]), np.float32)
    fine[::factor] = moved
    for step in range(1, factor):
        t = step / factor
        weights = (
            (-t + 2 * t**2 - t**3) / 2,
            (2 - 5 * t**2 + 3 * t**3) / 2,
            (t + 4 * t**2 - 3 * t**3) / 2,
            (-(t**2) + t**3) / 2,
        )
        fine[step::factor] = sum(np.float32(w) * padded[o : o + n - 1] for o, w in enumerate(weights))
    return np.moveaxis(fine, 0, axis)


def _refine_linear(values: FloatField, factors: tuple[int, int, int]) -> FloatField:
    for axis, factor in enumerate(factors):
        moved = np.moveaxis(values, axis, 0)
        fine = np.empty(((moved.shape[0] - 1) * factor + 1, *moved.shape[1:]), np.float32)
        fine[::factor] = moved
        for step in range(1, factor):
            t = np.float32(step / factor)
            fine[step::factor] = (1 - t) * moved[:-1] + t * moved[1:]
        values = np.moveaxis(fine, 0, axis)
    return values


class _Band:
    """The fine samples near the wall, which alone can come to lie on its other side; they are moved in place."""

    def __init__(self, fine: FloatField, ceiling: FloatField | None, factors: tuple[int, int, int]) -> None:
        self._fine = fine.reshape(-1)
        self._at = np.flatnonzero((self._fine > _BAND) & (self._fine < 1.0 - _BAND))
        self._ceiling = None if ceiling is None else ceiling.reshape(-1)[self._at]
        index = np.stack(np.unravel_index(self._at, fine.shape))
        self._coarse = index / np.array(factors, dtype=float)[:, None]
        self._shape = tuple((n - 1) // factor + 1 for n, factor in zip(fine.shape, factors, strict=True))
        self._steps = (fine.shape[1] * fine.shape[2], fine.shape[2], 1)
        self._deep = _sum_per_voxel((fine >= 1.0 - _BAND).astype(np.float32), factors)
        self._sums = self._weights(factors)

    def _weights(self, factors: tuple[int, int, int]) -> Any:
        """Matrix (coarse voxels, samples) of the part of each coarse voxel that a sample stands for.

        A sample on the border of two voxels counts half in either.
        """
        from scipy.sparse import coo_matrix

        rows, columns, values = [], [], []
        low = [np.ceil(at - 0.5).astype(np.int64) for at in self._coarse]
        high = [np.floor(at + 0.5).astype(np.int64) for at in self._coarse]
        for corner in itertools.product((False, True), repeat=3):
            own = np.ones(len(self._at), dtype=bool)
            for is_high, a, b in zip(corner, low, high, strict=True):
                own &= (a != b) if is_high else True
            chosen = [b if is_high else a for is_high, a, b in zip(corner, low, high, strict=True)]
            rows.append(np.ravel_multi_index([c[own] for c in chosen], self._shape))
            columns.append(np.flatnonzero(own))
            halves = sum((a != b)[own].astype(int) for a, b in zip(low, high, strict=True))
            values.append((0.5**halves / np.prod(factors)).astype(np.float32))
        triple = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return coo_matrix(triple, shape=(int(np.prod(self._shape)), len(self._at))).tocsr()

    def correction(self, kept: FloatField, window_voxels: float) -> tuple[FloatField, float]:
        """The shift, on the coarse grid, that returns the volume to keep to each place, and the volume missing."""
        near = self._fine[self._at]
        squared = np.zeros(len(near), np.float32)
        for step in self._steps:
            squared += (0.5 * (self._fine[self._at + step] - self._fine[self._at - step])) ** 2
        width = np.maximum(np.sqrt(squared), 0.05)
        distance = (near - 0.5) / width
        inside = self._deep + (self._sums @ np.clip(distance + 0.5, 0.0, 1.0)).reshape(self._shape)
        gain = (self._sums @ ((np.abs(distance) < 0.5) / width)).reshape(self._shape)
        missing = ndimage.gaussian_filter(kept - inside, window_voxels)
        gain = ndimage.gaussian_filter(gain, window_voxels)
        shift: FloatField = np.where(gain > 1e-3, missing / np.maximum(gain, 1e-3), 0.0).astype(np.float32)
        return np.clip(shift, -0.2, 0.2), float((kept - inside).sum())

    def move(self, shift: FloatField) -> None:
        """Add a shift that is given on the coarse grid."""
        moved = self._fine[self._at] + ndimage.map_coordinates(shift, self._coarse, order=1, mode="nearest")
        self._fine[self._at] = moved if self._ceiling is None else np.minimum(moved, self._ceiling)


def _sum_per_voxel(fine: FloatField, factors: tuple[int, int, int]) -> FloatField:
    """Mean of the fine samples over each coarse voxel (a fine sample on a border counts half on either side)."""
    for axis, factor in enumerate(factors):
        kernel = np.ones(factor + 1 if factor % 2 == 0 else factor)
        if factor % 2 == 0:
            kernel[[0, -1]] = 0.5
        mean = ndimage.convolve1d(fine, kernel / factor, axis=axis, mode="nearest")
        fine = np.moveaxis(np.moveaxis(mean, axis, 0)[::factor], 0, axis)
    return fine
