"""The camera of the 3D view as plain numbers: parallel projection, positions in LPS mm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from imaging.types import FloatArray

# From where one looks (LPS), and what is up on the screen.
STANDARD_VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "A": ((0, -1, 0), (0, 0, 1)),
    "P": ((0, 1, 0), (0, 0, 1)),
    "L": ((1, 0, 0), (0, 0, 1)),
    "R": ((-1, 0, 0), (0, 0, 1)),
    "S": ((0, 0, 1), (0, -1, 0)),
    "I": ((0, 0, -1), (0, -1, 0)),
    "O": ((0.5, -0.75, 0.43), (0, 0, 1)),
    "V": ((math.sin(math.radians(60.0)), -math.cos(math.radians(60.0)), 0), (0, 0, 1)),
}
_RADIANS_PER_PX = math.radians(0.4)
_MARGIN = 1.16


@dataclass(frozen=True, eq=False)
class Camera:
    """Looks at ``focus`` from the direction ``toward`` (unit vector to the eye), ``up`` on the screen.

    ``half_height_mm`` is what half of the view's height shows.
    """

    focus: FloatArray = field(default_factory=lambda: np.zeros(3))
    toward: FloatArray = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    up: FloatArray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    half_height_mm: float = 150.0

    @property
    def right(self) -> FloatArray:
        """The direction to the right on the screen."""
        return np.cross(self.up, self.toward)

    @property
    def angles_text(self) -> str:
        """From where one looks, as a C-arm would say it: LAO or RAO, CRA or CAU."""
        x, y, z = self.toward
        across = math.hypot(x, y)
        lao = math.degrees(math.atan2(x, -y)) if across > 1e-6 else 0.0
        cra = math.degrees(math.atan2(z, across))
        return f"{'LAO' if lao >= 0 else 'RAO'} {abs(lao):.0f}°  {'CRA' if cra >= 0 else 'CAU'} {abs(cra):.0f}°"

    def px_per_mm(self, height_px: float) -> float:
        """Scale of a view of this height."""
        return height_px / (2.0 * self.half_height_mm)

    def to_screen(self, position_mm: Any, width_px: float, height_px: float) -> tuple[float, float]:
        """Where a position is in a view, from its top left corner."""
        offset = (np.asarray(position_mm, dtype=float) - self.focus) * self.px_per_mm(height_px)
        return width_px / 2.0 + float(offset @ self.right), height_px / 2.0 - float(offset @ self.up)

    def rotated(self, right_px: float, down_px: float) -> Camera:
        """After a drag that turns the scene to the right and downward."""
        angle = right_px * _RADIANS_PER_PX
        toward = math.cos(angle) * self.toward - math.sin(angle) * self.right
        angle = down_px * _RADIANS_PER_PX
        up = math.cos(angle) * self.up - math.sin(angle) * toward
        toward = math.cos(angle) * toward + math.sin(angle) * self.up
        return replace(self, toward=toward / np.linalg.norm(toward), up=up / np.linalg.norm(up))

    def panned(self, right_px: float, down_px: float, height_px: float) -> Camera:
        """After a drag that moves the scene to the right and downward."""
        shift = (-right_px * self.right + down_px * self.up) / self.px_per_mm(height_px)
        return replace(self, focus=self.focus + shift)

    def zoomed(self, factor: float) -> Camera:
        """Everything larger by a factor."""
        return replace(self, half_height_mm=float(np.clip(self.half_height_mm / factor, 0.5, 5000.0)))

    def looking_from(self, letter: str) -> Camera:
        """From a standard direction: A, P, L, R, S (head), I (feet), O, obliquely from the front and above, or
        V, the left anterior oblique view that lays an aortic arch open."""
        direction, up = (np.asarray(vector, dtype=float) for vector in STANDARD_VIEWS[letter])
        toward = direction / np.linalg.norm(direction)
        upright = up - (up @ toward) * toward
        return replace(self, toward=toward, up=upright / np.linalg.norm(upright))

    def fitted(self, box_mm: FloatArray, aspect: float) -> Camera:
        """Showing all of a box (low, high), in a view of this width over height."""
        corners = np.array(list(product(*np.asarray(box_mm).T)))
        center = corners.mean(axis=0)
        half_width = float(np.abs((corners - center) @ self.right).max())
        half_height = float(np.abs((corners - center) @ self.up).max())
        return replace(self, focus=center, half_height_mm=max(1.0, _MARGIN * max(half_height, half_width / aspect)))
