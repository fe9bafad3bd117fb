"""The part of a vessel that a plane across its centerline cuts alone: without junctions, ends and flow extensions."""

from __future__ import annotations

import numpy as np

from imaging.types import Branch, CenterlineTree, FloatArray, VesselModel

CLEAR_RADII = 1.25
"""A section stays so many local radii away from where another vessel departs and from the vessel's ends, because there
the plane cuts what belongs to both."""


def own_stretch(
    model: VesselModel, branch: Branch, points: FloatArray, s: FloatArray, radius: FloatArray
) -> tuple[float, float]:
    """From where to where [mm] along a branch a plane cuts this vessel alone: without its start, end and extensions.

    Parameters
    ----------
    points, s, radius
        Of the branch: positions (n, 3) in mm LPS, arc length (n,) and inscribed radius (n,) in mm.
    """
    low, high = CLEAR_RADII * float(radius[0]), float(s[-1]) - CLEAR_RADII * float(radius[-1])
    if branch.parent is not None:
        tree = model.centerlines
        parent = np.array(tree.branch(branch.parent).indices)
        nearest = int(np.argmin(np.linalg.norm(tree.points[parent] - points[0], axis=1)))
        low = CLEAR_RADII * (float(tree.radius_mm[parent][nearest]) + float(radius[0]))
    for start in model.extension_start_mm.values():
        distance = np.linalg.norm(points - np.asarray(start), axis=1)
        at = int(np.argmin(distance))
        if distance[at] > float(radius[at]):
            continue
        if s[at] < 0.5 * s[-1] and branch.parent is None:
            low = max(low, float(s[at]))
        elif s[at] >= 0.5 * s[-1]:
            high = min(high, float(s[at]))
    return low, high


def departures(tree: CenterlineTree, branch: Branch, s: FloatArray, radius: FloatArray) -> list[tuple[float, float]]:
    """Where daughters leave a branch [mm], and how far a section has to stay away from there [mm]."""
    points = tree.points[np.array(branch.indices)]
    found = []
    for daughter in tree.branches:
        if daughter.parent != branch.name:
            continue
        first = np.array(daughter.indices)
        at = int(np.argmin(np.linalg.norm(points - tree.points[first[0]], axis=1)))
        own = float(np.median(tree.radius_mm[first[len(first) // 2 :]]))
        found.append((float(s[at]), CLEAR_RADII * max(own, 0.5 * float(radius[at]))))
    return found
