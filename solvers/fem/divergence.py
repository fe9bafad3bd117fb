"""Divergence of the velocity against the linear pressure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.reference import tables

FloatArray = NDArray[np.float64]


def weak_divergence(mesh: FlowMesh, velocity: FloatArray) -> FloatArray:
    """Integrals (n_owned,) of L_a div u [m3/s] over the owned pressure functions.

    Parameters
    ----------
    velocity : (n_local, 3)
        With ghosts.
    """
    result = np.zeros(mesh.pressure.n_local)
    if mesh.velocity.degree == 1:
        _add_linear_divergence(mesh.velocity.cells, mesh.inverse_jacobian, mesh.determinant, velocity, result)
        return result[: mesh.pressure.n_owned]
    _add_divergence(
        mesh.velocity.cells,
        mesh.pressure.cells,
        mesh.inverse_jacobian,
        mesh.determinant,
        velocity,
        tables().divergence,
        result,
    )
    return result[: mesh.pressure.n_owned]


@kernel
def _add_divergence(
    cells: Index,
    pressure_cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    velocity: FloatArray,
    table: FloatArray,
    result: FloatArray,
) -> None:
    for cell in range(len(determinant)):
        inverse = inverse_jacobian[cell]
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for j in range(10):
            u = velocity[cells[cell, j]]
            for b in range(3):
                flow = inverse[b, 0] * u[0] + inverse[b, 1] * u[1] + inverse[b, 2] * u[2]
                s0 += table[0, j, b] * flow
                s1 += table[1, j, b] * flow
                s2 += table[2, j, b] * flow
                s3 += table[3, j, b] * flow
        volume = determinant[cell]
        result[pressure_cells[cell, 0]] += volume * s0
        result[pressure_cells[cell, 1]] += volume * s1
        result[pressure_cells[cell, 2]] += volume * s2
        result[pressure_cells[cell, 3]] += volume * s3


@kernel
def _add_linear_divergence(
    cells: Index, inverse_jacobian: FloatArray, determinant: FloatArray, velocity: FloatArray, result: FloatArray
) -> None:
    """The divergence is constant in a cell, and each corner gets a quarter of its integral."""
    for cell in range(len(determinant)):
        u0 = velocity[cells[cell, 0]]
        divergence = 0.0
        for b in range(3):
            u = velocity[cells[cell, b + 1]]
            for d in range(3):
                divergence += inverse_jacobian[cell, b, d] * (u[d] - u0[d])
        share = determinant[cell] / 24.0 * divergence
        for a in range(4):
            result[cells[cell, a]] += share
