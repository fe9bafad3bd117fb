"""From where the vessels are seen, and how a place in the patient falls on the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.types import FloatArray

HEAD: FloatArray = np.array([0.0, 0.0, 1.0])
ANTERIOR: FloatArray = np.array([0.0, -1.0, 0.0])
NAMED_ANGLES_DEG = {
    "anterior": 0.0,
    "left anterior oblique": 45.0,
    "right anterior oblique": -45.0,
    "left lateral": 90.0,
}
"""Angle of the viewer around the head axis, from the front to the patient's left."""
_CANDIDATES_DEG = tuple(range(-60, 91, 15))
_PREFER_FRONT_PER_DEG = 2e-3


@dataclass(frozen=True, eq=False)
class View:
    """A parallel projection. ``right``, ``up`` and ``toward_viewer`` (3,) are orthonormal, in LPS."""

    name: str
    right: FloatArray
    up: FloatArray
    toward_viewer: FloatArray

    @classmethod
    def facing(cls, toward_viewer: Any, name: str) -> View:
        """The view from a direction, head up; along the head axis, front up."""
        normal = np.asarray(toward_viewer, dtype=float)
        normal = normal / np.linalg.norm(normal)
        above = HEAD if abs(normal @ HEAD) < 0.9 else ANTERIOR
        up = above - (above @ normal) * normal
        up /= np.linalg.norm(up)
        return cls(name, np.cross(up, normal), up, normal)

    def project(self, points_mm: Any) -> FloatArray:
        """Positions (n, 3) in LPS as (n, 2): mm to the picture's right and up."""
        points = np.asarray(points_mm, dtype=float)
        return np.stack([points @ self.right, points @ self.up], axis=-1)

    def place(self, flat_mm: Any, depth_of_mm: Any) -> FloatArray:
        """The position (3,) in LPS that falls on ``flat_mm`` (2,), as deep as another position."""
        depth = float(np.asarray(depth_of_mm, dtype=float) @ self.toward_viewer)
        flat = np.asarray(flat_mm, dtype=float)
        return np.asarray(flat[0] * self.right + flat[1] * self.up + depth * self.toward_viewer)


AXIAL = View("axial", np.array([1.0, 0.0, 0.0]), ANTERIOR, -HEAD)
"""As radiologists look at it: from the feet, the patient's left at the right."""


def view_at(angle_deg: float) -> View:
    """The view from around the patient; 0 is the front, positive angles turn to the patient's left."""
    angle = np.radians(angle_deg)
    side = "left" if angle_deg > 0 else "right"
    name = f"{side} anterior oblique {abs(angle_deg):.0f}°"
    named = {0.0: "anterior view", 90.0: "left lateral view"}
    return View.facing((np.sin(angle), -np.cos(angle), 0.0), named.get(float(angle_deg), name))


def widest_view(points_mm: FloatArray) -> View:
    """The view from around the patient in which points (n, 3) cover the largest area; the front when all are alike."""
    from scipy.spatial import ConvexHull

    def seen(angle_deg: float) -> float:
        hull = ConvexHull(view_at(angle_deg).project(points_mm))
        return float(hull.volume) * (1.0 - _PREFER_FRONT_PER_DEG * abs(angle_deg))

    return view_at(max(_CANDIDATES_DEG, key=seen))


def plane_of(points_mm: FloatArray) -> View:
    """The plane in which a vessel (n, 3) lies best, seen from the patient's front or left; for a straight one the
    plane that is nearest to coronal."""
    offset = points_mm - points_mm.mean(axis=0)
    spread = offset.T @ offset / len(offset)
    # A straight vessel lies in many planes: a little is added to all directions but front to back.
    spread += 0.01 * np.trace(spread) * (np.eye(3) - np.outer(ANTERIOR, ANTERIOR))
    normal = np.linalg.eigh(spread)[1][:, 0]
    if normal @ (ANTERIOR + np.array([1.0, 0.0, 0.0])) < 0.0:
        normal = -normal
    return View.facing(normal, "plane of the main vessel")
