"""Central lines from the inlet to every outlet: VMTK's, checked against our own minimal paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from imaging.centerline.minimal_path import depth_mm, minimal_paths
from imaging.centerline.vmtk_centerlines import vmtk_centerlines
from imaging.isolated import IsolatedError
from imaging.surface.lumen_field import LumenField
from imaging.surface.polydata import SignedDistance
from imaging.surface.remesh import RemeshError, remeshed
from imaging.types import FloatArray, IntArray, Progress

_VMTK_EDGE_RADII = 0.4
_ASIDE_RADII = 1.0
_ASIDE_PART = 0.05


@dataclass(frozen=True, eq=False)
class CentralLines:
    """One line (n, 3) in LPS mm from the inlet to each outlet, how they were found, and how far both methods differ."""

    lines: list[FloatArray]
    method: str
    note: str
    median_difference_mm: float


def central_lines(
    field: LumenField,
    points: FloatArray,
    triangles: IntArray,
    distance: SignedDistance,
    start_mm: FloatArray,
    ends_mm: list[FloatArray],
    step_mm: float,
    progress: Progress,
) -> CentralLines:
    """The lines, from VMTK when it works and agrees with the minimal paths, else the minimal paths.

    The two disagree when more than 5 % of a VMTK line lies outside the spheres inscribed along the minimal path, or
    when it leaves the lumen.

    Parameters
    ----------
    field : LumenField
    points, triangles, distance
        The closed wall and its signed distance.
    start_mm, ends_mm
        Inlet and outlet positions in the lumen.
    step_mm : float
        Distance between points of a line.

    Raises
    ------
    imaging.centerline.minimal_path.Disconnected
        When an outlet cannot be reached through the lumen.
    """
    progress(0.25, "Finding paths through the lumen")
    own = minimal_paths(field, depth_mm(field), start_mm, ends_mm, step_mm)
    progress(0.35, "Finding the centerlines")
    try:
        lines = _by_vmtk(points, triangles, distance, own, step_mm, progress)
    except (IsolatedError, RemeshError) as failure:
        note = f"Centerlines are minimal paths through the lumen, because VMTK failed ({failure})."
        return CentralLines(own, "minimal path", note, float("nan"))
    differences = [cKDTree(mine).query(line)[0] for mine, line in zip(own, lines, strict=True)]
    median = float(np.median(np.concatenate(differences)))
    for mine, line, difference in zip(own, lines, differences, strict=True):
        allowed = _ASIDE_RADII * np.maximum(-distance(mine), 0.0)[cKDTree(mine).query(line)[1]]
        if (difference > allowed).mean() > _ASIDE_PART or (distance(line) > 0).any():
            note = "Centerlines are minimal paths through the lumen, because VMTK's lines did not follow the lumen."
            return CentralLines(own, "minimal path", note, median)
    return CentralLines(lines, "VMTK", "Centerlines are VMTK's; minimal paths through the lumen agree.", median)


def _by_vmtk(
    points: FloatArray,
    triangles: IntArray,
    distance: SignedDistance,
    own: list[FloatArray],
    step_mm: float,
    progress: Progress,
) -> list[FloatArray]:
    centers = np.concatenate(own)
    radius = np.maximum(-distance(centers), step_mm)
    edge = _VMTK_EDGE_RADII * radius[cKDTree(centers).query(points)[1]]
    coarse_points, coarse_triangles = remeshed(points, triangles, edge, float(np.median(edge)) / 4.0)
    wall = cKDTree(coarse_points)
    source = int(wall.query(own[0][0])[1])
    targets = [int(wall.query(line[-1])[1]) for line in own]
    lines = vmtk_centerlines(coarse_points, coarse_triangles, source, targets, step_mm, progress)
    return [_completed(line, mine[0], mine[-1]) for line, mine in zip(lines, own, strict=True)]


def _completed(line: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """The line from ``start`` to ``end``: VMTK's begins and ends at the medial axis beside these."""
    first = int(np.linalg.norm(line - start, axis=1).argmin())
    last = int(np.linalg.norm(line - end, axis=1).argmin())
    return np.concatenate([start[None], line[first : last + 1], end[None]])
