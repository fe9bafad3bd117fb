"""An aortic root drawn in closed form: elliptic annulus, sinuses of three lobes, round junction and ascending aorta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.types import FloatArray, Grid, Volume

LUMEN_HU, TISSUE_HU = 420.0, 40.0


@dataclass(frozen=True)
class Root:
    """Sizes in mm; the lobes of the sinuses stand at ``lobe_deg``, 120 degrees apart, seen from the aorta."""

    center_mm: FloatArray
    axis: FloatArray
    half_axes_mm: tuple[float, float] = (13.4, 11.2)
    sinus_mm: float = 16.0
    lobe_mm: float = 1.6
    sinus_height_mm: float = 10.0
    junction_mm: float = 14.0
    junction_height_mm: float = 21.0
    ascending_mm: float = 15.6
    ascending_height_mm: float = 38.0
    lobe_deg: float = 0.0

    @property
    def frame(self) -> tuple[FloatArray, FloatArray]:
        """Unit vectors across the axis: the first as far to the left as can be."""
        right = np.array([1.0, 0.0, 0.0]) - self.axis[0] * self.axis
        right /= np.linalg.norm(right)
        return right, np.cross(self.axis, right)

    def radius_mm(self, height: FloatArray, angle: FloatArray) -> FloatArray:
        """Radius of the lumen at a height above the annulus and an angle."""
        a, b = self.half_axes_mm
        ellipse = a * b / np.sqrt((b * np.cos(angle)) ** 2 + (a * np.sin(angle)) ** 2)
        lobed = self.sinus_mm + self.lobe_mm * np.cos(3.0 * (angle - np.deg2rad(self.lobe_deg)))
        knots = (0.0, self.sinus_height_mm, self.junction_height_mm, self.ascending_height_mm)
        shapes = (ellipse, lobed, np.full_like(angle, self.junction_mm), np.full_like(angle, self.ascending_mm))
        found = np.where(height < 0.0, ellipse, shapes[-1])
        for n in range(3):
            part = np.clip((height - knots[n]) / (knots[n + 1] - knots[n]), 0.0, 1.0)
            smooth = part * part * (3.0 - 2.0 * part)
            within = (height >= knots[n]) & (height < knots[n + 1])
            found = np.where(within, shapes[n] + smooth * (shapes[n + 1] - shapes[n]), found)
        return np.asarray(found, dtype=float)

    def volume_ml(self, height_mm: float) -> float:
        """Volume of the lumen from the annulus up to a height."""
        height, angle = np.meshgrid(
            (np.arange(400) + 0.5) / 400 * height_mm, np.linspace(0.0, 2.0 * np.pi, 360, endpoint=False), indexing="ij"
        )
        return float((0.5 * self.radius_mm(height, angle) ** 2).mean() * 2.0 * np.pi * height_mm / 1000.0)

    def at(self, height: float, angle_deg: float) -> tuple[float, float, float]:
        """A place of the wall (LPS, mm)."""
        angle = np.deg2rad(angle_deg)
        radius = float(self.radius_mm(np.array(height), np.array(angle)))
        u, v = self.frame
        x, y, z = self.center_mm + height * self.axis + radius * (np.cos(angle) * u + np.sin(angle) * v)
        return float(x), float(y), float(z)


def root_volume(root: Root, spacing_mm: float, noise_hu: float, seed: int, wall_mm: float | None = None) -> Volume:
    """The root in a scan, blurred by 0.9 voxel, with a left atrium as bright as the lumen beside it.

    Around it is tissue, or a wall of 50 HU and fat of -90 HU behind it.
    """
    extent = np.array([74.0, 74.0, 70.0])
    size = np.ceil(extent / spacing_mm).astype(int)
    origin = root.center_mm - extent * np.array([0.5, 0.5, 0.25])
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), (spacing_mm,) * 3, tuple(origin))
    k, j, i = np.indices(grid.array_shape)
    away = grid.to_lps(np.stack([i, j, k], axis=-1)) - root.center_mm
    u, v = root.frame
    height, x, y = away @ root.axis, away @ u, away @ v
    distance = np.hypot(x, y) - root.radius_mm(height, np.arctan2(y, x))
    atrium = np.linalg.norm(away - np.array([0.0, 38.0, -4.0]), axis=-1) - 20.0
    inside = np.clip(0.5 - distance / spacing_mm, 0.0, 1.0) + np.clip(0.5 - atrium / spacing_mm, 0.0, 1.0)
    around = TISSUE_HU if wall_mm is None else 50.0 - 140.0 * np.clip(0.5 + (distance - wall_mm) / spacing_mm, 0.0, 1.0)
    clean = around + (LUMEN_HU - around) * np.minimum(inside, 1.0)
    noise = np.random.default_rng(seed).normal(0.0, noise_hu, clean.shape)
    return Volume((ndimage.gaussian_filter(clean, 0.9) + noise).astype(np.float32), grid)
