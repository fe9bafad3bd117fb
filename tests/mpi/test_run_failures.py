"""Every way a run can fail ends in an exit code, one plain sentence, and a whole folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tube_runs import change, solve_by_hand, write_tube_run

from solvers.contract.errors import ExitCode
from solvers.contract.events import Event, read_events
from solvers.contract.files import MESH, SPEC
from solvers.contract.spec import Numerics, PressureOutlet, Time, Waveform
from solvers.contract.state import read_state
from solvers.run.checkpoint import checkpoint_steps, read_checkpoint
from solvers.verification.meshes import OUTLET

pytestmark = pytest.mark.mpi


def _assert_failed(folder: Path, code: str, exit_code: ExitCode) -> Event:
    final = read_events(folder)[-1]
    assert (final["type"], final["code"], final["exit_code"]) == ("failed", code, int(exit_code))
    assert final["text"].endswith(".") and "\n" not in final["text"] and "Error" not in final["text"]
    state = read_state(folder)
    assert state is not None
    assert (state.status, state.code, state.message) == ("failed", code, final["text"])
    return final


def test_a_bad_spec_ends_with_its_exit_code(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    (tmp_path / SPEC).write_text("{}", encoding="utf-8")
    assert solve_by_hand(tmp_path, 2) == ExitCode.BAD_SPEC
    _assert_failed(tmp_path, "bad_spec", ExitCode.BAD_SPEC)


def test_a_bad_mesh_ends_with_its_exit_code(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    (tmp_path / MESH).write_bytes(b"nothing")
    assert solve_by_hand(tmp_path, 1) == ExitCode.BAD_MESH
    _assert_failed(tmp_path, "mesh_altered", ExitCode.BAD_MESH)


def test_a_diverging_run_stops_within_a_few_steps_and_names_place_and_remedy(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path)
    # A jet of 7.6 m/s in a tube of 10 mm: the check before the run just lets it pass, and it crosses 30 cells a step.
    inlet = replace(spec.inlets[0], flow=Waveform.constant(6e-4))
    outlet = PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0))
    once, time = Numerics(max_cfl=20.0, max_halvings=0), Time(0.8, 60, 2, 2, None, 0.0)
    change(tmp_path, spec, inlets=(inlet,), outlets=(outlet,), time=time, numerics=once)
    assert solve_by_hand(tmp_path, 2) == ExitCode.DIVERGED
    final = _assert_failed(tmp_path, "diverged", ExitCode.DIVERGED)
    assert "time step" in final["text"]
    assert final["place"] is None or np.linalg.norm(final["place"]) < 0.05
    steps = [event["step"] for event in read_events(tmp_path) if event["type"] == "step"]
    assert max(steps, default=0) <= 10


def test_a_cfl_limit_stops_the_run_at_the_fastest_place(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path)
    change(tmp_path, spec, numerics=Numerics(max_cfl=0.5, max_halvings=0))
    assert solve_by_hand(tmp_path, 1) == ExitCode.DIVERGED
    final = _assert_failed(tmp_path, "diverged", ExitCode.DIVERGED)
    assert "cells in one time step" in final["text"]
    assert len(final["place"]) == 3


CRASH = """
from solvers.flow.solver import FlowSolver
_step = FlowSolver.step
def step(self):
    if MPI.COMM_WORLD.rank == 1 and self.step_number == 5:
        raise ZeroDivisionError("made up")
    return _step(self)
FlowSolver.step = step
"""


def test_an_error_on_one_rank_ends_all_of_them_and_is_told(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    assert solve_by_hand(tmp_path, 2, patch=CRASH) == ExitCode.INTERNAL
    final = _assert_failed(tmp_path, "internal", ExitCode.INTERNAL)
    assert "made up" in (tmp_path / final["traceback_file"]).read_text()


FULL_DISK = """
import errno
from solvers.run import checkpoint
_write = checkpoint.write_atomically
def full(path, write):
    if int(path.stem) > 25:
        raise OSError(errno.ENOSPC, "No space left on device")
    _write(path, write)
checkpoint.write_atomically = full
"""


def test_a_full_disk_ends_the_run_with_one_sentence_and_a_whole_checkpoint(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path)
    assert solve_by_hand(tmp_path, 2, patch=FULL_DISK) == ExitCode.INTERNAL
    final = _assert_failed(tmp_path, "disk_full", ExitCode.INTERNAL)
    assert "disk is full" in final["text"]
    assert checkpoint_steps(tmp_path) == [20]
    assert read_checkpoint(tmp_path, spec.fingerprint)[0] == 20
    assert solve_by_hand(tmp_path, 2, "--restart") == 0
