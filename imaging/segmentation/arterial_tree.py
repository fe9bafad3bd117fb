"""The lumen of a main artery and its branches from a point at each end and a few on the way.

The way: measure the lumen at the points; follow the brightest, deepest path between them; keep to a tube around the
paths and to the near side of planes through the ends; part what touches at its necks; put the wall at the half maximum;
name the branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import (
    EnhancedLumenParameters,
    Place,
    PointsMm,
    check_bounds,
    check_points,
    number,
)
from imaging.segmentation.half_maximum import lumen_shares
from imaging.segmentation.lumen_shape import closed_within, filled, reaching_piece, without_stalks
from imaging.segmentation.lumen_statistics import (
    DENSE_EXCESS,
    Contrast,
    bright_as_lumen,
    denoised,
    lumen_hu_along,
    measure_contrast,
    snap_into_lumen,
)
from imaging.segmentation.minimal_path import minimal_paths, path_cost, smooth_path
from imaging.segmentation.neck_watershed import grown, part_at_necks, thick_parts, won_by
from imaging.segmentation.stations import MAIN, EndPlane, Stations, outside_parent, outward_chord, outward_fit
from imaging.segmentation.vessel_labels import in_one_piece_each, label_vessels, largest_piece, section_radius_mm
from imaging.segmentation.working_grid import Depth, Hu, Labels, Mask, WorkingImage, labels_on_scan, work_around
from imaging.types import FloatArray, IntArray, LabelMap, Progress, Volume

MARGIN_MM = 40.0
MAIN_WIDE_MM, BRANCH_WIDE_MM = 12.0, 3.0
"""Depth at which the path of a main vessel and of a branch is in the middle; see ``path_cost``."""
ENVELOPE_STATIONS, HU_STATIONS = 21, 31
TUBE_WIDTHS, TUBE_MM = 2.5, 5.0
"""The lumen lies within this many inscribed radii plus a margin of its path: room for a crescent beside a flap."""
INLET_CHORD_MM, MAIN_FIT_MM, BRANCH_FIT_MM, FIT_SKIP_MM = 25.0, 18.0, 10.0, 3.0
THICK_MM = 2.0
"""Bright things that hold a ball of this radius are structures of their own, not rims, struts or noise."""
ROOT_MM, LEAFLET_MM = 35.0, 3.0
"""Over this length from the inlet, gaps narrower than twice the leaflets' thickness with its blur are closed."""
LEAK_AREA_MM2 = 100.0
"""Lumen at the limit of the tube in one patch larger than this has left the vessel, or the vessel is too wide."""
MISSING_MM = 3.0
RIM_MM = 2.5
"""Width of the blurred rim of something denser than the lumen, which passes through the lumen's HU."""


@dataclass(frozen=True)
class ArterialTreeParameters(EnhancedLumenParameters):
    """Settings of the method; the defaults are meant for a CT angiogram of the chest or abdomen."""

    core_share: float = number(
        0.72,
        "1",
        0.5,
        0.9,
        "Share of the step from tissue to lumen above which a voxel is surely lumen. Raise it when a false lumen or a "
        "touching vessel is taken in, lower it when a noisy lumen breaks up.",
        "assumption: above a false lumen at half the contrast, four noise deviations below the lumen at 30 HU",
    )
    neck_ratio: float = number(
        0.75,
        "1",
        0.4,
        0.95,
        "Two parts belong together when the neck between them is at least this deep compared with the shallower one.",
        "assumption, tested on phantoms with touching chambers",
    )
    snap_mm: float = number(5.0, "mm", 0.0, 10.0, "How far a point may lie outside the lumen.", "assumption")
    smoothing_mm: float = number(
        0.5, "mm", 0.0, 2.0, "Standard deviation of the smoothing of the wall.", "assumption: half a working voxel"
    )
    stalk_radius_mm: float = number(
        2.2,
        "mm",
        0.0,
        5.0,
        "Side vessels thinner than this are cut off, except the branches asked for.",
        "assumption: above a coronary's 1.5 to 2 mm",
    )
    working_voxel_mm: float = number(
        1.0, "mm", 0.6, 2.0, "Voxel size at which the work is done.", "assumption: a third of the thinnest branch"
    )
    widest_main_mm: float = number(
        45.0,
        "mm",
        10.0,
        80.0,
        "A main vessel with a larger radius is taken for a leak.",
        "assumption: aneurysm of 90 mm",
    )
    widest_branch_mm: float = number(
        15.0, "mm", 3.0, 40.0, "A branch with a larger radius is taken for a leak.", "assumption: aneurysm of 30 mm"
    )


@dataclass(frozen=True)
class TreeRoles:
    """Which points make which vessel: the main one from its inlet to its end, and a distal point for each branch."""

    main: tuple[str, ...]
    branches: tuple[str, ...]
    titles: Mapping[str, str]
    names: Mapping[int, str]


def segment_tree(
    volume: Volume,
    points: PointsMm,
    roles: TreeRoles,
    parameters: ArterialTreeParameters,
    progress: Progress,
    inlet_normal: FloatArray | None = None,
) -> LabelMap:
    """Labels 1 (main vessel) and 2, 3, ... (branches in the order of their roles) on the grid of the volume.

    Parameters
    ----------
    volume
        CT in HU.
    points
        A point (x, y, z) in mm LPS for each role; the ends of the vessels are cut at planes through their points.
    inlet_normal : (3,), optional
        Unit vector out of the model across the plane at the inlet, LPS; without it the plane is across the chord from
        there.

    Raises
    ------
    ImagingError
        ``not_ct``, ``parameter_out_of_range``, ``missing_point``, ``unknown_point``, ``bad_point``,
        ``point_outside_volume``, ``not_enhanced``, ``point_outside_lumen``, ``no_path``, ``interrupted_lumen``,
        ``leak``.
    """
    from scipy import ndimage

    from imaging.volume_io import require_ct

    require_ct(volume)
    check_bounds(parameters)
    places = check_points(points, roles.titles, volume.grid)
    progress(0.0, "Measuring the lumen")
    image = work_around(
        volume, np.array(list(places.values())), MARGIN_MM, parameters.working_voxel_mm, parameters.tissue_hu
    )
    spacing = image.spacing_mm
    contrast = measure_contrast(volume, places, roles.main, parameters.tissue_hu, parameters.minimum_lumen_hu)
    smoothed = denoised(image, [places[role] for role in roles.main], contrast)
    ends = snap_into_lumen(image, smoothed, places, roles.titles, contrast, parameters.snap_mm)

    progress(0.05, "Following the vessels")
    bright = bright_as_lumen(smoothed, contrast, parameters.core_share)
    depth: Depth = ndimage.distance_transform_edt(bright, sampling=spacing)
    stations = Stations.along(_follow(image, smoothed, depth, contrast, ends, roles))
    reach_mm = _reach_mm(stations, depth, spacing)

    progress(0.35, "Bounding the vessels")
    away_mm, station_at = stations.nearest(smoothed.shape, spacing)
    tube = away_mm <= reach_mm[station_at]
    inside = tube & ~_beyond_ends(image, places, roles, stations, station_at, reach_mm, inlet_normal)
    lumen_hu_at = lumen_hu_along(smoothed, stations.points, stations.vessel, contrast, HU_STATIONS)[station_at]
    step_at = lumen_hu_at - np.float32(parameters.tissue_hu)

    progress(0.45, "Parting the vessels from what touches them")
    dense = smoothed > parameters.tissue_hu + (1.0 + DENSE_EXCESS) * step_at
    foreign_dense = thick_parts(dense, THICK_MM, spacing)
    core = inside & ~dense & ~grown(foreign_dense, RIM_MM, spacing)
    core &= smoothed > parameters.tissue_hu + parameters.core_share * step_at
    path = np.zeros(core.shape, dtype=bool)
    path[tuple(stations.voxels(core.shape).T)] = True
    ours = part_at_necks(core, path, parameters.neck_ratio)
    _require_reached(image, ours, places, ends, stations, roles)
    foreign = thick_parts(core & ~ours, THICK_MM, spacing)
    allowed = won_by(ours, foreign | foreign_dense, np.minimum(smoothed, lumen_hu_at), inside)

    progress(0.65, "Finding the wall")
    shares = lumen_shares(
        image.hu,
        ours,
        allowed,
        dense & ~foreign_dense,
        lumen_hu_at,
        parameters.tissue_hu,
        spacing,
        parameters.smoothing_mm,
    )
    branch = stations.vessel[station_at] > MAIN
    lumen = without_stalks(filled(shares > 0.5) & inside, branch, parameters.stalk_radius_mm, spacing)
    root = ~branch & (station_at < ROOT_MM) & allowed
    lumen = filled(closed_within(lumen, root, LEAFLET_MM, spacing)) & inside
    lumen = reaching_piece(lumen, stations.voxels(lumen.shape))

    progress(0.85, "Checking and naming the vessels")
    _require_reached(image, lumen, places, ends, stations, roles)
    depth = ndimage.distance_transform_edt(lumen, sampling=spacing)
    labels = in_one_piece_each(label_vessels(lumen, depth, stations, spacing))
    at_limit = lumen & (away_mm > reach_mm[station_at] - spacing)
    _require_no_leak(image, labels, at_limit, station_at, stations, roles, parameters)
    progress(0.95, "Bringing the labels onto the scan")
    occupancy = np.where(lumen, np.maximum(shares, 0.51), np.where(shares > 0.5, 0.0, shares)).astype(np.float32)
    on_scan = in_one_piece_each(labels_on_scan(image, occupancy, labels))
    progress(1.0, "Segmented")
    return LabelMap(on_scan, volume.grid, dict(roles.names))


def _follow(
    image: WorkingImage,
    smoothed: Hu,
    depth_mm: Depth,
    contrast: Contrast,
    ends: Mapping[str, IntArray],
    roles: TreeRoles,
) -> dict[int, FloatArray]:
    """Path (n, 3) of the main vessel, downstream, and of each branch from the main vessel's lumen to its end."""
    spacing = image.spacing_mm
    margin = round(MARGIN_MM / spacing)

    def required(path: IntArray | None, start: str, end: str) -> IntArray:
        if path is None:
            raise ImagingError(
                "no_path",
                f"No bright vessel leads from the point '{roles.titles[start]}' to the point '{roles.titles[end]}'; "
                "check that both lie in the same lumen.",
                image.to_place(ends[end]),
            )
        return path

    cost = path_cost(smoothed, depth_mm, contrast, MAIN_WIDE_MM, spacing)
    pieces = [
        required(minimal_paths(cost, ends[start][None], ends[end][None], margin)[0], start, end)
        for start, end in pairwise(roles.main)
    ]
    main_voxels = np.concatenate([pieces[0], *[piece[1:] for piece in pieces[1:]]])
    main = smooth_path(main_voxels.astype(float), spacing)
    paths = {MAIN: main}
    if roles.branches:
        cost = path_cost(smoothed, depth_mm, contrast, BRANCH_WIDE_MM, spacing)
        found = minimal_paths(cost, main_voxels, np.array([ends[role] for role in roles.branches]), margin)
        for value, (role, path) in enumerate(zip(roles.branches, found, strict=True), start=MAIN + 1):
            branch = smooth_path(required(path, roles.main[0], role).astype(float), spacing)
            paths[value] = outside_parent(branch, main, depth_mm, spacing)
    return paths


def _reach_mm(stations: Stations, depth_mm: Depth, spacing_mm: float) -> FloatArray:
    """How far (n,) from each station its vessel may reach.

    The width is an upper envelope of the depth along the path: a station off the middle, in a valve's leaflets or
    beside a stent's strut is not narrow because of that; the root at the inlet counts as wide as at its widest. Near
    the main vessel a branch's station reaches as far as that one's.
    """
    from scipy.spatial import cKDTree

    width = stations.envelope(stations.sampled(depth_mm), ENVELOPE_STATIONS)
    main = stations.of(MAIN)
    width[main[: round(ROOT_MM)]] = width[main[: round(ROOT_MM)]].max()
    reach = TUBE_WIDTHS * width + TUBE_MM
    away, nearest = cKDTree(stations.points[main]).query(stations.points)
    return np.asarray(np.maximum(reach, reach[main][nearest] - away * spacing_mm), dtype=float)


def _beyond_ends(
    image: WorkingImage,
    places: Mapping[str, Place],
    roles: TreeRoles,
    stations: Stations,
    station_at: IntArray,
    reach_mm: FloatArray,
    inlet_normal: FloatArray | None,
) -> Mask:
    """Voxels beyond the planes through the end points across the vessels.

    The inlet's point is the center of a valve's annulus and the root beside it is no straight tube, so its plane is
    across the chord from there; elsewhere the plane is across a line fitted to the path.
    """
    spacing = image.spacing_mm
    main = stations.of(MAIN)
    runs = [(roles.main[-1], main[::-1], MAIN_FIT_MM)]
    for value, role in zip(stations.branches, roles.branches, strict=True):
        runs.append((role, stations.of(value)[::-1], BRANCH_FIT_MM))
    normals = [outward_fit(stations.points[run], FIT_SKIP_MM, length_mm, spacing) for _, run, length_mm in runs]
    runs.append((roles.main[0], main, INLET_CHORD_MM))
    if inlet_normal is None:
        normals.append(outward_chord(stations.points[main], INLET_CHORD_MM, spacing))
    else:
        way = image.to_index(inlet_normal) - image.to_index(np.zeros(3))
        normals.append(way / np.linalg.norm(way))
    vessel_at = stations.vessel[station_at]
    far = np.zeros(station_at.shape, dtype=bool)
    for (role, run, _), normal in zip(runs, normals, strict=True):
        plane = EndPlane(image.to_index(places[role]), normal, int(stations.vessel[run[0]]), float(reach_mm[run[0]]))
        far |= plane.beyond(vessel_at, spacing)
    return far


def _require_reached(
    image: WorkingImage,
    lumen: Mask,
    places: Mapping[str, Place],
    ends: Mapping[str, IntArray],
    stations: Stations,
    roles: TreeRoles,
) -> None:
    """Raise ``ImagingError("interrupted_lumen")`` unless the lumen comes near all points."""

    def is_near(voxel: IntArray, reach_mm: float) -> bool:
        reach = round(reach_mm / image.spacing_mm)
        return bool(lumen[tuple(slice(max(v - reach, 0), v + reach + 1) for v in voxel)].any())

    for role, end in ends.items():
        # A point that was moved into the lumen may have been moved across the plane that ends the vessel.
        moved_mm = float(np.linalg.norm(end - image.to_index(places[role]))) * image.spacing_mm
        if not is_near(end, MISSING_MM + moved_mm):
            on_the_way = zip(stations.points, stations.voxels(lumen.shape), strict=True)
            gap = next((point for point, voxel in on_the_way if not is_near(voxel, MISSING_MM)), end)
            raise ImagingError(
                "interrupted_lumen",
                f"The lumen found does not reach the point '{roles.titles[role]}': it is interrupted or too faint on "
                "the way; check the points, or lower the setting core_share.",
                image.to_place(gap),
            )


def _require_no_leak(
    image: WorkingImage,
    labels: Labels,
    at_limit: Mask,
    station_at: IntArray,
    stations: Stations,
    roles: TreeRoles,
    parameters: ArterialTreeParameters,
) -> None:
    """Raise ``ImagingError("leak")`` where the lumen is implausibly wide or runs into the limit of its tube."""
    radius_mm = section_radius_mm(labels, station_at, stations, image.spacing_mm)
    widest_mm = np.where(stations.vessel == MAIN, parameters.widest_main_mm, parameters.widest_branch_mm)
    escaped = largest_piece(at_limit)
    if escaped.sum() * image.spacing_mm**2 > LEAK_AREA_MM2:
        worst = int(np.bincount(station_at[escaped]).argmax())
        how = "far beyond the width of the vessel"
    elif (radius_mm > widest_mm).any():
        worst = int((radius_mm / widest_mm).argmax())
        how = f"to a radius of {radius_mm[worst]:.0f} mm"
    else:
        return
    raise ImagingError(
        "leak",
        f"The lumen of the {roles.names[int(stations.vessel[worst])].replace('_', ' ')} spreads {how}: it has probably "
        "leaked into a touching structure there; raise the setting core_share, or check the points.",
        image.to_place(stations.points[worst]),
    )
