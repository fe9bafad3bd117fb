"""Whether a growth has leaked, where its neck is, and which barrier would close it.

A grown mask is divided into the catchments of its deepest places; catchments between which the neck is nearly as deep
as the shallower one are one body. From the body that holds the seeds, another body behind a neck is taken for a leak

- when it is much wider than the vessel at the neck (a chamber, a bone, an organ), or
- when it is a tube that runs past the neck to both sides (a vein or artery that touches).

A stenosis is a neck as well, but the vessel goes on straight behind it, as wide as before: no leak. The front of the
growth (surfaces of equal geodesic distance from the seeds) is watched beside that for its figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.editing.operation import Mask, bounds_of, box_of
from imaging.segmentation.neck_watershed import necks_between
from imaging.types import FloatArray, IntArray

SAME_BODY = 0.8
"""Two catchments are one body when the neck is at least this deep compared with the shallower one. Assumption."""
WIDER = 1.5
"""A body this much wider than the vessel at the neck is no vessel of the same tree. Assumption."""
WINDOW_RADII, BOTH_WAYS_RADII = 4.0, 2.0
"""How far around the neck a body's course is looked at, and how far it must run past the neck either way."""
ELONGATED = 2.0
"""Ratio of the first two principal variances above which a body has a course."""
LEAST_VOLUME_RADII = 6.0
"""Smaller bodies, in cubes of their inscribed radius, are bulges, not leaks (a ball has 4.2)."""
LEAST_SHARE = 0.02
"""Smaller bodies, as a share of all that was grown, are not worth a sentence. Assumption."""
LEAST_DEPTH_VOXELS = 1.5
MOST_VOXELS = 8_000_000
"""Larger boxes are examined at half the resolution."""


@dataclass(frozen=True)
class Neck:
    """Where a growth has left the vessel.

    Attributes
    ----------
    center, normal : (3,)
        In mm along the axes k, j, i of the mask's box; the normal points out of the vessel.
    radius_mm
        Of the smallest disk around the center that covers the neck.
    neck_mm, vessel_mm, behind_mm
        Radius of the largest ball in the neck, in the vessel beside it, and in the body behind it.
    behind_ml
        Volume behind the neck.
    """

    center: FloatArray
    normal: FloatArray
    radius_mm: float
    neck_mm: float
    vessel_mm: float
    behind_mm: float
    behind_ml: float
    is_wider: bool


@dataclass(frozen=True)
class FrontWatch:
    """How a growth went, by geodesic distance from its seeds in steps of ``step_mm``.

    ``volume_ml`` and ``surface_per_volume_mm`` (1/mm) are those of all within the distance, ``radius_mm`` that of a
    circle with the area of the largest connected piece of the front.
    """

    step_mm: float
    volume_ml: FloatArray
    surface_per_volume_mm: FloatArray
    radius_mm: FloatArray

    @property
    def largest_jump(self) -> tuple[float, float]:
        """The largest ratio of the front's radius to its median over the five steps before, and its distance in mm."""
        radius = self.radius_mm
        if len(radius) < 7:
            return 1.0, 0.0
        ratios = [radius[n] / max(float(np.median(radius[n - 5 : n])), 1e-6) for n in range(6, len(radius))]
        at = int(np.argmax(ratios))
        return float(ratios[at]), (at + 6.5) * self.step_mm


def watch_front(mask: Mask, seeds: IntArray, spacing_kji: FloatArray) -> FrontWatch:
    """Follow a growth from its seeds (n, 3; k, j, i) through ``mask`` (k, j, i)."""
    import SimpleITK as sitk
    from skimage.measure import label

    speed = sitk.GetImageFromArray(mask.astype(np.float32))
    speed.SetSpacing(tuple(float(s) for s in spacing_kji[::-1]))
    trials = [tuple(int(x) for x in seed[::-1]) for seed in seeds]
    time = sitk.GetArrayFromImage(sitk.FastMarching(speed, trialPoints=trials, stoppingValue=1e6))
    step = 1.5 * float(np.mean(spacing_kji))
    reached = mask & (time < 1e5)
    level = np.where(reached, np.where(reached, time, 0.0) / step + 1.0, 0.0).astype(np.int32)
    n = int(level.max()) + 1
    voxel = float(np.prod(spacing_kji))
    volume = np.asarray(np.cumsum(np.bincount(level.ravel(), minlength=n)[1:]) * voxel, dtype=float)
    surface: FloatArray = np.zeros(n)
    for axis, edge in enumerate(spacing_kji):
        area = voxel / float(edge)
        there = np.diff(np.pad(mask, [(1, 1) if a == axis else (0, 0) for a in range(3)]).astype(np.int8), axis=axis)
        shape = mask.shape[axis]
        sides = np.abs(there.take(range(shape), axis=axis)) + np.abs(there.take(range(1, shape + 1), axis=axis))
        surface += area * np.bincount(level.ravel(), weights=(sides * mask).ravel(), minlength=n)
    pieces = label(level, connectivity=3)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    piece_level = np.zeros(len(sizes), dtype=np.int64)
    piece_level[pieces.ravel()] = level.ravel()
    largest = np.zeros(n)
    np.maximum.at(largest, piece_level, sizes)
    radius: FloatArray = np.sqrt(largest[1:] * voxel / step / np.pi)
    return FrontWatch(step, volume / 1000.0, np.cumsum(surface[1:]).astype(float) / np.maximum(volume, voxel), radius)


def find_necks(mask: Mask, seeds: IntArray, spacing_kji: FloatArray) -> list[Neck]:
    """The necks through which a growth from ``seeds`` (n, 3; k, j, i) has left its vessel, the largest leak first.

    Parameters
    ----------
    mask : (k, j, i)
        What was grown.
    spacing_kji : (3,)
        Voxel size in mm along the axes of the mask.
    """
    bounds = bounds_of(mask)
    if bounds is None:
        return []
    factor = 2 if np.prod(bounds[1] - bounds[0]) > MOST_VOXELS else 1
    box = box_of(bounds[0] - bounds[0] % factor, bounds[1])
    first = np.array([s.start for s in box])
    part = np.pad(mask[box][::factor, ::factor, ::factor], 1)
    spacing = spacing_kji * factor
    bodies = _Bodies(part, spacing)
    inner = np.clip((seeds - first) // factor + 1, 0, np.asarray(part.shape) - 1)
    necks = sorted(bodies.leaks(inner), key=lambda neck: -neck.behind_ml)
    offset = (first - factor) * spacing_kji
    return [Neck(**{**vars(neck), "center": neck.center + offset}) for neck in necks]


class _Bodies:
    """The bodies of a mask and the necks between them; positions in mm along k, j, i from the first voxel."""

    def __init__(self, mask: Mask, spacing: FloatArray) -> None:
        from scipy import ndimage
        from skimage.segmentation import watershed

        self.spacing = spacing
        self.depth: FloatArray = ndimage.distance_transform_edt(mask, sampling=spacing)
        calm = ndimage.gaussian_filter(self.depth, 0.7) * mask
        peaks, _ = ndimage.label((ndimage.maximum_filter(calm, 5) == calm) & mask, np.ones((3, 3, 3)))
        catchment = watershed(-calm, peaks, mask=mask)
        self.n = int(catchment.max()) + 1
        self.body = self._joined(catchment, calm)
        self.near, self.axis, self.pair = self._faces()
        self.volume = np.bincount(self.body.ravel(), minlength=self.n) * float(np.prod(spacing))
        self.radius = np.zeros(self.n)
        np.maximum.at(self.radius, self.body[mask], self.depth[mask])

    def _joined(self, catchment: NDArray[np.int32], depth: FloatArray) -> NDArray[np.int32]:
        group = np.arange(self.n)
        peak = np.zeros(self.n)
        np.maximum.at(peak, catchment.ravel(), depth.ravel())

        def leader(member: int) -> int:
            while group[member] != member:
                group[member] = group[group[member]]
                member = int(group[member])
            return member

        self.links: dict[int, set[int]] = {}
        open_links = []
        for a, b, neck in zip(*necks_between(catchment, depth, self.n), strict=True):
            one, other = leader(int(a)), leader(int(b))
            if one != other and neck >= SAME_BODY * min(peak[one], peak[other]):
                keeper, joined = min(one, other), max(one, other)
                group[joined] = keeper
                peak[keeper] = max(peak[keeper], peak[joined])
            else:
                open_links.append((int(a), int(b)))
        for a, b in open_links:
            one, other = leader(a), leader(b)
            if one != other:
                self.links.setdefault(one, set()).add(other)
                self.links.setdefault(other, set()).add(one)
        return np.array([leader(member) for member in range(self.n)], dtype=np.int32)[catchment]

    def _faces(self) -> tuple[IntArray, IntArray, IntArray]:
        """The faces at which bodies touch, sorted by pair: lower voxel (n, 3), axis across, pair of bodies."""
        voxels, axes, pairs = [], [], []
        for axis in range(3):
            here = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
            there = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
            a, b = self.body[here], self.body[there]
            found = np.argwhere((a != b) & (a > 0) & (b > 0))
            one, other = a[tuple(found.T)].astype(np.int64), b[tuple(found.T)].astype(np.int64)
            voxels.append(found)
            axes.append(np.full(len(found), axis))
            pairs.append(np.minimum(one, other) * self.n + np.maximum(one, other))
        pair = np.concatenate(pairs)
        order = np.argsort(pair, kind="stable")
        return np.concatenate(voxels)[order], np.concatenate(axes)[order], pair[order]

    def leaks(self, seeds: IntArray) -> Iterator[Neck]:
        """The necks behind which no vessel of the seeds goes on."""
        ours = {int(value) for value in self.body[tuple(seeds.T)] if value}
        waiting = list(ours)
        refused: set[int] = set()
        while waiting:
            inside = waiting.pop()
            for outside in sorted(self.links.get(inside, ())):
                if outside in ours:
                    continue
                found = [neck for neck in self._necks(inside, outside, ours) if self._is_leak(neck, inside, outside)]
                yield from found
                if found:
                    refused.add(outside)
                elif outside not in refused:
                    ours.add(outside)
                    waiting.append(outside)

    def _necks(self, inside: int, outside: int, ours: set[int]) -> Iterator[Neck]:
        """The patches at which two bodies touch."""
        from scipy import ndimage

        one, other = min(inside, outside), max(inside, outside)
        rows = slice(*np.searchsorted(self.pair, [one * self.n + other, one * self.n + other + 1]))
        near, far, axis = self.near[rows], self.near[rows].copy(), self.axis[rows]
        far[np.arange(len(far)), axis] += 1
        sign = np.where(self.body[tuple(near.T)] == inside, 1.0, -1.0)
        low = near.min(axis=0)
        touch = np.zeros(far.max(axis=0) - low + 1, dtype=bool)
        for voxels in (near, far):
            touch[tuple((voxels - low).T)] = True
        patches, n = ndimage.label(touch, np.ones((3, 3, 3), dtype=int))
        patch_of_face = patches[tuple((near - low).T)]
        face_area = float(np.prod(self.spacing)) / self.spacing
        for value in range(1, n + 1):
            index = np.argwhere(patches == value) + low
            place = index * self.spacing
            faces = patch_of_face == value
            direction = np.bincount(axis[faces], sign[faces] * face_area[axis[faces]], minlength=3)
            length = float(np.linalg.norm(direction))
            if length == 0.0:
                continue
            direction = direction / length
            depth = self.depth[tuple(index.T)]
            center = np.average(place, axis=0, weights=depth)
            off = place - center
            across = np.linalg.norm(off - (off @ direction)[:, None] * direction, axis=1)
            yield Neck(
                center=center,
                normal=direction,
                radius_mm=float(across.max() + np.linalg.norm(self.spacing)),
                neck_mm=float(depth.max()),
                vessel_mm=self._radius_near(inside, center, float(self.radius[outside])),
                behind_mm=self._radius_near(outside, center, 0.0),
                behind_ml=self._volume_behind(outside, ours) / 1000.0,
                is_wider=False,
            )

    def _is_leak(self, neck: Neck, inside: int, outside: int) -> bool:
        radius = neck.behind_mm
        if radius < LEAST_DEPTH_VOXELS * float(self.spacing.min()):
            return False
        if neck.behind_ml * 1000.0 < max(LEAST_VOLUME_RADII * radius**3, LEAST_SHARE * float(self.volume[1:].sum())):
            return False
        if self.radius[outside] >= WIDER * neck.vessel_mm and neck.neck_mm < 0.7 * self.radius[outside]:
            object.__setattr__(neck, "is_wider", True)
            return True
        if neck.neck_mm >= SAME_BODY * min(radius, neck.vessel_mm):
            return False
        return self._runs_past(outside, neck, radius)

    def _runs_past(self, body: int, neck: Neck, radius: float) -> bool:
        """Whether a body is a tube that runs past the neck to both sides, across the way through the neck."""
        voxels, _ = self._around(body, neck.center, WINDOW_RADII * radius)
        if len(voxels) < 8:
            return False
        values, vectors = np.linalg.eigh(np.cov((voxels - voxels.mean(axis=0)).T))
        if values[2] < ELONGATED * values[1]:
            return False
        axis = vectors[:, 2]
        along = (voxels - neck.center) @ axis
        crosses = abs(float(axis @ neck.normal)) < np.cos(np.deg2rad(45.0))
        reach = BOTH_WAYS_RADII * radius
        return crosses and float(along.min()) < -reach and float(along.max()) > reach

    def _radius_near(self, body: int, center: FloatArray, other_mm: float) -> float:
        """The deepest place of a body near a place."""
        reach = 2.5 * max(other_mm, float(self.spacing.max()))
        while True:
            _, depth = self._around(body, center, reach)
            deepest = float(depth.max()) if len(depth) else 0.0
            if deepest > 0.0 and reach >= 3.0 * deepest:
                return deepest
            if reach > float(np.max(np.asarray(self.body.shape) * self.spacing)):
                return max(deepest, float(self.spacing.min()))
            reach *= 1.5

    def _around(self, body: int, center: FloatArray, reach_mm: float) -> tuple[FloatArray, FloatArray]:
        """Voxels (n, 3; mm) of a body within a distance of a place, and their depths."""
        shape = np.asarray(self.body.shape)
        low = np.clip(np.floor((center - reach_mm) / self.spacing).astype(int), 0, shape - 1)
        high = np.clip(np.ceil((center + reach_mm) / self.spacing).astype(int) + 1, low + 1, shape)
        box = box_of(low, high)
        index = np.argwhere(self.body[box] == body)
        depth = self.depth[box][tuple(index.T)]
        voxels = (index + low) * self.spacing
        near = np.linalg.norm(voxels - center, axis=1) <= reach_mm
        return voxels[near], depth[near]

    def _volume_behind(self, outside: int, ours: set[int]) -> float:
        """Volume in mm3 of a body and of all that hangs on it."""
        seen, waiting = {outside}, [outside]
        while waiting:
            for further in self.links.get(waiting.pop(), ()):
                if further not in seen and further not in ours:
                    seen.add(further)
                    waiting.append(further)
        return float(self.volume[list(seen)].sum())
