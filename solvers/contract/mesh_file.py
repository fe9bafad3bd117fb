"""``mesh.npz``: the tetrahedra of a run, in meters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_atomically
from solvers.contract.errors import ExitCode, RunError
from solvers.contract.files import MESH
from solvers.contract.spec import RunSpec

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MAX_POINTS = 2_000_000


@dataclass(frozen=True, eq=False)
class MeshArrays:
    """Tetrahedra and their boundary.

    Attributes
    ----------
    points : (n, 3) float
        Vertices [m].
    tets : (m, 4) int
        Vertices of each tetrahedron, positive volume.
    facets : (f, 3) int
        Vertices of each boundary triangle.
    facet_patch : (f,) int
        The patch of each boundary triangle.
    """

    points: FloatArray
    tets: IntArray
    facets: IntArray
    facet_patch: IntArray


def write_mesh(run_dir: Path, mesh: MeshArrays) -> str:
    """Write ``mesh.npz`` atomically and return the SHA-256 of its bytes, for the spec."""
    write_atomically(
        run_dir / MESH,
        lambda stream: np.savez(
            stream,
            points=mesh.points.astype(np.float64),
            tets=mesh.tets.astype(np.int32),
            facets=mesh.facets.astype(np.int32),
            facet_patch=mesh.facet_patch.astype(np.int32),
        ),
    )
    return hashlib.sha256((run_dir / MESH).read_bytes()).hexdigest()


def read_mesh(run_dir: Path, spec: RunSpec) -> MeshArrays:
    """Read the mesh of a run and check that it can be solved on.

    Raises
    ------
    RunError
        ``mesh_missing``, ``mesh_altered``, ``mesh_units``, ``mesh_inverted``, ``mesh_open``, ``patch_missing``,
        ``patch_unnamed``, ``mesh_too_large``; ``bad_mesh``: anything else that makes it useless.
    """
    path = run_dir / spec.mesh.path
    try:
        data = path.read_bytes()
    except OSError:
        _refuse("The run folder has no readable mesh file; prepare the run again.", code="mesh_missing")
    if hashlib.sha256(data).hexdigest() != spec.mesh.sha256:
        _refuse(
            "The mesh file is not the one that the run was prepared with; prepare the run again.", code="mesh_altered"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            mesh = MeshArrays(
                points=archive["points"].astype(np.float64),
                tets=archive["tets"].astype(np.int64),
                facets=archive["facets"].astype(np.int64),
                facet_patch=archive["facet_patch"].astype(np.int64),
            )
    except (OSError, KeyError, ValueError) as error:
        _refuse(f"The mesh file cannot be read ({error}); prepare the run again.")
    check_mesh(mesh, spec)
    return mesh


def check_mesh(mesh: MeshArrays, spec: RunSpec) -> None:
    """Check the mesh against the spec; RunError as :func:`read_mesh`, with what is wrong and where [m]."""
    n_points = len(mesh.points)
    shapes = (mesh.points.shape[1:], mesh.tets.shape[1:], mesh.facets.shape[1:], mesh.facet_patch.shape)
    if shapes != ((3,), (4,), (3,), (len(mesh.facets),)) or not len(mesh.tets) or not len(mesh.facets):
        _refuse("The mesh file does not hold points, tetrahedra, facets and their patches; mesh the vessel again.")
    if n_points > MAX_POINTS:
        _refuse(
            f"The mesh has {n_points} vertices; at most {MAX_POINTS} can be solved: mesh the vessel more coarsely.",
            code="mesh_too_large",
        )
    if not np.isfinite(mesh.points).all():
        _refuse("The mesh has a vertex without a position; mesh the vessel again.")
    for name, array in (("tetrahedron", mesh.tets), ("facet", mesh.facets)):
        if array.min() < 0 or array.max() >= n_points:
            _refuse(f"The mesh has a {name} with a vertex that does not exist; mesh the vessel again.")
    unused = np.flatnonzero(np.bincount(mesh.tets.ravel(), minlength=n_points) == 0)
    if len(unused):
        _refuse("The mesh has a vertex that no tetrahedron uses; mesh the vessel again.", mesh.points[unused[0]])
    size = float(np.ptp(mesh.points, axis=0).max())
    if not 1e-4 < size < 10.0:
        _refuse(
            f"The mesh is {size:g} m long, which no vessel is; its points must be given in meters.", code="mesh_units"
        )
    _check_volumes(mesh)
    _check_boundary(mesh)
    present = set(np.unique(mesh.facet_patch).tolist())
    named = {**dict.fromkeys(spec.wall_patch_ids, "the wall"), **{c.patch_id: c.name for c in spec.caps}}
    for patch_id, name in named.items():
        if patch_id not in present:
            _refuse(
                f"The mesh has no boundary facet of patch {patch_id} ({name}); mesh the vessel again.",
                code="patch_missing",
            )
    for patch_id in sorted(present - set(named)):
        place = mesh.points[mesh.facets[mesh.facet_patch == patch_id][0]].mean(axis=0)
        _refuse(
            f"The mesh's patch {patch_id} is neither wall, inlet nor outlet in the run's spec; name it there.",
            place,
            "patch_unnamed",
        )


def _check_volumes(mesh: MeshArrays) -> None:
    corner = mesh.points[mesh.tets]
    edges = corner[:, 1:] - corner[:, :1]
    volume = np.linalg.det(edges) / 6.0
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    flat = volume <= 1e-9 * longest**3
    if flat.any():
        place = corner[int(np.flatnonzero(flat)[0])].mean(axis=0)
        _refuse(
            f"{int(flat.sum())} tetrahedra of the mesh are inverted or flat; mesh the vessel again.",
            place,
            "mesh_inverted",
        )


def _check_boundary(mesh: MeshArrays) -> None:
    """The given facets must be exactly those faces that belong to one tetrahedron only."""
    faces = np.concatenate(
        [mesh.tets[:, [1, 2, 3]], mesh.tets[:, [0, 2, 3]], mesh.tets[:, [0, 1, 3]], mesh.tets[:, :3]]
    )
    keys, counts = np.unique(facet_keys(faces, len(mesh.points)), return_counts=True)
    if counts.max() > 2:
        _refuse("Three tetrahedra of the mesh share a face; mesh the vessel again.")
    boundary = keys[counts == 1]
    given = np.sort(facet_keys(mesh.facets, len(mesh.points)))
    if not np.array_equal(boundary, given):
        stray = np.flatnonzero(~np.isin(facet_keys(mesh.facets, len(mesh.points)), boundary))
        place = mesh.points[mesh.facets[int(stray[0])]].mean(axis=0) if len(stray) else None
        _refuse(
            "The boundary facets of the mesh do not enclose its tetrahedra; mesh the vessel again.", place, "mesh_open"
        )


def facet_keys(facets: IntArray, n_points: int) -> IntArray:
    """One number (f,) for each triangle, the same for any order of its vertices; exact up to ``MAX_POINTS`` points."""
    a, b, c = np.sort(facets, axis=1).T
    keys: IntArray = (a * n_points + b) * n_points + c
    return keys


def _refuse(sentence: str, place: FloatArray | None = None, code: str = "bad_mesh") -> NoReturn:
    where = None if place is None else (float(place[0]), float(place[1]), float(place[2]))
    raise RunError(code, sentence, where, ExitCode.BAD_MESH)
