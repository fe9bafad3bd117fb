"""From a run's spec and mesh to a flow solver."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import RunSpec
from solvers.fem.mesh import FlowMesh, distribute
from solvers.flow.inlet import InletVelocity
from solvers.flow.measured import MeasuredVelocity
from solvers.flow.pressure_inlet import FreeInlet
from solvers.flow.rheology import viscosity_law
from solvers.flow.solver import FlowParameters, FlowSolver
from solvers.network.outlet_models import Closure, outlet_models
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import PrescribedPressure

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class NoSlip:
    """Fluid at rest on the walls."""

    def __init__(self, mesh: FlowMesh, wall_patch_ids: tuple[int, ...]) -> None:
        self.nodes: IntArray = np.unique(mesh.facets.velocity[np.isin(mesh.facets.patch, wall_patch_ids)]).astype(
            np.int64
        )

    def values(self, time: float) -> FloatArray:
        """Zeros (k, 3)."""
        return np.zeros((len(self.nodes), 3))


def build_flow(
    comm: MPI.Intracomm,
    spec: RunSpec,
    arrays: MeshArrays | None,
    measured: Mapping[int, MeasuredVelocity] = MappingProxyType({}),
) -> FlowSolver:
    """The flow solver of a spec, at rest at the outlets' initial pressures.

    Rank 0 passes the mesh and, by patch id, the measured velocities of its mapped inlets; the others pass None.
    """
    mesh = distribute(comm, arrays, 1 if spec.numerics.elements == "P1/P1" else 2)
    kinematic_viscosity = spec.fluid.viscosity / spec.fluid.density
    inlets = [
        InletVelocity(
            *(comm, arrays, mesh.velocity, inlet, spec.time.period, kinematic_viscosity, spec.time.ramp),
            measured.get(inlet.patch_id),
        )
        for inlet in spec.inlets
    ]
    # twice: a profile's middle is faster than its mean; without a known flow, a cell in a step
    speed = 2.0 * max((inlet.peak_speed for inlet in inlets), default=0.0) or mesh.mean_cell_size() / spec.time.dt
    models: dict[int, Closure] = {
        inlet.patch_id: PrescribedPressure(PeriodicCurve(inlet.pressure, spec.time.period))
        for inlet in spec.pressure_inlets
    }
    models |= outlet_models(spec.outlets, spec.time.period)
    numerics = spec.numerics
    solver = FlowSolver(
        mesh,
        FlowParameters(
            density=spec.fluid.density,
            viscosity=spec.fluid.viscosity,
            velocity_tolerance=numerics.velocity_tolerance,
            pressure_tolerance=numerics.pressure_tolerance,
            backflow_beta=numerics.backflow_beta,
            supg=numerics.supg,
            refactor_every=numerics.refactor_every,
            max_passes=numerics.max_passes,
            pass_tolerance=numerics.pass_tolerance,
            reference_speed=speed,
            law=viscosity_law(spec.fluid),
            is_steady=spec.time.is_steady,
            eddy_coefficient=numerics.eddy_coefficient,
            pressure_passes=numerics.pressure_passes,
        ),
        [*inlets, NoSlip(mesh, spec.wall_patch_ids)],
        tuple(cap.patch_id for cap in spec.caps),
        models,
        spec.time.dt,
        [FreeInlet(comm, arrays, mesh, inlet, numerics.backflow_beta) for inlet in spec.pressure_inlets],
    )
    solver.start(np.array([model.initial_pressure() for model in solver.outlets.models.values()]))
    return solver
