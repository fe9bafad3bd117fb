"""A run or a step that is killed leaves a whole case, says so, and the run goes on from its checkpoint."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL, SIMULATE
from e2e_program import PROGRAM, Answer, Ask, assert_refused, assert_sound, files_of
from e2e_runs import checkpoints, current_run, has_ended, kill_all_processes_of, last_step, wait_for

from solvers.contract.events import read_events
from solvers.contract.scalars import read_scalars

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]


def start(*words: object) -> subprocess.Popen[str]:
    command = [*PROGRAM, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_of(program: subprocess.Popen[str]) -> Answer:
    out, err = program.communicate(timeout=120)
    return Answer(program.returncode, out, err)


def prepared(case: Path, ask: Ask) -> Path:
    assert ask("simulate", case, "--prepare", *SIMULATE).exit_code == 0
    return current_run(case)


def test_a_killed_run_says_what_to_do_and_goes_on_from_its_checkpoint(
    own_case: Path, finished_case: Path, ask: Ask
) -> None:
    program = start("simulate", own_case, "--ranks", 2, *SIMULATE)
    old = current_run(finished_case).name
    wait_for(lambda: current_run(own_case).name != old, "a run of its own")
    folder = current_run(own_case)
    wait_for(lambda: bool(checkpoints(folder)) and last_step(folder) >= 65, "a step after the first checkpoint")
    kill_all_processes_of(folder)
    assert_refused(end_of(program), "killed", "restart it", "last checkpoint")
    state = ask("run", own_case, "--json").value
    assert (state["status"], state["code"]) == ("killed", "killed")
    shown = ask("run", own_case)
    assert shown.exit_code == 0 and "killed" in shown.out and "restart it" in shown.out
    before = files_of(own_case)
    assert_refused(ask("results", own_case), "run is killed", "no results yet", "restart it")
    assert files_of(own_case) == before
    assert_refused(
        ask("simulate", own_case, "--restart", "--max-cycles", "5"), "restart", "leave the other options out"
    )

    answer = ask("simulate", own_case, "--restart", "--ranks", 2, "--json")
    assert answer.exit_code == 0, answer.err
    assert answer.value["status"] == "finished"
    started = [event["restart_step"] for event in read_events(folder) if event["type"] == "started"]
    assert started == [None, checkpoints(folder)[0]["step"]]
    found, wanted = read_scalars(folder), read_scalars(current_run(finished_case))
    assert np.array_equal(found["step"], wanted["step"]), "every step once"
    for name in wanted:
        if name.startswith(("flow[", "pressure[")):
            # Another number of processes would leave 1e-5; the same number sums in the same order.
            assert np.abs(found[name] - wanted[name]).max() <= 1e-8 * np.abs(wanted[name]).max(), name
    assert ask("results", own_case, "--n-streamlines", "0").exit_code == 0
    assert_sound(own_case, ask)


def test_a_run_outlives_the_program_that_started_it_and_can_be_cancelled(own_case: Path, ask: Ask) -> None:
    program = start("simulate", own_case, "--ranks", 2, *SIMULATE, "--steps-per-cycle", "2000")
    before = current_run(own_case).name
    wait_for(lambda: current_run(own_case).name != before, "a run of its own")
    folder = current_run(own_case)
    wait_for(lambda: last_step(folder) >= 1, "a first step")
    program.send_signal(signal.SIGKILL)
    program.communicate()
    step = last_step(folder)
    wait_for(lambda: last_step(folder) > step, "a step after the program's end")
    assert ask("run", own_case, "--json").value["status"] == "running"
    assert_refused(ask("simulate", own_case), "run of this case is going on", "cancel")
    assert_refused(ask("simulate", own_case, "--restart"), "going on already", "stop it first")
    assert_refused(ask("results", own_case), "run is running")
    answer = ask("cancel", own_case, "--json")
    assert answer.exit_code == 0 and answer.value["status"] == "cancelled"
    assert answer.value["checkpoint_step"] == answer.value["step"] >= step
    assert "restart it" in ask("run", own_case).out
    assert ask("cancel", own_case, "--json").value["status"] == "cancelled", "a second time changes nothing"
    assert_sound(own_case, ask)


def test_a_run_that_was_killed_before_its_first_checkpoint_says_to_begin_anew(own_case: Path, ask: Ask) -> None:
    assert ask("simulate", own_case, "--detach", *SIMULATE, "--steps-per-cycle", "4000").exit_code == 0
    folder = current_run(own_case)
    wait_for(lambda: bool(read_events(folder)), "a first event")
    kill_all_processes_of(folder)
    assert "start it from the beginning" in ask("run", own_case).out
    assert_refused(ask("simulate", own_case, "--restart"), "no checkpoint", "from the beginning")
    assert has_ended(folder)
    assert_sound(own_case, ask)


def test_a_step_that_is_killed_leaves_the_case_as_it_was(scan_case: Path, own_case: Path, ask: Ask) -> None:
    for command, case in ((("segment",), scan_case), (("model", *MODEL), own_case)):
        before = files_of(case)
        program = start(command[0], case, *command[1:])
        wait_for(lambda case=case: (case / ".staging").exists(), "a step at work")  # type: ignore[misc]
        program.kill()
        program.communicate()
        kept = {name: digest for name, digest in files_of(case).items() if not name.startswith(".staging/")}
        assert kept == before
        assert ask("points", case, "--set", "arch=9.2,21.9,75").exit_code == 0, "nothing holds the case"
        assert not (case / ".staging").exists()
        assert ask("undo", case).exit_code == 0
        assert_sound(case, ask)
