"""From labels to a closed, named, cut and extended lumen surface with its centerlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.centerline.central_lines import CentralLines, central_lines
from imaging.centerline.local_size import size_radius_mm
from imaging.centerline.minimal_path import Disconnected
from imaging.centerline.tree import Path, parting, prepare_path, tree_of, vessels_of
from imaging.errors import ImagingError
from imaging.surface.assembly import Opening, closed_surface, lengthened_line
from imaging.surface.caps import CapError
from imaging.surface.checks import lumen_with_ends, ordered_ends, position_text, triple
from imaging.surface.clip import CutError, clip_end
from imaging.surface.contour import contour
from imaging.surface.cut_planes import CutPlane, cut_plane
from imaging.surface.extensions import add_extension
from imaging.surface.lumen import Lumen
from imaging.surface.lumen_field import crop_to_lumen, lumen_field
from imaging.surface.parameters import ModelParameters
from imaging.surface.partial_volume import WALL_HU, partial_volume
from imaging.surface.polydata import SignedDistance
from imaging.surface.remesh import RemeshError, fitted, remeshed
from imaging.surface.smoothing import taubin_smoothed
from imaging.surface.surface_lumen import lumen_of_surface
from imaging.surface.topology import (
    enclosed_volume_mm3,
    is_watertight,
    open_loops,
    self_intersections,
    triangle_pieces,
    triangle_quality,
    unique_edges,
)
from imaging.types import (
    CenterlineTree,
    FloatArray,
    IntArray,
    LabelMap,
    Patch,
    Progress,
    Surface,
    VesselEnd,
    VesselModel,
    Volume,
    silent,
)

_WINDOW_VOXELS = 2.0
_WINDOW_VOXELS_WITH_SCAN = 4.0
_HAUSDORFF_VOXELS = 0.15
_ATTEMPTS = 4
_JOINT_RADII = 0.6
_JOINT_PASSES = 30
_RETREAT_NOTED_RADII = 1.0
_SCAN_CHANGE_NOTED = 0.1


def build_model(
    labels: LabelMap,
    volume: Volume | None,
    ends: Sequence[VesselEnd],
    parameters: ModelParameters | None = None,
    progress: Progress = silent,
) -> VesselModel:
    """A closed lumen surface, cut flat and extended at its named ends, with centerlines.

    Parameters
    ----------
    labels : LabelMap
        Every value above 0 is lumen; the values name the vessels.
    volume : Volume, optional
        The scan on the same grid, which places the wall within the voxel.
    ends : sequence of VesselEnd
        One inlet and at least one outlet; positions in LPS mm.
    parameters : ModelParameters, optional
    progress : callable

    Returns
    -------
    VesselModel
        Wall = patch 1, inlet = 2, outlets = 3, 4, ... in the order given.

    Raises
    ------
    ImagingError
        ``needs_inlet_and_outlet``, ``duplicate_end``, ``empty_label``, ``label_in_pieces``, ``end_outside_label``,
        ``scan_and_labels_differ``, ``lumen_too_thin``, ``end_near_junction``, ``end_on_the_way``, ``end_not_tubular``,
        ``cut_failed``, ``self_crossing``.
    """
    parameters = parameters or ModelParameters()
    progress(0.0, "Checking the segmentation")
    ends = ordered_ends(ends)
    mask, ends, notes = lumen_with_ends(labels, ends, parameters.end_snap_mm)
    progress(0.03, "Smoothing the lumen")
    lumen, scan_volume = measured_lumen(labels, volume, mask, parameters)
    label_volume = float(mask.sum()) * labels.grid.voxel_volume_ml
    wall_volume = enclosed_volume_mm3(lumen.points, lumen.triangles) / 1000.0
    built = _built(lumen, ends, parameters, progress)
    closed = built.closed
    change = wall_volume / scan_volume - 1.0
    by_scan = scan_volume / label_volume - 1.0
    genus = _genus(lumen.triangles)
    figures = {
        "label_volume_ml": label_volume,
        "wall_volume_ml": wall_volume,
        "volume_change_relative": change,
        "scan_volume_change_relative": by_scan,
        "model_volume_ml": enclosed_volume_mm3(closed.surface.points, closed.surface.triangles) / 1000.0,
        "n_triangles": float(len(closed.surface.triangles)),
        "min_triangle_quality": float(triangle_quality(closed.surface.points, closed.surface.triangles).min()),
        "centerline_difference_mm": built.lines.median_difference_mm,
        "n_loops": float(genus),
    }
    if abs(change) > parameters.volume_change_limit:
        notes += (f"Smoothing changed the lumen volume by {100 * change:+.1f} %.",)
    if abs(by_scan) > _SCAN_CHANGE_NOTED:
        notes += (
            f"The scan shows {100 * by_scan:+.1f} % of lumen against the segmentation; the wall follows the scan.",
        )
    if genus:
        notes += (f"The lumen has {genus} loop(s): two vessels touch somewhere in the segmentation.",)
    progress(1.0, "Model finished")
    return built.model(figures, notes)


def build_model_of_surface(
    surface: Surface,
    ends: Sequence[VesselEnd],
    smallest_radius_mm: float,
    parameters: ModelParameters | None = None,
    progress: Progress = silent,
) -> VesselModel:
    """The same from a closed surface instead of labels: cut flat just inside its caps, extended, with centerlines.

    Parameters
    ----------
    surface : Surface
        Closed, outward, mm.
    ends : sequence of VesselEnd
        One inlet and at least one outlet, at the centers of the surface's caps.
    smallest_radius_mm : float
        Radius of the narrowest opening, which decides how finely sections are looked at.
    parameters : ModelParameters, optional
        ``smoothing_voxels`` and what concerns the scan is not used: the surface is taken as it is.
    progress : callable

    Returns
    -------
    VesselModel
        As of :func:`build_model`. ``surface_deviation_p95_mm`` and ``surface_deviation_max_mm`` tell how far the
        model's wall lies from the surface given, flow extensions and a radius beside their joints left out.

    Raises
    ------
    ImagingError
        Those of :func:`build_model` that do not concern labels.
    """
    parameters = parameters or ModelParameters()
    progress(0.0, "Measuring the surface")
    ends = ordered_ends(ends)
    lumen = lumen_of_surface(surface.points, surface.triangles, smallest_radius_mm)
    built = _built(lumen, ends, parameters, progress)
    deviation = _deviation_mm(lumen, built)
    figures = {
        "wall_volume_ml": enclosed_volume_mm3(lumen.points, lumen.triangles) / 1000.0,
        "model_volume_ml": enclosed_volume_mm3(built.closed.surface.points, built.closed.surface.triangles) / 1000.0,
        "n_triangles": float(len(built.closed.surface.triangles)),
        "min_triangle_quality": float(
            triangle_quality(built.closed.surface.points, built.closed.surface.triangles).min()
        ),
        "surface_deviation_p95_mm": float(np.percentile(deviation, 95.0)),
        "surface_deviation_max_mm": float(deviation.max()),
        "centerline_difference_mm": built.lines.median_difference_mm,
        "n_loops": float(_genus(lumen.triangles)),
    }
    progress(1.0, "Model finished")
    return built.model(figures, ())


@dataclass(frozen=True, eq=False)
class _Built:
    lines: CentralLines
    cuts: list[CutPlane]
    closed: _Closed

    def model(self, figures: dict[str, float], notes: tuple[str, ...]) -> VesselModel:
        patches = self.closed.patches
        return VesselModel(
            self.closed.surface,
            patches,
            self.closed.tree,
            {patch.id: triple(cut.center_mm) for patch, cut in zip(patches[1:], self.cuts, strict=True)},
            figures,
            (*notes, self.lines.note, *_retreat_notes(self.cuts), *self.closed.notes),
        )


def _built(lumen: Lumen, ends: tuple[VesselEnd, ...], parameters: ModelParameters, progress: Progress) -> _Built:
    found = _lines(lumen, ends, progress)
    paths = [
        prepare_path(end.name, line, lumen.step_mm, lambda xyz: -lumen.distance(xyz), lumen.label_at)
        for end, line in zip(ends[1:], found.lines, strict=True)
    ]
    progress(0.6, "Cutting the ends")
    cuts = _cuts(lumen, paths, ends)
    points, triangles = _cut_wall(lumen, cuts)
    return _Built(found, cuts, _finished(lumen, points, triangles, paths, cuts, parameters, progress))


def _deviation_mm(lumen: Lumen, built: _Built) -> FloatArray:
    """Distance (k,) of the model's wall points from the uncut lumen, away from the cuts."""
    surface = built.closed.surface
    on_wall = np.unique(surface.triangles[np.asarray(surface.triangle_data["patch"]) == 1])
    points = surface.points[on_wall]
    away = np.ones(len(points), bool)
    for cut in built.cuts:
        offset = points - cut.center_mm
        near = np.linalg.norm(offset, axis=1) < 8.0 * cut.radius_mm
        away &= ~(near & (offset @ cut.normal > -cut.radius_mm))
    return np.abs(lumen.distance(points[away]))


def measured_lumen(
    labels: LabelMap, volume: Volume | None, mask: NDArray[np.bool_], parameters: ModelParameters
) -> tuple[Lumen, float]:
    """The lumen and its volume in mL by the scan's partial volumes, or by the labels where there is no scan."""
    grid = labels.grid
    region, cropped, cropped_grid = crop_to_lumen(mask, grid)
    occupancy = content = cropped.astype(np.float32)
    window = _WINDOW_VOXELS
    if volume is not None and parameters.use_scan:
        if volume.grid.size != grid.size or not np.allclose(volume.grid.to_lps([0, 0, 0]), grid.to_lps([0, 0, 0])):
            raise ImagingError(
                "scan_and_labels_differ",
                "The scan and the segmentation do not lie on the same grid: segment this scan again, or build the "
                "model from the segmentation alone.",
            )
        margin = (cropped.shape[0] - mask[region].shape[0]) // 2
        image = _cropped_image(volume.array, region, margin)
        found = partial_volume(cropped, image, WALL_HU if volume.modality == "CT" else -np.inf)
        occupancy, content = found.sided, found.share
        window = _WINDOW_VOXELS_WITH_SCAN
    field = lumen_field(cropped, occupancy, cropped_grid, parameters.smoothing_voxels, window, content)
    volume_ml = float(content.sum(dtype=float)) * grid.voxel_volume_ml
    points, triangles = contour(field, 1000.0 * volume_ml)
    if len(triangles) == 0 or not is_watertight(triangles):
        raise ImagingError(
            "lumen_too_thin",
            "The segmented vessel is too thin for a smooth wall (about one voxel across): segment it more generously "
            "or use a scan with thinner slices.",
            triple(grid.to_lps(np.argwhere(mask).mean(axis=0)[::-1])),
        )
    step = float(np.clip(min(grid.spacing_mm) / 2.0, 0.1, 0.75))
    wall = SignedDistance(points, triangles)
    return Lumen(field, points, triangles, wall, float(max(grid.spacing_mm)), step, labels), volume_ml


def _cropped_image(array: NDArray[np.generic], region: tuple[slice, ...], margin: int) -> NDArray[np.float32]:
    low = [max(0, s.start - margin) for s in region]
    high = [min(n, s.stop + margin) for s, n in zip(region, array.shape, strict=True)]
    window = np.asarray(array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], dtype=np.float32)
    missing = [(a - (s.start - margin), (s.stop + margin) - b) for s, a, b in zip(region, low, high, strict=True)]
    return np.pad(window, missing, mode="edge")


def _lines(lumen: Lumen, ends: tuple[VesselEnd, ...], progress: Progress) -> CentralLines:
    positions = [np.asarray(end.position_mm) for end in ends]
    try:
        return central_lines(
            lumen.field,
            lumen.points,
            lumen.triangles,
            lumen.distance,
            positions[0],
            positions[1:],
            lumen.step_mm,
            progress,
        )
    except Disconnected as missing:
        end = ends[1 + missing.end]
        raise ImagingError(
            "label_in_pieces",
            f"The lumen is so thin between '{ends[0].name}' and '{end.name}' at {position_text(end.position_mm)} that "
            "no passage is left after smoothing: close the gap in the segmentation, or leave this end out.",
            end.position_mm,
        ) from None


def _cuts(lumen: Lumen, paths: list[Path], ends: tuple[VesselEnd, ...]) -> list[CutPlane]:
    cuts = [cut_plane(lumen.field, paths, 0, ends[0], lumen.voxel_mm)]
    cuts += [cut_plane(lumen.field, paths, n, end, lumen.voxel_mm) for n, end in enumerate(ends[1:])]
    for n, own in enumerate(paths):
        for m, other in enumerate(paths):
            if m != n and parting(other, own)[1] >= cuts[n + 1].path_index:
                end = ends[n + 1]
                raise ImagingError(
                    "end_on_the_way",
                    f"The end '{end.name}' at {position_text(end.position_mm)} lies on the way to "
                    f"'{ends[m + 1].name}': a vessel can only be open at its end. Move one of the two points, or "
                    "leave one out.",
                    end.position_mm,
                )
    return cuts


def _cut_wall(lumen: Lumen, cuts: Sequence[CutPlane]) -> tuple[FloatArray, IntArray]:
    points, triangles = lumen.points, lumen.triangles
    for number, cut in enumerate(cuts, start=1):
        try:
            points, triangles = clip_end(points, triangles, cut.center_mm, cut.normal)
            whole = len(open_loops(triangles)) == number and triangle_pieces(triangles, len(points)).max() == 0
        except (CutError, ValueError):
            whole = False
        if not whole:
            raise ImagingError(
                "cut_failed",
                f"The vessel cannot be cut flat at the end '{cut.end.name}' at {position_text(cut.end.position_mm)}, "
                "because the cut would meet another vessel: move this end to a straight piece of its vessel.",
                cut.end.position_mm,
            )
    return points, triangles


@dataclass(frozen=True, eq=False)
class _Closed:
    surface: Surface
    patches: tuple[Patch, ...]
    tree: CenterlineTree
    notes: tuple[str, ...]


def _finished(
    lumen: Lumen,
    points: FloatArray,
    triangles: IntArray,
    paths: list[Path],
    cuts: list[CutPlane],
    parameters: ModelParameters,
    progress: Progress,
) -> _Closed:
    """Extend, remesh, cap and check; shorten extensions that run into something, and take finer triangles once."""
    lengths = [
        cut.radius_mm
        * (parameters.inlet_extension_radii if cut.end.kind == "inlet" else parameters.outlet_extension_radii)
        for cut in cuts
    ]
    notes: tuple[str, ...] = ()
    crossing = cuts[0].center_mm
    for attempt in range(_ATTEMPTS):
        progress(0.65 + 0.07 * attempt, "Adding flow extensions and new triangles")
        try:
            made = _extended(lumen, points, triangles, paths, cuts, lengths, parameters)
        except (CapError, RemeshError):
            break
        progress(0.7 + 0.07 * attempt, "Checking the surface")
        bad = self_intersections(made.surface.points, made.surface.triangles)
        if len(bad) == 0:
            return replace(made, notes=notes)
        places = made.surface.points[made.surface.triangles[bad]].mean(axis=1)
        crossing = places[0]
        shortened = [
            n for n, (cut, length) in enumerate(zip(cuts, lengths, strict=True)) if _meets(places, cut, length)
        ]
        for n in shortened:
            lengths[n] /= 2.0
            notes += (f"The flow extension at '{cuts[n].end.name}' was shortened, because it met another vessel.",)
        if not shortened:
            parameters = replace(parameters, edge_radii=0.7 * parameters.edge_radii)
            notes += ("The surface was made of finer triangles, because it crossed itself.",)
    raise ImagingError(
        "self_crossing",
        f"The vessel surface crosses itself near {position_text(triple(crossing))}: correct the segmentation there, so "
        "that the vessel walls are at least a voxel apart.",
        triple(crossing),
    )


def _extended(
    lumen: Lumen,
    points: FloatArray,
    triangles: IntArray,
    paths: list[Path],
    cuts: list[CutPlane],
    lengths: list[float],
    parameters: ModelParameters,
) -> _Closed:
    openings = []
    for cut, length in zip(cuts, lengths, strict=True):
        points, triangles, cap_center = add_extension(
            points, triangles, cut.center_mm, cut.normal, length, parameters.extension_transition
        )
        openings.append(Opening(cut, cap_center))
    original = SignedDistance(points, triangles)
    tree = _tree(lumen, paths, openings, original)
    edge = parameters.edge_radii * size_radius_mm(tree, points, triangles)
    edge = np.clip(edge, parameters.edge_min_mm, parameters.edge_max_mm)
    hausdorff = _HAUSDORFF_VOXELS * lumen.voxel_mm
    points, triangles = remeshed(points, triangles, edge, hausdorff)
    points = fitted(points, triangles, original, [(o.cap_center_mm, o.cut.normal) for o in openings])
    points = _joints_smoothed(points, triangles, openings)
    surface, patches = closed_surface(points, triangles, openings)
    return _Closed(surface, patches, tree, ())


def _joints_smoothed(points: FloatArray, triangles: IntArray, openings: list[Opening]) -> FloatArray:
    """Round the edge where a flow extension meets a vessel that flares or bends."""
    weight = np.zeros(len(points))
    for opening in openings:
        offset = points - opening.cut.center_mm
        radius = opening.cut.radius_mm
        height = np.abs(offset @ opening.cut.normal)
        near = np.linalg.norm(offset, axis=1) < 2.0 * radius
        weight = np.maximum(weight, near * np.clip(2.0 * (1.0 - height / (_JOINT_RADII * radius)), 0.0, 1.0))
    for loop in open_loops(triangles):
        weight[loop] = 0.0
    return taubin_smoothed(points, triangles, weight, _JOINT_PASSES)


def _tree(lumen: Lumen, paths: list[Path], openings: list[Opening], open_wall: SignedDistance) -> CenterlineTree:
    final = []
    for path, outlet in zip(paths, openings[1:], strict=True):
        line = lengthened_line(path, openings[0], outlet, lumen.step_mm)
        radius = np.maximum(np.abs(open_wall(line)), 1e-3)
        final.append(Path(path.end_name, line, radius, lumen.label_at(line)))
    return tree_of(final, vessels_of(final), lumen.label_names)


def _meets(places: FloatArray, cut: CutPlane, length: float) -> bool:
    """Whether one of the places lies on the flow extension of a cut."""
    offset = places - cut.center_mm
    height = offset @ cut.normal
    aside = np.linalg.norm(offset - height[:, None] * cut.normal, axis=1)
    return bool(((height > 0) & (height < 1.1 * length) & (aside < 2.0 * cut.radius_mm)).any())


def _retreat_notes(cuts: Sequence[CutPlane]) -> tuple[str, ...]:
    notes = []
    for cut in cuts:
        retreat = float(np.linalg.norm(cut.center_mm - np.asarray(cut.end.position_mm)))
        if retreat > _RETREAT_NOTED_RADII * cut.radius_mm:
            notes.append(f"'{cut.end.name}' was cut {retreat:.1f} mm from its point, where the section is whole.")
    return tuple(notes)


def _genus(triangles: IntArray) -> int:
    edges, _ = unique_edges(triangles)
    euler = len(np.unique(triangles)) - len(edges) + len(triangles)
    return (2 - euler) // 2
