"""Where and how an open end is cut: flat, across the centerline, as near to its point as the section is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.centerline.curves import arc_length
from imaging.centerline.tree import Path
from imaging.errors import ImagingError
from imaging.surface.checks import position_text
from imaging.surface.lumen_field import LumenField
from imaging.surface.sections import Section, section
from imaging.types import FloatArray, VesselEnd

_LOOK_BEYOND_VOXELS = 1.0
_WHOLE = 0.8
_MAX_RETREAT_RADII = 3.0
_TANGENT_RADII = 0.75
_TANGENT_DEPTHS_RADII = (0.0, 0.5, 1.0)
_WINDOW_RADII = 6.0
_CENTROIDS = 5
_CENTROID_STEP_RADII = 0.4
_LEAST_AGREEMENT = 0.8
_TUBULAR = 0.75
_GIVEN_RETREAT_VOXELS = 3.0


@dataclass(frozen=True, eq=False)
class CutPlane:
    """A cut: its place on the path (index from the inlet), center and unit normal that points out of the model."""

    end: VesselEnd
    path_index: int
    center_mm: FloatArray
    normal: FloatArray
    radius_mm: float


def cut_plane(field: LumenField, paths: Sequence[Path], number: int, end: VesselEnd, voxel_mm: float) -> CutPlane:
    """The cut for one end of the tree.

    A label that ends flat gives a wall that is rounded there within a voxel or two; the cut retreats from the wished
    position, at most three radii, until the lumen goes on behind most of the section. The plane is across the
    centerline there or, where its last piece bends aside, across it half a radius or a radius deeper. An end that comes
    with a plane is cut in it; the cut then retreats along its normal, at most three voxels.

    Parameters
    ----------
    paths : sequence of Path
        All lines from the inlet.
    number : int
        The line that leads to this end (for the inlet, any).
    voxel_mm : float
        Largest voxel spacing of the label.

    Raises
    ------
    ImagingError
        ``end_near_junction``: the section there holds another vessel, or none is whole within reach.
    """
    if end.normal is not None:
        return _given_plane(field, paths, number, end, voxel_mm)
    path = paths[number]
    is_inlet = end.kind == "inlet"
    start = int(((path.points - np.asarray(end.position_mm)) ** 2).sum(axis=1).argmin())
    inward = 1 if is_inlet else -1
    length = arc_length(path.points)
    reach = _MAX_RETREAT_RADII * _typical_radius(path, start) + 2.0 * voxel_mm
    index = start
    while 0 <= index < len(path.points) and abs(length[index] - length[start]) <= reach:
        radius = _typical_radius(path, index)
        window = max(_WINDOW_RADII * radius, 6.0 * voxel_mm)
        for deeper in _TANGENT_DEPTHS_RADII:
            beside = _index_at(length, length[index] + inward * deeper * radius)
            along_path = -inward * _tangent(path, length, beside)
            normal = _along_centroids(field, path.points[index], along_path, window, radius)
            found = _whole_section(field, path.points[index], normal, window)
            if found is None or not _goes_on(field, found, normal, voxel_mm):
                continue
            if not found.is_complete or _holds_other_vessel(found, paths, number, index, is_inlet):
                raise _near_junction(end)
            return CutPlane(end, index, found.center_mm, normal, found.radius_mm)
        index += inward
    raise _not_tubular(end)


def _given_plane(field: LumenField, paths: Sequence[Path], number: int, end: VesselEnd, voxel_mm: float) -> CutPlane:
    path, normal = paths[number], np.asarray(end.normal)
    offset = path.points - np.asarray(end.position_mm)
    away = np.linalg.norm(offset, axis=1)
    radius = _typical_radius(path, int(away.argmin()))
    near = np.flatnonzero(away <= away.min() + 2.0 * radius + _GIVEN_RETREAT_VOXELS * voxel_mm)
    for retreat in np.arange(0.0, _GIVEN_RETREAT_VOXELS + 0.1, 0.25) * voxel_mm:
        height = offset[near] @ normal + retreat
        nearest = int(np.abs(height).argmin())
        index = int(near[nearest])
        center = path.points[index] - height[nearest] * normal
        found = _whole_section(field, center, normal, max(_WINDOW_RADII * radius, 6.0 * voxel_mm))
        if found is None or not _goes_on(field, found, normal, voxel_mm):
            continue
        if not found.is_complete or _holds_other_vessel(found, paths, number, index, end.kind == "inlet"):
            raise _near_junction(end)
        return CutPlane(end, index, found.center_mm, normal, found.radius_mm)
    raise _not_tubular(end)


def _whole_section(field: LumenField, center_mm: FloatArray, normal: FloatArray, window_mm: float) -> Section | None:
    found = section(field, center_mm, normal, window_mm)
    if found is not None and not found.is_complete:
        return section(field, center_mm, normal, 2.0 * window_mm)
    return found


def _along_centroids(
    field: LumenField, center_mm: FloatArray, normal: FloatArray, window_mm: float, radius_mm: float
) -> FloatArray:
    """The direction of the line through the centroids of five sections one after the other toward the inside.

    Near the rounded end of a label the centerline turns aside; the centroids of parallel sections, even oblique ones,
    stay on the axis of a tube. Where the sections are not those of a tube, as in the aortic root, the given direction
    stands.
    """
    centroids, areas = [], []
    center = center_mm
    for _ in range(_CENTROIDS):
        found = section(field, center, normal, window_mm)
        if found is None or not found.is_complete:
            return normal
        centroids.append(found.center_mm)
        areas.append(found.area_mm2)
        center = found.center_mm - _CENTROID_STEP_RADII * radius_mm * normal
    if min(areas) < _TUBULAR * max(areas):
        return normal
    offsets = np.asarray(centroids) - np.mean(centroids, axis=0)
    axis: FloatArray = np.linalg.svd(offsets)[2][0]
    axis = axis * np.sign(axis @ normal)
    return axis if axis @ normal > _LEAST_AGREEMENT else normal


def _typical_radius(path: Path, index: int) -> float:
    near = path.radius_mm[max(0, index - 40) : index + 41]
    return float(np.median(near))


def _tangent(path: Path, length: FloatArray, index: int) -> FloatArray:
    reach = _TANGENT_RADII * _typical_radius(path, index)
    near = np.flatnonzero(np.abs(length - length[index]) <= reach)
    first, last = max(int(near[0]), 0), min(int(near[-1]), len(length) - 1)
    if last == first:
        first, last = max(0, index - 1), min(len(length) - 1, index + 1)
    chord = path.points[last] - path.points[first]
    unit: FloatArray = chord / np.linalg.norm(chord)
    return unit


def _index_at(length: FloatArray, at_mm: float) -> int:
    return int(np.clip(np.searchsorted(length, at_mm), 0, len(length) - 1))


def _goes_on(field: LumenField, found: Section, normal: FloatArray, voxel_mm: float) -> bool:
    beyond = field.sample(found.samples + _LOOK_BEYOND_VOXELS * voxel_mm * normal) > 0.5
    return float(beyond.mean()) >= _WHOLE


def _holds_other_vessel(found: Section, paths: Sequence[Path], number: int, index: int, is_inlet: bool) -> bool:
    """Whether the section is also crossed by a line that has parted from its own, or by its own elsewhere."""
    spread = np.sqrt(((found.samples - found.center_mm) ** 2).sum(axis=1).max())
    own = paths[number]
    normal = own.points[min(index + 1, len(own.points) - 1)] - own.points[max(index - 1, 0)]
    normal /= np.linalg.norm(normal)
    for other, path in enumerate(paths):
        height = (path.points - found.center_mm) @ normal
        crossing = np.flatnonzero(np.sign(height[:-1]) != np.sign(height[1:]))
        for at in crossing:
            point = path.points[at]
            if np.linalg.norm(point - found.center_mm) > spread + 1e-6:
                continue
            inside = np.sqrt(((found.samples - point) ** 2).sum(axis=1).min()) < 0.75 * path.radius_mm[at]
            same = np.sqrt(((own.points[index] - point) ** 2).sum()) < own.radius_mm[index]
            if inside and not same and not (is_inlet and other == number):
                return True
    return False


def _not_tubular(end: VesselEnd) -> ImagingError:
    return ImagingError(
        "end_not_tubular",
        f"No whole cross-section was found near the end '{end.name}' at {position_text(end.position_mm)}: the vessel "
        "there is shorter than it is wide. Move this end inward to a straight piece of vessel, or extend the "
        "segmentation.",
        end.position_mm,
    )


def _near_junction(end: VesselEnd) -> ImagingError:
    return ImagingError(
        "end_near_junction",
        f"The end '{end.name}' at {position_text(end.position_mm)} is too close to a junction: a cut across the "
        "vessel there would also cut another vessel. Move this end further along its own vessel.",
        end.position_mm,
    )
