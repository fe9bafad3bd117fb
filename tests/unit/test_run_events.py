"""The event file and the state of a run, as another program reads them while they are written."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from run_folders import tube_spec

from solvers.contract.events import EventWriter, read_events, read_new
from solvers.contract.files import EVENTS, STATE
from solvers.contract.state import RunState, read_state, write_state
from solvers.flow.solver import StepReport
from solvers.run import reporter


def test_events_are_numbered_and_can_be_followed_from_an_offset(tmp_path: Path) -> None:
    with EventWriter(tmp_path, heartbeat_seconds=None) as writer:
        writer.emit("stage", name="reading")
        first, offset = read_new(tmp_path, 0)
        writer.emit("step", step=np.int64(3), cfl=np.float64(0.5), place=(1.0, 2.0, 3.0))
        second, _ = read_new(tmp_path, offset)
    assert [event["seq"] for event in first + second] == [1, 2]
    assert second[0]["step"] == 3
    assert second[0]["place"] == [1.0, 2.0, 3.0]


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.write_bytes(b'{"seq": 1, "type": "stage"}\n{"seq": 2, "ty')
    events, offset = read_new(tmp_path, 0)
    assert [event["seq"] for event in events] == [1]
    with path.open("ab") as stream:
        stream.write(b'pe": "step"}\n')
    assert [event["seq"] for event in read_new(tmp_path, offset)[0]] == [2]


def test_a_restart_goes_on_with_the_numbers_and_mends_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_bytes(b'{"seq": 7, "type": "step"}\n{"seq": 8, "type": "st')
    with EventWriter(tmp_path, heartbeat_seconds=None) as writer:
        writer.emit("started")
    assert [(event["seq"], event["type"]) for event in read_events(tmp_path)] == [(7, "step"), (8, "started")]


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    with EventWriter(tmp_path, heartbeat_seconds=None) as writer:
        writer.emit("step", residual=float("nan"), flows={"a": np.inf})
    assert read_events(tmp_path)[0]["residual"] is None
    assert read_events(tmp_path)[0]["flows"] == {"a": None}


def test_a_silent_run_says_that_it_lives(tmp_path: Path) -> None:
    with EventWriter(tmp_path, heartbeat_seconds=0.05):
        deadline = time.monotonic() + 5.0
        while not read_events(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert read_events(tmp_path)[0]["type"] == "heartbeat"


def test_a_state_is_read_back_and_a_broken_one_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    written = write_state(tmp_path, RunState("running", n_ranks=2, pid=5, step=7))
    assert read_state(tmp_path) == written
    (tmp_path / STATE).write_text('{"status": "runn', encoding="utf-8")
    assert read_state(tmp_path) is None


def test_the_time_left_is_judged_by_steps_and_not_by_what_comes_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(reporter.time, "monotonic", lambda: clock[0])
    spec = tube_spec()
    writer = reporter.Reporter(tmp_path, 1)
    writer.open_scalars(spec, 0)
    clock[0] = 30.0  # compiling, partitioning, factorizing
    for number in (1, 2, 3):
        clock[0] += 0.5
        step = StepReport(number, 0.1, 3, 1e-6, True, 1, 1, 0.5, 1.0, (0.0, 0.0, 0.0), np.zeros(2), 0.0, np.zeros(2))
        writer.step(step, spec, spec.time.dt, [0.0, 0.0], 0.0, 0.0, steps_left=100)
    steps = [event for event in read_events(tmp_path) if event["type"] == "step"]
    assert [event["eta_seconds"] for event in steps] == [None, 50.0, 50.0]
    writer.end("finished", None, None, 0, {})
