"""The ladder of repairs: what is tried when an attempt to mesh fails, from mild to strong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from imaging.meshing.parameters import MeshParameters
from imaging.surface.checks import position_text
from imaging.surface.topology import unique_edges
from imaging.types import WALL_PATCH_ID, Surface, VesselModel

_SMOOTHING_RADII = 2.0
_TAUBIN = (0.5, -0.53)
_TAUBIN_PASSES = 15


class MeshingFailure(Exception):
    """One attempt to mesh failed: why, and where (LPS mm)."""

    def __init__(self, reason: str, place_mm: tuple[float, float, float]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place_mm = place_mm


Rung = Callable[[VesselModel, MeshParameters, MeshingFailure], tuple[VesselModel, MeshParameters, str]]


def _as_wished(
    model: VesselModel, parameters: MeshParameters, failure: MeshingFailure
) -> tuple[VesselModel, MeshParameters, str]:
    return model, parameters, ""


def _finer(
    model: VesselModel, parameters: MeshParameters, failure: MeshingFailure
) -> tuple[VesselModel, MeshParameters, str]:
    finer = replace(
        parameters,
        edge_radii=0.75 * parameters.edge_radii,
        edge_max_mm=0.75 * parameters.edge_max_mm,
        chord_error_edges=0.5 * parameters.chord_error_edges,
    )
    return model, finer, f"Finer triangles were taken, because {failure.reason}."


def _smoother(
    model: VesselModel, parameters: MeshParameters, failure: MeshingFailure
) -> tuple[VesselModel, MeshParameters, str]:
    note = f"The wall was smoothed near {position_text(failure.place_mm)}, because {failure.reason}."
    return smoothed_near(model, failure.place_mm), parameters, note


def _thinner(
    model: VesselModel, parameters: MeshParameters, failure: MeshingFailure
) -> tuple[VesselModel, MeshParameters, str]:
    thinner = replace(parameters, layer_thickness_radii=0.5 * parameters.layer_thickness_radii)
    return model, thinner, f"Boundary layers of half the thickness were taken, because {failure.reason}."


def _fixed(
    model: VesselModel, parameters: MeshParameters, failure: MeshingFailure
) -> tuple[VesselModel, MeshParameters, str]:
    return repaired_by_meshfix(model), parameters, f"The surface was repaired by MeshFix, because {failure.reason}."


LADDER: tuple[Rung, ...] = (_as_wished, _finer, _smoother, _thinner, _fixed)


def smoothed_near(model: VesselModel, place_mm: tuple[float, float, float]) -> VesselModel:
    """The model with its wall smoothed within two radii of a place (Taubin 1995, which keeps the volume nearly)."""
    points = model.surface.points.copy()
    triangles = model.surface.triangles
    tree = model.centerlines
    near = int(((tree.points - place_mm) ** 2).sum(axis=1).argmin())
    reach = _SMOOTHING_RADII * float(tree.radius_mm[near])
    distance = np.linalg.norm(points - np.asarray(place_mm), axis=1)
    weight = np.clip(2.0 * (1.0 - distance / reach), 0.0, 1.0)
    on_cap = np.asarray(model.surface.triangle_data["patch"]) != WALL_PATCH_ID
    weight[np.unique(triangles[on_cap])] = 0.0
    edges, _ = unique_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    count = np.maximum(np.bincount(both[:, 0], minlength=len(points)), 1)
    for _ in range(_TAUBIN_PASSES):
        for factor in _TAUBIN:
            total = np.zeros_like(points)
            np.add.at(total, both[:, 0], points[both[:, 1]])
            points += factor * weight[:, None] * (total / count[:, None] - points)
    surface = model.surface
    return replace(model, surface=Surface(points, triangles, {}, surface.triangle_data))


def repaired_by_meshfix(model: VesselModel) -> VesselModel:
    """The model with self-crossings and degenerate triangles of its surface replaced (Attene 2010)."""
    from pymeshfix import MeshFix

    surface = model.surface
    fix = MeshFix(surface.points, surface.triangles.astype(np.int32))
    fix.repair()
    points = np.asarray(fix.points, dtype=np.float64)
    triangles = np.asarray(fix.faces, dtype=np.int64).reshape(-1, 3)
    centers = cKDTree(surface.points[surface.triangles].mean(axis=1))
    patch = np.asarray(surface.triangle_data["patch"])[centers.query(points[triangles].mean(axis=1))[1]]
    return replace(model, surface=Surface(points, triangles, {}, {"patch": patch}))
