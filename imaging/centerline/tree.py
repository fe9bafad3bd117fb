"""From one line per end to a tree of vessels: where lines part, which vessel goes on, what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from imaging.centerline.curves import resampled, smoothed
from imaging.types import Branch, CenterlineTree, FloatArray, IntArray

_PARTED_RADII = 0.5
_TOGETHER_RADII = 0.1
_SMOOTHING_RADII = 0.3


@dataclass(frozen=True, eq=False)
class Path:
    """The central line from the inlet to one end: points (n, 3) LPS mm, inscribed radius (n,), label value (n,)."""

    end_name: str
    points: FloatArray
    radius_mm: FloatArray
    label: IntArray


@dataclass(frozen=True, eq=False)
class Vessel:
    """A piece of one path that is a vessel of its own.

    ``first`` is the index in the path of the vessel's first own point; ``departure`` is the index in the parent's path
    where it leaves (-1 at the root).
    """

    path: int
    first: int
    parent: int | None
    departure: int


def prepare_path(
    end_name: str,
    line: FloatArray,
    step_mm: float,
    radius_at: Callable[[FloatArray], FloatArray],
    label_at: Callable[[FloatArray], IntArray],
) -> Path:
    """Resample and lightly smooth a line (Gaussian of 0.3 median radii) and measure radius and label along it."""
    line = resampled(line, step_mm)
    median = float(np.median(np.maximum(radius_at(line), 0.0)))
    line = resampled(smoothed(line, _SMOOTHING_RADII * median), step_mm)
    return Path(end_name, line, np.maximum(radius_at(line), 1e-3), label_at(line))


def vessels_of(paths: Sequence[Path]) -> tuple[Vessel, ...]:
    """Split paths that start together into vessels.

    At a parting the vessel that goes on is the one that keeps the label of its beginning over the largest volume
    (integral of the squared inscribed radius along the path), so that an aorta stays the aorta.
    """
    vessels: list[Vessel] = []
    _split(paths, dict.fromkeys(range(len(paths)), 0), None, -1, vessels)
    return tuple(vessels)


def tree_of(paths: Sequence[Path], vessels: Sequence[Vessel], label_names: dict[int, str]) -> CenterlineTree:
    """Join the vessels into one tree; a daughter's first point is the point of its parent where it departs."""
    names = _names(paths, vessels, label_names)
    points: list[FloatArray] = []
    radii: list[FloatArray] = []
    branches: list[Branch] = []
    offset: dict[int, int] = {}
    n = 0
    for number, vessel in enumerate(vessels):
        path = paths[vessel.path]
        own = np.arange(n, n + len(path.points) - vessel.first)
        offset[number] = n - vessel.first
        parent = None
        indices = own.tolist()
        if vessel.parent is not None:
            parent = names[vessel.parent]
            indices = [_index_in(vessels, vessel.parent, vessel.departure, offset), *indices]
        branches.append(Branch(names[number], tuple(int(i) for i in indices), parent))
        points.append(path.points[vessel.first :])
        radii.append(path.radius_mm[vessel.first :])
        n += len(own)
    return CenterlineTree(np.concatenate(points), np.concatenate(radii), tuple(branches))


def _index_in(vessels: Sequence[Vessel], number: int, path_index: int, offset: dict[int, int]) -> int:
    # A departure can lie upstream of the parent's own first point when two vessels leave at one place.
    return offset[number] + max(path_index, vessels[number].first)


def parting(a: Path, b: Path) -> tuple[int, int]:
    """Where ``b`` leaves ``a``: the last index in ``a`` and in ``b`` at which the two lines still run together."""
    found = cKDTree(a.points).query(b.points)
    distance, nearest = np.asarray(found[0]), np.asarray(found[1])
    relative = distance / a.radius_mm[nearest]
    apart = np.flatnonzero(relative > _PARTED_RADII)
    if len(apart) == 0:
        return len(a.points) - 1, len(b.points) - 1
    together = np.flatnonzero(relative[: apart[0]] <= _TOGETHER_RADII)
    last = int(together[-1]) if len(together) else 0
    return int(nearest[last]), last


def _split(
    paths: Sequence[Path], first: dict[int, int], parent: int | None, departure: int, vessels: list[Vessel]
) -> None:
    main = max(first, key=lambda number: _own_volume(paths[number], first[number]))
    here = len(vessels)
    vessels.append(Vessel(main, first[main], parent, departure))
    left = {number: parting(paths[main], paths[number]) for number in first if number != main}
    while left:
        # Everything that leaves together with the path that leaves first of the remaining ones.
        lead = min(left, key=lambda number: left[number][0])
        group = {lead: left[lead][1] + 1}
        for number in left:
            if number == lead:
                continue
            _, shared = parting(paths[lead], paths[number])
            margin = paths[number].radius_mm[left[number][1]] * _PARTED_RADII
            step = float(np.linalg.norm(np.diff(paths[number].points, axis=0), axis=1).mean())
            if shared > left[number][1] + margin / step:
                group[number] = left[number][1] + 1
        at = left[lead][0]
        for number in group:
            del left[number]
        _split(paths, group, here, at, vessels)


def _own_volume(path: Path, first: int) -> float:
    start = path.label[first : first + 5]
    label = Counter(start.tolist()).most_common(1)[0][0] if len(start) else 0
    keep = path.label[first:] == label
    return float((path.radius_mm[first:] ** 2 * keep).sum())


def _names(paths: Sequence[Path], vessels: Sequence[Vessel], label_names: dict[int, str]) -> list[str]:
    majority = [Counter(paths[v.path].label[v.first :].tolist()).most_common(1)[0][0] for v in vessels]
    names = []
    for vessel, label in zip(vessels, majority, strict=True):
        unique = majority.count(label) == 1 and label in label_names
        names.append(label_names[label] if unique else paths[vessel.path].end_name)
    if len(set(names)) < len(names):
        return [paths[vessel.path].end_name for vessel in vessels]
    return names
