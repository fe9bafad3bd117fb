"""The sigma model of what eddies smaller than the cells take from the flow.

Nicoud, Baya Toda, Cabrit, Bose & Lee (2011), Phys. Fluids 23:085106. With the singular values s1 >= s2 >= s3 of the
velocity's gradient, ``nu_t = (C D)**2 s3 (s1 - s2)(s2 - s3) / s1**2``: zero in plane and in axially symmetric flow, in
pure shear and rotation, so a laminar tube, entrance or jet keeps its own viscosity, and zero at walls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.reference import velocity_basis

FloatArray = NDArray[np.float64]

NODES_IN_CELL = {1: 1.0 / 6.0, 2: 4.0 / 3.0}
"""Velocity unknowns for each cell of a large mesh of tetrahedra, by the degree: about six cells meet for a vertex, and
seven edges."""


class EddyViscosity:
    """Of the velocity in the middle of each cell; the filter's width is the distance of unknowns."""

    def __init__(self, mesh: FlowMesh, coefficient: float) -> None:
        self._mesh = mesh
        degree = mesh.velocity.degree
        self._slopes = np.ascontiguousarray(velocity_basis(degree, np.full((1, 3), 0.25))[1][0])
        volume = mesh.determinant / 6.0
        self._scale = coefficient**2 * (volume / NODES_IN_CELL[degree]) ** (2.0 / 3.0)
        self._found = np.zeros(mesh.n_cells)

    def of(self, velocity: FloatArray) -> FloatArray:
        """Kinematic eddy viscosity (n_cells,) [m2/s] at a velocity (n_local, 3)."""
        mesh = self._mesh
        sigma_model(mesh.velocity.cells, mesh.inverse_jacobian, velocity, self._slopes, self._scale, self._found)
        return self._found


@kernel
def sigma_model(
    cells: Index,
    inverse_jacobian: FloatArray,
    velocity: FloatArray,
    slopes: FloatArray,
    scale: FloatArray,
    found: FloatArray,
) -> None:
    """``scale`` (C D)**2 [m2] times the rate, by the invariants of the squared gradient (the paper's section V)."""
    gradient, square = np.empty((3, 3)), np.empty((3, 3))
    for cell in range(len(found)):
        gradient[:] = 0.0
        for i in range(len(slopes)):
            node = velocity[cells[cell, i]]
            for d in range(3):
                slope = (
                    slopes[i, 0] * inverse_jacobian[cell, 0, d]
                    + slopes[i, 1] * inverse_jacobian[cell, 1, d]
                    + slopes[i, 2] * inverse_jacobian[cell, 2, d]
                )
                for e in range(3):
                    gradient[e, d] += node[e] * slope
        trace = squares = 0.0
        for d in range(3):
            for e in range(3):
                square[d, e] = (
                    gradient[0, d] * gradient[0, e] + gradient[1, d] * gradient[1, e] + gradient[2, d] * gradient[2, e]
                )
                squares += square[d, e] * square[d, e]
            trace += square[d, d]
        determinant = (
            gradient[0, 0] * (gradient[1, 1] * gradient[2, 2] - gradient[1, 2] * gradient[2, 1])
            - gradient[0, 1] * (gradient[1, 0] * gradient[2, 2] - gradient[1, 2] * gradient[2, 0])
            + gradient[0, 2] * (gradient[1, 0] * gradient[2, 1] - gradient[1, 1] * gradient[2, 0])
        )
        second, third = 0.5 * (trace * trace - squares), determinant * determinant
        spread = trace * trace / 9.0 - second / 3.0
        found[cell] = 0.0
        if spread <= 1e-12 * trace * trace:
            continue
        skew = trace * trace * trace / 27.0 - trace * second / 6.0 + 0.5 * third
        angle = np.arccos(min(1.0, max(-1.0, skew / spread**1.5))) / 3.0
        radius = 2.0 * np.sqrt(spread)
        largest = np.sqrt(max(0.0, trace / 3.0 + radius * np.cos(angle)))
        middle = np.sqrt(max(0.0, trace / 3.0 - radius * np.cos(np.pi / 3.0 + angle)))
        least = np.sqrt(max(0.0, trace / 3.0 - radius * np.cos(np.pi / 3.0 - angle)))
        found[cell] = scale[cell] * least * (largest - middle) * (middle - least) / (largest * largest)
