"""Where the energy of the flow comes from and goes to.

Power in through the openings, ``-integral of (p + rho |u|**2 / 2) u.n`` (n outward), equals the rate of the kinetic
energy plus the viscous dissipation ``integral of mu |grad u|**2`` plus what the scheme itself takes or gives:
stabilization, backflow, the splitting, and the viscous work on the openings. The gradient form of the dissipation is
that of the scheme's viscous term; inside still walls it equals ``2 mu |sym grad u|**2`` up to a term on the openings.
"""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.reference import face_quadrature, velocity_basis

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Energy:
    """At one instant: power in [W], dissipation [W], kinetic energy [J]."""

    power_in: float
    dissipation: float
    kinetic: float


class EnergyMeasure:
    """Measures a flow in a mesh; ``caps`` are its openings. All ranks must ask."""

    def __init__(self, mesh: FlowMesh, caps: tuple[int, ...], density: float) -> None:
        self._mesh, self._density = mesh, density
        degree = 2 if mesh.velocity.cells.shape[1] == 10 else 1
        points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 2 * degree)
        values = velocity_basis(degree, points)[0]
        self._mass = np.ascontiguousarray(np.einsum("q,qi,qj->ij", weights, values, values))
        points, weights = basix.make_quadrature(basix.CellType.tetrahedron, max(1, 2 * (degree - 1)))
        slopes = velocity_basis(degree, points)[1]
        self._weights, self._slopes = np.ascontiguousarray(weights), np.ascontiguousarray(slopes)
        mine = np.isin(mesh.facets.patch, caps) & (mesh.facets.cell < mesh.n_owned_cells)
        self._nodes, self._corners = mesh.facets.velocity[mine], mesh.facets.pressure[mine]
        self._area = mesh.facets.area_vector[mine]
        self._face_weights, self._face_values = face_quadrature(degree)
        face_points = basix.make_quadrature(basix.CellType.triangle, 3 * degree)[0]
        self._linear = np.column_stack([1.0 - face_points.sum(axis=1), face_points])

    def measure(self, velocity: FloatArray, kinematic_pressure: FloatArray, viscosity: FloatArray) -> Energy:
        """Of a velocity (n_local, 3), a pressure over density (n_local,) and each cell's kinematic viscosity."""
        mesh, n = self._mesh, self._mesh.n_owned_cells
        u = np.einsum("qi,fid->fqd", self._face_values, velocity[self._nodes])
        p = np.einsum("qa,fa->fq", self._linear, kinematic_pressure[self._corners])
        head = p + 0.5 * (u * u).sum(axis=2)
        flux = np.einsum("fqd,fd->fq", u, self._area)
        local = np.zeros(3)
        local[0] = -float((self._face_weights * head * flux).sum())
        _add_cells(
            mesh.velocity.cells[:n],
            mesh.inverse_jacobian[:n],
            mesh.determinant[:n],
            np.ascontiguousarray(viscosity[:n]),
            self._slopes,
            self._weights,
            self._mass,
            velocity,
            local,
        )
        mesh.comm.Allreduce(MPI.IN_PLACE, local)
        power, dissipation, kinetic = (self._density * local).tolist()
        return Energy(power, dissipation, 0.5 * kinetic)


@kernel
def _add_cells(
    cells: Index,
    inverse_jacobian: FloatArray,
    determinant: FloatArray,
    viscosity: FloatArray,
    slopes: FloatArray,
    weights: FloatArray,
    mass: FloatArray,
    velocity: FloatArray,
    sums: FloatArray,
) -> None:
    """Add the integrals of nu |grad u|**2 to ``sums[1]`` and of |u|**2 to ``sums[2]``."""
    n_nodes = cells.shape[1]
    reference = np.empty((3, 3))
    for cell in range(len(determinant)):
        inverse = inverse_jacobian[cell]
        squares = 0.0
        for q in range(len(weights)):
            reference[:] = 0.0
            for i in range(n_nodes):
                node = velocity[cells[cell, i]]
                for a in range(3):
                    for b in range(3):
                        reference[a, b] += node[a] * slopes[q, i, b]
            for a in range(3):
                for d in range(3):
                    gradient = (
                        reference[a, 0] * inverse[0, d]
                        + reference[a, 1] * inverse[1, d]
                        + reference[a, 2] * inverse[2, d]
                    )
                    squares += weights[q] * gradient * gradient
        sums[1] += viscosity[cell] * determinant[cell] * squares
        speed = 0.0
        for i in range(n_nodes):
            first = velocity[cells[cell, i]]
            for j in range(n_nodes):
                second = velocity[cells[cell, j]]
                speed += mass[i, j] * (first[0] * second[0] + first[1] * second[1] + first[2] * second[2])
        sums[2] += determinant[cell] * speed
