"""The momentum equation of one time step: one scalar matrix for the three velocity components, and their right sides.

In every cell, with test functions ``v`` and all of it divided by the density::

    (v + tau w.grad v, alpha u + w.grad u + grad p / rho - h) - (tau w.grad v, nu lap u) + (nu grad v, grad u)
        = sum over the outlets k of <v.n, (p - P_k) / rho> - <v, beta / 2 |w.n|_- u>

``w`` is the convecting velocity, ``alpha u - h`` the time derivative (body force included in ``h``), ``tau`` the
streamline-upwind Petrov-Galerkin parameter. Of a linear velocity the streamline terms take the mean of ``w`` in the
cell, and ``lap u`` is zero. See docs/theory-flow.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.fem.eddy_viscosity import EddyViscosity
from solvers.fem.linear_kernels import add_linear_cells
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.momentum_kernels import add_backflow, add_cells, add_outlet_pressure, add_stiffness
from solvers.fem.pattern import Pattern
from solvers.fem.reference import Tables, face_nodes, face_pressure_load, face_quadrature, tables
from solvers.fem.viscous import VariableViscosity, ViscosityLaw

FloatArray = NDArray[np.float64]


class MomentumAssembler:
    """Assembles into the value array of a :class:`~solvers.fem.pattern.Pattern`.

    Parameters
    ----------
    viscosity
        Kinematic viscosity [m2/s]: a constant, or a law of the shear rate [1/s] (see ``solvers.fem.viscous``).
    is_prescribed : (n_local,)
        Velocity unknowns with a boundary value; their rows have a diagonal only, of the size of the others' entries.
    open_patches
        Patches where backflow is stabilized.
    backflow_beta
        1 balances the kinetic energy that enters through an outlet.
    supg
        Whether the streamline-upwind Petrov-Galerkin terms are on.
    dt
        Time step [s].
    is_steady
        Whether SUPG leaves out the time step, on which the steady state then does not depend.
    eddy_coefficient
        Of the model of eddies smaller than the cells (``solvers.fem.eddy_viscosity``); 0 leaves it out.
    """

    def __init__(
        self,
        mesh: FlowMesh,
        pattern: Pattern,
        viscosity: float | ViscosityLaw,
        is_prescribed: NDArray[np.bool_],
        open_patches: tuple[int, ...],
        backflow_beta: float,
        supg: bool,
        dt: float,
        is_steady: bool = False,
        eddy_coefficient: float = 0.0,
    ) -> None:
        self._eddies = EddyViscosity(mesh, eddy_coefficient) if eddy_coefficient > 0.0 else None
        self._mesh, self._pattern = mesh, pattern
        self._is_steady = is_steady
        self._supg, self._beta = supg, backflow_beta
        self._tables: Tables = tables()
        n_owned = mesh.velocity.n_owned
        self._constant = np.zeros(pattern.n_entries + 1)
        self._is_linear = mesh.velocity.degree == 1
        is_open = np.isin(mesh.facets.patch, open_patches)
        self._variable: VariableViscosity | None = None
        self.viscosity: FloatArray = np.zeros(mesh.n_cells)
        """Mean kinematic viscosity of each cell [m2/s], which a law and eddies change from step to step."""
        self._own_viscosity = self.viscosity
        if callable(viscosity):
            self._variable = VariableViscosity(mesh, pattern, viscosity, is_open)
        else:
            self.viscosity[:] = viscosity
        if self._variable is None and not self._is_linear:
            self._add_stiffness(self.viscosity, self._constant)
        share = mesh.determinant[:, None] / (6.0 * mesh.velocity.cells.shape[1])
        volume = np.zeros(mesh.velocity.n_local)
        np.add.at(volume, mesh.velocity.cells, np.broadcast_to(share, mesh.velocity.cells.shape))
        self._prescribed_weight = volume / dt
        self._constant[pattern.diagonal[is_prescribed[:n_owned]]] = self._prescribed_weight[:n_owned][
            is_prescribed[:n_owned]
        ]
        metric = np.einsum("cda,cea->cde", mesh.inverse_jacobian, mesh.inverse_jacobian)
        self._metric_squared = np.einsum("cde,cde->c", metric, metric)
        self._laplacian = (
            np.zeros((0, 10)) if self._is_linear else np.einsum("cde,ide->ci", metric, self._tables.second)
        )
        self._open_nodes = np.ascontiguousarray(mesh.facets.velocity[is_open])
        self._open_corners = np.ascontiguousarray(mesh.facets.pressure[is_open])
        self._open_index = np.array([open_patches.index(int(p)) for p in mesh.facets.patch[is_open]], dtype=np.int64)
        self._open_area = np.ascontiguousarray(mesh.facets.area_vector[is_open])
        self._open_positions = self._facet_positions(is_open)
        self.values = np.zeros(pattern.n_entries + 1)
        self.speed_squared = np.zeros(mesh.n_cells)
        """Largest squared convecting velocity of each cell in reference coordinates [1/s2]: CFL = dt times its root."""

    def assemble(
        self,
        nodal: FloatArray,
        known_velocity: FloatArray,
        kinematic_pressure: FloatArray,
        outlet_pressures: FloatArray,
        alpha: float,
        dt: float,
    ) -> FloatArray:
        """Fill ``values`` and return the right sides (n_local, 3), of which the owned rows count.

        Parameters
        ----------
        nodal : (n_local, 6)
            Convecting velocity [m/s] and ``h`` [m/s2] at the velocity unknowns, ghosts included.
        known_velocity : (n_local, 3)
            Velocity [m/s] of the last step, by which backflow is judged: extrapolated in time it would make the
            velocity at an outlet alternate from step to step.
        kinematic_pressure : (n_local_pressure,)
            Pressure over density [m2/s2].
        outlet_pressures : (n_outlets,)
            Pressure over density behind each open patch.
        alpha
            Coefficient of the new velocity in the time derivative [1/s].
        """
        mesh, t, degree = self._mesh, self._tables, self._mesh.velocity.degree
        np.copyto(self.values, self._constant)
        right_side = np.zeros((mesh.velocity.n_local, 3))
        time_part = 0.0 if self._is_steady else (2.0 / dt) ** 2
        implicit, residual = self._own_viscosity, np.zeros((0, 3))
        if self._variable is not None:
            self._variable.add(nodal[:, :3], self.values, right_side)
            self.viscosity, implicit = self._variable.cell, self._variable.implicit
            residual = self._variable.residual
        if self._eddies is not None:
            eddy = self._eddies.of(np.ascontiguousarray(nodal[:, :3]))
            known = self._own_viscosity if self._variable is None else self.viscosity
            self.viscosity, implicit = known + eddy, implicit + eddy
            if not self._is_linear:
                self._add_stiffness(eddy, self.values)
        if self._is_linear:
            add_linear_cells(
                mesh.velocity.cells,
                mesh.inverse_jacobian,
                mesh.determinant,
                self._metric_squared,
                nodal,
                kinematic_pressure,
                alpha,
                implicit,
                time_part,
                self._supg,
                self._pattern.cell_positions,
                self.values,
                right_side,
                self.speed_squared,
            )
        else:
            add_cells(
                mesh.velocity.cells,
                mesh.pressure.cells,
                mesh.inverse_jacobian,
                mesh.determinant,
                self._laplacian,
                self._metric_squared,
                nodal,
                kinematic_pressure,
                alpha,
                self.viscosity,
                residual,
                time_part,
                self._supg,
                t.weights,
                t.values,
                t.gradients,
                self._pattern.cell_positions,
                self.values,
                right_side,
                self.speed_squared,
            )
        add_outlet_pressure(
            self._open_nodes,
            self._open_corners,
            self._open_area,
            face_pressure_load(degree),
            kinematic_pressure,
            outlet_pressures[self._open_index],
            right_side,
        )
        if self._beta > 0.0:
            weights, basis = face_quadrature(degree)
            add_backflow(
                self._open_nodes,
                self._open_area,
                self._open_positions,
                known_velocity,
                self._beta,
                weights,
                basis,
                self.values,
            )
        self.values[-1] = 0.0
        return right_side

    def _add_stiffness(self, viscosity: FloatArray, values: FloatArray) -> None:
        """(nu grad v, grad u) with the viscosity of each cell."""
        mesh = self._mesh
        add_stiffness(
            *(mesh.inverse_jacobian, mesh.determinant, viscosity, self._tables.stiffness),
            *(self._pattern.cell_positions, values),
        )

    def prescribe(self, right_side: FloatArray, nodes: NDArray[np.int64], velocity: FloatArray) -> None:
        """Set the right sides of unknowns (k,) with prescribed velocities (k, 3)."""
        right_side[nodes] = self._prescribed_weight[nodes, None] * velocity

    def _facet_positions(self, chosen: NDArray[np.bool_]) -> Index:
        nodes = face_nodes(self._mesh.velocity.degree)[self._mesh.facets.face[chosen]]
        n_nodes = self._mesh.velocity.cells.shape[1]
        pairs = (n_nodes * nodes[:, :, None] + nodes[:, None, :]).reshape(-1, nodes.shape[1] ** 2)
        cells = self._mesh.facets.cell[chosen]
        return np.ascontiguousarray(self._pattern.cell_positions[cells[:, None], pairs])
