"""The parent vessel of a sac as it would be without it: tubes along the centerlines, carried on below the sac.

After Ford et al. (2009, Br J Radiol 82:S55) and Piccinelli et al. (2009, IEEE TMI 28:1141), who take the medial axis
below the sac away and put a smooth one in its place; here the centerline is carried on by a cubic and the radius by a
straight line between the two places beside the sac, and what departs from the tubes is the sac.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.aneurysm.regions import regions_of
from imaging.centerline.curves import arc_length, direction_at, resampled, way_to
from imaging.errors import ImagingError
from imaging.types import CenterlineTree, FloatArray, IntArray, Surface

STEP_RADII = 0.15
"""Distance of two points of a line relative to the median radius."""
DEPARTED = 0.4
"""Distance from the tubes, by the median radius, from which a place of the wall belongs to a sac. Assumption: vessels'
sections are that far from round; the labeled surfaces of `angiotwin verify aneurysm_neck` show what comes of it."""
LEAST_SAC = 0.8
"""Height over the tubes, by the median radius, below which a bulge is no sac (assumption)."""
RIVAL = 0.5
"""Height of a second sac relative to the highest from which on a person must say which is meant (assumption)."""
_BLOWN_UP = 1.2
_BESIDE_RADII = 0.5
_ROUNDS = 3
_NEAREST = 60


@dataclass(frozen=True, eq=False)
class ParentVessel:
    """Tubes that stand for the vessel without its sac.

    Attributes
    ----------
    lines : tuple of (n, 3)
        From the inlet to the end of each vessel, mm LPS.
    radius_mm : tuple of (n,)
        Of the tube at each point.
    replaced : tuple of (n,) bool
        Where a line was put in the place of the centerline below the sac.
    dome : int
        The vertex of the surface that departs most from the tubes.
    departure_mm : (m,)
        Distance of each vertex of the surface from the tubes, negative within.
    is_sac : (m,) bool
        Vertices of the sac before any neck plane: those that depart by ``DEPARTED`` and hang together with the dome.
    """

    lines: tuple[FloatArray, ...]
    radius_mm: tuple[FloatArray, ...]
    replaced: tuple[NDArray[np.bool_], ...]
    dome: int
    departure_mm: FloatArray
    is_sac: NDArray[np.bool_]

    @property
    def typical_mm(self) -> float:
        """The median radius of all tubes."""
        return float(np.median(np.concatenate(self.radius_mm)))

    def beside(self, place_mm: FloatArray, reach_diameters: float = 1.5) -> Beside:
        """The parent vessel at a place, the neck's center, of the line that comes nearest.

        The diameter is the mean of what lies within so many diameters before and behind the replaced stretch, or
        within so many of the place where nothing was replaced.
        """
        line, radius, replaced = min(
            zip(self.lines, self.radius_mm, self.replaced, strict=True),
            key=lambda one: float(np.linalg.norm(one[0] - place_mm, axis=1).min()),
        )
        at = int(np.linalg.norm(line - place_mm, axis=1).argmin())
        low = high = at
        while low > 0 and replaced[low]:
            low -= 1
        while high < len(line) - 1 and replaced[high]:
            high += 1
        s = arc_length(line)
        reach = reach_diameters * 2.0 * float(radius[at])
        before = (s <= s[low]) & (s >= s[low] - reach)
        behind = (s >= s[high]) & (s <= s[high] + reach)
        sides = [float(radius[side].mean()) for side in (before, behind) if side.any()]
        flow, before_it = direction_at(line, at), direction_at(line, low)
        return Beside(2.0 * float(np.mean(sides)), flow, line[low], before_it, float(radius[low]))


@dataclass(frozen=True, eq=False)
class Beside:
    """The parent vessel at a neck.

    Attributes
    ----------
    diameter_mm
        Of the vessel without the sac.
    flow : (3,)
        Unit direction from the inlet on, at the neck.
    upstream_mm, upstream_flow, upstream_radius_mm
        Where the vessel is still itself before the neck: place (3,), unit direction (3,), radius.
    """

    diameter_mm: float
    flow: FloatArray
    upstream_mm: FloatArray
    upstream_flow: FloatArray
    upstream_radius_mm: float


def parent_vessel(
    surface: Surface, tree: CenterlineTree, sac_near_mm: tuple[float, float, float] | None = None
) -> ParentVessel:
    """Reconstruct the vessel without its sac.

    Parameters
    ----------
    surface : Surface
        The wall, open or closed.
    tree : CenterlineTree
        From the inlet to every end, with the radius of the inscribed sphere.
    sac_near_mm
        A place on or beside the sac that is meant; None takes the only one there is.

    Raises
    ------
    ImagingError
        ``no_sac``, ``several_sacs``, ``no_sac_there``.
    """
    lines, inner = _paths(tree)
    base = [_without_bulge(radius) for radius in inner]
    typical = float(np.median(np.concatenate(base)))
    departure = _departure(surface.points, lines, base)
    dome = _dome(surface, departure, typical, sac_near_mm, is_final=False)
    tubes, radii, replaced = lines, base, [np.zeros(len(line), bool) for line in lines]
    for _ in range(_ROUNDS):
        sac = _sac_of(surface.triangles, departure, typical, dome)
        border = surface.points[sac & (departure < typical)]
        below = [_below(border if len(border) else surface.points[sac], tube) for tube in tubes]
        found = [
            _carried_on(line, radius, low, high, _BESIDE_RADII * typical)
            for line, radius, (low, high) in zip(
                lines, inner, (_grown(b, r, s) for b, r, s in zip(below, inner, base, strict=True)), strict=True
            )
        ]
        tubes, radii, replaced = [f[0] for f in found], [f[1] for f in found], [f[2] for f in found]
        scale = _outer_by_inner(surface.points[~sac], tubes, radii, replaced)
        radii = [scale * radius for radius in radii]
        departure = _departure(surface.points, tubes, radii)
        typical = float(np.median(np.concatenate(radii)))
    dome = _dome(surface, departure, typical, sac_near_mm, is_final=True)
    sac = _sac_of(surface.triangles, departure, typical, dome)
    return ParentVessel(tuple(tubes), tuple(radii), tuple(replaced), dome, departure, sac)


def _paths(tree: CenterlineTree) -> tuple[list[FloatArray], list[FloatArray]]:
    """Lines from the inlet to the end of every branch, at even steps, and their inscribed radii."""
    step = STEP_RADII * float(np.median(tree.radius_mm))
    lines, radii = [], []
    for branch in tree.branches:
        indices = way_to(tree, branch.name)
        points = tree.points[indices]
        line = resampled(points, step)
        s = arc_length(points)
        keep = np.concatenate([[True], np.diff(s) > 1e-9])
        at = np.linspace(0.0, s[-1], len(line))
        lines.append(line)
        radii.append(np.interp(at, s[keep], tree.radius_mm[indices][keep]))
    return lines, radii


def _without_bulge(radius: FloatArray) -> FloatArray:
    """The larger of the smallest radii before and behind each point: a taper stays, a bulge goes."""
    before = np.minimum.accumulate(radius)
    behind = np.minimum.accumulate(radius[::-1])[::-1]
    return np.maximum(before, behind)


def _departure(points: FloatArray, lines: list[FloatArray], radii: list[FloatArray]) -> FloatArray:
    """Distance (m,) from the union of the balls along the lines, negative within."""
    from scipy.spatial import cKDTree

    centers, radius = np.concatenate(lines), np.concatenate(radii)
    n = min(_NEAREST, len(centers))
    distance, nearest = cKDTree(centers).query(points, k=n)
    found: FloatArray = (distance.reshape(-1, n) - radius[nearest.reshape(-1, n)]).min(axis=1)
    return found


def _sac_of(triangles: IntArray, departure: FloatArray, typical: float, dome: int) -> NDArray[np.bool_]:
    region = regions_of(triangles, departure > DEPARTED * typical)
    mine: NDArray[np.bool_] = region == region[dome]
    return mine


def _dome(
    surface: Surface,
    departure: FloatArray,
    typical: float,
    near_mm: tuple[float, float, float] | None,
    is_final: bool,
) -> int:
    """The vertex that stands highest over the tubes, of the sac that is meant."""
    region = regions_of(surface.triangles, departure > DEPARTED * typical)
    n = int(region.max()) + 1
    tops = [int(np.where(region == k, departure, -np.inf).argmax()) for k in range(n)]
    tops = sorted((t for t in tops if departure[t] >= LEAST_SAC * typical), key=lambda t: -departure[t])
    if not tops:
        highest = float(departure.max())
        raise ImagingError(
            "no_sac",
            f"No sac was found: the wall stands at most {highest:.1f} mm over a round vessel of {typical:.1f} mm "
            "radius. Give the neck plane yourself, or check that the sac is part of the model.",
        )
    if near_mm is not None:
        distances = np.linalg.norm(surface.points - np.asarray(near_mm), axis=1)
        nearest = int(np.where(region >= 0, distances, np.inf).argmin())
        chosen = [t for t in tops if region[t] == region[nearest]]
        if not chosen or distances[nearest] > max(2.0 * typical, float(departure[chosen[0]])):
            raise ImagingError(
                "no_sac_there",
                f"There is no sac near ({_place(near_mm)}) mm; there are: {_list(surface, departure, tops)}.",
                near_mm,
            )
        return chosen[0]
    rivals = [t for t in tops if departure[t] >= RIVAL * departure[tops[0]]]
    if is_final and len(rivals) > 1:
        raise ImagingError(
            "several_sacs",
            f"There are {len(rivals)} sacs, or vessels without a centerline: {_list(surface, departure, rivals)}. Say "
            "which is meant by a place near it (sac_near).",
        )
    return tops[0]


def _list(surface: Surface, departure: FloatArray, tops: list[int]) -> str:
    return "; ".join(f"{departure[t]:.1f} mm high at ({_place(surface.points[t])}) mm" for t in tops)


def _place(xyz: FloatArray | tuple[float, float, float]) -> str:
    return ", ".join(f"{c:.1f}" for c in xyz)


def _below(points: FloatArray, line: FloatArray) -> tuple[int, int]:
    """From which to which point of a line the border of the sac lies over it."""
    from scipy.spatial import cKDTree

    nearest = np.asarray(cKDTree(line).query(points)[1])
    low, high = np.percentile(nearest, (5.0, 95.0))
    return int(low), int(high)


def _grown(below: tuple[int, int], inner: FloatArray, base: FloatArray) -> tuple[int, int]:
    """The stretch with what is blown up beside it, because there the centerline bends into the sac."""
    low, high = below
    blown = inner > _BLOWN_UP * base
    while low > 0 and blown[low]:
        low -= 1
    while high < len(inner) - 1 and blown[high]:
        high += 1
    return low, high


def _carried_on(
    line: FloatArray, radius: FloatArray, low: int, high: int, beside_mm: float
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """A line whose stretch below the sac is a cubic that continues both sides, and whose radius there is linear."""
    step = float(np.linalg.norm(np.diff(line, axis=0), axis=1).mean())
    beside = round(beside_mm / step)
    low, high = max(0, low - beside), min(len(line) - 1, high + beside)
    replaced = np.zeros(len(line), bool)
    if high - low < 3:
        return line, radius, replaced
    replaced[low + 1 : high] = True
    start, end = line[low], line[high]
    chord = float(np.linalg.norm(end - start))
    span = max(2, 2 * beside)
    way_in = _way(line[max(0, low - span) : low + 1], end - start) * chord
    way_out = _way(line[high : high + span + 1], end - start) * chord
    u = np.linspace(0.0, 1.0, high - low + 1)[:, None]
    cubic = (
        (2.0 * u**3 - 3.0 * u**2 + 1.0) * start
        + (u**3 - 2.0 * u**2 + u) * way_in
        + (3.0 * u**2 - 2.0 * u**3) * end
        + (u**3 - u**2) * way_out
    )
    kept = np.flatnonzero(~replaced)
    return (
        np.concatenate([line[:low], cubic, line[high + 1 :]]),
        np.interp(np.arange(len(line)), kept, radius[kept]),
        replaced,
    )


def _way(piece: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Unit direction of a piece of a line; that of ``otherwise`` where the piece is a point."""
    along = piece[-1] - piece[0] if len(piece) > 2 else otherwise
    unit: FloatArray = along / max(float(np.linalg.norm(along)), 1e-12)
    return unit


def _outer_by_inner(
    wall: FloatArray, lines: list[FloatArray], radii: list[FloatArray], replaced: list[NDArray[np.bool_]]
) -> float:
    """How far the wall is from the lines relative to the inscribed radius, in the median outside the sac."""
    from scipy.spatial import cKDTree

    found = cKDTree(np.concatenate(lines)).query(wall)
    distance, nearest = np.asarray(found[0]), np.asarray(found[1])
    beside = ~np.concatenate(replaced)[nearest]
    if not beside.any():
        return 1.0
    return float(np.median(distance[beside] / np.concatenate(radii)[nearest[beside]]))
