"""Phantoms with known truth through the real pipeline: segment, model, sections, mesh."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.workflow.bench_runs import attempted, run_beside
from imaging.errors import ImagingError
from imaging.segmentation.declaration import Preset
from imaging.types import FloatArray, Grid, LabelMap, Progress, VesselEnd, VesselModel, silent
from sample_data.phantoms import Phantom, RenderedPhantom, RenderSettings, Vessel, render_ct

_END_DEPTH_MM = 1.0
_CLEAR_RADII = 2.5
"""So far from its ends a vessel is measured: there the planes that end it, not the method, decide."""
_COVERED = 0.8


@dataclass(frozen=True)
class PhantomCase:
    """A phantom, how it is scanned, and the seed of all that is drawn."""

    name: str
    make: Callable[[], Phantom]
    spacing_mm: tuple[float, float, float]
    noise_hu: float
    seed: int

    @property
    def key(self) -> str:
        """What tells the case from others."""
        spacing = " x ".join(f"{step:g}" for step in self.spacing_mm)
        return f"{self.name}, {spacing} mm, {self.noise_hu:.3f} HU, seed {self.seed}"

    def rendered(self) -> RenderedPhantom:
        """The scan: blur of 1.1 voxels, noise correlated over one voxel, lumen of 320 to 480 HU."""
        i, j, k = self.spacing_mm
        lumen = float(np.random.default_rng(self.seed).uniform(320.0, 480.0))
        settings = RenderSettings(
            lumen_hu=lumen,
            noise_hu=self.noise_hu,
            blur_fwhm_mm=(1.1 * i, 1.1 * j, 1.1 * k),
            noise_correlation_mm=i,
        )
        return render_ct(self.make(), self.spacing_mm, settings, rng_seed=self.seed)


@dataclass
class PhantomResult:
    """What the pipeline made of a phantom; lengths in voxels (the largest spacing)."""

    case: PhantomCase
    how: str = ""
    failure: str = ""
    code: str = ""
    dice: float | None = None
    widths_voxels: list[float] = field(default_factory=list)
    diameter_error_voxels: list[float] = field(default_factory=list)
    centerline_error_voxels: list[float] = field(default_factory=list)
    stenoses: list[tuple[float, float]] = field(default_factory=list)
    n_vessels: int = 0
    missing: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    n_cells: int = 0
    repairs: int = 0
    least_jacobian: float | None = None
    doctor: list[str] = field(default_factory=list)
    """Codes of what the Mesh Doctor finds on the model of a phantom that could not be meshed."""
    seconds: dict[str, float] = field(default_factory=dict)


def run_phantoms(
    cases: Sequence[PhantomCase], wants_mesh: bool, kept: Path | None, progress: Progress
) -> list[PhantomResult]:
    """The pipeline on each phantom, in a process beside this one (see `app.workflow.bench_runs.run_beside`)."""
    works = [(case.key + wants_mesh * ", meshed", partial(_figures, case, wants_mesh)) for case in cases]
    found = run_beside(works, kept, progress)
    return [PhantomResult(case, **fields) for case, fields in zip(cases, found, strict=True)]


def _figures(case: PhantomCase, wants_mesh: bool) -> dict[str, Any]:
    result = run_phantom(case, wants_mesh)
    return {name.name: getattr(result, name.name) for name in fields(result) if name.name != "case"}


def run_phantom(case: PhantomCase, wants_mesh: bool = False, level: str = "coarse") -> PhantomResult:
    """The pipeline on one phantom; what fails is kept with its code, nothing is raised."""
    result = PhantomResult(case)

    def work() -> dict[str, Any]:
        scan = case.rendered()
        labels = _timed(result, "segment", lambda: _segmented(scan, result))
        result.dice = _overlap(scan, labels)
        model = _timed(result, "model", lambda: _model(scan, labels))
        _measure(result, scan, model)
        return _timed(result, "mesh", lambda: verified_mesh(model, level)) if wants_mesh else {}

    for name, value in attempted(work).items():
        setattr(result, name, value)
    return result


def verified_mesh(model: VesselModel, level: str = "coarse") -> dict[str, Any]:
    """Mesh a model and check the mesh: its cells, how often the ladder of repairs was climbed, and what is wrong."""
    from imaging.meshing.parameters import MeshParameters
    from imaging.meshing.quality import assess
    from imaging.meshing.tetrahedra import mesh_model
    from imaging.surface.surface_findings import surface_findings

    try:
        mesh = mesh_model(model, MeshParameters(level=level))
    except ImagingError as refusal:
        found = [finding.code for finding in surface_findings(model)]
        return {"failure": refusal.message, "code": refusal.code, "doctor": found}
    quality = assess(mesh, model)
    figures: dict[str, Any] = {
        "n_cells": quality.n_cells,
        "repairs": sum("because" in note for note in mesh.notes),
        "least_jacobian": quality.min_scaled_jacobian,
    }
    return {**figures, "failure": " ".join(quality.faults), "code": "bad_mesh" if quality.faults else ""}


def _overlap(scan: RenderedPhantom, labels: LabelMap) -> float:
    """Dice of the lumen, without what lies beyond the ends or less than three voxels inside of them."""
    from imaging.segmentation.agreement import dice

    either = np.argwhere((scan.labels.array > 0) | (labels.array > 0))
    position = scan.labels.grid.to_lps(either[:, ::-1])
    clear = np.ones(len(either), bool)
    for end in scan.phantom.ends:
        offset = position - np.asarray(end.center_mm)
        depth = offset @ np.asarray(end.normal)
        near = np.linalg.norm(offset, axis=1) < 3.0 * end.radius_mm + 5.0
        clear &= ~(near & (depth > -_END_DEPTH_MM - 3.0 * max(scan.labels.grid.spacing_mm)))
    k, j, i = either[clear].T
    return dice(scan.labels.array[k, j, i] > 0, labels.array[k, j, i] > 0)


def _timed[T](result: PhantomResult, name: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    try:
        return work()
    finally:
        result.seconds[name] = time.perf_counter() - started


def preset_for(phantom: Phantom) -> Preset | None:
    """The preset of a phantom's anatomy: it has the points that are needed, and each of its ends is an opening."""
    from imaging.segmentation.presets import PRESETS

    ends = {end.name for end in phantom.ends if end.kind == "outlet"}
    fitting = [
        preset
        for preset in PRESETS.values()
        if {role.id for role in preset.roles if not role.is_optional} <= set(phantom.seeds)
        and ends <= {opening.name for opening in preset.openings}
    ]
    return max(fitting, key=lambda preset: len(preset.roles), default=None)


def _segmented(scan: RenderedPhantom, result: PhantomResult) -> LabelMap:
    """By the preset of the anatomy; a plain tube by that of any artery, one with a sac by that of the aneurysm."""
    from imaging.segmentation.presets import PRESETS

    phantom = scan.phantom
    preset = None if phantom.sacs else preset_for(phantom)
    if preset is not None:
        points = {role.id: phantom.seeds[role.id] for role in preset.roles if role.id in phantom.seeds}
    else:
        ends = [end.position_mm for end in vessel_ends(phantom)]
        preset = PRESETS["intracranial-aneurysm" if phantom.sacs else "any-artery"]
        points = {role.id: end for role, end in zip(preset.roles, ends, strict=False)}
        if phantom.sacs:
            points["aneurysm"] = phantom.sacs[0].center_mm
    result.how = preset.id
    return preset.segment(scan.volume, points, preset.parameters_type(), silent)


def vessel_ends(phantom: Phantom) -> list[VesselEnd]:
    """The phantom's openings, a millimeter inside its end planes."""
    found = []
    for end in phantom.ends:
        x, y, z = (c - _END_DEPTH_MM * n for c, n in zip(end.center_mm, end.normal, strict=True))
        found.append(VesselEnd(end.name, end.kind, (x, y, z)))
    return found


def _model(scan: RenderedPhantom, labels: LabelMap) -> VesselModel:
    from imaging.surface.model import build_model

    return build_model(labels, scan.volume, vessel_ends(scan.phantom))


def _measure(result: PhantomResult, scan: RenderedPhantom, model: VesselModel) -> None:
    from imaging.centerline.lesions import find_lesions
    from imaging.centerline.vessel_sections import vessel_sections

    phantom, voxel = scan.phantom, max(scan.volume.grid.spacing_mm)
    sections = vessel_sections(model)
    places = np.concatenate([found.center_mm for found in sections])
    measured = np.concatenate([found.diameter_mm for found in sections])
    owner, along, _ = _nearest_vessel(phantom, places)
    result.n_vessels = len(phantom.vessels)
    lines = model.centerlines.points
    line_owner, line_along, line_away = _nearest_vessel(phantom, lines)
    for number, vessel in enumerate(phantom.vessels):
        wide = 2.0 * float(np.median(vessel.radius(np.linspace(0.0, vessel.curve.length_mm, 50)))) / voxel
        result.widths_voxels.append(wide)
        low, high = _own_interval(phantom, vessel)
        mine = (owner == number) & (along > low) & (along < high)
        if mine.any():
            result.diameter_error_voxels += list((measured[mine] - vessel.diameter_mm(along[mine])) / voxel)
        near = (line_owner == number) & (line_along > low) & (line_along < high)
        if near.any():
            result.centerline_error_voxels += list(line_away[near] / voxel)
        if high > low:
            apart = float(np.median(np.diff(np.unique(line_along[near])))) if near.sum() > 1 else 0.0
            marks = np.linspace(low, high, 21)
            away = np.abs(marks[:, None] - line_along[near]).min(axis=1, initial=np.inf)
            if (away <= max(apart, (high - low) / 40.0)).mean() < _COVERED:  # a short vessel has few points
                result.missing.append(vessel.name)
    branches = model.centerlines.branches
    result.invented = [b.name for b in branches if not _is_there(phantom, lines[np.array(b.indices)])]
    lesions = [lesion for found in sections for lesion in find_lesions(found) if lesion.kind == "stenosis"]
    for vessel, at, percent in _true_stenoses(phantom):
        where = vessel.curve.position(at)
        reach = 3.0 * float(vessel.radius(at)) + 2.0 * voxel
        near_by = [x for x in lesions if np.linalg.norm(np.asarray(x.place_mm) - where) < reach]
        found_percent = max((lesion.diameter_percent for lesion in near_by), default=0.0)
        result.stenoses.append((percent, found_percent))


def _is_there(phantom: Phantom, line: FloatArray) -> bool:
    """Whether a branch runs in the phantom's lumen, which goes on where flow extensions are."""
    values = phantom.wall_implicit(line)
    return bool((values < 0.0).mean() > 0.5)


def _nearest_vessel(phantom: Phantom, points: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
    """Of each point: the vessel in whose wall function it lies deepest, arc length along it, distance from its line."""
    values = np.stack([vessel.implicit(points, 1e4, 1e4) for vessel in phantom.vessels])
    owner = values.argmin(axis=0)
    along, away = np.zeros(len(points)), np.zeros(len(points))
    for number, vessel in enumerate(phantom.vessels):
        mine = owner == number
        if mine.any():
            s, foot = vessel.curve.project(points[mine])
            along[mine], away[mine] = s, np.linalg.norm(points[mine] - foot, axis=1)
    return owner, along, away


def _own_interval(phantom: Phantom, vessel: Vessel) -> tuple[float, float]:
    from sample_data.phantoms import exact_interval_mm

    try:
        low, high = exact_interval_mm(phantom, vessel.name)
    except ValueError:
        return 0.0, -1.0
    length = vessel.curve.length_mm
    low = max(low, _CLEAR_RADII * float(vessel.radius(0.0)) if vessel.inlet else low)
    high = min(high, length - _CLEAR_RADII * float(vessel.radius(length)) if vessel.outlet else high)
    return low, high


def _true_stenoses(phantom: Phantom) -> list[tuple[Vessel, float, float]]:
    """Vessel, place and diameter percent of each stenosis that a phantom has, from its radius profiles."""
    from sample_data.phantoms.radii import CosineBump, Narrowed

    found = []
    for vessel in phantom.vessels:
        profile = vessel.radius
        if isinstance(profile, CosineBump) and profile.extreme_mm < profile.radius_mm:
            found.append((vessel, profile.center_mm, 100.0 * (1.0 - profile.extreme_mm / profile.radius_mm)))
        if isinstance(profile, Narrowed):
            found.append((vessel, profile.center_mm, 100.0 * profile.fraction))
    return found


def fifteen_branches(voxel_mm: float = 0.8) -> tuple[LabelMap, list[VesselEnd]]:
    """A tree that parts three times into two, turned by a right angle each time: labels 1 to 15 and nine ends."""
    tubes: list[tuple[FloatArray, FloatArray, float]] = []
    ends = [VesselEnd("root", "inlet", (0.0, 0.0, 1.0))]
    _grow(tubes, ends, np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), 0)
    corners = np.array([point for a, b, _ in tubes for point in (a, b)])
    low = corners.min(axis=0) - 8.0
    i, j, k = (int(n) for n in np.ceil((corners.max(axis=0) + 8.0 - low) / voxel_mm))
    grid = Grid((i, j, k), (voxel_mm,) * 3, (float(low[0]), float(low[1]), float(low[2])))
    labels = np.zeros(grid.array_shape, np.uint8)
    for value, (a, b, radius) in enumerate(tubes, start=1):
        first = np.maximum(np.floor((np.minimum(a, b) - radius - low) / voxel_mm).astype(int) - 1, 0)
        last = np.ceil((np.maximum(a, b) + radius - low) / voxel_mm).astype(int) + 2
        box = tuple(slice(x, y) for x, y in zip(first[::-1], last[::-1], strict=True))
        index = np.stack(
            np.meshgrid(
                *(np.arange(s.start, min(s.stop, n)) for s, n in zip(box, labels.shape, strict=True)), indexing="ij"
            ),
            axis=-1,
        )
        offset = grid.to_lps(index[..., ::-1]) - a
        along = np.clip(offset @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        inside = np.linalg.norm(offset - along[..., None] * (b - a), axis=-1) < radius
        part = labels[box]
        part[inside & (part == 0)] = value
    return LabelMap(labels, grid, {value: f"vessel_{value}" for value in range(1, len(tubes) + 1)}), ends


_LENGTHS_MM, _RADII_MM, _SPREAD = (40.0, 34.0, 28.0, 24.0), (5.0, 4.0, 3.2, 2.6), 0.6


def _grow(
    tubes: list[tuple[FloatArray, FloatArray, float]],
    ends: list[VesselEnd],
    start: FloatArray,
    heading: FloatArray,
    aside: FloatArray,
    level: int,
) -> None:
    stop = start + _LENGTHS_MM[level] * heading
    tubes.append((start, stop, _RADII_MM[level]))
    if level == len(_LENGTHS_MM) - 1:
        x, y, z = (float(c) for c in stop - heading)
        ends.append(VesselEnd(f"end_{len(ends)}", "outlet", (x, y, z)))
        return
    for side in (-1.0, 1.0):
        turned = np.cos(_SPREAD) * heading + side * np.sin(_SPREAD) * aside
        _grow(tubes, ends, stop, turned, np.cross(turned, aside) / np.linalg.norm(np.cross(turned, aside)), level + 1)
