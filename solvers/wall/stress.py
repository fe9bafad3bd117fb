"""Scalars of the stress: von Mises and greatest principal stress, and nodal values of what cells hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.wall.mesh import WallMesh

FloatArray = NDArray[np.float64]


def von_mises(stress: FloatArray) -> FloatArray:
    """Von Mises stress (...,) of Cauchy stress (..., 3, 3)."""
    deviator = stress - np.trace(stress, axis1=-2, axis2=-1)[..., None, None] / 3.0 * np.eye(3)
    result: FloatArray = np.sqrt(1.5 * np.einsum("...ij,...ij->...", deviator, deviator))
    return result


def greatest_principal(stress: FloatArray) -> FloatArray:
    """Greatest principal stress (...,) of Cauchy stress (..., 3, 3)."""
    result: FloatArray = np.linalg.eigvalsh(0.5 * (stress + np.swapaxes(stress, -1, -2)))[..., 2]
    return result


def at_corners(mesh: WallMesh, values: FloatArray, counts: NDArray[np.bool_] | None = None) -> FloatArray:
    """Values at the corners of each cell (m, 4, ...) as means at the mesh's corners (n_corners, ...), by volume.

    ``counts`` (m,) tells which cells take part, e.g. those of one material; corners of none of them get NaN.
    """
    corner = mesh.points[mesh.cells[:, :4]]
    volume = np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1]))
    if counts is not None:
        volume = np.where(counts, volume, 0.0)
    total = np.zeros((mesh.n_corners, *values.shape[2:]))
    mass = np.zeros(mesh.n_corners)
    shaped = volume.reshape(-1, *[1] * (values.ndim - 1))
    np.add.at(total, mesh.cells[:, :4], values * shaped)
    np.add.at(mass, mesh.cells[:, :4], np.repeat(volume[:, None], 4, axis=1))
    with np.errstate(invalid="ignore"):
        result: FloatArray = total / mass.reshape(-1, *[1] * (total.ndim - 1))
    return result
