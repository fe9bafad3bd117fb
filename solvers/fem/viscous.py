"""The viscous term of a fluid whose viscosity depends on its shear rate.

With nu the viscosity at the known velocity ``w``, m its smallest value anywhere, test functions ``v`` and
``e = nu - m``, the stress nu (grad u + grad u^T) becomes::

    ((nu + s e) grad v, grad u) + (e grad v, grad w^T - s grad w) - <v, e grad w^T n>

The first part goes into the matrix, the others to the right sides. All of them but (nu grad v, grad u) vanish for a
constant nu: m grad u^T has no divergence, and leaving it out keeps ``nu du/dn - p n`` as what is given at an outlet.
The part with ``s`` (``DAMPING``) is of second order in the time step and keeps the known part from alternating.
The viscosity is taken at the points of a quadrature of degree 2, which integrates a constant one exactly. See
docs/theory-flow.md.
"""

from __future__ import annotations

from collections.abc import Callable

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.mesh import FlowMesh
from solvers.fem.pattern import Pattern
from solvers.fem.reference import FACES, face_basis, velocity_basis
from solvers.fem.viscous_kernels import add_linear_viscous, add_viscous, measure_shear_rate

FloatArray = NDArray[np.float64]
ViscosityLaw = Callable[[FloatArray], FloatArray]
"""Viscosity at shear rates [1/s], of the same shape."""
DAMPING = 1.0
"""Share of the varying viscosity that is added to the matrix and taken off the right sides. With the flow solver's
extrapolation the model equation is stable at any time step from 0.25 on; with the pressure correction 0.5 was not
enough for Casson's law at very long steps (docs/theory-flow.md)."""


class VariableViscosity:
    """The viscous term under a viscosity law.

    Parameters
    ----------
    law
        Kinematic viscosity [m2/s] at shear rates [1/s].
    is_open : (f,)
        Facets of the mesh's ``facets`` that lie on an outlet.

    Attributes
    ----------
    cell : (n_cells,)
        Mean kinematic viscosity of each cell [m2/s] in the last call of ``add``.
    implicit : (n_cells,)
        For linear velocities what the matrix must be given: ``nu + s e``; else as ``cell``.
    residual : (n_cells, 3)
        What its gradient adds to the divergence of the stress at the cells' centers [m/s2]:
        (grad w + grad w^T) grad nu.
    """

    def __init__(self, mesh: FlowMesh, pattern: Pattern, law: ViscosityLaw, is_open: NDArray[np.bool_]) -> None:
        self._mesh, self._pattern, self._law = mesh, pattern, law
        self._degree = degree = mesh.velocity.degree
        points, self._weights = basix.make_quadrature(basix.CellType.tetrahedron, 2 * degree - 2)
        self._slopes = np.ascontiguousarray(velocity_basis(degree, points)[1].transpose(0, 2, 1))
        self._fit = np.zeros((len(points), 3))
        if degree == 2:
            self._fit[:] = np.linalg.inv(np.column_stack([np.ones(len(points)), points]))[1:].T
        self._shear_rate = np.empty((mesh.n_cells, len(points)))
        self.cell: FloatArray = np.zeros(mesh.n_cells)
        self.implicit: FloatArray = self.cell
        self.residual: FloatArray = np.zeros((mesh.n_cells if degree == 2 else 0, 3))
        self._outlet_nodes = mesh.facets.velocity[is_open]
        self._outlet_cells = mesh.velocity.cells[mesh.facets.cell[is_open]]
        self._outlet_area = mesh.facets.area_vector[is_open]
        face_points, face_weights = basix.make_quadrature(basix.CellType.triangle, 4)
        corner = np.column_stack([1.0 - face_points.sum(axis=1), face_points])
        barycentric = np.zeros((4, len(face_points), 4))
        for face, corners in enumerate(FACES):
            barycentric[face][:, corners] = corner
        slopes = np.array([velocity_basis(degree, places[:, 1:])[1] for places in barycentric])
        self._outlet_slopes = np.einsum(
            "fqib,fbd->fqid", slopes[mesh.facets.face[is_open]], mesh.inverse_jacobian[mesh.facets.cell[is_open]]
        )
        self._outlet_load = 2.0 * face_weights[:, None] * face_basis(degree, face_points)[0]

    def add(self, velocity: FloatArray, values: FloatArray, right_side: FloatArray) -> None:
        """Add the term at a known velocity (n_local, 3) to matrix values and right sides, and set the attributes."""
        mesh = self._mesh
        measure_shear_rate(mesh.velocity.cells, mesh.inverse_jacobian, velocity, self._slopes, self._shear_rate)
        viscosity = np.ascontiguousarray(self._law(self._shear_rate))
        self.implicit = self.cell = viscosity.mean(axis=1)
        least = float(mesh.comm.allreduce(viscosity.min(initial=np.inf), MPI.MIN))
        if self._degree == 1:
            excess = self.cell - least
            self.implicit = self.cell + DAMPING * excess
            add_linear_viscous(
                mesh.velocity.cells,
                mesh.inverse_jacobian,
                mesh.determinant,
                velocity,
                excess,
                DAMPING,
                self._slopes[0],
                right_side,
            )
        else:
            add_viscous(
                mesh.velocity.cells,
                mesh.inverse_jacobian,
                mesh.determinant,
                velocity,
                viscosity,
                least,
                DAMPING,
                self._weights,
                self._slopes,
                self._fit,
                self._pattern.cell_positions,
                values,
                right_side,
                self.residual,
            )
        if len(self._outlet_nodes):
            self._add_outlets(velocity, least, right_side)

    def _add_outlets(self, velocity: FloatArray, least: float, right_side: FloatArray) -> None:
        gradient = np.einsum("fqid,fie->fqed", self._outlet_slopes, velocity[self._outlet_cells])
        symmetric = gradient + gradient.swapaxes(2, 3)
        viscosity = self._law(np.sqrt(0.5 * np.einsum("fqed,fqed->fq", symmetric, symmetric)))
        traction = np.einsum("fq,fqed,fe->fqd", viscosity - least, gradient, self._outlet_area)
        np.add.at(right_side, self._outlet_nodes, np.einsum("qi,fqd->fid", self._outlet_load, traction))
