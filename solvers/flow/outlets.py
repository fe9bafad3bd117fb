"""Outlets in the pressure correction: their models are closed together, and their end-of-step velocity is known.

With the kinematic pressure correction ``phi``, the change ``dP`` of an outlet's kinematic pressure and the coefficient
``alpha`` of the time derivative, the Robin condition of :class:`~solvers.fem.poisson.PressurePoisson` makes the
end-of-step velocity on an outlet ``u + (k / h) (phi - dP) / alpha`` along the outward normal. Its flow is what the
outlet's model receives, and it is linear in the changes of all outlets' pressures. Every outlet adds one linear
relation between the pressures and flows: P = offset + slope Q of its own circuit, or its share of the sum of the flows.

An inlet at a prescribed pressure is an outlet here, too, with a negative flow that no share counts.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import ArrayLike, NDArray

from solvers.fem.mesh import FlowMesh
from solvers.fem.poisson import PressurePoisson
from solvers.fem.reference import TRIANGLE_EDGES
from solvers.fem.surface import CapMeasure
from solvers.network.outlet_models import Closure
from solvers.network.windkessel import Bdf, FlowShare

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class OutletTrace:
    """End-of-step normal velocity at the velocity unknowns of one outlet, from the pressure correction.

    Attributes
    ----------
    nodes : (k,)
        Local velocity unknowns of the outlet that are not prescribed.
    """

    def __init__(
        self,
        mesh: FlowMesh,
        patch_id: int,
        stiffness: FloatArray,
        cap: CapMeasure,
        is_prescribed: NDArray[np.bool_],
    ) -> None:
        mine = mesh.facets.of(patch_id)
        corners, velocity = mesh.facets.pressure[mine], mesh.facets.velocity[mine]
        ends = np.repeat(corners[:, :, None], 2, axis=2)
        if mesh.velocity.degree == 2:
            ends = np.concatenate([ends, corners[:, TRIANGLE_EDGES]], axis=1)
        nodes, first = np.unique(velocity.ravel(), return_index=True)
        free = ~is_prescribed[nodes]
        self.nodes: IntArray = nodes[free].astype(np.int64)
        self._ends = ends.reshape(-1, 2)[first[free]]
        self._stiffness, self._cap = stiffness, cap
        self._plug = np.zeros((mesh.velocity.n_local, 3))
        self._plug[self.nodes] = cap.normal
        self._comm = mesh.comm
        self._open_area = float(mesh.comm.allreduce(cap.flow(self._plug)))

    def velocity(self, correction: FloatArray, change: float, flow: float) -> FloatArray:
        """Velocities (k, 3) to be added at ``nodes``, with exactly this flow.

        Parameters
        ----------
        correction : (n_local,)
            phi / alpha [m2/s]; ``change`` is dP / alpha.
        flow
            Integral over the outlet of (k / h) (phi - dP) / alpha [m3/s]. The rim, where the velocity is prescribed,
            cannot carry its part, which the rest of the outlet takes over evenly.
        """
        normal = (self._stiffness * (correction - change))[self._ends].mean(axis=1)
        field = np.zeros_like(self._plug)
        field[self.nodes] = normal[:, None] * self._cap.normal
        missing = flow - float(self._comm.allreduce(self._cap.flow(field)))
        return np.asarray(field[self.nodes] + missing / self._open_area * self._cap.normal)


class OutletCoupling:
    """All outlets of a flow solver.

    Attributes
    ----------
    models
        By patch id.
    pressures : (n,)
        Of the outlets [Pa].
    corrections : (2, n)
        Newest and older change of the kinematic pressures divided by ``alpha``.
    shift : (n,)
        Flow of the end-of-step velocity minus that of the velocity itself [m3/s].
    flows : (n,)
        Out of the vessel, of the end-of-step velocity [m3/s].
    """

    def __init__(
        self,
        mesh: FlowMesh,
        poisson: PressurePoisson,
        caps: dict[int, CapMeasure],
        models: dict[int, Closure],
        density: float,
        is_prescribed: NDArray[np.bool_],
        pressure_inlets: tuple[int, ...] = (),
    ) -> None:
        self._mesh, self._density, self.models = mesh, density, models
        self._caps = [caps[patch_id] for patch_id in models]
        self._loads = poisson.outlet_loads
        self._responses = [poisson.solve(load, np.zeros(mesh.pressure.n_local))[0] for load in self._loads]
        self._conductance = self._find_conductance()
        self._traces = [
            OutletTrace(mesh, patch_id, poisson.outlet_stiffness, caps[patch_id], is_prescribed) for patch_id in models
        ]
        n = len(models)
        self._is_outlet = np.array([patch_id not in pressure_inlets for patch_id in models], dtype=float)
        self.pressures, self.flows, self.shift = np.zeros(n), np.zeros(n), np.zeros(n)
        self.corrections = np.zeros((2, n))

    def _sum(self, local: ArrayLike) -> FloatArray:
        total = np.array(local, dtype=np.float64)
        self._mesh.comm.Allreduce(MPI.IN_PLACE, total)
        return total

    def _find_conductance(self) -> FloatArray:
        """(n, n): ``alpha`` times the flow out of one outlet that a unit kinematic pressure of another brings."""
        n_owned = self._mesh.pressure.n_owned
        local = np.array([[load @ field[:n_owned] for field in self._responses] for load in self._loads])
        local = local.reshape(len(self._loads), len(self._loads)) - np.diag(self._loads.sum(axis=1))
        return self._sum(local)

    def start(self, pressures: FloatArray) -> FloatArray:
        """Set the outlets' pressures [Pa]; returns the kinematic pressure (n_local,) of fluid at rest behind them."""
        self.pressures = pressures.astype(float)
        field = np.zeros(self._mesh.pressure.n_local)
        for pressure, response in zip(pressures, self._responses, strict=True):
            field += pressure / self._density * response
        return field

    def predicted(self, bdf: Bdf) -> FloatArray:
        """Kinematic pressures (n,) behind the outlets for the momentum equation of the next step."""
        return np.asarray(
            self.pressures / self._density + np.array([bdf.newest, bdf.older]) @ self.corrections / bdf.dt
        )

    def close(self, bdf: Bdf, time: float, increment: FloatArray, velocity: FloatArray) -> None:
        """Find the pressures at the new time and add their part to the pressure correction, in place.

        Parameters
        ----------
        increment : (n_local,)
            The kinematic pressure correction for unchanged outlet pressures.
        velocity : (n_local, 3)
            The new velocity, before the correction.
        """
        n_owned = self._mesh.pressure.n_owned
        surface = self._sum([cap.flow(velocity) for cap in self._caps])
        closed = surface + self._sum([load @ increment[:n_owned] / bdf.alpha for load in self._loads])
        on_pressure, on_flow, known = self._relations(bdf, time)
        flow_per_pressure = self._conductance / (bdf.alpha * self._density)
        system = on_pressure + on_flow @ flow_per_pressure
        right = known - on_flow @ (closed - flow_per_pressure @ self.pressures)
        scale = np.abs(system).max(axis=1, initial=np.finfo(float).tiny)
        pressures = np.linalg.solve(system / scale[:, None], right / scale)
        change = pressures - self.pressures
        self.flows = closed + flow_per_pressure @ change
        for model, flow in zip(self.models.values(), self.flows.tolist(), strict=True):
            model.advance(bdf, time, flow)
        for response, rise in zip(self._responses, change, strict=True):
            increment += rise / self._density * response
        self.pressures = pressures
        self.corrections = np.array([change / (self._density * bdf.alpha), self.corrections[0]])
        self.shift = self.flows - surface

    def _relations(self, bdf: Bdf, time: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Matrices A, B (n, n) and c (n,) of A P + B Q = c at the new time."""
        n = len(self.models)
        on_pressure, on_flow, known = np.zeros((n, n)), np.eye(n), np.zeros(n)
        for row, model in enumerate(self.models.values()):
            if isinstance(model, FlowShare):
                on_flow[row] -= model.share * self._is_outlet
                continue
            known[row], slope = model.relation(bdf, time)
            on_pressure[row, row], on_flow[row, row] = 1.0, -slope
        return on_pressure, on_flow, known

    def memories(self) -> FloatArray:
        """What all models remember, for a checkpoint."""
        return np.concatenate([np.zeros(0), *(model.memory.ravel() for model in self.models.values())])

    def remember(self, memories: FloatArray) -> None:
        """Give the models what :meth:`memories` returned."""
        start, flat = 0, memories.ravel()
        for model in self.models.values():
            size, shape = model.memory.size, model.memory.shape
            model.memory = flat[start : start + size].reshape(shape).copy()
            start += size

    def end_of_step(self, velocity: FloatArray, correction: FloatArray) -> FloatArray:
        """The new velocity (n_local, 3) with its end-of-step values on the outlets."""
        corrected = velocity.copy()
        for index, trace in enumerate(self._traces):
            corrected[trace.nodes] += trace.velocity(correction, self.corrections[0, index], float(self.shift[index]))
        return corrected
