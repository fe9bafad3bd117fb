"""Families of runs: planned, solved through the launcher, gone on with, and put in a table."""

from __future__ import annotations

from pathlib import Path

import fake_slurm
import pytest
import tube_runs

from solvers.contract.errors import RunError
from solvers.contract.spec import RunSpec, read_spec
from solvers.launch import family, slurm

VARIATIONS = {"fluid.viscosity": ["0.0035", "0.02"], "inlets.inlet.flow": ["x1", "x0.5"]}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A prepared run of one short cycle."""
    tube_runs.write_tube_run(tmp_path / "base", steps=30, cycles=1)
    return tmp_path / "base"


def _silent(fraction: float, text: str) -> None:
    """No progress."""


def test_every_combination_gets_a_folder_with_its_own_spec(base: Path, tmp_path: Path) -> None:
    members = family.plan(base, tmp_path / "out", family.grid(VARIATIONS))
    assert [member.folder.name for member in members] == ["1", "2", "3", "4"]
    specs = [read_spec(member.folder) for member in members]
    assert [spec.fluid.viscosity for spec in specs] == [0.0035, 0.0035, 0.02, 0.02]
    whole, half = specs[2].inlets[0].flow.values, specs[3].inlets[0].flow.values
    assert [0.5 * value for value in whole] == pytest.approx(half)
    assert family.read_family(tmp_path / "out") == members


@pytest.mark.mpi
def test_a_family_is_solved_into_a_table_and_goes_on_where_it_was(base: Path, tmp_path: Path) -> None:
    members = family.plan(base, tmp_path / "out", family.grid({"fluid.viscosity": ["0.0035", "0.02"]}))
    family.solve(members[:1], 1, _silent)
    first = members[0].state
    family.solve(members, 1, _silent)
    assert members[0].state == first, "a finished run is not solved again"
    rows = family.table(members)
    assert [row["status"] for row in rows] == ["finished", "finished"]
    drops = [row["pressure_drop[outlet]"] for row in rows]
    assert drops[1] > 2.0 * drops[0] > 0.0, "thicker blood loses more pressure"
    lines = family.write_table(tmp_path / "out", rows).read_text().splitlines()
    assert len(lines) == 3 and lines[0].startswith("run,fluid.viscosity,status,code,")


@pytest.mark.mpi
def test_a_family_goes_through_the_queue(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_slurm.install(tmp_path / "queue")
    monkeypatch.setenv("PATH", fake_slurm.path_with(tmp_path / "queue"))
    monkeypatch.setattr(slurm, "ASK_AGAIN_SECONDS", 0.05)
    members = family.plan(base, tmp_path / "out", family.grid({"fluid.viscosity": ["0.004", "0.005"]}))
    family.solve(members, 1, _silent, slurm.SlurmOptions())
    assert [member.state.status for member in members] == ["queued", "queued"]
    assert [row["status"] for row in family.table(members)] == ["queued", "queued"]
    (tmp_path / "queue" / "go").touch()
    for member in members:
        handle = slurm.queued(member.folder)
        assert handle is not None and handle.wait(300).status == "finished"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("fluid.colour", "1", "knows density, viscosity"),
        ("outlets.left.r_distal", "1e9", "knows outlet"),
        ("fluid.viscosity", "thick", "not a number"),
        ("fluid.viscosity", "0", "must lie between"),
        ("inlets.inlet.flow", "3", "several values"),
        ("inlets.inlet.profile", "x2", "no number"),
        ("time.steps_per_cycle", "2.5", "whole number"),
    ],
)
def test_what_cannot_be_changed_so_is_refused_before_anything_is_written(
    base: Path, tmp_path: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(RunError, match=said):
        family.plan(base, tmp_path / "out", [{name: value}])
    assert not (tmp_path / "out").exists()


def test_a_family_needs_members_and_a_folder_of_its_own(base: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be solved"):
        family.plan(base, tmp_path / "out", [])
    with pytest.raises(RunError, match="not empty"):
        family.plan(base, base, [{"fluid.viscosity": "0.004"}])
    with pytest.raises(RunError, match="no family"):
        family.read_family(base)


def test_a_change_leaves_the_rest_of_the_spec_as_it_was(base: Path) -> None:
    spec = read_spec(base)
    assert isinstance(spec, RunSpec)
    assert family.changed(spec, {"outlets.outlet.c": "x1"}) == spec
    assert family.changed(spec, {"numerics.supg": "false"}).numerics.supg is False
