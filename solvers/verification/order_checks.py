"""Orders of convergence on exact Navier-Stokes solutions, for both element pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.reference import velocity_basis
from solvers.flow.solver import FlowParameters, FlowSolver
from solvers.verification.exact import EthierSteinman, TaylorGreen
from solvers.verification.meshes import cube
from solvers.verification.row import Progress, Row, order_row

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class ExactFlow(Protocol):
    """A solution of the Navier-Stokes equations, density 1."""

    @property
    def viscosity(self) -> float:
        """Kinematic viscosity."""

    def velocity(self, points: FloatArray, time: float) -> FloatArray:
        """(n, 3) at points (n, 3)."""

    def pressure(self, points: FloatArray, time: float) -> FloatArray:
        """(n,) at points (n, 3)."""


ETHIER_STEINMAN, TAYLOR_GREEN = "Ethier-Steinman", "Taylor-Green"
FLOWS: dict[str, Callable[[float], ExactFlow]] = {ETHIER_STEINMAN: EthierSteinman, TAYLOR_GREEN: TaylorGreen}
SOURCES = {
    ETHIER_STEINMAN: "Ethier & Steinman 1994; orders of the elements and BDF2",
    TAYLOR_GREEN: "Taylor & Green 1937; orders of the elements and BDF2",
}
DURATION = 0.5
"""Time over which the order in time is measured."""
SMALL_STEPS = {2: (0.0025, 20), 1: (0.02, 10)}
"""For each degree of the velocity a time step whose error is small beside the mesh's, and how many are made."""


@dataclass(frozen=True)
class RisingFlow:
    """A flow whose values rise smoothly from zero within ``DURATION``: no solution inside, but good boundary values."""

    full: ExactFlow

    @property
    def viscosity(self) -> float:
        """Kinematic viscosity."""
        return self.full.viscosity

    def velocity(self, points: FloatArray, time: float) -> FloatArray:
        """(n, 3) at points (n, 3)."""
        return np.asarray(_rise(time) * self.full.velocity(points, time))

    def pressure(self, points: FloatArray, time: float) -> FloatArray:
        """(n,) at points (n, 3)."""
        return np.asarray(_rise(time) * self.full.pressure(points, time))


def _rise(time: float) -> float:
    return float(np.sin(0.5 * np.pi * time / DURATION) ** 4)


class ExactBoundary:
    """The exact velocity on the whole boundary."""

    def __init__(self, mesh: FlowMesh, exact: ExactFlow) -> None:
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
    exact: ExactFlow, n: int, dt: float, n_steps: int, supg: bool, velocity_degree: int = 2
) -> tuple[FlowSolver, ExactFlow]:
    """Solve from the exact state at time 0 with exact velocities on the boundary."""
    mesh = distribute(MPI.COMM_SELF, cube(n), velocity_degree)
    parameters = FlowParameters(1.0, exact.viscosity, velocity_tolerance=1e-11, supg=supg)
    solver = FlowSolver(mesh, parameters, [ExactBoundary(mesh, exact)], (), {}, dt)
    solver.velocity = solver.end_velocity = exact.velocity(mesh.velocity.points, 0.0)
    solver.kinematic_pressure = exact.pressure(mesh.pressure.points, 0.0)
    for _ in range(n_steps):
        solver.step()
    return solver, exact


def errors(solver: FlowSolver, exact: ExactFlow) -> Errors:
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


def _order(sizes: tuple[int, ...], found: list[float]) -> float:
    """Observed order between the last two meshes."""
    return float(np.log(found[-2] / found[-1]) / np.log(sizes[-1] / sizes[-2]))


def _space_rows(
    progress: Progress, name: str, flow: str, degree: int, sizes: tuple[int, ...], orders: tuple[float, float, float]
) -> list[Row]:
    found = []
    for index, n in enumerate(sizes):
        progress(index / len(sizes), f"{flow}: {6 * n**3} cells")
        dt, n_steps = SMALL_STEPS[degree]
        found.append(errors(*solve_cube(FLOWS[flow](0.05), n, dt, n_steps, supg=True, velocity_degree=degree)))
    observed = (
        _order(sizes, [e.velocity for e in found]),
        _order(sizes, [e.gradient for e in found]),
        _order(sizes, [e.pressure for e in found]),
    )
    quantities = ("velocity, L2", "velocity, H1", "pressure, L2")
    return [
        order_row(name, f"{flow}: {quantity}", value, expected, 0.9 * expected, SOURCES[flow])
        for quantity, value, expected in zip(quantities, observed, orders, strict=True)
    ]


def check_space_order(progress: Progress, long: bool) -> list[Row]:
    """Refine the mesh at a time step so small that it does not count."""
    return _space_check(progress, "space_order", 2, (6, 12, 18) if long else (6, 12), (3.0, 2.0, 2.0))


def check_linear_space_order(progress: Progress, long: bool) -> list[Row]:
    """The same for linear velocity and pressure."""
    return _space_check(progress, "linear_space_order", 1, (8, 16, 32) if long else (8, 16), (2.0, 1.0, 1.0))


def _space_check(
    progress: Progress, name: str, degree: int, sizes: tuple[int, ...], orders: tuple[float, float, float]
) -> list[Row]:
    rows = []
    for index, flow in enumerate(FLOWS):
        rows += _space_rows(_part(progress, index / 2, index / 2 + 0.5), name, flow, degree, sizes, orders)
    return rows


def _time_rows(progress: Progress, name: str, flow: str, degree: int, n: int, steps: tuple[int, ...]) -> list[Row]:
    states = []
    for index, n_steps in enumerate(steps):
        progress(index / len(steps), f"{flow}: {n_steps} steps")
        exact = FLOWS[flow](0.1)
        if degree == 1:
            exact = RisingFlow(exact)
        states.append(solve_cube(exact, n, DURATION / n_steps, n_steps, supg=False, velocity_degree=degree)[0])
    mean_free = [state.kinematic_pressure - state.kinematic_pressure.mean() for state in states]
    change = [float(np.linalg.norm(b.velocity - a.velocity)) for a, b in pairwise(states)]
    pressure = [float(np.linalg.norm(b - a)) for a, b in pairwise(mean_free)]
    return [
        Row(name, f"{flow}: {quantity}", "", float(np.log2(found[-2] / found[-1])), 2.0, 0.2, SOURCES[flow], True)
        for quantity, found in (("velocity", change), ("pressure", pressure))
    ]


def check_time_order(progress: Progress, long: bool) -> list[Row]:
    """Halve the time step on one mesh, whose error cancels from the differences; without SUPG, which depends on dt.

    An order above the expected one fails as one below does: the steps would not be in the asymptotic range.
    """
    return _time_check(progress, "time_order", 2, (40, 80, 160, 320) if long else (40, 80, 160))


def check_linear_time_order(progress: Progress, long: bool) -> list[Row]:
    """The same for linear velocity and pressure, from rest.

    The interpolated exact velocity does not fulfil the stabilized continuity equation. What it lacks goes slowly, as
    spurious modes do, and a start with it leaves an error of first order in the time step.
    """
    return _time_check(progress, "linear_time_order", 1, (40, 80, 160, 320) if long else (40, 80, 160))


def _time_check(progress: Progress, name: str, degree: int, steps: tuple[int, ...]) -> list[Row]:
    rows = []
    for index, flow in enumerate(FLOWS):
        rows += _time_rows(_part(progress, index / 2, index / 2 + 0.5), name, flow, degree, 5, steps)
    return rows


def _part(progress: Progress, first: float, last: float) -> Progress:
    def told(fraction: float, text: str) -> None:
        progress(first + fraction * (last - first), text)

    return told
