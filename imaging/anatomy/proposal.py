"""Landmarks proposed from a vessel tree: where branches leave, where vessels divide, the valve's hinge points."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from imaging.anatomy.aortic_root import root_measures
from imaging.anatomy.landmarks import HINGES
from imaging.anatomy.lumen_outline import centroid_mm, lumen_outline
from imaging.centerline.section_area import Outline
from imaging.errors import ImagingError
from imaging.surface.sections import plane_axes
from imaging.types import Branch, CenterlineTree, FloatArray, VesselModel, Volume

Place = tuple[float, float, float]

_OSTIA = {
    "brachiocephalic_trunk": "brachiocephalic",
    "celiac_trunk": "celiac",
    "left_main": "left_coronary",
}
"""What is said before ``_ostium`` where it is not the vessel's name."""
_BIFURCATIONS = {
    "aorta": "aortic",
    "abdominal_aorta": "aortic",
    "right_common_iliac": "right_iliac",
    "left_common_iliac": "left_iliac",
    "right_common_carotid": "right_carotid",
    "left_common_carotid": "left_carotid",
}
_AT_END_RADII = 1.0
_VALVE = "aortic_valve"
_SINUS_ABOVE_MM = 8.0
"""Height above the valve at which the sinuses are looked at: about half of that of adult sinuses (an assumption)."""
_REACH_RADII = (0.5, 1.8)
# Directions (left, back) in which the right, left and non-coronary cusp lie from the middle of the valve.
_CUSPS = ((0.0, -1.0), (0.7, 0.7), (-0.7, 0.7))


def proposed_landmarks(model: VesselModel, volume: Volume | None) -> tuple[dict[str, Place], tuple[str, ...]]:
    """Landmarks (mm, LPS) that a model shows, by id, and what could not be proposed.

    An ostium is proposed where a branch's centerline leaves the ball that is inscribed in its parent; a bifurcation at
    the end of a vessel that two others go on from. For a model that begins at the aortic valve, the hinge points are
    put into the plane across the centerline at the valve, on the lumen's edge, below the three lobes of the sinuses.
    """
    tree = model.centerlines
    found: dict[str, Place] = {}
    notes: list[str] = []
    for branch in tree.branches:
        place = ostium_of(tree, branch)
        if place is not None:
            found[f"{_stem(branch.name, _OSTIA)}_ostium"] = place
        if _daughters_at_end(tree, branch):
            found[f"{_stem(branch.name, _BIFURCATIONS)}_bifurcation"] = _triple(tree.points[branch.indices[-1]])
    inlet = next(patch for patch in model.patches if patch.kind == "inlet")
    if inlet.name == _VALVE and volume is not None:
        try:
            found |= _valve(model, inlet.id, volume)
        except ImagingError as error:
            notes.append(f"The hinge points were not proposed. {error.message}")
    return found, tuple(notes)


def ostium_of(tree: CenterlineTree, branch: Branch) -> Place | None:
    """Where a branch leaves its parent: the first place of its centerline outside the parent's inscribed balls; none
    for a branch that a vessel divides into."""
    if branch.parent is None or branch in _daughters_at_end(tree, tree.branch(branch.parent)):
        return None
    parent = np.asarray(tree.branch(branch.parent).indices)
    line = tree.points[np.asarray(branch.indices)]
    away = np.linalg.norm(line[:, None] - tree.points[parent], axis=2)
    depth = (away - tree.radius_mm[parent]).min(axis=1)
    outside = np.flatnonzero(depth > 0.0)
    if len(outside) == 0 or outside[0] == 0:
        return None
    n = int(outside[0])
    part = depth[n - 1] / (depth[n - 1] - depth[n])
    return _triple(line[n - 1] + part * (line[n] - line[n - 1]))


def _daughters_at_end(tree: CenterlineTree, branch: Branch) -> list[Branch]:
    """The vessels into which a vessel divides at its end: two or more, or none."""
    end = tree.points[branch.indices[-1]]
    reach = _AT_END_RADII * float(tree.radius_mm[branch.indices[-1]])
    daughters = [other for other in tree.branches if other.parent == branch.name]
    found = [d for d in daughters if float(np.linalg.norm(tree.points[d.indices[0]] - end)) <= reach]
    return found if len(found) >= 2 else []


def _valve(model: VesselModel, inlet_id: int, volume: Volume) -> dict[str, Place]:
    tree = model.centerlines
    root = next(branch for branch in tree.branches if branch.parent is None)
    line = tree.points[np.asarray(root.indices)]
    radius = tree.radius_mm[np.asarray(root.indices)]
    center = np.asarray(model.extension_start_mm[inlet_id])
    at = int(np.linalg.norm(line - center, axis=1).argmin())
    inlet = next(patch for patch in model.patches if patch.id == inlet_id)
    normal = -np.asarray(inlet.normal)
    reach = (_REACH_RADII[0] * float(radius[at]), _REACH_RADII[1] * float(radius[at]))
    edge = lumen_outline(volume, center, normal, reach)
    middle = centroid_mm(edge)
    sinuses = lumen_outline(volume, middle + _SINUS_ABOVE_MM * normal, normal, (reach[0], 1.3 * reach[1]))
    ways = _lobes(sinuses)
    order = max(
        permutations(range(3)),
        key=lambda chosen: sum(float(ways[n, :2] @ cusp) for n, cusp in zip(chosen, _CUSPS, strict=True)),
    )
    found = {name: _edge_toward(edge, middle, ways[n]) for name, n in zip(HINGES, order, strict=True)}
    levels = root_measures(volume, found).levels_mm
    if "junction" in levels:
        found["sinotubular_junction"] = levels["junction"]
    return found


def _lobes(outline: Outline) -> FloatArray:
    """Unit vectors (3, 3) toward the three lobes of an outline: the maxima of the third harmonic of its radius."""
    u, v = plane_axes(outline.normal)
    away = outline.start - centroid_mm(outline)
    angle = np.arctan2(away @ v, away @ u)
    weight = np.abs(np.angle(np.exp(1j * (np.roll(angle, -1) - np.roll(angle, 1)))))
    harmonic = (weight * np.linalg.norm(away, axis=1) * np.exp(-3j * angle)).sum()
    at = (-np.angle(harmonic) + 2.0 * np.pi * np.arange(3)) / 3.0
    return np.cos(at)[:, None] * u + np.sin(at)[:, None] * v


def _edge_toward(outline: Outline, middle: FloatArray, way: FloatArray) -> Place:
    away = outline.start - middle
    n = int((away @ way / np.linalg.norm(away, axis=1)).argmax())
    return _triple(outline.start[n])


def _stem(name: str, said: dict[str, str]) -> str:
    plain = name.removesuffix("_artery")
    return said.get(plain, plain)


def _triple(place: FloatArray) -> Place:
    return float(place[0]), float(place[1]), float(place[2])
