"""A sac cut off its vessel by a plane through its neck."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imaging.aneurysm.regions import regions_of
from imaging.errors import ImagingError
from imaging.surface.clip import near_parts
from imaging.surface.topology import area_vectors, areas_mm2, compact, directed_edges, open_loops, unique_edges
from imaging.types import FloatArray, IntArray, Surface


@dataclass(frozen=True, eq=False)
class NeckPlane:
    """A plane across a neck: its center on the plane, mm LPS, and the unit normal toward the sac."""

    center_mm: FloatArray
    normal: FloatArray

    def moved(self, along_mm: float, tilt_deg: tuple[float, float] = (0.0, 0.0)) -> NeckPlane:
        """The plane moved along its normal, and tilted around its center about its two axes."""
        from imaging.surface.sections import plane_axes

        u, v = plane_axes(self.normal)
        a, b = np.tan(np.deg2rad(tilt_deg))
        normal = self.normal + a * u + b * v
        return NeckPlane(self.center_mm + along_mm * self.normal, normal / np.linalg.norm(normal))


@dataclass(frozen=True, eq=False)
class Sac:
    """The part of the wall beyond a neck plane that hangs together with the dome.

    Attributes
    ----------
    points, triangles
        The wall of the sac, (n, 3) mm LPS and (m, 3), open at the neck.
    rim : (k, 3)
        The closed curve of the neck, in order.
    inside : (N,) bool
        Which vertices of the whole surface belong to it.
    """

    plane: NeckPlane
    points: FloatArray
    triangles: IntArray
    rim: FloatArray
    inside: NDArray[np.bool_]

    @cached_property
    def area_mm2(self) -> float:
        """Area of the wall without the neck."""
        return float(areas_mm2(self.points, self.triangles).sum())

    @cached_property
    def neck_area_mm2(self) -> float:
        """Area of the neck's section."""
        center = self.rim.mean(axis=0)
        fan = np.cross(self.rim - center, np.roll(self.rim, -1, axis=0) - center)
        return float(abs((fan @ self.plane.normal).sum()) / 2.0)

    @cached_property
    def neck_center_mm(self) -> FloatArray:
        """Centroid (3,) of the neck's section."""
        center = self.rim.mean(axis=0)
        following = np.roll(self.rim, -1, axis=0)
        weight = np.cross(self.rim - center, following - center) @ self.plane.normal
        middle = (self.rim + following + center) / 3.0
        centroid: FloatArray = (weight[:, None] * middle).sum(axis=0) / weight.sum()
        return centroid

    @cached_property
    def volume_mm3(self) -> float:
        """Volume between the wall and the neck plane."""
        a, b, c = (self.points[self.triangles[:, corner]] - self.plane.center_mm for corner in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


class SacCutter:
    """Cuts of one sac by many planes.

    Parameters
    ----------
    surface : Surface
        The wall, outward; what lies on its caps must not belong to the sac.
    dome : int
        A vertex of the sac.
    is_opening : (n,) bool
        Vertices that no sac has: those of caps. Vertices on an open border count as such.
    """

    def __init__(self, surface: Surface, dome: int, is_opening: NDArray[np.bool_] | None = None) -> None:
        self.points, self.triangles, self.dome = surface.points, surface.triangles, dome
        edges, count = unique_edges(self.triangles)
        forbidden = np.zeros(len(self.points), bool) if is_opening is None else is_opening.copy()
        forbidden[edges[count == 1]] = True
        self.is_opening = forbidden
        self._vectors = area_vectors(self.points, self.triangles)
        self._edges = np.concatenate([directed_edges(self.triangles), directed_edges(self.triangles)[:, ::-1]])

    def section_area_mm2(self, plane: NeckPlane) -> float | None:
        """Area of the section across the neck; None where the plane does not part the sac from the vessel.

        The area vectors of a closed surface add up to nothing, so the section's is minus that of the sac.
        """
        height = self._height(plane)
        inside = self._inside(height)
        if inside is None:
            return None
        share = _shares(height, inside, self.triangles)
        return float((self._vectors * share[:, None]).sum(axis=0) @ plane.normal)

    def cut(self, plane: NeckPlane) -> Sac:
        """The sac beyond a plane.

        Raises
        ------
        ImagingError
            ``neck_misses``: the dome is not beyond the plane, or nothing of the surface is cut. ``neck_leaks``: the
            part beyond the plane reaches an opening of the vessel. ``neck_in_pieces``: the neck is no single curve.
        """
        height = self._height(plane)
        where = ", ".join(f"{c:.1f}" for c in plane.center_mm)
        if height[self.dome] <= 0.0 or (height > 0.0).all():
            top = ", ".join(f"{c:.1f}" for c in self.points[self.dome])
            raise ImagingError(
                "neck_misses",
                f"The neck plane at ({where}) mm does not cut the sac, whose top is at ({top}) mm: move the plane "
                "between the vessel and the top, with its normal toward the top.",
                _triple(plane.center_mm),
            )
        inside = self._inside(height)
        if inside is None:
            raise ImagingError(
                "neck_leaks",
                f"The neck plane at ({where}) mm does not part the sac from the vessel: what lies beyond it reaches "
                "an end of the vessel. Move it toward the sac, or tilt it along the vessel.",
                _triple(plane.center_mm),
            )
        corners = inside[self.triangles]
        whole = self.triangles[corners.all(axis=1)]
        crossed = self.triangles[corners.any(axis=1) & ~corners.all(axis=1)]
        points, parts = near_parts(self.points, crossed, -height, ~inside)
        points, triangles = compact(points, np.concatenate([whole, parts]))
        rims = open_loops(triangles)
        if len(rims) != 1:
            raise ImagingError(
                "neck_in_pieces",
                f"The neck plane at ({where}) mm cuts the sac along {len(rims)} curves, because a vessel leaves the "
                "sac or the plane grazes a fold: move or tilt it.",
                _triple(plane.center_mm),
            )
        return Sac(plane, points, triangles, points[rims[0]], inside)

    def _height(self, plane: NeckPlane) -> FloatArray:
        height: FloatArray = (self.points - plane.center_mm) @ plane.normal
        tiny = 1e-9 * float(np.abs(height).max())
        height[np.abs(height) < tiny] = tiny
        return height

    def _inside(self, height: FloatArray) -> NDArray[np.bool_] | None:
        region = regions_of(self.triangles, height > 0.0)
        inside: NDArray[np.bool_] = (region == region[self.dome]) & (region >= 0)
        return None if not inside.any() or inside[self.is_opening].any() else inside


def local_surface(surface: Surface, keep: NDArray[np.bool_]) -> tuple[Surface, IntArray]:
    """The triangles whose vertices are all kept, and the vertex (k,) of the whole surface that each vertex is."""
    triangles = surface.triangles[keep[surface.triangles].all(axis=1)]
    used = np.unique(triangles)
    number = np.full(len(surface.points), -1, np.int64)
    number[used] = np.arange(len(used))
    return Surface(surface.points[used], number[triangles]), used


def _shares(height: FloatArray, inside: NDArray[np.bool_], triangles: IntArray) -> FloatArray:
    """Share (m,) of each triangle that lies beyond the plane and belongs to the sac."""
    corners = inside[triangles]
    count = corners.sum(axis=1)
    share: FloatArray = (count == 3).astype(np.float64)
    for n_inside in (1, 2):
        rows = np.flatnonzero(count == n_inside)
        lone = (corners[rows] if n_inside == 1 else ~corners[rows]).argmax(axis=1)
        a, b, c = (height[triangles[rows, (lone + k) % 3]] for k in range(3))
        part = np.clip(a / (a - b), 0.0, 1.0) * np.clip(a / (a - c), 0.0, 1.0)
        share[rows] = part if n_inside == 1 else 1.0 - part
    return share


def _triple(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def dome_beyond(surface: Surface, plane: NeckPlane) -> int:
    """The vertex that stands highest over a plane, of the part beyond it that begins nearest to its center.

    Raises
    ------
    ImagingError
        ``neck_misses`` where nothing lies beyond the plane.
    """
    height = (surface.points - plane.center_mm) @ plane.normal
    region = regions_of(surface.triangles, height > 0.0)
    if not (region >= 0).any() or (region >= 0).all():
        where = ", ".join(f"{c:.1f}" for c in plane.center_mm)
        raise ImagingError(
            "neck_misses",
            f"The neck plane at ({where}) mm does not cut the vessel: give a place between the vessel and the sac "
            "(neck_center) and the direction toward the sac (neck_normal).",
            _triple(plane.center_mm),
        )
    distance = np.linalg.norm(surface.points - plane.center_mm, axis=1)
    nearest = region[int(np.where(region >= 0, distance, np.inf).argmin())]
    return int(np.where(region == nearest, height, -np.inf).argmax())
