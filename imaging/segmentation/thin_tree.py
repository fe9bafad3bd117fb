"""The lumen of thin arteries: a tree from the point at which it begins and one where each of its vessels shall end.

The way: the brightness of the lumen at the points; the cheapest bright way to each end; proof that every place of the
way stands out from what lies around it, so that no lumen is invented through an occlusion; the wall at the half
maximum near the way; where the lumen is thinner than the half maximum can tell, the width that its partial volume has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
from imaging.segmentation.lumen_shape import filled, opened_to_share, reaching_piece
from imaging.segmentation.lumen_statistics import Contrast, denoised, measure_levels
from imaging.segmentation.minimal_path import CLOSED, arc_length_mm, minimal_paths, path_cost, smooth_path
from imaging.segmentation.neck_watershed import part_at_necks, thick_parts, won_by
from imaging.segmentation.stations import EndPlane, Stations, outside_parent, outward_fit
from imaging.segmentation.vessel_labels import label_nearest, largest_piece, one_piece
from imaging.segmentation.way_proof import Crossing, cross_sections, drawn_way
from imaging.segmentation.working_grid import Depth, Hu, Mask, WorkingImage, labels_on_scan, work_around
from imaging.types import FloatArray, IntArray, LabelMap, Progress, Volume

OPEN_SHARE = 0.2
"""A path may cross voxels above this share of the contrast; whether they are lumen is proven afterwards."""
BRIGHT_SHARE = 0.5
"""Half maximum."""
MOST_VOXELS = 60e6
"""A larger working image is made coarser."""
PATH_SMOOTH_VOXELS = 2.0
SMOOTHING_VOXELS = (0.4, 0.6)
WIDTH_STATIONS = 5
TUBE_WIDTHS, SAC_WIDTHS, TUBE_VOXELS = 1.5, 3.0, 1.5
MUCH_WIDER, NEAR_DEPTHS = 2.0, 2.0
"""A way through a lumen so many times as wide as the cost of ways asks for is brought into its middle; near it, in
depths of the way."""
MOUTH_LENGTH, MOUTH_WIDTHS = 3.0, 1.25
"""How long the mouth of the first vessel is, and how far its tube reaches there, in widths of the vessel."""
USUAL_BULGE, WIDEST_BULGE = 0.15, 1.0
"""How far a vessel may leave the box around its points, by that box's diagonal: at first, and where no way is found."""
"""The lumen lies within this many inscribed radii plus a margin of its path: room for an oval lumen or a sac."""
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


@dataclass(frozen=True)
class ThinTreeParameters(EnhancedLumenParameters):
    """Settings of the method."""

    neck_ratio: float = number(
        0.75,
        "1",
        0.4,
        0.95,
        "Two parts belong together when the neck between them is at least this deep compared with the shallower one.",
        "assumption, tested on phantoms with touching chambers",
    )
    click_mm: float = number(2.0, "mm", 0.0, 10.0, "How far a point may lie outside a thin artery.", "assumption")
    proof_share: float = number(
        0.15,
        "1",
        0.05,
        0.5,
        "A place of the way is lumen only if it is brighter than what lies around it by this share of the contrast.",
        "assumption: a throat of 1.2 voxels in diameter still has twice as much after the blur of a scan",
    )
    stub_share: float = number(
        0.5,
        "1",
        0.0,
        0.9,
        "What is thinner than this share of the vessel that it sits on is cut off: side vessels, sheets of bone.",
        "assumption: an oval lumen twice as long as wide stays whole",
    )
    voxel_mm: float = number(
        0.0,
        "mm",
        0.0,
        2.0,
        "Voxel size at which the work is done; 0: the smallest spacing of the scan.",
        "assumption",
    )


@dataclass(frozen=True)
class Leg:
    """A vessel: the point at which it ends, its name, points on the way to there; a sac is no tube and is not cut."""

    role: str
    name: str
    via: tuple[str, ...] = ()
    is_sac: bool = False


@dataclass(frozen=True)
class TreePlan:
    """What to find: from ``root`` along each leg whose point is set; each leg joins what was found before it.

    Attributes
    ----------
    names
        Label values of all vessels.
    trunk
        Name of the first leg before its first parting; its own name goes on when empty.
    wide_mm
        Radius beyond which more room is no cheaper for a path, so that it takes no detour through a chamber.
    """

    root: str
    legs: tuple[Leg, ...]
    titles: Mapping[str, str]
    names: Mapping[int, str]
    trunk: str = ""
    wide_mm: float = 1.5


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
        traced = _traced(volume, places, plan, legs, contrast, parameters, USUAL_BULGE)
    except ImagingError as refusal:
        if refusal.code != "no_path":
            raise
        traced = _traced(volume, places, plan, legs, contrast, parameters, WIDEST_BULGE)

    progress(0.5, "Proving that the way is open")
    image, stations = traced.image, traced.stations
    spacing = image.spacing_mm
    smoothed = traced.smoothed
    width = stations.envelope(_inscribed_mm(stations, traced.depth, plan.wide_mm, spacing), WIDTH_STATIONS)
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
    value_of = traced.values(plan, legs, names)
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


def _traced(
    volume: Volume,
    places: Mapping[str, Place],
    plan: TreePlan,
    legs: tuple[Leg, ...],
    contrast: Contrast,
    parameters: ThinTreeParameters,
    bulge: float,
) -> _Traced:
    """The ways through the part of the scan around the points."""
    image = _working_image(volume, places, parameters, contrast, bulge)
    smoothed = denoised(image, [places[plan.root]], contrast, SMOOTHING_VOXELS)
    voxels = _snapped(image, smoothed, places, plan, contrast, parameters)
    return _follow(image, smoothed, contrast, voxels, plan, legs)


def _working_image(
    volume: Volume, places: Mapping[str, Place], parameters: ThinTreeParameters, contrast: Contrast, bulge: float
) -> WorkingImage:
    where = np.array(list(places.values()))
    extent_mm = np.ptp(where, axis=0)
    margin_mm = 10.0 + bulge * float(np.linalg.norm(extent_mm))
    scan_mm3 = float(np.prod(volume.grid.size) * np.prod(volume.grid.spacing_mm))
    box_mm3 = min(float(np.prod(extent_mm + 2 * margin_mm)), scan_mm3)
    voxel_mm = parameters.voxel_mm or float(min(volume.grid.spacing_mm))
    voxel_mm = max(voxel_mm, (box_mm3 / MOST_VOXELS) ** (1.0 / 3.0))
    return work_around(volume, where, margin_mm, voxel_mm, contrast.tissue_hu)


def _snapped(
    image: WorkingImage,
    smoothed: Hu,
    places: Mapping[str, Place],
    plan: TreePlan,
    contrast: Contrast,
    parameters: ThinTreeParameters,
) -> dict[str, IntArray]:
    """The voxel of lumen nearest to each point; of those about as near the brightest."""
    found: dict[str, IntArray] = {}
    radius_mm = max(parameters.click_mm, image.spacing_mm)
    reach = int(np.ceil(radius_mm / image.spacing_mm)) + 1
    for role, place in places.items():
        index = image.to_index(place)
        center = np.clip(np.round(index).astype(int), 0, np.asarray(smoothed.shape) - 1)
        first = np.maximum(center - reach, 0)
        box = smoothed[tuple(slice(a, c + reach + 1) for a, c in zip(first, center, strict=True))]
        lumen = np.argwhere((box > contrast.at(BRIGHT_SHARE)) & (box < contrast.dense_hu)) + first
        away_mm = np.linalg.norm(lumen - index, axis=1) * image.spacing_mm
        if not len(lumen) or away_mm.min() > radius_mm:
            raise ImagingError(
                "point_outside_lumen",
                f"The point '{plan.titles[role]}' is not in a bright vessel: {contrast.at(BRIGHT_SHARE):.0f} to "
                f"{contrast.dense_hu:.0f} {image.scan.unit} are expected within {radius_mm:g} mm of it; move it into "
                "the vessel.",
                place,
            )
        near = lumen[away_mm <= away_mm.min() + 1.5 * image.spacing_mm]
        found[role] = near[np.argmax(smoothed[tuple(near.T)])]
    return found


@dataclass(frozen=True, eq=False)
class _Traced:
    """The ways, and the image cropped to what lies near them.

    Attributes
    ----------
    stations
        Their ``vessel`` is the number of the leg.
    depth
        Distance to the nearest voxel that is not as bright as the lumen.
    parting : int
        Station of the first leg at which the first other one leaves it.
    """

    image: WorkingImage
    smoothed: Hu
    depth: Depth
    stations: Stations
    parting: int

    def values(self, plan: TreePlan, legs: tuple[Leg, ...], names: Mapping[str, int]) -> IntArray:
        """Label value (n,) of each station."""
        value = np.array([names[leg.name] for leg in legs])[self.stations.vessel]
        if plan.trunk and len(legs) > 1:
            value[self.stations.of(0)[: self.parting]] = names[plan.trunk]
        return value


def _follow(
    image: WorkingImage,
    smoothed: Hu,
    contrast: Contrast,
    voxels: Mapping[str, IntArray],
    plan: TreePlan,
    legs: tuple[Leg, ...],
) -> _Traced:
    """The way of each leg from where it leaves those before it."""
    from scipy import ndimage

    spacing = image.spacing_mm
    dense = smoothed >= contrast.dense_hu
    # The blurred rim of calcium or bone passes through the lumen's brightness: its first voxel is no way, its second
    # one only where it is as bright as a lumen.
    rim, wide_rim = (ndimage.binary_dilation(dense, np.ones((3, 3, 3), dtype=bool), iterations=n) for n in (1, 2))
    is_way = (smoothed > contrast.at(OPEN_SHARE)) & ~rim & ~(wide_rim & (smoothed < contrast.at(BRIGHT_SHARE)))
    for voxel in voxels.values():
        is_way[tuple(voxel)] = True
    bright = (smoothed > contrast.at(BRIGHT_SHARE)) & ~dense
    depth: Depth = ndimage.distance_transform_edt(bright, sampling=spacing)
    cost = np.full(smoothed.shape, -1.0)
    cost[is_way] = path_cost(smoothed[is_way], depth[is_way], contrast, plan.wide_mm, spacing)
    cost[is_way & (cost < 0.0)] = cost.max()
    taken = voxels[plan.root][None]
    found: list[IntArray] = []
    for leg in legs:
        sources = taken
        pieces: list[IntArray] = []
        for stop in (*leg.via, leg.role):
            (piece,) = minimal_paths(cost, sources, voxels[stop][None], max(smoothed.shape))
            if piece is None:
                raise ImagingError(
                    "no_path",
                    f"No bright vessel leads to the point '{plan.titles[stop]}': the vessel is closed or too faint on "
                    "the way, or calcium hides it; check the points.",
                    image.to_place(voxels[stop]),
                )
            pieces.append(piece if not pieces else piece[1:])
            sources = piece[-1:]
        path = np.concatenate(pieces)
        if not any(one.is_sac for one in legs) and depth[tuple(path.T)].max() > MUCH_WIDER * plan.wide_mm:
            path = _centered(path, smoothed, depth, contrast, spacing)
        found.append(path)
        taken = np.concatenate([taken, found[-1]])
    margin = int(np.ceil(SAC_WIDTHS * float(depth[tuple(taken.T)].max()) / spacing + TUBE_VOXELS)) + 4
    low = np.maximum(taken.min(axis=0) - margin, 0)
    box = tuple(slice(int(a), int(b) + margin + 1) for a, b in zip(low, taken.max(axis=0), strict=True))
    part, near = depth[box], replace(image, hu=image.hu[box], first_voxel=image.first_voxel + low * image.step)
    paths: dict[int, FloatArray] = {}
    parting = len(found[0])
    for leg_number, path in enumerate(found):
        line = smooth_path((path - low).astype(float), spacing, spacing, PATH_SMOOTH_VOXELS * spacing)
        if leg_number:
            leaves = np.linalg.norm(paths[0] - (path[0] - low), axis=1)
            if leaves.min() < 2.0 * PATH_SMOOTH_VOXELS:
                parting = min(parting, int(leaves.argmin()))
            line = outside_parent(line, np.concatenate(list(paths.values())), part, spacing)
        paths[leg_number] = line
    return _Traced(near, smoothed[box], part, Stations.along(paths), parting)


def _centered(path: IntArray, smoothed: Hu, depth: Depth, contrast: Contrast, spacing_mm: float) -> IntArray:
    """The cheapest way (m, 3) near a path (n, 3) when room goes on to be cheaper: in wide lumens it keeps the middle.

    Near is what lies within ``NEAR_DEPTHS`` depths of the path, so that no chamber beside the vessel draws it in.
    """
    from scipy import ndimage

    margin = int(np.ceil(NEAR_DEPTHS * float(depth[tuple(path.T)].max()) / spacing_mm)) + 1
    low = np.maximum(path.min(axis=0) - margin, 0)
    box = tuple(slice(int(a), int(b) + margin + 1) for a, b in zip(low, path.max(axis=0), strict=True))
    on_path = np.zeros(depth[box].shape, dtype=bool)
    on_path[tuple((path - low).T)] = True
    away, at = ndimage.distance_transform_edt(~on_path, sampling=spacing_mm, return_indices=True)
    near = (away <= NEAR_DEPTHS * depth[box][tuple(at)]) & (depth[box] > 0.0) | on_path
    cost = np.full(near.shape, CLOSED)
    widest = float(depth[box][near].max())
    cost[near] = path_cost(smoothed[box][near], depth[box][near], contrast, widest, spacing_mm)
    cost[near & (cost < 0.0)] = cost.max()
    (way,) = minimal_paths(cost, path[:1] - low, path[-1:] - low, max(near.shape))
    return path if way is None else way + low


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
