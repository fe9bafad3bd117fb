"""The outer wall of an aorta around its lumen: a false lumen, thrombus, and the wall between."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.centerline.curves import resampled, smoothed
from imaging.errors import ImagingError
from imaging.reformat.vessel_line import VesselLine, vessel_line
from imaging.segmentation.declaration import Place, check_bounds, number
from imaging.segmentation.wall_rays import BRIGHT, INSIDE, SECTION_STEP_MM, Sections, WallCosts, walled
from imaging.types import CenterlineTree, FloatArray, Grid, LabelMap, Progress, Volume, silent

Mask = NDArray[np.bool_]
LUMEN, FALSE_LUMEN, THROMBUS, WALL, FLAP = 1, 2, 3, 4, 5
_TRIALS = "assumption: chosen on drawn aortas (sample_data/phantoms/aortic_wall.py)"
_QUIET_MM = 0.7
"""Standard deviation of the smoothing before edges are looked for: less than half a wall."""
_TURNS = 3
"""So often the sections are laid anew through the middles of the last outlines."""
_LINE_MM = 8.0
"""Smoothing of the line through the middles: sections of a vessel 20 mm wide then do not cross each other."""
_NECK_MM = 1.5
"""Bridges narrower than twice this do not connect two parts of a false lumen: it leaks through them into neighbors."""
_LEVELS = (0.5, 0.6, 0.7, 0.8)
"""Shares of the false lumen's contrast at which its wall is tried; half of it is where blood borders on tissue."""
_SPILLED = 0.1
"""Share of the false lumen outside the wall from which on it is told."""
_LEAST_CONTRAST_HU = 60.0
"""Above tissue: twice the noise of a noisy scan. Assumption."""


@dataclass(frozen=True)
class OuterWallParameters:
    """What is taken to be known of a wall and of what surrounds it."""

    tissue_hu: float = number(
        50.0, "HU", 0.0, 100.0, "Wall and thrombus.", "assumption: clotted blood is 40 to 60 HU, the wall alike"
    )
    fat_hu: float = number(-90.0, "HU", -130.0, -50.0, "Fat around the vessel.", "assumption: fat is -120 to -70 HU")
    reach_mm: float = number(
        45.0,
        "mm",
        15.0,
        80.0,
        "Largest distance of the outer wall from the middle of a section.",
        "assumption: no aneurysm beyond 90 mm",
    )
    least_thrombus_mm: float = number(
        3.0,
        "mm",
        1.5,
        8.0,
        "A layer thinner than this is wall, or flap, not thrombus.",
        "assumption: a wall of 1.5 to 2 mm, and half a voxel of 1 mm on both sides",
    )
    tissue_cost: float = number(
        0.06,
        "1",
        0.0,
        1.0,
        "What 1 mm of thrombus costs, by 1 mm of fat, bone or neighbor within the wall.",
        f"{_TRIALS}; with less a muscle that touches a healthy aorta is taken for thrombus, with more some is missed",
    )
    fat_edge_mm: float = number(
        4.0, "mm", 0.0, 20.0, "An edge from tissue to fat outweighs this much of what is on the wrong side.", _TRIALS
    )
    stiffness: float = number(
        0.8, "1", 0.0, 5.0, "What a difference of 1 mm between neighboring rays costs, by the same measure.", _TRIALS
    )


@dataclass(frozen=True, eq=False)
class OuterWall:
    """What was found: labels on the scan's grid, sections with the outer wall, and what a reader must know."""

    labels: LabelMap
    sections: Sections
    notes: tuple[str, ...] = ()


def find_outer_wall(
    volume: Volume,
    labels: LabelMap,
    tree: CenterlineTree,
    false_lumen_mm: Place | None = None,
    parameters: OuterWallParameters | None = None,
    progress: Progress = silent,
) -> OuterWall:
    """The outer wall around the tree's first vessel, and what lies within it.

    Parameters
    ----------
    volume, labels
        Scan, and the lumen with its branches on the same grid.
    tree
        Centerlines of the labels; the first vessel without a parent is the aorta.
    false_lumen_mm
        A place in the false lumen where contrast medium fills it (LPS, mm); None: there is none that is filled.

    Raises
    ------
    ImagingError
        ``parameter_out_of_range``; ``grid_mismatch``; ``no_lumen``; ``line_too_short``; for a bad point
        ``false_lumen_too_far``, ``false_lumen_in_lumen``, ``not_enhanced``, ``false_lumen_too_thin``,
        ``false_lumen_leaks``.
    """
    from scipy import ndimage
    from scipy.spatial import cKDTree

    chosen = parameters or OuterWallParameters()
    check_bounds(chosen)
    if labels.array.shape != volume.array.shape:
        raise ImagingError("grid_mismatch", "The labels lie on another grid than the scan: segment this scan.")
    progress(0.0, "Looking at the lumen")
    line, value = _lumen_line(labels, tree)
    part, grid = _box(volume.grid, line.points, chosen.reach_mm)
    hu = volume.array[part].astype(np.float32)
    mine, branches = labels.array[part] == value, (labels.array[part] > 0) & (labels.array[part] != value)
    blood_hu = float(np.median(hu[mine]))
    quiet = ndimage.gaussian_filter(hu, _QUIET_MM / np.asarray(grid.spacing_mm[::-1]))
    progress(0.1, "Looking for the false lumen")
    patent = np.zeros_like(mine)
    if false_lumen_mm is not None:
        patent = _patent(quiet, mine, branches, grid, false_lumen_mm, chosen)
    kinds = np.zeros(hu.shape, np.uint8)
    kinds[(quiet > 0.5 * (blood_hu + chosen.tissue_hu)) | branches] = BRIGHT
    kinds[mine | patent] = INSIDE
    blood = np.argwhere(kinds == INSIDE)
    blood_mm = grid.to_lps(blood[:, ::-1])
    costs = WallCosts(chosen.tissue_hu, chosen.fat_hu, chosen.tissue_cost, chosen.fat_edge_mm, chosen.stiffness)
    line = _through_middle(line, blood_mm)
    for turn in range(_TURNS):
        progress(0.2 + 0.6 * turn / _TURNS, "Looking for the outer wall")
        station = np.zeros(hu.shape, np.float32)
        station[tuple(blood.T)] = line.along_mm[cKDTree(line.points).query(blood_mm)[1]]
        sections = walled(line, quiet, kinds, station, grid, chosen.reach_mm, costs)
        line = _smooth_line(sections.middle_mm)
    progress(0.85, "Telling thrombus from wall")
    found = np.zeros(labels.array.shape, np.uint8)
    found[part] = _parted(sections, mine, patent, branches, grid, chosen)
    names = {
        LUMEN: labels.names.get(value, "lumen"),
        FALSE_LUMEN: "false_lumen",
        THROMBUS: "thrombus",
        WALL: "wall",
        FLAP: "flap",
    }
    progress(0.98, "Checking")
    notes = _notes(sections, found[part], patent, chosen)
    progress(1.0, "Outer wall found")
    return OuterWall(LabelMap(found, volume.grid, names), sections, notes)


def _smooth_line(points: FloatArray) -> VesselLine:
    return vessel_line(smoothed(resampled(points, SECTION_STEP_MM), _LINE_MM), SECTION_STEP_MM)


def _lumen_line(labels: LabelMap, tree: CenterlineTree) -> tuple[VesselLine, int]:
    """The aorta's line where it runs in the lumen, and the lumen's label value."""
    root = next(branch for branch in tree.branches if branch.parent is None)
    points = tree.points[list(root.indices)]
    i, j, k = np.rint(labels.grid.to_index(points)).astype(int).T
    size = np.asarray(labels.array.shape)
    at = np.stack([k, j, i], axis=1)
    within = (at >= 0).all(axis=1) & (at < size).all(axis=1)
    on_line = np.zeros(len(points), int)
    on_line[within] = labels.array[k[within], j[within], i[within]]
    counts = np.bincount(on_line[on_line > 0])
    if not len(counts):
        raise ImagingError("no_lumen", f"The line of {root.name} runs through no label: build the model again.")
    value = int(counts.argmax())
    first, *_, last = np.flatnonzero(on_line == value)
    return _smooth_line(points[first : last + 1]), value


def _box(grid: Grid, points: FloatArray, margin_mm: float) -> tuple[tuple[slice, ...], Grid]:
    """The part of a grid around points, as slices (k, j, i) and as a grid of its own."""
    corners = np.array([points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm])
    mesh = np.stack(np.meshgrid(*corners.T, indexing="ij"), axis=-1).reshape(-1, 3)
    index = grid.to_index(mesh)
    low = np.clip(np.floor(index.min(axis=0)), 0, None).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, grid.size)
    x, y, z = grid.to_lps(low)
    part = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
    n_i, n_j, n_k = (int(n) for n in high - low)
    return part, dataclasses.replace(grid, size=(n_i, n_j, n_k), origin_mm=(float(x), float(y), float(z)))


def _through_middle(line: VesselLine, blood_mm: FloatArray) -> VesselLine:
    """The line through the centroids of all blood, true and false lumen, by station."""
    from scipy.spatial import cKDTree

    nearest = np.asarray(cKDTree(line.points).query(blood_mm)[1])
    n = len(line.points)
    count = np.bincount(nearest, minlength=n)
    sums = np.stack([np.bincount(nearest, blood_mm[:, axis], n) for axis in range(3)], axis=1)
    has = count > 0
    middle = np.where(has[:, None], sums / np.maximum(count, 1)[:, None], line.points)
    moved = middle - line.points
    moved -= (moved * line.tangent).sum(axis=1, keepdims=True) * line.tangent
    return _smooth_line(line.points + moved)


def _patent(
    hu: NDArray[np.float32], mine: Mask, branches: Mask, grid: Grid, place: Place, chosen: OuterWallParameters
) -> Mask:
    """The filled part of the false lumen: what is connected to the point above half its contrast, beside the lumen.

    Where that runs away from the aorta, through a thin wall into a neighbor, a higher level is tried.
    """
    from scipy import ndimage

    if not bool(grid.contains(place)):
        raise ImagingError(
            "false_lumen_too_far",
            f"The point in the false lumen lies more than {chosen.reach_mm:g} mm from the aorta, or outside the scan: "
            "set it again, or raise reach_mm.",
            place,
        )
    i, j, k = np.rint(grid.to_index(place)).astype(int)
    at = tuple(int(np.clip(x, 0, n - 1)) for x, n in zip((k, j, i), hu.shape, strict=True))
    if mine[at] or branches[at]:
        raise ImagingError(
            "false_lumen_in_lumen",
            "The point in the false lumen lies in the lumen that was segmented: set it beyond the flap.",
            place,
        )
    ball = tuple(slice(max(x - 1, 0), x + 2) for x in at)
    contrast = float(np.median(hu[ball])) - chosen.tissue_hu
    if contrast < _LEAST_CONTRAST_HU:
        raise ImagingError(
            "not_enhanced",
            f"At the point in the false lumen there are {contrast + chosen.tissue_hu:.0f} HU: no contrast medium. Set "
            "it where the false lumen is filled, or take it away when all of it is thrombosed.",
            place,
        )
    spacing = np.asarray(grid.spacing_mm[::-1])
    cross = ndimage.generate_binary_structure(3, 1)
    distance = ndimage.distance_transform_edt(~mine, sampling=spacing)
    free = (distance < chosen.reach_mm) & ~ndimage.binary_dilation(mine | branches, cross)
    far = distance > chosen.reach_mm - 2.0 * float(spacing.max())
    times = max(1, round(_NECK_MM / float(spacing.mean())))
    for share in _LEVELS:
        opened = ndimage.binary_opening(free & (hu > chosen.tissue_hu + share * contrast), cross, times)
        pieces, _ = ndimage.label(opened)
        if pieces[at] == 0:
            break
        found: Mask = pieces == pieces[at]
        if not (found & far).any():
            return found
    if share > _LEVELS[0]:
        raise ImagingError(
            "false_lumen_leaks",
            f"What is connected to the point in the false lumen runs {chosen.reach_mm:g} mm away from the lumen, into "
            "neighbors as bright: set the point where the false lumen is brighter.",
            place,
        )
    raise ImagingError(
        "false_lumen_too_thin",
        "At the point in the false lumen there is no room between its walls: set it in the middle of a wide part.",
        place,
    )


def _parted(
    sections: Sections, mine: Mask, patent: Mask, branches: Mask, grid: Grid, chosen: OuterWallParameters
) -> NDArray[np.uint8]:
    """Labels within the outer wall."""
    from scipy import ndimage

    inside = _within(sections, mine.shape, grid) & ~branches
    spacing = np.asarray(grid.spacing_mm[::-1])
    rest = inside & ~mine & ~patent
    half = 0.5 * chosen.least_thrombus_mm + 0.5 * float(spacing.mean())
    core = ndimage.distance_transform_edt(rest, sampling=spacing) >= half
    thrombus = rest & (ndimage.distance_transform_edt(~core, sampling=spacing) <= half) if core.any() else core
    found = np.zeros(mine.shape, np.uint8)
    found[rest] = WALL
    if patent.any() or core.any():
        bodies = inside & (mine | patent | thrombus)
        gap = 0.5 * chosen.least_thrombus_mm
        wide = ndimage.distance_transform_edt(~bodies, sampling=spacing) <= gap
        found[rest & (ndimage.distance_transform_edt(wide, sampling=spacing) > gap)] = FLAP
    found[thrombus] = THROMBUS
    found[patent & inside] = FALSE_LUMEN
    found[mine] = LUMEN
    return found


def _notes(sections: Sections, found: NDArray[np.uint8], patent: Mask, chosen: OuterWallParameters) -> tuple[str, ...]:
    """What a reader must know of how it was found."""
    notes = []
    outside = int((patent & (found == 0)).sum())
    if outside > _SPILLED * int(patent.sum()):
        notes.append(
            f"{100.0 * outside / patent.sum():.0f} % of what is bright and connected to the point in the false lumen "
            "lies outside the wall: it runs into a neighbor there, or the wall was taken too narrow. See the slices."
        )
    at_end = int((sections.radius_mm > chosen.reach_mm - 1.0).any(axis=1).sum())
    if at_end:
        notes.append(
            f"In {at_end} of {len(sections.radius_mm)} sections the wall was looked for no farther: raise reach_mm."
        )
    return tuple(notes)


def _within(sections: Sections, shape: tuple[int, ...], grid: Grid) -> Mask:
    """Voxels within the outer wall."""
    from scipy.spatial import cKDTree

    part, _ = _box(grid, sections.outline_mm.reshape(-1, 3), 0.0)
    k, j, i = np.meshgrid(*(np.arange(one.start, one.stop) for one in part), indexing="ij")
    places = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    near = np.flatnonzero(
        np.isfinite(cKDTree(sections.line.points).query(places, distance_upper_bound=_far(sections))[0])
    )
    is_in = np.zeros(k.size, bool)
    is_in[near] = sections.beneath_mm(places[near]) >= 0.0  # not a number: beyond the ends
    found = np.zeros(shape, bool)
    found[part] = is_in.reshape(k.shape)
    return found


def _far(sections: Sections) -> float:
    return float(sections.radius_mm.max()) + SECTION_STEP_MM
