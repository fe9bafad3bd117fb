"""Orders of convergence on the exact Navier-Stokes solution of Ethier and Steinman."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.reference import velocity_basis
from solvers.flow.solver import FlowParameters, FlowSolver
from solvers.verification.exact import EthierSteinman
from solvers.verification.meshes import cube
from solvers.verification.row import Progress, Row, order_row

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SOURCE = "Ethier & Steinman 1994; orders of quadratic-linear elements and BDF2"


class ExactBoundary:
    """The exact velocity on the whole boundary."""

    def __init__(self, mesh: FlowMesh, exact: EthierSteinman) -> None:
        self.nodes: IntArray = np.unique(mesh.facets.velocity).astype(np.int64)
        self._points, self._exact = mesh.velocity.points[self.nodes], exact

    def values(self, time: float) -> FloatArray:
        """Velocities (k, 3) [m/s]."""
        return self._exact.velocity(self._points, time)


@dataclass(frozen=True)
class Errors:
    """Relative errors: velocity in L2 and H1 (seminorm), pressure in L2."""

    velocity: float
    gradient: float
    pressure: float


def solve_cube(
    n: int, dt: float, n_steps: int, viscosity: float, supg: bool, velocity_degree: int = 2
) -> tuple[FlowSolver, EthierSteinman]:
    """Solve from the exact state at time 0 with exact velocities on the boundary."""
    exact = EthierSteinman(viscosity)
    mesh = distribute(MPI.COMM_SELF, cube(n), velocity_degree)
    parameters = FlowParameters(1.0, viscosity, velocity_tolerance=1e-11, supg=supg)
    solver = FlowSolver(mesh, parameters, [ExactBoundary(mesh, exact)], (), {}, dt)
    solver.velocity = solver.end_velocity = exact.velocity(mesh.velocity.points, 0.0)
    solver.kinematic_pressure = exact.pressure(mesh.pressure.points, 0.0)
    for _ in range(n_steps):
        solver.step()
    return solver, exact


def errors(solver: FlowSolver, exact: EthierSteinman) -> Errors:
    """Relative errors of the present state, by quadrature of degree 6."""
    mesh = solver.mesh
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 6)
    basis, slopes = velocity_basis(mesh.velocity.degree, points)
    linear = np.column_stack([1.0 - points.sum(axis=1), points])
    corner = mesh.velocity.points[mesh.velocity.cells[:, :4]]
    places = np.einsum("qa,cad->cqd", linear, corner)
    flat, shape = places.reshape(-1, 3), places.shape
    measure = weights[None] * mesh.determinant[:, None]
    nodal = solver.velocity[mesh.velocity.cells]
    velocity = np.einsum("qi,cid->cqd", basis, nodal)
    gradient = np.einsum("qib,cbe,cid->cqde", slopes, mesh.inverse_jacobian, nodal)
    exact_gradient = np.empty((*shape, 3))
    step = 1e-6
    for axis in range(3):
        offset = step * np.eye(3)[axis]
        difference = exact.velocity(flat + offset, solver.time) - exact.velocity(flat - offset, solver.time)
        exact_gradient[..., axis] = difference.reshape(shape) / (2.0 * step)
    exact_velocity = exact.velocity(flat, solver.time).reshape(shape)
    pressure = np.einsum("qa,ca->cq", linear, solver.kinematic_pressure[mesh.pressure.cells])
    exact_pressure = exact.pressure(flat, solver.time).reshape(shape[:2])
    exact_pressure = exact_pressure - (measure * exact_pressure).sum() / measure.sum()
    pressure = pressure - (measure * pressure).sum() / measure.sum()

    def relative(found: FloatArray, wanted: FloatArray) -> float:
        weight = measure.reshape(measure.shape + (1,) * (found.ndim - 2))
        return float(np.sqrt((weight * (found - wanted) ** 2).sum() / (weight * wanted**2).sum()))

    return Errors(
        relative(velocity, exact_velocity), relative(gradient, exact_gradient), relative(pressure, exact_pressure)
    )


def check_space_order(progress: Progress, long: bool) -> list[Row]:
    """Refine the mesh at a time step so small that it does not count."""
    sizes = (6, 12, 18) if long else (6, 12)
    found = []
    for index, n in enumerate(sizes):
        progress(index / len(sizes), f"Ethier-Steinman: {6 * n**3} cells")
        found.append(errors(*solve_cube(n, 0.0025, 20, 0.05, supg=True)))
    coarse, fine = found[-2], found[-1]
    ratio = np.log(sizes[-1] / sizes[-2])

    def order(of_coarse: float, of_fine: float) -> float:
        return float(np.log(of_coarse / of_fine) / ratio)

    return [
        order_row("space_order", "velocity, L2", order(coarse.velocity, fine.velocity), 3.0, 2.7, SOURCE),
        order_row("space_order", "velocity, H1", order(coarse.gradient, fine.gradient), 2.0, 1.8, SOURCE),
        order_row("space_order", "pressure, L2", order(coarse.pressure, fine.pressure), 2.0, 1.8, SOURCE),
    ]


def check_time_order(progress: Progress, long: bool) -> list[Row]:
    """Halve the time step on one mesh, whose error cancels from the differences; without SUPG, which depends on dt.

    An order above the expected one fails as one below does: the steps would not be in the asymptotic range.
    """
    steps = (20, 40, 80, 160, 320) if long else (20, 40, 80)
    states = []
    for index, n_steps in enumerate(steps):
        progress(index / len(steps), f"Ethier-Steinman: {n_steps} steps")
        states.append(solve_cube(5, 0.5 / n_steps, n_steps, 0.1, supg=False)[0])
    mean_free = [state.kinematic_pressure - state.kinematic_pressure.mean() for state in states]
    change = [float(np.linalg.norm(b.velocity - a.velocity)) for a, b in pairwise(states)]
    pressure = [float(np.linalg.norm(b - a)) for a, b in pairwise(mean_free)]
    return [
        _second("velocity", float(np.log2(change[-2] / change[-1]))),
        _second("pressure", float(np.log2(pressure[-2] / pressure[-1]))),
    ]


def _second(quantity: str, observed: float) -> Row:
    return Row("time_order", quantity, "", observed, 2.0, 0.2, SOURCE, is_absolute=True)
