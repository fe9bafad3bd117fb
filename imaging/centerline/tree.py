"""From one line per end to a tree of vessels: where lines part, which vessel goes on, what each is called."""

from __future__ import annotations

import itertools
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

    ``first`` and ``last`` are the indices in the path of the vessel's own points; ``departure`` is the index in the
    parent's path where it leaves (-1 at the root).
    """

    path: int
    first: int
    last: int
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
    (integral of the squared inscribed radius along the path), so that an aorta stays the aorta. Where the label changes
    at a parting, the vessel ends there and all that go on are its daughters, as from a left main coronary artery.
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
        own = np.arange(n, n + vessel.last + 1 - vessel.first)
        offset[number] = n - vessel.first
        parent = None
        indices = own.tolist()
        if vessel.parent is not None:
            parent = names[vessel.parent]
            indices = [_index_in(vessels, vessel.parent, vessel.departure, offset), *indices]
        branches.append(Branch(names[number], tuple(int(i) for i in indices), parent))
        points.append(path.points[vessel.first : vessel.last + 1])
        radii.append(path.radius_mm[vessel.first : vessel.last + 1])
        n += len(own)
    return CenterlineTree(np.concatenate(points), np.concatenate(radii), tuple(branches))


def _index_in(vessels: Sequence[Vessel], number: int, path_index: int, offset: dict[int, int]) -> int:
    # A departure can lie upstream of the parent's own first point when two vessels leave at one place.
    return offset[number] + int(np.clip(path_index, vessels[number].first, vessels[number].last))


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
    """Make a vessel of the main path of a group that runs together, and go on with the groups that leave it."""
    main = _main_path(paths, first)
    path = paths[main]
    left = {number: parting(path, paths[number]) for number in first if number != main}
    last = _label_change(path, first[main], sorted({at for at, _ in left.values()}))
    here = len(vessels)
    vessels.append(Vessel(main, first[main], last, parent, departure))
    if last < len(path.points) - 1:
        onward = {main: last + 1}
        for number in [number for number, (at, _) in left.items() if at > last]:
            onward[number] = _index_beside(paths[number], path.points[last]) + 1
            del left[number]
        _split(paths, onward, here, last, vessels)
    while left:
        # Everything that leaves together with the path that leaves first of the remaining ones.
        lead = min(left, key=lambda number: left[number][0])
        group = {lead: left[lead][1] + 1}
        for number in left:
            if number != lead and _leave_together(path, paths[lead], paths[number]):
                group[number] = left[number][1] + 1
        at = left[lead][0]
        for number in group:
            del left[number]
        _split(paths, group, here, at, vessels)


def _main_path(paths: Sequence[Path], first: dict[int, int]) -> int:
    volumes = {number: _volumes(paths[number], start) for number, start in first.items()}
    best = max(own for own, _ in volumes.values())
    return max(volumes, key=lambda number: (volumes[number][0] >= 0.9 * best, volumes[number][1]))


def _volumes(path: Path, first: int) -> tuple[float, float]:
    """Volume (up to a factor) that carries the label of the beginning, and volume in all."""
    label = _majority(path.label[first : first + 5])
    squared = path.radius_mm[first:] ** 2
    return float(squared[path.label[first:] == label].sum()), float(squared.sum())


def _label_change(path: Path, first: int, partings: list[int]) -> int:
    """Index of the first parting behind which the path carries another label, else of its last point."""
    stops = [*partings, len(path.points) - 1]
    label = _majority(path.label[first : max(stops[0], first) + 1])
    for start, stop in itertools.pairwise(stops):
        behind = path.label[start + 1 : stop + 1]
        if start >= first and len(behind) and _majority(behind) != label:
            return start
    return len(path.points) - 1


def _majority(labels: IntArray) -> int:
    return int(Counter(labels.tolist()).most_common(1)[0][0])


def _leave_together(main: Path, a: Path, b: Path) -> bool:
    """Whether two paths part from each other only outside the tube that is inscribed in the main path's vessel."""
    _, shared = parting(a, b)
    place = b.points[shared]
    beside = _index_beside(main, place)
    return float(np.linalg.norm(place - main.points[beside])) > float(main.radius_mm[beside])


def _index_beside(path: Path, position: FloatArray) -> int:
    return int(((path.points - position) ** 2).sum(axis=1).argmin())


def _names(paths: Sequence[Path], vessels: Sequence[Vessel], label_names: dict[int, str]) -> list[str]:
    """A label's name goes to the first vessel that carries it most, in a tree with one label to none; others are called
    by their end, and what is left over by number."""
    majority = [_majority(paths[v.path].label[v.first : v.last + 1]) for v in vessels]
    several = len(set(majority)) > 1 or len(vessels) == 1
    names: list[str] = []
    for vessel, label in zip(vessels, majority, strict=True):
        wished = label_names.get(label, "") if several else ""
        end_name = paths[vessel.path].end_name
        name = next((n for n in (wished, end_name) if n and n not in names), f"{end_name}_{len(names) + 1}")
        names.append(name)
    return names
