"""The outer wall of an aorta around its lumen: a false lumen, thrombus, and the wall between."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.centerline.curves import resampled, smoothed
from imaging.errors import ImagingError
from imaging.reformat.vessel_line import VesselLine, vessel_line
from imaging.segmentation.declaration import Place, check_bounds, number
from imaging.segmentation.wall_rays import BRIGHT, INSIDE, SECTION_STEP_MM, N_RAYS, Sections, WallCosts, walled
from imaging.types import CenterlineTree, FloatArray, Grid, LabelMap, Progress, Volume, silent

Mask = NDArray[np.bool_]
LUMEN, FALSE_LUMEN, THROMBUS, WALL = 1, 2, 3, 4
_TRIALS = "assumption: chosen on drawn aortas (sample_data/phantoms/aortic_wall.py), "


@dataclass(frozen=True)
class OuterWallParameters:
    """What is taken to be known of a wall and what surrounds it."""

    tissue_hu: float = number(
        50.0, "HU", 0.0, 100.0, "Wall and thrombus.", "assumption: clotted blood 40 to 60 HU, wall alike"
    )
    fat_hu: float = number(-90.0, "HU", -130.0, -50.0, "Fat around the vessel.", "assumption: fat is -120 to -70 HU")
    reach_mm: float = number(
        45.0, "mm", 15.0, 80.0, "Largest distance of the outer wall from the middle of a section.",
        "assumption: an aneurysm of 90 mm",
    )
    least_thrombus_mm: float = number(
        3.0, "mm", 1.5, 8.0, "A layer thinner than this is wall or flap, not thrombus.",
        "assumption: a wall of 1.5 to 2 mm and half a voxel of a clinical scan on both sides",
    )
    tissue_cost: float = number(
        0.06, "1", 0.0, 0.5, "What 1 mm of thrombus costs, relative to 1 mm of fat, bone or neighbor taken for vessel.",
        _TRIALS + "so that no thrombus is made up where a neighbor touches the wall",
    )
    fat_edge_mm: float = number(
        3.0, "mm", 0.0, 10.0, "An edge from tissue to fat is worth this much wrongly taken.", _TRIALS + "and on one patient",
    )
    blood_edge_mm: float = number(
        1.4, "mm", 0.0, 10.0, "An edge from blood to tissue is worth this much wrongly taken.", _TRIALS + "and on one patient",
    )
    stiffness: float = number(
        0.1, "1", 0.0, 1.0, "What a difference of 1 mm between neighboring rays costs.", _TRIALS + "and on one patient",
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
        ``parameter_out_of_range``; ``grid_mismatch``; ``no_lumen``; ``line_too_short``; ``point_outside_volume``,
        ``false_lumen_in_lumen``, ``not_enhanced``, ``false_lumen_too_far`` for a bad point.
    """
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
    notes: list[str] = []
    patent = np.zeros_like(mine)
    if false_lumen_mm is not None:
        patent = _patent(quiet, mine, branches, grid, line, false_lumen_mm, chosen, notes)
    kinds = np.zeros(hu.shape, np.uint8)
    kinds[(quiet > 0.5 * (blood_hu + chosen.tissue_hu)) | branches] = BRIGHT
    kinds[mine | patent] = INSIDE
    blood = np.argwhere(kinds == INSIDE)
    blood_mm = grid.to_lps(blood[:, ::-1])
    costs = _costs_of(chosen, blood_hu)
    sections = None
    for turn in range(_TURNS):
        progress(0.2 + 0.6 * turn / _TURNS, "Looking for the outer wall")
        station = np.zeros(hu.shape, np.float32)
        nearest = cKDTree(line.points).query(blood_mm)[1]
        station[tuple(blood.T)] = line.along_mm[nearest]
        if sections is None:
            line = _through_middle(line, blood_mm, nearest)
            station[tuple(blood.T)] = line.along_mm[cKDTree(line.points).query(blood_mm)[1]]
        sections = walled(line, quiet, kinds, station, grid, chosen.reach_mm, costs)
        if turn < _TURNS - 1:
            line = _smooth_line(sections.middle_mm)
    assert sections is not None
    progress(0.85, "Telling thrombus from wall")
    found = np.zeros(labels.array.shape, np.uint8)
    found[part] = _parted(sections, mine, patent, branches, grid, chosen)
    names = {LUMEN: labels.names.get(value, "lumen"), FALSE_LUMEN: "false_lumen", THROMBUS: "thrombus", WALL: "wall"}
    progress(1.0, "Outer wall found")
    return OuterWall(LabelMap(found, volume.grid, names), sections, tuple(notes))


_QUIET_MM = 0.7
_TURNS = 3
_LINE_MM = 8.0


def _costs_of(chosen: OuterWallParameters, blood_hu: float) -> WallCosts:
    wrong = 0.5
    return WallCosts(
        chosen.tissue_hu, chosen.fat_hu, blood_hu, wrong, wrong * chosen.tissue_cost,
        wrong * chosen.fat_edge_mm, wrong * chosen.blood_edge_mm, wrong * chosen.stiffness, 0.5,
    )


def _smooth_line(points: FloatArray) -> VesselLine:
    return vessel_line(smoothed(resampled(points, SECTION_STEP_MM), _LINE_MM), SECTION_STEP_MM)


def _lumen_line(labels: LabelMap, tree: CenterlineTree) -> tuple[VesselLine, int]:
    """The aorta's line where it runs in the lumen, and the lumen's label value."""
    root = next(branch for branch in tree.branches if branch.parent is None)
    points = tree.points[list(root.indices)]
    i, j, k = np.rint(labels.grid.to_index(points)).astype(int).T
    size = np.asarray(labels.array.shape)
    within = (np.stack([k, j, i]) >= 0).all(axis=0) & (np.stack([k, j, i]).T < size).all(axis=1)
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


def _through_middle(line: VesselLine, blood_mm: FloatArray, nearest: NDArray[np.int64]) -> VesselLine:
    """The line through the centroids of all blood, true and false lumen, by station."""
    n = len(line.points)
    count = np.bincount(nearest, minlength=n)
    sums = np.stack([np.bincount(nearest, blood_mm[:, axis], n) for axis in range(3)], axis=1)
    has = count > 0
    middle = np.where(has[:, None], sums / np.maximum(count, 1)[:, None], line.points)
    moved = middle - line.points
    moved -= (moved * line.tangent).sum(axis=1, keepdims=True) * line.tangent
    return _smooth_line(line.points + moved)


def _patent(
    hu: NDArray[np.float32], mine: Mask, branches: Mask, grid: Grid, line: VesselLine, place: Place,
    chosen: OuterWallParameters, notes: list[str],
) -> Mask:
    """The filled part of the false lumen: what is connected to the point above half its level, beside the lumen."""
    if not bool(grid.contains(place)):
        raise ImagingError(
            "false_lumen_too_far",
            f"The point in the false lumen lies more than {chosen.reach_mm:g} mm from the aorta, or outside the scan: set it "
            "again, or raise reach_mm.",
            place,
        )
    i, j, k = np.rint(grid.to_index(place)).astype(int)
    at = tuple(int(np.clip(x, 0, n - 1)) for x, n in zip((k, j, i), hu.shape, strict=True))
    if mine[at] or branches[at]:
        raise ImagingError(
            "false_lumen_in_lumen", "The point in the false lumen lies in the lumen that was segmented: set it beyond the flap.", place
        )
    ball = tuple(slice(max(x - 1, 0), x + 2) for x in at)
    level = 0.5 * (float(np.median(hu[ball])) + chosen.tissue_hu)
    if level < chosen.tissue_hu + 0.5 * _LEAST_CONTRAST_HU:
        raise ImagingError(
            "not_enhanced",
            f"At the point in the false lumen there are {np.median(hu[ball]):.0f} HU: no contrast medium. Set it where the false "
            "lumen is filled, or take it away when all of it is thrombosed.",
            place,
        )
    spacing = np.asarray(grid.spacing_mm[::-1])
    cross = ndimage.generate_binary_structure(3, 1)
    near = ndimage.distance_transform_edt(~mine, sampling=spacing) < chosen.reach_mm
    free = (hu > level) & near & ~ndimage.binary_dilation(mine | branches, cross)
    times = max(1, round(_NECK_MM / float(spacing.mean())))
    opened = ndimage.binary_opening(free, cross, times)
    pieces, _ = ndimage.label(opened)
    if pieces[at] == 0:
        raise ImagingError("false_lumen_too_thin", "...", place)
    found: Mask = pieces == pieces[at]
    return found


_NECK_MM = 1.5
_LEAST_CONTRAST_HU = 60.0


def _parted(sections: Sections, mine: Mask, patent: Mask, branches: Mask, grid: Grid, chosen: OuterWallParameters) -> NDArray[np.uint8]:
    """Labels within the outer wall."""
    inside = _within(sections, mine.shape, grid) & ~branches
    spacing = np.asarray(grid.spacing_mm[::-1])
    rest = inside & ~mine & ~patent
    half = 0.5 * chosen.least_thrombus_mm + 0.5 * float(spacing.mean())
    core = ndimage.distance_transform_edt(rest, sampling=spacing) >= half
    thrombus = rest & (ndimage.distance_transform_edt(~core, sampling=spacing) <= half) if core.any() else core
    found = np.zeros(mine.shape, np.uint8)
    found[rest] = WALL
    found[thrombus] = THROMBUS
    found[patent & inside] = FALSE_LUMEN
    found[mine] = LUMEN
    return found


def _within(sections: Sections, shape: tuple[int, ...], grid: Grid) -> Mask:
    """Voxels within the outer wall: by their nearest section, between its two nearest rays."""
    line, radius = sections.line, sections.radius_mm
    n = len(line.points)
    part, _ = _box(grid, sections.outline_mm.reshape(-1, 3), 1.0)
    k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in part), indexing="ij")
    places = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    distance, nearest = cKDTree(line.points).query(places, distance_upper_bound=float(radius.max()) + 1.0)
    at = np.flatnonzero(np.isfinite(distance))
    away, where = places[at] - line.points[nearest[at]], nearest[at]
    along = (away * line.tangent[where]).sum(axis=1)
    x, y = ((away * axis[where]).sum(axis=1) for axis in (line.side, line.other))
    turn = np.mod(np.arctan2(y, x) / (2.0 * np.pi), 1.0) * N_RAYS
    ray = np.floor(turn).astype(int) % N_RAYS
    share = turn - np.floor(turn)
    wall = (1.0 - share) * radius[where, ray] + share * radius[where, (ray + 1) % N_RAYS]
    is_in = np.hypot(x, y) <= wall
    is_in &= ((where > 0) | (along > -0.5 * SECTION_STEP_MM)) & ((where < n - 1) | (along < 0.5 * SECTION_STEP_MM))
    flat = np.zeros(k.size, bool)
    flat[at[is_in]] = True
    found = np.zeros(shape, bool)
    found[part] = flat.reshape(k.shape)
    return found
