"""The distributed mesh with its velocity (quadratic or linear) and pressure (linear) unknowns.

DOLFINx distributes the cells and numbers the unknowns. Every rank also holds all cells that touch a vertex of its own
cells, so that the equations of the unknowns it owns are assembled without talking to other ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import basix.ufl
import dolfinx_solver  # noqa: F401 - orders MPI before the compiled modules
import numpy as np
from dolfinx import fem, graph
from dolfinx import mesh as dolfinx_mesh
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.fem.halo import CanonicalOrder, Halo
from solvers.fem.reference import CORNER_GRADIENT, EDGES, FACES, face_nodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Index = NDArray[np.uint32]
"""Unsigned: the kernels then need not ask whether an index counts from the end, which triples their speed."""


@dataclass(frozen=True, eq=False)
class Space:
    """Scalar unknowns of one kind on this rank: owned first, ghosts after.

    Attributes
    ----------
    cells : (n_cells, 10 or 4)
        Local unknowns of each cell.
    keys : (n_local,) int
        A number of each unknown that does not depend on the partition; for linear ones the vertex in the mesh file.
    points : (n_local, 3)
        Where the unknowns sit [m].
    """

    degree: int
    cells: Index
    keys: IntArray
    points: FloatArray
    halo: Halo
    order: CanonicalOrder

    @property
    def n_owned(self) -> int:
        """Unknowns that this rank owns."""
        return self.halo.n_owned

    @property
    def n_local(self) -> int:
        """Unknowns that this rank holds."""
        return self.halo.n_local


@dataclass(frozen=True, eq=False)
class BoundaryFacets:
    """The boundary facets that this rank holds.

    Attributes
    ----------
    cell : (f,)
        The cell behind each facet.
    patch : (f,)
        Its patch id.
    velocity, pressure : (f, 6 or 3) and (f, 3)
        Its unknowns: corners, then of a quadratic velocity the midpoints, midpoint ``k`` opposite corner ``k``.
    area_vector : (f, 3)
        Its outward normal times its area [m2].
    """

    cell: IntArray
    face: IntArray
    patch: IntArray
    velocity: Index
    pressure: Index
    area_vector: FloatArray

    def of(self, patch_id: int) -> NDArray[np.bool_]:
        """Which of the facets (f,) belong to a patch."""
        mask: NDArray[np.bool_] = self.patch == patch_id
        return mask


@dataclass(frozen=True, eq=False)
class FlowMesh:
    """A rank's part of the mesh.

    Attributes
    ----------
    velocity
        Of degree 1 (then the very same space as the pressure's) or 2.
    inverse_jacobian : (n_cells, 3, 3)
        d(reference)/d(x) of each cell [1/m].
    determinant : (n_cells,)
        Six times each cell's volume [m3].
    n_owned_cells, n_cells_global
        Owned cells come first.
    """

    comm: MPI.Intracomm
    velocity: Space
    pressure: Space
    inverse_jacobian: FloatArray
    determinant: FloatArray
    facets: BoundaryFacets
    n_owned_cells: int
    n_cells_global: int

    @property
    def n_cells(self) -> int:
        """Cells that this rank holds."""
        return len(self.determinant)

    @property
    def n_unknowns_global(self) -> int:
        """Unknowns of all ranks: three velocity components and the pressure."""
        return int(self.comm.allreduce(3 * self.velocity.n_owned + self.pressure.n_owned))

    def mean_cell_size(self) -> float:
        """Edge [m] of the corner of a cube that has a cell's mean volume."""
        volume = self.comm.allreduce(float(self.determinant[: self.n_owned_cells].sum()))
        return float(np.cbrt(volume / self.n_cells_global))

    def corner_gradients(self) -> FloatArray:
        """Gradients (n_cells, 4, 3) of the linear basis [1/m]."""
        gradients: FloatArray = CORNER_GRADIENT @ self.inverse_jacobian
        return gradients


def distribute(comm: MPI.Intracomm, arrays: MeshArrays | None, velocity_degree: int = 2) -> FlowMesh:
    """Distribute a mesh that rank 0 has read (other ranks pass None)."""
    n_points = int(comm.bcast(len(arrays.points) if arrays is not None else 0))
    cells = arrays.tets if arrays is not None else np.zeros((0, 4), dtype=np.int64)
    points = arrays.points if arrays is not None else np.zeros((0, 3))

    def partition(_comm: Any, n_parts: int, _types: Any, nodes: list[IntArray]) -> Any:
        table = np.asarray(nodes[0]).reshape(-1, 4)
        if not len(table):
            return graph.adjacencylist(np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int32))._cpp_object
        destinations, offsets = _destinations(points, table, n_parts)
        return graph.adjacencylist(destinations, offsets)._cpp_object

    element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
    mesh = dolfinx_mesh.create_mesh(comm, cells, element, points, partitioner=partition)
    vertices = mesh.geometry.input_global_indices[mesh.geometry.dofmaps[0]].astype(np.int64)
    corner = mesh.geometry.x[mesh.geometry.dofmaps[0]]
    jacobian = np.moveaxis(corner[:, 1:] - corner[:, :1], 1, 2)
    velocity = pressure = _space(comm, mesh, 1, vertices)
    if velocity_degree == 2:
        ends = np.sort(vertices[:, EDGES], axis=2)
        edge_keys = ends[:, :, 0] * n_points + ends[:, :, 1]
        velocity = _space(comm, mesh, 2, np.column_stack([vertices * (n_points + 1), edge_keys]))
    index_map = mesh.topology.index_map(3)
    boundary = comm.bcast((arrays.facets, arrays.facet_patch) if arrays is not None else None)
    return FlowMesh(
        comm=comm,
        velocity=velocity,
        pressure=pressure,
        inverse_jacobian=np.ascontiguousarray(np.linalg.inv(jacobian)),
        determinant=np.abs(np.linalg.det(jacobian)),
        facets=_find_facets(vertices, corner, boundary[0], boundary[1], n_points, velocity, pressure),
        n_owned_cells=int(index_map.size_local),
        n_cells_global=int(index_map.size_global),
    )


def _destinations(points: FloatArray, tets: IntArray, n_parts: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each cell its owner, then the ranks that need it as a ghost, as an adjacency list.

    The owner comes from halving the cells again and again across their longest direction: the cuts of a vessel are then
    near its sections, the parts are equally large, and the result depends on nothing but the mesh.
    """
    owner = np.zeros(len(tets), dtype=np.int32)
    _halve(points[tets].mean(axis=1), np.arange(len(tets)), 0, n_parts, owner)
    touched = np.zeros((n_parts, len(points)), dtype=bool)
    for part in range(n_parts):
        touched[part, tets[owner == part]] = True
    needs = touched[:, tets].any(axis=2).T
    needs[np.arange(len(tets)), owner] = False
    cell, other = np.nonzero(needs)
    cells = np.concatenate([np.arange(len(tets)), cell])
    ranks = np.concatenate([owner, other.astype(np.int32)])
    order = np.argsort(cells, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=len(tets)))])
    return ranks[order].astype(np.int32), offsets.astype(np.int32)


def _halve(centers: FloatArray, cells: IntArray, first: int, n_parts: int, owner: NDArray[np.int32]) -> None:
    if n_parts == 1:
        owner[cells] = first
        return
    local = centers[cells] - centers[cells].mean(axis=0)
    longest = np.linalg.eigh(local.T @ local)[1][:, -1]
    n_low = n_parts // 2
    order = np.argsort(local @ longest, kind="stable")
    cut = len(cells) * n_low // n_parts
    _halve(centers, cells[order[:cut]], first, n_low, owner)
    _halve(centers, cells[order[cut:]], first + n_low, n_parts - n_low, owner)


def _space(comm: MPI.Intracomm, mesh: Any, degree: int, cell_keys: IntArray) -> Space:
    space = fem.functionspace(mesh, ("Lagrange", degree))
    cells = np.ascontiguousarray(space.dofmap.list, dtype=np.uint32)
    halo = Halo(space.dofmap.index_map)
    keys = np.empty(halo.n_local, dtype=np.int64)
    keys[cells] = cell_keys
    return Space(
        degree, cells, keys, space.tabulate_dof_coordinates(), halo, CanonicalOrder(comm, keys[: halo.n_owned])
    )


def _find_facets(
    vertices: IntArray,
    corner: FloatArray,
    facets: IntArray,
    facet_patch: IntArray,
    n_points: int,
    velocity: Space,
    pressure: Space,
) -> BoundaryFacets:
    def key(triangles: IntArray) -> IntArray:
        a, b, c = np.moveaxis(np.sort(triangles, axis=-1), -1, 0)
        numbers: IntArray = (a * n_points + b) * n_points + c
        return numbers

    given = key(facets)
    order = np.argsort(given)
    held = key(vertices[:, FACES])
    at = np.minimum(np.searchsorted(given, held, sorter=order), len(given) - 1)
    cell, face = np.nonzero(given[order[at]] == held)
    a, b, c = (corner[cell, FACES[face, k]] for k in range(3))
    area_vector = 0.5 * np.cross(b - a, c - a)
    opposite = corner[cell, face]
    inward = np.einsum("fd,fd->f", area_vector, opposite - a) > 0
    area_vector[inward] *= -1.0
    return BoundaryFacets(
        cell=cell,
        face=face,
        patch=facet_patch[order[at[cell, face]]],
        velocity=np.ascontiguousarray(velocity.cells[cell[:, None], face_nodes(velocity.degree)[face]]),
        pressure=np.ascontiguousarray(pressure.cells[cell[:, None], FACES[face]]),
        area_vector=area_vector,
    )
