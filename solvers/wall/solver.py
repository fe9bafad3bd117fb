"""Stress in a wall under a pressure: linear, from the unloaded shape, or back from the loaded one that a scan shows.

Newton's method; each linear system is solved by GMRES with the factors (MUMPS, symmetric) of a matrix of this or an
earlier iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import basix
import dolfinx_solver  # noqa: F401 - orders MPI before the compiled modules
import numpy as np
import petsc4py.PETSc
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.fem.reference import quadratic_basis, triangle_basis
from solvers.wall.kernels import add_pressure, assemble_cells, cauchy_at_corners, hold
from solvers.wall.materials import Material
from solvers.wall.mesh import WallMesh
from solvers.wall.pattern import build_pattern

FloatArray = NDArray[np.float64]
Bools = NDArray[np.bool_]
PETSc: Any = petsc4py.PETSc
"""Its published types contradict what it accepts."""
Progress = Callable[[float, str], None]

TOLERANCE = 1e-7
"""Of a nonlinear solution: the residual by the load."""
MOST_ITERATIONS, PATIENCE = 25, 6
"""Newton steps for a share of the load, and after how many the force must be smaller than that share was."""
SMALLEST_STEP = 1.0 / 64.0
SLOW = 20
"""Iterations of GMRES after which the factors are made anew."""


@dataclass(frozen=True, eq=False)
class WallState:
    """A solution.

    Attributes
    ----------
    displacement : (n, 3)
        From the unloaded to the loaded shape [m].
    mean_stress : (corners,)
        A third of the trace of the Cauchy stress [Pa].
    is_inverse, is_linear
        Whether the mesh is the loaded shape; whether strains were taken as small.
    facts
        How the solution was found: iterations, factorizations, residual.
    """

    displacement: FloatArray
    mean_stress: FloatArray
    is_inverse: bool
    is_linear: bool
    facts: dict[str, float] = field(default_factory=dict)


class WallSolver:
    """Equilibrium of a wall.

    Parameters
    ----------
    materials
        What ``mesh.material`` counts.
    is_held : (n, 3)
        Which displacements are zero, or as given by ``held``.
    held : (n, 3), optional
        Displacements [m] of the held unknowns at full load.
    """

    def __init__(
        self, mesh: WallMesh, materials: Sequence[Material], is_held: Bools, held: FloatArray | None = None
    ) -> None:
        self.mesh = mesh
        self._laws = np.array([material.row() for material in materials])
        self._pattern = pattern = build_pattern(mesh)
        self._held = np.zeros((len(mesh.points), 3)) if held is None else held
        self._is_held = np.concatenate([is_held.ravel(), np.zeros(mesh.n_corners, dtype=bool)])
        points, self._weights = basix.make_quadrature(basix.CellType.tetrahedron, 2)
        self._slopes = quadratic_basis(points)[1]
        self._linear = np.column_stack([1.0 - points.sum(axis=1), points])
        face_points, self._face_weights = basix.make_quadrature(basix.CellType.triangle, 4)
        self._face_basis, self._face_slopes = triangle_basis(face_points)
        self._values = np.zeros(len(pattern.columns))
        size = (pattern.n_unknowns, pattern.n_unknowns)
        self._matrix = PETSc.Mat().createAIJWithArrays(size, (pattern.starts, pattern.columns, self._values))
        self._krylov = self._make_krylov()
        self._b, self._x = self._matrix.createVecs()
        self._scale = float(max(material.shear for material in materials) * np.cbrt(self._volume() / mesh.n_cells))
        self._is_factored = False
        self.n_factorizations = 0

    def _volume(self) -> float:
        corner = self.mesh.points[self.mesh.cells[:, :4]]
        return float(np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1])).sum() / 6.0)

    def _make_krylov(self) -> Any:
        krylov = PETSc.KSP().create(self._matrix.getComm())
        krylov.setOperators(self._matrix)
        krylov.setType("gmres")
        krylov.setGMRESRestart(60)
        krylov.setPCSide(PETSc.PC.Side.RIGHT)
        krylov.setTolerances(rtol=1e-4, max_it=60)
        krylov.pc.setType("cholesky")
        krylov.pc.setFactorSolverType("mumps")
        krylov.pc.setFactorSetUpSolverType()
        factors = krylov.pc.getFactorMatrix()
        factors.setMumpsIcntl(7, 5)  # METIS
        factors.setMumpsIcntl(14, 40)  # per cent more work space than estimated
        return krylov

    def linear(self, pressure: float) -> WallState:
        """Small strains about the mesh's shape: one linear system."""
        u, p = self._zeros()
        force, constraint, _ = self._residual(u, p, pressure, False, True, follows=False)
        self._factor()
        self._is_factored = True
        u, p, n = self._correct(u, p, force, constraint, 1e-10)
        return WallState(u, p, False, True, {"n_krylov": n, "n_factorizations": self.n_factorizations})

    def forward(self, pressure: float, progress: Progress | None = None) -> WallState:
        """The shape that the unloaded ``mesh`` takes under a pressure [Pa], which follows the moving wall."""
        return self._nonlinear(pressure, False, progress)

    def inverse(self, pressure: float, progress: Progress | None = None) -> WallState:
        """The unloaded shape ``mesh.points - displacement`` of what is ``mesh`` under a pressure [Pa]."""
        return self._nonlinear(pressure, True, progress)

    def stress(self, state: WallState) -> FloatArray:
        """Cauchy stress [Pa] at the corners of each cell, (m, 4, 3, 3)."""
        points, _ = basix.make_quadrature(basix.CellType.tetrahedron, 2)
        inner = np.column_stack([1.0 - points.sum(axis=1), points])
        result = np.empty((self.mesh.n_cells, 4, 3, 3))
        cauchy_at_corners(
            *(self.mesh.points, self.mesh.cells, self.mesh.material, self._laws, state.displacement),
            *(state.mean_stress, state.is_inverse, state.is_linear),
            *(np.ascontiguousarray(quadratic_basis(points)[1]), np.linalg.inv(inner), result),
        )
        return result

    def _zeros(self) -> tuple[FloatArray, FloatArray]:
        return np.zeros((len(self.mesh.points), 3)), np.zeros(self.mesh.n_corners)

    def _residual(
        self,
        u: FloatArray,
        p: FloatArray,
        pressure: float,
        is_inverse: bool,
        with_matrix: bool,
        follows: bool = True,
        is_symmetric: bool = False,
    ) -> tuple[FloatArray, FloatArray, float]:
        """Force (n, 3) and constraint (corners,) that should vanish, and the least Jacobian.

        ``with_matrix`` also makes the matrix: their derivative, or with ``is_symmetric`` a symmetric one near it.
        """
        mesh, pattern = self.mesh, self._pattern
        force, constraint = np.zeros_like(u), np.zeros_like(p)
        if with_matrix:
            self._values[:] = 0.0
        least = assemble_cells(
            *(mesh.points, mesh.cells, mesh.material, self._laws, u, p, is_inverse, with_matrix, is_symmetric),
            *(self._weights, self._slopes, self._linear, pattern.bases, pattern.lengths, pattern.cell_ranks),
            *(self._values, force, constraint),
        )
        moves = follows and not is_inverse
        places = mesh.points + u if moves else mesh.points
        follow = with_matrix and moves and not is_symmetric
        add_pressure(
            *(places, mesh.loaded, pressure, follow, self._face_weights, self._face_basis, self._face_slopes),
            *(pattern.bases, pattern.lengths, pattern.facet_ranks, self._values, force),
        )
        if with_matrix:
            hold(pattern.starts, pattern.columns, self._is_held, self._scale, self._values)
            self._matrix.assemble()
            self._matrix.stateIncrease()
        force.ravel()[self._is_held[: force.size]] = 0.0
        return force, constraint, least

    def _factor(self) -> None:
        self._krylov.pc.setReusePreconditioner(False)
        self._krylov.setOperators(self._matrix)  # tells it that the values are new
        try:
            self._krylov.setUp()
        except PETSc.Error as error:
            raise _no_factors() from error
        self._krylov.pc.setReusePreconditioner(True)
        self.n_factorizations += 1

    def _correct(
        self, u: FloatArray, p: FloatArray, force: FloatArray, constraint: FloatArray, tolerance: float
    ) -> tuple[FloatArray, FloatArray, int]:
        """``u`` and ``p`` after a Newton step, and the iterations of GMRES."""
        n = force.size
        self._b.array[:n], self._b.array[n:] = -force.ravel(), -constraint
        self._krylov.setTolerances(rtol=tolerance)
        self._krylov.solve(self._b, self._x)
        step = self._x.array
        return u + step[:n].reshape(-1, 3), p + step[n:], int(self._krylov.getIterationNumber())

    def _nonlinear(self, pressure: float, is_inverse: bool, progress: Progress | None) -> WallState:
        u, p = self._zeros()
        load, step, facts = 0.0, 1.0, {"n_newton": 0, "n_krylov": 0, "n_steps": 0}
        while load < 1.0:
            target = min(1.0, load + step)
            try:
                u, p = self._equilibrium(u, p, pressure, target, is_inverse, facts, progress)
            except ArithmeticError:
                step *= 0.5
                if step < SMALLEST_STEP:
                    raise RunError(
                        "wall_not_in_balance",
                        f"No balance of the wall was found beyond {100.0 * load:.0f} % of the pressure: it is too thin "
                        "or too soft for it, or its mesh is folded; check thickness, pressure and surface.",
                        exit_code=ExitCode.DIVERGED,
                    ) from None
                self._is_factored = False
                continue
            load, step = target, min(2.0 * step, 1.0)
            facts["n_steps"] += 1
        facts["n_factorizations"] = self.n_factorizations
        return WallState(u, p, is_inverse, False, {name: float(value) for name, value in facts.items()})

    def _equilibrium(
        self,
        u: FloatArray,
        p: FloatArray,
        pressure: float,
        load: float,
        is_inverse: bool,
        facts: dict[str, int],
        progress: Progress | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Newton's method at a share of the load; ArithmeticError where it does not converge."""
        is_held = self._is_held[: u.size].reshape(u.shape)
        u = np.where(is_held, load * self._held, u)
        zero = np.zeros_like(u)
        size = float(np.linalg.norm(self._residual(zero, 0.0 * p, load * pressure, True, False)[0]))
        for iteration in range(MOST_ITERATIONS):
            force, constraint, least = self._residual(u, p, load * pressure, is_inverse, True)
            wrong = float(np.linalg.norm(force))
            if size == 0.0:
                size = wrong
            if not least > 0.0 or not np.isfinite(wrong) or (iteration >= PATIENCE and wrong > size):
                raise ArithmeticError
            strain = float(np.abs(constraint).sum() / self._volume())
            if progress:
                progress(min(0.95, iteration / 12.0), f"balance of the wall, residual {wrong / size:.1e}")
            if iteration and wrong < TOLERANCE * size and strain < TOLERANCE:
                return u, p
            if not self._is_factored:
                self._residual(u, p, load * pressure, is_inverse, True, is_symmetric=True)
                self._factor()
                self._residual(u, p, load * pressure, is_inverse, True)
                self._is_factored = True
            new_u, new_p, n = self._correct(u, p, force, constraint, min(1e-2, max(1e-9, 0.1 * wrong / size)))
            facts["n_newton"] += 1
            facts["n_krylov"] += n
            self._is_factored = n <= SLOW
            is_first = iteration == 0 and not u.any() and not self._held.any()
            tried = self._first_steps(new_u, new_p) if is_first else self._steps(u, p, new_u, new_p)
            u, p = self._best(tried, load * pressure, is_inverse, np.inf if is_first else wrong)
        raise ArithmeticError

    @staticmethod
    def _first_steps(u: FloatArray, p: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """A stiffening wall stretches less than the first, linear solution says, but has about its mean stress."""
        for k in range(7):
            yield 0.75**k * u, p

    @staticmethod
    def _steps(
        u: FloatArray, p: FloatArray, new_u: FloatArray, new_p: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Newton's step and its halves."""
        for k in range(5):
            yield u + 0.5**k * (new_u - u), p + 0.5**k * (new_p - p)

    def _best(
        self, tried: Iterator[tuple[FloatArray, FloatArray]], pressure: float, is_inverse: bool, enough: float
    ) -> tuple[FloatArray, FloatArray]:
        """The first of the states whose force is below ``enough``, or that with the least; none is inside out."""
        best, least_force = None, np.inf
        for u, p in tried:
            force, _, least = self._residual(u, p, pressure, is_inverse, False)
            wrong = float(np.linalg.norm(force))
            if least > 0.0 and wrong < least_force:
                best, least_force = (u, p), wrong
            if least > 0.0 and wrong < enough < np.inf:
                break
        if best is None:
            raise ArithmeticError
        return best


def _no_factors() -> RunError:
    return RunError(
        "wall_not_solvable",
        "The equations of the wall could not be factored: there is too little memory, or the wall is held nowhere; "
        "take a coarser mesh or hold an end.",
    )
