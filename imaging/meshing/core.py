"""The core inside the boundary layers: TetGen fills it, MMG improves it; both keep the triangles of its surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.isolated import run_isolated
from imaging.meshing.shape import scaled_jacobian, volumes_mm3
from imaging.types import FloatArray, IntArray, Progress

_SWITCHES = "pYq1.4Q"
_GRADATION = 1.3


def fill_core(
    points: FloatArray, triangles: IntArray, timeout_s: float, progress: Progress, fraction: float
) -> tuple[FloatArray, IntArray]:
    """Tetrahedra inside a closed surface.

    Parameters
    ----------
    points, triangles
        Closed, outward, without self-intersections.
    timeout_s : float
        The work is done in a child process that is stopped after this time.

    Returns
    -------
    (points, tets)
        The given points first and unmoved, then new inner points; positive tetrahedra whose boundary is exactly the
        given triangles.

    Raises
    ------
    imaging.isolated.IsolatedError
    """
    arrays = {"points": points, "triangles": triangles}
    text = "Filling the core with tetrahedra"
    result = run_isolated("imaging.meshing.core:compute", arrays, {}, timeout_s, progress, fraction, text)
    return result["points"], result["tets"]


def compute(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The body of :func:`fill_core`, run in a child process."""
    points, triangles = arrays["points"], arrays["triangles"]
    filled = _tetgen(points, triangles)
    improved = _improved(*filled, points, triangles)
    nodes, tets = improved if improved is not None else filled
    return {"points": nodes, "tets": tets}


def boundary_of(tets: IntArray) -> IntArray:
    """The faces (f, 3) that belong to one tetrahedron only, counter-clockwise from outside (positive tetrahedra)."""
    faces = np.concatenate([tets[:, corners] for corners in ([0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2])])
    _, index, counts = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    outer: IntArray = faces[index[counts == 1]]
    return outer


def _tetgen(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    import tetgen

    mesh = tetgen.TetGen(np.ascontiguousarray(points), np.ascontiguousarray(triangles, dtype=np.int32))
    nodes, elements = mesh.tetrahedralize(switches=_SWITCHES)[:2]
    tets = np.asarray(elements, dtype=np.int64)
    tets = np.where((volumes_mm3(nodes, tets) < 0)[:, None], tets[:, [1, 0, 2, 3]], tets)
    if not _keeps_surface(nodes, tets, points, triangles):
        raise RuntimeError("TetGen changed the surface of the core")
    return np.asarray(nodes, dtype=np.float64), tets


def _improved(
    nodes: FloatArray, tets: IntArray, points: FloatArray, triangles: IntArray
) -> tuple[FloatArray, IntArray] | None:
    """MMG's swaps, moves and insertions; None when that failed or made no better mesh."""
    from mmgpy import MmgMesh3D

    mesh = MmgMesh3D()
    mesh.set_mesh_size(vertices=len(nodes), tetrahedra=len(tets), triangles=len(triangles))
    mesh.set_vertices(nodes)
    mesh.set_tetrahedra(np.ascontiguousarray(tets, dtype=np.int32))
    mesh.set_triangles(np.ascontiguousarray(triangles, dtype=np.int32))
    mesh.set_required_triangles(np.arange(len(triangles), dtype=np.int32))
    mesh.set_required_vertices(np.arange(len(points), dtype=np.int32))
    try:
        mesh.remesh(optim=1, nosurf=1, hgrad=_GRADATION, angle=0, verbose=-1)
    except RuntimeError:
        return None
    new_nodes = np.array(mesh.get_vertices(), dtype=np.float64)
    new_tets = np.array(mesh.get_tetrahedra(), dtype=np.int64)
    if not _keeps_surface(new_nodes, new_tets, points, triangles):
        return None
    new_nodes[: len(points)] = points
    better = scaled_jacobian(new_nodes, new_tets).min() > scaled_jacobian(nodes, tets).min()
    return (new_nodes, new_tets) if better else None


def _keeps_surface(nodes: FloatArray, tets: IntArray, points: FloatArray, triangles: IntArray) -> bool:
    if len(nodes) < len(points) or not np.allclose(nodes[: len(points)], points, rtol=0.0, atol=1e-6):
        return False
    before = np.unique(np.sort(triangles, axis=1), axis=0)
    after = np.unique(np.sort(boundary_of(tets), axis=1), axis=0)
    return np.array_equal(before, after)
