"""Matrices on the linear pressure, and the stabilization that a linear velocity needs.

With velocity and pressure both linear, some pressures have (almost) no gradient that the velocity sees. The orthogonal
subscale stabilization of Codina (2001), J. Comput. Phys. 170:112 adds to the continuity equation the part of the
pressure gradient that the velocity cannot represent::

    sum over vertices a and their cells c of  tau_c V_c / 4 (grad p_c - g_a) . grad q_c

``g_a`` is the mean around the vertex with the weights ``tau_c V_c``: a projection with a lumped mass matrix. The sum is
symmetric, is zero for linear pressures, and vanishes with the fourth derivative of smooth ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import petsc4py.PETSc
from numpy.typing import NDArray

from solvers.fem.mesh import FlowMesh

FloatArray = NDArray[np.float64]
PETSc: Any = petsc4py.PETSc
"""Its published types contradict what it accepts."""


def assemble_cells(mesh: FlowMesh, cell_matrices: FloatArray) -> Any:
    """The distributed PETSc matrix of cell matrices (n_cells, 4, 4) on the pressure."""
    space, comm = mesh.pressure, mesh.comm
    first_global = int(comm.exscan(space.n_owned) or 0)
    to_global = np.empty((space.n_local, 1), dtype=np.int64)
    to_global[: space.n_owned, 0] = first_global + np.arange(space.n_owned)
    space.halo.update(to_global)
    rows, columns = np.repeat(space.cells, 4, axis=1).ravel(), np.tile(space.cells, (1, 4)).ravel()
    owned = rows < space.n_owned
    size = (space.n_owned, comm.allreduce(space.n_owned))
    matrix = PETSc.Mat().createAIJ((size, size), comm=comm)
    matrix.setPreallocationCOO(
        to_global[rows[owned], 0].astype(PETSc.IntType), to_global[columns[owned], 0].astype(PETSc.IntType)
    )
    matrix.setValuesCOO(cell_matrices.ravel()[owned])
    return matrix


class PressureStabilization:
    """The stabilization above, with ``tau`` fixed for the run so that the pressure's matrix is factored once.

    ``1 / tau = 4 nu / h**2 + 2 U / h`` (Codina), with ``1 / h**2`` a third of the trace of the cell's metric. The time
    step is not in it: with it the stabilization would fade as the step is made smaller, and spurious pressures grow
    like 1/dt (Hsu et al. (2010), Comput. Methods Appl. Mech. Eng. 199:828; docs/theory-flow.md).

    Parameters
    ----------
    viscosity
        Kinematic [m2/s].
    speed
        Reference speed U [m/s].
    """

    def __init__(self, mesh: FlowMesh, viscosity: float, speed: float) -> None:
        metric = np.einsum("cda,cea->cde", mesh.inverse_jacobian, mesh.inverse_jacobian)
        per_square = np.trace(metric, axis1=1, axis2=2) / 3.0
        tau = 1.0 / (4.0 * viscosity * per_square + 2.0 * speed * np.sqrt(per_square))
        space, gradients = mesh.pressure, mesh.corner_gradients()
        share = tau * mesh.determinant / 24.0
        self.matrix = assemble_cells(mesh, np.einsum("c,cad,cbd->cab", 4.0 * share, gradients, gradients))
        weight = np.zeros(space.n_local)
        np.add.at(weight, space.cells, np.broadcast_to(share[:, None], space.cells.shape))
        scale = self.matrix.createVecLeft()
        scale.array[:] = weight[: space.n_owned] ** -0.5
        for axis in range(3):
            slopes = (share[:, None] * gradients[:, :, axis])[:, None, :]
            projection = assemble_cells(mesh, np.broadcast_to(slopes, (mesh.n_cells, 4, 4)))
            projection.diagonalScale(scale, None)
            self.matrix.axpy(-1.0, projection.transposeMatMult(projection))
        self._p, self._result = self.matrix.createVecs()

    def apply(self, pressure: FloatArray) -> FloatArray:
        """The stabilization (n_owned,) [m3/s] of a kinematic pressure (n_local,)."""
        self._p.array[:] = pressure[: len(self._p.array)]
        self.matrix.mult(self._p, self._result)
        result: FloatArray = self._result.array.copy()
        return result
