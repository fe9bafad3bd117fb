"""What stops a run while it goes, planted: energy from nowhere, equations that stay unsolved, and softer signs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tube_runs import change, solve_by_hand, tube_spec, write_tube_run

from solvers.contract.errors import ExitCode
from solvers.contract.events import Event, read_events
from solvers.contract.mesh_file import MeshArrays, write_mesh
from solvers.contract.scalars import read_scalars
from solvers.contract.spec import Numerics, RunSpec, read_spec, write_spec
from solvers.doctor.causes import CAUSES
from solvers.doctor.diagnosis import Diagnosis, diagnose
from solvers.preflight.mesh_checks import FEW_CELLS, SLIVER
from solvers.preflight.shape import probe, shape_quality
from solvers.verification.meshes import WALL, straight_tube

pytestmark = pytest.mark.mpi


def ended(folder: Path, code: str, *words: str) -> Diagnosis:
    """The diagnosis of a run that ended by a code, with a sentence that holds these words."""
    final = read_events(folder)[-1]
    assert final["type"] == "failed" and final["code"] == code and final["exit_code"] == ExitCode.DIVERGED, final
    sentence = str(final["text"])
    assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
    for word in words:
        assert word in sentence
    columns = list(read_scalars(folder).values())
    assert not columns or np.isfinite(np.column_stack(columns)).all()
    return diagnose(folder)


def halvings(folder: Path) -> list[Event]:
    return [event for event in read_events(folder) if event["type"] == "time_step_halved"]


FEED = """
from solvers.flow.solver import FlowSolver
import numpy as np
_step = FlowSolver.step
def step(self):
    report = _step(self)
    if self.time > 0.3:  # diastole: hardly any blood enters, and an eddy is turned faster and faster
        x = self.mesh.velocity.points - (0.0, 0.0, 0.02)
        turning = np.exp(-(x**2).sum(axis=1) / 0.003**2)[:, None] * np.cross((0.0, 0.0, 1.0), x) / 0.003
        turning *= 0.02 * 1.5 ** ((self.time - 0.3) / self.dt)
        turning[self._prescribed_nodes] = 0.0
        for field in (self.velocity, self.old_velocity, self.end_velocity):
            field += turning
    return report
FlowSolver.step = step
"""


def test_energy_that_grows_by_more_than_enters_ends_the_run(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 60, 1)
    change(tmp_path, spec, numerics=Numerics(max_halvings=2, supg=False))
    assert solve_by_hand(tmp_path, 2, patch=FEED) == ExitCode.DIVERGED
    found = ended(tmp_path, "energy_grows", "the openings can bring in", "feeds itself")
    assert [event["code"] for event in halvings(tmp_path)] == ["energy_grows"] * 2
    assert found.code == "energy_grows" and found.place is not None
    assert np.linalg.norm(np.array(found.place) - (0.0, 0.0, 0.02)) < 0.006
    assert [fix.id for fix in found.fixes] == ["supg_on", "smaller_step", "finer_mesh"], "backflow is stabilized"
    mend = found.fixes[0].change
    assert mend is not None and mend(read_spec(tmp_path)).numerics.supg


CAP = "import solvers.fem.krylov as krylov\nkrylov.MAX_ITERATIONS = 1\n"


def test_a_solver_that_always_reaches_its_cap_ends_the_run_without_trying_every_halving(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 60, 1)
    change(tmp_path, spec, numerics=Numerics(velocity_tolerance=1e-10))
    assert solve_by_hand(tmp_path, 2, patch=CAP) == ExitCode.DIVERGED
    found = ended(tmp_path, "solver_stagnates", "velocity equations", "after 1 iterations", "no longer falls")
    assert found.code == "solver_stagnates" and found.place is not None
    assert {event["code"] for event in halvings(tmp_path)} == {"solver_stagnates"}
    assert len(halvings(tmp_path)) < Numerics().max_halvings
    change(tmp_path, spec, numerics=Numerics(velocity_tolerance=1e-14))
    found = diagnose(tmp_path)
    assert found.code == "tolerance_too_small" and found.fixes[0].change is not None
    assert found.fixes[0].change(read_spec(tmp_path)).numerics.velocity_tolerance == 1e-5


PRESSURE = """
import numpy as np
import solvers.fem.poisson as poisson
poisson.DIRECT_LIMIT = 0
from solvers.flow.solver import FlowSolver
_momentum = FlowSolver._solve_momentum
def solve_momentum(self, *given):
    if self.step_number > 20:
        {what}
    cfl = _momentum(self, *given)
    if self.step_number > 20:
        self.velocity[:] *= {factor}
    return cfl
FlowSolver._solve_momentum = solve_momentum
"""


@pytest.mark.parametrize(
    ("what", "factor", "code", "words", "cause"),
    [
        ("pass", "float('nan')", "diverged", "became infinite", "time_step_too_large"),
        ("self._poisson._solver.setTolerances(max_it=1)", "1.0", "solver_stagnates", "pressure", "solver_stagnates"),
    ],
    ids=["NaN", "stagnation"],
)
def test_a_pressure_that_cannot_be_iterated_for_is_tried_with_smaller_steps_and_named(
    tmp_path: Path, what: str, factor: str, code: str, words: str, cause: str
) -> None:
    spec = write_tube_run(tmp_path, 60, 1)
    change(tmp_path, spec, numerics=Numerics(max_halvings=1, pressure_tolerance=1e-12))
    assert solve_by_hand(tmp_path, 2, patch=PRESSURE.format(what=what, factor=factor)) == ExitCode.DIVERGED
    assert ended(tmp_path, code, words).code == cause
    assert len(halvings(tmp_path)) == 1


SOFT = """
from solvers.flow.solver import FlowSolver
import dataclasses
_step = FlowSolver.step
seen = []
def step(self):
    report = _step(self)
    if self.step_number == 5 and not seen:
        seen.append(report)
        report = dataclasses.replace(report, velocity_iterations=99)
    if 0.2 < self.time:
        report = dataclasses.replace(report, pressures=report.pressures + 2000.0 * (-1) ** report.step)
    return report
FlowSolver.step = step
"""


def test_softer_signs_halve_the_step_twice_at_most_and_end_no_run(tmp_path: Path) -> None:
    write_tube_run(tmp_path, 60, 1)
    assert solve_by_hand(tmp_path, 1, patch=SOFT) == 0
    told = halvings(tmp_path)
    found = [(event["code"], event["level"]) for event in told]
    assert found[:2] == [("many_iterations", 1), ("alternating", 2)]
    assert set(found[2:]) <= {("alternating", 2)}, "tried again after quiet steps, and no further"
    words = {"many_iterations": "needed 99 iterations", "alternating": "alternates from step to step"}
    for event in told:
        assert words[event["code"]] in event["text"] and len(event["place"]) == 3
    assert read_scalars(tmp_path)["step"].tolist() == list(range(1, 61))


FAST = """
from solvers.flow.solver import FlowSolver
import dataclasses
_step = FlowSolver.step
def step(self):
    report = _step(self)
    if self.step_number > 5:
        report = dataclasses.replace(report, cfl=200.0, fastest_point={place})
    return report
FlowSolver.step = step
"""


def run_that_diverges(folder: Path, mesh: MeshArrays, place: tuple[float, float, float], most: int) -> RunSpec:
    spec = replace(tube_spec(write_mesh(folder, mesh), 60, 1), numerics=Numerics(max_halvings=most))
    write_spec(folder, spec)
    assert solve_by_hand(folder, 1, patch=FAST.format(place=place)) == ExitCode.DIVERGED
    return spec


def test_a_sliver_near_the_place_is_blamed(tmp_path: Path) -> None:
    tube = straight_tube(0.04, 0.005, 3, 8, 0.6)
    middle = int(np.argmin(np.linalg.norm(tube.points - (0.0, 0.0, 0.02), axis=1)))
    cell = next(tet for tet in tube.tets if middle in tet)
    others = [vertex for vertex in cell if vertex != middle]
    base = tube.points[others].mean(axis=0)
    flat = tube.points.copy()
    flat[middle] = base + 2e-3 * (tube.points[middle] - base)
    mesh = replace(tube, points=flat)
    quality = shape_quality(mesh)
    assert 0.0 < quality.min() < SLIVER
    run_that_diverges(tmp_path, mesh, tuple(base.tolist()), 1)  # type: ignore[arg-type]
    found = ended(tmp_path, "diverged")
    assert found.code == "sliver_there" and found.fixes[0].id == "mesh_again" and found.place is not None


def test_too_few_cells_across_the_place_are_blamed(tmp_path: Path) -> None:
    mesh = straight_tube(0.04, 0.005, 2, 8, 0.6)
    assert probe(mesh, (WALL,)).cells.max() < FEW_CELLS
    run_that_diverges(tmp_path, mesh, (0.0, 0.0, 0.02), 4)
    found = ended(tmp_path, "diverged", "cells in one time step")
    assert found.code == "mesh_coarse_there" and found.fixes[0].id == "finer_mesh"


def test_the_guards_have_their_rows_in_the_table() -> None:
    assert {"energy_grows", "solver_stagnates", "tolerance_too_small", "sliver_there", "mesh_coarse_there"} <= set(
        CAUSES
    )
