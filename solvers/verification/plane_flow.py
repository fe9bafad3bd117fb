"""Plane flows on the three-dimensional engine: a slab one cell thick in which the third velocity component is zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Waveform
from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.momentum import MomentumAssembler
from solvers.fem.pattern import build_pattern
from solvers.fem.reference import velocity_basis
from solvers.flow.build import NoSlip
from solvers.flow.solver import FlowParameters, FlowSolver, PrescribedVelocity
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import PrescribedPressure
from solvers.verification.meshes import OUTLET

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class GivenVelocity:
    """A velocity of place and time, ``of(points, time)`` with points (k, 3), on some patches."""

    def __init__(self, mesh: FlowMesh, patches: tuple[int, ...], of: Callable[[FloatArray, float], FloatArray]) -> None:
        chosen = np.isin(mesh.facets.patch, patches)
        self.nodes: IntArray = np.unique(mesh.facets.velocity[chosen]).astype(np.int64)
        self._points, self._of = mesh.velocity.points[self.nodes], of

    def values(self, time: float) -> FloatArray:
        """Velocities (k, 3) [m/s]."""
        return self._of(self._points, time)


def slab_solver(
    arrays: MeshArrays,
    viscosity: float,
    dt: float,
    moving: tuple[int, ...],
    velocity: Callable[[FloatArray, float], FloatArray],
    walls: tuple[int, ...],
    frozen_component: int | None = 2,
    has_outlet: bool = True,
    tolerance: float = 1e-8,
    pressure_passes: int = 1,
    pass_tolerance: float = 5e-3,
) -> FlowSolver:
    """Fluid of density 1 at rest; ``velocity`` holds on the patches ``moving``, but the walls win where they touch.

    ``tolerance`` is that of the momentum equation's residual; for the passes see :class:`FlowParameters`.
    """
    mesh = distribute(MPI.COMM_SELF, arrays, 2)
    parameters = FlowParameters(
        1.0,
        viscosity,
        velocity_tolerance=tolerance,
        supg=False,
        frozen_component=frozen_component,
        backflow_beta=0.5,
        max_passes=3,
        pressure_passes=pressure_passes,
        pass_tolerance=pass_tolerance,
    )
    prescribed: list[PrescribedVelocity] = [GivenVelocity(mesh, moving, velocity), NoSlip(mesh, walls)]
    model = PrescribedPressure(PeriodicCurve(Waveform.constant(0.0), 1.0))
    return FlowSolver(
        mesh, parameters, prescribed, (OUTLET,) if has_outlet else (), {OUTLET: model} if has_outlet else {}, dt
    )


class Reaction:
    """The force of the fluid on the wall of a patch, from what the momentum equation lacks at its unknowns.

    Tested with the patch's own velocity functions, the momentum equation without boundary condition leaves the traction
    ``nu du/dn - p n`` on the fluid; it converges twice as fast as the traction of the computed gradient (John &
    Matthies 2001, Int. J. Numer. Methods Fluids 37:885). For one rank and constant density 1.
    """

    def __init__(self, solver: FlowSolver, patch_id: int) -> None:
        self._solver, mesh = solver, solver.mesh
        nothing = np.zeros(mesh.velocity.n_local, dtype=bool)
        self._pattern = build_pattern(mesh.velocity, nothing)
        self._momentum = MomentumAssembler(
            mesh, self._pattern, solver.parameters.viscosity, nothing, (patch_id,), 0.0, False, solver.dt
        )
        self._nodes = np.unique(mesh.facets.velocity[mesh.facets.patch == patch_id])

    def force(self, rate: FloatArray | float = 0.0) -> FloatArray:
        """Force (3,) [N] in the present state; ``rate`` (n_local, 3) [m/s2] is the time derivative of the velocity."""
        velocity, n = self._solver.velocity, self._solver.mesh.velocity.n_local
        nodal = np.empty((n, 6))
        nodal[:, :3], nodal[:, 3:] = velocity, -np.asarray(rate)
        right_side = self._momentum.assemble(
            nodal, velocity, self._solver.kinematic_pressure, np.zeros(1), 0.0, self._solver.dt
        )
        pattern = self._pattern
        matrix = scipy.sparse.csr_matrix(
            (self._momentum.values[:-1], pattern.columns.astype(np.int64), pattern.starts.astype(np.int64)), (n, n)
        )
        missing = matrix[self._nodes] @ velocity - right_side[self._nodes]
        return np.asarray(-missing.sum(axis=0))


def nearest_pressure(solver: FlowSolver, point: FloatArray) -> float:
    """Pressure [Pa] at the vertex nearest to a point (3,), or the mean over those that are equally near.

    In the middle of a slab these are the vertices on both faces, between which the pressure alternates a little: the
    tetrahedra of a slab are not mirror-symmetric.
    """
    distance = np.linalg.norm(solver.mesh.pressure.points - point, axis=1)
    return float(solver.kinematic_pressure[distance < distance.min() + 1e-9].mean())


def sample(solver: FlowSolver, points: FloatArray) -> FloatArray:
    """Velocity (k, 3) of the quadratic field and pressure [Pa], together (k, 4), at points (k, 3)."""
    mesh = solver.mesh
    cells = mesh.velocity.cells
    corner = mesh.velocity.points[cells[:, :4]]
    low, high = corner.min(axis=1) - 1e-12, corner.max(axis=1) + 1e-12
    result = np.empty((len(points), 4))
    for index, point in enumerate(points):
        near = np.flatnonzero(((point >= low) & (point <= high)).all(axis=1))
        local = np.einsum("cad,cd->ca", mesh.inverse_jacobian[near], point - corner[near, 0])
        weights = np.column_stack([1.0 - local.sum(axis=1), local])
        best = int(np.argmax(weights.min(axis=1)))
        basis, _ = velocity_basis(2, local[best][None])
        result[index, :3] = basis[0] @ solver.velocity[cells[near[best]]]
        result[index, 3] = weights[best] @ solver.kinematic_pressure[mesh.pressure.cells[near[best]]]
    return result
