"""Inlets at a prescribed pressure: straight across the cap, and held to a profile but not to a flow.

Where fluid enters freely at a given pressure, a part of the profile that is a little faster than the rest brings in
more momentum and grows without bound. The braking of backflow, ``beta/2 |w.n| u`` on the cap, forbids that but also
takes the dynamic pressure from the wanted inflow. Here it acts on ``u - Q p`` only, where ``p`` is the profile of a
unit flow and ``Q`` the flow into the vessel extrapolated from the last two steps: the flow is free, its profile is not.
In developed flow with the parabolic profile it vanishes.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.openings import PressureInlet
from solvers.fem.mesh import FlowMesh
from solvers.fem.reference import face_quadrature
from solvers.flow.inlet import cap_shape, steady_profile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class FreeInlet:
    """One such inlet.

    Parameters
    ----------
    arrays
        The whole mesh on rank 0, None on the others.
    beta
        Of the backflow braking.
    """

    def __init__(
        self, comm: MPI.Intracomm, arrays: MeshArrays | None, mesh: FlowMesh, inlet: PressureInlet, beta: float
    ) -> None:
        self.patch_id = inlet.patch_id
        found = None
        if arrays is not None:
            shape = cap_shape(arrays, inlet.patch_id, mesh.velocity.degree)
            found = shape.keys, shape.normal, steady_profile(shape, inlet.profile)
        keys, self._normal, profile = comm.bcast(found)
        mine = mesh.facets.of(inlet.patch_id)
        self._facets: IntArray = mesh.facets.velocity[mine].astype(np.int64)
        self._nodes = np.unique(self._facets)
        self._area = mesh.facets.area_vector[mine]
        weights, self._basis = face_quadrature(mesh.velocity.degree)
        unit = np.zeros(mesh.velocity.n_local)
        unit[self._nodes] = profile[np.searchsorted(keys, mesh.velocity.keys[self._nodes])]
        self._entering = 0.5 * beta * weights * (unit[self._facets] @ self._basis.T)

    def straighten(self, velocity: FloatArray) -> None:
        """Take the part along the cap out of a velocity field (n_local, 3), in place."""
        velocity[self._nodes] = (velocity[self._nodes] @ self._normal)[:, None] * self._normal

    def add_wanted(self, right_side: FloatArray, known_velocity: FloatArray, flow: float) -> None:
        """Add the inflow's part to the momentum's right side (n_local, 3).

        Parameters
        ----------
        known_velocity : (n_local, 3)
            Velocity [m/s] by which backflow is judged.
        flow
            Expected flow into the vessel [m3/s].
        """
        through = np.einsum("qi,fid,fd->fq", self._basis, known_velocity[self._facets], self._area)
        load = flow * (np.maximum(-through, 0.0) * self._entering) @ self._basis
        np.add.at(right_side, self._facets, -load[:, :, None] * self._normal)
