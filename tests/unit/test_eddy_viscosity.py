"""The sigma model against singular values, and its zeros; that it acts in a flow solver's momentum equation."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solvers.fem.eddy_viscosity import EddyViscosity
from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.momentum import MomentumAssembler
from solvers.fem.pattern import build_pattern
from solvers.verification.meshes import straight_tube

COEFFICIENT = 1.35


def _mesh(degree: int) -> FlowMesh:
    return distribute(MPI.COMM_SELF, straight_tube(0.01, 2e-3, 2, 3), degree)


@pytest.mark.parametrize(("degree", "unknowns"), [(1, 1.0 / 6.0), (2, 4.0 / 3.0)])
def test_it_is_that_of_the_singular_values(degree: int, unknowns: float) -> None:
    mesh = _mesh(degree)
    gradient = np.random.default_rng(3).normal(size=(3, 3))
    a, b, c = np.linalg.svd(gradient)[1]
    width = (mesh.determinant / 6.0 / unknowns) ** (1.0 / 3.0)
    wanted = (COEFFICIENT * width) ** 2 * c * (a - b) * (b - c) / a**2
    found = EddyViscosity(mesh, COEFFICIENT).of(mesh.velocity.points @ gradient.T)
    assert np.allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    "gradient",
    [
        np.zeros((3, 3)),
        [[0, 5, 0], [0, 0, 0], [0, 0, 0]],  # shear
        [[0, -5, 0], [5, 0, 0], [0, 0, 0]],  # rotation
        [[1, 0, 0], [0, 1, 0], [0, 0, -2]],  # a round contraction
        [[1, 3, 0], [2, -1, 0], [0, 0, 0]],  # any plane flow
    ],
)
def test_laminar_flows_have_none(gradient: list[list[float]]) -> None:
    mesh = _mesh(2)
    found = EddyViscosity(mesh, COEFFICIENT).of(mesh.velocity.points @ np.array(gradient, dtype=float).T)
    # the least singular value is a root of rounding: beside 1.8e-6 m2 times a rate of 1/s nothing
    assert np.abs(found).max() < 1e-7 * (COEFFICIENT * 1e-3) ** 2


@pytest.mark.parametrize("degree", [1, 2])
def test_it_is_added_to_the_fluids_own_in_the_matrix(degree: int) -> None:
    mesh = _mesh(degree)
    nothing = np.zeros(mesh.velocity.n_local, dtype=bool)
    nodal = np.zeros((mesh.velocity.n_local, 6))
    nodal[:, :3] = mesh.velocity.points @ np.random.default_rng(4).normal(size=(3, 3))
    rest = np.zeros((mesh.velocity.n_local, 3))

    def values(viscosity: float, coefficient: float) -> np.ndarray:
        pattern = build_pattern(mesh.velocity, nothing)
        momentum = MomentumAssembler(
            mesh, pattern, viscosity, nothing, (), 0.0, False, 1e-3, eddy_coefficient=coefficient
        )
        momentum.assemble(nodal, rest, np.zeros(mesh.pressure.n_local), np.zeros(0), 1.5e3, 1e-3)
        return momentum.values

    own, twice, with_eddies = values(1e-6, 0.0), values(2e-6, 0.0), values(1e-6, COEFFICIENT)
    widths = EddyViscosity(mesh, COEFFICIENT).of(np.ascontiguousarray(nodal[:, :3]))
    smallest, largest = (twice - own) * widths.min() / 1e-6, (twice - own) * widths.max() / 1e-6
    added = with_eddies - own
    diagonal = build_pattern(mesh.velocity, nothing).diagonal
    assert (added[diagonal] > 0.999 * smallest[diagonal]).all() and (added[diagonal] < 1.001 * largest[diagonal]).all()
