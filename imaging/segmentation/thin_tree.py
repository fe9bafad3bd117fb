"""The lumen of thin arteries: a tree from the point at which it begins and one where each of its vessels shall end.

The way: the brightness of the lumen at the points; the cheapest bright way to each end; proof that every place of the
way stands out from what lies around it, so that no lumen is invented through an occlusion; the wall at the half
maximum near the way; where the lumen is thinner than the half maximum can tell, the width that its partial volume has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import Place, PointsMm, check_bounds, check_points
from imaging.segmentation.half_maximum import lumen_shares
from imaging.segmentation.lumen_shape import filled, opened_to_share, reaching_piece
from imaging.segmentation.lumen_statistics import Contrast, measure_levels
from imaging.segmentation.minimal_path import arc_length_mm
from imaging.segmentation.neck_watershed import part_at_necks, thick_parts, won_by
from imaging.segmentation.stations import EndPlane, Stations, outward_fit
from imaging.segmentation.thin_plan import Leg, ThinTreeParameters, TreePlan
from imaging.segmentation.thin_ways import (
    BRIGHT_SHARE,
    SAC_WIDTHS,
    TUBE_VOXELS,
    USUAL_BULGE,
    WIDEST_BULGE,
    traced,
)
from imaging.segmentation.vessel_labels import label_nearest, largest_piece, one_piece
from imaging.segmentation.way_proof import Crossing, cross_sections, drawn_way
from imaging.segmentation.working_grid import Depth, Hu, Mask, WorkingImage, labels_on_scan
from imaging.types import FloatArray, IntArray, LabelMap, Progress, Volume

WIDTH_STATIONS = 5
TUBE_WIDTHS = 1.5
"""The lumen lies within this many inscribed radii plus a margin of its path: room for an oval lumen."""
MOUTH_LENGTH, MOUTH_WIDTHS = 3.0, 1.25
"""How long the mouth of the first vessel is, and how far its tube reaches there, in widths of the vessel."""
FIT_VOXELS = 12.0
THICK_VOXELS = 2.0
"""Bright things that hold a ball of this radius are structures of their own."""
OUTSIDE_AT_VOXELS = (1.5, 2.25, 3.0)
SHARE_SMOOTHING_VOXELS = 0.4
LUMEN_HU_MM = 15.0
"""Length of the running median of the lumen's brightness along a vessel."""
WIDE_VOXELS = 2.0
"""From this inscribed radius on, the middle of a vessel is as bright as its lumen, whatever the blur."""
THIN_VOXELS = 1.3
"""Below this inscribed radius the half maximum cannot tell the lumen; above it a tube about the way would only add."""
LEAK_SECTIONS = 2.5
"""Lumen at the limit of its tube over more than so many sections of the vessel has left the vessel."""


def segment_thin_tree(
    volume: Volume, points: PointsMm, plan: TreePlan, parameters: ThinTreeParameters, progress: Progress
) -> LabelMap:
    """Labels of the plan's vessels on the grid of the volume.

    Parameters
    ----------
    volume
        A CT in HU, or any other scan in which the arteries are bright, whose levels are then measured.
    points
        A point (x, y, z) in mm LPS for the root and for each leg wanted; vessels are cut at planes through them.

    Raises
    ------
    ImagingError
        ``parameter_out_of_range``, ``missing_point``, ``bad_point``, ``point_outside_volume``, ``not_enhanced``,
        ``point_outside_lumen``, ``no_path``, ``interrupted_lumen``, ``leak``.
    """
    check_bounds(parameters)
    legs = tuple(leg for leg in plan.legs if leg.role in points)
    if not legs:
        ends = ", ".join(plan.titles[leg.role] for leg in plan.legs)
        raise ImagingError("missing_point", f"Set the end of at least one vessel: {ends}.")
    legs = tuple(replace(leg, via=tuple(role for role in leg.via if role in points)) for leg in legs)
    wanted = dict.fromkeys([plan.root, *[role for leg in legs for role in (*leg.via, leg.role)]])
    places = check_points(
        {role: points[role] for role in wanted if role in points},
        {role: plan.titles[role] for role in wanted},
        volume.grid,
    )
    progress(0.0, "Measuring the lumen")
    contrast = measure_levels(volume, places, plan.root, parameters.tissue_hu, parameters.minimum_lumen_hu)
    progress(0.1, "Following the vessels")
    try:
        ways = traced(volume, places, plan, legs, contrast, parameters, USUAL_BULGE)
    except ImagingError as refusal:
        if refusal.code != "no_path":
            raise
        ways = traced(volume, places, plan, legs, contrast, parameters, WIDEST_BULGE)

    progress(0.5, "Proving that the way is open")
    image, stations = ways.image, ways.stations
    spacing = image.spacing_mm
    smoothed = ways.smoothed
    width = stations.envelope(_inscribed_mm(stations, ways.depth, plan.wide_mm, spacing), WIDTH_STATIONS)
    lumen_hu = _lumen_hu(stations, smoothed, width, contrast, spacing)
    sections = cross_sections(image.hu, smoothed, stations, width, lumen_hu, contrast.tissue_hu, spacing)
    _require_open(sections, stations, image, parameters.proof_share, plan, legs)

    progress(0.6, "Finding the wall")
    width = np.maximum(width, 0.5 * spacing)
    away_mm, station_at = stations.nearest(smoothed.shape, spacing)
    widths = np.array([SAC_WIDTHS if leg.is_sac else TUBE_WIDTHS for leg in legs])[stations.vessel]
    reach_mm = widths * np.maximum(width, sections.radius_mm) + TUBE_VOXELS * spacing
    mouth, mouth_mm = _mouth(stations, width, spacing)
    reach_mm[mouth] = np.minimum(reach_mm[mouth], MOUTH_WIDTHS * mouth_mm + spacing)
    # What lies in the tube of the first vessel may be nearer to a branch that begins in it.
    first = stations.of(0)
    away_first_mm, first_at = Stations(stations.points[first], stations.vessel[first]).nearest(smoothed.shape, spacing)
    room_mm = np.maximum(reach_mm[station_at] - away_mm, reach_mm[first][first_at] - away_first_mm)
    sac = _near_sacs(stations, legs, width, smoothed.shape, spacing)
    inside = (room_mm >= 0.0) | sac
    inside &= ~_beyond_ends(image, places, plan, legs, stations, station_at, reach_mm)
    thin = (away_mm <= np.maximum(sections.radius_mm, 0.5 * spacing)[station_at]) & (width < THIN_VOXELS * spacing)[
        station_at
    ]
    lumen, shares = _lumen(image, smoothed, stations, station_at, inside, thin, width, lumen_hu, contrast, parameters)

    progress(0.85, "Checking and naming the vessels")
    at_limit = lumen & ~thin & ~sac & ~mouth[station_at] & (room_mm < spacing)
    _require_no_leak(at_limit, station_at, stations, width, image, plan, legs)
    names = {name: value for value, name in plan.names.items()}
    value_of = ways.values(plan, legs, names)
    labels = one_piece(label_nearest(lumen, stations.points, np.maximum(width, sections.radius_mm), value_of, spacing))
    progress(0.95, "Bringing the labels onto the scan")
    occupancy = np.where(lumen, np.maximum(shares, 0.51), np.minimum(shares, 0.49)).astype(np.float32)
    on_scan = labels_on_scan(image, occupancy, labels)
    drawn_way(on_scan, stations, value_of, inside, image.step, image.first_voxel)
    on_scan = one_piece(on_scan)
    progress(1.0, "Segmented")
    there = set(np.unique(on_scan).tolist())
    return LabelMap(on_scan, volume.grid, {value: name for value, name in plan.names.items() if value in there})


def _mouth(stations: Stations, width_mm: FloatArray, spacing_mm: float) -> tuple[Mask, float]:
    """Stations (n,) where the first vessel begins, and the vessel's width behind them [mm].

    A vessel may open there into a wider one at an angle, whose lumen no plane parts from it: it is a tube of its own
    width there, and what its tube cuts off is no leak.
    """
    first = stations.of(0)
    along = arc_length_mm(stations.points[first], spacing_mm)
    usual = float(np.median(width_mm[first[: max(3, len(first) // 4)]]))
    behind = width_mm[first[(along > MOUTH_LENGTH * usual) & (along <= 2.0 * MOUTH_LENGTH * usual)]]
    mouth = np.zeros(len(stations.points), dtype=bool)
    mouth[first[along <= MOUTH_LENGTH * usual]] = True
    return mouth, float(np.median(behind)) if len(behind) else usual


def _inscribed_mm(stations: Stations, depth_mm: Depth, wide_mm: float, spacing_mm: float) -> FloatArray:
    """Inscribed radius (n,) of the vessel at each station.

    Where there is so much room that a way need not keep to the middle, it is that of the deepest place in the ball
    that the station itself is the middle of.
    """
    radius = stations.sampled(depth_mm)
    for n in np.flatnonzero(radius >= wide_mm):
        reach = radius[n] / spacing_mm
        first = np.maximum(np.floor(stations.points[n] - reach).astype(int), 0)
        part = depth_mm[tuple(slice(a, int(b) + 2) for a, b in zip(first, stations.points[n] + reach, strict=True))]
        offset = np.moveaxis(np.indices(part.shape), 0, -1) + (first - stations.points[n])
        radius[n] = max(radius[n], float(part[(offset**2).sum(axis=-1) <= reach**2].max(initial=0.0)))
    return radius


def _lumen_hu(stations: Stations, smoothed: Hu, width_mm: FloatArray, contrast: Contrast, spacing_mm: float) -> Hu:
    """Brightness (n,) of the lumen at each station: a running median where the vessel is wide.

    Where it is thin the blur lowers the middle, so that the last wide place before it decides.
    """
    from scipy import ndimage
    from scipy.spatial import cKDTree

    values = stations.sampled(smoothed.astype(np.float64))
    level = np.full(len(values), contrast.lumen_hu)
    window = max(round(LUMEN_HU_MM / spacing_mm), 3)
    for vessel in np.unique(stations.vessel):
        mine = stations.of(int(vessel))
        wide = mine[(width_mm[mine] >= WIDE_VOXELS * spacing_mm) & (values[mine] < contrast.dense_hu)]
        before = stations.points[: mine[0]]
        first = float(level[cKDTree(before).query(stations.points[mine[0]])[1]]) if len(before) else contrast.lumen_hu
        if len(wide):
            medians = ndimage.median_filter(values[wide], size=min(window, len(wide)), mode="nearest")
            level[mine] = np.interp(mine, wide, medians, left=medians[0] if not len(before) else first)
        else:
            level[mine] = first
    return np.asarray(np.clip(level, contrast.at(0.6), contrast.at(1.4)), dtype=np.float32)


def _require_open(
    sections: Crossing, stations: Stations, image: WorkingImage, least: float, plan: TreePlan, legs: tuple[Leg, ...]
) -> None:
    """Raise ``ImagingError("interrupted_lumen")`` at the first place of a way that does not stand out."""
    closed = (sections.share < BRIGHT_SHARE) & (sections.excess < least)
    if closed.any():
        at = int(np.flatnonzero(closed)[0])
        leg = legs[int(stations.vessel[at])]
        raise ImagingError(
            "interrupted_lumen",
            f"The lumen is interrupted on the way to the point '{plan.titles[leg.role]}': there it is no brighter than "
            f"what lies around it ({100 * sections.excess[at]:.0f} % of the contrast, {100 * least:.0f} % needed). "
            "Place the point before the closed part, or lower the setting proof_share if you see a lumen.",
            image.to_place(stations.points[at]),
        )


def _beyond_ends(
    image: WorkingImage,
    places: Mapping[str, Place],
    plan: TreePlan,
    legs: tuple[Leg, ...],
    stations: Stations,
    station_at: IntArray,
    reach_mm: FloatArray,
) -> Mask:
    """Voxels beyond planes through the end points across the vessels."""
    spacing = image.spacing_mm
    runs = [(plan.root, stations.of(0))]
    runs += [(leg.role, stations.of(n)[::-1]) for n, leg in enumerate(legs) if not leg.is_sac]
    vessel_at = stations.vessel[station_at]
    far = np.zeros(station_at.shape, dtype=bool)
    for role, run in runs:
        normal = outward_fit(stations.points[run], spacing, FIT_VOXELS * spacing, spacing)
        plane = EndPlane(image.to_index(places[role]), normal, int(stations.vessel[run[0]]), float(reach_mm[run[0]]))
        far |= plane.beyond(vessel_at, spacing)
    return far


def _near_sacs(
    stations: Stations, legs: tuple[Leg, ...], width_mm: FloatArray, shape: tuple[int, ...], spacing_mm: float
) -> Mask:
    """Voxels as near to the way into a sac as the sac may be wide; they may be nearer to the artery beside it."""
    from scipy import ndimage

    near = np.zeros(shape, dtype=bool)
    for mine in (stations.of(n) for n, leg in enumerate(legs) if leg.is_sac):
        way = np.ones(shape, dtype=bool)
        way[tuple(stations.voxels(shape)[mine].T)] = False
        near |= ndimage.distance_transform_edt(way, sampling=spacing_mm) <= SAC_WIDTHS * width_mm[mine].max()
    return near


def _lumen(
    image: WorkingImage,
    smoothed: Hu,
    stations: Stations,
    station_at: IntArray,
    inside: Mask,
    thin: Mask,
    width_mm: FloatArray,
    lumen_hu: Hu,
    contrast: Contrast,
    parameters: ThinTreeParameters,
) -> tuple[Mask, Hu]:
    """The lumen and each voxel's share of it.

    What is wide is told by the half maximum; where the way is ``thin``, its partial volume.
    """
    from scipy import ndimage

    spacing = image.spacing_mm
    lumen_hu_at = lumen_hu[station_at]
    step_at = lumen_hu_at - np.float32(contrast.tissue_hu)
    share_at = (smoothed - np.float32(contrast.tissue_hu)) / step_at
    dense = share_at > contrast.dense_share
    foreign_dense = thick_parts(dense, THICK_VOXELS * spacing, spacing)
    core = inside & (share_at > BRIGHT_SHARE) & ~ndimage.binary_dilation(dense, np.ones((3, 3, 3), dtype=bool))
    path = np.zeros(core.shape, dtype=bool)
    path[tuple(stations.voxels(core.shape).T)] = True
    ours = part_at_necks(core, path, parameters.neck_ratio) | (path & inside)
    foreign = thick_parts(core & ~ours, THICK_VOXELS * spacing, spacing)
    allowed = won_by(ours, foreign | dense, np.minimum(smoothed, lumen_hu_at), inside)
    shares = lumen_shares(
        image.hu,
        ours,
        allowed,
        dense & ~foreign_dense,
        lumen_hu_at,
        contrast.tissue_hu,
        spacing,
        SHARE_SMOOTHING_VOXELS * spacing,
        tuple(spacing * at for at in OUTSIDE_AT_VOXELS),
    )
    lumen = filled((shares > BRIGHT_SHARE) & inside)
    lumen = opened_to_share(lumen, parameters.stub_share * width_mm[station_at], spacing) | (thin & inside)
    way = np.zeros(lumen.shape, dtype=np.uint8)
    drawn_way(way, stations, np.ones(len(stations.points), dtype=np.int64), inside, 1.0, 0.0)
    lumen |= way > 0
    return reaching_piece(lumen, stations.voxels(lumen.shape)), shares


def _require_no_leak(
    at_limit: Mask,
    station_at: IntArray,
    stations: Stations,
    width_mm: FloatArray,
    image: WorkingImage,
    plan: TreePlan,
    legs: tuple[Leg, ...],
) -> None:
    """Raise ``ImagingError("leak")`` where the lumen runs into the limit of its tube."""
    escaped = largest_piece(at_limit)
    if not escaped.any():
        return
    worst = int(np.bincount(station_at[escaped]).argmax())
    section_mm2 = np.pi * max(float(width_mm[worst]), 2.0 * image.spacing_mm) ** 2
    if escaped.sum() * image.spacing_mm**2 > LEAK_SECTIONS * section_mm2:
        name = legs[int(stations.vessel[worst])].name.replace("_", " ")
        raise ImagingError(
            "leak",
            f"The lumen of the {name} spreads far beyond the width of the vessel: it has probably leaked into a "
            "touching structure there; raise the setting neck_ratio or stub_share, or check the points.",
            image.to_place(stations.points[worst]),
        )
