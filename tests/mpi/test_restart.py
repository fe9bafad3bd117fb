"""A run that is cancelled or killed and then restarted gives the same last cycle as one that was left alone."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from tube_runs import TUNING, change, write_tube_run

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.events import read_events
from solvers.contract.files import FIELDS, INDICES, STOP
from solvers.contract.scalars import read_scalars
from solvers.contract.sections import SAMPLES, read_sections
from solvers.contract.state import read_state
from solvers.launch import local, runs

pytestmark = pytest.mark.mpi
N_RANKS = 2
STEPS = 360
"""So many that the run is still going when a step that was heard of is acted on."""


def _write_run(folder: Path) -> None:
    """Two cycles, between which the outlet is tuned."""
    change(folder, write_tube_run(folder, STEPS), tuning=TUNING)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untouched")
    _write_run(folder)
    state = local.start(folder, N_RANKS).wait(300)
    assert (state.status, state.exit_code) == ("finished", 0)
    return folder


def _start_and_wait_for_step(folder: Path, step: int) -> local.RunHandle:
    _write_run(folder)
    handle = local.start(folder, N_RANKS)
    for event in runs.watch(folder, 0.01):
        if event["type"] == "step" and event["step"] >= step:
            return handle
    raise AssertionError("the run ended before the step")


def _assert_same_run(folder: Path, reference: Path) -> None:
    found, wanted = read_scalars(folder), read_scalars(reference)
    assert np.array_equal(found["step"], wanted["step"])
    for name in ("flow[inlet]", "flow[outlet]", "pressure[inlet]", "pressure[outlet]", "max_speed", "cfl"):
        # on the same ranks only the order of a few sums may differ, i.e. the last digits
        assert np.abs(found[name] - wanted[name]).max() <= 1e-10 * np.abs(wanted[name]).max(), name
    found, wanted = read_sections(folder), read_sections(reference)
    assert len(found["step"]) == 2 * SAMPLES and np.array_equal(found["step"], wanted["step"])
    for name, values in wanted.items():
        assert np.abs(found[name] - values).max() <= 1e-8 * np.abs(values).max(), name
    assert [event["round"] for event in read_events(folder) if event["type"] == "outlets_tuned"] == [1]
    assert (folder / FIELDS).stat().st_size == (reference / FIELDS).stat().st_size
    assert (folder / INDICES).exists()


def test_a_cancelled_run_goes_on_where_it_was_stopped(tmp_path: Path, untouched: Path) -> None:
    handle = _start_and_wait_for_step(tmp_path, STEPS + 15)
    state = local.cancel(handle)
    assert (state.status, state.exit_code) == ("cancelled", int(ExitCode.CANCELLED))
    assert state.checkpoint_step is not None and state.checkpoint_step >= STEPS + 15
    assert read_events(tmp_path)[-1]["type"] == "cancelled"
    assert not (tmp_path / STOP).exists()
    local.restart(tmp_path, N_RANKS)
    # who watches a restarted run does not take the end of its first part for the end
    assert list(runs.watch(tmp_path))[-1]["type"] == "finished"
    assert local.settle(tmp_path).status == "finished"
    started = [event for event in read_events(tmp_path) if event["type"] == "started"]
    assert [event["restart_step"] for event in started] == [None, state.checkpoint_step]
    _assert_same_run(tmp_path, untouched)


def test_a_killed_run_is_recognized_and_goes_on_from_its_checkpoint(tmp_path: Path, untouched: Path) -> None:
    handle = _start_and_wait_for_step(tmp_path, STEPS + 35)
    leader = psutil.Process(handle.pid)
    for process in (*leader.children(recursive=True), leader):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10.0
    while local.reattach(tmp_path) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    state = read_state(tmp_path)
    assert state is not None and state.status == "killed"
    assert "restart it" in str(state.message)
    assert local.restart(tmp_path, N_RANKS).wait(300).status == "finished"
    _assert_same_run(tmp_path, untouched)


def test_a_finished_run_can_be_restarted_for_more_cycles(tmp_path: Path) -> None:
    write_tube_run(tmp_path, 40, 2, 1e-6)
    state = local.start(tmp_path, 1).wait(300)
    assert (state.status, state.code, state.exit_code) == ("failed", "not_periodic", int(ExitCode.NOT_PERIODIC))
    write_tube_run(tmp_path, 40, 3, 1e-6)
    local.restart(tmp_path, 1).wait(300)
    assert len(read_scalars(tmp_path)["step"]) == 120
    cycles = [event["cycle"] for event in read_events(tmp_path) if event["type"] == "cycle"]
    assert cycles == [0, 1, 2]


def test_a_running_run_is_found_again_and_not_started_twice(tmp_path: Path) -> None:
    handle = _start_and_wait_for_step(tmp_path, 1)
    again = local.reattach(tmp_path)
    assert again is not None and again.is_alive
    with pytest.raises(RunError) as refusal:
        local.start(tmp_path, 1)
    assert refusal.value.code == "already_running"
    assert local.cancel(again, grace_seconds=60.0).status == "cancelled"
    assert not handle.is_alive


def test_a_run_that_ignores_the_stop_file_is_killed_as_a_whole(tmp_path: Path) -> None:
    handle = _start_and_wait_for_step(tmp_path, 1)
    leader = psutil.Process(handle.pid)
    family = [leader, *leader.children(recursive=True)]
    ranks = [process for process in family if "solvers.run" in " ".join(process.cmdline())]
    for process in ranks:
        process.suspend()
    state = local.cancel(handle, grace_seconds=0.5, term_seconds=0.5)
    assert state.status == "killed"
    deadline = time.monotonic() + 10.0
    while any(_is_going(process) for process in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_is_going(process) for process in family)


def _is_going(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_run_without_checkpoint_cannot_be_restarted(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    with pytest.raises(RunError) as refusal:
        local.restart(tmp_path, 1)
    assert refusal.value.code == "no_checkpoint"
