"""Runs through a Slurm queue: a queue of one computer that checks its command lines stands for it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import fake_slurm
import pytest
import tube_runs

from solvers.contract.errors import RunError
from solvers.contract.events import read_events
from solvers.contract.state import read_state
from solvers.launch import runs, slurm
from solvers.launch.slurm import SlurmOptions

OPTIONS = SlurmOptions("short", "heart-lab", 0.5, 1500, "export FROM_SETUP=1")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The queue's own folder; its answers are asked for without a pause."""
    fake_slurm.install(tmp_path / "queue")
    monkeypatch.setenv("PATH", fake_slurm.path_with(tmp_path / "queue"))
    monkeypatch.setattr(slurm, "ASK_AGAIN_SECONDS", 0.05)
    return tmp_path / "queue"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A prepared run."""
    tube_runs.write_tube_run(tmp_path / "run 1", steps=40, cycles=1)
    return tmp_path / "run 1"


def test_the_job_script_asks_for_what_was_wished_and_is_a_valid_shell_script(folder: Path) -> None:
    text = slurm.job_script(folder, 6, OPTIONS, is_restart=True)
    wanted = [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")]
    assert {
        "--job-name=angiotwin-run-1",
        "--ntasks=6",
        "--cpus-per-task=1",
        "--time=30",
        "--mem-per-cpu=1500M",
        "--partition=short",
        "--account=heart-lab",
        "--output=console.txt",
    } <= set(wanted)
    last = shlex.split(text.splitlines()[-1])
    assert last == ["exec", "$mpiexec", "-n", "6", sys.executable, "-m", "solvers.run", ".", "--restart"]
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.mpi
def test_a_submitted_run_waits_runs_and_finishes(folder: Path, room: Path) -> None:
    handle = slurm.start(folder, 2, OPTIONS)
    state = read_state(folder)
    assert state is not None and (state.status, state.n_ranks) == ("queued", 2)
    assert handle.is_alive and runs.reattach(folder) == handle, "found again as waiting"
    with pytest.raises(RunError, match="already"):
        slurm.start(folder, 2, OPTIONS)
    (room / "go").touch()
    events = list(runs.watch(folder))
    assert events[-1]["type"] == "finished" and events[-1]["seq"] == len(events)
    assert runs.settle(folder).status == "finished" and runs.reattach(folder) is None
    calls = (room / "calls.txt").read_text().splitlines()
    assert calls[0] == f"sbatch --parsable --chdir={folder.resolve()} job.sh"


@pytest.mark.mpi
def test_a_run_that_the_queue_ends_is_named_by_the_queues_reason_and_restarts(folder: Path, room: Path) -> None:
    tube_runs.write_tube_run(folder, steps=4000, cycles=1)
    (room / "go").touch()
    slurm.start(folder, 1, OPTIONS)
    for event in runs.watch(folder):
        if event["type"] == "checkpoint":
            (room / "end").write_text("TIMEOUT")
    state = runs.settle(folder)
    assert (state.status, state.code) == ("killed", "queue_time_limit")
    assert state.message is not None and "more hours" in state.message and "restart" in state.message
    (room / "end").unlink()
    slurm.restart(folder, 1, OPTIONS)
    for event in runs.watch(folder):
        if event["type"] == "step" and event["step"] > (state.checkpoint_step or 0):
            handle = runs.reattach(folder)
            assert handle is not None
            assert runs.cancel(handle).status == "cancelled"
            break
    started = [event for event in read_events(folder) if event["type"] == "started"]
    assert [bool(event["restart_step"]) for event in started] == [False, True]


def test_a_waiting_run_is_taken_from_the_queue(folder: Path, room: Path) -> None:
    handle = slurm.start(folder, 1, OPTIONS)
    state = runs.cancel(handle)
    assert state.status == "cancelled" and "submit it again" in (state.message or "")
    assert "scancel 1001" in (room / "calls.txt").read_text() and runs.reattach(folder) is None


def test_a_queue_that_does_not_answer_is_no_proof_of_the_runs_end(folder: Path, room: Path) -> None:
    handle = slurm.start(folder, 1, OPTIONS)
    (room / "mute").touch()
    slurm._last_answers.clear()
    assert handle.is_alive
    state = read_state(folder)
    assert state is not None and state.status == "queued"


def test_a_job_that_the_queue_has_forgotten_is_over(folder: Path, room: Path) -> None:
    slurm.start(folder, 1, OPTIONS)
    (room / "1001.state").unlink()
    slurm._last_answers.clear()
    assert runs.reattach(folder) is None
    state = read_state(folder)
    assert state is not None and state.status == "killed" and "beginning" in (state.message or "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SlurmOptions(partition="a; rm -r /"), "no name of a queue"),
        (SlurmOptions(hours=0.0), "time limit"),
        (SlurmOptions(memory_mb=1), "memory"),
        (SlurmOptions(setup="a\nb"), "one shell line"),
    ],
)
def test_options_that_would_break_the_script_are_refused(
    folder: Path, room: Path, options: SlurmOptions, said: str
) -> None:
    with pytest.raises(RunError, match=said):
        slurm.start(folder, 1, options)
    assert not (room / "calls.txt").exists()


def test_what_the_queue_refuses_is_said_with_its_reason(folder: Path, room: Path) -> None:
    (room / "refuse").touch()
    with pytest.raises(RunError, match="did not take the run .invalid partition specified: nowhere."):
        slurm.start(folder, 1, OPTIONS)
    assert slurm.queued(folder) is None


def test_a_computer_without_a_queue_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(RunError, match="no Slurm queue"):
        slurm.start(folder, 1, OPTIONS)
