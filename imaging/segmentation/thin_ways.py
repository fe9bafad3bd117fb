"""The ways along a tree of thin arteries: from its root to the end of each vessel, through what is bright."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.declaration import Place
from imaging.segmentation.lumen_statistics import Contrast, denoised
from imaging.segmentation.minimal_path import CLOSED, minimal_paths, path_cost, smooth_path
from imaging.segmentation.stations import Stations, outside_parent
from imaging.segmentation.thin_plan import Leg, ThinTreeParameters, TreePlan
from imaging.segmentation.working_grid import Depth, Hu, WorkingImage, work_around
from imaging.types import FloatArray, IntArray, Volume

OPEN_SHARE = 0.2
"""A path may cross voxels above this share of the contrast; whether they are lumen is proven afterwards."""
BRIGHT_SHARE = 0.5
"""Half maximum."""
MOST_VOXELS = 60e6
"""A larger working image is made coarser."""
PATH_SMOOTH_VOXELS = 2.0
SMOOTHING_VOXELS = (0.4, 0.6)
SAC_WIDTHS, TUBE_VOXELS = 3.0, 1.5
"""The lumen of a sac lies within this many inscribed radii plus a margin of its path."""
MUCH_WIDER, NEAR_DEPTHS = 2.0, 2.0
"""A way through a lumen so many times as wide as the cost of ways asks for is brought into its middle; near it, in
depths of the way."""
USUAL_BULGE, WIDEST_BULGE = 0.15, 1.0
"""How far a vessel may leave the box around its points, by that box's diagonal: at first, and where no way is found."""


def traced(
    volume: Volume,
    places: Mapping[str, Place],
    plan: TreePlan,
    legs: tuple[Leg, ...],
    contrast: Contrast,
    parameters: ThinTreeParameters,
    bulge: float,
) -> Traced:
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
class Traced:
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
) -> Traced:
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
    return Traced(near, smoothed[box], part, Stations.along(paths), parting)


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
