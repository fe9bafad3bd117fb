"""Structured tetrahedral meshes for checks: a tube along any curve and a cube."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WALL, INLET, OUTLET, BRANCH = 1, 2, 3, 4


def disc(n_rings: int, stretch: float = 1.0) -> tuple[FloatArray, IntArray]:
    """Triangulated disc of area pi.

    Ring ``k`` of ``n_rings`` has ``6 k`` points at a radius that grows with ``stretch`` < 1 ever less towards the rim
    (ratio of the outermost ring's thickness to the mean thickness is about ``stretch``). The polygon is blown up to
    the area of the unit circle, so that a flow through it is that through the circle to second order.

    Returns
    -------
    points : (1 + 3 n (n + 1), 2)
    triangles : (6 n**2, 3), counter-clockwise.
    """
    fraction = np.arange(n_rings + 1) / n_rings
    radius = (2.0 - stretch) * fraction - (1.0 - stretch) * fraction**2
    points = [np.zeros((1, 2))]
    triangles: list[tuple[int, int, int]] = []
    first = [0, 1]
    for ring in range(1, n_rings + 1):
        count = 6 * ring
        angle = 2.0 * np.pi * np.arange(count) / count
        points.append(radius[ring] * np.column_stack([np.cos(angle), np.sin(angle)]))
        first.append(first[-1] + count)
        inner, outer = first[ring - 1], first[ring]
        inner_count = max(1, count - 6)
        for sector in range(6):
            for step in range(ring):
                a = outer + sector * ring + step
                b = outer + (sector * ring + step + 1) % count
                c = inner + (sector * (ring - 1) + step) % inner_count
                triangles.append((a, b, c))
                if step < ring - 1:
                    d = inner + (sector * (ring - 1) + step + 1) % inner_count
                    triangles.append((b, d, c))
    flat = np.concatenate(points)
    sides = 6 * n_rings
    polygon_area = 0.5 * sides * np.sin(2.0 * np.pi / sides)
    return flat * np.sqrt(np.pi / polygon_area), np.array(triangles, dtype=np.int64)


def tube(centerline: FloatArray, radius: FloatArray | float, n_rings: int, stretch: float = 1.0) -> MeshArrays:
    """Tube of circular sections on a curve; the wall is patch 1, the inlet 2 (first section), the outlet 3.

    Parameters
    ----------
    centerline : (n, 3)
        Points [m] at which sections are put.
    radius : float or (n,)
        Radius [m] of each section.
    n_rings, stretch
        See :func:`disc`.
    """
    section, triangles = disc(n_rings, stretch)
    n_sections, n_section = len(centerline), len(section)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), (n_sections,))
    tangent = np.gradient(centerline, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    points = np.empty((n_sections, n_section, 3))
    across = np.eye(3)[np.argmin(np.abs(tangent[0]))]
    for index in range(n_sections):
        across = across - tangent[index] * (across @ tangent[index])
        across /= np.linalg.norm(across)
        beside = np.cross(tangent[index], across)
        points[index] = centerline[index] + radii[index] * (
            section[:, :1] * across[None] + section[:, 1:] * beside[None]
        )
    lower = triangles[None] + n_section * np.arange(n_sections - 1)[:, None, None]
    prisms = np.concatenate([lower, lower + n_section], axis=2).reshape(-1, 6)
    flat = points.reshape(-1, 3)
    tets = split_prisms(flat, prisms)
    last = n_section * (n_sections - 1)

    def patch_of(facets: IntArray) -> IntArray:
        patch = np.full(len(facets), WALL)
        patch[(facets < n_section).all(axis=1)] = INLET
        patch[(facets >= last).all(axis=1)] = OUTLET
        return patch

    return with_boundary(flat, tets, patch_of)


def straight_tube(length: float, radius: float, n_rings: int, n_sections: int, stretch: float = 1.0) -> MeshArrays:
    """Tube along z from z = 0; lengths in m."""
    z = np.linspace(0.0, length, n_sections + 1)
    return tube(np.column_stack([0 * z, 0 * z, z]), radius, n_rings, stretch)


def cube(n: int, low: float = -1.0, high: float = 1.0) -> MeshArrays:
    """Cube of ``6 n**3`` tetrahedra; all of its boundary is patch 1."""
    line = np.linspace(low, high, n + 1)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.arange((n + 1) ** 3).reshape(n + 1, n + 1, n + 1)
    steps = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    tets = []
    for order in steps:
        corner = np.zeros(3, dtype=int)
        path = [index[:-1, :-1, :-1].ravel()]
        for axis in order:
            corner[axis] = 1
            i, j, k = (slice(int(c), n + int(c)) for c in corner)
            path.append(index[i, j, k].ravel())
        tets.append(np.column_stack(path))
    return with_boundary(points, _oriented(points, np.concatenate(tets)), lambda facets: np.full(len(facets), WALL))


def tee(n: int, width: float) -> MeshArrays:
    """A duct of square section along x with a branch along y, ``n`` cells across; every arm is three widths long.

    The wall is patch 1, the ends at -x, +x and +y are ``INLET``, ``OUTLET`` and ``BRANCH``; lengths in m.
    """
    whole = cube(6 * n, -3.0, 3.0)
    x, y, z = np.abs(whole.points[whole.tets].mean(axis=1).T)
    is_up = whole.points[whole.tets].mean(axis=1)[:, 1] > 0.0
    tets = whole.tets[(z < 0.5) & ((y < 0.5) | ((x < 0.5) & is_up))]
    used, flat = np.unique(tets, return_inverse=True)
    points = whole.points[used]

    def patch_of(facets: IntArray) -> IntArray:
        corner, patch = points[facets], np.full(len(facets), WALL)
        for patch_id, axis, end in ((INLET, 0, -3.0), (OUTLET, 0, 3.0), (BRANCH, 1, 3.0)):
            patch[np.abs(corner[:, :, axis] - end).max(axis=1) < 1e-9] = patch_id
        return patch

    mesh = with_boundary(points, flat.reshape(tets.shape), patch_of)
    return MeshArrays(width * mesh.points, mesh.tets, mesh.facets, mesh.facet_patch)


def split_prisms(points: FloatArray, prisms: IntArray) -> IntArray:
    """Three tetrahedra for each prism; neighbors agree because every diagonal starts at the lowest vertex."""
    turned = prisms.copy()
    lowest = np.argmin(prisms, axis=1)
    for corner, order in enumerate(
        (
            [0, 1, 2, 3, 4, 5],
            [1, 2, 0, 4, 5, 3],
            [2, 0, 1, 5, 3, 4],
            [3, 5, 4, 0, 2, 1],
            [4, 3, 5, 1, 0, 2],
            [5, 4, 3, 2, 1, 0],
        )
    ):
        chosen = lowest == corner
        turned[chosen] = prisms[chosen][:, order]
    a, b, c, d, e, f = turned.T
    falls = np.minimum(b, f) < np.minimum(c, e)
    first = np.column_stack([a, b, c, np.where(falls, f, e)])
    second = np.where(falls[:, None], np.column_stack([a, b, f, e]), np.column_stack([a, c, f, e]))
    third = np.column_stack([a, d, e, f])
    return _oriented(points, np.concatenate([first, second, third]))


def _oriented(points: FloatArray, tets: IntArray) -> IntArray:
    corner = points[tets]
    volume = np.linalg.det(corner[:, 1:] - corner[:, :1])
    tets = tets.copy()
    tets[volume < 0] = tets[volume < 0][:, [0, 2, 1, 3]]
    return tets


def with_boundary(points: FloatArray, tets: IntArray, patch_of: Callable[[IntArray], IntArray]) -> MeshArrays:
    """The mesh with its outward boundary facets."""
    faces = np.concatenate([tets[:, [1, 2, 3]], tets[:, [0, 3, 2]], tets[:, [0, 1, 3]], tets[:, [0, 2, 1]]])
    _, first, counts = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    facets = faces[first[counts == 1]]
    return MeshArrays(points, tets, facets, patch_of(facets))
