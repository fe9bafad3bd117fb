"""Stress and rupture potential index of the wall of an aorta, from a case's vessel model."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.parameters import build, describe
from app.workflow.patient import patient_values
from app.workflow.units import M_PER_MM, pa_from_mmhg
from app.workflow.wall_band import THICKNESS_FACTORS, StressByThickness, index_band
from app.workflow.wall_face import WallFace, wall_face
from app.workflow.wall_parameters import LEAST_PRESSURE_MMHG, MOST_PRESSURE_MMHG, NOT_FOR_DIAGNOSIS, WallParameters
from imaging.types import FloatArray, Progress, Surface, VesselModel, part_of, silent

END_LENGTHS = 2.5
"""Lengths sqrt(R t) from a held end within which stresses are not counted: there a bending moment of the support has
faded to exp(-END_LENGTHS (3 (1 - nu^2))^(1/4)) = 5 % (theory of thin cylindrical shells)."""
LEAST_LAYER_MM = 0.2
"""Thickness of thrombus below which a place counts as having none, though its elements are this thick."""
LIMITS = (
    "Strength and material laws were measured on abdominal aneurysms; elsewhere, in dissections and in other diseases "
    "they are an assumption.",
    "Among patients matched by diameter, studies found no gain of wall stress or its index over the diameter "
    "(PMC6105024; Singh 2021: 287 against 246 kPa, p = 0.19).",
    "Calcification, the spine behind the aorta and residual stress are left out; the ends are held fast.",
)
KPA = 1e-3


@dataclass(frozen=True, eq=False)
class Loads:
    """Thicknesses at the points of the wall's inner face [mm] and the pressure."""

    thickness_mm: FloatArray
    thrombus_mm: FloatArray
    pressure_mmhg: float


@dataclass(frozen=True, eq=False)
class PointStress:
    """For each point of the inner face the greatest stress across the wall [Pa] (n,), and how it was found."""

    von_mises: FloatArray
    principal: FloatArray
    facts: dict[str, Any]


def assess_wall(
    opened: OpenCase, values: Mapping[str, Any] | None = None, out: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Stress, strength and rupture potential index of the wall of the case's model, as JSON has it.

    Parameters
    ----------
    values
        Declared parameters (:class:`WallParameters`) by name.
    out
        Folder for ``wall.vtp`` (the inner face with its fields, mm, LPS) and ``wall.json``.

    Raises
    ------
    CaseError
        ``step_missing`` without a model, ``bad_parameter``, ``wall_too_thick``, ``bad_pressure``, ``wall_folded``.
    RunError
        Where the wall finds no balance.
    """
    from imaging.surface.surface_io import read_model

    chosen = build(WallParameters, values or {})
    record = opened.case.current("model")
    if record is None:
        raise CaseError("step_missing", "Wall stress needs the vessel model: run Model first.")
    model = read_model(opened.path_of(record.files["surface"]).parent)
    pressure = chosen.pressure_mmhg or patient_values(opened.case.patient).systolic_mmhg
    facts, surface = wall_of_model(model, chosen, pressure, progress)
    facts = {"not_for_diagnostic_use": NOT_FOR_DIAGNOSIS, "model": record.id, **facts}
    if out is not None:
        from imaging.surface.surface_io import write_surface

        out.mkdir(parents=True, exist_ok=True)
        write_surface(surface, out / "wall.vtp")
        (out / "wall.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    progress(1.0, "Wall assessed")
    return facts


def wall_of_model(
    model: VesselModel, chosen: WallParameters, pressure_mmhg: float, progress: Progress = silent
) -> tuple[dict[str, Any], Surface]:
    """What is found in the wall of a model: facts, and the inner face with its fields."""
    started = time.perf_counter()
    _check_pressure(pressure_mmhg)
    _check_radius(model, chosen.thickness_mm)
    progress(0.0, "Triangles on the wall")
    face = wall_face(model, chosen.edge_mm)
    loads = _loads(face, chosen, pressure_mmhg)
    progress(0.05, "Sections of the vessel")
    diameter_mm, outer_mm = _diameters(model, face, loads)
    found = _solve(face, loads, chosen.method, chosen.n_layers, part_of(progress, 0.1, 0.7))
    counted = _counted(face, loads, diameter_mm)
    fields, figures = _figures(face, loads, found, counted, diameter_mm, chosen)
    band: dict[str, object] = {"n_samples": 0, "sentence": "No band was asked for."}
    if chosen.samples:
        by_thickness = _by_thickness(face, loads, counted, part_of(progress, 0.7, 0.98))
        band = index_band(figures["rupture_index"]["p99"], pressure_mmhg, by_thickness, chosen)
    figures["rupture_index"]["band"] = band
    facts = {
        "inputs": _inputs(chosen, loads),
        **figures,
        "diameter": _diameter_rule(outer_mm, chosen.sex == "male", loads),
        "mesh": found.facts,
        "limits": list(LIMITS),
        "seconds": round(time.perf_counter() - started, 2),
    }
    arrays = {name: values.astype(np.float32) for name, values in fields.items()}
    return facts, Surface(face.points, face.triangles, arrays)


def _check_pressure(pressure_mmhg: float) -> None:
    if not LEAST_PRESSURE_MMHG <= pressure_mmhg <= MOST_PRESSURE_MMHG:
        raise CaseError(
            "bad_pressure",
            f"A pressure of {pressure_mmhg:g} mmHg is implausible for an aorta: give pressure_mmhg from "
            f"{LEAST_PRESSURE_MMHG:g} to {MOST_PRESSURE_MMHG:g}.",
        )


def _check_radius(model: VesselModel, thickness_mm: float) -> None:
    """Refuse a wall that is as thick as the smallest opening's radius or thicker: it cannot be one layer's worth."""
    caps = [patch for patch in model.patches if patch.kind != "wall"]
    narrowest = min(caps, key=lambda patch: patch.radius_mm)
    if thickness_mm >= narrowest.radius_mm:
        raise CaseError(
            "wall_too_thick",
            f"A wall of {thickness_mm:g} mm is thicker than the lumen's radius of {narrowest.radius_mm:.1f} mm at "
            f"{narrowest.name.replace('_', ' ')}: give a smaller thickness_mm, or a model without that vessel.",
        )


def _loads(face: WallFace, chosen: WallParameters, pressure_mmhg: float) -> Loads:
    uniform = np.ones(len(face.points))
    thickness, thrombus = chosen.thickness_mm * uniform, chosen.thrombus_mm * uniform
    if chosen.map:
        from scipy.spatial import cKDTree

        from imaging.surface.surface_io import read_surface

        given = read_surface(chosen.map)
        distance, nearest = cKDTree(given.points).query(face.points)
        if float(np.median(distance)) > 10.0:
            raise CaseError(
                "bad_map",
                f"The map lies {np.median(distance):.0f} mm away from the vessel: it must be in the "
                "model's frame (LPS, mm).",
            )
        names = [name for name in ("thickness_mm", "thrombus_mm") if name in given.point_data]
        if not names:
            raise CaseError("bad_map", "The map has no point array thickness_mm or thrombus_mm: name one so.")
        for name in names:
            values = np.asarray(given.point_data[name], dtype=float)[nearest]
            low, high = next((p.minimum, p.maximum) for p in describe(WallParameters) if p.name == name)
            if not np.all((values >= (low or 0.0)) & (values <= (high or math.inf))):
                raise CaseError(
                    "bad_map",
                    f"{name} in the map goes from {values.min():g} to {values.max():g} mm, but must be from {low:g} to "
                    f"{high:g} mm.",
                )
            if name == "thickness_mm":
                thickness = values
            else:
                thrombus = values
    return Loads(thickness, thrombus, pressure_mmhg)


def _diameters(model: VesselModel, face: WallFace, loads: Loads) -> tuple[FloatArray, float]:
    """Outer diameter [mm] of the section nearest to each point (n,), and the largest of all, thrombus included."""
    from scipy.spatial import cKDTree

    from imaging.centerline.vessel_sections import vessel_sections

    sections = vessel_sections(model)
    if not sections:
        raise CaseError("wall_no_sections", "The vessel is too short for a section across it: model a longer piece.")
    centers = np.concatenate([one.center_mm for one in sections])
    equal = np.concatenate([one.diameter_mm for one in sections])
    largest = np.concatenate([one.max_diameter_mm for one in sections])
    around = 2.0 * (loads.thickness_mm + loads.thrombus_mm)
    at = cKDTree(centers).query(face.points)[1]
    nearest = cKDTree(face.points).query(centers)[1]
    return equal[at] + around, float((largest + around[nearest]).max())


def _solve(face: WallFace, loads: Loads, method: str, n_layers: int, progress: Progress) -> PointStress:
    """Mesh the wall, hold its ends, and solve it."""
    from solvers.wall.layers import Coat, border_nodes, layered, upright, volumes
    from solvers.wall.materials import raghavan_vorp, wang_thrombus
    from solvers.wall.solver import WallSolver
    from solvers.wall.stress import at_corners, greatest_principal, von_mises

    points, n = face.points * M_PER_MM, len(face.points)
    has_thrombus = bool(loads.thrombus_mm.max() > LEAST_LAYER_MM)
    thrombus = np.maximum(loads.thrombus_mm, LEAST_LAYER_MM) * M_PER_MM if has_thrombus else np.zeros(n)
    across, left = upright(points, face.triangles, face.normals, thrombus + loads.thickness_mm * M_PER_MM)
    share = (thrombus / (thrombus + loads.thickness_mm * M_PER_MM))[:, None]
    coats = [Coat(across * (1.0 - share), n_layers)]
    if has_thrombus:
        coats.insert(0, Coat(across * share, max(2, n_layers), 1))
    mesh = layered(points, face.triangles, coats)
    volume = volumes(mesh)
    if not volume.min() > 0.0:
        worst = mesh.points[mesh.cells[int(volume.argmin()), 0]] / M_PER_MM
        where = ", ".join(f"{c:.0f}" for c in worst)
        raise CaseError(
            "wall_folded",
            f"The wall folds over itself near ({where}) mm, where the vessel bends more sharply than it is thick: give "
            "a smaller thickness_mm, or smooth the model.",
        )
    n_levels = mesh.n_corners // n
    is_border = border_nodes(mesh, face.triangles, n_levels - 1)
    held = np.repeat(is_border[:, None], 3, axis=1)
    progress(0.1, f"{mesh.n_cells} elements")
    started = time.perf_counter()
    solver = WallSolver(mesh, [raghavan_vorp(), wang_thrombus()], held)
    pressure = pa_from_mmhg(loads.pressure_mmhg)
    state = solver.inverse(pressure, progress) if method == "prestressed" else solver.linear(pressure)
    stress = at_corners(mesh, solver.stress(state), mesh.material == 0)
    wall = stress.reshape(n_levels, n, 3, 3)[-(n_layers + 1) :]
    area = face.point_areas()
    moved = np.linalg.norm(state.displacement[: mesh.n_corners], axis=1)
    facts = {
        "n_elements": mesh.n_cells,
        "n_unknowns": 3 * len(mesh.points) + mesh.n_corners,
        "element": "quadratic tetrahedra, linear pressure (Taylor-Hood)",
        "method": method,
        "largest_displacement_mm": round(float(moved.max()) / M_PER_MM, 3),
        "area_of_lessened_thickness": round(float(area[left < 0.95].sum() / area.sum()), 4),
        "solve_seconds": round(time.perf_counter() - started, 2),
        **{name: round(float(value), 3) for name, value in state.facts.items()},
    }
    return PointStress(von_mises(wall).max(axis=0), greatest_principal(wall).max(axis=0), facts)


def _counted(face: WallFace, loads: Loads, diameter_mm: FloatArray) -> FloatArray:
    """The area [mm2] of each point that counts (n,): none near the held ends."""
    from scipy.spatial import cKDTree

    distance = cKDTree(face.points[face.border_points()]).query(face.points)[0]
    reach = END_LENGTHS * np.sqrt(0.5 * diameter_mm * loads.thickness_mm)
    area = np.where(distance > reach, face.point_areas(), 0.0)
    if area.sum() < 0.1 * face.point_areas().sum():
        raise CaseError(
            "wall_too_short",
            "Less than a tenth of the wall lies clear of the held ends: model a longer piece of the vessel.",
        )
    return area


def percentile(values: FloatArray, weights: FloatArray, percent: float) -> float:
    """The value (n,) below which ``percent`` of the weights (n,) lie."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, percent / 100.0)), len(values) - 1)])


def _figures(
    face: WallFace,
    loads: Loads,
    found: PointStress,
    counted: FloatArray,
    diameter_mm: FloatArray,
    chosen: WallParameters,
) -> tuple[dict[str, FloatArray], dict[str, Any]]:
    from solvers.wall.strength import VANDE_GEEST, VANDE_GEEST_ABSTRACT

    inside = counted > 0.0
    thrombus = np.where(loads.thrombus_mm > LEAST_LAYER_MM, loads.thrombus_mm, 0.0) * M_PER_MM
    ratio = diameter_mm / chosen.normal_diameter_mm
    strengths = [
        law.strength(thrombus, ratio, chosen.sex == "male", chosen.family_history)
        for law in (VANDE_GEEST, VANDE_GEEST_ABSTRACT)
    ]
    index, other = (found.von_mises / strength for strength in strengths)

    def summary(values: FloatArray, digits: int = 2) -> dict[str, Any]:
        peak = int(np.where(inside, values, -np.inf).argmax())
        return {
            "peak": round(float(values[peak]), digits),
            "p99": round(percentile(values, counted, 99.0), digits),
            "p50": round(percentile(values, counted, 50.0), digits),
            "peak_place_mm": [round(float(c), 1) for c in face.points[peak]],
        }

    fields = {
        "von_mises_kpa": KPA * found.von_mises,
        "principal_kpa": KPA * found.principal,
        "strength_kpa": KPA * strengths[0],
        "rupture_index": index,
        "thickness_mm": loads.thickness_mm,
        "is_counted": inside.astype(float),
    }
    low, high = (float(KPA * bound) for bound in (strengths[0][inside].min(), strengths[0][inside].max()))
    figures = {
        "von_mises_kpa": summary(fields["von_mises_kpa"]),
        "principal_kpa": summary(fields["principal_kpa"]),
        "strength_kpa": {"least": round(low, 1), "most": round(high, 1), "source": VANDE_GEEST.source},
        "rupture_index": {
            **summary(index, 4),
            "by_other_strength": {**summary(other, 4), "source": VANDE_GEEST_ABSTRACT.source},
            "definition": "greatest von Mises stress across the wall by strength; p99 by area, ends left out",
        },
    }
    return fields, figures


def _by_thickness(face: WallFace, loads: Loads, counted: FloatArray, progress: Progress) -> StressByThickness:
    """99th percentile of the von Mises stress by the linear short cut, one layer, for several thicknesses."""
    stresses = []
    for number, factor in enumerate(THICKNESS_FACTORS):
        progress(number / len(THICKNESS_FACTORS), f"Linear short cut, {factor:g} times the thickness")
        thinner = dataclasses.replace(loads, thickness_mm=factor * loads.thickness_mm)
        found = _solve(face, thinner, "linear", 1, silent)
        stresses.append(percentile(found.von_mises, counted, 99.0))
    return StressByThickness((stresses[0], stresses[1], stresses[2]))


def _inputs(chosen: WallParameters, loads: Loads) -> dict[str, Any]:
    from solvers.wall.materials import raghavan_vorp, wang_thrombus

    sources = {p.name: p.source for p in describe(WallParameters) if p.source and not p.is_private}
    values = {p.name: getattr(chosen, p.name) for p in describe(WallParameters) if not p.is_private}
    return {
        **values,
        "pressure_mmhg": loads.pressure_mmhg,
        "thickness_mm": [round(float(loads.thickness_mm.min()), 3), round(float(loads.thickness_mm.max()), 3)],
        "thrombus_mm": [round(float(loads.thrombus_mm.min()), 3), round(float(loads.thrombus_mm.max()), 3)],
        "sources": {**sources, "wall": raghavan_vorp().source, "thrombus": wang_thrombus().source},
    }


def _diameter_rule(outer_mm: float, is_male: bool, loads: Loads) -> dict[str, Any]:
    """What the diameter alone says."""
    from solvers.wall.strength import (
        DIAMETER_RULE_M,
        DIAMETER_RULE_SOURCE,
        YEARLY_RISK_SOURCE,
        laplace,
        yearly_risk,
    )

    rule_mm = DIAMETER_RULE_M[is_male] / M_PER_MM
    thickness = float(np.median(loads.thickness_mm)) * M_PER_MM
    sphere, tube = laplace(pa_from_mmhg(loads.pressure_mmhg), outer_mm * M_PER_MM, thickness)
    return {
        "largest_outer_mm": round(outer_mm, 1),
        "rule_mm": rule_mm,
        "is_beyond_rule": bool(outer_mm >= rule_mm),
        "rule_source": DIAMETER_RULE_SOURCE,
        "yearly_rupture_of_abdominal_aneurysms": yearly_risk(outer_mm * M_PER_MM),
        "yearly_source": YEARLY_RISK_SOURCE,
        "laplace_kpa": {"sphere": round(KPA * sphere, 1), "tube": round(KPA * tube, 1)},
    }
