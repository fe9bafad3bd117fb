"""What a finished 3D run wrote along the vessels, in its last beat: sections and openings, vessel by vessel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.flow_setup import ReducedCase
from app.workflow.results import require_finished
from app.workflow.units import M_PER_MM
from imaging.types import FloatArray
from solvers.network.vessel_tree import VesselTree

SAMPLES = 100
"""Of a beat, where the run wrote no sections."""
SAME_FLOW = 0.03
"""A section belongs to the vessel on which it lies if it carries what leaves behind it up to this part; else to the
vessel of its branch that carries most nearly the same: where branches leave side by side, centerlines part before the
lumen does. An assumption."""


@dataclass(frozen=True, eq=False)
class Place:
    """A section or an opening: how far along its vessel [m], where (LPS), flow away from the inlet (k,) [m3/s] and mean
    static pressure over the section (k,) [Pa]; its radius [m] where it is not that of its vessel there."""

    along: float
    position_mm: tuple[float, float, float]
    flow: FloatArray
    pressure: FloatArray
    is_cap: bool = False
    radius: float | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """A run's last beat, or its steady state.

    Attributes
    ----------
    times : (k,)
        From the start of the beat [s].
    places
        Of each vessel, by its name, in the order in which blood passes them.
    mean_inflow
        [m3/s].
    is_flat
        Whether the velocity profile at the inlet is flatter than a parabola.
    """

    run: str
    is_steady: bool
    times: FloatArray
    places: Mapping[str, tuple[Place, ...]]
    mean_inflow: float
    is_flat: bool
    notes: tuple[str, ...] = ()


def measured_places(folder: Path, reduced: ReducedCase) -> Measured:
    """What a run wrote along the vessels of a case.

    Raises
    ------
    CaseError
        ``run_not_finished``; ``bad_run`` when it lacks an opening of the case's conditions.
    """
    from solvers.contract.scalars import flow_column, pressure_column, read_scalars
    from solvers.contract.sections import read_sections
    from solvers.contract.spec import read_spec

    require_finished(folder)
    spec, table, setup = read_spec(folder), read_scalars(folder), reduced.setup
    is_steady, period = spec.time.is_steady, spec.time.period
    cut = read_sections(folder)
    sections = spec.sections if len(cut.get("cycle", ())) else ()
    last = table["cycle"] == table["cycle"].max()
    rows = cut["cycle"] == cut["cycle"].max() if sections else np.zeros(0, dtype=bool)
    if is_steady:
        last, rows = _only_last(last), _only_last(rows)
        times = np.zeros(1)
    elif sections:
        times = np.asarray(cut["phase"][rows])
    else:
        times = period * np.arange(1, SAMPLES + 1) / SAMPLES

    def of_cap(name: str, along: float, position_mm: tuple[float, float, float]) -> Place:
        if flow_column(name) not in table:
            raise CaseError("bad_run", f"The run {folder.name} wrote nothing at the opening {name}: solve it again.")
        found = [table[column(name)][last] for column in (flow_column, pressure_column)]
        if not is_steady:
            found = [np.interp(times, table["phase"][last], values, period=period) for values in found]
        return Place(along, position_mm, found[0], found[1], True)

    tree = reduced.patient.tree
    root = next(vessel for vessel in tree.vessels if vessel.parent is None)
    places: dict[str, list[Place]] = {vessel.name: [] for vessel in tree.vessels}
    begin = spec.inlets[0].extension_start or (float("nan"),) * 3
    places[root.name].append(of_cap(setup.inlet, 0.0, (begin[0] * 1e3, begin[1] * 1e3, begin[2] * 1e3)))
    for outlet in setup.outlets:
        end = tree.vessel(outlet.vessel).length
        places[outlet.vessel].append(of_cap(outlet.name, end, outlet.position_mm))
    leaving = _leaving(tree, {name: found[-1] for name, found in places.items() if found and found[-1].along > 0.0})
    missed, moved = [], []
    for section in sections:
        flow, pressure = (np.asarray(cut[f"{what}[{section.name}]"][rows]) for what in ("flow", "pressure"))
        parts = [vessel for vessel in tree.vessels if vessel.branch == section.branch]
        own = next((part for part in parts if part.start <= section.arc_length <= part.start + part.length), None)
        if own is None or not (np.isfinite(flow).all() and np.isfinite(pressure).all() and pressure.any()):
            missed.append(section.name)
            continue
        through = min(parts, key=lambda part: (abs(float(flow.mean()) - leaving[part.name]), part is not own))
        if abs(float(flow.mean()) - leaving[own.name]) <= SAME_FLOW * abs(leaving[own.name]):
            through = own
        radius = None
        if through is not own:
            moved.append(section.name)
            radius = float(np.interp(section.arc_length - own.start, own.arc_length, own.radius))
        along = min(max(section.arc_length - through.start, 0.0), through.length)
        x, y, z = (part / M_PER_MM for part in section.center)
        places[through.name].append(Place(along, (x, y, z), flow, pressure, radius=radius))
    inflow = places[root.name][0].flow
    return Measured(
        folder.name,
        is_steady,
        times,
        {name: tuple(sorted(found, key=lambda place: place.along)) for name, found in places.items()},
        float(inflow.mean()),
        spec.inlets[0].profile != "parabolic",
        tuple(
            f"{what}: {', '.join(names)}."
            for what, names in (
                ("Sections without a vessel or without values", missed),
                ("Sections whose flow shows that a branch leaves elsewhere than its centerline does", moved),
            )
            if names
        ),
    )


def _leaving(tree: VesselTree, caps: Mapping[str, Place]) -> dict[str, float]:
    """Mean flow [m3/s] that leaves the model through all outlets behind each vessel: with rigid walls, what it
    carries."""
    from solvers.network.along import upstream

    found = dict.fromkeys(tree.names, 0.0)
    for name, cap in caps.items():
        for vessel in upstream(tree)[name]:
            found[vessel] += float(cap.flow.mean())
    return found


def _only_last(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.zeros_like(rows)
    if rows.any():
        found[np.flatnonzero(rows)[-1]] = True
    return found
