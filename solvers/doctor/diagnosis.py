"""After a failure: the cause, the place, and what helps, read off the run folder."""

from __future__ import annotations

from dataclasses import dataclass
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
    if code != "diverged":
        return _of(code, sentence, where)
    try:
        spec = read_spec(run_dir)
        return _diverged(run_dir, spec, read_mesh(run_dir, spec), sentence, where)
    except RunError:
        return _of("time_step_too_large", sentence, where)


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
    point = np.array(place)
    outlet = _backflow(run_dir, spec, mesh, point)
    if outlet is not None:
        told = f"{sentence[:-1]}; blood flows back in through outlet {outlet!r} near by."
        return _of("backflow", told, place)
    centers = mesh.points[mesh.tets].mean(axis=1)
    near = np.argsort(np.linalg.norm(centers - point, axis=1))[:20]
    if shape_quality(mesh)[near].min() < SLIVER:
        return _of("sliver_there", sentence, place)
    has_halved_all = spec.numerics.max_halvings >= 4
    probes = probe(mesh, spec.wall_patch_ids)
    if has_halved_all and len(probes.radius):
        at = int(np.argmin(np.linalg.norm(probes.center - point, axis=1)))
        if probes.cells[at] < FEW_CELLS:
            return _of("mesh_coarse_there", sentence, place)
    return _of("time_step_too_large", sentence, place)


def _backflow(run_dir: Path, spec: RunSpec, mesh: MeshArrays, point: np.ndarray[Any, Any]) -> str | None:
    """Name of an outlet near the place through which blood came back in the last steps."""
    rows = read_scalars(run_dir)
    caps = openings(mesh, tuple(outlet.patch_id for outlet in spec.outlets))
    for outlet in spec.outlets:
        cap, flow = caps.get(outlet.patch_id), rows.get(flow_column(outlet.name))
        if cap is None or flow is None or not len(flow):
            continue
        is_near = np.linalg.norm(cap.center - point) < NEAR_OUTLET * np.sqrt(cap.area / np.pi)
        if is_near and flow[-BACKFLOW_ROWS:].min() < 0.0:
            return outlet.name
    return None
