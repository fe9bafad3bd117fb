"""After a failure: the cause, the place, and what helps, read off the run folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from solvers.contract.errors import RunError
from solvers.contract.events import read_events
from solvers.contract.mesh_file import MeshArrays, read_mesh
from solvers.contract.scalars import flow_column, read_scalars
from solvers.contract.spec import RunSpec, read_spec
from solvers.contract.state import RunState, read_state
from solvers.doctor.causes import CAUSES
from solvers.doctor.fixes import FIXES, Fix
from solvers.preflight.mesh_checks import FEW_CELLS, SLIVER
from solvers.preflight.shape import openings, probe, shape_quality

Place = tuple[float, float, float]
NEAR_OUTLET = 3.0
"""Within so many of an outlet's radii its backflow is blamed (assumption)."""
BACKFLOW_ROWS = 20
ROUNDING = 1e-11
"""No relative residual much below this is reached for sure in double precision (assumption)."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes
    ----------
    code
        Of the cause in CAUSES; ``healthy`` when nothing failed.
    sentence
        What happened, where, and what to do.
    cause
        What is behind it.
    place
        In the mesh [m].
    fixes
        What helps, the best first.
    """

    code: str
    sentence: str
    cause: str
    place: Place | None = None
    fixes: tuple[Fix, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        fixes = [{"id": fix.id, "title": fix.title, "is_automatic": fix.is_automatic} for fix in self.fixes]
        return {
            "code": self.code,
            "sentence": self.sentence,
            "cause": self.cause,
            "place": self.place,
            "fixes": fixes,
        }


def diagnose(run_dir: Path) -> Diagnosis:
    """The cause of a run's end; a run that goes on, waits or has finished is ``healthy``."""
    state = read_state(run_dir) or RunState()
    if state.status in ("created", "running", "finished", "cancelled", "queued") and state.code in (None, "cancelled"):
        return Diagnosis("healthy", f"Nothing is wrong with the run: it is {state.status}.", "")
    final = next((event for event in reversed(read_events(run_dir)) if event["type"] == "failed"), {})
    code, place = state.code or "internal", final.get("place")
    where: Place | None = (place[0], place[1], place[2]) if place else None
    sentence = state.message or f"The run has {state.status}."
    look = {"diverged": _diverged, "energy_grows": _grows, "solver_stagnates": _stagnates}.get(code)
    if look is None:
        return _of(code, sentence, where)
    try:
        spec = read_spec(run_dir)
        return look(run_dir, spec, read_mesh(run_dir, spec), sentence, where)
    except RunError:
        return _of("time_step_too_large" if code == "diverged" else code, sentence, where)


def diagnosis_of(error: RunError) -> Diagnosis:
    """The diagnosis of a refusal before anything was solved."""
    return _of("time_step_too_large" if error.code == "diverged" else error.code, error.message, error.place)


def _of(code: str, sentence: str, place: Place | None) -> Diagnosis:
    cause = CAUSES.get(code)
    if cause is None:
        return Diagnosis(code, sentence, "It is not in the Doctor's table.", place, (FIXES["report_error"],))
    return Diagnosis(code, sentence, cause.cause, place, tuple(FIXES[name] for name in cause.fixes))


def _diverged(run_dir: Path, spec: RunSpec, mesh: MeshArrays, sentence: str, place: Place | None) -> Diagnosis:
    """Which of the causes of a divergence: by speed, place, cells there, and flow at the outlets before it."""
    if "no blood flow does" in sentence:
        return _of("too_fast", sentence, place)
    if place is None:
        halvings = [event for event in read_events(run_dir) if event["type"] == "time_step_halved"]
        place = next((tuple(event["place"]) for event in reversed(halvings) if event.get("place")), None)
    if place is None:
        return _of("time_step_too_large", sentence, None)
    blamed = _backflow(run_dir, spec, mesh, sentence, place) or _sliver(mesh, sentence, place)
    if blamed is not None:
        return blamed
    has_halved_all = spec.numerics.max_halvings >= 4
    probes = probe(mesh, spec.wall_patch_ids)
    if has_halved_all and len(probes.radius):
        at = int(np.argmin(np.linalg.norm(probes.center - np.array(place), axis=1)))
        if probes.cells[at] < FEW_CELLS:
            return _of("mesh_coarse_there", sentence, place)
    return _of("time_step_too_large", sentence, place)


def _grows(run_dir: Path, spec: RunSpec, mesh: MeshArrays, sentence: str, place: Place | None) -> Diagnosis:
    """Energy from nowhere: where blood comes back through an outlet it comes with that. What is on needs no fix."""
    blamed = _backflow(run_dir, spec, mesh, sentence, place) if place else None
    if blamed is not None:
        return blamed
    found = _of("energy_grows", sentence, place)
    numerics = spec.numerics
    done = {
        name for name, is_on in (("supg_on", numerics.supg), ("backflow_on", numerics.backflow_beta >= 1.0)) if is_on
    }
    return replace(found, fixes=tuple(fix for fix in found.fixes if fix.id not in done))


def _stagnates(run_dir: Path, spec: RunSpec, mesh: MeshArrays, sentence: str, place: Place | None) -> Diagnosis:
    """Equations that stay unsolved: by a tolerance below rounding, or a cell that is almost flat."""
    if spec.numerics.velocity_tolerance < ROUNDING:
        return _of("tolerance_too_small", sentence, place)
    return _sliver(mesh, sentence, place) or _of("solver_stagnates", sentence, place)


def _sliver(mesh: MeshArrays, sentence: str, place: Place | None) -> Diagnosis | None:
    """A cell near the place, or without one anywhere, that is almost flat."""
    quality, centers = shape_quality(mesh), mesh.points[mesh.tets].mean(axis=1)
    near = np.arange(len(quality))
    if place is not None:
        near = np.argsort(np.linalg.norm(centers - np.array(place), axis=1))[:20]
    worst = int(near[np.argmin(quality[near])])
    if quality[worst] >= SLIVER:
        return None
    x, y, z = centers[worst].tolist()
    return _of("sliver_there", sentence, place or (x, y, z))


def _backflow(run_dir: Path, spec: RunSpec, mesh: MeshArrays, sentence: str, place: Place) -> Diagnosis | None:
    """An outlet near the place through which blood came back in the last steps."""
    rows = read_scalars(run_dir)
    caps = openings(mesh, tuple(outlet.patch_id for outlet in spec.outlets))
    for outlet in spec.outlets:
        cap, flow = caps.get(outlet.patch_id), rows.get(flow_column(outlet.name))
        if cap is None or flow is None or not len(flow):
            continue
        is_near = np.linalg.norm(cap.center - np.array(place)) < NEAR_OUTLET * np.sqrt(cap.area / np.pi)
        if is_near and flow[-BACKFLOW_ROWS:].min() < 0.0:
            told = f"{sentence[:-1]}; blood flows back in through outlet {outlet.name!r} near by."
            return _of("backflow", told, place)
    return None
