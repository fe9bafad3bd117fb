"""The last way to fill a surface that nothing else fills: fTetWild (Hu et al. 2020, ACM Trans. Graph. 39:117).

It takes any triangles, also such that cross or leave gaps, and fills what they enclose; the boundary of the cells lies
within an envelope around them. There are no boundary layers.
"""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.isolated import IsolatedError, run_isolated
from imaging.meshing.core import boundary_of
from imaging.meshing.shape import volumes_mm3
from imaging.types import FloatArray, IntArray, Progress, TetMesh, VesselModel

_TIMEOUT_S = 600.0
ENVELOPE_EDGES = 0.1
"""Half width of the envelope relative to the wished edge length. Assumption."""
_STOP_ENERGY = 10.0
NOTE = "The vessel was filled by fTetWild, because every other way failed: it has no boundary layers."


def is_available() -> bool:
    """Whether the library (package `pytetwild`) is installed."""
    return importlib.util.find_spec("pytetwild") is not None


def tetwild_filled(
    points: FloatArray, triangles: IntArray, edge_mm: float, progress: Progress, fraction: float
) -> tuple[FloatArray, IntArray]:
    """Tetrahedra (m, 4) inside triangles, with their points (n, 3); in a child process that Cancel ends.

    Parameters
    ----------
    edge_mm : float
        Wished edge length; the boundary stays within a tenth of it.

    Raises
    ------
    imaging.isolated.IsolatedError
        When the library is not installed, fails, or needs more than ten minutes.
    """
    arrays = {"points": points, "triangles": triangles}
    text = "Filling the surface within an envelope (fTetWild)"
    task = "imaging.meshing.rescue:compute"
    result = run_isolated(task, arrays, {"edge_mm": edge_mm}, _TIMEOUT_S, progress, fraction, text)
    return result["points"], result["tets"]


def tetwild_surface(
    points: FloatArray, triangles: IntArray, edge_mm: float, progress: Progress, fraction: float
) -> tuple[FloatArray, IntArray]:
    """The closed boundary (points, triangles) of :func:`tetwild_filled`: the surface without crossings and gaps."""
    nodes, tets = tetwild_filled(points, triangles, edge_mm, progress, fraction)
    outer = boundary_of(tets)
    used, inverse = np.unique(outer, return_inverse=True)
    return nodes[used], inverse.reshape(-1, 3).astype(np.int64)


def rescued(model: VesselModel, edge_mm: float, progress: Progress) -> TetMesh:
    """The model filled by fTetWild: without boundary layers, its patches those of the nearest triangles.

    Raises
    ------
    imaging.isolated.IsolatedError
        Also when a cap is lost or a cell came out flat.
    """
    surface = model.surface
    points, tets = tetwild_filled(surface.points, surface.triangles, edge_mm, progress, 0.95)
    facets = boundary_of(tets)
    centers = cKDTree(surface.points[surface.triangles].mean(axis=1))
    nearest = centers.query(points[facets].mean(axis=1))[1]
    patch = np.asarray(surface.triangle_data["patch"])[nearest].astype(np.int32)
    for cap in (found for found in model.patches if found.kind != "wall"):
        own = np.unique(facets[patch == cap.id])
        height = (points[own] - np.asarray(cap.center_mm)) @ np.asarray(cap.normal)
        points[own] -= height[:, None] * np.asarray(cap.normal)
    if set(np.unique(patch).tolist()) != {found.id for found in model.patches}:
        raise IsolatedError("an opening was lost")
    if volumes_mm3(points, tets).min() <= 0.0:
        raise IsolatedError("a cell came out flat")
    layer = np.zeros(len(tets), np.int8)
    return TetMesh(points, tets, facets, patch, layer, model.patches, (NOTE,))


def compute(arrays: dict[str, NDArray[Any]], edge_mm: float) -> dict[str, NDArray[Any]]:
    """The body of :func:`tetwild_filled`, run in a child process."""
    import pytetwild

    points = arrays["points"]
    diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))
    # The library leaves a file with the surface in the working folder.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        nodes, elements = pytetwild.tetrahedralize(
            np.ascontiguousarray(points, dtype=np.float64),
            np.ascontiguousarray(arrays["triangles"], dtype=np.int32),
            edge_length_abs=edge_mm,
            epsilon=ENVELOPE_EDGES * edge_mm / diagonal,
            stop_energy=_STOP_ENERGY,
            num_threads=1,
        )
    tets = np.asarray(elements, dtype=np.int64)
    tets = np.where((volumes_mm3(nodes, tets) < 0)[:, None], tets[:, [1, 0, 2, 3]], tets)
    return {"points": np.asarray(nodes, dtype=np.float64), "tets": tets}
