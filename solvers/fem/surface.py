"""What is measured on the boundary: flow and mean pressure of a patch, wall shear stress."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.fem.mesh import FlowMesh, Index
from solvers.fem.reference import velocity_basis
from solvers.fem.viscous import ViscosityLaw

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class CapMeasure:
    """Flow through a cap and its mean pressure; each rank's part, to be summed over the ranks.

    Flows are positive out of the vessel. A flow counts the unknowns that this rank owns, whose facets it all holds.

    Attributes
    ----------
    area
        Of the cap [m2].
    normal : (3,)
        Its mean outward unit normal.
    """

    def __init__(self, mesh: FlowMesh, patch_id: int) -> None:
        mine = mesh.facets.of(patch_id)
        vectors = mesh.facets.area_vector[mine]
        weights = np.zeros((mesh.velocity.n_local, 3))
        for node in (3, 4, 5) if mesh.velocity.degree == 2 else (0, 1, 2):
            np.add.at(weights, mesh.facets.velocity[mine, node], vectors / 3.0)
        owned = np.flatnonzero(np.abs(weights[: mesh.velocity.n_owned]).any(axis=1))
        self._nodes, self._weights = owned, weights[owned]
        share = np.zeros(mesh.pressure.n_local)
        for corner in range(3):
            np.add.at(share, mesh.facets.pressure[mine, corner], np.linalg.norm(vectors, axis=1) / 3.0)
        self._corners = np.flatnonzero(share[: mesh.pressure.n_owned])
        self.area = float(mesh.comm.allreduce(share[self._corners].sum()))
        self._share = share[self._corners] / self.area
        total = mesh.comm.allreduce(vectors[mesh.facets.cell[mine] < mesh.n_owned_cells].sum(axis=0))
        self.normal: FloatArray = total / np.linalg.norm(total)

    def flow(self, velocity: FloatArray) -> float:
        """This rank's part of the flow [m3/s] of a velocity field (n_local, 3)."""
        return float((velocity[self._nodes] * self._weights).sum())

    def mean_pressure(self, pressure: FloatArray) -> float:
        """This rank's part of the area mean of a linear field (n_local,)."""
        return float(pressure[self._corners] @ self._share)


class WallShear:
    """Wall shear stress at the wall's vertices, with the dynamic viscosity [Pa s] or its law of the shear rate [1/s].

    On each wall triangle the tangential viscous traction of the fluid on the wall, with the velocity gradient at the
    triangle's center, where a law takes the shear rate; at a vertex the area-weighted mean of its triangles.

    A linear velocity's gradient in the cell behind the triangle belongs to half the height of the cell. It is carried
    on to the wall, linearly, with the mean gradient of the cells around the cell's fourth corner, which belongs to
    their centroid. Where the fourth corner lies on the wall too, the cell knows no gradient: that mean is taken.

    Attributes
    ----------
    nodes : (n_wall,)
        Owned pressure unknowns (vertices) on the wall.
    area : (n_wall,)
        A third of the area of each vertex's wall triangles [m2].
    """

    def __init__(self, mesh: FlowMesh, wall_patch_ids: tuple[int, ...], viscosity: float | ViscosityLaw) -> None:
        mine = np.isin(mesh.facets.patch, wall_patch_ids)
        self._cells = np.ascontiguousarray(mesh.velocity.cells[mesh.facets.cell[mine]])
        area = np.linalg.norm(mesh.facets.area_vector[mine], axis=1)
        self._law = viscosity if callable(viscosity) else None
        self._viscosity = np.full(len(area), 0.0 if callable(viscosity) else viscosity)
        self._normal = mesh.facets.area_vector[mine] / area[:, None]
        center = np.full((4, 4), 1.0 / 3.0)
        np.fill_diagonal(center, 0.0)
        slopes = velocity_basis(mesh.velocity.degree, center[:, 1:])[1]
        self._slopes = np.ascontiguousarray(
            slopes[mesh.facets.face[mine]] @ mesh.inverse_jacobian[mesh.facets.cell[mine]]
        )
        self._inner: _InnerGradient | None = None
        corners = mesh.facets.pressure[mine]
        on_wall = np.zeros(mesh.pressure.n_local)
        np.add.at(on_wall, corners, np.broadcast_to(area[:, None] / 3.0, corners.shape))
        self.nodes = np.flatnonzero(on_wall[: mesh.pressure.n_owned])
        self.area: FloatArray = on_wall[self.nodes]
        row = np.full(mesh.pressure.n_local, len(self.nodes), dtype=np.uint32)
        row[self.nodes] = np.arange(len(self.nodes))
        self._rows = row[corners]
        if mesh.velocity.degree == 1:
            inner = mesh.pressure.cells[mesh.facets.cell[mine], mesh.facets.face[mine]].astype(np.int64)
            self._inner = _InnerGradient(mesh, inner)
            start = mesh.pressure.points[corners[:, 0]]
            height = np.einsum("fd,fd->f", self._normal, start - mesh.pressure.points[inner])
            distance = np.einsum("fd,fd->f", self._normal, start - self._inner.center)
            factor = np.clip(0.5 * height / np.maximum(distance - 0.5 * height, 0.25 * height), 0.0, 1.0)
            factor[np.isin(inner, corners)] = -1.0
            self._slopes *= (1.0 + factor)[:, None, None]
            self._inner.factor = -factor
        self._share = np.zeros_like(corners, dtype=np.float64)
        reached = self._rows < len(self.nodes)
        self._share[reached] = (
            (np.broadcast_to(area[:, None] / 3.0, corners.shape)[reached]) / self.area[self._rows[reached]]
        )

    def stress(self, velocity: FloatArray) -> FloatArray:
        """Traction (n_wall, 3) [Pa] along the wall at ``nodes`` of a velocity field (n_local, 3)."""
        result = np.zeros((len(self.nodes) + 1, 3))
        gradient = np.zeros((len(self._cells), 3, 3)) if self._inner is None else self._inner.gradient(velocity)
        if self._law is not None:
            self._viscosity = self._law(_shear_rate(self._cells, self._slopes, velocity, gradient))
        _add_wall_shear(
            self._cells,
            self._slopes,
            self._normal,
            self._rows,
            self._share,
            self._viscosity,
            velocity,
            gradient,
            result,
        )
        return result[:-1]


def _shear_rate(cells: Index, slopes: FloatArray, velocity: FloatArray, added: FloatArray) -> FloatArray:
    gradient = added + np.einsum("fib,fia->fab", slopes, velocity[cells])
    twice = gradient + gradient.swapaxes(1, 2)
    return np.asarray(np.sqrt(0.5 * np.einsum("fab,fab->f", twice, twice)))


class _InnerGradient:
    """Volume-weighted mean of a linear velocity's gradient around one vertex for each facet, times a factor (f,).

    Attributes
    ----------
    center : (f, 3)
        Centroids [m] of the cells around the vertices.
    """

    def __init__(self, mesh: FlowMesh, vertices: IntArray) -> None:
        self._halo, self._vertices = mesh.pressure.halo, vertices
        self.factor = np.ones(len(vertices))
        needed = np.unique(vertices)
        self._owned = needed[needed < mesh.pressure.n_owned]
        number = np.full(mesh.pressure.n_local, -1)
        number[self._owned] = np.arange(len(self._owned))
        of_corner = number[mesh.pressure.cells]
        cell, corner = np.nonzero(of_corner >= 0)
        vertex = of_corner[cell, corner]
        volume = np.bincount(vertex, mesh.determinant[cell], len(self._owned))
        share = mesh.determinant[cell] / volume[vertex]
        centers = np.zeros((mesh.pressure.n_local, 3))
        np.add.at(
            centers, self._owned[vertex], share[:, None] * mesh.pressure.points[mesh.pressure.cells[cell]].mean(axis=1)
        )
        self._halo.update(centers)
        self.center: FloatArray = centers[vertices]
        weights = share[:, None, None] * mesh.corner_gradients()[cell]
        rows = np.broadcast_to((3 * vertex[:, None] + np.arange(3))[:, None, :], weights.shape)
        columns = np.broadcast_to(mesh.velocity.cells[cell][:, :, None], weights.shape)
        size = (3 * len(self._owned), mesh.velocity.n_local)
        self._operator = scipy.sparse.csr_matrix((weights.ravel(), (rows.ravel(), columns.ravel())), size)

    def gradient(self, velocity: FloatArray) -> FloatArray:
        """(f, 3, 3) of a velocity (n_local, 3): derivative of component ``a`` along axis ``b``. All ranks must ask."""
        mean = np.zeros((len(velocity), 3, 3))
        mean[self._owned] = (self._operator @ velocity).reshape(-1, 3, 3).transpose(0, 2, 1)
        self._halo.update(mean)
        return np.ascontiguousarray(self.factor[:, None, None] * mean[self._vertices])


@kernel
def _add_wall_shear(
    cells: Index,
    slopes: FloatArray,
    normals: FloatArray,
    rows: Index,
    share: FloatArray,
    viscosity: FloatArray,
    velocity: FloatArray,
    gradients: FloatArray,
    result: FloatArray,
) -> None:
    """``gradients`` (f, 3, 3) is what is added to the gradients by the slopes; it is overwritten."""
    traction = np.empty(3)
    for facet in range(len(cells)):
        gradient = gradients[facet]
        for j in range(cells.shape[1]):
            u = velocity[cells[facet, j]]
            for a in range(3):
                for b in range(3):
                    gradient[a, b] += u[a] * slopes[facet, j, b]
        normal = normals[facet]
        along = 0.0
        for a in range(3):
            traction[a] = 0.0
            for b in range(3):
                traction[a] -= viscosity[facet] * (gradient[a, b] + gradient[b, a]) * normal[b]
            along += traction[a] * normal[a]
        for a in range(3):
            tangential = traction[a] - along * normal[a]
            for corner in range(3):
                result[rows[facet, corner], a] += share[facet, corner] * tangential
