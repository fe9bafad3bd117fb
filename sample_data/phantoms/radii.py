"""Radius of a vessel as a function of the arc length of its centerline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from scipy.interpolate import PchipInterpolator

from imaging.types import FloatArray


class RadiusProfile(Protocol):
    """Radius in mm of the circular section normal to the centerline."""

    def __call__(self, s_mm: Any) -> FloatArray:
        """Radii ``(...)`` at the arc lengths ``(...)``."""


@dataclass(frozen=True)
class Constant:
    """The same radius everywhere."""

    radius_mm: float

    def __call__(self, s_mm: Any) -> FloatArray:
        return np.full(np.shape(s_mm), self.radius_mm)


@dataclass(frozen=True)
class CosineBump:
    """``radius_mm`` except within ``half_length_mm`` of ``center_mm``, where a raised cosine leads to ``extreme_mm``.

    A stenosis when ``extreme_mm`` is smaller than ``radius_mm``, a fusiform aneurysm when it is larger.
    """

    radius_mm: float
    extreme_mm: float
    center_mm: float
    half_length_mm: float

    def __call__(self, s_mm: Any) -> FloatArray:
        at = np.clip((np.asarray(s_mm, dtype=float) - self.center_mm) / self.half_length_mm, -1.0, 1.0)
        return np.asarray(self.radius_mm + (self.extreme_mm - self.radius_mm) * 0.5 * (1.0 + np.cos(np.pi * at)))


@dataclass(frozen=True)
class Monotone:
    """Monotone cubic interpolation (Fritsch and Carlson) between nodes; constant beyond the first and the last node."""

    s_mm: tuple[float, ...]
    radius_mm: tuple[float, ...]

    @cached_property
    def _interpolator(self) -> PchipInterpolator:
        return PchipInterpolator(np.asarray(self.s_mm), np.asarray(self.radius_mm))

    def __call__(self, s_mm: Any) -> FloatArray:
        return np.asarray(self._interpolator(np.clip(s_mm, self.s_mm[0], self.s_mm[-1])))


@dataclass(frozen=True)
class Narrowed:
    """Another profile with a cosine stenosis that takes ``fraction`` of its radius at ``center_mm``."""

    profile: RadiusProfile
    fraction: float
    center_mm: float
    half_length_mm: float

    def __call__(self, s_mm: Any) -> FloatArray:
        narrowing = CosineBump(1.0, 1.0 - self.fraction, self.center_mm, self.half_length_mm)
        return np.asarray(self.profile(s_mm) * narrowing(s_mm))
