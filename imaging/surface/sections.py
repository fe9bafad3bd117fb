"""Cross-sections of a lumen field by a plane: the one piece of lumen around a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.surface.lumen_field import LumenField
from imaging.types import FloatArray


@dataclass(frozen=True, eq=False)
class Section:
    """The lumen in a plane: sample positions (n, 3) LPS mm that belong to it, its area and centroid.

    ``is_complete`` is False when the lumen runs out of the window that was looked at.
    """

    samples: FloatArray
    area_mm2: float
    center_mm: FloatArray
    is_complete: bool

    @property
    def radius_mm(self) -> float:
        """Radius of the circle of equal area."""
        return float(np.sqrt(self.area_mm2 / np.pi))


def plane_axes(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors that span the plane across ``normal`` and form a right-handed frame with it."""
    helper = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(normal, helper)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def section(field: LumenField, center_mm: FloatArray, normal: FloatArray, half_width_mm: float) -> Section | None:
    """The connected piece of lumen in the plane that holds ``center_mm``; None where there is no lumen.

    Parameters
    ----------
    half_width_mm : float
        Half the side of the square window around the center.
    """
    step = min(min(field.grid.spacing_mm), half_width_mm / 20.0)
    n = int(np.ceil(half_width_mm / step))
    u, v = plane_axes(normal)
    offset = np.arange(-n, n + 1) * step
    positions = center_mm + offset[:, None, None] * u + offset[None, :, None] * v
    inside = field.sample(positions) > 0.5
    pieces, n_pieces = ndimage.label(inside)
    if n_pieces == 0:
        return None
    piece = _piece_at_center(pieces, n)
    mine = pieces == piece
    samples = positions[mine]
    border = mine[0].any() or mine[-1].any() or mine[:, 0].any() or mine[:, -1].any()
    return Section(samples, float(mine.sum()) * step**2, samples.mean(axis=0), not border)


def _piece_at_center(pieces: NDArray[np.int32], n: int) -> int:
    if pieces[n, n]:
        return int(pieces[n, n])
    found = np.argwhere(pieces > 0)
    nearest = found[((found - n) ** 2).sum(axis=1).argmin()]
    return int(pieces[tuple(nearest)])
