"""Tables on the reference tetrahedron: quadratic or linear velocity, linear pressure, straight cells.

Corners 0..3 lie at the origin and the unit points of the three axes. Nodes 0..3 of the quadratic element are the
corners, nodes 4..9 the midpoints of ``EDGES``, in the order of DOLFINx; the linear element has the corners only. Face
``i`` lies opposite corner ``i``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import basix
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

EDGES: IntArray = np.array([(2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1)])
FACES: IntArray = np.array([(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)])
FACE_EDGES: IntArray = np.array([(0, 1, 2), (0, 3, 4), (1, 3, 5), (2, 4, 5)])
"""The edges (rows of ``EDGES``) of each face; edge ``k`` of a face lies opposite its corner ``k``."""
FACE_NODES: IntArray = np.concatenate([FACES, 4 + FACE_EDGES], axis=1)
"""The six quadratic nodes of each face: corners, then midpoints, midpoint ``k`` opposite corner ``k``."""
CORNER_GRADIENT: FloatArray = np.array([(-1.0, -1.0, -1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
"""Gradients (4, 3) of the linear basis in reference coordinates."""
TRIANGLE_EDGES: IntArray = np.array([(1, 2), (0, 2), (0, 1)])
TRIANGLE_GRADIENT: FloatArray = np.array([(-1.0, -1.0), (1.0, 0.0), (0.0, 1.0)])
"""Gradients (3, 2) of a triangle's linear basis in reference coordinates."""


def quadratic_basis(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quadratic basis at reference points (q, 3): values (q, 10) and reference gradients (q, 10, 3)."""
    corner = np.column_stack([1.0 - points.sum(axis=1), points])
    values, gradients = np.empty((len(points), 10)), np.empty((len(points), 10, 3))
    for a in range(4):
        values[:, a] = corner[:, a] * (2.0 * corner[:, a] - 1.0)
        gradients[:, a] = (4.0 * corner[:, a, None] - 1.0) * CORNER_GRADIENT[a]
    for k, (a, b) in enumerate(EDGES):
        values[:, 4 + k] = 4.0 * corner[:, a] * corner[:, b]
        gradients[:, 4 + k] = 4.0 * (corner[:, a, None] * CORNER_GRADIENT[b] + corner[:, b, None] * CORNER_GRADIENT[a])
    return values, gradients


def triangle_basis(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quadratic basis of a triangle at reference points (q, 2): values (q, 6), reference gradients (q, 6, 2)."""
    slope = TRIANGLE_GRADIENT
    corner = np.column_stack([1.0 - points.sum(axis=1), points])
    values, gradients = np.empty((len(points), 6)), np.empty((len(points), 6, 2))
    for a in range(3):
        values[:, a] = corner[:, a] * (2.0 * corner[:, a] - 1.0)
        gradients[:, a] = (4.0 * corner[:, a, None] - 1.0) * slope[a]
    for k, (a, b) in enumerate(TRIANGLE_EDGES):
        values[:, 3 + k] = 4.0 * corner[:, a] * corner[:, b]
        gradients[:, 3 + k] = 4.0 * (corner[:, a, None] * slope[b] + corner[:, b, None] * slope[a])
    return values, gradients


def velocity_basis(degree: int, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Basis of degree 1 or 2 at reference points (q, 3): values (q, 4 or 10) and gradients (q, 4 or 10, 3)."""
    if degree == 2:
        return quadratic_basis(points)
    return _corner_values(points), np.broadcast_to(CORNER_GRADIENT, (len(points), 4, 3))


def face_nodes(degree: int) -> IntArray:
    """The velocity nodes (4, 3 or 6) of each face for a velocity of degree 1 or 2."""
    return FACE_NODES if degree == 2 else FACES


def face_basis(degree: int, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Basis of a triangle at reference points (q, 2): values (q, 3 or 6), reference gradients (q, 3 or 6, 2)."""
    if degree == 2:
        return triangle_basis(points)
    return _corner_values(points), np.broadcast_to(TRIANGLE_GRADIENT, (len(points), 3, 2))


def _corner_values(points: FloatArray) -> FloatArray:
    return np.column_stack([1.0 - points.sum(axis=1), points])


def second_derivatives() -> FloatArray:
    """Reference second derivatives (10, 3, 3) of the quadratic basis, constant in the cell."""
    result = np.empty((10, 3, 3))
    for a in range(4):
        result[a] = 4.0 * np.outer(CORNER_GRADIENT[a], CORNER_GRADIENT[a])
    for k, (a, b) in enumerate(EDGES):
        mixed = np.outer(CORNER_GRADIENT[a], CORNER_GRADIENT[b])
        result[4 + k] = 4.0 * (mixed + mixed.T)
    return result


@dataclass(frozen=True, eq=False)
class Tables:
    """What the cell kernels multiply with.

    Attributes
    ----------
    weights : (q,)
        Quadrature of degree 5 (weights sum to 1/6).
    values : (q, 10), gradients : (q, 3, 10)
        Quadratic basis at its points.
    stiffness : (3, 3, 10, 10)
        Integrals of d_a N_i d_b N_j over the reference cell.
    divergence : (4, 10, 3)
        Integrals of L_a d_b N_j, ``L`` linear.
    second : (10, 3, 3)
        Second derivatives of the quadratic basis.
    """

    weights: FloatArray
    values: FloatArray
    gradients: FloatArray
    stiffness: FloatArray
    divergence: FloatArray
    second: FloatArray


@cache
def tables() -> Tables:
    """The tables of the quadratic velocity and linear pressure."""
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 5)
    values, gradients = quadratic_basis(points)
    linear = np.column_stack([1.0 - points.sum(axis=1), points])
    return Tables(
        weights=np.ascontiguousarray(weights),
        values=np.ascontiguousarray(values),
        gradients=np.ascontiguousarray(gradients.transpose(0, 2, 1)),
        stiffness=np.einsum("q,qia,qjb->abij", weights, gradients, gradients),
        divergence=np.einsum("q,qa,qjb->ajb", weights, linear, gradients),
        second=second_derivatives(),
    )


@cache
def face_pressure_load(degree: int) -> FloatArray:
    """Means (6 or 3, 3) over a triangle of N_i L_a: the velocity's basis against the linear one."""
    points, weights = basix.make_quadrature(basix.CellType.triangle, 3)
    basis = face_basis(degree, points)[0]
    return np.asarray(np.einsum("q,qi,qa->ia", 2.0 * weights, basis, _corner_values(points)))


@cache
def face_quadrature(degree: int) -> tuple[FloatArray, FloatArray]:
    """Weights (q,), summing to 1, on a triangle, and the velocity's basis (q, 6 or 3) there; exact for its cube."""
    points, weights = basix.make_quadrature(basix.CellType.triangle, 3 * degree)
    return np.ascontiguousarray(2.0 * weights), np.ascontiguousarray(face_basis(degree, points)[0])
