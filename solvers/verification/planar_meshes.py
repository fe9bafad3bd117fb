"""Slabs of tetrahedra for plane flows: a driven cavity, and a channel with a cylinder across it (also in 3D)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.verification.meshes import INLET, OUTLET, WALL, split_prisms, with_boundary

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CYLINDER, SIDE, LID = 4, 5, 6
"""Patches beside those of ``meshes``: the cylinder, the faces of a slab at its two z, the moving lid."""

HEIGHT, LENGTH, RADIUS, CENTER, AHEAD = 0.41, 2.2, 0.05, 0.2, 0.3
"""The channel of Schaefer & Turek (1996) [m]; the cylinder's center is as far from the inlet as from the floor. In
three dimensions the channel begins ``AHEAD`` earlier, and is as wide as high."""


def cavity(n: int, grading: float = 0.9) -> MeshArrays:
    """The unit square of ``n`` by ``n`` quadrilaterals as a slab, its lid at y = 1.

    ``grading`` blends equal cells (0) with cells between Chebyshev points (1), which are small at the walls.
    """
    even = np.linspace(0.0, 1.0, n + 1)
    line = (1.0 - grading) * even + grading * 0.5 * (1.0 - np.cos(np.pi * even))
    points, quads = _sheet([np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)])
    mesh = _extruded(points, quads, np.array([0.0, 1.0 / n]), SIDE)
    is_lid = (np.abs(mesh.points[mesh.facets][:, :, 1] - 1.0) < 1e-9).all(axis=1)
    return MeshArrays(mesh.points, mesh.tets, mesh.facets, np.where(is_lid, LID, mesh.facet_patch))


def square(n: int) -> MeshArrays:
    """The square (-1, 1)^2 of ``n`` by ``n`` quadrilaterals as a slab."""
    line = np.linspace(-1.0, 1.0, n + 1)
    points, quads = _sheet([np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)])
    return _extruded(points, quads, np.array([0.0, 2.0 / n]), SIDE)


def channel(n: int, n_radial: int, n_along: int, n_across: int = 0) -> MeshArrays:
    """The channel with the cylinder: ``4 n`` facets around, ``n_radial`` cells from it to the walls.

    Behind the square that holds the cylinder come ``n_along`` cells, growing towards the outlet. The polygon of the
    cylinder is blown up to the circle's area. With ``n_across`` cells it is the channel in three dimensions, its cells
    smaller at the side walls; without them it is a slab one thin cell thick.
    """
    ahead = AHEAD if n_across else 0.0
    points, quads = _sheet(_blocks(n, n_radial, n_along, ahead))
    even = np.linspace(0.0, 1.0, n_across + 1)
    z = HEIGHT * 0.5 * (even + 0.5 * (1.0 - np.cos(np.pi * even))) if n_across else np.array([0.0, 0.2 * HEIGHT / n])
    mesh = _extruded(points, quads, z, SIDE)
    corner = mesh.points[mesh.facets]
    patch = mesh.facet_patch.copy()
    is_side = patch == SIDE
    patch[~is_side & (corner[:, :, 0] < 1e-9).all(axis=1)] = INLET
    patch[~is_side & (corner[:, :, 0] > ahead + LENGTH - 1e-9).all(axis=1)] = OUTLET
    near = np.hypot(corner[:, :, 0] - ahead - CENTER, corner[:, :, 1] - CENTER) < 1.1 * RADIUS
    patch[~is_side & near.all(axis=1)] = CYLINDER
    return MeshArrays(mesh.points, mesh.tets, mesh.facets, patch)


def _blocks(n: int, n_radial: int, n_along: int, ahead: float) -> list[FloatArray]:
    """Points (i, j, 2) of the four blocks around the cylinder, of the one behind them, and of one that long before."""
    area = np.sqrt(2.0 * np.pi / (4 * n) / np.sin(2.0 * np.pi / (4 * n)))
    side = HEIGHT * np.linspace(0.0, 1.0, n + 1)
    zero = np.zeros(n + 1)
    outer = (
        np.column_stack([zero + HEIGHT, side]),
        np.column_stack([side[::-1], zero + HEIGHT]),
        np.column_stack([zero, side[::-1]]),
        np.column_stack([side, zero]),
    )
    first = 2.0 * np.pi * RADIUS / (4 * n)
    radial = _growing(first / (HEIGHT / 2.0 - RADIUS), n_radial)
    blocks = []
    for index, edge in enumerate(outer):
        angle = np.pi / 2.0 * (index + np.linspace(-0.5, 0.5, n + 1))
        inner = CENTER + area * RADIUS * np.column_stack([np.cos(angle), np.sin(angle)])
        blocks.append(inner[None] + radial[:, None, None] * (edge - inner)[None])
    x = HEIGHT + (LENGTH - HEIGHT) * _growing(HEIGHT / n / (LENGTH - HEIGHT), n_along)
    blocks.append(np.stack(np.meshgrid(x, side, indexing="ij"), axis=-1))
    if ahead:
        x = np.linspace(-ahead, 0.0, int(np.ceil(ahead / HEIGHT * n)) + 1)
        blocks.append(np.stack(np.meshgrid(x, side, indexing="ij"), axis=-1))
    return [block + np.array([ahead, 0.0]) for block in blocks]


def _growing(first: float, n: int) -> FloatArray:
    """``n`` intervals of (0, 1), each the same multiple of the one before, the first of about this length."""
    low, high = 1.0, 3.0
    for _ in range(60):
        ratio = 0.5 * (low + high)
        if first * (ratio**n - 1.0) / (ratio - 1.0) < 1.0:
            low = ratio
        else:
            high = ratio
    ends = low ** np.arange(n + 1) - 1.0 if low > 1.0 + 1e-9 else np.arange(n + 1.0)
    return np.asarray(ends / ends[-1])


def _sheet(blocks: list[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Blocks of points as one sheet: points (n, 2) and quadrilaterals (m, 4); equal points become one."""
    points, quads, start = [], [], 0
    for block in blocks:
        index = start + np.arange(block.shape[0] * block.shape[1]).reshape(block.shape[:2])
        corners = (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
        quads.append(np.stack(corners, axis=-1).reshape(-1, 4))
        points.append(block.reshape(-1, 2))
        start += index.size
    together = np.concatenate(points)
    _, first, name = np.unique(np.round(together, 9), axis=0, return_index=True, return_inverse=True)
    return together[first], name.ravel()[np.concatenate(quads)]


def _extruded(points: FloatArray, quads: IntArray, z: FloatArray, side: int) -> MeshArrays:
    """Tetrahedra between the planes ``z`` [m]; the end planes are the patch ``side``, the rest is wall."""
    shift = np.arange(len(quads)) % 2
    a, b, c, d = np.where(shift[:, None] == 0, quads, np.roll(quads, 1, axis=1)).T
    triangles = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    n_sheet, n_layers = len(points), len(z) - 1
    flat = np.column_stack([np.tile(points, (len(z), 1)), np.repeat(z, n_sheet)])
    lower = triangles[None] + n_sheet * np.arange(n_layers)[:, None, None]
    prisms = np.concatenate([lower, lower + n_sheet], axis=2).reshape(-1, 6)

    def patch_of(facets: IntArray) -> IntArray:
        is_end = (facets < n_sheet).all(axis=1) | (facets >= n_layers * n_sheet).all(axis=1)
        return np.where(is_end, side, WALL)

    return with_boundary(flat, split_prisms(flat, prisms), patch_of)
