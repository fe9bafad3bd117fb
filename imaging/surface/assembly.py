"""The parts of a model put together: extended wall, caps, patches, and the centerlines that run through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.centerline.curves import arc_length
from imaging.centerline.tree import Path
from imaging.surface.caps import cap
from imaging.surface.cut_planes import CutPlane
from imaging.surface.topology import area_vectors, open_loops
from imaging.types import WALL_PATCH_ID, FloatArray, IntArray, Patch, Surface

_CENTERING_RADII = 1.5


@dataclass(frozen=True, eq=False)
class Opening:
    """One open end: where it was cut, and the center of the cap at the far end of its flow extension."""

    cut: CutPlane
    cap_center_mm: FloatArray


def closed_surface(
    points: FloatArray, triangles: IntArray, openings: Sequence[Opening]
) -> tuple[Surface, tuple[Patch, ...]]:
    """Close each open border with a flat cap and name the patches.

    Parameters
    ----------
    points, triangles
        The open wall.
    openings
        In patch order: the inlet becomes patch 2, the outlets 3, 4, ...

    Raises
    ------
    imaging.surface.caps.CapError
        When a border is too irregular.
    """
    loops = open_loops(triangles)
    patches = [Patch(WALL_PATCH_ID, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0)]
    all_points, all_triangles = [points], [triangles]
    patch_of = [np.full(len(triangles), WALL_PATCH_ID, np.int32)]
    n = len(points)
    for number, opening in enumerate(openings, start=WALL_PATCH_ID + 1):
        center = opening.cap_center_mm
        loop = min(loops, key=lambda ring: float(np.linalg.norm(points[ring].mean(axis=0) - center)))
        inner, local = cap(points[loop], opening.cut.normal)
        ids = np.concatenate([loop, n + np.arange(len(inner))])
        all_points.append(inner)
        all_triangles.append(ids[local])
        patch_of.append(np.full(len(local), number, np.int32))
        patches.append(_cap_patch(number, opening, np.concatenate([points[loop], inner]), local))
        n += len(inner)
    data = {"patch": np.concatenate(patch_of)}
    return Surface(np.concatenate(all_points), np.concatenate(all_triangles), {}, data), tuple(patches)


def _cap_patch(number: int, opening: Opening, points: FloatArray, triangles: IntArray) -> Patch:
    vectors = area_vectors(points, triangles)
    total = vectors.sum(axis=0)
    area = float(np.linalg.norm(total))
    weights = np.linalg.norm(vectors, axis=1)
    center = (points[triangles].mean(axis=1) * weights[:, None]).sum(axis=0) / weights.sum()
    end = opening.cut.end
    x, y, z = (float(c) for c in center)
    u, v, w = (float(c) for c in total / area)
    return Patch(number, end.name, end.kind, (x, y, z), (u, v, w), area, float(np.sqrt(area / np.pi)))


def lengthened_line(path: Path, inlet: Opening, outlet: Opening, step_mm: float) -> FloatArray:
    """A path cut at both ends, led into the centers of the two cuts, and continued straight to the caps."""
    line = path.points[inlet.cut.path_index : outlet.cut.path_index + 1]
    length = arc_length(line)
    line = line + _lead(length, inlet.cut, line[0]) + _lead(length[-1] - length, outlet.cut, line[-1])
    before = _straight(inlet.cap_center_mm, inlet.cut.center_mm, step_mm)
    after = _straight(outlet.cap_center_mm, outlet.cut.center_mm, step_mm)[::-1]
    return np.concatenate([before, line, after])


def _lead(distance: FloatArray, cut: CutPlane, end: FloatArray) -> FloatArray:
    t = np.clip(1.0 - distance / (_CENTERING_RADII * cut.radius_mm), 0.0, 1.0)
    weight = t * t * (3.0 - 2.0 * t)
    led: FloatArray = weight[:, None] * (cut.center_mm - end)
    return led


def _straight(start: FloatArray, stop: FloatArray, step_mm: float) -> FloatArray:
    """Points from ``start`` toward ``stop``, which is left out."""
    n = max(1, round(float(np.linalg.norm(stop - start)) / step_mm))
    return start + (np.arange(n) / n)[:, None] * (stop - start)
