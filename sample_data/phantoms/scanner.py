"""What a scanner adds to the sharp image: blur and correlated noise."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage, special

from imaging.types import Grid
from sample_data.phantoms.curves import Vector
from sample_data.phantoms.raster import FloatImage

_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def blurred(image: FloatImage, spacing_mm: Vector, fwhm_mm: Vector) -> FloatImage:
    """The image ``[k, j, i]`` convolved with a Gaussian of that full width at half maximum along (i, j, k).

    Below 0.8 voxels of standard deviation a sampled Gaussian would be too narrow; there the kernel is the Gaussian's
    discrete analog exp(-t) I_n(t) with the modified Bessel function, whose variance is exactly t (Lindeberg 1990, IEEE
    PAMI 12:234).
    """
    for axis, (fwhm, spacing) in enumerate(zip(fwhm_mm[::-1], spacing_mm[::-1], strict=True)):
        sigma = fwhm / _FWHM_PER_SIGMA / spacing
        if sigma > 0.0:
            reach = 2 + int(np.ceil(5.0 * sigma))
            n = np.arange(-reach, reach + 1)
            kernel = np.exp(-0.5 * (n / sigma) ** 2) if sigma > 0.8 else special.ive(np.abs(n), sigma**2)
            image = ndimage.correlate1d(image, kernel / kernel.sum(), axis=axis, mode="nearest")
    return image


def correlated_noise(grid: Grid, sigma_hu: float, correlation_mm: float, rng_seed: int) -> FloatImage:
    """Gaussian noise ``[k, j, i]`` of that standard deviation with the autocorrelation exp(-(r / a)^2).

    White noise is multiplied by the square root of the autocorrelation's spectrum, so that the voxels have exactly that
    autocorrelation (periodic at the borders).
    """
    noise = np.random.default_rng(rng_seed).standard_normal(grid.array_shape, dtype=np.float32)
    for axis, spacing in enumerate(grid.spacing_mm[::-1]):
        n = grid.array_shape[axis]
        distance = spacing * np.minimum(np.arange(n), n - np.arange(n))
        autocorrelation = np.exp(-((distance / max(correlation_mm, 1e-6)) ** 2))
        spectrum = np.sqrt(np.maximum(fft.rfft(autocorrelation).real, 0.0)).astype(np.float32)
        shape = [-1 if other == axis else 1 for other in range(3)]
        noise = fft.irfft(fft.rfft(noise, axis=axis) * spectrum.reshape(shape), n=n, axis=axis)
    return np.asarray(noise * np.float32(sigma_hu))
