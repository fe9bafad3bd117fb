"""Compiling the kernels once: rank 0 first, so that the others find them in the cache and never write it together."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solvers.contract.mesh_file import MeshArrays
from solvers.fem.divergence import weak_divergence
from solvers.fem.energy import EnergyMeasure
from solvers.fem.krylov import VelocitySolver
from solvers.fem.mesh import distribute
from solvers.fem.momentum import MomentumAssembler
from solvers.fem.pattern import build_pattern
from solvers.fem.poisson import PressurePoisson
from solvers.fem.surface import WallShear


def compile_kernels(comm: MPI.Intracomm) -> None:
    """Call every kernel on one tetrahedron, on rank 0 and then on the others."""
    for is_first in (True, False):
        if is_first == (comm.rank == 0):
            for degree in (2, 1):
                _exercise(degree)
        comm.barrier()


def _exercise(velocity_degree: int) -> None:
    points = np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
    facets = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
    patches = np.array([1, 2, 2, 2])
    mesh = distribute(MPI.COMM_SELF, MeshArrays(points, np.array([(0, 1, 2, 3)]), facets, patches), velocity_degree)
    space = mesh.velocity
    nobody = np.zeros(space.n_local, dtype=bool)
    pattern = build_pattern(space, nobody)
    momentum = MomentumAssembler(mesh, pattern, 1.0, nobody, (2,), 1.0, True, 1.0)
    nodal, pressure = np.ones((space.n_local, 6)), np.zeros(mesh.pressure.n_local)
    velocity = np.zeros((space.n_local, 3))
    right_side = momentum.assemble(nodal, velocity, pressure, np.zeros(1), 1.0, 1.0)
    MomentumAssembler(mesh, pattern, np.ones_like, nobody, (2,), 1.0, True, 1.0).assemble(
        nodal, velocity, pressure, np.zeros(1), 1.0, 1.0
    )
    VelocitySolver(MPI.COMM_SELF, pattern, space.halo, 1e-6).solve(momentum.values, right_side, velocity)
    PressurePoisson(mesh, (2,), 1e-6).solve(weak_divergence(mesh, velocity), pressure)
    WallShear(mesh, (1,), 1.0).stress(velocity)
    EnergyMeasure(mesh, (2,), 1.0).measure(velocity, pressure, np.ones(1))
