"""The ladder of repairs: what is tried when an attempt to mesh fails, from mild to strong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from imaging.meshing.parameters import MeshParameters
from imaging.surface.checks import position_text
from imaging.surface.smoothing import taubin_smoothed
from imaging.types import WALL_PATCH_ID, Surface, VesselModel

Position = tuple[float, float, float]

_SMOOTHING_RADII = 2.0
_SMOOTHING_PASSES = 15


class MeshingFailure(Exception):
    """One attempt to mesh failed: why, and where (LPS mm)."""

    def __init__(self, reason: str, place_mm: Position) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place_mm = place_mm


@dataclass(frozen=True, eq=False)
class Attempt:
    """What to mesh and how; ``refined`` are places around which the wall gets shorter edges."""

    model: VesselModel
    parameters: MeshParameters
    refined: tuple[Position, ...] = ()
    notes: tuple[str, ...] = ()


Rung = Callable[[Attempt, MeshingFailure], Attempt]


def _refined(attempt: Attempt, failure: MeshingFailure) -> Attempt:
    note = f"Finer triangles were taken near {position_text(failure.place_mm)}, because {failure.reason}."
    return replace(attempt, refined=(*attempt.refined, failure.place_mm), notes=(*attempt.notes, note))


def _smoother(attempt: Attempt, failure: MeshingFailure) -> Attempt:
    note = f"The wall was smoothed near {position_text(failure.place_mm)}, because {failure.reason}."
    return replace(attempt, model=smoothed_near(attempt.model, failure.place_mm), notes=(*attempt.notes, note))


def _finer(attempt: Attempt, failure: MeshingFailure) -> Attempt:
    parameters = replace(attempt.parameters, edge_scale=0.75 * attempt.parameters.edge_scale)
    note = f"Finer triangles were taken on the whole wall, because {failure.reason}."
    return replace(attempt, parameters=parameters, notes=(*attempt.notes, note))


def _thinner(attempt: Attempt, failure: MeshingFailure) -> Attempt:
    thickness = 0.5 * attempt.parameters.layer_thickness_radii
    note = f"Boundary layers of half the thickness were taken, because {failure.reason}."
    parameters = replace(attempt.parameters, layer_thickness_radii=thickness)
    return replace(attempt, parameters=parameters, notes=(*attempt.notes, note))


def _fixed(attempt: Attempt, failure: MeshingFailure) -> Attempt:
    note = f"The surface was repaired by MeshFix, because {failure.reason}."
    return replace(attempt, model=repaired_by_meshfix(attempt.model), notes=(*attempt.notes, note))


LADDER: tuple[Rung, ...] = (_refined, _refined, _smoother, _smoother, _finer, _thinner, _fixed)


def smoothed_near(model: VesselModel, place_mm: Position) -> VesselModel:
    """The model with its wall smoothed within two radii of a place, the caps left alone."""
    surface = model.surface
    tree = model.centerlines
    near = int(((tree.points - place_mm) ** 2).sum(axis=1).argmin())
    reach = _SMOOTHING_RADII * float(tree.radius_mm[near])
    distance = np.linalg.norm(surface.points - np.asarray(place_mm), axis=1)
    weight = np.clip(2.0 * (1.0 - distance / reach), 0.0, 1.0)
    on_cap = np.asarray(surface.triangle_data["patch"]) != WALL_PATCH_ID
    weight[np.unique(surface.triangles[on_cap])] = 0.0
    points = taubin_smoothed(surface.points, surface.triangles, weight, _SMOOTHING_PASSES)
    return replace(model, surface=Surface(points, surface.triangles, {}, surface.triangle_data))


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
