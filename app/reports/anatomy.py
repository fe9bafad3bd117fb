"""Measures along the vessels of a model, flow extensions left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.reports.content import Narrowest
from app.workflow.vessel_paths import paths_to
from imaging.types import Branch, FloatArray, Patch, VesselModel


@dataclass(frozen=True, eq=False)
class Vessel:
    """A branch of the tree between the flow extensions, and the opening at its end.

    Attributes
    ----------
    span_mm
        Where on the branch, by distance from its first centerline point, the anatomy begins and ends.
    points_mm, distance_mm, radius_mm : (n, 3), (n,), (n,)
        Centerline of the anatomy; the distance is from where the anatomy begins.
    """

    name: str
    outlet: Patch
    is_main: bool
    span_mm: tuple[float, float]
    points_mm: FloatArray
    distance_mm: FloatArray
    radius_mm: FloatArray

    @property
    def narrowest(self) -> Narrowest:
        """The smallest inscribed radius and its place."""
        at = int(self.radius_mm.argmin())
        x, y, z = (float(c) for c in self.points_mm[at])
        return Narrowest(self.name, float(self.radius_mm[at]), float(self.distance_mm[at]), (x, y, z))


def vessels_of(model: VesselModel) -> tuple[Vessel, ...]:
    """The vessel to each outlet, in the order of the patches."""
    inlets = [patch for patch in model.patches if patch.kind == "inlet"]
    outlets = tuple(patch for patch in model.patches if patch.kind == "outlet")
    vessels = []
    for outlet, path in zip(outlets, paths_to(model.centerlines, outlets), strict=True):
        branch = model.centerlines.branch(path.branch_name)
        vessels.append(_vessel(model, branch, outlet, [outlet, *(inlets if path.is_main else [])], path.is_main))
    return tuple(vessels)


def main_vessel(vessels: tuple[Vessel, ...]) -> Vessel:
    """The vessel that begins at the inlet."""
    return max(vessels, key=lambda vessel: (vessel.is_main, vessel.distance_mm[-1]))


def _vessel(model: VesselModel, branch: Branch, outlet: Patch, caps: list[Patch], is_main: bool) -> Vessel:
    tree = model.centerlines
    indices = np.array(branch.indices)
    points, radius = tree.points[indices], tree.radius_mm[indices]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    first, last = 0, len(indices) - 1
    for cap in caps:
        start = model.extension_start_mm.get(cap.id)
        if start is not None:
            at = int(np.linalg.norm(points - np.asarray(start), axis=1).argmin())
            first, last = (max(first, at), last) if cap.kind == "inlet" else (first, min(last, at))
    kept = slice(first, max(last, first + 1) + 1)
    span = float(along[kept][0]), float(along[kept][-1])
    return Vessel(branch.name, outlet, is_main, span, points[kept], along[kept] - span[0], radius[kept])
