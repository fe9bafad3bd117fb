"""Aortas drawn with their outer wall: healthy, dissected, or with thrombus in an aneurysm; each voxel is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.types import Branch, CenterlineTree, FloatArray, Grid, LabelMap, Volume

WallKind = Literal["healthy", "dissection", "aneurysm"]
NAMES = {1: "aorta", 2: "false_lumen", 3: "thrombus", 4: "wall"}
WALL_MM, FLAP_MM = 1.8, 1.2
_LENGTH_MM = 120.0
_FAT, _TISSUE, _LUNG, _BONE_IN, _BONE, _VEIN = -90.0, 50.0, -850.0, 180.0, 420.0, 130.0


@dataclass(frozen=True, eq=False)
class WallPhantom:
    """A scan, its truth by `NAMES`, the lumen's centerline, and a click into the false lumen (LPS, mm).

    ``largest_mm`` is the outer wall's largest diameter in a slice; across the axis, which leans by up to 11 degrees,
    it is up to 2 % less.
    """

    volume: Volume
    truth: LabelMap
    tree: CenterlineTree
    false_lumen_mm: tuple[float, float, float] | None
    largest_mm: float

    @property
    def lumen(self) -> LabelMap:
        """What a segmentation of the lumen gives: the true lumen alone."""
        return LabelMap((self.truth.array == 1).astype(np.uint8), self.truth.grid, {1: "aorta"})


def aortic_wall_phantom(kind: WallKind, seed: int, spacing_mm: float = 1.0, noise_hu: float = 20.0) -> WallPhantom:
    """An aorta of 120 mm that bends both ways, in fat, with a vertebra, a muscle that touches it, a vein and lung.

    Sizes, eccentricities, places of flap and thrombus, and HU are drawn from the seed. A dissection's flap is 1.2 mm
    thick and turns along the vessel; its false lumen is filled less than the true one, has a crescent of thrombus, and
    is thrombosed from a level on. The scan is blurred by 0.6 mm, or by 0.6 voxel where that is more; noise is white.
    """
    rng = np.random.default_rng(seed)
    n = int(np.ceil(96.0 / spacing_mm))
    size = (n, n, int(np.ceil((_LENGTH_MM + 4.0) / spacing_mm)))
    grid = Grid(size, (spacing_mm,) * 3, (-48.0, -48.0, -2.0))
    x, y, z = (grid.origin_mm[a] + spacing_mm * np.arange(size[a]) for a in range(3))
    bend, phase = rng.uniform(2.0, 6.0, 2), rng.uniform(0.0, 2.0 * np.pi, 2)

    def axis(height: FloatArray) -> FloatArray:
        waves = 2.0 * np.pi * height / (1.6 * _LENGTH_MM)
        return np.stack([bend[0] * np.sin(waves + phase[0]), bend[1] * np.sin(waves + phase[1])], axis=-1)

    center = axis(np.asarray(z, dtype=float))
    away_x = x[None, None, :] - center[:, 0, None, None]
    away_y = y[None, :, None] - center[:, 1, None, None]
    rho, angle = np.hypot(away_x, away_y), np.arctan2(away_y, away_x)
    base = {"healthy": rng.uniform(10.0, 13.0), "dissection": rng.uniform(15.0, 19.0)}.get(
        kind, rng.uniform(10.0, 12.0)
    )
    bulge = rng.uniform(12.0, 17.0) if kind == "aneurysm" else 0.0
    middle, width = _LENGTH_MM * rng.uniform(0.45, 0.55), rng.uniform(20.0, 28.0)
    swell = bulge * np.exp(-(((z - middle) / width) ** 2))[:, None, None]
    flattened = rng.uniform(0.02, 0.07)
    out_of_round = 1.0 + flattened * np.cos(2.0 * (angle - rng.uniform(0.0, np.pi)))
    outer = (base + swell) * out_of_round - rho
    inner = outer - WALL_MM
    lumen_hu = rng.uniform(320.0, 480.0)
    false_hu, clot_hu = _TISSUE + rng.uniform(0.5, 0.9) * (lumen_hu - _TISSUE), rng.uniform(35.0, 55.0)
    turn = rng.uniform(0.0, 2.0 * np.pi) + rng.uniform(-1.2, 1.2) * z[:, None, None] / _LENGTH_MM
    toward = np.cos(turn) * away_x + np.sin(turn) * away_y
    aside = -np.sin(turn) * away_x + np.cos(turn) * away_y
    if kind == "dissection":
        flap = rng.uniform(-0.25, 0.15) * base + 0.012 * rng.uniform(-1.0, 1.0) * aside**2 - toward
        lumen = np.minimum(inner, flap - 0.5 * FLAP_MM)
        behind = np.minimum(inner, -flap - 0.5 * FLAP_MM)
        crescent = behind - rng.uniform(2.0, 6.0) * np.maximum(np.sin(np.pi * z / 60.0), 0.0)[:, None, None]
        level = _LENGTH_MM * rng.uniform(0.6, 0.75)
        patent = np.minimum(np.where(crescent < behind, crescent, behind), level - z[:, None, None])
        clot = np.minimum(behind, -patent)
    elif kind == "aneurysm":
        radius = 1.1 * base - WALL_MM + rng.uniform(0.1, 0.25) * swell
        shift = rng.uniform(0.4, 0.9) * np.maximum(0.9 * swell - rng.uniform(0.1, 0.3) * swell, 0.0)
        lumen = np.minimum(inner, radius - np.hypot(toward - shift, aside))
        patent, clot = np.full_like(inner, -1.0), np.minimum(inner, -lumen)
    else:
        lumen, patent, clot = inner, np.full_like(inner, -1.0), np.full_like(inner, -1.0)

    hu = _surroundings(rng, grid, away_x, away_y, outer, base + swell)
    for depth, value in ((outer, _TISSUE), (clot, clot_hu), (patent, false_hu), (lumen, lumen_hu)):
        share = np.clip(0.5 + depth / spacing_mm, 0.0, 1.0)
        hu += share * (value - hu)
    hu = ndimage.gaussian_filter(hu, max(0.6, 0.6 / spacing_mm))
    hu += rng.normal(0.0, noise_hu, hu.shape)
    truth = np.zeros(hu.shape, np.uint8)
    for value, depth in ((4, outer), (3, clot), (2, patent), (1, lumen)):
        truth[depth > 0.0] = value
    truth = np.where((z < 0.0) | (z > _LENGTH_MM), 0, truth.T).T.astype(np.uint8)
    labels = LabelMap(truth, grid, NAMES)
    largest = 2.0 * (1.0 + flattened) * (base + float(swell.max()))
    return WallPhantom(Volume(hu.astype(np.float32), grid), labels, _centerline(labels), _click(labels), largest)


def _surroundings(
    rng: np.random.Generator, grid: Grid, away_x: FloatArray, away_y: FloatArray, outer: FloatArray, radius: FloatArray
) -> FloatArray:
    """Fat; a vertebra 2 to 4 mm behind the wall, a muscle that touches a flank, a vein in front, lung on one side."""
    hu = np.full(grid.array_shape, _FAT)
    side = rng.choice([-1.0, 1.0])
    gap = rng.uniform(2.0, 4.0)
    largest = float(radius.max())
    bone = 18.0 - np.hypot(away_x, away_y - (largest + gap + 18.0))
    muscle = np.minimum(16.0 - np.hypot(away_x - side * (largest + 10.0), away_y - 0.5 * largest), 0.3 - outer)
    vein = 8.0 - np.hypot(away_x + side * 5.0, away_y + radius + 8.0 + rng.uniform(1.0, 2.5))
    lung = np.minimum(-side * away_x - radius - rng.uniform(3.0, 6.0), 30.0)
    for depth, value in ((lung, _LUNG), (muscle, _TISSUE), (vein, _VEIN), (bone, _BONE), (bone - 2.0, _BONE_IN)):
        share = np.clip(0.5 + depth / grid.spacing_mm[0], 0.0, 1.0)
        hu += share * (value - hu)
    return hu


def _centerline(truth: LabelMap) -> CenterlineTree:
    """Centers of the lumen's slices, with the radius of the circle of their area."""
    mask = truth.array == 1
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    points, radii = [], []
    for k in slices:
        j, i = np.nonzero(mask[k])
        points.append(truth.grid.to_lps((i.mean(), j.mean(), float(k))))
        radii.append(np.sqrt(len(i) / np.pi) * truth.grid.spacing_mm[0])
    line = ndimage.gaussian_filter1d(np.array(points), 2.0, axis=0, mode="nearest")
    return CenterlineTree(line, np.array(radii), (Branch("aorta", tuple(range(len(line)))),))


def _click(truth: LabelMap) -> tuple[float, float, float] | None:
    """The middle of the false lumen's widest slice."""
    mask: NDArray[np.bool_] = truth.array == 2
    if not mask.any():
        return None
    k = int(mask.sum(axis=(1, 2)).argmax())
    depth = ndimage.distance_transform_edt(mask[k])
    j, i = np.unravel_index(int(depth.argmax()), depth.shape)
    x, y, z = truth.grid.to_lps((float(i), float(j), float(k)))
    return float(x), float(y), float(z)
