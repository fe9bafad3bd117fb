"""Where along the vessels a run writes flow and pressure down, and what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.workflow.units import M3_PER_ML, M_PER_MM, PA_PER_MMHG
from imaging.centerline.own_stretch import departures, own_stretch
from imaging.types import Branch, FloatArray, VesselModel

if TYPE_CHECKING:
    from solvers.contract.sections import Section

APART_RADII = 2.0
"""Distance of two sections of a vessel in its median radii: the flow hardly changes on less."""
MOST_APART = 1e3
TANGENT_RADII = 1.0
"""The vessel's direction is that between two points of its centerline so many radii before and behind."""


def sections_of(model: VesselModel, most: int) -> tuple[Section, ...]:
    """Sections of every vessel of a model, at most so many, in meters; their normals point away from the inlet.

    Flow extensions have none. Where they would be more than ``most``, all are set farther apart alike; if there are
    more vessels than that, the last ones have none.
    """
    apart, found = 1.0, list[Any]()
    while most > 0 and apart < MOST_APART:
        found = [section for branch in model.centerlines.branches for section in _of_branch(model, branch, apart)]
        if len(found) <= most:
            break
        apart *= 1.05 * len(found) / most
    return tuple(found[:most])


def _of_branch(model: VesselModel, branch: Branch, apart: float) -> list[Section]:
    from solvers.contract.sections import Section

    tree, indices = model.centerlines, np.array(branch.indices)
    points, radius = tree.points[indices], tree.radius_mm[indices]
    if len(indices) < 3:
        return []
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    low, high = own_stretch(model, branch, points, s, radius)
    if not high > low:
        return []
    n = max(1, int((high - low) / (apart * APART_RADII * float(np.median(radius)))))
    found: list[Section] = []
    for place in low + (high - low) * (np.arange(n) + 0.5) / n:
        local = float(np.interp(place, s, radius))
        if any(abs(place - at) < clear for at, clear in departures(tree, branch, s, radius)):
            continue
        behind, ahead = (_at(points, s, place + side * TANGENT_RADII * local) for side in (-1.0, 1.0))
        direction, center = ahead - behind, _at(points, s, place) * M_PER_MM
        length = float(np.linalg.norm(direction))
        if length > 0.0:
            x, y, z = (direction / length).tolist()
            name = f"{branch.name} {place:.0f} mm"
            if not found or found[-1].name != name:
                center_m = (float(center[0]), float(center[1]), float(center[2]))
                found.append(Section(name, center_m, (x, y, z), branch.name, float(place) * M_PER_MM))
    return found


def _at(points: FloatArray, s: FloatArray, place: float) -> FloatArray:
    return np.array([np.interp(place, s, points[:, axis]) for axis in range(3)])


def section_averages(folder: Path) -> list[dict[str, Any]]:
    """What a run has written of its sections in its last whole beat, or in the present one if that is the first.

    Flows in mL/s, pressures in mmHg, speeds in m/s, places in mm; empty when it has written nothing yet.
    """
    from solvers.contract.sections import SAMPLES, read_sections
    from solvers.contract.spec import read_spec

    spec, table = read_spec(folder), read_sections(folder)
    if not table or not len(table["cycle"]):
        return []
    last = table["cycle"].max()
    is_whole = (table["cycle"] == last).sum() >= min(SAMPLES, spec.time.steps_per_cycle)
    beat = last if is_whole or last == 0 else last - 1
    here = table["cycle"] == beat
    rows = []
    for section in spec.sections:
        flow, pressure, speed = (table[f"{what}[{section.name}]"][here] for what in ("flow", "pressure", "speed"))
        rows.append(
            {
                "section": section.name,
                "branch": section.branch,
                "along_mm": round(section.arc_length / M_PER_MM, 2),
                "center_mm": [round(x / M_PER_MM, 3) for x in section.center],
                "beat": int(beat) + 1,
                "mean_flow_ml_s": float(flow.mean()) / M3_PER_ML,
                "mean_pressure_mmhg": float(pressure.mean()) / PA_PER_MMHG,
                "systolic_mmhg": float(pressure.max()) / PA_PER_MMHG,
                "diastolic_mmhg": float(pressure.min()) / PA_PER_MMHG,
                "mean_speed_m_s": float(speed.mean()),
            }
        )
    return rows


def along_the_vessels(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the sections of each vessel say together: pressure at its first and last, least and largest mean flow."""
    of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of.setdefault(row["branch"], []).append(row)
    flows = {name: sorted(row["mean_flow_ml_s"] for row in found) for name, found in of.items()}
    return {
        "pressure_along_mmhg": {
            name: [round(row["mean_pressure_mmhg"], 2) for row in (found[0], found[-1])] for name, found in of.items()
        },
        "flow_along_ml_s": {name: [round(flow[0], 3), round(flow[-1], 3)] for name, flow in flows.items()},
        "sections": rows,
    }
