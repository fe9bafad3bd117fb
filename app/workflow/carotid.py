"""Velocities, pressures and wall shear stress at a stenosis of an internal carotid artery, from a finished 3D run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.flow_fields import FlowFields
from app.workflow.lesions import vessels_of
from app.workflow.plane_section import PlaneSection
from app.workflow.units import M_PER_MM, PA_PER_MMHG
from imaging.centerline.curves import arc_length, direction_at, way_to
from imaging.centerline.lesions import Lesion
from imaging.centerline.vessel_sections import VesselSections
from imaging.types import CenterlineTree, FloatArray, IntArray, Progress, Surface, VesselModel
from solvers.contract.files import FIELDS, WALL
from solvers.contract.scalars import flow_column, read_scalars
from solvers.contract.spec import RunSpec

INTERNAL = "internal_carotid"
COMMON_FROM_DIAMETERS, COMMON_TO_DIAMETERS = 1.5, 5.0
"""Where the common carotid's velocity is read, in its diameters before the bifurcation (assumption: Doppler reads it
clear of the bulb)."""
_STATION_DIAMETERS = 0.5


@dataclass(frozen=True, eq=False)
class CarotidVessels:
    """The internal carotid artery, its stenoses, and where the common carotid is read.

    Attributes
    ----------
    line, common_mm
        Points (n, 3) of the way from the inlet to the end of the internal carotid, and from where to where [mm] on it
        the common carotid is read.
    starts_mm
        Where on that way the internal carotid begins.
    """

    sections: VesselSections
    lesions: tuple[Lesion, ...]
    line: FloatArray
    starts_mm: float
    common_mm: tuple[float, float]
    common_area_mm2: float

    @property
    def worst(self) -> Lesion | None:
        """The stenosis with the largest share by NASCET, or by diameter where that is not known."""
        narrow = [one for one in self.lesions if one.kind == "stenosis"]
        return max(narrow, key=lambda one: one.nascet_percent or one.diameter_percent, default=None)


@dataclass(frozen=True, eq=False)
class CarotidFlow:
    """What a run says; velocities in m/s, pressures in Pa, flows in m3/s.

    Attributes
    ----------
    peak_systolic, end_diastolic
        Largest speed in the internal carotid at the frame where it is largest, and at the end of diastole.
    common_peak_systolic
        Largest speed across the common carotid at that frame, median along the stretch where it is read.
    expected_ratio
        Of the mean velocities by continuity at that frame: the areas' ratio times that of the flows.
    mean_ratio
        Mean velocity through the narrowest section over that through the common carotid, from the flow field.
    drop, drop_at_peak
        Of pressure across the stenosis, mean over the frames and at that frame.
    shoulder_tawss
        Largest time-averaged wall shear stress on the upstream half of the stenosis [Pa].
    """

    peak_systolic: float
    end_diastolic: float
    common_peak_systolic: float
    peak_place_mm: FloatArray
    flow_share: float
    expected_ratio: float
    mean_ratio: float
    drop: float
    drop_at_peak: float
    shoulder_tawss: float
    colored: Surface

    @property
    def ratio(self) -> float:
        """Peak systolic velocity of the internal over that of the common carotid."""
        return self.peak_systolic / self.common_peak_systolic


def carotid_vessels(model: VesselModel, progress: Progress) -> CarotidVessels:
    """Find the internal and the common carotid of a model.

    Raises
    ------
    CaseError
        ``no_internal_carotid``, ``no_common_carotid``.
    """
    found = vessels_of(model, progress=progress)
    mine = next(((sections, lesions) for sections, lesions in found if INTERNAL in sections.branch), None)
    if mine is None:
        there = ", ".join(sections.branch for sections, _ in found)
        raise CaseError(
            "no_internal_carotid",
            f"No vessel of the model is called {INTERNAL}; there are: {there or 'none'}. Name it (angiotwin names).",
        )
    sections, lesions = mine
    tree = model.centerlines
    branch = tree.branch(sections.branch)
    line = tree.points[way_to(tree, branch.name)]
    starts = float(arc_length(line)[len(line) - len(branch.indices)])
    fork = _fork_mm(tree, sections.branch, line, starts)
    common = next((s for s, _ in found if s.branch == (branch.parent or sections.branch)), sections)
    before_fork = common.along_mm < fork
    diameter = float(np.median(common.diameter_mm[before_fork])) if before_fork.any() else float("nan")
    low, high = fork - COMMON_TO_DIAMETERS * diameter, fork - COMMON_FROM_DIAMETERS * diameter
    inside = (common.along_mm >= low) & (common.along_mm <= high)
    if inside.sum() < 2:
        raise CaseError(
            "no_common_carotid",
            "Too little of the common carotid artery is in the model to read its velocity: model "
            f"{COMMON_TO_DIAMETERS:g} diameters of it before the bifurcation.",
        )
    at = (float(common.along_mm[inside].min()), float(common.along_mm[inside].max()))
    return CarotidVessels(sections, lesions, line, starts, at, float(np.median(common.area_mm2[inside])))


def _fork_mm(tree: CenterlineTree, name: str, line: FloatArray, starts_mm: float) -> float:
    """Where along the way to the internal carotid's end the external one leaves."""
    branch = tree.branch(name)
    if branch.parent is not None:
        return starts_mm
    away = [tree.points[one.indices[0]] for one in tree.branches if one.parent == name]
    if not away:
        raise CaseError(
            "no_common_carotid",
            "The model has no bifurcation, so there is no common carotid artery to compare with: model both branches.",
        )
    s = arc_length(line)
    return min(float(s[int(np.linalg.norm(line - place, axis=1).argmin())]) for place in away)


def carotid_flow(
    folder: Path, spec: RunSpec, model: VesselModel, vessels: CarotidVessels, cycle: int, progress: Progress
) -> CarotidFlow:
    """Reduce a run's last beat to what the consensus on carotid stenosis asks for."""
    from imaging.centerline.section_area import outline_at

    progress(0.0, "Reading the fields")
    fields, wall = FlowFields(folder / FIELDS), FlowFields(folder / WALL)
    s_line = arc_length(vessels.line)
    place, along = _along(fields.points / M_PER_MM, vessels.line, s_line, model)
    lesion = vessels.worst
    internal = place & (along > _internal_from(vessels))
    common = place & (along >= vessels.common_mm[0]) & (along <= vessels.common_mm[1])
    n = len(fields.times_s)
    speed = np.empty((n, len(along)), dtype=np.float32)
    ends = _pressure_places(vessels, s_line)
    pressure_at = fields.interpolator(ends * M_PER_MM)
    drop = np.empty(n)
    for frame in range(n):
        progress(0.9 * frame / n, "Velocities")
        speed[frame] = np.linalg.norm(fields.array("velocity_m_per_s", frame), axis=1)
        before, behind = pressure_at("pressure_Pa", frame)
        drop[frame] = before - behind
    largest = np.where(internal, speed, 0.0)
    systole = int(largest.max(axis=1).argmax())
    peak = int(largest[systole].argmax())
    diastole = _end_of_diastole(folder, spec, cycle, np.asarray(fields.times_s))
    throat = np.asarray(lesion.place_mm) if lesion is not None else fields.points[peak] / M_PER_MM
    share = _flow_share(folder, spec, cycle, float(fields.times_s[systole]))
    outline = outline_at(model.surface, throat, _direction(vessels.line, throat))
    throat_area = lesion.area_mm2 if lesion is not None else (outline.area_mm2 if outline else float("nan"))
    middle = vessels.line[int(np.abs(s_line - np.mean(vessels.common_mm)).argmin())]
    means = [
        _mean_velocity(fields, model.surface, center, _direction(vessels.line, center), systole)
        for center in (throat, middle)
    ]
    tawss = wall.array("tawss_Pa", 0).astype(float)
    on_wall, wall_along = _along(wall.points / M_PER_MM, vessels.line, s_line, model)
    shoulder = np.nan
    if lesion is not None:
        low, high = vessels.starts_mm + lesion.from_mm, vessels.starts_mm + lesion.at_mm
        upstream = on_wall & (wall_along >= low) & (wall_along <= high)
        shoulder = float(tawss[upstream].max()) if upstream.any() else np.nan
    at_wall = fields.vertices_at(wall.points)
    mean_pressure = fields.array("pressure_Pa", systole)[at_wall] / PA_PER_MMHG
    arrays = {"tawss_pa": tawss.astype(np.float32), "pressure_at_peak_mmhg": mean_pressure.astype(np.float32)}
    return CarotidFlow(
        peak_systolic=float(speed[systole, peak]),
        end_diastolic=float(largest[diastole].max()),
        common_peak_systolic=_across(speed[systole], along, common, vessels),
        peak_place_mm=fields.points[peak] / M_PER_MM,
        flow_share=share,
        expected_ratio=share * vessels.common_area_mm2 / throat_area,
        mean_ratio=means[0] / means[1],
        drop=float(drop.mean()),
        drop_at_peak=float(drop[systole]),
        shoulder_tawss=shoulder,
        colored=Surface(wall.points / M_PER_MM, wall.cells, arrays),
    )


def _internal_from(vessels: CarotidVessels) -> float:
    """Where the internal carotid is read from: one diameter behind the common carotid's last reading."""
    return vessels.common_mm[1] + COMMON_FROM_DIAMETERS * float(np.sqrt(4.0 * vessels.common_area_mm2 / np.pi))


def _along(
    points: FloatArray, line: FloatArray, s: FloatArray, model: VesselModel
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Whether points (n, 3) belong to the vessel of a line, of all vessels, and where along it they lie [mm]; flow
    extensions do not.
    """
    from scipy.spatial import cKDTree

    tree = model.centerlines
    on_line = cKDTree(line).query(points)
    distance, nearest = np.asarray(on_line[0]), np.asarray(on_line[1])
    others = np.setdiff1d(np.arange(len(tree.points)), _points_of(tree.points, line))
    mine = np.ones(len(points), bool)
    if len(others):
        mine = distance <= np.asarray(cKDTree(tree.points[others]).query(points)[0])
    along: FloatArray = s[nearest]
    ends = [float(s[int(np.linalg.norm(line - np.asarray(p), axis=1).argmin())]) for p in _starts_on(model, line)]
    low = max((end for end in ends if end < 0.5 * s[-1]), default=0.0)
    high = min((end for end in ends if end >= 0.5 * s[-1]), default=float(s[-1]))
    return mine & (along >= low) & (along <= high), along


def _points_of(points: FloatArray, line: FloatArray) -> IntArray:
    from scipy.spatial import cKDTree

    return np.unique(np.asarray(cKDTree(points).query(line)[1]))


def _starts_on(model: VesselModel, line: FloatArray) -> list[tuple[float, float, float]]:
    """Where flow extensions begin that lie on a line."""
    starts = model.extension_start_mm.values()
    return [start for start in starts if np.linalg.norm(line - np.asarray(start), axis=1).min() < 2.0]


def _across(
    speed: NDArray[np.float32], along: FloatArray, stretch: NDArray[np.bool_], vessels: CarotidVessels
) -> float:
    """Largest speed across the vessel, median over stations of half a diameter."""
    step = _STATION_DIAMETERS * float(np.sqrt(4.0 * vessels.common_area_mm2 / np.pi))
    station, inside = np.floor(along[stretch] / step).astype(int), speed[stretch]
    return float(np.median([inside[station == one].max() for one in np.unique(station)]))


def _pressure_places(vessels: CarotidVessels, s: FloatArray) -> FloatArray:
    """A place (2, 3) before the worst stenosis and one behind it, two diameters beyond its end."""
    lesion = vessels.worst
    if lesion is None:
        at = (float(np.mean(vessels.common_mm)), float(s[-1] - 0.2 * (s[-1] - vessels.common_mm[1])))
    else:
        at = (
            max(vessels.starts_mm + lesion.from_mm - lesion.reference_mm, 0.0),
            min(vessels.starts_mm + lesion.to_mm + 2.0 * lesion.reference_mm, float(s[-1])),
        )
    return np.array([[np.interp(one, s, vessels.line[:, axis]) for axis in range(3)] for one in at])


def _direction(line: FloatArray, place: FloatArray) -> FloatArray:
    return direction_at(line, int(np.linalg.norm(line - place, axis=1).argmin()))


def _mean_velocity(fields: FlowFields, surface: Surface, center: FloatArray, normal: FloatArray, frame: int) -> float:
    """Mean velocity [m/s] through the section of the lumen around a place."""
    from imaging.centerline.section_area import outline_at

    outline = outline_at(surface, center, normal)
    if outline is None:
        return float("nan")
    disk = PlaneSection.of_disk(center, normal, float(np.linalg.norm(outline.start - center, axis=1).max()))
    values = fields.interpolator(disk.points_mm * M_PER_MM)("velocity_m_per_s", frame) @ normal
    return float(np.nanmean(values))


def _end_of_diastole(folder: Path, spec: RunSpec, cycle: int, times: FloatArray) -> int:
    """The frame nearest to the time of the least inflow."""
    columns = read_scalars(folder)
    inside = columns["cycle"] == cycle
    flow = np.abs(columns[flow_column(spec.caps[0].name)][inside])
    return int(np.abs(times - columns["phase"][inside][int(flow.argmin())]).argmin())


def _flow_share(folder: Path, spec: RunSpec, cycle: int, time_s: float) -> float:
    """Share of the inflow that leaves through the internal carotid at a time of the beat."""
    columns = read_scalars(folder)
    inside = columns["cycle"] == cycle
    cap = next((one for one in spec.caps[spec.n_inlets :] if INTERNAL in one.name), None)
    if cap is None:
        raise CaseError(
            "no_internal_carotid",
            f"No outlet of the run is called {INTERNAL}: name it (angiotwin names) and run again.",
        )
    at = int(np.abs(columns["phase"][inside] - time_s).argmin())
    inflow = abs(sum(float(columns[flow_column(one.name)][inside][at]) for one in spec.caps[: spec.n_inlets]))
    return float(columns[flow_column(cap.name)][inside][at]) / inflow
