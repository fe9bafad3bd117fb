"""Incompressible Navier-Stokes in a rigid vessel: one time step.

Incremental rotational pressure correction with BDF2 and an extrapolated convecting velocity, written without velocity
update (Guermond, Minev & Shen (2006), Comput. Methods Appl. Mech. Eng. 195:6011, sec. 3), coupled implicitly with the
outlets. Equations and signs: docs/theory-flow.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.fem.divergence import weak_divergence
from solvers.fem.krylov import SolveReport, VelocitySolver
from solvers.fem.mesh import FlowMesh, Space
from solvers.fem.momentum import MomentumAssembler
from solvers.fem.pattern import build_pattern
from solvers.fem.poisson import PressurePoisson
from solvers.fem.pressure_matrix import PressureStabilization
from solvers.fem.surface import CapMeasure
from solvers.fem.viscous import ViscosityLaw
from solvers.flow.outlets import OutletCoupling
from solvers.flow.pressure_inlet import FreeInlet
from solvers.network.outlet_models import Closure
from solvers.network.windkessel import Bdf

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


EXTRAPOLATION = (5.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0)
"""Weights of the last three velocities in the convecting velocity: (2 + q, -1 - 2 q, q) is of second order for any q.
Where the flow is braked fast (at a branching, say), the usual 2 u_n - u_(n-1) (q = 0) makes the velocity alternate from
step to step as soon as dt times the strain rate exceeds 4/3; q = -1/3 allows 2.4 (docs/theory-flow.md)."""

STEADY_EXTRAPOLATION = (2.0 / 3.0, 1.0 / 3.0)
"""Weights of the last two velocities in the convecting velocity on the way to a steady flow. Where the flow is braked
fast, a large step turns an error of the convecting velocity into one of opposite sign, r times as large. With the last
velocity alone it alternates for ever as soon as r reaches 1. With weights (w, 1 - w) the roots of
z^2 + r w z + r (1 - w) = 0 stay inside the unit circle up to the smaller one of 1 / (2 w - 1) and 1 / (1 - w): w = 2/3
allows the most, r = 3. The steady state is the same."""

PASS_REDUCTION = 0.1
"""How far a pass takes the residual down that another pass follows: solving it out would be solving the wrong
equation."""


class PrescribedVelocity(Protocol):
    """Boundary velocities at some velocity unknowns of this rank, ghosts included."""

    nodes: IntArray

    def values(self, time: float) -> FloatArray:
        """Velocities (k, 3) [m/s]."""


@dataclass(frozen=True)
class FlowParameters:
    """Fluid and numerics of a flow solver; see :class:`solvers.contract.spec.Numerics`.

    Attributes
    ----------
    law
        Dynamic viscosity [Pa s] at shear rates [1/s]; None: ``viscosity`` [Pa s] at any.
    reference_speed
        Speed [m/s] of the flow, by which a linear velocity's pressure is stabilized.
    is_steady
        Whether a steady state is looked for: the stabilization of convection then knows no time step, and steps are
        those of backward Euler, convected by a mean of the last two velocities; only the way there limits their size.
    frozen_component
        A velocity component (0, 1 or 2) that is zero everywhere, as in a plane flow computed in a slab.
    eddy_coefficient
        Of the model of eddies smaller than the cells; 0: none.
    pressure_passes
        How often a step is made in all, each time from the pressure and convected by the velocity found before: what is
        left of the splitting's error gets smaller each time.
    """

    density: float
    viscosity: float
    velocity_tolerance: float = 1e-5
    pressure_tolerance: float = 1e-8
    backflow_beta: float = 1.0
    supg: bool = True
    refactor_every: int = 10
    max_passes: int = 1
    pass_tolerance: float = 0.005
    reference_speed: float = 1.0
    law: ViscosityLaw | None = None
    is_steady: bool = False
    frozen_component: int | None = None
    eddy_coefficient: float = 0.0
    pressure_passes: int = 1

    @property
    def kinematic(self) -> float | ViscosityLaw:
        """Kinematic viscosity [m2/s], constant or as a law."""
        density, law = self.density, self.law
        return self.viscosity / density if law is None else lambda shear_rate: law(shear_rate) / density


@dataclass(frozen=True)
class StepReport:
    """What a step did.

    Attributes
    ----------
    flows
        Flow [m3/s] out of the vessel through each cap, in the order of the caps: surface integrals of ``end_velocity``.
    splitting_imbalance
        What the flows of the velocity before its correction lack to zero [m3/s]: of second order in the time step.
    pressures
        Area mean of the pressure [Pa] on each cap.
    passes
        How often the momentum equation was solved, each time convected by the velocity found before.
    max_speed, fastest_point
        Largest speed [m/s] at an unknown, and where [m].
    """

    step: int
    time: float
    velocity_iterations: int
    velocity_residual: float
    velocity_converged: bool
    passes: int
    pressure_iterations: int
    cfl: float
    max_speed: float
    fastest_point: tuple[float, float, float]
    flows: FloatArray
    splitting_imbalance: float
    pressures: FloatArray


@dataclass(frozen=True, eq=False)
class FlowState:
    """A state of a :class:`FlowSolver` in memory; ``outlets`` holds pressures, corrections and the models' memories."""

    step_number: int
    time: float
    dt: float
    n_history: int
    fields: dict[str, FloatArray]
    earlier: list[FloatArray]
    outlets: tuple[FloatArray, FloatArray, FloatArray]


_FIELDS = ("velocity", "old_velocity", "end_velocity", "kinematic_pressure", "correction", "old_correction")


class FlowSolver:
    """The flow in a mesh, advanced step by step.

    Parameters
    ----------
    prescribed
        Boundary velocities, later ones winning at shared unknowns: walls last.
    caps
        Patch ids whose flow and pressure are reported: inlets, then the outlets.
    outlets
        Patch id and model of each outlet, and of each inlet at a prescribed pressure.
    dt
        Time step [s].
    free_inlets
        What makes inlets of those of ``outlets`` through which fluid shall enter.
    """

    def __init__(
        self,
        mesh: FlowMesh,
        parameters: FlowParameters,
        prescribed: list[PrescribedVelocity],
        caps: tuple[int, ...],
        outlets: dict[int, Closure],
        dt: float,
        free_inlets: Sequence[FreeInlet] = (),
    ) -> None:
        self.mesh, self.parameters, self.dt = mesh, parameters, dt
        self._prescribed = prescribed
        self._last_solve = SolveReport(0, 0.0, True)
        self._passes = 1
        velocity, pressure = mesh.velocity, mesh.pressure
        is_prescribed = np.zeros(velocity.n_local, dtype=bool)
        for condition in prescribed:
            is_prescribed[condition.nodes] = True
        self._prescribed_nodes = np.flatnonzero(is_prescribed)
        self._inner = self._not_on(tuple(outlets))
        self.pattern = build_pattern(velocity, is_prescribed)
        self._momentum = MomentumAssembler(
            mesh,
            self.pattern,
            parameters.kinematic,
            is_prescribed,
            tuple(outlets),
            parameters.backflow_beta,
            parameters.supg,
            dt,
            parameters.is_steady,
            parameters.eddy_coefficient,
        )
        self._velocity_solver = VelocitySolver(
            mesh.comm, self.pattern, velocity.halo, parameters.velocity_tolerance, parameters.max_passes > 1
        )
        self.caps = {patch_id: CapMeasure(mesh, patch_id) for patch_id in caps}
        self._stabilization: PressureStabilization | None = None
        if velocity.degree == 1:
            kinematic_viscosity = parameters.viscosity / parameters.density
            self._stabilization = PressureStabilization(mesh, kinematic_viscosity, parameters.reference_speed)
        self._alpha = Bdf.second(dt).alpha
        self._poisson = PressurePoisson(
            mesh, tuple(outlets), parameters.pressure_tolerance, self._stabilization, self._alpha
        )
        self._lumped = np.zeros(pressure.n_local)
        np.add.at(self._lumped, pressure.cells, np.broadcast_to(mesh.determinant[:, None] / 24.0, pressure.cells.shape))
        self.outlets = OutletCoupling(
            mesh,
            self._poisson,
            self.caps,
            outlets,
            parameters.density,
            is_prescribed,
            tuple(inlet.patch_id for inlet in free_inlets),
        )
        self._free_inlets = free_inlets
        self.step_number = 0
        self.time = 0.0
        self._origin, self._n_since_origin = 0.0, 0
        self._n_history = 0
        """Steps behind this one that had the present length: the first after a change is an Euler step."""
        self._n_since_factors = 0
        self.velocity = np.zeros((velocity.n_local, 3))
        self.old_velocity = np.zeros((velocity.n_local, 3))
        self.end_velocity = np.zeros((velocity.n_local, 3))
        """``velocity``, but on the outlets with the values of the end of the step: the caps' flows are its."""
        self._earlier = [self.end_velocity, self.end_velocity]
        """``end_velocity`` one and two steps before."""
        self.kinematic_pressure = np.zeros(pressure.n_local)
        self.correction = np.zeros(pressure.n_local)
        self.old_correction = np.zeros(pressure.n_local)
        """Pressure corrections divided by the ``alpha`` of their step: the velocity update that is never made."""

    def _sum(self, local: FloatArray) -> FloatArray:
        total = np.ascontiguousarray(local)
        self.mesh.comm.Allreduce(MPI.IN_PLACE, total)
        return total

    def start(self, outlet_pressures: FloatArray) -> None:
        """Fluid at rest, at these pressures [Pa] of the outlets."""
        self.kinematic_pressure = self.outlets.start(outlet_pressures)

    def step(self) -> StepReport:
        """Advance by one step."""
        is_second = self._n_history > 0 and not self.parameters.is_steady
        bdf = Bdf.second(self.dt) if is_second else Bdf.euler(self.dt)
        time = self._origin + (self._n_since_origin + 1) * self.dt
        known = (self.velocity, self.old_velocity, self.correction, self.old_correction)
        outlets, memories = self.outlets.corrections, self.outlets.memories()
        found, pressure_iterations = None, 0
        for _ in range(self.parameters.pressure_passes):
            if found is not None:  # from the same history, but for the pressures that were found
                self.velocity, self.old_velocity, self.correction, self.old_correction = known
                self.outlets.corrections = outlets
                self.outlets.remember(memories)
            cfl = self._solve_momentum(bdf, time, found)
            divergence = weak_divergence(self.mesh, self.velocity)
            guess = 0.0 if found is not None else bdf.alpha * (2.0 * self.correction - self.old_correction)
            pressure_iterations += self._correct_pressure(bdf, time, divergence, guess)
            found = self.velocity
        report = self._last_solve
        self.step_number += 1
        self._n_since_origin += 1
        self._n_history += 1
        self.time = time
        speed = np.linalg.norm(self.velocity[: self.mesh.velocity.n_owned], axis=1)
        fastest = int(np.argmax(speed)) if len(speed) else 0
        summary = (float(speed[fastest]), *map(float, self.mesh.velocity.points[fastest]))
        gathered = np.array(self.mesh.comm.allgather((cfl, *summary)))
        worst = gathered[int(np.argmax(np.nan_to_num(gathered[:, 1], nan=np.inf)))]
        self._earlier = [self.end_velocity, self._earlier[0]]
        self.end_velocity = self.outlets.end_of_step(self.velocity, self.correction)
        measured = self._sum(
            np.array(
                [
                    (cap.flow(self.end_velocity), cap.mean_pressure(self.kinematic_pressure))
                    for cap in self.caps.values()
                ]
            ).reshape(-1, 2)
        )
        return StepReport(
            step=self.step_number,
            time=self.time,
            velocity_iterations=report.iterations,
            velocity_residual=report.residual,
            velocity_converged=report.converged,
            passes=self._passes,
            pressure_iterations=pressure_iterations,
            cfl=float(gathered[:, 0].max()),
            max_speed=float(worst[1]),
            fastest_point=(float(worst[2]), float(worst[3]), float(worst[4])),
            flows=measured[:, 0],
            splitting_imbalance=float(self.outlets.shift.sum()),
            pressures=self.parameters.density * measured[:, 1],
        )

    def _solve_momentum(self, bdf: Bdf, time: float, found: FloatArray | None) -> float:
        """Set the new velocity; returns this rank's CFL number.

        ``found`` is what an earlier solve of the same step has found for it.
        """
        nodal = np.empty((self.mesh.velocity.n_local, 6))
        nodal[:, :3] = self._extrapolated()
        if found is not None:
            nodal[self._inner, :3] = found[self._inner]
        nodal[:, 3:] = (bdf.newest * self.velocity + bdf.older * self.old_velocity) / bdf.dt
        predicted = self.kinematic_pressure + (bdf.newest * self.correction + bdf.older * self.old_correction) / bdf.dt
        behind = self.outlets.predicted(bdf)
        wanted = [
            self._sum(np.array([cap.flow(self.end_velocity), cap.flow(self._earlier[0])]))
            for cap in (self.caps[inlet.patch_id] for inlet in self._free_inlets)
        ]
        if found is None:
            if self._n_since_factors % self.parameters.refactor_every == 0:
                self._velocity_solver.forget_factors()
            self._n_since_factors += 1
        new_velocity = self._guess(nodal) if found is None else nodal[:, :3].copy()
        for condition in self._prescribed:
            new_velocity[condition.nodes] = condition.values(time)
        frozen = self.parameters.frozen_component
        if frozen is not None:
            new_velocity[:, frozen] = 0.0
        # as their owners compute them: a vector instruction may round the same number differently at another place
        self.mesh.velocity.halo.update(new_velocity)
        boundary = new_velocity[self._prescribed_nodes]
        self._passes = iterations = 0
        is_last = False
        while not is_last:
            right_side = self._momentum.assemble(nodal, self.end_velocity, predicted, behind, bdf.alpha, bdf.dt)
            for inlet, (newest, older) in zip(self._free_inlets, wanted, strict=True):
                inlet.add_wanted(right_side, self.end_velocity, float(older - 2.0 * newest))
            self._momentum.prescribe(right_side, self._prescribed_nodes, boundary)
            if frozen is not None:
                right_side[:, frozen] = 0.0
            self._passes += 1
            is_last = self._passes >= self.parameters.max_passes
            reductions = (0.0,) if is_last else (PASS_REDUCTION, 0.0)
            for reduction in reductions:
                solve = self._velocity_solver.solve(self._momentum.values, right_side, new_velocity, reduction)
                iterations += solve.iterations
                new_velocity[self._prescribed_nodes] = boundary
                is_last = is_last or not solve.converged or self._convects(new_velocity, nodal)
                if not is_last:
                    break
            for inlet in self._free_inlets:
                inlet.straighten(new_velocity)
            if self._free_inlets:
                self.mesh.velocity.halo.update(new_velocity)
            if not is_last:
                nodal[self._inner, :3] = new_velocity[self._inner]
        self._last_solve = SolveReport(iterations, solve.residual, solve.converged)
        self.old_velocity, self.velocity = self.velocity, new_velocity
        return self.dt * float(np.sqrt(self._momentum.speed_squared.max(initial=0.0)))

    def _not_on(self, patches: tuple[int, ...]) -> IntArray:
        """Velocity unknowns that are not on some patches, ghosts included."""
        mesh = self.mesh
        outside = np.ones((mesh.velocity.n_local, 1))
        outside[np.unique(mesh.facets.velocity[np.isin(mesh.facets.patch, patches)])] = 0.0
        mesh.velocity.halo.update(outside)
        return np.flatnonzero(outside[:, 0])

    def _convects(self, velocity: FloatArray, nodal: FloatArray) -> bool:
        """Whether a velocity (n_local, 3) is, within the tolerance, the one that convected it.

        On the outlets it is not the velocity of the end of the step, and there the extrapolated one goes on convecting.
        """
        n_owned = self.mesh.velocity.n_owned
        change = np.abs(velocity[self._inner] - nodal[self._inner, :3]).max(initial=0.0)
        both = np.array([change, np.abs(velocity[:n_owned]).max(initial=0.0)])
        self.mesh.comm.Allreduce(MPI.IN_PLACE, both, op=MPI.MAX)
        return bool(both[0] <= self.parameters.pass_tolerance * both[1])

    def _extrapolated(self) -> FloatArray:
        """The convecting velocity (n_local, 3) at the new time, of second order from the third step on.

        See ``EXTRAPOLATION``; the first steps take what there is. On the way to a steady flow see
        ``STEADY_EXTRAPOLATION``.
        """
        if self._n_history == 0:
            return self.end_velocity
        if self.parameters.is_steady:
            newest, older = STEADY_EXTRAPOLATION
            return newest * self.end_velocity + older * self._earlier[0]
        if self._n_history == 1:
            return 2.0 * self.end_velocity - self._earlier[0]
        newest, older, oldest = EXTRAPOLATION
        return newest * self.end_velocity + older * self._earlier[0] + oldest * self._earlier[1]

    def _guess(self, nodal: FloatArray) -> FloatArray:
        """Where the search for the new velocity (n_local, 3) begins: its extrapolation of third order, if there is one.

        What convects must not alternate from step to step, and pays for it with accuracy; a first guess need not. Where
        passes are made it is what convects, because the first one takes down a part of what the guess leaves.
        """
        if self._n_history < 2 or self.parameters.is_steady or self.parameters.max_passes > 1:
            return nodal[:, :3].copy()
        return np.asarray(3.0 * (self.end_velocity - self._earlier[0]) + self._earlier[1])

    def _stabilized(self, bdf: Bdf, pressure: FloatArray) -> FloatArray | float:
        """The stabilization of a linear velocity's continuity equation (n_owned,) [m3/s]; none of a quadratic one.

        The factored matrix holds it for BDF2 steps of the first length. In other steps (the first is an Euler step) its
        strength is that times the ratio of the alphas, so that matrix and right side still agree.
        """
        if self._stabilization is None:
            return 0.0
        return self._alpha / bdf.alpha * self._stabilization.apply(pressure)

    def _correct_pressure(self, bdf: Bdf, time: float, divergence: FloatArray, guess: FloatArray | float) -> int:
        """Make the end-of-step velocity divergence-free and its outlets obey their models."""
        excess = divergence + self._stabilized(bdf, self.kinematic_pressure)
        increment, iterations = self._poisson.solve(-bdf.alpha * excess, guess + np.zeros_like(self.correction))
        n_owned = self.mesh.pressure.n_owned
        self.outlets.close(bdf, time, increment, self.velocity)
        # what the stabilization balances for good is no error of the splitting, and must not change the pressure
        excess = divergence + self._stabilized(bdf, self.kinematic_pressure + increment)
        rotation = np.zeros(self.mesh.pressure.n_local)
        rotation[:n_owned] = self._nodal_viscosity() * excess / self._lumped[:n_owned]
        self.mesh.pressure.halo.update(rotation)
        self.kinematic_pressure = self.kinematic_pressure + increment - rotation
        self.old_correction, self.correction = self.correction, increment / bdf.alpha
        return iterations

    @property
    def cell_viscosity(self) -> FloatArray:
        """Kinematic viscosity [m2/s] of each cell (n_cells,) in the last step."""
        return self._momentum.viscosity

    def place_of_residual(self) -> tuple[float, float, float] | None:
        """Where the most was left of the velocity equations that were not solved [m], if that can be said."""
        left = self._velocity_solver.residual()
        size = np.einsum("nd,nd->n", left, left)
        at = int(np.argmax(size)) if len(size) else 0
        mine = (float(size[at]) if len(size) else -1.0, *self.mesh.velocity.points[at].tolist())
        found = self.mesh.comm.allgather(mine)
        if not np.isfinite([entry[0] for entry in found]).all():
            return None
        _, x, y, z = max(found)
        return (x, y, z)

    def set_clock(self, time: float) -> None:
        """Count time [s] from here, which takes out what rounding has added."""
        self.time, self._origin, self._n_since_origin = time, time, 0

    def synchronize(self, time: float) -> None:
        """As :meth:`set_clock`, and compute new factors before the next step."""
        self.set_clock(time)
        self._n_since_factors = 0

    def change_step(self, dt: float) -> None:
        """Go on with steps of another length [s], the first of them an Euler step (docs/theory-flow.md, section 3)."""
        self.dt = dt
        self.synchronize(self.time)
        self._n_history = 0

    def copy(self) -> FlowState:
        """The present state on this rank, in memory."""
        fields = {name: getattr(self, name).copy() for name in _FIELDS}
        return FlowState(
            self.step_number,
            self.time,
            self.dt,
            self._n_history,
            fields,
            [field.copy() for field in self._earlier],
            (self.outlets.pressures.copy(), self.outlets.corrections.copy(), self.outlets.memories()),
        )

    def go_back(self, state: FlowState) -> None:
        """Return to a state that :meth:`copy` has kept, the length of the steps included."""
        self.step_number, self.dt, self._n_history = state.step_number, state.dt, state.n_history
        self.synchronize(state.time)
        for name, field in state.fields.items():
            setattr(self, name, field.copy())
        self._earlier = [field.copy() for field in state.earlier]
        pressures, corrections, memories = state.outlets
        self.outlets.pressures, self.outlets.corrections = pressures.copy(), corrections.copy()
        self.outlets.remember(memories)

    def _nodal_viscosity(self) -> float | FloatArray:
        """Kinematic viscosity [m2/s] at the owned pressure unknowns: the mean of their cells, if it varies."""
        if self.parameters.law is None:
            return self.parameters.viscosity / self.parameters.density
        cells = self.mesh.pressure.cells
        weighted = np.repeat(self._momentum.viscosity * self.mesh.determinant / 24.0, cells.shape[1])
        n_owned = self.mesh.pressure.n_owned
        return np.asarray(np.bincount(cells.ravel(), weighted, len(self._lumped))[:n_owned] / self._lumped[:n_owned])

    def state(self) -> dict[str, FloatArray]:
        """All that the next step depends on, on rank 0 in canonical order; empty elsewhere. All ranks must ask."""
        velocity, pressure = self.mesh.velocity, self.mesh.pressure
        gathered = {
            "velocity": velocity.order.gather(self.velocity[: velocity.n_owned]),
            "old_velocity": velocity.order.gather(self.old_velocity[: velocity.n_owned]),
            "end_velocity": velocity.order.gather(self.end_velocity[: velocity.n_owned]),
            "end_velocity_1": velocity.order.gather(self._earlier[0][: velocity.n_owned]),
            "end_velocity_2": velocity.order.gather(self._earlier[1][: velocity.n_owned]),
            "kinematic_pressure": pressure.order.gather(self.kinematic_pressure[: pressure.n_owned]),
            "correction": pressure.order.gather(self.correction[: pressure.n_owned]),
            "old_correction": pressure.order.gather(self.old_correction[: pressure.n_owned]),
            "outlet_pressures": self.outlets.pressures,
            "outlet_corrections": self.outlets.corrections,
            "outlet_memories": self.outlets.memories(),
            "n_history": np.array(min(self._n_history, 2)),
        }
        return (
            {name: array for name, array in gathered.items() if array is not None} if self.mesh.comm.rank == 0 else {}
        )

    def restore(self, step: int, state: dict[str, FloatArray]) -> None:
        """Go to the state after a step, given on rank 0 as :meth:`state` returned it."""
        velocity, pressure = self.mesh.velocity, self.mesh.pressure
        self.step_number = step
        self.synchronize(step * self.dt)
        self._n_history = int(self.mesh.comm.bcast(state.get("n_history", 2)))
        self.velocity = self._dealt(velocity, state.get("velocity"), (3,))
        self.old_velocity = self._dealt(velocity, state.get("old_velocity"), (3,))
        self.end_velocity = self._dealt(velocity, state.get("end_velocity"), (3,))
        self._earlier = [self._dealt(velocity, state.get(f"end_velocity_{age}"), (3,)) for age in (1, 2)]
        self.kinematic_pressure = self._dealt(pressure, state.get("kinematic_pressure"), ())
        self.correction = self._dealt(pressure, state.get("correction"), ())
        self.old_correction = self._dealt(pressure, state.get("old_correction"), ())
        small = ("outlet_pressures", "outlet_corrections", "outlet_memories")
        values = self.mesh.comm.bcast([state.get(name) for name in small])
        self.outlets.pressures, self.outlets.corrections, memories = values
        self.outlets.remember(memories)
        self._velocity_solver.forget_factors()

    def _dealt(self, space: Space, everything: FloatArray | None, width: tuple[int, ...]) -> FloatArray:
        field = np.zeros((space.n_local, *width))
        field[: space.n_owned] = space.order.scatter(everything, width)
        space.halo.update(field)
        return field
