"""The openings of a foreign surface: named caps, flat caps that are found, or borders that are closed flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.surface.caps import CapError, cap
from imaging.surface.checks import position_text, triple
from imaging.surface.foreign import ForeignSurface
from imaging.surface.topology import area_vectors, directed_edges, is_watertight, open_loops
from imaging.types import FloatArray, IntArray, Surface

_FLAT = 0.999
_SAME_PLANE_DEG = 1.0
_RIM_DEG = 25.0
_RIM_PART = 0.9
_ROUND = 0.45
_UNEVEN_RADII = 0.35
_LEAST_OPENINGS = 2


@dataclass(frozen=True)
class SurfaceOpening:
    """An opening: its number (the face's own where the file has numbers), center, outward normal, area, radius."""

    id: int
    center: tuple[float, float, float]
    normal: tuple[float, float, float]
    area: float

    @property
    def radius(self) -> float:
        """Radius of the circle of equal area."""
        return float(np.sqrt(self.area / np.pi))


def closed_with_openings(found: ForeignSurface) -> tuple[Surface, tuple[SurfaceOpening, ...], tuple[str, ...]]:
    """The closed surface, its openings, and what was done for it, all in the file's own unit.

    Parameters
    ----------
    found : ForeignSurface

    Returns
    -------
    (surface, openings, notes)
        ``surface.triangle_data["opening"]`` (m,) is 0 on the wall and an opening's number on its cap.

    Raises
    ------
    ImagingError
        ``hole_not_flat``, ``surface_without_openings``, ``surface_not_closed``.
    """
    if not is_watertight(found.triangles):
        surface, openings = _capped(found)
        notes = (f"The surface was open at {len(openings)} borders, which were closed with flat caps.",)
    elif found.face_array:
        surface, openings = _of_faces(found)
        notes = (f"Openings are the flat faces of the file's array {found.face_array}.",)
    else:
        surface, openings = _of_flat_parts(found)
        notes = ("Openings are the flat round parts with a sharp rim that were found on the closed surface.",)
    if len(openings) < _LEAST_OPENINGS:
        raise ImagingError(
            "surface_without_openings",
            f"The surface has {len(openings)} opening(s), but blood needs a way in and a way out: cut the vessel's "
            "ends flat, or leave them open, and export it again.",
        )
    return surface, openings, notes


def _capped(found: ForeignSurface) -> tuple[Surface, tuple[SurfaceOpening, ...]]:
    points, triangles = found.points, found.triangles
    rings = open_loops(triangles)
    all_points, all_triangles, of = [points], [triangles], [np.zeros(len(triangles), np.int64)]
    openings = []
    n = len(points)
    for number, ring in enumerate(rings, start=1):
        border = points[ring]
        center = border.mean(axis=0)
        # The ring runs along its triangles; seen from outside the vessel it winds clockwise around the way out.
        turning = np.cross(border - center, np.roll(border, -1, axis=0) - center).sum(axis=0)
        normal = -turning / np.linalg.norm(turning)
        radius = float(np.sqrt(np.linalg.norm(turning) / 2.0 / np.pi))
        uneven = float(np.abs((border - center) @ normal).max())
        if uneven > _UNEVEN_RADII * radius:
            raise _not_flat(center)
        try:
            inner, local = cap(border, normal)
        except CapError:
            raise _not_flat(center) from None
        numbered = np.concatenate([ring, n + np.arange(len(inner))])
        all_points.append(inner)
        all_triangles.append(numbered[local])
        of.append(np.full(len(local), number))
        openings.append(_opening(number, np.concatenate([border, inner]), local))
        n += len(inner)
    surface = Surface(np.concatenate(all_points), np.concatenate(all_triangles), {}, {"opening": np.concatenate(of)})
    if not is_watertight(surface.triangles):
        raise ImagingError(
            "surface_not_closed", "The surface could not be closed at its borders: repair it, or export it closed."
        )
    return surface, tuple(openings)


def _not_flat(center: FloatArray) -> ImagingError:
    place = triple(center)
    return ImagingError(
        "hole_not_flat",
        f"The surface has a hole near {position_text(place)[:-3]} (in the file's own unit) that is no flat end of a "
        "vessel: close it, or cut the vessel's end flat, in the program that made it.",
        place,
    )


def _of_faces(found: ForeignSurface) -> tuple[Surface, tuple[SurfaceOpening, ...]]:
    openings = []
    of = np.zeros(len(found.triangles), np.int64)
    for number in np.unique(found.face).tolist():
        mine = found.face == number
        if number <= 0 or not _is_flat(found.points, found.triangles[mine]):
            continue
        of[mine] = number
        openings.append(_opening(number, found.points, found.triangles[mine]))
    return Surface(found.points, found.triangles, {}, {"opening": of}), tuple(openings)


def _is_flat(points: FloatArray, triangles: IntArray) -> bool:
    vectors = area_vectors(points, triangles)
    whole = float(np.linalg.norm(vectors, axis=1).sum())
    return bool(np.linalg.norm(vectors.sum(axis=0)) > _FLAT * whole)


def _of_flat_parts(found: ForeignSurface) -> tuple[Surface, tuple[SurfaceOpening, ...]]:
    points, triangles = found.points, found.triangles
    normals = area_vectors(points, triangles)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    one, other, edge = _neighbors(triangles)
    bend = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", normals[one], normals[other]), -1.0, 1.0)))
    part = _parts(len(triangles), one[bend < _SAME_PLANE_DEG], other[bend < _SAME_PLANE_DEG])
    of = np.zeros(len(triangles), np.int64)
    openings: list[SurfaceOpening] = []
    length = np.linalg.norm(points[edge[:, 0]] - points[edge[:, 1]], axis=1)
    for number in np.flatnonzero(np.bincount(part) > 2).tolist():
        mine = part == number
        rim = mine[one] != mine[other]
        perimeter = float(length[rim].sum())
        vectors = area_vectors(points, triangles[mine])
        area = float(np.linalg.norm(vectors.sum(axis=0)))
        is_sharp = float(length[rim][bend[rim] > _RIM_DEG].sum()) > _RIM_PART * perimeter
        is_round = 4.0 * np.pi * area > _ROUND * perimeter**2
        if is_sharp and is_round and _is_flat(points, triangles[mine]):
            opening = _opening(len(openings) + 1, points, triangles[mine])
            of[mine] = opening.id
            openings.append(opening)
    return Surface(points, triangles, {}, {"opening": of}), tuple(openings)


def _neighbors(triangles: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """The two triangles at each edge of a closed surface, and the edge."""
    m = len(triangles)
    edges = np.sort(directed_edges(triangles), axis=1)
    owner = np.tile(np.arange(m), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    return owner[order[::2]], owner[order[1::2]], edges[order[::2]]


def _parts(n: int, one: IntArray, other: IntArray) -> NDArray[np.int32]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
    part: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return part


def _opening(number: int, points: FloatArray, triangles: IntArray) -> SurfaceOpening:
    vectors = area_vectors(points, triangles)
    weights = np.linalg.norm(vectors, axis=1)
    center = (points[triangles].mean(axis=1) * weights[:, None]).sum(axis=0) / weights.sum()
    total = vectors.sum(axis=0)
    area = float(np.linalg.norm(total))
    return SurfaceOpening(number, triple(center), triple(total / area), area)
