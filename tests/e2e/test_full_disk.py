"""A disk that fills up, a real and small one: each step ends in one sentence and the case is as it was before."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import MESH, MODEL, RESULTS, SEGMENT, SIMULATE
from e2e_phantom import arch_scan
from e2e_program import Ask, assert_refused, assert_sound, assert_whole, files_of, run_program
from e2e_runs import checkpoints, current_run, has_ended, last_step, wait_for

from imaging.volume_io import write_volume

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]
SIZE_MB = 160
PAGE = 4096


class SmallDisk:
    """A file system of its own in memory, whose free space a filler file takes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler.bin"

    def fill(self, leave_bytes: int) -> None:
        """Take all free space but so much (rounded down to pages)."""
        self.free()
        state = os.statvfs(self.place)
        wanted = state.f_bavail * state.f_frsize - leave_bytes // PAGE * PAGE
        with self._filler.open("wb", buffering=0) as stream:
            block = bytes(1 << 20)
            try:
                while wanted > 0:
                    wanted -= stream.write(block[:wanted])
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "small disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount the small disk that this test fills")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def scan_on_disk(disk: SmallDisk, imported_case: Path) -> Path:
    return Path(shutil.copytree(imported_case, disk.place / "scan.case"))


@pytest.fixture
def case_on_disk(disk: SmallDisk, finished_case: Path) -> Path:
    return Path(shutil.copytree(finished_case, disk.place / "own.case"))


def test_import_leaves_nothing_on_a_full_disk(disk: SmallDisk, tmp_path: Path, ask: Ask) -> None:
    write_volume(arch_scan().volume, tmp_path / "scan.nrrd")
    for leave in (0, 2 * PAGE, 200_000):
        disk.fill(leave)
        assert_refused(ask("import", tmp_path / "scan.nrrd", disk.place / "new.case"), "disk", "full")
        assert [path.name for path in disk.place.iterdir()] == ["filler.bin"]
    disk.free()
    assert ask("import", tmp_path / "scan.nrrd", disk.place / "new.case").exit_code == 0


def test_a_change_of_a_case_is_not_half_written(disk: SmallDisk, scan_on_disk: Path, ask: Ask) -> None:
    before = files_of(scan_on_disk)
    for leave in (0, PAGE, 2 * PAGE):
        disk.fill(leave)
        answer = ask("points", scan_on_disk, "--set", "arch=1,2,3")
        assert_refused(answer, "the disk is full", "the case is as it was", "free some space")
        assert ask("info", scan_on_disk, "--json").value["points_mm"]["arch"] != [1.0, 2.0, 3.0]
        disk.free()
        now = files_of(scan_on_disk)
        assert {**now, "history.json": ""} == {**before, "history.json": ""}
        assert ask("undo", scan_on_disk, "--json").value["undone"] == "Set 8 points", "the way back is not lost"
        assert ask("redo", scan_on_disk).exit_code == 0
        before = files_of(scan_on_disk)


def test_segment_leaves_the_case_as_it_was_and_works_when_there_is_space(
    disk: SmallDisk, scan_on_disk: Path, ask: Ask
) -> None:
    before = files_of(scan_on_disk)
    disk.fill(2 * PAGE)
    assert_refused(ask("segment", scan_on_disk, *SEGMENT), "disk", "full")
    assert_whole(scan_on_disk, before, ask)
    disk.free()
    assert ask("segment", scan_on_disk, *SEGMENT).exit_code == 0
    assert_sound(scan_on_disk, ask)


@pytest.mark.parametrize("leave", [0, 5 * PAGE, 60 * PAGE])
@pytest.mark.parametrize(
    "command", [("mesh", *MESH), ("results", *RESULTS), ("simulate", "--prepare", *SIMULATE)], ids=lambda c: c[0]
)
def test_a_step_leaves_the_case_as_it_was(
    disk: SmallDisk, case_on_disk: Path, ask: Ask, command: tuple[str, ...], leave: int
) -> None:
    before = files_of(case_on_disk)
    disk.fill(leave)
    assert_refused(ask(command[0], case_on_disk, *command[1:]), "disk", "full")
    assert_whole(case_on_disk, before, ask)


@pytest.mark.parametrize("command", [("model", *MODEL), ("report",)], ids=lambda c: c[0])
def test_a_long_step_leaves_the_case_as_it_was(
    disk: SmallDisk, case_on_disk: Path, ask: Ask, command: tuple[str, ...]
) -> None:
    before = files_of(case_on_disk)
    disk.fill(5 * PAGE)
    assert_refused(ask(command[0], case_on_disk, *command[1:]), "disk", "full")
    assert_whole(case_on_disk, before, ask)


def test_a_result_whose_record_does_not_fit_is_given_back(disk: SmallDisk, case_on_disk: Path, ask: Ask) -> None:
    """The files of the mesh fit, the record of the case does not."""
    before = files_of(case_on_disk)
    assert ask("simulate", case_on_disk, "--prepare", *SIMULATE).exit_code == 0
    made = current_run(case_on_disk)
    n_bytes = sum(-(-path.stat().st_size // PAGE) * PAGE for path in made.iterdir())
    assert ask("undo", case_on_disk).exit_code == 0
    shutil.rmtree(made)
    before = files_of(case_on_disk)
    disk.fill(n_bytes + 4 * PAGE)
    assert_refused(ask("simulate", case_on_disk, "--prepare", *SIMULATE), "the disk is full", "as it was", "free some")
    now = files_of(case_on_disk)
    assert {**now, "history.json": ""} == {**before, "history.json": ""}
    assert ask("info", case_on_disk, "--check", "--json").value["damaged_files"] == []


def test_a_running_solve_stops_with_a_sentence_and_goes_on_from_its_checkpoint(
    disk: SmallDisk, case_on_disk: Path, ask: Ask
) -> None:
    assert ask("simulate", case_on_disk, "--detach", "--ranks", 2, *SIMULATE).exit_code == 0
    folder = current_run(case_on_disk)
    wait_for(lambda: bool(checkpoints(folder)), "a first checkpoint")
    disk.fill(0)
    wait_for(lambda: has_ended(folder), "the end of a run on a full disk")
    step = checkpoints(folder)[-1]["step"]
    for _ in range(2):
        shown = ask("run", case_on_disk)
        assert shown.exit_code == 0 and shown.complaints == []
        assert "failed" in shown.out and "disk is full" in shown.out and "restart the run" in shown.out
    assert_refused(ask("results", case_on_disk), "disk is full")
    assert run_program("simulate", case_on_disk, "--restart").exit_code == 1, "there is still no space"
    disk.free()
    assert ask("simulate", case_on_disk, "--restart", "--detach", "--ranks", 2).exit_code == 0
    wait_for(lambda: last_step(folder) > step + 1 or has_ended(folder), "steps after the restart")
    assert ask("cancel", case_on_disk, "--json").value["status"] == "cancelled"
    assert_sound(case_on_disk, ask)


def test_a_solve_on_a_disk_that_is_full_already_is_refused(disk: SmallDisk, case_on_disk: Path, ask: Ask) -> None:
    disk.fill(5 * PAGE)
    assert ask("info", case_on_disk).exit_code == 0
    answer = ask("simulate", case_on_disk, "--restart", "--ranks", 1)
    assert_refused(answer, "disk is full", "free")
    disk.free()
    assert_sound(case_on_disk, ask)
