"""The pressure equation: one constant matrix, factored once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import RunError
from solvers.fem.block_factors import BlockFactors, Rows, between_ranks
from solvers.fem.mesh import FlowMesh
from solvers.fem.pressure_matrix import PETSc, PressureStabilization, assemble_cells

FloatArray = NDArray[np.float64]

DIRECT_LIMIT = 60_000
"""Up to this many unknowns a factorization beats conjugate gradients with multigrid (docs/theory-flow.md)."""
BETWEEN_LIMIT = 2000
"""Unknowns between the ranks that are inverted as a whole; with more of them there are so many ranks that multigrid is
taken."""
OUTLET_STIFFNESS = 16.0
"""Outlet condition d(phi)/dn = -(OUTLET_STIFFNESS / h) (phi - change of the outlet's pressure), h the height of the
cell behind the facet, lumped. It stands for the exact pressure operator, whose outlet velocities are free: the largest
eigenvalue of that one against this is 1.1 at 14, 1.3 at 10 and 1.5 at 8; the splitting is stable below 16/13. Larger
values keep mass less well at the outlets (docs/theory-flow.md)."""


class PressurePoisson:
    """Linear-element Laplacian with stiff Robin terms on the outlets; without outlets one unknown is held at zero.

    Parameters
    ----------
    stabilization, alpha
        Of a linear velocity: its matrix times ``alpha`` [1/s], the coefficient of the time derivative, is added.

    Attributes
    ----------
    outlet_loads : (n_outlets, n_owned)
        Right side that a unit change of an outlet's pressure brings: integrals of (OUTLET_STIFFNESS / h) L_a.
    outlet_stiffness : (n_local,)
        OUTLET_STIFFNESS / h at the outlets' unknowns, 0 elsewhere [1/m].
    """

    def __init__(
        self,
        mesh: FlowMesh,
        outlets: tuple[int, ...],
        tolerance: float,
        stabilization: PressureStabilization | None = None,
        alpha: float = 0.0,
    ) -> None:
        self._mesh = mesh
        space = mesh.pressure
        gradients = mesh.corner_gradients()
        cell_matrices = np.einsum("c,cad,cbd->cab", mesh.determinant / 6.0, gradients, gradients)
        facets = np.flatnonzero(np.isin(mesh.facets.patch, outlets))
        corners = mesh.facets.pressure[facets]
        area = np.linalg.norm(mesh.facets.area_vector[facets], axis=1)
        height = mesh.determinant[mesh.facets.cell[facets]] / (2.0 * area)
        stiffness = OUTLET_STIFFNESS * area / height
        loads = np.zeros((len(outlets), space.n_local))
        for index, patch_id in enumerate(outlets):
            of_patch = mesh.facets.patch[facets] == patch_id
            for corner in range(3):
                np.add.at(loads[index], corners[of_patch, corner], stiffness[of_patch] / 3.0)
        self.outlet_loads: FloatArray = loads[:, : space.n_owned]
        share = np.zeros(space.n_local)
        for corner in range(3):
            np.add.at(share, corners[:, corner], area / 3.0)
        self.outlet_stiffness: FloatArray = loads.sum(axis=0) / np.where(share > 0.0, share, 1.0)
        space.halo.update(self.outlet_stiffness)

        laplacian = assemble_cells(mesh, cell_matrices)
        diagonal = laplacian.getDiagonal()
        diagonal.array += self.outlet_loads.sum(axis=0)
        laplacian.setDiagonal(diagonal)
        matrix = laplacian
        if stabilization is not None:
            matrix = stabilization.matrix.copy()
            matrix.scale(alpha)
            matrix.axpy(1.0, laplacian)
        self._is_pinned = not outlets and mesh.comm.rank == 0
        if not outlets:
            matrix.zeroRowsColumns([0] if self._is_pinned else [], diag=float(np.abs(cell_matrices).max()))
        starts, columns, values = matrix.getValuesCSR()
        rows = Rows(starts, columns.astype(np.int64), values, int(matrix.getOwnershipRange()[0]))
        between = between_ranks(mesh.comm, rows)
        self._factors: BlockFactors | None = None
        if matrix.getSize()[0] <= DIRECT_LIMIT and len(between) <= BETWEEN_LIMIT:
            self._factors = BlockFactors(mesh.comm, rows, between, space.points[: space.n_owned])
            if not self._factors.is_whole:
                raise _unsolvable("it cannot be factored")
            return
        matrix.setOption(PETSc.Mat.Option.SPD, True)
        self._solver = PETSc.KSP().create(mesh.comm)
        self._solver.setOperators(matrix)
        preconditioner = self._solver.getPC()
        self._solver.setType(PETSc.KSP.Type.CG)
        self._solver.setTolerances(rtol=tolerance, atol=0.0, max_it=200)
        self._solver.setInitialGuessNonzero(True)
        preconditioner.setType(PETSc.PC.Type.GAMG)
        preconditioner.setGAMGSmooths(1)
        self._solver.setUp()
        self._b, self._x = matrix.createVecs()

    def solve(self, right_side: FloatArray, guess: FloatArray) -> tuple[FloatArray, int]:
        """The field (n_local,) with this right side (n_owned,), and the iterations (1 for a direct solve).

        Raises
        ------
        RunError
            ``pressure_solve``: the iteration failed.
        """
        n_owned = self._mesh.pressure.n_owned
        field = np.zeros(self._mesh.pressure.n_local)
        if self._factors is not None:
            pinned = right_side.copy() if self._is_pinned else right_side
            if self._is_pinned:
                pinned[0] = 0.0
            field[:n_owned] = self._factors.solve(pinned)
            self._mesh.pressure.halo.update(field)
            return field, 1
        self._b.array[:] = right_side
        if self._is_pinned:
            self._b.array[0] = 0.0
        self._x.array[:] = guess[:n_owned]
        self._solver.solve(self._b, self._x)
        reason = int(self._solver.getConvergedReason())
        if reason < 0:
            raise _unsolvable(f"PETSc reason {reason}")
        field[:n_owned] = self._x.array
        self._mesh.pressure.halo.update(field)
        return field, max(1, int(self._solver.getIterationNumber()))


def _unsolvable(why: str) -> RunError:
    return RunError(
        "pressure_solve",
        f"The pressure equation could not be solved ({why}): the mesh has very bad tetrahedra; mesh the vessel again.",
    )
