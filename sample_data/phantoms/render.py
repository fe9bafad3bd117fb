"""A phantom as a CT scanner would show it, in HU, with the exact partial-volume fractions and labels beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.types import FloatArray, Grid, LabelMap, Progress, Volume, silent
from sample_data.phantoms.curves import Vector
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.raster import FloatImage, Implicit, volume_fraction
from sample_data.phantoms.scanner import blurred, correlated_noise
from sample_data.phantoms.vessel import Sphere

_UNENHANCED_BLOOD_HU = 40.0
_TISSUE_SAMPLES_PER_EDGE = 2


@dataclass(frozen=True)
class RenderSettings:
    """What the scanner and the contrast medium do.

    Attributes
    ----------
    lumen_hu
        HU of enhanced blood in the lumen. Assumption: 300 to 500 in a CT angiogram.
    contrast
        False renders the same patient without contrast medium: blood at 40 HU everywhere.
    wall_hu
        HU of the vessel wall.
    blur_fwhm_mm
        Full width at half maximum of the scanner's Gaussian point spread along the image axes (i, j, k).
    noise_hu
        Standard deviation of the noise.
    noise_correlation_mm
        Length a of the noise's autocorrelation exp(-(r / a)^2), r the distance in mm.
    plaques, tissues
        Whether calcium and neighbors are shown.
    continue_lumen
        Whether the lumen goes on beyond the open ends, as in a patient; the truth never does.
    direction
        Unit vectors of the image axes as columns, 3 x 3 row-major (LPS); may be oblique, must be right-handed.
    margin_mm
        How far the image reaches beyond the lumen; the phantom's own margin when left out.
    """

    lumen_hu: float = 400.0
    contrast: bool = True
    wall_hu: float = 50.0
    blur_fwhm_mm: Vector = (1.2, 1.2, 1.4)
    noise_hu: float = 15.0
    noise_correlation_mm: float = 1.5
    plaques: bool = True
    tissues: bool = True
    continue_lumen: bool = True
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    margin_mm: float | None = None


@dataclass(frozen=True, eq=False)
class RenderedPhantom:
    """The image and its truth on the same grid.

    Attributes
    ----------
    volume
        int16 HU.
    labels
        A voxel belongs to the lumen when at least half of it lies inside; values as ``Phantom.label_names``.
    fraction
        Part of each voxel inside the lumen's truth, float32 ``[k, j, i]``.
    """

    phantom: Phantom
    volume: Volume
    labels: LabelMap
    fraction: FloatImage


def phantom_grid(phantom: Phantom, spacing_mm: Vector, settings: RenderSettings | None = None) -> Grid:
    """The smallest grid with the settings' direction that holds the lumen and the margin around it."""
    settings = settings or RenderSettings()
    margin = phantom.margin_mm if settings.margin_mm is None else settings.margin_mm
    low, high = phantom.bounds_mm
    axes = np.asarray(settings.direction).reshape(3, 3)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-6) or np.linalg.det(axes) < 0.0:
        raise ValueError("direction must hold three orthogonal unit vectors, right-handed")
    center = 0.5 * (low + high)
    half = np.abs(axes.T) @ (0.5 * (high - low)) + margin
    spacing = np.asarray(spacing_mm, dtype=float)
    size = np.ceil(2.0 * half / spacing).astype(int) + 1
    origin = center - axes @ (0.5 * (size - 1) * spacing)
    return Grid(
        size=(int(size[0]), int(size[1]), int(size[2])),
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(x) for x in settings.direction),
    )


def render_ct(
    phantom: Phantom,
    spacing_mm: float | Vector,
    settings: RenderSettings | None = None,
    rng_seed: int = 0,
    grid: Grid | None = None,
    progress: Progress = silent,
) -> RenderedPhantom:
    """CT image of a phantom, in HU, with its exact truth.

    Parameters
    ----------
    spacing_mm : float or 3 floats
        Voxel spacing along (i, j, k).
    rng_seed : int
        Seed of the noise. The same phantom, settings and seed give the same bytes.
    grid : Grid, optional
        Where to put the voxels; then ``spacing_mm``, direction and margin are not used.
    """
    settings = settings or RenderSettings()
    if grid is None:
        spacing = (spacing_mm, spacing_mm, spacing_mm) if isinstance(spacing_mm, int | float) else spacing_mm
        grid = phantom_grid(phantom, spacing, settings)
    progress(0.0, "Rasterizing the lumen")
    fraction = volume_fraction(phantom.implicit, grid)
    progress(0.35, "Rasterizing the surroundings")
    image = _sharp_image(phantom, grid, settings, fraction, progress)
    progress(0.85, "Blurring and adding noise")
    image = blurred(image, grid.spacing_mm, settings.blur_fwhm_mm)
    image += correlated_noise(grid, settings.noise_hu, settings.noise_correlation_mm, rng_seed)
    hu = np.clip(np.rint(image), -1024, 32767).astype(np.int16)
    progress(1.0, "Phantom rendered")
    return RenderedPhantom(phantom, Volume(hu, grid), _labels(phantom, grid, fraction), fraction)


def _sharp_image(
    phantom: Phantom, grid: Grid, settings: RenderSettings, truth: FloatImage, progress: Progress
) -> FloatImage:
    """Mean HU of each voxel before the scanner's blur.

    Neighbors are painted one over the other. Wall, calcium and lumen are disjoint, and what is left of a voxel beside
    the lumen is shared among wall, calcium and neighbors as it is filled by them.
    """
    medium_hu = settings.lumen_hu - _UNENHANCED_BLOOD_HU if settings.contrast else 0.0

    lumen = volume_fraction(phantom.image_implicit, grid) if settings.continue_lumen else truth
    image = np.full(grid.array_shape, phantom.background_hu, dtype=np.float32)
    beside_lumen = np.maximum(1.0 - lumen, 1e-6)
    tissues = sorted(phantom.tissues, key=lambda tissue: tissue.opens_wall) if settings.tissues else []
    wall_is_painted = phantom.wall_mm == 0.0
    for n, tissue in enumerate(tissues):
        progress(0.45 + 0.4 * n / len(tissues), "Rasterizing the surroundings")
        if tissue.opens_wall and not wall_is_painted:
            _paint_wall(image, phantom, grid, settings, lumen, beside_lumen)
            wall_is_painted = True
        share = volume_fraction(tissue.shape.implicit, grid, _TISSUE_SAMPLES_PER_EDGE)
        image += share * (np.float32(tissue.hu + tissue.enhancement * medium_hu) - image)
    if not wall_is_painted:
        _paint_wall(image, phantom, grid, settings, lumen, beside_lumen)
    if settings.plaques:
        for plaque in phantom.plaques:
            ball = Sphere(plaque.center_mm, plaque.radius_mm)
            _paint_plaque(image, phantom, grid, ball, plaque.hu, settings, beside_lumen)
    image += lumen * (np.float32(_UNENHANCED_BLOOD_HU + medium_hu) - image)
    return image


def _shown(phantom: Phantom, settings: RenderSettings) -> Implicit:
    return phantom.image_implicit if settings.continue_lumen else phantom.implicit


def _paint_wall(
    image: FloatImage,
    phantom: Phantom,
    grid: Grid,
    settings: RenderSettings,
    lumen: FloatImage,
    beside_lumen: FloatImage,
) -> None:
    def outer_wall(points: FloatArray) -> FloatArray:
        return _shown(phantom, settings)(points) - phantom.wall_mm

    share = np.clip((volume_fraction(outer_wall, grid) - lumen) / beside_lumen, 0.0, 1.0)
    image += share * (np.float32(settings.wall_hu) - image)


def _paint_plaque(
    image: FloatImage,
    phantom: Phantom,
    grid: Grid,
    ball: Sphere,
    hu: float,
    settings: RenderSettings,
    beside_lumen: FloatImage,
) -> None:
    def outside_lumen(points: FloatArray) -> FloatArray:
        value = ball.implicit(points)
        near = value < 2.0
        value[near] = np.maximum(value[near], -_shown(phantom, settings)(points[near]))
        return value

    share = np.clip(volume_fraction(outside_lumen, grid) / beside_lumen, 0.0, 1.0)
    image += share * (np.float32(hu) - image)


def _labels(phantom: Phantom, grid: Grid, fraction: FloatImage) -> LabelMap:
    array: NDArray[np.uint8] = np.zeros(grid.array_shape, dtype=np.uint8)
    k, j, i = np.nonzero(fraction >= 0.5)
    array[k, j, i] = phantom.label_at(grid.to_lps(np.stack([i, j, k], axis=1)))
    return LabelMap(array, grid, phantom.label_names)
