"""A coronary tree's index from a steady 3D run in hyperemia, beside that of the reduced model."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.coronary_model import CoronaryModel, Place, branch_curve, coronary_model
from app.workflow.coronary_parameters import Parameters
from app.workflow.units import M_PER_MM, ml_s_from_m3_s
from imaging.types import FloatArray, Progress, TetMesh, part_of, silent

if TYPE_CHECKING:
    from solvers.contract.spec import RunSpec

STEP = "coronary_3d"
"""Under which a case keeps its confirmation."""
SECTIONS = 120
FILLINGS, READ = 4, 2
"""How often the vessels are filled, and the last ones that are read. Jets behind narrow places may go on to flutter:
what is told is the mean of what was read, and by how much it differs."""
MOST_RUNS, MOST_FROM_AIM = 2, 0.01
"""The pressure at the inlet that the run ends with may differ from that in the aorta by this part of it; if it differs
by more, the flow is set anew and the run repeated, once. What is left is taken out by the run's own losses."""


@dataclass(frozen=True)
class ConfirmedPlace:
    """The index at a place by the reduced model and in 3D."""

    title: str
    branch: str
    along_mm: float
    reduced: float
    in_3d: float

    @property
    def difference(self) -> float:
        """Reduced less 3D."""
        return self.reduced - self.in_3d


@dataclass(frozen=True)
class Confirmation:
    """What a steady 3D run says of a coronary tree's index.

    Attributes
    ----------
    curves
        Of each branch: millimeters along it, index of the reduced model there, index in 3D.
    flow_ml_s
        Into the tree: of the reduced model, and in 3D at the aorta's pressure.
    flutter
        Largest difference at a place between one filling of the vessels and the next.
    n_cells
        Of the mesh.
    n_runs
        How often the flow was solved.
    """

    places: tuple[ConfirmedPlace, ...]
    curves: Mapping[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]]
    flow_ml_s: tuple[float, float]
    flutter: float = 0.0
    n_cells: int = 0
    n_runs: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "places": [vars(place) | {"difference": place.difference} for place in self.places],
            "curves": {
                branch: dict(zip(("along_mm", "reduced", "in_3d"), curve, strict=True))
                for branch, curve in self.curves.items()
            },
            "flow_ml_s": {"reduced": self.flow_ml_s[0], "in_3d": self.flow_ml_s[1]},
            "flutter": self.flutter,
            "n_cells": self.n_cells,
            "n_runs": self.n_runs,
        }


def confirm(
    model: CoronaryModel,
    mesh: TetMesh,
    places: Mapping[str, Place],
    folder: Path,
    n_ranks: int,
    progress: Progress = silent,
) -> Confirmation:
    """Solve the tree's steady hyperemic flow in 3D and read the index at places.

    The outlets are closed by the beds of the reduced model; the flow that enters is that at which the pressure at the
    inlet is the aorta's.

    Parameters
    ----------
    mesh
        Of the model.
    places
        By title.
    folder
        For the runs' folders.
    n_ranks
        Processes.

    Raises
    ------
    CaseError, RunError
        ``no_inlet``, ``no_outlet``, and what a run ends with.
    """
    flow, aim, n_runs = model.hyperemia.flow, model.conditions.pressure, 0
    while True:
        read = _solved(
            model,
            mesh,
            flow,
            folder / f"run-{n_runs}",
            n_ranks,
            part_of(progress, n_runs / MOST_RUNS, (n_runs + 1) / MOST_RUNS),
        )
        n_runs += 1
        found = Measured.mean(read)
        if n_runs == MOST_RUNS or abs(found.inlet_pressure - aim) <= MOST_FROM_AIM * aim:
            apart = _apart([compared(model, one, places) for one in read])
            return replace(compared(model, found, places), flutter=apart, n_cells=len(mesh.tets), n_runs=n_runs)
        flow *= _factor_to(found, model)


def _solved(
    model: CoronaryModel, mesh: TetMesh, flow: float, folder: Path, n_ranks: int, progress: Progress
) -> list[Measured]:
    """What a run at a flow [m3/s] says in each of the fillings that are read; the run ends with this call."""
    from app.workflow.simulate import cancel_run, follow_run
    from solvers.launch import local

    folder.mkdir(parents=True)
    spec = write_run(model, mesh, flow, folder)
    local.start(folder, n_ranks)
    try:
        follow_run(folder, progress)
    except BaseException:
        cancel_run(folder)
        raise
    return [Measured.of_run(folder, spec, filling) for filling in range(FILLINGS - READ, FILLINGS)]


def confirm_case(
    opened: OpenCase, chosen: Parameters, n_ranks: int | None = None, progress: Progress = silent
) -> Confirmation:
    """Confirm a case's coronary index in 3D, on its mesh; the case keeps the answer. See :func:`confirm_in`."""
    found, keeping = confirm_in(opened, chosen, n_ranks, progress)
    opened.do(keeping)
    return found


def confirm_in(
    opened: OpenCase, chosen: Parameters, n_ranks: int | None = None, progress: Progress = silent
) -> tuple[Confirmation, SetParameters]:
    """The same, and the command that keeps it in the case.

    Raises
    ------
    CaseError, RunError
        ``step_missing`` without a vessel model or a mesh, and what :func:`confirm` and the reduced model refuse.
    """
    from app.workflow.simulate import default_n_ranks
    from imaging.meshing.mesh_io import read_mesh

    model = coronary_model(opened, chosen)
    record = opened.case.current("mesh")
    if record is None or opened.case.stale_inputs(record):
        raise CaseError("step_missing", "The case has no mesh of its present vessels yet: run Mesh first.")
    mesh = read_mesh(opened.path_of(record.files["volume"]).parent)
    with tempfile.TemporaryDirectory() as folder:
        found = confirm(model, mesh, model.told_places(), Path(folder), n_ranks or default_n_ranks(), progress)
    kept = {**found.as_dict(), **_of(opened.case, model)}
    return found, SetParameters(STEP, kept, "Confirm the coronary index in 3D")


def confirmation_of(case: Case, model: CoronaryModel) -> dict[str, Any] | None:
    """What the case keeps of a confirmation, if it was of this model under these conditions."""
    kept = case.parameters.get(STEP)
    fits = kept is not None and all(kept.get(name) == value for name, value in _of(case, model).items())
    return kept if fits else None


def _of(case: Case, model: CoronaryModel) -> dict[str, Any]:
    """What a confirmation holds for, as JSON has it."""
    return {"model": case.input_digest("model"), "conditions": dataclasses.asdict(model.conditions)}


def write_run(model: CoronaryModel, mesh: TetMesh, flow: float, out: Path) -> RunSpec:
    """The run folder of a coronary tree's steady flow [m3/s] in hyperemia; see :func:`confirm`."""
    from app.workflow import simulate
    from app.workflow.further_inlets import sorted_openings
    from app.workflow.patient_tree import vessels_of_outlets
    from app.workflow.prepared import in_meters
    from app.workflow.section_places import sections_of
    from app.workflow.steady import steady_time
    from solvers.contract import mesh_file, spec

    assert model.model is not None
    chosen = simulate.Parameters(flow="steady")
    openings = sorted_openings(mesh.patches, chosen)
    beds = model.conditions.beds(model.end_radius)
    ends = vessels_of_outlets(model.patient, model.model.centerlines, openings.outlets)
    arrays = simulate.mesh_in_meters(mesh)
    (inlet,) = openings.inlets
    marched = steady_time(arrays, inlet.area_mm2 * M_PER_MM**2, flow, chosen)
    time = replace(marched, mode="periodic", periodicity_limit=None, min_cycles=FILLINGS, max_cycles=FILLINGS)
    made = spec.RunSpec(
        mesh=spec.MeshFile(mesh_file.write_mesh(out, arrays)),
        inlets=(
            spec.Inlet(
                inlet.id, inlet.name, spec.Waveform.constant(flow), "parabolic", in_meters(model.model, inlet.id)
            ),
        ),
        outlets=tuple(
            spec.ResistanceOutlet(
                *(patch.id, patch.name, beds.resistance[end], beds.p_distal), in_meters(model.model, patch.id)
            )
            for patch, end in zip(openings.outlets, ends, strict=True)
        ),
        fluid=model.conditions.fluid,
        time=time,
        output=spec.Output(fields_per_cycle=1, checkpoint_every=max(50, time.steps_per_cycle)),
        sections=sections_of(model.model, SECTIONS),
    )
    spec.write_spec(out, made)
    return made


@dataclass(frozen=True)
class Measured:
    """What a finished run says.

    Attributes
    ----------
    flow, inlet_pressure
        Into the tree [m3/s], and static pressure there [Pa].
    outlets
        Flow [m3/s] and static pressure [Pa] of each.
    along
        Millimeters along it and static pressure [Pa] of the sections of each branch.
    """

    flow: float
    inlet_pressure: float
    outlets: tuple[tuple[float, float], ...]
    along: Mapping[str, tuple[tuple[float, float], ...]]

    @classmethod
    def of_run(cls, folder: Path, spec: RunSpec, filling: int) -> Measured:
        """Means over a filling of the vessels, the first of which is 0."""
        from solvers.contract.scalars import flow_column, pressure_column, read_scalars
        from solvers.contract.sections import read_sections

        caps, cut = (_during(filling, table) for table in (read_scalars(folder), read_sections(folder)))
        along: dict[str, list[tuple[float, float]]] = {}
        for section in spec.sections:
            pressure = float(cut[f"pressure[{section.name}]"].mean())
            if np.isfinite(pressure) and pressure != 0.0:
                along.setdefault(section.branch, []).append((section.arc_length / M_PER_MM, pressure))
        outlets = (
            (float(caps[flow_column(one.name)].mean()), float(caps[pressure_column(one.name)].mean()))
            for one in spec.outlets
        )
        inlet = spec.inlets[0]
        pressure = float(caps[pressure_column(inlet.name)].mean())
        return cls(
            inlet.flow.values[0], pressure, tuple(outlets), {name: tuple(sorted(rows)) for name, rows in along.items()}
        )

    @classmethod
    def mean(cls, found: Sequence[Measured]) -> Measured:
        """Of runs or fillings of the same vessels."""
        first = found[0]
        along = {
            name: tuple(map(tuple, np.mean([one.along[name] for one in found], axis=0).tolist()))
            for name in first.along
        }
        outlets = tuple(map(tuple, np.mean([one.outlets for one in found], axis=0).tolist()))
        return cls(first.flow, float(np.mean([one.inlet_pressure for one in found])), outlets, along)


def _during(filling: int, table: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    rows = table["cycle"] == filling
    return {name: values[rows] for name, values in table.items()}


def _apart(found: Sequence[Confirmation]) -> float:
    """Largest difference of the index in 3D at a place."""
    indices = np.array([[place.in_3d for place in one.places] for one in found])
    return float(np.ptp(indices, axis=0).max(initial=0.0))


def _factor_to(found: Measured, model: CoronaryModel) -> float:
    """By what all flows are to be multiplied so that the pressure at the inlet becomes the aorta's.

    At the end of each branch the pressure behind the bed is given, what the bed takes goes with the flow, what the
    vessel takes partly with its square: as much as the reduced model's losses beyond Poiseuille's. The ends' factors
    are weighed by their flows.
    """
    behind, bent = model.conditions.venous, _share_of_squares(model)
    factors = []
    for _, pressure in found.outlets:
        drop = found.inlet_pressure - pressure
        linear, square = pressure - behind + (1.0 - bent) * drop, bent * drop
        rest = model.conditions.pressure - behind
        if square <= 1e-9 * linear:
            factors.append(rest / linear)
        else:
            factors.append((np.sqrt(linear**2 + 4.0 * square * rest) - linear) / (2.0 * square))
    return float(np.average(factors, weights=[flow for flow, _ in found.outlets]))


def _share_of_squares(model: CoronaryModel) -> float:
    """Part of the reduced model's loss to its ends that goes with the flow's square."""
    drops = []
    for state in (model.hyperemia, model.state(conditions=replace(model.conditions, hyperemia=1.0))):
        ends = model.far_ends().values()
        drops.append((state.flow, float(np.mean([state.pressure - state.at(place)[1] for place in ends]))))
    (fast, much), (slow, little) = drops
    if fast <= slow * (1.0 + 1e-9) or much <= 0.0:
        return 0.0
    square = (much / fast - little / slow) / (fast - slow)
    return float(np.clip(square * fast**2 / much, 0.0, 1.0))


def compared(model: CoronaryModel, found: Measured, places: Mapping[str, Place]) -> Confirmation:
    """The run's index is what is left of the pressure at its inlet, its losses brought to the aorta's pressure."""
    factor = _factor_to(found, model)
    bent, state = _share_of_squares(model), model.hyperemia
    scale = (1.0 - bent) * factor + bent * factor**2
    away: dict[str, tuple[FloatArray, FloatArray]] = {}
    curves = {}
    for branch in model.ends_mm:
        rows = found.along.get(branch, ())
        if not rows:
            continue
        along, pressure = np.array(rows).T
        in_3d = 1.0 - scale * (found.inlet_pressure - pressure) / state.pressure
        at, index = branch_curve(model, state, branch)
        reduced = np.interp(along, at, index)
        away[branch] = along, reduced - in_3d
        curves[branch] = tuple(tuple(float(round(x, 5)) for x in curve) for curve in (along, reduced, in_3d))
    told = []
    for title, place in places.items():
        if place.branch in away:
            value = state.at(place)[0]
            difference = float(np.interp(place.along_mm, *away[place.branch]))
            told.append(ConfirmedPlace(title, place.branch, place.along_mm, value, value - difference))
    flows = ml_s_from_m3_s(state.flow), ml_s_from_m3_s(factor * found.flow)
    return Confirmation(tuple(told), curves, flows)  # type: ignore[arg-type]
