"""The tree of a case's centerlines as vessels between junctions, and which vessel each outlet closes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.case.errors import CaseError
from app.workflow.units import M_PER_MM
from imaging.types import CenterlineTree, FloatArray, IntArray, Patch
from solvers.network.vessel_tree import VesselShape, VesselTree, vessel_tree

SHORTEST_MM = 0.5
"""Daughters that leave within this length leave at one junction."""
FARTHEST_RADII = 3.0
"""An outlet farther from the end of every vessel than this many of its radii closes none."""


@dataclass(frozen=True, eq=False)
class PatientTree:
    """The vessels in SI; by name the points of the centerline tree that each is made of, where these lie [m], and the
    radius of the spheres inscribed there [m]."""

    tree: VesselTree
    indices: Mapping[str, IntArray]
    points_m: Mapping[str, FloatArray] = field(default_factory=dict)
    inscribed_m: Mapping[str, FloatArray] = field(default_factory=dict)


def patient_tree(lines: CenterlineTree, radius_mm: FloatArray | None = None) -> PatientTree:
    """Vessels between junctions: a branch is cut where daughters leave, its parts are called ``aorta``, ``aorta.2``...

    Parameters
    ----------
    radius_mm : (n,)
        Of the lumen at the tree's points; that of the inscribed sphere if not given.

    Raises
    ------
    RunError
        ``bad_tree``.
    """
    lumen = lines.radius_mm if radius_mm is None else radius_mm
    cuts = {branch.name: _cuts(lines, branch.name) for branch in lines.branches}
    shapes, made = [], {}
    for branch in lines.branches:
        indices = np.asarray(branch.indices)
        abscissa = _abscissa(lines, indices)
        edges = [0, *cuts[branch.name], len(indices) - 1]
        parent = None
        if branch.parent is not None:
            parent = _part_at(lines, cuts, branch.parent, int(indices[0]))
        for part, (first, last) in enumerate(itertools.pairwise(edges)):
            name = branch.name if part == 0 else f"{branch.name}.{part + 1}"
            own = indices[first : last + 1]
            shapes.append(
                VesselShape(
                    name,
                    parent,
                    branch.name,
                    float(abscissa[first]) * M_PER_MM,
                    (abscissa[first : last + 1] - abscissa[first]) * M_PER_MM,
                    lumen[own] * M_PER_MM,
                )
            )
            made[name] = own
            parent = name
    points = {name: lines.points[own] * M_PER_MM for name, own in made.items()}
    inscribed = {name: lines.radius_mm[own] * M_PER_MM for name, own in made.items()}
    return PatientTree(vessel_tree(shapes), made, points, inscribed)


def vessels_of_outlets(patient: PatientTree, lines: CenterlineTree, outlets: tuple[Patch, ...]) -> tuple[str, ...]:
    """The vessel that each outlet closes: the one whose end lies nearest, never the one that stands in its place in a
    list.

    Raises
    ------
    CaseError
        ``bad_pair``: an outlet with no vessel near it, two on one vessel, a name that belongs to another vessel, or a
        vessel that ends without one.
    """
    ends = {name: lines.points[patient.indices[name][-1]] for name in patient.tree.ends}
    branch_of = {vessel.name: vessel.branch for vessel in patient.tree.vessels}
    found: list[str] = []
    for outlet in outlets:
        away = {name: float(np.linalg.norm(place - np.asarray(outlet.center_mm))) for name, place in ends.items()}
        nearest = min(away, key=lambda name: away[name])
        if away[nearest] > FARTHEST_RADII * max(outlet.radius_mm, 1.0):
            raise CaseError(
                "bad_pair",
                f"Outlet {outlet.name} closes no vessel: the nearest end, that of {branch_of[nearest]}, is "
                f"{away[nearest]:.0f} mm away. Build the model again.",
            )
        if nearest in found:
            other = outlets[found.index(nearest)].name
            raise CaseError(
                "bad_pair",
                f"The outlets {other} and {outlet.name} lie at the end of one vessel, {branch_of[nearest]}: build the "
                "model again.",
            )
        named = [name for name in ends if branch_of[name] == outlet.name]
        if named and named != [nearest]:
            raise CaseError(
                "bad_pair",
                f"Outlet {outlet.name} lies at the end of {branch_of[nearest]}, not of the vessel of its own name: "
                "correct the names of the openings.",
            )
        found.append(nearest)
    for name in ends:
        if name not in found:
            raise CaseError("bad_pair", f"The vessel {branch_of[name]} ends without an outlet: build the model again.")
    return tuple(found)


def _abscissa(lines: CenterlineTree, indices: IntArray) -> FloatArray:
    step = np.linalg.norm(np.diff(lines.points[indices], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(step)])


def _cuts(lines: CenterlineTree, name: str) -> list[int]:
    """Positions in a branch's points at which daughters leave, those within ``SHORTEST_MM`` as one."""
    indices = list(lines.branch(name).indices)
    abscissa = _abscissa(lines, np.asarray(indices))
    cuts: list[int] = []
    for at in sorted(_departure(indices, branch.indices[0]) for branch in lines.branches if branch.parent == name):
        at_end = abscissa[-1] - abscissa[at] < SHORTEST_MM
        if (
            not at_end
            and abscissa[at] >= SHORTEST_MM
            and (not cuts or abscissa[at] - abscissa[cuts[-1]] >= SHORTEST_MM)
        ):
            cuts.append(at)
    return cuts


def _departure(indices: list[int], point: int) -> int:
    return indices.index(point) if point in indices else 0


def _part_at(lines: CenterlineTree, cuts: Mapping[str, list[int]], parent: str, point: int) -> str:
    """The part of the parent from whose end a daughter leaves."""
    indices = np.asarray(lines.branch(parent).indices)
    abscissa = _abscissa(lines, indices)
    ends = [*cuts[parent], len(indices) - 1]
    place = abscissa[_departure(indices.tolist(), point)]
    part = int(np.argmin([abs(abscissa[end] - place) for end in ends]))
    return parent if part == 0 else f"{parent}.{part + 1}"
